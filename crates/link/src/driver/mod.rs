//! The rules applied to real packets: what this machine allows, two places, and the thread between them.

mod mechanism;

#[cfg(target_os = "linux")]
mod device;
#[cfg(target_os = "linux")]
mod emulator;
#[cfg(target_os = "linux")]
mod lab;
#[cfg(target_os = "linux")]
mod packet;
#[cfg(target_os = "linux")]
mod place;
#[cfg(target_os = "linux")]
mod privilege;

#[cfg(not(target_os = "linux"))]
mod elsewhere;

#[cfg(not(target_os = "linux"))]
pub use elsewhere::{Lab, Place, acquire, pin_congestion_control};
#[cfg(target_os = "linux")]
pub use {
    lab::Lab,
    place::{Place, pin_congestion_control},
    privilege::acquire,
};

pub use mechanism::{LabError, Mechanism, Privilege, Refusal};

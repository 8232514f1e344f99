//! The link: real IP packets between two places of this machine, delayed, lost and held up on purpose.
//!
//! Two halves. [`rules`] decides what becomes of each packet: pure, seeded, told the time. The driver applies it: two
//! network namespaces with the kernel's own TCP and UDP in both, and a thread that carries packets from a TUN device in
//! the one to a TUN device in the other. Nothing imitates loss in a byte stream, and nothing of the kernel's own
//! emulation (netem) is needed, nor root where user namespaces are open.
//!
//! ```no_run
//! use wirelab_link::{Profile, Lab, acquire};
//!
//! let privilege = acquire(); // first thing in main: the process must have one thread
//! let profile = Profile::named("lossy-2").expect("it is in the catalogue");
//! let lab = Lab::start(&privilege, &profile, 1, std::time::Instant::now())?;
//! let listener = lab.server().within({
//!     let address = (lab.server_address(), 0);
//!     move || std::net::TcpListener::bind(address)
//! })??;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod driver;
pub mod rules;

pub use driver::{Lab, LabError, Mechanism, Place, Privilege, Refusal, acquire, pin_congestion_control};

pub use rules::{Counters, Direction, Dropped, FlowKey, Named, Profile, ProfileError, Shape};

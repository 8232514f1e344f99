//! The machine that measured, as far as it matters to who reads the figures.

use std::{fs, thread};

use super::result::Machine;

pub(crate) fn machine() -> Machine {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default(); // not Linux, or hidden: unknown
    let named = |text: String, key: &str| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(key))
            .unwrap_or("unknown");
        line.trim_start_matches([' ', '\t', ':', '='])
            .trim_matches('"')
            .to_owned()
    };
    Machine {
        os: named(read("/etc/os-release"), "PRETTY_NAME"),
        kernel: match read("/proc/sys/kernel/osrelease").trim() {
            "" => "unknown".into(),
            release => release.to_owned(),
        },
        cpu: named(read("/proc/cpuinfo"), "model name"),
        cores: thread::available_parallelism().map_or(0, std::num::NonZero::get),
    }
}

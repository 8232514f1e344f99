//! Values as people write them: addresses, hosts, times, counts and sizes, each within its range.

use std::{net::SocketAddr, ops::RangeInclusive, str::FromStr, time::Duration};

use wirelab_link::{Named, Profile};
use wirelab_server::{AuthorityError, Host, Network, NetworkError, Origin};

/// An IP address with a port.
pub(crate) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| "an address is an IP and a port, such as 127.0.0.1:8080 or [::1]:8080".into())
}

/// A host name or an IP address.
pub(crate) fn host(text: &str) -> Result<Host, String> {
    text.parse().map_err(|error: AuthorityError| error.to_string())
}

/// `scheme://host[:port]`.
pub(crate) fn origin(text: &str) -> Result<Origin, String> {
    text.parse().map_err(|error: AuthorityError| error.to_string())
}

/// A network of trusted proxies, or one's address.
pub(crate) fn network(text: &str) -> Result<Network, String> {
    text.parse().map_err(|error: NetworkError| error.to_string())
}

/// An address, or none on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OrOff {
    /// There.
    On(SocketAddr),
    /// Nowhere.
    Off,
}

impl FromStr for OrOff {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self::Off);
        }
        address(text)
            .map(Self::On)
            .map_err(|why| format!("{why}; off says that there is to be none"))
    }
}

/// A link that has a name.
pub(crate) fn profile(text: &str) -> Result<&'static Named, String> {
    let all = Profile::all();
    all.iter().find(|named| named.name == text).ok_or_else(|| {
        let names: Vec<_> = all.iter().map(|named| named.name).collect();
        format!("there is no profile {text:?}; there are {}", names.join(", "))
    })
}

/// A count such as `500`, `10k` or `2M`, within its range.
pub(crate) fn count(range: RangeInclusive<usize>) -> impl Fn(&str) -> Result<usize, String> + Clone {
    move |text| {
        let units = [("k", 1000), ("M", 1_000_000)];
        let value = number(text, &units).ok_or("a count is a whole number, such as 500 or 10k")?;
        within(value, &range, usize::to_string)
    }
}

/// A size such as `65536`, `64KiB` or `2MiB`, within its range.
pub(crate) fn bytes(range: RangeInclusive<usize>) -> impl Fn(&str) -> Result<usize, String> + Clone {
    move |text| {
        let value = number(text, &SIZES).ok_or("a size is a whole number of bytes, or such as 64KiB or 2MiB")?;
        within(value, &range, |&bytes| bytes_text(bytes))
    }
}

/// A time such as `250ms`, `10s` or `3m`, within its range.
pub(crate) fn time(range: RangeInclusive<Duration>) -> impl Fn(&str) -> Result<Duration, String> + Clone {
    move |text| {
        let value = humantime::parse_duration(text).map_err(|_| "a time has a unit, such as 250ms, 10s or 3m")?;
        within(value, &range, |&time| time_text(time))
    }
}

/// A size as it would be written.
pub(crate) fn bytes_text(bytes: usize) -> String {
    let fits = SIZES
        .iter()
        .rev()
        .find(|(_, unit)| bytes >= *unit && bytes.is_multiple_of(*unit));
    fits.map_or_else(|| bytes.to_string(), |(name, unit)| format!("{}{name}", bytes / unit))
}

/// A time as it would be written.
pub(crate) fn time_text(time: Duration) -> String {
    humantime::format_duration(time).to_string()
}

/// Units of size, rising.
const SIZES: [(&str, usize); 3] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

fn number(text: &str, units: &[(&str, usize)]) -> Option<usize> {
    let named = units
        .iter()
        .find_map(|(name, unit)| Some((text.strip_suffix(name)?, *unit)));
    let (digits, unit) = named.unwrap_or((text, 1));
    let plain = digits.bytes().all(|b| b.is_ascii_digit()); // `parse` would take a sign
    digits.parse::<usize>().ok().filter(|_| plain)?.checked_mul(unit)
}

fn within<T: PartialOrd>(value: T, range: &RangeInclusive<T>, text: impl Fn(&T) -> String) -> Result<T, String> {
    if range.contains(&value) {
        return Ok(value);
    }
    Err(format!(
        "it must be from {} to {}",
        text(range.start()),
        text(range.end())
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_sizes_have_units_and_ranges() {
        let count = count(1..=20_000);
        assert_eq!(count("500"), Ok(500));
        assert_eq!(count("10k"), Ok(10_000));
        for text in [
            "",
            "k",
            "-1",
            "+1",
            "1.5k",
            "1K",
            "10 k",
            "99999999999999999999",
            "9999999999999999999k",
        ] {
            assert!(count(text).expect_err(text).contains("whole number"), "{text}");
        }
        assert_eq!(count("0"), Err("it must be from 1 to 20000".into()));
        assert_eq!(count("2M"), Err("it must be from 1 to 20000".into()));

        let bytes = bytes(1024..=1 << 21);
        assert_eq!(bytes("2048"), Ok(2048));
        assert_eq!(bytes("64KiB"), Ok(65_536));
        assert_eq!(bytes("3MiB"), Err("it must be from 1KiB to 2MiB".into()));
        assert_eq!(bytes_text(1500), "1500");
    }

    #[test]
    fn times_have_units_and_ranges() {
        let time = time(Duration::from_millis(100)..=Duration::from_secs(3600));
        assert_eq!(time("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(time("1m 30s"), Ok(Duration::from_secs(90)));
        assert!(time("10").expect_err("no unit").contains("has a unit"));
        assert_eq!(time("2h"), Err("it must be from 100ms to 1h".into()));
    }

    #[test]
    fn addresses_are_literal() {
        assert!(address("127.0.0.1:0").is_ok() && address("[::]:8080").is_ok());
        for text in [
            "8080",
            ":8080",
            "localhost:8080",
            "127.0.0.1",
            "127.0.0.1:99999",
            "::1:80",
        ] {
            assert!(address(text).is_err(), "{text}");
        }
    }
}

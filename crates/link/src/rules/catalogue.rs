//! Profiles that have a name: data files, each with its source.

use std::sync::LazyLock;

use serde::Deserialize;

use super::profile::{Profile, Shape};

/// A profile with its name.
#[derive(Clone, Debug)]
pub struct Named {
    /// As on the command line.
    pub name: &'static str,
    /// In words.
    pub title: String,
    /// Where its figures come from.
    pub source: String,
    /// The link.
    pub profile: Profile,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    title: String,
    source: String,
    down: Shape,
    up: Shape,
}

macro_rules! files {
    ($($name:literal),*) => { [$(($name, include_str!(concat!("../../profiles/", $name, ".toml")))),*] };
}

static ALL: LazyLock<Vec<Named>> = LazyLock::new(|| {
    let files = files!(
        "lan",
        "wifi",
        "wifi-busy",
        "4g",
        "3g",
        "satellite",
        "lossy-2",
        "lossy-5",
        "train"
    );
    files.map(|(name, text)| read(name, text)).into()
});

fn read(name: &'static str, text: &str) -> Named {
    let File {
        title,
        source,
        down,
        up,
    } = toml::from_str(text).expect("the test of this file has read it");
    Named {
        name,
        title,
        source,
        profile: Profile { down, up },
    }
}

impl Profile {
    /// All that have a name.
    #[must_use]
    pub fn all() -> &'static [Named] {
        &ALL
    }

    /// The profile of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let named = ALL.iter().find(|named| named.name == name)?;
        Some(named.profile.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_reads_makes_sense_and_names_its_source() {
        for named in Profile::all() {
            assert_eq!(named.profile.validate(), Ok(()), "{}", named.name);
            assert!(named.source.len() > 20 && !named.title.is_empty(), "{}", named.name);
            let again: Profile =
                toml::from_str(&toml::to_string(&named.profile).expect("it serializes")).expect("it reads");
            assert_eq!(again, named.profile, "{}", named.name);
        }
    }
}

//! What is going to run: for each setting the same seeds, and the one without loss first.

use std::time::Duration;

use wirelab_link::{
    Profile,
    rules::{Loss, Share},
};

use super::args::Compare;

/// Before the window, so that connections have left their first moments behind.
pub(crate) const WARM_UP: Duration = Duration::from_secs(1);
/// After the window, for what is still on its way. What comes later counts as lost. SCTP waits a second and more for what
/// it repeats: with 2 s a reliable channel at 10 % loss and 100 ms showed a fifth as lost.
pub(crate) const DRAIN: Duration = Duration::from_secs(4);
/// What a run takes beside its window: namespaces, connecting, warm-up and drain.
const AROUND: Duration = Duration::from_secs(6);

/// One setting of the link, run with each seed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Point {
    pub(crate) label: String,
    /// Nothing is lost in it: what it shows is the tools' own.
    pub(crate) is_control: bool,
    pub(crate) profile: Profile,
}

/// Everything that is going to run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    pub(crate) points: Vec<Point>,
    pub(crate) seeds: Vec<u64>,
}

impl Plan {
    pub(crate) fn of(asked: &Compare) -> Self {
        let seeds = (0..u64::from(asked.repeat)).map(|n| asked.seed.wrapping_add(n));
        Self {
            points: match &asked.target {
                Some(_) => vec![direct()],
                None => over_links(asked),
            },
            seeds: seeds.collect(),
        }
    }

    /// How many runs, and how long they take at least.
    pub(crate) fn runs(&self) -> usize {
        self.points.len() * self.seeds.len()
    }

    /// How long so many runs take.
    pub(crate) fn time(runs: usize, window: Duration) -> Duration {
        (window + AROUND) * u32::try_from(runs).unwrap_or(u32::MAX)
    }
}

fn over_links(asked: &Compare) -> Vec<Point> {
    let link = asked.link();
    let mut points = vec![control(&link)];
    match &asked.sweep {
        Some(sweep) => points.extend(
            sweep
                .0
                .iter()
                .filter(|share| **share != Share::NONE)
                .map(|share| Point {
                    label: format!("loss {share}"),
                    is_control: false,
                    profile: with_loss(&link, Loss::Random(*share)),
                }),
        ),
        None if points[0].profile == link => {}
        None => points.push(Point {
            label: described(&link),
            is_control: false,
            profile: link,
        }),
    }
    points
}

/// Nothing is emulated.
fn direct() -> Point {
    Point {
        label: "direct".into(),
        is_control: false,
        profile: Profile::default(),
    }
}

fn control(link: &Profile) -> Point {
    Point {
        label: "loss 0%".into(),
        is_control: true,
        profile: with_loss(link, Loss::default()),
    }
}

fn with_loss(link: &Profile, loss: Loss) -> Profile {
    let mut profile = link.clone();
    (profile.down.loss, profile.up.loss) = (loss, loss);
    profile
}

fn described(link: &Profile) -> String {
    match link.down.loss {
        Loss::Random(share) => format!("loss {share}"),
        Loss::Outages { outages, mean } => {
            format!("outages {outages} of {} on average", humantime::format_duration(mean))
        }
        Loss::Bursts { bursts, length } => format!("loss {bursts} in bursts of {length}"),
    }
}

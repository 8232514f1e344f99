//! The server's side of the running link: how it stands, and the one task that speaks to the helper.

use std::{
    fmt,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use thiserror::Error;
use tokio::sync::{mpsc, oneshot};
use wirelab_link::{Profile, ProfileError};

use super::words::{Report, Request};

/// Requests that wait for the helper; more are refused.
const WAITING: usize = 16;

/// The link as the server knows it. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Keeper {
    shared: Arc<Shared>,
}

struct Shared {
    standing: Mutex<Standing>,
    /// To the task; none where there is no link.
    requests: Option<mpsc::Sender<Asked>>,
    /// One change at a time, from looking at the revision to the next one.
    setting: tokio::sync::Mutex<()>,
}

/// A request and where its answer goes.
pub(super) type Asked = (Request, oneshot::Sender<Report>);

/// How the link stands.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    /// Rises with each change.
    pub(super) revision: u64,
    pub(super) state: State,
}

#[derive(Clone, Debug)]
pub(super) enum State {
    /// Not wanted.
    Off,
    /// It could not be made.
    Unavailable {
        why: String,
    },
    Up(Box<Up>),
    /// It was up, and its helper has gone.
    Lost {
        why: String,
    },
}

/// A link that is up.
#[derive(Clone, Debug)]
pub(super) struct Up {
    pub(super) mechanism: String,
    pub(super) congestion: Option<String>,
    pub(super) seed: u64,
    /// Where browsers knock.
    pub(super) address: SocketAddr,
    /// Of the profile, if it has one.
    pub(super) name: Option<&'static str>,
    pub(super) profile: Profile,
}

/// Why the link was not set.
#[derive(Debug, Error)]
pub(super) enum SetError {
    #[error(transparent)]
    Profile(#[from] ProfileError),
    #[error(
        "the link was changed meanwhile: it is at revision {now}, and this was meant for revision {meant}. Look at it again"
    )]
    Changed { now: u64, meant: u64 },
    #[error("the link is not up: GET says why")]
    NotUp,
}

impl Keeper {
    /// Nobody wants one.
    pub(super) fn off() -> Self {
        Self::new(State::Off, None)
    }

    /// There can be none.
    pub(super) fn unavailable(why: String) -> Self {
        Self::new(State::Unavailable { why }, None)
    }

    /// One that is up, and what is to be asked of its helper.
    #[cfg(target_os = "linux")]
    pub(super) fn of(up: Up) -> (Self, mpsc::Receiver<Asked>) {
        let (requests, waiting) = mpsc::channel(WAITING);
        (Self::new(State::Up(Box::new(up)), Some(requests)), waiting)
    }

    fn new(state: State, requests: Option<mpsc::Sender<Asked>>) -> Self {
        Self {
            shared: Arc::new(Shared {
                standing: Mutex::new(Standing { revision: 1, state }),
                requests,
                setting: tokio::sync::Mutex::new(()),
            }),
        }
    }

    /// Why there is none, if one was wanted.
    pub(crate) fn why_not(&self) -> Option<String> {
        match &self.locked().state {
            State::Unavailable { why } | State::Lost { why } => Some(why.clone()),
            State::Off | State::Up(_) => None,
        }
    }

    /// For the lines that are printed at the start.
    pub(crate) fn profile_name(&self) -> Option<&'static str> {
        match &self.locked().state {
            State::Up(up) => up.name,
            State::Off | State::Unavailable { .. } | State::Lost { .. } => None,
        }
    }

    pub(super) fn standing(&self) -> Standing {
        self.locked().clone()
    }

    /// What the link has done. None: it is not up, or has just gone, or too many ask.
    pub(super) async fn report(&self) -> Option<Report> {
        self.ask(Request::Report).await
    }

    /// Makes the link like this. `meant` is the revision that the change was meant for, if the one who asks cares.
    ///
    /// # Errors
    /// The profile makes no sense, somebody else was first, or the link is not up.
    pub(super) async fn set(
        &self,
        profile: Profile,
        name: Option<&'static str>,
        meant: Option<u64>,
    ) -> Result<Report, SetError> {
        profile.validate()?;
        let _alone = self.shared.setting.lock().await;
        let now = self.locked().revision;
        if let Some(meant) = meant.filter(|meant| *meant != now) {
            return Err(SetError::Changed { now, meant });
        }
        let report = self
            .ask(Request::Set(Box::new(profile.clone())))
            .await
            .ok_or(SetError::NotUp)?;
        let mut standing = self.locked();
        let State::Up(up) = &mut standing.state else {
            return Err(SetError::NotUp);
        };
        (up.profile, up.name) = (profile, name);
        standing.revision += 1;
        Ok(report)
    }

    async fn ask(&self, request: Request) -> Option<Report> {
        let (answer, answered) = oneshot::channel();
        self.shared.requests.as_ref()?.try_send((request, answer)).ok()?;
        answered.await.ok()
    }

    /// Says that the helper has gone.
    #[cfg(target_os = "linux")]
    pub(super) fn lost(&self, why: String) {
        tracing::error!(%why, "the emulated link is lost; everything else goes on");
        let mut standing = self.locked();
        standing.state = State::Lost { why };
        standing.revision += 1;
    }

    fn locked(&self) -> MutexGuard<'_, Standing> {
        self.shared.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Keeper").field(&self.standing()).finish()
    }
}

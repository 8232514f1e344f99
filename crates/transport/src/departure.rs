//! Leaving is a value: the closed set of reasons for which a connection ends, counted and told.

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each has its sentence in `Departure::sentence`")]
pub enum Departure {
    Gone,
    Closed,
    Drain,
    Slow,
    Stalled,
    Silent,
    Binary,
    InvalidUtf8,
    TooLarge,
    Protocol,
    Misuse,
    Policy,
    TryLater,
}

impl Departure {
    /// The reason as a word for logs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Closed => "closed",
            Self::Drain => "drain",
            Self::Slow => "slow",
            Self::Stalled => "stalled",
            Self::Silent => "silent",
            Self::Binary => "binary",
            Self::InvalidUtf8 => "invalid-utf8",
            Self::TooLarge => "too-large",
            Self::Protocol => "protocol",
            Self::Misuse => "misuse",
            Self::Policy => "policy",
            Self::TryLater => "try-later",
        }
    }

    /// The reason as a sentence for the peer. At most 123 bytes, so that it fits a close frame (RFC 6455, 5.5).
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Gone => "the peer went away",
            Self::Closed => "closed as asked",
            Self::Drain => "the server is going away, connect again",
            Self::Slow => "the reader fell behind and asked to be disconnected then",
            Self::Stalled => "nothing was read for too long",
            Self::Silent => "nothing was heard for two heartbeats",
            Self::Binary => "text frames only on this path",
            Self::InvalidUtf8 => "the text is not UTF-8",
            Self::TooLarge => "the message is larger than this path takes",
            Self::Protocol => "the frame breaks RFC 6455",
            Self::Misuse => "too many commands that cannot be carried out",
            Self::Policy => "this is not allowed here",
            Self::TryLater => "a limit of this server is reached, try again later",
        }
    }
}

//! What a TURN server's error codes mean, and what to try next. One table for the checks and for docs/verify/turn.md.

/// What a code means, and what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Explained {
    pub(super) code: u16,
    pub(super) means: &'static str,
    pub(super) next: &'static str,
}

/// Every code that a TURN server gives (RFC 8489, RFC 8656, RFC 6062, RFC 8016).
pub(super) const CODES: &[Explained] = &[
    Explained {
        code: 300,
        means: "the server sends its clients elsewhere",
        next: "give the URL of the server that it names, or look why it has no room (coturn: alternate-server)",
    },
    Explained {
        code: 400,
        means: "the server does not understand the request",
        next: "look whether something between changes packets, or whether the port is another service's",
    },
    Explained {
        code: 401,
        means: "the credential is refused",
        next: "compare the secret on both sides (coturn: static-auth-secret; wirelab: --turn-secret-file), then the \
               clocks, since an expired username is refused in the same words",
    },
    Explained {
        code: 403,
        means: "the server does not relay to this peer",
        next: "right for private addresses; for a peer that has to be reached: coturn's allowed-peer-ip, which wins over \
               denied-peer-ip",
    },
    Explained {
        code: 405,
        means: "the credential was given to another application",
        next: "ask for a credential of this server's own",
    },
    Explained {
        code: 420,
        means: "the server does not know an attribute that it has to understand",
        next: "update the TURN server: it is older than RFC 5766",
    },
    Explained {
        code: 437,
        means: "the server has an allocation for this address and port already, or has lost the one that was meant",
        next: "try again from another port; if it comes again and again, look whether a load balancer sends packets of \
               one client to several servers",
    },
    Explained {
        code: 438,
        means: "the nonce is old",
        next: "harmless once: the client takes the new one; again and again it says that the requests reach several \
               servers that do not share nonces",
    },
    Explained {
        code: 440,
        means: "the server has no relay of this address family",
        next: "give the server a relay address of the family (coturn: relay-ip), or offer the other one",
    },
    Explained {
        code: 441,
        means: "the allocation was made with another credential",
        next: "refresh with the username that allocated, or allocate anew after it changed",
    },
    Explained {
        code: 442,
        means: "the server does not relay this protocol",
        next: "allow UDP relaying (coturn: take out no-udp-relay): WebRTC uses nothing else",
    },
    Explained {
        code: 443,
        means: "the peer's address is of another family than the relay's",
        next: "IPv4 peers need an IPv4 relay and IPv6 peers an IPv6 one: give the server both (coturn: relay-ip twice)",
    },
    Explained {
        code: 446,
        means: "there is a TCP connection to this peer already",
        next: "use the one there is",
    },
    Explained {
        code: 447,
        means: "the relay does not reach the peer over TCP",
        next: "look at the firewall between relay and peer",
    },
    Explained {
        code: 486,
        means: "this user has as many allocations as it may",
        next: "raise the quota (coturn: user-quota, total-quota), or wait until old allocations expire, 10 minutes at most",
    },
    Explained {
        code: 487,
        means: "both sides of a check think they control it",
        next: "a connectivity check has reached the TURN port: the URL names a peer and no TURN server",
    },
    Explained {
        code: 500,
        means: "the server failed",
        next: "read its log, then try again",
    },
    Explained {
        code: 508,
        means: "the server has no relay port or bandwidth left",
        next: "widen the port range (coturn: min-port, max-port) and publish it, or raise total-quota and bps-capacity",
    },
];

/// What a code means. Codes that no standard has are told as they are.
pub(super) fn explain(code: u16) -> Explained {
    let known = CODES.iter().find(|explained| explained.code == code);
    known.copied().unwrap_or(Explained {
        code,
        means: "no standard has this code",
        next: "read the server's log for it",
    })
}

//! The hub: who is in which room, and who is told what. Pure; order in is order out, so it is kept for each pair.

use std::collections::HashMap;

use wirelab_model::signal::{Other, Refusal, RefusedCode, SERVER, ToHub, ToPeer, is_room};

/// Bounds of the hub.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) rooms: usize,
    /// Without the server's own.
    pub(crate) peers_per_room: usize,
}

/// All rooms.
#[derive(Debug)]
pub(crate) struct Hub {
    limits: Limits,
    /// Their peers, in the order in which they joined.
    rooms: HashMap<String, Vec<String>>,
    room_of: HashMap<String, String>,
}

/// What is to be said, and to whom.
pub(crate) type Said = Vec<(String, ToPeer)>;

impl Hub {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            rooms: HashMap::new(),
            room_of: HashMap::new(),
        }
    }

    pub(crate) fn rooms(&self) -> usize {
        self.rooms.len()
    }

    pub(crate) fn peers(&self) -> usize {
        self.room_of.len()
    }

    /// `peer` says `signal`.
    pub(crate) fn handle(&mut self, peer: &str, signal: ToHub) -> Said {
        let said = match signal {
            ToHub::Join { room } => self.join(peer, room),
            ToHub::Leave => return self.vanish(peer),
            ToHub::Offer { to, sdp } => self.relay(peer, to, |from| ToPeer::Offer { from, sdp }),
            ToHub::Answer { to, sdp } => self.relay(peer, to, |from| ToPeer::Answer { from, sdp }),
            ToHub::Candidate { to, candidate } => self.relay(peer, to, |from| ToPeer::Candidate { from, candidate }),
        };
        said.unwrap_or_else(|refusal| vec![(peer.to_owned(), ToPeer::Refused(refusal))])
    }

    /// `peer` is gone, with or without a word.
    pub(crate) fn vanish(&mut self, peer: &str) -> Said {
        let Some(room) = self.room_of.remove(peer) else {
            return Vec::new();
        };
        let Some(peers) = self.rooms.get_mut(&room) else {
            return Vec::new();
        };
        peers.retain(|other| other != peer);
        let left = |other: &String| (other.clone(), ToPeer::PeerLeft { id: peer.to_owned() });
        let said = peers.iter().map(left).collect();
        if peers.is_empty() {
            self.rooms.remove(&room);
        }
        said
    }

    fn join(&mut self, peer: &str, room: String) -> Result<Said, Refusal> {
        if self.room_of.contains_key(peer) {
            return refuse(RefusedCode::BadOrder, "you are in a room already; leave it first", None);
        }
        if !is_room(&room) {
            let why = "a room is called by 1 to 64 letters, digits, - and _";
            return refuse(RefusedCode::BadRoom, why, None);
        }
        if !self.rooms.contains_key(&room) && self.rooms.len() >= self.limits.rooms {
            return refuse(
                RefusedCode::Limit,
                "there are as many rooms as there may be; try again later",
                None,
            );
        }
        let peers = self.rooms.entry(room.clone()).or_default();
        if peers.len() >= self.limits.peers_per_room {
            return refuse(RefusedCode::Limit, "the room is full; take another", None);
        }
        // Of each pair the later one to join is polite.
        let newcomer = |other: &String| {
            let id = peer.to_owned();
            (other.clone(), ToPeer::PeerJoined(Other { id, polite: false }))
        };
        let told: Said = peers.iter().map(newcomer).collect();
        let there = std::iter::once(SERVER.to_owned()).chain(peers.iter().cloned());
        let welcome = ToPeer::Welcome {
            you: peer.to_owned(),
            room: room.clone(),
            peers: there.map(|id| Other { id, polite: true }).collect(),
            ice_servers: Vec::new(), // the shell knows where the peer is, and mints for it
        };
        peers.push(peer.to_owned());
        self.room_of.insert(peer.to_owned(), room);
        Ok(std::iter::once((peer.to_owned(), welcome)).chain(told).collect())
    }

    fn relay(&self, peer: &str, to: String, signal: impl FnOnce(String) -> ToPeer) -> Result<Said, Refusal> {
        let there = match (peer, &*to) {
            (SERVER, _) => self.room_of.contains_key(&to),
            _ if !self.room_of.contains_key(peer) => {
                return refuse(RefusedCode::BadOrder, "join a room first", Some(to));
            }
            (_, SERVER) => true,
            _ => to != peer && self.room_of.get(&to) == self.room_of.get(peer),
        };
        if !there {
            let why = "there is no such peer in your room, or it has left";
            return refuse(RefusedCode::NoSuchPeer, why, Some(to));
        }
        Ok(vec![(to, signal(peer.to_owned()))])
    }
}

fn refuse(code: RefusedCode, message: &str, to: Option<String>) -> Result<Said, Refusal> {
    Err(Refusal {
        code,
        message: message.to_owned(),
        to,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        rooms: 2,
        peers_per_room: 3,
    };

    /// Runs a script, one step a line: `peer: signal` and, indented, everything that is said then.
    fn check(script: &str) {
        let mut hub = Hub::new(LIMITS);
        let mut lines = script.lines().map(str::trim).filter(|line| !line.is_empty()).peekable();
        while let Some(step) = lines.next() {
            let (peer, signal) = step.split_once(": ").expect("a step");
            let said = match signal {
                "vanishes" => hub.vanish(peer),
                _ => hub.handle(peer, read(signal)),
            };
            let said: Vec<String> = said
                .iter()
                .map(|(to, signal)| format!("-> {to}: {}", show(signal)))
                .collect();
            let mut expected = Vec::new();
            while let Some(line) = lines.next_if(|line| line.starts_with("->")) {
                expected.push(line.to_owned());
            }
            assert_eq!(said, expected, "after {step:?}");
        }
    }

    fn read(text: &str) -> ToHub {
        let words: Vec<_> = text.split(' ').collect();
        let word = |n: usize| words[n].to_owned();
        match words[0] {
            "join" => ToHub::Join { room: word(1) },
            "offer" => ToHub::Offer {
                to: word(1),
                sdp: word(2),
            },
            "answer" => ToHub::Answer {
                to: word(1),
                sdp: word(2),
            },
            "candidate" => ToHub::Candidate {
                to: word(1),
                candidate: Some(word(2).into()),
            },
            "end" => ToHub::Candidate {
                to: word(1),
                candidate: None,
            },
            "leave" => ToHub::Leave,
            other => panic!("no signal {other}"),
        }
    }

    fn show(signal: &ToPeer) -> String {
        match signal {
            ToPeer::Welcome { you, peers, .. } => {
                let peers: Vec<_> = peers
                    .iter()
                    .map(|Other { id, polite }| format!("{id} {polite}"))
                    .collect();
                format!("welcome {you} [{}]", peers.join(", "))
            }
            ToPeer::PeerJoined(Other { id, polite }) => format!("joined {id} {polite}"),
            ToPeer::PeerLeft { id } => format!("left {id}"),
            ToPeer::Offer { from, sdp } => format!("offer {from} {sdp}"),
            ToPeer::Answer { from, sdp } => format!("answer {from} {sdp}"),
            ToPeer::Candidate {
                from,
                candidate: Some(candidate),
            } => format!("candidate {from} {candidate}"),
            ToPeer::Candidate { from, candidate: None } => format!("end {from}"),
            ToPeer::Refused(Refusal { code, to, .. }) => format!("refused {code:?} {}", to.as_deref().unwrap_or("-")),
        }
    }

    #[test]
    fn the_later_one_is_polite_and_the_server_is_always_there() {
        check(
            "a: join r
             -> a: welcome a [server true]
             b: join r
             -> b: welcome b [server true, a true]
             -> a: joined b false
             c: join r
             -> c: welcome c [server true, a true, b true]
             -> a: joined c false
             -> b: joined c false",
        );
    }

    #[test]
    fn signals_go_to_whom_they_are_for_in_their_order() {
        check(
            "a: join r
             -> a: welcome a [server true]
             b: join r
             -> b: welcome b [server true, a true]
             -> a: joined b false
             b: offer a 1
             -> a: offer b 1
             a: offer b 2
             -> b: offer a 2
             b: candidate a 3
             -> a: candidate b \"3\"
             a: answer b 4
             -> b: answer a 4
             b: end a
             -> a: end b
             a: offer server 5
             -> server: offer a 5
             server: answer a 6
             -> a: answer server 6",
        );
    }

    #[test]
    fn who_left_cannot_be_reached_and_the_room_knows() {
        check(
            "a: join r
             -> a: welcome a [server true]
             b: join r
             -> b: welcome b [server true, a true]
             -> a: joined b false
             x: join other
             -> x: welcome x [server true]
             b: vanishes
             -> a: left b
             a: offer b 1
             -> a: refused NoSuchPeer b
             a: offer x 1
             -> a: refused NoSuchPeer x
             a: offer a 1
             -> a: refused NoSuchPeer a
             server: answer b 1
             -> server: refused NoSuchPeer b
             b: vanishes
             b: offer a 1
             -> b: refused BadOrder a
             b: join r
             -> b: welcome b [server true, a true]
             -> a: joined b false
             a: leave
             -> b: left a
             a: leave",
        );
    }

    #[test]
    fn bounds_are_told() {
        check(
            "a: join r
             -> a: welcome a [server true]
             a: join r
             -> a: refused BadOrder -
             b: join r/s
             -> b: refused BadRoom -
             b: join s
             -> b: welcome b [server true]
             c: join t
             -> c: refused Limit -
             c: join r
             -> c: welcome c [server true, a true]
             -> a: joined c false
             d: join r
             -> d: welcome d [server true, a true, c true]
             -> a: joined d false
             -> c: joined d false
             e: join r
             -> e: refused Limit -
             b: leave
             e: join t
             -> e: welcome e [server true]",
        );
    }

    #[test]
    fn a_thousand_who_come_and_go_leave_nothing() {
        let mut hub = Hub::new(Limits {
            rooms: 1_000,
            peers_per_room: 1_000,
        });
        for n in 0..1_000 {
            hub.handle(
                &format!("p{n}"),
                ToHub::Join {
                    room: format!("r{}", n % 10),
                },
            );
        }
        assert_eq!((hub.rooms(), hub.peers()), (10, 1_000));
        for n in 0..1_000 {
            hub.vanish(&format!("p{n}"));
        }
        assert_eq!((hub.rooms(), hub.peers()), (0, 0));
        assert!(hub.rooms.is_empty() && hub.room_of.is_empty());
    }
}

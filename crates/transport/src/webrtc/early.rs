//! What a client keeps back until the SCTP handshake has ended.
//!
//! Where COOKIE-ACK is lost or overtaken, the server's first message comes before it. webrtc 0.21.1 acknowledges that one
//! and reads it with COOKIE-ACK, before it has made the channel, so it is gone. DTLS hides what a record holds but not its
//! length: the first record is INIT-ACK, COOKIE-ACK is the smallest that there is, and every message is larger.

use std::{
    collections::VecDeque,
    io::{self, IoSliceMut},
    net::SocketAddr,
    task::{Context, Poll},
};

use webrtc::runtime::RecvMeta;

use super::port::{Inbox, fill};

/// DTLS application data, which is SCTP.
const APPLICATION_DATA: u8 = 23;
/// Most bytes of a record around COOKIE-ACK: 16, and at most twice that for DTLS. `hello` alone is longer.
const COOKIE_ACK_BYTES: usize = 100;
/// Records that are kept. SCTP sends again what is dropped.
const MOST_KEPT: usize = 16;

/// The records of one seat.
#[derive(Debug, Default)]
pub(super) struct Early {
    stage: Stage,
    kept: VecDeque<(Box<[u8]>, SocketAddr)>,
}

/// What is awaited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    InitAck,
    CookieAck,
    Nothing,
}

impl Early {
    /// Fills one buffer with what may be read now.
    pub(super) fn poll(
        &mut self,
        inbox: &Inbox,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        loop {
            if self.stage == Stage::Nothing
                && let Some((datagram, from)) = self.kept.pop_front()
            {
                fill(&mut bufs[0], &mut meta[0], &datagram, from);
                return Poll::Ready(Ok(1));
            }
            let received = inbox.poll(cx, &mut bufs[..1], &mut meta[..1]);
            if !matches!(received, Poll::Ready(Ok(1))) {
                return received;
            }
            let datagram = &bufs[0][..meta[0].len];
            if self.admits(datagram) {
                return received;
            }
            if self.kept.len() < MOST_KEPT {
                self.kept.push_back((datagram.into(), meta[0].addr));
            }
        }
    }

    fn admits(&mut self, datagram: &[u8]) -> bool {
        if datagram.first() != Some(&APPLICATION_DATA) {
            return true;
        }
        match self.stage {
            Stage::InitAck => self.stage = Stage::CookieAck,
            Stage::CookieAck if datagram.len() > COOKIE_ACK_BYTES => return false,
            Stage::CookieAck | Stage::Nothing => self.stage = Stage::Nothing,
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    #[test]
    fn messages_wait_for_the_end_of_the_handshake_in_their_order() {
        let (mut early, inbox) = (Early::default(), Inbox::default());
        let from = ([192, 0, 2, 7], 1).into();
        let record = |mark: u8, bytes: usize| [&[APPLICATION_DATA, mark][..], &vec![0; bytes - 2]].concat();
        let mut read = |arrived: &[Vec<u8>]| {
            for datagram in arrived {
                assert!(inbox.push(datagram, from));
            }
            let (mut buffer, mut meta) = ([0; 2000], [RecvMeta::default()]);
            let mut marks = Vec::new();
            while let Poll::Ready(Ok(_)) = early.poll(
                &inbox,
                &mut Context::from_waker(Waker::noop()),
                &mut [IoSliceMut::new(&mut buffer)],
                &mut meta,
            ) {
                marks.push(buffer[1]);
            }
            marks
        };
        let flight: Vec<u8> = vec![22, 9, 0];
        assert_eq!(read(&[flight.clone(), record(1, 400)]), [9, 1], "INIT-ACK is large");
        assert!(read(&[record(2, 200), record(3, 200)]).is_empty(), "messages");
        assert_eq!(read(&[flight]), [9], "other than SCTP goes on");
        assert_eq!(read(&[record(4, 53)]), [4, 2, 3], "COOKIE-ACK, and what waited for it");
        assert_eq!(read(&[record(5, 200)]), [5]);
        assert_eq!(early.kept.len(), 0);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut early = Early {
            stage: Stage::CookieAck,
            ..Early::default()
        };
        let inbox = Inbox::default();
        for _ in 0..100 {
            assert!(inbox.push(&[APPLICATION_DATA; 200], ([192, 0, 2, 7], 1).into()));
        }
        let (mut buffer, mut meta) = ([0; 2000], [RecvMeta::default()]);
        let polled = early.poll(
            &inbox,
            &mut Context::from_waker(Waker::noop()),
            &mut [IoSliceMut::new(&mut buffer)],
            &mut meta,
        );
        assert!(polled.is_pending());
        assert_eq!(early.kept.len(), MOST_KEPT);
    }
}

//! A line of JSON with open files beside it, over a Unix socket (`SCM_RIGHTS`, unix(7)).

use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::{
        fd::{BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};
use serde::{Serialize, de::DeserializeOwned};

use super::words::MOST_LINE_BYTES;

/// Files with one line: a listener and a few UDP sockets.
const MOST_FILES: usize = 8;

/// Sends words, and the files with their first byte.
pub(super) fn send(stream: &UnixStream, words: &impl Serialize, files: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut line = serde_json::to_vec(words)?;
    line.push(b'\n');
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_FILES))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    if !files.is_empty() && !beside.push(SendAncillaryMessage::ScmRights(files)) {
        return Err(io::Error::other("more files than go with one line"));
    }
    let mut sent = 0;
    while sent < line.len() {
        // A broken pipe is an error here and not a signal.
        sent += sendmsg(stream, &[IoSlice::new(&line[sent..])], &mut beside, SendFlags::NOSIGNAL)?;
        beside.clear();
    }
    Ok(())
}

/// Receives words and the files that come with them. Blocks until the line is whole; there must be nothing behind it,
/// which holds while each side waits for the other's answer.
pub(super) fn receive<T: DeserializeOwned>(stream: &UnixStream) -> io::Result<(T, Vec<OwnedFd>)> {
    let (mut line, mut files) = (Vec::new(), Vec::new());
    while line.last() != Some(&b'\n') {
        let mut piece = [0; 4096];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_FILES))];
        let mut beside = RecvAncillaryBuffer::new(&mut space);
        let received = recvmsg(
            stream,
            &mut [IoSliceMut::new(&mut piece)],
            &mut beside,
            RecvFlags::CMSG_CLOEXEC,
        )?;
        for message in beside.drain() {
            if let RecvAncillaryMessage::ScmRights(more) = message {
                files.extend(more);
            }
        }
        if received.bytes == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        line.extend_from_slice(&piece[..received.bytes]);
        if line.len() > MOST_LINE_BYTES {
            return Err(io::Error::other("a line without end"));
        }
    }
    Ok((serde_json::from_slice(&line)?, files))
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        os::fd::AsFd as _,
    };

    use super::*;

    #[test]
    fn words_arrive_with_their_files() {
        let (here, there) = UnixStream::pair().expect("a pair");
        let (mut reader, writer) = io::pipe().expect("a pipe");
        let long = "x".repeat(MOST_LINE_BYTES / 2); // more than one piece
        send(&here, &long, &[writer.as_fd()]).expect("sent");
        drop(writer);
        let (words, files): (String, _) = receive(&there).expect("received");
        assert_eq!((words, files.len()), (long, 1));
        let mut passed = std::fs::File::from(files.into_iter().next().expect("the writer"));
        passed.write_all(b"hello").expect("it is the same pipe");
        drop(passed);
        let mut text = String::new();
        reader.read_to_string(&mut text).expect("nobody else holds the writer");
        assert_eq!(text, "hello");
    }

    #[test]
    fn an_end_and_a_flood_are_errors() {
        let (here, there) = UnixStream::pair().expect("a pair");
        let flood = std::thread::spawn(move || send(&here, &"x".repeat(2 * MOST_LINE_BYTES), &[]));
        assert!(receive::<String>(&there).is_err(), "a line has a limit");
        drop(there);
        drop(flood.join());
        let (here, there) = UnixStream::pair().expect("a pair");
        drop(here);
        let ended = receive::<String>(&there).expect_err("nobody is there");
        assert_eq!(ended.kind(), io::ErrorKind::UnexpectedEof);
    }
}

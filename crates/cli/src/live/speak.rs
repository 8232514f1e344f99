//! The task that speaks to the helper, and notices when it goes.

use std::{
    io,
    process::Child,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::UnixStream,
    sync::mpsc,
    task::AbortHandle,
    time::timeout,
};

use super::{
    keeper::{Asked, Keeper},
    words::MOST_LINE_BYTES,
};

/// How long the helper may take for an answer. It does nothing else, so more says that it is stuck.
const ANSWER_TIME: Duration = Duration::from_secs(5);

/// The process, the socket to it, and what is to be asked of it.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) stream: std::os::unix::net::UnixStream,
    pub(super) child: Child,
    pub(super) waiting: mpsc::Receiver<Asked>,
}

/// The helper, started. Without a link there is nothing in it.
#[derive(Debug)]
pub(crate) struct Helper(pub(super) Option<Started>);

/// The helper, watched.
pub(crate) struct Watch(Option<(Arc<Mutex<Child>>, AbortHandle)>);

impl Helper {
    /// Begins to speak to it for the keeper, and to notice when it goes. Must be called within a runtime.
    ///
    /// # Errors
    /// The socket cannot be used.
    pub(crate) fn watch(self, keeper: &Keeper) -> io::Result<Watch> {
        let Some(Started { stream, child, waiting }) = self.0 else {
            return Ok(Watch(None));
        };
        stream.set_nonblocking(true)?;
        let child = Arc::new(Mutex::new(child));
        let stream = UnixStream::from_std(stream)?;
        let task = tokio::spawn(speak(keeper.clone(), stream, Arc::clone(&child), waiting));
        Ok(Watch(Some((child, task.abort_handle()))))
    }
}

impl Watch {
    /// Ends the helper and waits for it. It has nothing to save.
    pub(crate) fn end(self) {
        if let Some((child, task)) = self.0 {
            task.abort(); // its end is no loss now
            let mut child = child.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = child.kill(); // it may have ended by itself
            let _ = child.wait();
        }
    }
}

async fn speak(keeper: Keeper, stream: UnixStream, child: Arc<Mutex<Child>>, mut waiting: mpsc::Receiver<Asked>) {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    let why = loop {
        let mut line = Vec::new();
        tokio::select! {
            // It says nothing unasked, so this is its end.
            _ = reader.fill_buf() => break "has ended",
            asked = waiting.recv() => {
                let Some((request, answer)) = asked else { return };
                let exchange = async {
                    line = serde_json::to_vec(&request)?;
                    line.push(b'\n');
                    writer.write_all(&line).await?;
                    line.clear();
                    (&mut reader).take(MOST_LINE_BYTES as u64).read_until(b'\n', &mut line).await?;
                    Ok::<_, io::Error>(serde_json::from_slice(&line)?)
                };
                match timeout(ANSWER_TIME, exchange).await {
                    Ok(Ok(report)) => drop(answer.send(report)), // the one who asked may have gone
                    Ok(Err(_)) => break "has ended",
                    Err(_) => break "did not answer and was ended",
                }
            }
        }
    };
    let ended = tokio::task::spawn_blocking(move || {
        let mut child = child.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = child.kill(); // it may have ended by itself
        child.wait()
    });
    let how = match ended.await {
        Ok(Ok(status)) => status.to_string(),
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    };
    keeper.lost(format!(
        "the helper process that carries the link {why} ({how}): start wirelab again to have the link back"
    ));
}

//! Processes of the bench's own: this program, started as one of its hidden parts. They are told one JSON object a line on
//! stdin and answer so on stdout. When stdin closes they end, so that none outlives who started it, however that ended.

use std::{io, process::Stdio, time::Duration};

use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

/// How long a child may take to be gone once its stdin is closed.
const END: Duration = Duration::from_secs(5);

/// Why there is no child, or no answer from it.
#[derive(Debug, Error)]
pub(crate) enum ChildError {
    #[error("the system does not start another process of this program: {0}")]
    Start(io::Error),
    #[error("a process of the bench ended: {0}")]
    Ended(String),
    #[error("a process of the bench says what is not understood: {0}")]
    Words(#[from] serde_json::Error),
}

/// A process of this program's.
#[derive(Debug)]
pub(crate) struct Part {
    child: Child,
    say: ChildStdin,
    hear: Lines<BufReader<ChildStdout>>,
}

impl Part {
    /// Starts a hidden part.
    pub(crate) fn start(part: &str) -> Result<Self, ChildError> {
        let program = std::env::current_exe().map_err(ChildError::Start)?;
        let mut command = Command::new(program);
        command
            .arg(part)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0); // Ctrl-C is for who started it, who then ends it in order
        let mut child = command.spawn().map_err(ChildError::Start)?;
        let (Some(say), Some(hear)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(ChildError::Ended("it has no pipes".into()));
        };
        Ok(Self {
            child,
            say,
            hear: BufReader::new(hear).lines(),
        })
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    pub(crate) async fn say(&mut self, words: &impl Serialize) -> Result<(), ChildError> {
        let line = serde_json::to_string(words)? + "\n";
        let said = self.say.write_all(line.as_bytes()).await;
        said.map_err(|error| ChildError::Ended(error.to_string()))
    }

    pub(crate) async fn hear<T: DeserializeOwned>(&mut self) -> Result<T, ChildError> {
        match self.hear.next_line().await {
            Ok(Some(line)) => Ok(serde_json::from_str(&line)?),
            Ok(None) => {
                let status = timeout(END, self.child.wait()).await;
                Err(ChildError::Ended(match status {
                    Ok(Ok(status)) => status.to_string(),
                    _ => "it says nothing more".into(),
                }))
            }
            Err(error) => Err(ChildError::Ended(error.to_string())),
        }
    }

    /// Ends it, and waits until it is gone.
    pub(crate) async fn end(self) {
        let Self { mut child, say, .. } = self;
        drop(say);
        if timeout(END, child.wait()).await.is_err() {
            let _ = child.kill().await; // it is gone already
        }
    }
}

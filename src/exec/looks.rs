//! Looks at folders on drives that may be dead: taken by another process, waited for a moment before a run begins, and
//! for a while longer as it goes on, while it holds nobody else up.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::exec::clock::Clock;
use crate::exec::control::Control;
use crate::exec::helper::Answer;
use crate::exec::process::{Process, Sink};
use crate::exec::session::Sessions;
use crate::exec::supervise::supervise;
use crate::git::command::Git;
use crate::git::worktree_folder::{Found, Look};

/// So long everybody waits for them. A drive that is there has answered by then.
const MOMENT: Duration = Duration::from_millis(250);
/// So long the worktrees themselves wait: a drive may have to be woken up.
const LONGEST: Duration = Duration::from_secs(2);

/// What is known of the folders that were looked at so.
#[derive(Clone, Debug, Default)]
pub struct Looks(Arc<Known>);

#[derive(Debug, Default)]
struct Known {
    state: Mutex<State>,
    news: Notify,
}

#[derive(Debug, Default)]
struct State {
    found: HashMap<PathBuf, Found>,
    /// How many have not answered yet; none are waited for any more when nobody looks.
    open: usize,
}

/// What has come of a look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The folder has answered.
    Found(Box<Found>),
    /// It may still.
    NotYet,
    /// It has not, and is not waited for any more.
    Never,
}

impl Looks {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What has come of the look at a folder.
    pub fn seen(&self, folder: &Path) -> Seen {
        let state = self.state();
        match state.found.get(folder) {
            Some(found) => Seen::Found(Box::new(found.clone())),
            None if state.open > 0 => Seen::NotYet,
            None => Seen::Never,
        }
    }

    /// Starts to look, and gives what has been found in a [`MOMENT`]. The looking goes on, as long as the runtime runs.
    pub(super) async fn begin(&self, git: &Git, sessions: &Arc<Sessions>, looks: &[Look]) -> Vec<Option<Found>> {
        self.state().open = looks.len();
        let mut invocation = git.looking();
        let answers = Answers {
            to: self.clone(),
            looks: looks.iter().map(|look| look.path().to_owned()).collect(),
            line: Vec::new(),
        };
        // A path of any bytes has its form there; what could not be written would not be answered.
        invocation.input = serde_json::to_vec(looks).ok();
        match Process::spawn(&invocation, sessions, answers) {
            Ok(mut process) => {
                let known = self.clone();
                tokio::spawn(async move {
                    let (clock, (_phase, mut control)) = (Clock::default(), Control::new());
                    let looking = supervise(&mut process, None, Duration::ZERO, &clock, &mut control);
                    // Nobody waits for its end: it may never come.
                    let _ = tokio::time::timeout(LONGEST, looking).await;
                    known.over();
                });
                let _ = tokio::time::timeout(MOMENT, self.all_seen()).await;
            }
            // Nobody looks: none of them can be answered for.
            Err(_) => self.over(),
        }
        let state = self.state();
        let found = looks.iter().map(|look| state.found.get(look.path()).cloned());
        if state.open > 0 {
            found.collect()
        } else {
            found.map(|found| found.or_else(|| Some(Found::no_answer()))).collect()
        }
    }

    async fn all_seen(&self) {
        loop {
            let news = self.0.news.notified();
            if self.state().open == 0 {
                return;
            }
            news.await;
        }
    }

    fn over(&self) {
        self.state().open = 0;
        self.0.news.notify_waiters();
    }
}

/// Reads the answers as they come.
struct Answers {
    to: Looks,
    looks: Vec<PathBuf>,
    line: Vec<u8>,
}

impl Sink for Answers {
    fn stdout(&mut self, chunk: &[u8]) {
        for part in chunk.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(part);
            if self.line.ends_with(b"\n") {
                let answer = serde_json::from_slice::<Answer>(&self.line);
                self.line.clear();
                if let Ok(Answer { place, found }) = answer
                    && let Some(folder) = self.looks.get(place)
                {
                    let mut state = self.to.state();
                    state.found.insert(folder.clone(), found);
                    state.open = state.open.saturating_sub(1);
                    self.to.0.news.notify_waiters();
                }
            }
        }
    }

    fn stderr(&mut self, _: &[u8]) {}
}

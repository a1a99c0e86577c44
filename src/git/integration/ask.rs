//! git, asked in the folder that all worktrees of a repository share.

use std::io::ErrorKind;

use super::asked::Place;
use crate::git::command::{Invocation, complaint};
use crate::git::errand::{Carrier, Ended, Errand, Taker};
use crate::model::answer::Exit;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// In words.
    pub(super) words: String,
    /// Whether git itself has given up over what it was asked: another question may be answered.
    pub(super) is_gits: bool,
    /// The status that it has given up with.
    pub(super) status: Option<i32>,
}

impl Fault {
    /// An answer that cannot be meant.
    pub(super) fn odd(what: &str) -> Self {
        Self { words: format!("git {what} has given no answer that can be read"), is_gits: true, status: None }
    }
}

/// The most that is kept of an answer that is taken whole.
const LONGEST: usize = 64 << 20;

/// An answer that is taken whole.
#[derive(Default)]
struct Whole {
    bytes: Vec<u8>,
    is_too_long: bool,
}

impl Taker for Whole {
    fn take(&mut self, piece: &[u8]) {
        self.is_too_long |= self.bytes.len() + piece.len() > LONGEST;
        if !self.is_too_long {
            self.bytes.extend_from_slice(piece);
        }
    }
}

/// What git prints, whole, where it ends well.
pub(super) async fn whole(
    carrier: &impl Carrier,
    place: &Place<'_>,
    words: &[&str],
    input: Vec<u8>,
) -> Result<Vec<u8>, Fault> {
    let whole = streamed(carrier, place, words, input, Whole::default()).await?;
    if whole.is_too_long { Err(Fault::odd(words[0])) } else { Ok(whole.bytes) }
}

/// The same, for an answer that a taker reads.
pub(super) async fn streamed<T: Taker>(
    carrier: &impl Carrier,
    place: &Place<'_>,
    words: &[&str],
    input: Vec<u8>,
    taker: T,
) -> Result<T, Fault> {
    let (taker, fault) = streamed_so_far(carrier, place, words, input, taker).await?;
    fault.map_or(Ok(taker), Err)
}

/// The same; where git gives up in the middle, with what was read until then.
pub(super) async fn streamed_so_far<T: Taker>(
    carrier: &impl Carrier,
    place: &Place<'_>,
    words: &[&str],
    input: Vec<u8>,
    taker: T,
) -> Result<(T, Option<Fault>), Fault> {
    let mut invocation = place.git.of_repository(place.common_dir, words);
    invocation.input = Some(input);
    carried(carrier, place, invocation, taker).await
}

/// The same, of a git that was made ready elsewhere.
pub(super) async fn carried<T: Taker>(
    carrier: &impl Carrier,
    place: &Place<'_>,
    invocation: Invocation,
    taker: T,
) -> Result<(T, Option<Fault>), Fault> {
    let errand = Errand { invocation, within: place.within };
    let (taker, Ended { exit, stderr }) = carrier.stream(errand, taker).await.map_err(|error| {
        let words = match error.kind() {
            ErrorKind::TimedOut => "git did not answer in time".to_owned(),
            ErrorKind::Interrupted => "nobody waits for the answer any more".to_owned(),
            _ => format!("git cannot be asked: {error}"),
        };
        Fault { words, is_gits: false, status: None }
    })?;
    let fault = match exit {
        Exit::Code(0) => None,
        Exit::Code(status) => {
            let words = complaint(&stderr).unwrap_or_else(|| format!("git has ended with status {status}"));
            Some(Fault { words, is_gits: true, status: Some(status) })
        }
        Exit::Signal(number) => {
            Some(Fault { words: format!("git was ended by signal {number}"), is_gits: false, status: None })
        }
    };
    Ok((taker, fault))
}

//! A process of its own for each unit.

use std::io;

use crate::checks::{Asking, Check, Feed};
use crate::exec::capture::Tail;
use crate::exec::control::Control;
use crate::exec::executor::{Answer, Asked, Batch, Done, NoPlace};
use crate::exec::process::{Process, Sink, is_no_place};
use crate::exec::source::hands::{Hands, Source, question};
use crate::exec::supervise::{Ending, supervise};
use crate::git::command::{Invocation, is_lock_conflict};
use crate::model::answer::{Captured, Exit, Finding, ProcessEnd, Verdict};
use crate::model::outcome::Outcome;
use crate::plan::Plan;
use crate::text::duration;

/// So much of what git says on standard error is read at the least, whatever `max-output` is.
const GIT_WORDS: usize = 64 * 1024;

/// The source.
pub(super) struct OneEach;

impl Source for OneEach {
    async fn answer(&self, hands: &Hands, batch: &Batch, control: Control) -> Result<Vec<Answer>, NoPlace> {
        let mut answers = Vec::with_capacity(batch.units.len());
        for asked in &batch.units {
            answers.push(Answer::Done(own(hands, &batch.plan, asked, control.clone()).await?));
        }
        Ok(answers)
    }
}

/// What a unit's own process comes to.
pub(super) async fn own(hands: &Hands, plan: &Plan, asked: &Asked, control: Control) -> Result<Done, NoPlace> {
    let worktree = match hands.worktree(plan, asked.unit) {
        Ok(worktree) => worktree,
        Err(done) => return Ok(done),
    };
    let question = question(plan, asked, &worktree);
    let Some(mut asking) = question.check.kind.ask(&hands.git, &question) else {
        let reason = format!("no process can answer '{}': a fault in git wtcheck itself", question.check.name);
        return Ok(Done { is_final: true, ..Done::with(Outcome::Errored, Some(reason)) });
    };
    question.tell(&mut asking.invocation);
    let Ran { said, end } = run(hands, question.check, asking, control).await?;
    let finding = said.map_or_else(Finding::from, |mut said| said.reader.finish(said.exit, &said.stderr));
    Ok(Done::from(finding).of_process(end))
}

/// A process that has run.
pub(super) struct Ran<R: ?Sized> {
    /// What it said, where it ended by itself; or what it came to.
    pub(super) said: Result<Said<R>, Verdict>,
    /// What is left of it.
    pub(super) end: ProcessEnd,
}

/// All that a process has said.
pub(super) struct Said<R: ?Sized> {
    /// What has read its standard output.
    pub(super) reader: Box<R>,
    /// How it ended.
    pub(super) exit: Exit,
    /// The end of its standard error.
    pub(super) stderr: Vec<u8>,
}

/// Where a process's output goes: what it prints to who reads it, the end of the rest to memory.
struct Streams<R: ?Sized> {
    reader: Box<R>,
    stdout: Option<Tail>,
    stderr: Tail,
}

impl<R: Feed + ?Sized> Sink for Streams<R> {
    fn stdout(&mut self, chunk: &[u8]) {
        self.reader.feed(chunk);
        if let Some(tail) = &mut self.stdout {
            tail.feed(chunk);
        }
    }

    fn stderr(&mut self, chunk: &[u8]) {
        self.stderr.feed(chunk);
    }
}

/// Runs the process of a check, within the check's limits.
pub(super) async fn run<R: Feed + ?Sized>(
    hands: &Hands,
    check: &Check,
    asking: Asking<R>,
    mut control: Control,
) -> Result<Ran<R>, NoPlace> {
    let Asking { invocation, reader } = asking;
    let is_built_in = check.kind.is_built_in();
    // What git prints for a built-in check is read as it comes: it may be longer than anything that is kept.
    let stdout = (!is_built_in).then(|| Tail::new(check.max_output));
    // What git says there is a part of its answer, however little of it a report may show.
    let stderr = Tail::new(if is_built_in { check.max_output.max(GIT_WORDS) } else { check.max_output });
    let mut process = match Process::spawn(&invocation, &hands.sessions, Streams { reader, stdout, stderr }) {
        Ok(process) => process,
        Err(error) if is_no_place(&error) => return Err(NoPlace(error)),
        Err(error) => {
            let reason = cannot_start(&invocation, &error);
            let end = ProcessEnd { refused: Some(reason.clone()), ..ProcessEnd::default() };
            return Ok(Ran { said: Err(Verdict::errored(reason)), end });
        }
    };
    let ending = supervise(&mut process, check.timeout, check.grace_period, &hands.clock, &mut control).await;
    let (exit, is_lost) = (process.exit(), process.has_lost_output());
    let Streams { reader, stdout, stderr } = process.sink;
    let stderr = stderr.finish();
    let end = ProcessEnd {
        exit,
        stdout: stdout.map(Tail::finish),
        stderr: Some(shown(&stderr, check.max_output)),
        leaked: ending == Ending::Itself { leaked: true },
        locked: is_lock_conflict(&stderr.bytes),
        refused: exit.and_then(|exit| invocation.not_entered(exit, &stderr.bytes)),
    };
    let said = match (ending, exit, &end.refused) {
        (Ending::TimedOut, ..) => {
            let reason = format!("no end after {}", duration::write(check.timeout.unwrap_or_default()));
            Err(Verdict::without_facts(Outcome::TimedOut, Some(reason)))
        }
        (Ending::Cancelled, ..) => Err(Verdict::without_facts(Outcome::Cancelled, None)),
        // Half of git's answer must not read as all of it.
        (_, Some(_), _) if is_lost => Err(Verdict::errored("its output could not be read to the end")),
        (_, Some(_), Some(refused)) => Err(Verdict::errored(refused.clone())),
        (_, Some(exit), None) => Ok(Said { reader, exit, stderr: stderr.bytes }),
        (_, None, _) => Err(Verdict::errored("its end was lost")),
    };
    Ok(Ran { said, end })
}

/// Of what was read, as much as is kept.
fn shown(read: &Captured, most: usize) -> Captured {
    let mut tail = Tail::new(most);
    tail.feed(&read.bytes);
    let shown = tail.finish();
    Captured { truncated: read.truncated || shown.truncated, ..shown }
}

/// Why a program could not be started, in words that name what is missing.
fn cannot_start(invocation: &Invocation, error: &io::Error) -> String {
    if invocation.is_away() {
        return format!("cannot start a process to enter {}: {error}", invocation.dir.display());
    }
    match invocation.dir.metadata() {
        Err(error) => format!("cannot enter {}: {error}", invocation.dir.display()),
        Ok(metadata) if !metadata.is_dir() => format!("cannot enter {}: not a folder", invocation.dir.display()),
        Ok(_) => format!("cannot run '{}': {error}", invocation.program.to_string_lossy()),
    }
}

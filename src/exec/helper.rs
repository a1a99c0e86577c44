//! What this program does in a process of its own, because the process may never come back from it: entering a folder
//! on a drive that may be dead, and looking at one. It is given up on then; nobody waits for it.

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::mpsc;
use std::thread;

use serde::{Deserialize, Serialize};

use crate::git::command::{ENTER, LOOK, NOT_ENTERED, NOT_ENTERED_WORDS};
use crate::git::worktree_folder::{Found, Look};

/// What one look has found, by its place among those that were asked for. One stands on each line.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Answer {
    pub(super) place: usize,
    pub(super) found: Found,
}

/// More folders are not looked at side by side.
const MOST_AT_A_TIME: usize = 64;

/// Does what the arguments ask for, where they ask for one of these. This is no part of the command line that people
/// type.
pub fn answer(args: &[OsString]) -> Option<ExitCode> {
    match args {
        [_, word, folder, program, args @ ..] if word == ENTER => Some(enter(Path::new(folder), program, args)),
        [_, word] if word == LOOK => Some(look()),
        _ => None,
    }
}

/// Enters a folder, and becomes another program there.
#[expect(clippy::disallowed_methods, reason = "this process holds no state but the folder that it is to enter")]
fn enter(folder: &Path, program: &OsString, args: &[OsString]) -> ExitCode {
    let refusal = match std::env::set_current_dir(folder) {
        Err(error) => format!("enter {}: {error}", folder.display()),
        Ok(()) => {
            let error = Command::new(program).args(args).exec();
            format!("run '{}': {error}", program.to_string_lossy())
        }
    };
    // Whoever started this reads it; where nobody does, the exit status says as much.
    let _ = writeln!(io::stderr(), "{NOT_ENTERED_WORDS}{refusal}");
    ExitCode::from(u8::try_from(NOT_ENTERED).unwrap_or(u8::MAX))
}

/// Looks at folders side by side, and tells of each as soon as it has answered.
fn look() -> ExitCode {
    let Ok(looks) = serde_json::from_reader::<_, Vec<Look>>(io::stdin().lock()) else { return ExitCode::FAILURE };
    let (sender, answers) = mpsc::channel();
    let mut looks = looks.into_iter().enumerate();
    let mut open = 0;
    loop {
        while open < MOST_AT_A_TIME
            && let Some((place, look)) = looks.next()
        {
            let sender = sender.clone();
            open += 1;
            thread::spawn(move || sender.send(Answer { place, found: look.carry_out() }));
        }
        if open == 0 {
            return ExitCode::SUCCESS;
        }
        let Ok(answer) = answers.recv() else { return ExitCode::FAILURE };
        open -= 1;
        let Ok(mut line) = serde_json::to_vec(&answer) else { return ExitCode::FAILURE };
        line.push(b'\n');
        if io::stdout().write_all(&line).and_then(|()| io::stdout().flush()).is_err() {
            return ExitCode::FAILURE;
        }
    }
}

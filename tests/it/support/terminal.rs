//! A terminal of its own for a program, and what is seen on it.

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZeroU16;

use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::pty::{OpenptyResult, Winsize, openpty};
use vt100::Parser;

/// No program takes longer than this, however busy the machine is.
const LONGEST: Duration = Duration::from_mins(1);

/// A program on a terminal.
pub struct Terminal {
    child: Child,
    keys: File,
    shown: Arc<Shown>,
}

/// What the program has written.
#[derive(Default)]
struct Shown {
    state: Mutex<State>,
    more: Condvar,
}

#[derive(Default)]
struct State {
    parser: Parser,
    written: Vec<u8>,
    is_over: bool,
}

impl Shown {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("the screen")
    }
}

/// How a program ended, and what it left on its terminal.
pub struct Left {
    /// How it ended.
    pub status: ExitStatus,
    /// The screen, as text.
    pub screen: String,
    /// Everything that it wrote.
    pub written: String,
}

impl Terminal {
    /// Starts a program on a terminal of so many columns and rows, which becomes its controlling terminal. Its streams are the
    /// terminal, less those that `aside` sends elsewhere.
    pub fn start(command: &Command, columns: u16, rows: u16, aside: impl FnOnce(&mut Command)) -> Self {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let OpenptyResult { master, slave } = openpty(&size, None).expect("a terminal");
        // A program that held its own terminal's other side would never be told that its user is gone.
        fcntl(&master, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).expect("a flag");
        let mut wrapped = Command::new("setsid");
        wrapped.arg("--ctty").arg("--wait").arg(command.get_program()).args(command.get_args()).env_clear();
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => wrapped.env(name, value),
                None => wrapped.env_remove(name),
            };
        }
        if let Some(folder) = command.get_current_dir() {
            wrapped.current_dir(folder);
        }
        let stream = || Stdio::from(slave.try_clone().expect("a stream"));
        wrapped.stdin(stream()).stdout(stream()).stderr(stream());
        aside(&mut wrapped);
        let child = wrapped.spawn().expect("the program");
        drop((wrapped, slave));
        let keys = File::from(master);
        let shown = Arc::new(Shown::default());
        shown.lock().parser = parser(columns, rows);
        let (terminal, by) = (keys.try_clone().expect("a stream"), Arc::clone(&shown));
        std::thread::spawn(move || watch(terminal, &by));
        Self { child, keys, shown }
    }

    /// Waits until the screen shows something, and gives the screen.
    #[track_caller]
    pub fn until(&self, what: &str, is_shown: impl Fn(&str) -> bool) -> String {
        let shows = |state: &State| is_shown(&state.parser.screen().contents());
        let waiting =
            self.shown.more.wait_timeout_while(self.shown.lock(), LONGEST, |state| !shows(state) && !state.is_over);
        let (state, _) = waiting.expect("the screen");
        let screen = state.parser.screen().contents();
        assert!(shows(&state), "{what}:\n{screen}");
        screen
    }

    /// Gives the terminal another size.
    pub fn resize(&self, columns: u16, rows: u16) {
        let mut state = self.shown.lock();
        let size = |name: &str, count: u16| [name.to_owned(), count.to_string()];
        let terminal = Stdio::from(self.keys.try_clone().expect("a stream"));
        let mut stty = Command::new("stty");
        stty.args([size("columns", columns), size("rows", rows)].concat()).stdin(terminal);
        assert!(stty.status().expect("stty").success());
        let number = |count| NonZeroU16::new(count).expect("a size");
        state.parser.set_size(number(rows), number(columns));
    }

    /// Presses keys.
    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("keys");
    }

    /// Waits for the program's end.
    pub fn end(mut self) -> Left {
        let status = self.child.wait().expect("an end");
        let waiting = self.shown.more.wait_timeout_while(self.shown.lock(), LONGEST, |state| !state.is_over);
        let (state, _) = waiting.expect("the screen");
        assert!(state.is_over, "the terminal is held open");
        let screen = state.parser.screen().contents();
        Left { status, screen, written: String::from_utf8_lossy(&state.written).into_owned() }
    }
}

/// A terminal as a program emulates it, for what was read by another way.
pub fn parser(columns: u16, rows: u16) -> Parser {
    let number = |count| NonZeroU16::new(count).expect("a size");
    Parser::new(number(rows), number(columns), 1000)
}

/// Reads what is written until the last writer is gone: Linux says EIO then, others the end.
fn watch(mut terminal: File, shown: &Shown) {
    let mut chunk = [0; 4096];
    loop {
        let read = match terminal.read(&mut chunk) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            read => read.unwrap_or(0),
        };
        let mut state = shown.lock();
        state.parser.process(&chunk[..read]);
        state.written.extend_from_slice(&chunk[..read]);
        state.is_over = read == 0;
        shown.more.notify_all();
        if read == 0 {
            return;
        }
    }
}

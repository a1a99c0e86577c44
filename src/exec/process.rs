//! One child process: started in a session of its own, its output read as it comes, its end awaited.

use std::io;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::unistd::Pid;
use process_wrap::tokio::{ChildWrapper, CommandWrap, CommandWrapper, ProcessSession};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStderr, ChildStdout};

use crate::exec::session::{self, Sessions};
use crate::exec::supervise::Job;
use crate::git::command::Invocation;
use crate::model::answer::Exit;

/// What takes a child's output, piece by piece.
pub trait Sink: Send {
    /// A piece of standard output.
    fn stdout(&mut self, chunk: &[u8]);
    /// A piece of standard error.
    fn stderr(&mut self, chunk: &[u8]);
}

/// A running child.
pub struct Process<S> {
    hold: Hold,
    child: Box<dyn ChildWrapper>,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    buffers: (Vec<u8>, Vec<u8>),
    exit: Option<Exit>,
    /// Whether a piece of its output could not be read.
    lost: bool,
    /// What takes its output.
    pub sink: S,
}

/// A session that is not to outlive this program, should it fall over while the child runs.
struct Hold {
    session: Pid,
    sessions: Arc<Sessions>,
    reaped: bool,
}

impl Hold {
    fn is_empty(&self) -> bool {
        self.reaped && self.sessions.is_empty(self.session)
    }

    fn reaped(&mut self) {
        self.reaped = true;
        self.sessions.reaped(self.session);
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if !self.reaped {
            self.sessions.signal(self.session, &[Signal::SIGKILL]);
        }
    }
}

/// A child that is asked to end when this program ends without having ended it, which SIGKILL brings about. Its own
/// children get no such signal; they have its session's end.
#[derive(Debug)]
struct EndsWithUs {
    /// This program, which must still be the child's parent when the child has asked for the signal.
    parent: Pid,
}

impl EndsWithUs {
    fn new() -> Self {
        Self { parent: nix::unistd::getpid() }
    }
}

impl CommandWrapper for EndsWithUs {
    #[cfg(target_os = "linux")]
    #[expect(unsafe_code, reason = "the one way to do something in a child before it becomes another program")]
    fn pre_spawn(&mut self, command: &mut tokio::process::Command, _: &CommandWrap) -> io::Result<()> {
        let parent = self.parent;
        let ask = move || {
            // SIGTERM, and not SIGKILL: git takes its locks away when it gets it.
            nix::sys::prctl::set_pdeathsig(Signal::SIGTERM)?;
            // The program may have ended between the fork and the line above.
            if nix::unistd::getppid() == parent { Ok(()) } else { Err(nix::errno::Errno::ESRCH.into()) }
        };
        // SAFETY: between fork and exec only functions that are async-signal-safe may be called. prctl and getppid are bare
        // system calls, nothing is allocated on the way, and no lock is taken.
        unsafe { command.pre_exec(ask) };
        Ok(())
    }
}

/// What is waited for while output is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Goal {
    /// The child itself has ended.
    Ended,
    /// So has everything else in its session.
    Gone,
    /// Nobody holds its output open.
    Drained,
}

impl<S: Sink> Process<S> {
    /// Starts a child.
    pub fn spawn(invocation: &Invocation, sessions: &Arc<Sessions>, sink: S) -> io::Result<Self> {
        let mut command = invocation.command();
        command.stdin(if invocation.input.is_some() { Stdio::piped() } else { Stdio::null() });
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut command = CommandWrap::from(tokio::process::Command::from(command));
        command.wrap(ProcessSession).wrap(EndsWithUs::new());
        // The wrapper's own waiting would wait for the whole group in a thread; here the session is looked after.
        let mut child = command.spawn()?.into_inner();
        let id =
            child.id().and_then(|id| i32::try_from(id).ok()).ok_or_else(|| io::Error::other("it has no process id"))?;
        let hold = Hold { session: Pid::from_raw(id), sessions: Arc::clone(sessions), reaped: false };
        sessions.started(hold.session);
        if let (Some(mut stdin), Some(input)) = (child.stdin().take(), invocation.input.clone()) {
            // A child that does not want its input closes it; its exit status says whether that was well.
            tokio::spawn(async move { stdin.write_all(&input).await });
        }
        let (stdout, stderr) = (child.stdout().take(), child.stderr().take());
        Ok(Self { hold, child, stdout, stderr, buffers: (Vec::new(), Vec::new()), exit: None, lost: false, sink })
    }

    /// How it ended, once it has.
    pub const fn exit(&self) -> Option<Exit> {
        self.exit
    }

    /// Whether a piece of its output could not be read: then nothing that was read may pass for all of it.
    pub const fn has_lost_output(&self) -> bool {
        self.lost
    }

    fn has_reached(&self, goal: Goal) -> bool {
        match goal {
            Goal::Ended => self.exit.is_some(),
            Goal::Gone => self.hold.is_empty(),
            Goal::Drained => self.stdout.is_none() && self.stderr.is_none(),
        }
    }

    /// Reads output until the goal is reached. Whatever was read or learnt stays if this is dropped halfway.
    async fn pump(&mut self, goal: Goal) {
        let mut pause = Duration::from_millis(1);
        while !self.has_reached(goal) {
            let Self { hold, child, stdout, stderr, buffers, exit, lost, sink } = self;
            let poll = goal == Goal::Gone && exit.is_some();
            tokio::select! {
                status = child.wait(), if exit.is_none() => {
                    *exit = Some(status.map_or(Exit::Code(-1), read_status));
                    hold.reaped();
                }
                count = read(stdout.as_mut(), &mut buffers.0), if stdout.is_some() => {
                    *lost |= count.is_none();
                    if count.is_none_or(|count| count == 0) { *stdout = None; } else { sink.stdout(&buffers.0); buffers.0.clear(); }
                }
                count = read(stderr.as_mut(), &mut buffers.1), if stderr.is_some() => {
                    *lost |= count.is_none();
                    if count.is_none_or(|count| count == 0) { *stderr = None; } else { sink.stderr(&buffers.1); buffers.1.clear(); }
                }
                () = tokio::time::sleep(pause), if poll => {
                    pause = (pause * 2).min(Duration::from_millis(16));
                }
            }
        }
    }
}

/// Reads a piece; 0 at the end, none where it cannot be read. Cancel-safe: a piece is in the buffer or still in the
/// pipe.
async fn read<R: AsyncReadExt + Unpin>(stream: Option<&mut R>, buffer: &mut Vec<u8>) -> Option<usize> {
    const PIECE: usize = 16 * 1024;
    let Some(stream) = stream else { return Some(0) };
    buffer.reserve(PIECE);
    stream.read_buf(buffer).await.ok()
}

fn read_status(status: std::process::ExitStatus) -> Exit {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, signal) => Exit::Signal(signal.unwrap_or_default()),
    }
}

impl<S: Sink> Job for Process<S> {
    async fn ended(&mut self) {
        self.pump(Goal::Ended).await;
    }

    async fn gone(&mut self) {
        self.pump(Goal::Gone).await;
    }

    async fn drained(&mut self) {
        self.pump(Goal::Drained).await;
    }

    fn terminate(&mut self) {
        // One that is stopped could not end.
        self.hold.sessions.signal(self.hold.session, &[Signal::SIGTERM, Signal::SIGCONT]);
    }

    fn kill(&mut self) {
        self.hold.sessions.signal(self.hold.session, &[Signal::SIGKILL]);
    }

    fn is_held_by_the_kernel(&self) -> bool {
        !self.hold.reaped && session::state(self.hold.session) == Some('D')
    }
}

/// Whether an error says that the machine has no place for one more process now.
pub fn is_no_place(error: &io::Error) -> bool {
    use nix::errno::Errno;
    let errors = [Errno::EMFILE, Errno::ENFILE, Errno::EAGAIN, Errno::ENOMEM];
    errors.iter().any(|known| error.raw_os_error() == Some(*known as i32))
}

/// How many children there can be at a time under this process's limit of open files: each needs its two pipes, what
/// its end is watched by, and the pipe through which its start is reported.
pub fn most_at_a_time() -> usize {
    use nix::sys::resource::{Resource, getrlimit};
    const EACH: u64 = 6;
    const OWN: u64 = 24;
    let (files, _) = getrlimit(Resource::RLIMIT_NOFILE).unwrap_or((256, 256));
    usize::try_from(files.saturating_sub(OWN) / EACH).unwrap_or(usize::MAX).max(1)
}

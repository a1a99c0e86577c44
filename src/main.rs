//! `git-wtcheck`: see the library for the map of the house.

use std::ffi::OsString;
use std::process::ExitCode;

use git_wtcheck::commands::Io;
use git_wtcheck::environment::Environment;
use git_wtcheck::exec::helper;

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    if let Some(status) = helper::answer(&args) {
        return status;
    }
    let (mut input, mut out, mut err) = (std::io::stdin().lock(), std::io::stdout(), std::io::stderr());
    let mut io = Io { input: &mut input, out: &mut out, err: &mut err };
    ExitCode::from(git_wtcheck::run(&args, Environment::of_this_process(), &mut io))
}

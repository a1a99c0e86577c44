//! `git-wtcheck`: see the library for the map of the house.

use std::process::ExitCode;

use git_wtcheck::commands::Io;
use git_wtcheck::model::environment::Environment;

fn main() -> ExitCode {
    let environment = Environment::of_this_process();
    let (mut input, mut out, mut err) = (std::io::stdin().lock(), std::io::stdout(), std::io::stderr());
    let mut io = Io { input: &mut input, out: &mut out, err: &mut err };
    ExitCode::from(git_wtcheck::run(std::env::args_os(), environment, &mut io))
}

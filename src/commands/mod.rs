//! The commands, one file each. A command puts stages and rooms together: what they find out, and what that looks like,
//! is theirs.

mod config;
mod init;
mod io;
mod plan;
mod run;
mod setup;
mod trust;
mod untrust;

use crate::cli::{Cli, Command, ConfigCommand, Options, Run};
use crate::environment::Environment;
use crate::error::Error;
use crate::session::Session;

pub use io::Io;

/// What every command is given.
pub struct Context {
    /// What is typed for whichever command.
    pub options: Options,
    /// What the program was started with, standing where `-C` says.
    pub environment: Environment,
}

impl Context {
    /// Begins to work with the repository one stands in.
    fn session(&self) -> Result<Session<'_>, Error> {
        Session::begin(&self.options, &self.environment)
    }
}

/// A command, with what is typed for it alone.
trait Execute {
    /// Carries it out, and gives the exit status.
    fn execute(&self, context: &Context, io: &mut Io<'_>) -> Result<u8, Error>;
}

/// Carries out what is typed, and gives the exit status.
pub fn execute(cli: Cli, environment: Environment, io: &mut Io<'_>) -> Result<u8, Error> {
    if let Some(misfit) = cli.misfit() {
        return Err(Error::Usage(misfit));
    }
    let Cli { options, command, checks } = cli;
    let environment = options.directory.iter().fold(environment, |here, directory| here.standing_in(directory));
    let command = command.unwrap_or(Command::Run(Run { checks }));
    let command: &dyn Execute = match &command {
        Command::Run(run) => run,
        Command::Plan(plan) => plan,
        Command::Config(ConfigCommand::Show(show)) => show,
        Command::Config(ConfigCommand::Explain(explain)) => explain,
        Command::Config(ConfigCommand::Validate(validate)) => validate,
        Command::Config(ConfigCommand::Schema(schema)) => schema,
        Command::Config(ConfigCommand::Init(init)) => init,
        Command::Trust(trust) => trust,
        Command::Untrust(untrust) => untrust,
        Command::Setup(setup) => setup,
    };
    command.execute(&Context { options, environment }, io)
}

//! The one way through: the repository is found, its settings are read, a plan is made and carried out.
//!
//! Each stage gives a value, and the next is made from that. What stays the same over all of them is the [`Session`];
//! so the way can be gone again from any stage on, as often as there is reason to.

mod outputs;
mod run;

use crate::cli::Options;
use crate::environment::Environment;
use crate::error::Error;
use crate::exec::watch::Watch;
use crate::git::command::Git;
use crate::git::place::Place;
use crate::git::repository::{GitError, Repository};
use crate::git::terms;
use crate::git::why::Why;
use crate::model::check::Prove;
use crate::plan::{Plan, Selection, Terms};
use crate::settings::trust::Store;
use crate::settings::{Faults, Merged, Settings, Sources, read};
use crate::ui::Ui;

/// What every stage works with.
pub struct Session<'a> {
    options: &'a Options,
    environment: &'a Environment,
    git: Git,
    watch: Watch,
    /// Where git's configuration is to be remembered after a run.
    memory: Option<Place>,
}

/// A repository and its settings.
pub struct Configured {
    /// The repository.
    pub repository: Repository,
    /// Every layer of settings.
    pub merged: Merged,
    /// Where approvals are kept.
    pub store: Option<Store>,
    /// How the program shows itself.
    pub ui: Ui,
}

/// What will run, frozen, and how it is shown.
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// How the program shows itself.
    pub ui: Ui,
}

/// How the repository is to be found by what its settings say.
enum Discovery {
    /// As it was.
    AsItIs,
    /// By git.
    ByGit,
    /// From its files and by git.
    ByBoth,
}

impl Configured {
    /// The settings are known only once the repository is found: where it was found in a way that they do not want, it
    /// is found anew.
    fn wanted(&self) -> Discovery {
        let keys = &self.merged.definitions.top;
        let prove = keys.prove.as_ref().map(|said| said.value.0);
        let is_ruled_out = keys.discover_from_files.as_ref().is_some_and(|said| !said.value.0);
        match prove {
            _ if !self.repository.is_from_files => Discovery::AsItIs,
            _ if is_ruled_out => Discovery::ByGit,
            Some(Prove::No) => Discovery::ByGit,
            Some(Prove::Check) => Discovery::ByBoth,
            Some(Prove::Yes) | None => Discovery::AsItIs,
        }
    }
}

impl<'a> Session<'a> {
    /// Begins: from now on, signals are heard wherever something is waited for.
    pub fn begin(options: &'a Options, environment: &'a Environment) -> Result<Self, Error> {
        let watch = Watch::begin().map_err(Error::cannot("watch over processes"))?;
        Ok(Self { options, environment, git: Git::new(environment), watch, memory: None })
    }

    /// Finds the repository and reads its settings.
    pub fn configured(&mut self) -> Result<Configured, Error> {
        let repository = self.discover()?;
        let configured = self.configure(repository);
        match configured.wanted() {
            Discovery::AsItIs => Ok(configured),
            Discovery::ByGit => {
                self.memory = None;
                self.discover_by_git().map(|repository| self.configure(repository))
            }
            Discovery::ByBoth => self.compared(configured),
        }
    }

    /// The repository, where git says of it what its files say.
    fn compared(&mut self, configured: Configured) -> Result<Configured, Error> {
        let by_git = self.discover_by_git()?;
        if configured.repository.contradiction(&by_git).is_none() {
            return Ok(configured);
        }
        // Another process may have changed it in between.
        let (again, by_git) = (self.discover()?, self.discover_by_git()?);
        match again.contradiction(&by_git) {
            Some(words) => Err(GitError::Contradicted(words).into()),
            None => Ok(self.configure(again)),
        }
    }

    /// Finds the repository.
    pub fn discover(&mut self) -> Result<Repository, Error> {
        let repository = Repository::discover(&self.git, &mut self.watch, self.environment.directory())?;
        self.memory.clone_from(&repository.memory);
        Ok(repository)
    }

    fn discover_by_git(&mut self) -> Result<Repository, Error> {
        Ok(Repository::discover_by_git(&self.git, &mut self.watch, self.environment.directory())?)
    }

    /// Reads the settings of a repository, and what is approved of them.
    pub fn configure(&self, repository: Repository) -> Configured {
        let mut merged = read(&Sources {
            environment: self.environment,
            entries: &repository.config,
            toplevel: repository.toplevel.as_deref(),
            named_file: self.options.config.as_deref(),
            profile: self.options.profile.as_deref(),
            command_line: self.options.settings(),
        });
        let store = Store::of(self.environment);
        let approves = |store: &Store| store.approves(&repository.common_dir, &merged.code);
        if merged.asks_for_approval() && store.as_ref().is_some_and(approves) {
            merged.approve();
        }
        let (ui, warnings) = Ui::of(self.options, &repository.config, self.environment);
        merged.warnings.append(warnings);
        Configured { repository, merged, store, ui }
    }

    /// Makes the plan for these checks; for none: for the configured ones. `to_run`: whether it will be carried out,
    /// for which all that runs must be approved.
    pub fn plan(&self, configured: Configured, checks: Vec<String>, to_run: bool) -> Result<Planned, Faults> {
        let Configured { repository: Repository { common_dir, worktrees, config, .. }, merged, ui, .. } = configured;
        let selection = Selection {
            checks,
            skip: self.options.skip.clone(),
            worktrees: self.options.worktree.clone(),
            directory: self.environment.directory().to_owned(),
            approved_only: to_run,
        };
        Settings::resolve(merged)
            .and_then(|settings| {
                let allowed = match settings.run.prove {
                    Prove::No => Err(Why::TurnedOff),
                    Prove::Yes | Prove::Check => {
                        terms::of_repository(&config, &common_dir, self.environment, self.git.mounts())
                    }
                };
                let repository = (common_dir, Terms { config, allowed });
                Plan::new(settings, &selection, repository, worktrees, self.environment.cpus)
            })
            .map(|plan| Planned { plan, ui })
    }
}

//! Plans of checks without a repository: what the virtual machine and the benches carry out.

use std::path::PathBuf;
use std::time::Duration;

use git_wtcheck::checks::{Asking, COMMAND, Check, CheckKind, Kind, Question, Reader};
use git_wtcheck::git::command::Git;
use git_wtcheck::model::answer::SourceId;
use git_wtcheck::model::check::{Backoff, BackoffKind, CommandLine, RetryClass};
use git_wtcheck::model::facts::FactDef;
use git_wtcheck::model::worktree::Worktree;
use git_wtcheck::plan::{Plan, Selection, Terms};
use git_wtcheck::settings::{Merged, Settings};

/// Milliseconds, for short.
pub const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// A check without limits that is tried once.
pub fn check(name: &str) -> Check {
    Check {
        name: name.to_owned(),
        kind: COMMAND,
        command: Some(CommandLine::Shell("true".to_owned())),
        args: Vec::new(),
        env: Vec::new(),
        dir: None,
        timeout: None,
        grace_period: ms(2000),
        slow_after: None,
        retries: 0,
        backoff: Backoff { kind: BackoffKind::Fixed, delay: ms(200), max_delay: ms(10_000), jitter: false },
        retry_on: RetryClass::ALL.to_vec(),
        max_output: 1024,
        max_concurrency: None,
        when: None,
        needs: Vec::new(),
        fail_if: None,
        allow_failure: false,
        description: None,
    }
}

/// A kind of check that is asked of these sources, one after the other.
struct Routed(&'static str, &'static [SourceId]);

impl Kind for Routed {
    fn name(&self) -> &'static str {
        self.0
    }

    fn question(&self) -> &'static str {
        "What does the script say?"
    }

    fn facts(&self) -> &'static [FactDef] {
        &[]
    }

    fn route(&self, _: &Check) -> &'static [SourceId] {
        self.1
    }

    fn may_join(&self, worktree: &Worktree) -> bool {
        worktree.head.is_some()
    }

    fn ask(&self, _: &Git, _: &Question<'_>) -> Option<Asking<dyn Reader>> {
        unreachable!("the machine starts no process")
    }
}

/// A kind for each route there can be.
pub const ROUTES: [CheckKind; 5] = [
    CheckKind::of(&Routed("own", &[SourceId::Process])),
    CheckKind::of(&Routed("known", &[SourceId::Known, SourceId::Process])),
    CheckKind::of(&Routed("proof", &[SourceId::Proof, SourceId::Process])),
    CheckKind::of(&Routed("batch", &[SourceId::Batch, SourceId::Process])),
    CheckKind::of(&Routed("all", &[SourceId::Known, SourceId::Batch, SourceId::Proof, SourceId::Process])),
];

/// The settings of a run of these checks, in this order.
pub fn settings(checks: impl IntoIterator<Item = Check>) -> Settings {
    let Ok(mut settings) = Settings::resolve(Merged::default()) else { panic!("the defaults hold") };
    settings.run.refresh_index = false;
    settings.pipeline.clear();
    for check in checks {
        settings.pipeline.push(check.name.clone());
        settings.checks.insert(check.name.clone(), check);
    }
    settings
}

/// One of many worktrees.
pub fn worktree(index: usize) -> Worktree {
    Worktree {
        path: PathBuf::from(format!("/r/w{index}")),
        name: format!("w{index}"),
        head: Some(format!("{index:040x}")),
        branch: Some(format!("b{index}")),
        ..Worktree::default()
    }
}

/// A plan of these checks, in this order, on so many worktrees; as many units at a time as there are.
pub fn plan(worktrees: usize, checks: Vec<Check>) -> Plan {
    let places = (worktrees * checks.len()).max(1);
    let mut settings = settings(checks);
    settings.run.max_concurrency = places;
    let worktrees = (0..worktrees).map(worktree).collect();
    match Plan::new(settings, &Selection::default(), ("/r/.git".into(), Terms::none()), worktrees, 1) {
        Ok(plan) => plan,
        Err(faults) => panic!("{faults:?}"),
    }
}

//! `risk`: would anything be lost if this worktree were removed, and is its work anywhere else?

mod verdict;

use std::time::{SystemTime, UNIX_EPOCH};

use crate::checks::check::{Check, Kind};
use crate::git::survey::{Standing, Survey};
use crate::model::answer::{Finding, SourceId, Verdict};
use crate::model::facts::FactType::{Bool, Count, Id, Int, Text, Texts};
use crate::model::facts::{Fact, FactDef, Facts};

const VERDICT: &str = "The first that holds: `at_risk` (something would be lost with the worktree), `unknown` (nothing was found that would, but not everything could be looked at), `merged` (its content is in the base), `pushed` (every commit is on a remote, as of `fetched_at`), `local` (its commits stay, on a branch here only).";
const REASONS: &str = "The kinds of work that exist only here: `changed`, `untracked`, `ignored`, `commits`, `refs`, `operation`, `autostash`, `submodule`.";
const BLOCKERS: &str = "What stands in the way of a removal, and is no work: `main`, `current` (you stand in it), `locked`, `contains-worktree`, `foreign`.";
const NOTES: &str = "What else there is to say: `started-empty` (no commit of its own), `no-net-change`, `reverted-or-overwritten` (it has landed, and has been undone since), `stash`.";
const INTEGRATED: &str = "How its content has come to be in the base: `same`, `ancestor`, `tree`, `patches`, `squash` or `merge`; empty where it has not, unknown where that cannot be told.";

/// The kind.
pub(super) struct Risk;

impl Kind for Risk {
    fn name(&self) -> &'static str {
        "risk"
    }

    fn question(&self) -> &'static str {
        "Would anything be lost if this worktree were removed, and is its work anywhere else?"
    }

    fn facts(&self) -> &'static [FactDef] {
        const FACTS: [FactDef; 21] = [
            FactDef::new("verdict", Text, VERDICT),
            FactDef::new("removable", Bool, "Whether it may go: false where it may not, unknown where only a look at everything in its folder could tell.").or_unknown(),
            FactDef::new("reasons", Texts, REASONS),
            FactDef::new("blockers", Texts, BLOCKERS),
            FactDef::new("notes", Texts, NOTES),
            FactDef::new("base", Text, "The full name of the ref that its commits were held against; unknown where there is none.").or_unknown(),
            FactDef::new("integrated", Text, INTEGRATED).or_unknown(),
            FactDef::new("landed_as", Id, "The commit of the base that proves it.").sometimes(),
            FactDef::new("unmerged", Count, "Commits that the base lacks.").or_unknown(),
            FactDef::new("unpushed", Count, "Commits that no remote-tracking ref holds.").or_unknown(),
            FactDef::new("commits", Count, "Commits that only this worktree names: they go with it.").or_unknown(),
            FactDef::new("upstream_gone", Bool, "Whether its branch has an upstream that is not there any more.").or_unknown(),
            FactDef::new("uncommitted", Count, "Tracked paths that are changed, staged or conflicted.").or_unknown(),
            FactDef::new("untracked", Count, "Untracked files, one by one.").or_unknown(),
            FactDef::new("ignored", Count, "Ignored files and folders that are neither disposable nor a copy of the main worktree's.").or_unknown(),
            FactDef::new("submodules", Count, "Submodules in which something differs.").or_unknown(),
            FactDef::new("stashes", Count, "Entries of the stash that were made on its branch; they are not lost with the worktree.").or_unknown(),
            FactDef::new("idle", Int, "Seconds since it was last touched: since HEAD moved, or a file was written that git knows.").or_unknown(),
            FactDef::new("fetched_at", Int, "When a remote-tracking ref last moved, in Unix seconds; unknown where nothing tells.").or_unknown(),
            FactDef::new("contained_in", Text, "Another branch at the same commit.").sometimes(),
            FactDef::new("unknown", Texts, "What could not be looked at, in words."),
        ];
        &FACTS
    }

    /// What is at risk in a part of a worktree, or under other variables, is not what would be lost with it.
    fn takes_arguments(&self) -> bool {
        false
    }

    fn is_in_default_pipeline(&self) -> bool {
        false
    }

    fn route(&self, _: &Check) -> &'static [SourceId] {
        &[SourceId::Survey]
    }

    fn surveyed(&self, survey: &Survey) -> Option<Finding> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok();
        let now = now.and_then(|now| i64::try_from(now.as_secs()).ok());
        Some(Verdict::passed(facts(survey, now)).into())
    }
}

fn facts(survey: &Survey, now: Option<i64>) -> Facts {
    let (verdict, reasons) = verdict::of(survey);
    let nothing = Standing::default();
    let standing = survey.standing.as_ref().unwrap_or(&nothing);
    let listed = survey.listed.as_ref().ok();
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let blockers: Vec<&str> = survey.blockers.iter().map(|blocker| blocker.name()).collect();
    let mut notes = standing.notes.clone();
    if survey.stashes.is_some_and(|made| made > 0) {
        notes.push("stash");
    }
    // That nothing is hidden, nested or mounted in its folder has not been looked at.
    let is_kept = reasons.is_empty() && blockers.is_empty() && verdict != verdict::Verdict::Unknown;
    let removable = if is_kept { Fact::Unknown } else { Fact::Bool(false) };
    let idle = survey.touched_at.zip(now).map(|(then, now)| now.saturating_sub(then).max(0));

    let mut facts = Facts::new();
    facts.set("verdict", verdict.name());
    facts.set("removable", removable);
    facts.set("reasons", owned(&reasons));
    facts.set("blockers", owned(&blockers));
    facts.set("notes", owned(&notes));
    facts.set("base", standing.base.clone());
    facts.set("integrated", standing.integrated);
    if let Some(landed_as) = &standing.landed_as {
        facts.set("landed_as", landed_as.clone());
    }
    facts.set("unmerged", standing.unmerged);
    facts.set("unpushed", standing.unpushed);
    facts.set("commits", survey.only_here.as_ref().ok().map(|only| only.commits));
    facts.set("upstream_gone", survey.upstream_gone);
    facts.set("uncommitted", listed.map(|listed| listed.uncommitted));
    facts.set("untracked", listed.map(|listed| listed.untracked));
    facts.set("ignored", survey.ignored.as_ref().ok().map(|paths| paths.len() as u64));
    facts.set("submodules", listed.map(|listed| listed.submodules.len() as u64));
    facts.set("stashes", survey.stashes);
    facts.set("idle", idle);
    facts.set("fetched_at", survey.fetched_at);
    if let Some(branch) = &survey.contained_in {
        facts.set("contained_in", branch.clone());
    }
    facts.set("unknown", verdict::unknown(survey));
    facts
}

//! What is found out of a worktree, held together to a verdict.
//!
//! What was not found out is never taken for nothing: it leaves the verdict at `unknown`, unless work was found
//! elsewhere.

use bstr::BString;

use crate::git::flagged::Flagged;
use crate::git::survey::Survey;

/// Whether anything would be lost with a worktree. The first that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Something would.
    AtRisk,
    /// Nothing was found that would, but not everything could be looked at.
    Unknown,
    /// Nothing would, and the content is in the base.
    Merged,
    /// Nothing would, and every commit is on a remote, as far as that is known here.
    Pushed,
    /// Nothing would: its commits stay here, on a branch.
    Local,
}

impl Verdict {
    /// Its name in facts.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::AtRisk => "at_risk",
            Self::Unknown => "unknown",
            Self::Merged => "merged",
            Self::Pushed => "pushed",
            Self::Local => "local",
        }
    }
}

/// The verdict on what was found out, and the work that makes it `at_risk`.
pub(super) fn of(survey: &Survey) -> (Verdict, Vec<&'static str>) {
    let reasons = reasons(survey);
    let verdict = if !reasons.is_empty() {
        Verdict::AtRisk
    } else if !unknown(survey).is_empty() {
        Verdict::Unknown
    } else {
        match &survey.standing {
            Ok(standing) if standing.integrated.is_some_and(|how| !how.is_empty()) => Verdict::Merged,
            Ok(standing) if standing.unpushed == Some(0) => Verdict::Pushed,
            // Where the commits stand is not needed to know that they are kept.
            _ => Verdict::Local,
        }
    };
    (verdict, reasons)
}

/// The kinds of work that exist only here.
fn reasons(survey: &Survey) -> Vec<&'static str> {
    let listed = survey.listed.as_ref().ok();
    let has = |count: Option<u64>| count.is_some_and(|count| count > 0);
    [
        ("changed", has(listed.map(|listed| listed.uncommitted))),
        ("untracked", has(listed.map(|listed| listed.untracked))),
        ("ignored", survey.ignored.as_ref().is_ok_and(|paths| !paths.is_empty())),
        ("commits", survey.only_here.as_ref().is_ok_and(|only| only.commits > 0)),
        ("refs", survey.only_here.as_ref().is_ok_and(|only| only.refs)),
        ("operation", survey.operation.as_ref().is_ok_and(|operation| !operation.is_empty())),
        ("autostash", survey.autostash),
        ("submodule", listed.is_some_and(|listed| !listed.submodules.is_empty())),
    ]
    .into_iter()
    .filter_map(|(reason, holds)| holds.then_some(reason))
    .collect()
}

/// What could not be looked at, in words.
pub(super) fn unknown(survey: &Survey) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    words.extend(survey.listed.as_ref().err().cloned());
    words.extend(survey.ignored.as_ref().err().cloned());
    words.extend(survey.only_here.as_ref().err().cloned());
    words.extend(survey.operation.as_ref().err().cloned());
    match &survey.flagged {
        Ok(Flagged { files, submodules }) => {
            words.extend(
                first(files)
                    .map(|named| format!("git was told to leave {named} alone, and does not tell of changes there")),
            );
            words.extend(first(submodules).map(|named| format!("nobody has looked into the submodule {named}")));
        }
        Err(why) => words.push(why.clone()),
    }
    match &survey.has_modules {
        Ok(false) => {}
        Ok(true) => words.push("it has repositories of submodules, whose commits nobody has looked at".to_owned()),
        Err(why) => words.push(why.clone()),
    }
    words.dedup();
    words
}

/// The first of some paths, and whether there are others.
fn first(paths: &[BString]) -> Option<String> {
    let more = if paths.len() > 1 { " and others" } else { "" };
    paths.first().map(|path| format!("{path}{more}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::changes_listed::Listed;
    use crate::git::only_here::OnlyHere;
    use crate::git::survey::Standing;

    type Change = fn(&mut Survey);

    fn safe() -> Survey {
        Survey {
            listed: Ok(Listed { ignored: Some(Vec::new()), ..Listed::default() }),
            ignored: Ok(Vec::new()),
            only_here: Ok(OnlyHere::default()),
            operation: Ok(String::new()),
            flagged: Ok(Flagged::default()),
            autostash: false,
            has_modules: Ok(false),
            standing: Ok(Standing {
                base: Some("refs/heads/main".to_owned()),
                integrated: Some("squash"),
                unpushed: Some(0),
                ..Standing::default()
            }),
            upstream_gone: Some(false),
            stashes: Some(0),
            touched_at: None,
            fetched_at: None,
            contained_in: None,
            blockers: Vec::new(),
        }
    }

    fn verdict(change: impl FnOnce(&mut Survey)) -> Verdict {
        let mut survey = safe();
        change(&mut survey);
        of(&survey).0
    }

    fn standing(survey: &mut Survey, integrated: Option<&'static str>, unpushed: Option<u64>) {
        survey.standing = Ok(Standing { integrated, unpushed, ..Standing::default() });
    }

    #[test]
    fn work_that_exists_only_here_outweighs_everything() {
        let failed = || Err("no".to_owned());
        let changes: [(&str, Change); 8] = [
            ("changed", |survey| survey.listed = Ok(Listed { uncommitted: 1, ..Listed::default() })),
            ("untracked", |survey| survey.listed = Ok(Listed { untracked: 1, ..Listed::default() })),
            ("ignored", |survey| survey.ignored = Ok(vec![".env".into()])),
            ("commits", |survey| survey.only_here = Ok(OnlyHere { commits: 1, refs: false })),
            ("refs", |survey| survey.only_here = Ok(OnlyHere { commits: 0, refs: true })),
            ("operation", |survey| survey.operation = Ok("rebase".to_owned())),
            ("autostash", |survey| survey.autostash = true),
            ("submodule", |survey| {
                survey.listed = Ok(Listed { submodules: vec!["lib".into()], ..Listed::default() });
            }),
        ];
        for (reason, change) in changes {
            let mut survey = safe();
            survey.has_modules = failed();
            survey.standing = Err("no".to_owned());
            change(&mut survey);
            assert_eq!(of(&survey), (Verdict::AtRisk, vec![reason]));
        }
    }

    #[test]
    fn what_could_not_be_looked_at_is_never_safe() {
        let no = || "no".to_owned();
        let failures: [fn(&mut Survey, String); 6] = [
            |survey, no| survey.listed = Err(no),
            |survey, no| survey.ignored = Err(no),
            |survey, no| survey.only_here = Err(no),
            |survey, no| survey.operation = Err(no),
            |survey, no| survey.flagged = Err(no),
            |survey, no| survey.has_modules = Err(no),
        ];
        for fail in failures {
            assert_eq!(verdict(|survey| fail(survey, no())), Verdict::Unknown);
        }
        assert_eq!(verdict(|survey| survey.has_modules = Ok(true)), Verdict::Unknown);
        for (files, submodules) in [(vec!["a".into()], Vec::new()), (Vec::new(), vec!["lib".into()])] {
            let flagged = Flagged { files, submodules };
            assert_eq!(verdict(|survey| survey.flagged = Ok(flagged)), Verdict::Unknown);
        }
    }

    #[test]
    fn what_is_kept_is_told_by_where() {
        assert_eq!(verdict(|_| {}), Verdict::Merged);
        assert_eq!(verdict(|survey| standing(survey, Some(""), Some(0))), Verdict::Pushed);
        assert_eq!(verdict(|survey| standing(survey, None, Some(0))), Verdict::Pushed);
        for (integrated, unpushed) in [(Some(""), Some(1)), (None, None), (Some(""), None)] {
            assert_eq!(verdict(|survey| standing(survey, integrated, unpushed)), Verdict::Local);
        }
        assert_eq!(verdict(|survey| survey.standing = Err("no".to_owned())), Verdict::Local);
    }
}

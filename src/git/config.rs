//! `git config` read whole, in one process.

use std::sync::Arc;

use bstr::{BString, ByteSlice};

use crate::git::command::{Git, Invocation};

/// What of git's configuration is of interest: this program's own sections, git's colours and hints, what decides where
/// the main worktree is, and what a worktree's state depends on (see [`terms`](crate::git::terms)).
const PATTERN: &str = "^(wtcheck|color|advice|extensions|status|includeif|column|branch|remote|url|\
    attr|commitgraph|core|diff|feature|i18n|index|mailmap|sparse)\\.|\
    ^(author|committer|user)\\.(email|name|useconfigonly)$|^fetch\\.negotiationalgorithm$|^(fetch|gc)\\.writecommitgraph$|\
    ^pack\\.(compression|packsizelimit|readreverseindex|usebitmapboundarytraversal|usesparse)$|^push\\.default$";

/// From which configuration an entry came, as `git config --show-scope` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// The machine's.
    System,
    /// The user's.
    Global,
    /// The repository's.
    Local,
    /// The worktree's (`extensions.worktreeConfig`).
    Worktree,
    /// `git -c`, or `GIT_CONFIG_COUNT`.
    Command,
}

impl Scope {
    /// Every scope, the weakest first.
    pub const ALL: [Self; 5] = [Self::System, Self::Global, Self::Local, Self::Worktree, Self::Command];

    /// git's name for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Global => "global",
            Self::Local => "local",
            Self::Worktree => "worktree",
            Self::Command => "command",
        }
    }
}

/// One value in git's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its scope.
    pub scope: Scope,
    /// Its file, or what else git says of its origin.
    pub origin: Arc<str>,
    /// The section and the key, lower-cased by git; the subsection between them as written.
    pub key: String,
    /// Its value; none: the key stands alone, which git reads as true.
    pub value: Option<BString>,
}

/// The git command that lists the entries.
pub const LISTING: [&str; 6] = ["config", "--get-regexp", "-z", "--show-scope", "--show-origin", PATTERN];

/// The process that lists the entries.
pub fn listing(git: &Git) -> Invocation {
    git.here(&LISTING)
}

/// Reads what [`listing`] printed. `None` where it is not of the expected form.
pub fn parse(output: &[u8]) -> Option<Vec<Entry>> {
    let mut fields = output.split_str(b"\0");
    let mut entries = Vec::new();
    loop {
        let scope = fields.next()?;
        if scope.is_empty() {
            return fields.next().is_none().then_some(entries);
        }
        let origin = fields.next()?;
        let pair = fields.next()?;
        // Entries of another scope (`submodule`, say) set nothing here.
        let Some(scope) = Scope::ALL.into_iter().find(|known| scope == known.name().as_bytes()) else { continue };
        let (key, value) = match pair.find_byte(b'\n') {
            Some(at) => (&pair[..at], Some(BString::from(&pair[at + 1..]))),
            None => (pair, None),
        };
        let origin = origin.strip_prefix(b"file:").unwrap_or(origin).to_str_lossy();
        // Entries of one file come one after the other: they share its name.
        let shared = entries.last().map(|last: &Entry| &last.origin).filter(|last| ***last == *origin).cloned();
        let origin = shared.unwrap_or_else(|| origin.into());
        entries.push(Entry { scope, origin, key: key.to_str_lossy().into_owned(), value });
    }
}

/// Reads a boolean as git does. (Rule: `git_parse_maybe_bool` in git's parse.c.)
pub fn boolean(value: Option<&[u8]>) -> Option<bool> {
    let Some(value) = value else { return Some(true) };
    let text = value.to_str().ok()?.to_ascii_lowercase();
    match text.as_str() {
        "true" | "yes" | "on" => Some(true),
        "false" | "no" | "off" | "" => Some(false),
        number => {
            let digits = number.strip_prefix('-').unwrap_or(number);
            let count = crate::text::size::count(digits)?;
            i32::try_from(count).ok().map(|count| count != 0)
        }
    }
}

/// The last entry of a key without a subsection: the one that counts for git.
pub fn last<'a>(entries: &'a [Entry], key: &str) -> Option<&'a Entry> {
    entries.iter().rev().find(|entry| entry.key == key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_scopes_values_and_lone_keys() {
        let output = b"local\0file:.git/config\0wtcheck.test.command\nmake\ntwice\0global\0file:/h/.gitconfig\0wtcheck.failfast\0command\0command line:\0wtcheck.timeout\n\0";
        let entries = parse(output).expect("well-formed");
        assert_eq!(entries.len(), 3);
        assert_eq!(entries[0].value.as_ref().expect("a value"), "make\ntwice");
        assert_eq!((entries[1].scope, &entries[1].value), (Scope::Global, &None));
        assert_eq!(entries[2].value.as_ref().expect("a value"), "");
        assert_eq!(&*entries[2].origin, "command line:");
    }

    #[test]
    fn refuses_half_an_entry() {
        assert_eq!(parse(b"local\0file:x"), None);
        assert_eq!(parse(b"local\0file:x\0"), None);
    }

    #[test]
    fn booleans_are_git_s() {
        for (text, value) in [
            ("yes", Some(true)),
            ("ON", Some(true)),
            ("1", Some(true)),
            ("2k", Some(true)),
            ("0", Some(false)),
            ("", Some(false)),
            ("no", Some(false)),
            ("maybe", None),
            ("2147483648", None),
        ] {
            assert_eq!(boolean(Some(text.as_bytes())), value, "{text}");
        }
        assert_eq!(boolean(None), Some(true));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(output: Vec<u8>) {
            parse(&output);
            boolean(Some(&output));
        }

        #[test]
        fn what_git_prints_is_read_back(values in proptest::collection::vec("[a-z=\\n ]{0,8}", 0..5)) {
            let print = |value: &String| format!("local\0file:.git/config\0wtcheck.checks\n{value}\0");
            let entries = parse(values.iter().map(print).collect::<String>().as_bytes()).expect("well-formed");
            let read: Vec<_> = entries.iter().map(|entry| entry.value.as_ref().expect("a value").to_string()).collect();
            assert_eq!(read, values);
        }
    }
}

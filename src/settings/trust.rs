//! What a repository's own file may make run: nothing, until exactly that has been approved.
//!
//! An approval is a small file outside the repository, one for each pair of a repository and a set of definitions, so
//! that two approvals at once cannot lose one another. It is made of the definitions as they were read, and what is run
//! is made of the same reading: a file that changes in between changes nothing.

use std::collections::{BTreeMap, HashSet};
use std::io::{self, ErrorKind, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use figment::value::{Dict, Value};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::checks::built_in;
use crate::environment::Environment;
use crate::git::regular_file::{self, Links};
use crate::settings::check_keys::CODE_KEYS;
use crate::settings::literal;
use crate::settings::run_keys::INHERITS;
use crate::text::name::identifier;
use crate::text::quote;

/// What of a file decides which command runs, by its path (`check.test.command`), each as JSON: what a check runs, that
/// it is enabled, and what leads to checks and profiles that the file itself does not define.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Code(BTreeMap<Vec<String>, serde_json::Value>);

impl Code {
    /// That of a file as it was read, in every profile; `others`: all other layers.
    pub(super) fn of<'a>(data: &Dict, others: impl Iterator<Item = &'a Dict>) -> Self {
        let none = Dict::new();
        let profiles = data.get("profile").and_then(Value::as_dict).unwrap_or(&none);
        let own = Own::of(data, others);
        let mut code = Self::default();
        code.gather(data, &[], &own);
        for (name, keys) in profiles {
            let Value::Dict(_, keys) = keys else { continue };
            code.gather(keys, &["profile", name], &own);
            if let Some(value) = keys.get(INHERITS.name)
                && value.as_str().is_none_or(|other| !profiles.contains_key(other))
            {
                code.add(&["profile", name, INHERITS.name], value);
            }
        }
        code
    }

    fn gather(&mut self, data: &Dict, prefix: &[&str], own: &Own) {
        if let Some(value) = data.get("checks").filter(|value| !own.holds_names(value)) {
            self.add(&[prefix, &["checks"]].concat(), value);
        }
        let Some(Value::Dict(_, checks)) = data.get("check") else { return };
        for (name, keys) in checks {
            let Value::Dict(_, keys) = keys else { continue };
            for (key, value) in keys {
                let covered = match key.as_str() {
                    "enabled" => value.to_bool() != Some(false),
                    // Over what another layer says of a check of its own, these let it run where it would not.
                    "needs" => !own.holds(name) || !own.holds_names(value),
                    "when" | "fail-if" => !own.holds(name) || !own.holds_expression(value),
                    key => CODE_KEYS.contains(&key),
                };
                if covered {
                    self.add(&[prefix, &["check", name.as_str(), key.as_str()]].concat(), value);
                }
            }
        }
    }

    fn add(&mut self, path: &[&str], value: &Value) {
        if let Ok(value) = serde_json::to_value(value) {
            self.0.insert(path.iter().map(|part| (*part).to_owned()).collect(), value);
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each definition: its path and its value.
    pub fn definitions(&self) -> impl Iterator<Item = (&[String], &serde_json::Value)> {
        self.0.iter().map(|(path, value)| (path.as_slice(), value))
    }

    /// The SHA-256 of their normal form: a JSON array of pairs in the order of their paths.
    pub fn digest(&self) -> String {
        let pairs: Vec<(&Vec<String>, &serde_json::Value)> = self.0.iter().collect();
        // A JSON value always has a text: no failure could give two sets one digest.
        hex(&Sha256::digest(serde_json::json!(pairs).to_string()))
    }
}

/// The checks that a file defines itself and no other layer does, by their names and by those that expressions have for
/// them. Built-in checks are nobody's.
struct Own {
    names: HashSet<String>,
    identifiers: HashSet<String>,
}

impl Own {
    fn of<'a>(data: &Dict, others: impl Iterator<Item = &'a Dict>) -> Self {
        let mut names = commands(data);
        names.extend(built_in().map(|kind| kind.name().to_owned()));
        for name in others.flat_map(commands) {
            names.remove(&name);
        }
        let identifiers = names.iter().map(|name| identifier(name)).collect();
        Self { names, identifiers }
    }

    fn holds(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    fn holds_names(&self, value: &Value) -> bool {
        match value {
            Value::String(_, text) => text.split_whitespace().all(|name| self.holds(name)),
            Value::Array(_, items) => items.iter().all(|item| item.as_str().is_some_and(|name| self.holds(name))),
            _ => false,
        }
    }

    /// Whether every word of an expression is known to name nothing of another layer. The words of CEL's own that are
    /// not told apart here, and those in quotes, only make one be asked about that would not have to be.
    fn holds_expression(&self, value: &Value) -> bool {
        const WORDS: [&str; 5] = ["worktree", "true", "false", "null", "in"];
        let Some(text) = value.as_str() else { return false };
        let in_word = |c: char| c.is_alphanumeric() || c == '_';
        let mut before = ' ';
        text.split_inclusive(|c| !in_word(c)).all(|part| {
            let word = part.trim_end_matches(|c| !in_word(c));
            let last = std::mem::replace(&mut before, part.chars().last().unwrap_or(' '));
            let is_number = word.starts_with(|c: char| c.is_ascii_digit());
            word.is_empty() || last == '.' || is_number || WORDS.contains(&word) || self.identifiers.contains(word)
        })
    }
}

/// The checks to which a layer gives a command, in any profile.
fn commands(data: &Dict) -> HashSet<String> {
    let profiles = data.get("profile").and_then(Value::as_dict).into_iter().flat_map(Dict::values);
    let tables = std::iter::once(data).chain(profiles.filter_map(Value::as_dict));
    let checks = tables.filter_map(|table| table.get("check")?.as_dict()).flatten();
    let defined = checks.filter(|(_, keys)| keys.as_dict().is_some_and(|keys| keys.contains_key("command")));
    defined.map(|(name, _)| name.clone()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// One approval, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// The repository's common folder.
    pub repository: String,
    /// What was approved: [`Code::digest`].
    pub digest: String,
    /// When, in RFC 3339.
    pub approved_at: String,
    /// What, for people to read.
    pub definitions: Vec<String>,
}

/// Where approvals are kept. Nothing that a repository controls decides where that is.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
}

impl Store {
    /// `$XDG_STATE_HOME/git-wtcheck/trust`; none where there is no home either.
    pub fn of(environment: &Environment) -> Option<Self> {
        let absolute = |name: &str| environment.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let base = absolute("XDG_STATE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/state")))?;
        Some(Self { folder: base.join("git-wtcheck/trust") })
    }

    fn file(&self, common_dir: &Path, digest: &str) -> PathBuf {
        // The same repository by another name is the same repository.
        let real = common_dir.canonicalize().unwrap_or_else(|_| common_dir.to_owned());
        let repository = hex(&Sha256::digest(real.as_os_str().as_bytes()));
        self.folder.join(format!("{}-{digest}.json", &repository[..32]))
    }

    /// Whether these definitions are approved for this repository.
    pub fn approves(&self, common_dir: &Path, code: &Code) -> bool {
        let digest = code.digest();
        read(&self.file(common_dir, &digest)).is_ok_and(|approval| approval.digest == digest)
    }

    /// Approves definitions for a repository: written beside its place and moved into it, readable by this user alone.
    pub fn approve(&self, common_dir: &Path, code: &Code, approved_at: String) -> io::Result<()> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let shown = |(path, value): (&[String], &serde_json::Value)| {
            format!("{} = {}", quote::toml_path(path), literal::toml(value))
        };
        let approval = Approval {
            repository: common_dir.to_string_lossy().into_owned(),
            digest: code.digest(),
            approved_at,
            definitions: code.definitions().map(shown).collect(),
        };
        let place = self.file(common_dir, &approval.digest);
        let beside = place.with_extension(format!("{}.tmp", std::process::id()));
        let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        let written =
            serde_json::to_vec_pretty(&approval).map_err(io::Error::from).and_then(|content| file.write_all(&content));
        written.and_then(|()| file.sync_all()).and_then(|()| std::fs::rename(&beside, &place)).inspect_err(|_| {
            let _ = std::fs::remove_file(&beside);
        })
    }

    /// Every approval there is, and every file that should be one and cannot be read as one.
    pub fn list(&self) -> io::Result<(Vec<Approval>, Vec<Unread>)> {
        let (mut approvals, mut unread) = (Vec::new(), Vec::new());
        for path in self.files()? {
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            match read(&path) {
                Ok(approval) => approvals.push(approval),
                Err(error) => unread.push(Unread { path, error }),
            }
        }
        let place = |approval: &Approval| (approval.repository.clone(), approval.approved_at.clone());
        approvals.sort_by_key(place);
        Ok((approvals, unread))
    }

    /// Takes back every approval for a repository. Gives how many there were, and what could not be removed.
    ///
    /// What belongs to the repository is told by its name alone: nothing in a file, and no fault of another, keeps an
    /// approval.
    pub fn revoke(&self, common_dir: &Path) -> io::Result<(usize, Vec<Unread>)> {
        let of_repository = self.file(common_dir, "");
        let prefix = of_repository.file_stem().map(|stem| stem.as_bytes().to_vec()).unwrap_or_default();
        let (mut revoked, mut kept) = (0, Vec::new());
        for path in self.files()? {
            if !path.file_name().is_some_and(|name| name.as_bytes().starts_with(&prefix)) {
                continue;
            }
            let is_folder = path.symlink_metadata().is_ok_and(|there| there.is_dir());
            let removed = if is_folder { std::fs::remove_dir(&path) } else { std::fs::remove_file(&path) };
            match removed {
                Ok(()) => revoked += usize::from(path.extension().is_some_and(|extension| extension == "json")),
                // Another that takes approvals back was faster.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => kept.push(Unread { path, error }),
            }
        }
        Ok((revoked, kept))
    }

    /// Everything that lies in the store, by name. Where the store is no folder, nothing can lie in it.
    fn files(&self) -> io::Result<Vec<PathBuf>> {
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Ok(Vec::new());
            }
            Err(error) => return Err(error),
        };
        let mut files = entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
        files.sort();
        Ok(files)
    }
}

/// What lies in the store and could not be read, or not be removed.
#[derive(Debug)]
pub struct Unread {
    /// What.
    pub path: PathBuf,
    /// Why.
    pub error: io::Error,
}

/// An approval holds what it approves, in two forms, and a settings file is at most 1 MiB.
const LARGEST_APPROVAL: usize = 16 << 20;

fn read(path: &Path) -> io::Result<Approval> {
    let content = regular_file::contents(path, Links::Refused, LARGEST_APPROVAL)?;
    serde_json::from_slice(&content).map_err(|_| io::Error::other("it is no approval"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covered(pairs: &[(&str, &str, Value)]) -> Vec<String> {
        let mut checks = Dict::new();
        for (check, key, value) in pairs {
            let slot = checks.entry((*check).to_owned()).or_insert_with(|| Value::from(Dict::new()));
            if let Value::Dict(_, keys) = slot {
                keys.insert((*key).to_owned(), value.clone());
            }
        }
        let data = Dict::from([("check".to_owned(), Value::from(checks))]);
        let other = Value::from(Dict::from([("command".to_owned(), Value::from("y"))]));
        let other = Dict::from([("check".to_owned(), Value::from(Dict::from([("shared".to_owned(), other)])))]);
        Code::of(&data, std::iter::once(&other)).definitions().map(|(path, _)| path[1..].join(".")).collect()
    }

    #[test]
    fn what_leads_to_checks_of_others_is_covered_and_what_does_not_is_not() {
        let own = [("test", "command", Value::from("x")), ("shared", "command", Value::from("x"))];
        for (key, text, is_covered) in [
            ("when", "status.dirty && worktree.branch != null", false),
            ("when", "1 + 2 == 3 || !test.passed", false),
            ("when", "deploy.passed", true),
            ("when", "status.dirty || my_test.passed", true),
            ("when", "status .dirty||x .deploy", true),
            ("fail-if", "_deploy.passed", true),
            ("needs", "status test", false),
            ("needs", "status deploy", true),
            ("needs", "shared", true),
            ("enabled", "true", true),
            ("timeout", "1s", false),
        ] {
            let found = covered(&[own.as_slice(), &[("test", key, Value::from(text))]].concat());
            assert_eq!(found.contains(&format!("test.{key}")), is_covered, "{key} = {text}");
        }
        // Put onto a check of another layer, they are always.
        assert_eq!(covered(&[("deploy", "when", Value::from("true"))]), ["deploy.when"]);
        assert_eq!(covered(&[("log", "when", Value::from("true"))]), [""; 0], "a built-in one is nobody's");
    }
}

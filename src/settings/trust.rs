//! What a repository's own file may make run: nothing, until exactly that has been approved.
//!
//! An approval is a small file outside the repository, one for each pair of a repository and a set of definitions, so that
//! two approvals at once cannot lose one another. It is made of the definitions as they were read, and what is run is made
//! of the same reading: a file that changes in between changes nothing.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use figment::value::{Dict, Value};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::model::environment::Environment;
use crate::settings::reading::{self, Links};
use crate::settings::schema::CODE_KEYS;
use crate::text::quote;

/// The definitions of a file that can run code, by their path (`check.test.command`), each as JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Code(BTreeMap<Vec<String>, serde_json::Value>);

impl Code {
    /// Those of a file as it was read, in every profile.
    pub(super) fn of(data: &Dict) -> Self {
        let mut code = Self::default();
        code.gather(data, &[]);
        if let Some(Value::Dict(_, profiles)) = data.get("profile") {
            for (name, keys) in profiles {
                if let Value::Dict(_, keys) = keys {
                    code.gather(keys, &["profile", name]);
                }
            }
        }
        code
    }

    fn gather(&mut self, data: &Dict, prefix: &[&str]) {
        let Some(Value::Dict(_, checks)) = data.get("check") else { return };
        for (name, keys) in checks {
            let Value::Dict(_, keys) = keys else { continue };
            for key in CODE_KEYS {
                if let Some(value) = keys.get(key).and_then(|value| serde_json::to_value(value).ok()) {
                    let path =
                        prefix.iter().chain(&["check", name.as_str(), key]).map(|part| (*part).to_owned()).collect();
                    self.0.insert(path, value);
                }
            }
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
            format!("{} = {}", quote::toml_path(path), super::written::toml(value))
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
    /// What belongs to the repository is told by its name alone: nothing in a file, and no fault of another, keeps an approval.
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
    let content = reading::contents(path, Links::Refused, LARGEST_APPROVAL)?;
    serde_json::from_slice(&content).map_err(|_| io::Error::other("it is no approval"))
}

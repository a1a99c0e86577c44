//! Every layer as it is read, the weakest first: files, git's configuration, the environment.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use figment::value::Dict;

use crate::environment::Environment;
use crate::git::config::Entry;
use crate::git::regular_file::{self, Links};
use crate::settings::diagnostic::{Diagnostic, Findings};
use crate::settings::files::Files;
use crate::settings::gitconfig;
use crate::settings::key::folded;
use crate::settings::names::Admitted;
use crate::settings::origin::{Layer, Origin};
use crate::settings::provenance::Placed;
use crate::settings::run_keys::TopKeys;
use crate::settings::toml_file::{self, Document};
use crate::settings::unknown_key::unknown;

/// What the layers are read from.
pub struct Sources<'a> {
    /// The environment.
    pub environment: &'a Environment,
    /// git's configuration.
    pub entries: &'a [Entry],
    /// The top of the worktree in which the user stands.
    pub toplevel: Option<&'a Path>,
    /// The file that `--config` names.
    pub named_file: Option<&'a Path>,
    /// The profile that `--profile` names.
    pub profile: Option<&'a str>,
    /// What the command line says.
    pub command_line: TopKeys,
}

impl<'a> Sources<'a> {
    /// The profile that is chosen.
    pub(super) fn chosen_profile(&self) -> Option<&'a str> {
        self.profile.or_else(|| self.environment.text(PROFILE))
    }
}

/// Every layer but the command line, as it was read.
#[derive(Debug, Default)]
pub(super) struct Layers {
    /// What each says, the weakest first.
    pub(super) placed: Vec<Placed>,
    /// The files among them.
    pub(super) files: Files,
    /// What reading them has found.
    pub(super) findings: Findings,
}

impl Layers {
    /// Reads them all. All faults are found, not only the first.
    pub(super) fn read(sources: &Sources<'_>) -> Self {
        let (mut layers, mut admitted) = (Self::default(), Admitted::default());
        if let Some(path) = user_file(sources.environment) {
            layers.add_file(&path, Layer::User, &mut admitted);
        }
        let (of_git, findings) = gitconfig::layers(sources.entries, &mut admitted);
        layers.placed.extend(of_git);
        layers.findings.append(findings);
        match (sources.named_file, sources.toplevel) {
            (Some(path), _) => {
                let path = sources.environment.directory().join(path);
                layers.add_file(&path, Layer::NamedFile, &mut admitted);
            }
            (None, Some(top)) => layers.add_file(&top.join(".wtcheck.toml"), Layer::RepositoryFile, &mut admitted),
            (None, None) => {}
        }
        let (placed, findings) = variables(sources.environment);
        layers.placed.push(placed);
        layers.findings.append(findings);
        layers.placed.sort_by_key(|placed| placed.origin.layer);
        layers
    }

    fn add_file(&mut self, path: &Path, layer: Layer, admitted: &mut Admitted) {
        let origin = Origin { layer, file: Some(path.display().to_string().into()) };
        let content = match contents(path, layer) {
            Ok(content) => content,
            // A link that leads nowhere is there, and cannot be read.
            Err(error)
                if error.kind() == ErrorKind::NotFound
                    && layer != Layer::NamedFile
                    && path.symlink_metadata().is_err() =>
            {
                return;
            }
            Err(error) => {
                // The user's own file may be on a disk that is away; what the repository or the command line names must
                // be read.
                let Findings { errors, warnings } = &mut self.findings;
                let list = if layer == Layer::User { warnings } else { errors };
                return list.add(|| unreadable(origin, &error));
            }
        };
        match toml_file::read(content, origin, admitted) {
            Ok(Document { placed, file, places, findings }) => {
                self.files.add(&placed.origin, file, places);
                self.placed.push(placed);
                self.findings.append(findings);
            }
            Err(fault) => self.findings.errors.add(|| fault),
        }
    }
}

/// The user's file, by the XDG rules.
fn user_file(environment: &Environment) -> Option<PathBuf> {
    let absolute = |name: &str| environment.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute("XDG_CONFIG_HOME").or_else(|| absolute("HOME").map(|home| home.join(".config")))?;
    Some(base.join("git-wtcheck/config.toml"))
}

fn unreadable(origin: Origin, error: &io::Error) -> Diagnostic {
    let is_of_repository = origin.layer == Layer::RepositoryFile;
    let diagnostic = Diagnostic { origin: Some(origin), ..Diagnostic::new(format!("cannot be read: {error}")) };
    if is_of_repository {
        let remedy =
            "only a regular file of the worktree is read here; '--config FILE' reads one that you name yourself";
        diagnostic.remedy(remedy)
    } else {
        diagnostic
    }
}

/// Larger files are no settings.
const LARGEST_FILE: usize = 1 << 20;

/// A repository's own file is a file in the worktree: a link could lead to what its author may not read and the user
/// may.
fn contents(path: &Path, layer: Layer) -> io::Result<String> {
    let links = if layer == Layer::RepositoryFile { Links::Refused } else { Links::Followed };
    let bytes = regular_file::contents(path, links, LARGEST_FILE)?;
    String::from_utf8(bytes).map_err(|_| io::Error::other("it is not UTF-8"))
}

/// The variable that chooses a profile.
const PROFILE: &str = "GIT_WTCHECK_PROFILE";

fn variables(environment: &Environment) -> (Placed, Findings) {
    let origin = Origin::of(Layer::Environment);
    let (mut data, mut findings) = (Dict::new(), Findings::default());
    for (name, value) in environment.variables() {
        let Some(key) = name.to_str().and_then(|name| name.strip_prefix("GIT_WTCHECK_")) else { continue };
        if value.is_empty() || name == PROFILE {
            continue;
        }
        let Some(value) = value.to_str() else {
            findings.errors.add(|| Diagnostic::of(&origin, &[key], "not UTF-8"));
            continue;
        };
        let name = key.replace('_', "-");
        match folded(TopKeys::KEYS, &name) {
            Some(key) => {
                data.insert(key.name.to_owned(), gitconfig::value(key.shape, &[Some(value)]));
            }
            None => findings.warnings.add(|| unknown(&origin, &[&name.to_lowercase()], TopKeys::KEYS, false)),
        }
    }
    (Placed { origin, data }, findings)
}

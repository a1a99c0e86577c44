//! The layers of settings, the weakest first, and the merging of them (figment).

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::value::{Dict, Value};

use crate::git::config::Entry;
use crate::model::environment::Environment;
use crate::settings::diagnostic::{Diagnostic, Faults};
use crate::settings::document;
use crate::settings::files::Files;
use crate::settings::gitconfig;
use crate::settings::names::Admitted;
use crate::settings::origin::{Layer, Origin, Placed};
use crate::settings::profile;
use crate::settings::reading::{self, Links};
use crate::settings::schema::{CheckKeys, TopKeys, folded};
use crate::settings::take::{Marked, unknown};
use crate::settings::trust::Code;

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
    pub command_line: Vec<(&'static str, Value)>,
}

/// Every layer, merged and typed, not yet resolved.
#[derive(Debug, Default)]
pub struct Merged {
    /// The keys of the run.
    pub top: TopKeys,
    /// The keys of each check that some layer defines.
    pub checks: BTreeMap<String, CheckKeys>,
    /// Where each check is spoken of, also where it sets no key that is known.
    pub places: BTreeMap<String, Origin>,
    /// Checks of which what makes them checks (`kind`, `command`) is wrong: enough is said of them by that.
    pub broken: BTreeSet<String>,
    /// For each check, what the repository's own file would make it run: key and origin.
    pub unapproved: BTreeMap<String, Vec<(&'static str, Origin)>>,
    /// What the repository's own file could make run, whichever profile is chosen: what an approval covers.
    pub code: Code,
    /// What all other layers say, where there is such a file and nobody has approved it.
    pub without: Option<Box<Without>>,
    /// Every layer as it was read, the weakest first.
    pub layers: Vec<(Origin, Dict)>,
    /// The files among them.
    pub files: Files,
    /// The profiles that were laid over the rest, the weakest first.
    pub profiles: Vec<String>,
    /// What is wrong but stops nothing.
    pub warnings: Faults,
    /// What is wrong and stops the run.
    pub errors: Faults,
    /// Those of the errors that were found before any value was looked at: of files, names and the choice of a profile.
    pub(super) of_reading: Faults,
    /// The tables that have been let in.
    pub(super) admitted: Admitted,
}

/// What the layers say without the repository's own file: what runs only because of that file is not in it.
#[derive(Debug, Default)]
pub struct Without {
    /// The keys of the run.
    pub top: TopKeys,
    /// The keys of each check.
    pub checks: BTreeMap<String, CheckKeys>,
}

/// Reads and merges every layer. All faults are found, not only the first.
pub fn read(sources: &Sources<'_>) -> Merged {
    let mut merged = Merged::default();
    let mut layers: Vec<Placed> = Vec::new();
    if let Some(path) = user_file(sources.environment) {
        layers.extend(file(&path, Layer::User, &mut merged));
    }
    let git = gitconfig::layers(sources.entries, Layer::of_scope, &mut merged);
    let (weak, strong): (Vec<_>, Vec<_>) =
        git.into_iter().partition(|placed| placed.origin.layer < Layer::RepositoryFile);
    layers.extend(weak);
    match (sources.named_file, sources.toplevel) {
        (Some(path), _) => {
            layers.extend(file(&sources.environment.directory().join(path), Layer::NamedFile, &mut merged));
        }
        (None, Some(top)) => layers.extend(file(&top.join(".wtcheck.toml"), Layer::RepositoryFile, &mut merged)),
        (None, None) => {}
    }
    let (strong, command): (Vec<_>, Vec<_>) =
        strong.into_iter().partition(|placed| placed.origin.layer < Layer::Environment);
    layers.extend(strong);
    layers.push(variables(sources.environment, &mut merged));
    layers.extend(command);
    let said = sources.command_line.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    layers.push(Placed { origin: Origin::of(Layer::CommandLine), data: said });

    merged.layers = layers.iter().map(|placed| (placed.origin.clone(), placed.data.clone())).collect();
    let chosen = sources.profile.or_else(|| sources.environment.text(PROFILE));
    if let Some(placed) = layers.iter().find(|placed| placed.origin.layer == Layer::RepositoryFile) {
        let others = layers.iter().filter(|other| other.origin.layer != Layer::RepositoryFile).map(|other| &other.data);
        merged.code = Code::of(&placed.data, others);
        // A file that leads to nothing can be left in: it makes no difference to what runs.
        if !merged.code.is_empty() {
            merged.without = Some(Box::new(without(&merged, chosen)));
        }
    }

    // A profile lies over every file and all of git's configuration; what is said for this one run lies over the profile.
    let (lasting, passing): (Vec<_>, Vec<_>) =
        layers.into_iter().partition(|placed| placed.origin.layer < Layer::Environment);
    let lasting = lasting.into_iter().fold(Figment::new(), Figment::merge);
    let overlays = overlays(&lasting, chosen, &mut merged);
    let figment = overlays.into_iter().fold(lasting, Figment::merge);
    let figment = passing.into_iter().fold(figment, Figment::merge);
    let marked = Marked::of(&figment, &mut merged.errors);
    drop(figment);
    marked.take(&mut merged);
    merged.annotate();
    merged
}

/// Merges all layers but the repository's own file. What is wrong is said elsewhere.
fn without(merged: &Merged, chosen: Option<&str>) -> Without {
    let others = merged.layers.iter().filter(|(origin, _)| origin.layer != Layer::RepositoryFile);
    let placed = |(origin, data): &(Origin, Dict)| Placed { origin: origin.clone(), data: data.clone() };
    let (lasting, passing): (Vec<_>, Vec<_>) = others.partition(|(origin, _)| origin.layer < Layer::Environment);
    let lasting = lasting.into_iter().map(placed).fold(Figment::new(), Figment::merge);
    let mut alone = Merged::default();
    let overlays = profile::chain(&Marked::of(&lasting, &mut alone.errors), chosen, &mut alone);
    let figment = overlays.into_iter().fold(lasting, Figment::merge);
    let figment = passing.into_iter().map(placed).fold(figment, Figment::merge);
    Marked::of(&figment, &mut alone.errors).take(&mut alone);
    Without { top: alone.top, checks: alone.checks }
}

/// The chosen profiles, the weakest first; none where any profile is wrong: that is said, and said once.
fn overlays(lasting: &Figment, chosen: Option<&str>, merged: &mut Merged) -> Vec<profile::Overlay> {
    let marked = Marked::of(lasting, &mut merged.errors);
    let overlays = profile::chain(&marked, chosen, merged);
    merged.of_reading = merged.errors.clone();
    profile::check_all(&marked, merged);
    if merged.errors.is_empty() { overlays } else { Vec::new() }
}

/// The variable that chooses a profile.
const PROFILE: &str = "GIT_WTCHECK_PROFILE";

impl Merged {
    /// Whether anything depends on the approval of the repository's own file.
    pub fn asks_for_approval(&self) -> bool {
        !self.unapproved.is_empty() || self.without.is_some()
    }

    /// Lets what the repository's own file says be as good as what any other layer says.
    pub fn approve(&mut self) {
        self.unapproved.clear();
        self.without = None;
    }

    fn annotate(&mut self) {
        for faults in [&mut self.errors, &mut self.warnings, &mut self.of_reading] {
            self.files.annotate(faults.told_mut());
        }
    }
}

/// What is wrong in each layer by itself, also where a stronger one hides it; the warnings among it.
pub fn faults(merged: &Merged) -> Faults {
    let mut found = merged.warnings.clone();
    found.append(merged.of_reading.clone());
    for (origin, layer) in &merged.layers {
        let figment = Figment::from(Placed { origin: origin.clone(), data: layer.clone() });
        let mut alone = Merged { files: merged.files.clone(), ..Merged::default() };
        let marked = Marked::of(&figment, &mut alone.errors);
        profile::check_all(&marked, &mut alone);
        marked.take(&mut alone);
        alone.annotate();
        found.append(alone.errors);
    }
    found
}

/// The user's file, by the XDG rules.
fn user_file(environment: &Environment) -> Option<PathBuf> {
    let absolute = |name: &str| environment.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute("XDG_CONFIG_HOME").or_else(|| absolute("HOME").map(|home| home.join(".config")))?;
    Some(base.join("git-wtcheck/config.toml"))
}

/// Larger files are no settings.
const LARGEST_FILE: usize = 1 << 20;

fn file(path: &Path, layer: Layer, merged: &mut Merged) -> Option<Placed> {
    let origin = Origin { layer, file: Some(path.display().to_string().into()) };
    let content = match contents(path, layer) {
        Ok(content) => content,
        // A link that leads nowhere is there, and cannot be read.
        Err(error)
            if error.kind() == ErrorKind::NotFound && layer != Layer::NamedFile && path.symlink_metadata().is_err() =>
        {
            return None;
        }
        Err(error) => {
            let mut diagnostic =
                Diagnostic { origin: Some(origin), ..Diagnostic::new(format!("cannot be read: {error}")) };
            if layer == Layer::RepositoryFile {
                let remedy = "only a regular file of the worktree is read here; '--config FILE' reads one that you name yourself";
                diagnostic = diagnostic.remedy(remedy);
            }
            // The user's own file may be on a disk that is away; what the repository or the command line names must be read.
            let list = if layer == Layer::User { &mut merged.warnings } else { &mut merged.errors };
            list.add(|| diagnostic);
            return None;
        }
    };
    document::read(content, origin, merged)
}

/// A repository's own file is a file in the worktree: a link could lead to what its author may not read and the user may.
fn contents(path: &Path, layer: Layer) -> std::io::Result<String> {
    let links = if layer == Layer::RepositoryFile { Links::Refused } else { Links::Followed };
    let bytes = reading::contents(path, links, LARGEST_FILE)?;
    String::from_utf8(bytes).map_err(|_| std::io::Error::other("it is not UTF-8"))
}

fn variables(environment: &Environment, merged: &mut Merged) -> Placed {
    let origin = Origin::of(Layer::Environment);
    let mut data = Dict::new();
    for (name, value) in environment.variables() {
        let Some(key) = name.to_str().and_then(|name| name.strip_prefix("GIT_WTCHECK_")) else { continue };
        if value.is_empty() || name == PROFILE {
            continue;
        }
        let Some(value) = value.to_str() else {
            merged.errors.add(|| Diagnostic::of(&origin, &[key], "not UTF-8"));
            continue;
        };
        match folded(TopKeys::KEYS, &key.replace('_', "-")) {
            Some(key) => {
                data.insert(key.name.to_owned(), gitconfig::value(key.shape, &[Some(value)]));
            }
            None => {
                merged
                    .warnings
                    .add(|| unknown(&origin, &[&key.replace('_', "-").to_lowercase()], TopKeys::KEYS, false));
            }
        }
    }
    Placed { origin, data }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::config::Scope;

    use crate::settings::Settings;
    use proptest::prelude::*;
    use proptest::test_runner::TestRunner;

    /// Values, right and wrong, of every type that TOML has.
    const VALUES: [&str; 24] = [
        "1",
        "-1",
        "0",
        "99999999999999",
        "1.5",
        "nan",
        "-inf",
        "1e300",
        "true",
        "\"10s\"",
        "\"\"",
        "\"status log\"",
        "\"a\\u0000\"",
        "[]",
        "[\"log\"]",
        "[1, \"x\"]",
        "[[]]",
        "{}",
        "{ A = \"1\" }",
        "{ \"=\" = 1 }",
        "{ timeout = 1 }",
        "1979-05-27",
        "07:32:00",
        "'''\n'''",
    ];

    fn survives(folder: &Path, toml: &str, entries: &[Entry]) {
        let path = folder.join(".wtcheck.toml");
        std::fs::write(&path, toml).expect("a file");
        let environment = Environment::of_this_process().with("XDG_CONFIG_HOME", folder);
        for named_file in [None, Some(path.as_path())] {
            let sources = Sources {
                environment: &environment,
                entries,
                toplevel: Some(folder),
                named_file,
                profile: None,
                command_line: Vec::new(),
            };
            let merged = read(&sources);
            let faults = [merged.errors.clone(), merged.warnings.clone()].map(Faults::into_told).concat();
            let faults = faults.iter().map(ToString::to_string).collect::<Vec<_>>();
            assert!(faults.iter().all(|fault| fault.len() < 2000), "{faults:?}");
            if let Err(faults) = Settings::resolve(merged) {
                assert!(!faults.is_empty());
            }
            super::faults(&read(&sources));
        }
    }

    fn key() -> impl Strategy<Value = String> {
        let known: Vec<&str> = TopKeys::KEYS.iter().chain(CheckKeys::KEYS).map(|key| key.name).collect();
        prop_oneof![
            4 => prop::sample::select(known.clone()).prop_map(str::to_owned),
            4 => (prop::sample::select(vec!["log", "test", "run", "a-b", "\"\""]), prop::sample::select(known))
                .prop_map(|(check, key)| format!("check.{check}.{key}")),
            1 => prop::sample::select(vec!["check", "check.log", "zebra", "a.b.c", "\"\\u0000\""]).prop_map(str::to_owned),
        ]
    }

    /// Runs a property over many values, in one folder.
    fn holds<S: Strategy>(values: &S, property: impl Fn(&Path, S::Value)) {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let mut runner =
            TestRunner::new(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() });
        let run = runner.run(values, |value| {
            property(folder.path(), value);
            Ok(())
        });
        run.unwrap_or_else(|error| panic!("{error}"));
    }

    #[test]
    fn no_text_makes_it_panic() {
        holds(&".{0,60}|[ -~\\n]{0,60}", |folder, text| survives(folder, &text, &[]));
    }

    #[test]
    fn no_values_make_it_panic() {
        let pairs = prop::collection::vec((key(), prop::sample::select(&VALUES[..])), 1..5);
        holds(&pairs, |folder, pairs| {
            let lines: Vec<String> = pairs.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
            survives(folder, &lines.concat(), &[]);
        });
    }

    #[test]
    fn no_gitconfig_makes_it_panic() {
        let pairs = (key(), prop::option::of(".{0,12}"), prop::sample::select(&Scope::ALL[..]));
        holds(&prop::collection::vec(pairs, 0..6), |folder, pairs| {
            let entry = |(key, value, scope): (String, Option<String>, Scope)| Entry {
                scope,
                origin: "file".into(),
                key: format!("wtcheck.{}", key.strip_prefix("check.").unwrap_or(&key)),
                value: value.map(Into::into),
            };
            let entries: Vec<_> = pairs.into_iter().map(entry).collect();
            survives(folder, "", &entries);
        });
    }
}

//! The layers of settings, the weakest first, and the merging of them (figment).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use figment::providers::{Format, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider, Source};

use crate::git::config::{Entry, Scope};
use crate::model::environment::Environment;
use crate::settings::diagnostic::{Diagnostic, nearest};
use crate::settings::files::Files;
use crate::settings::gitconfig;
use crate::settings::profile;
use crate::settings::schema::{CODE_KEYS, CheckKeys, Key, TopKeys, folded};
use crate::settings::trust::Code;

/// Where settings come from, the weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// `$XDG_CONFIG_HOME/git-wtcheck/config.toml`.
    User,
    /// gitconfig, the machine's.
    System,
    /// gitconfig, the user's.
    Global,
    /// `.wtcheck.toml` at the top of the worktree in which the user stands.
    RepositoryFile,
    /// The file that `--config` names, in place of the repository's.
    NamedFile,
    /// gitconfig, the repository's.
    Local,
    /// gitconfig, the worktree's.
    Worktree,
    /// `GIT_WTCHECK_...`.
    Environment,
    /// `git -c`.
    GitCommand,
    /// The command line.
    CommandLine,
}

impl Layer {
    const ALL: [Self; 10] = [
        Self::User,
        Self::System,
        Self::Global,
        Self::RepositoryFile,
        Self::NamedFile,
        Self::Local,
        Self::Worktree,
        Self::Environment,
        Self::GitCommand,
        Self::CommandLine,
    ];

    /// Its name, for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user file",
            Self::System => "git system",
            Self::Global => "git global",
            Self::RepositoryFile => "repository file",
            Self::NamedFile => "file",
            Self::Local => "git local",
            Self::Worktree => "git worktree",
            Self::Environment => "environment",
            Self::GitCommand => "git -c",
            Self::CommandLine => "command line",
        }
    }

    const fn of_scope(scope: Scope) -> Self {
        match scope {
            Scope::System => Self::System,
            Scope::Global => Self::Global,
            Scope::Local => Self::Local,
            Scope::Worktree => Self::Worktree,
            Scope::Command => Self::GitCommand,
        }
    }

    /// A key (`timeout`, or `check`, name, `timeout`) as this layer writes it.
    pub fn write_key(self, path: &[&str]) -> String {
        let camel = |name: &str| {
            let key = folded(TopKeys::KEYS, name).or_else(|| folded(CheckKeys::KEYS, name));
            key.map_or_else(|| name.to_owned(), Key::camel)
        };
        match (self, path) {
            (Self::System | Self::Global | Self::Local | Self::Worktree | Self::GitCommand, ["check", name, key]) => {
                format!("wtcheck.{name}.{}", camel(key))
            }
            (Self::System | Self::Global | Self::Local | Self::Worktree | Self::GitCommand, [key]) => {
                format!("wtcheck.{}", camel(key))
            }
            (
                Self::System | Self::Global | Self::Local | Self::Worktree | Self::GitCommand,
                ["profile", name, "check", check, key],
            ) => format!("wtcheck.profile.{name}.{check}.{}", camel(key)),
            (Self::System | Self::Global | Self::Local | Self::Worktree | Self::GitCommand, ["profile", name, key]) => {
                format!("wtcheck.profile.{name}.{}", camel(key))
            }
            (Self::CommandLine, [key]) => format!("--{key}"),
            (Self::Environment, [key]) => format!("GIT_WTCHECK_{}", key.replace('-', "_").to_uppercase()),
            (_, path) => path.join("."),
        }
    }
}

/// Where one value came from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// The layer.
    pub layer: Layer,
    /// The file, where the layer is one.
    pub file: Option<String>,
}

impl Origin {
    /// An origin without a file.
    pub const fn of(layer: Layer) -> Self {
        Self { layer, file: None }
    }

    fn metadata(&self) -> Metadata {
        let metadata = Metadata::named(self.layer.name());
        match &self.file {
            Some(file) => metadata.source(Source::Custom(file.clone())),
            None => metadata,
        }
    }

    fn from_metadata(metadata: &Metadata) -> Option<Self> {
        let layer = Layer::ALL.into_iter().find(|layer| layer.name() == metadata.name)?;
        let file = match &metadata.source {
            Some(Source::Custom(file)) => Some(file.clone()),
            _ => None,
        };
        Some(Self { layer, file })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.layer, &self.file) {
            (Layer::System | Layer::Global | Layer::Local | Layer::Worktree, Some(file)) => {
                write!(f, "{file} ({})", self.layer.name())
            }
            (Layer::User | Layer::RepositoryFile | Layer::NamedFile, Some(file)) => f.write_str(file),
            _ => f.write_str(self.layer.name()),
        }
    }
}

/// A dictionary that came from one place.
pub(super) struct Placed {
    pub(super) origin: Origin,
    pub(super) data: Dict,
}

impl Provider for Placed {
    fn metadata(&self) -> Metadata {
        self.origin.metadata()
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.data.clone()))
    }
}

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
    /// Every layer as it was read, the weakest first.
    pub layers: Vec<(Origin, Dict)>,
    /// The files among them.
    pub files: Files,
    /// The profiles that were laid over the rest, the weakest first.
    pub profiles: Vec<String>,
    /// What is wrong but stops nothing.
    pub warnings: Vec<Diagnostic>,
    /// What is wrong and stops the run.
    pub errors: Vec<Diagnostic>,
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

    if let Some(placed) = layers.iter().find(|placed| placed.origin.layer == Layer::RepositoryFile) {
        merged.code = Code::of(&placed.data);
    }
    merged.layers = layers.iter().map(|placed| (placed.origin.clone(), placed.data.clone())).collect();

    // A profile lies over every file and all of git's configuration; what is said for this one run lies over the profile.
    let (lasting, passing): (Vec<_>, Vec<_>) =
        layers.into_iter().partition(|placed| placed.origin.layer < Layer::Environment);
    let lasting = lasting.into_iter().fold(Figment::new(), Figment::merge);
    let chosen = sources.profile.map(str::to_owned).or_else(|| sources.environment.text(PROFILE).map(str::to_owned));
    let overlays = data(&lasting, &mut merged)
        .map_or_else(Vec::new, |data| profile::chain(&lasting, &data, chosen.as_deref(), &mut merged));
    // What is wrong in a profile is said once.
    let overlays = if merged.errors.is_empty() { overlays } else { Vec::new() };
    let figment = overlays.into_iter().fold(lasting, Figment::merge);
    let figment = passing.into_iter().fold(figment, Figment::merge);
    if let Some(mut data) = data(&figment, &mut merged) {
        data.remove("profile");
        take(&figment, &data, &[], &mut merged);
    }
    merged.annotate();
    merged
}

/// The variable that chooses a profile.
const PROFILE: &str = "GIT_WTCHECK_PROFILE";

fn data(figment: &Figment, merged: &mut Merged) -> Option<Dict> {
    match figment.data() {
        Ok(mut data) => Some(data.remove(&Profile::Default).unwrap_or_default()),
        Err(error) => {
            merged.errors.extend(error.into_iter().map(|error| Diagnostic::new(error.to_string())));
            None
        }
    }
}

impl Merged {
    fn annotate(&mut self) {
        self.files.annotate(&mut self.errors);
        self.files.annotate(&mut self.warnings);
    }
}

/// What is wrong in each layer by itself, also where a stronger one hides it.
pub fn faults(merged: &Merged) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (origin, layer) in &merged.layers {
        let figment = Figment::from(Placed { origin: origin.clone(), data: layer.clone() });
        let mut alone = Merged { files: merged.files.clone(), ..Merged::default() };
        if let Some(mut data) = data(&figment, &mut alone) {
            profile::chain(&figment, &data, None, &mut alone);
            data.remove("profile");
            take(&figment, &data, &[], &mut alone);
        }
        alone.annotate();
        found.append(&mut alone.errors);
        found.append(&mut alone.warnings);
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
const LARGEST_FILE: u64 = 1 << 20;

fn file(path: &Path, layer: Layer, merged: &mut Merged) -> Option<Placed> {
    let origin = Origin { layer, file: Some(path.display().to_string()) };
    let fault = |problem: String| Diagnostic { origin: Some(origin.clone()), ..Diagnostic::new(problem) };
    let content = match contents(path) {
        Ok(content) => content,
        // A link that leads nowhere is there, and cannot be read.
        Err(error)
            if error.kind() == ErrorKind::NotFound && layer != Layer::NamedFile && path.symlink_metadata().is_err() =>
        {
            return None;
        }
        Err(error) => {
            let diagnostic = fault(format!("cannot be read: {error}"));
            // The user's own file may be on a disk that is away; what the repository or the command line names must be read.
            let list = if layer == Layer::User { &mut merged.warnings } else { &mut merged.errors };
            list.push(diagnostic);
            return None;
        }
    };
    match Toml::string(&content).data() {
        Ok(mut data) => {
            merged.files.add(path.display().to_string(), content);
            Some(Placed { origin, data: data.remove(&Profile::Default).unwrap_or_default() })
        }
        Err(error) => {
            let lines: Vec<_> = error.to_string().trim_end().lines().map(|line| shortened(line, 160)).collect();
            merged.errors.push(fault(lines.join("\n")));
            None
        }
    }
}

fn contents(path: &Path) -> std::io::Result<String> {
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(std::io::Error::other("it is not a file"));
    }
    if metadata.len() > LARGEST_FILE {
        return Err(std::io::Error::other("it is larger than 1 MiB"));
    }
    let bytes = std::fs::read(path)?;
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
            merged.errors.push(Diagnostic::of(&origin, &[key], "not UTF-8"));
            continue;
        };
        match folded(TopKeys::KEYS, &key.replace('_', "-")) {
            Some(key) => {
                data.insert(key.name.to_owned(), gitconfig::value(key.shape, &[Some(value)]));
            }
            None => unknown(&origin, &[&key.replace('_', "-").to_lowercase()], TopKeys::KEYS, &mut merged.warnings),
        }
    }
    Placed { origin, data }
}

/// Warns of a key that nothing reads, and offers the nearest that something does.
pub(super) fn unknown(origin: &Origin, path: &[&str], keys: &'static [Key], warnings: &mut Vec<Diagnostic>) {
    let mut diagnostic = Diagnostic { at_key: true, ..Diagnostic::of(origin, path, "unknown key") };
    let name = path.last().copied().unwrap_or_default();
    if let Some(known) = nearest(name, keys.iter().map(|key| key.name)) {
        let mut path = path.to_vec();
        if let Some(last) = path.last_mut() {
            *last = known;
        }
        diagnostic = diagnostic.remedy(format!("did you mean {}?", origin.layer.write_key(&path)));
    } else if let ([_], Some(key)) = (path, folded(CheckKeys::KEYS, name)) {
        let example = origin.layer.write_key(&["check", "NAME", key.name]);
        diagnostic = diagnostic.remedy(format!("it is a key of a check: {example}"));
    } else if let (["check", check, _], Some(key)) = (path, folded(TopKeys::KEYS, name)) {
        let example = origin.layer.write_key(&[key.name]);
        diagnostic = diagnostic.remedy(format!("it is a key of the whole run, not of check '{check}': {example}"));
    }
    warnings.push(diagnostic);
}

/// Takes merged keys over; `prefix` is where they stand (`profile`, name), if not at the top.
pub(super) fn take(figment: &Figment, data: &Dict, prefix: &[&str], merged: &mut Merged) {
    let path = |rest: &[&'_ str]| prefix.iter().chain(rest).map(|part| (*part).to_owned()).collect::<Vec<String>>();
    for (key, value) in data {
        let from = origin(figment, value);
        if key == "check" {
            let Value::Dict(_, checks) = value else {
                let diagnostic = at(&from, &path(&[key]), "expected a table for each check, [check.NAME]");
                merged.errors.push(diagnostic.value(shown(value)).remedy("the list of checks to run is 'checks'"));
                continue;
            };
            for (name, keys) in checks {
                take_check(figment, name, keys, &path(&["check", name]), merged);
            }
            continue;
        }
        match merged.top.take(key, value, &from) {
            Ok(true) => {}
            Ok(false) => {
                unknown(&from, &strs(&path(&[key])), TopKeys::KEYS, &mut merged.warnings);
                if let (Value::Dict(..), Some(warning)) = (value, merged.warnings.last_mut()) {
                    warning.remedy = Some(format!("a check is defined by a table [check.{key}]"));
                }
            }
            Err(error) => merged.errors.push(wrong(&from, &path(&[key]), TopKeys::KEYS, value, &error)),
        }
    }
}

/// Where a value came from. Every value has been given its layer's mark; one without would be the command line's.
pub(super) fn origin(figment: &Figment, value: &Value) -> Origin {
    let marked = figment.get_metadata(value.tag()).and_then(Origin::from_metadata);
    marked.unwrap_or_else(|| match value {
        // A table that several layers put together has no mark of its own.
        Value::Dict(_, entries) => {
            entries.values().next().map_or(Origin::of(Layer::CommandLine), |value| origin(figment, value))
        }
        _ => Origin::of(Layer::CommandLine),
    })
}

fn strs(path: &[String]) -> Vec<&str> {
    path.iter().map(String::as_str).collect()
}

fn at(origin: &Origin, path: &[String], problem: &str) -> Diagnostic {
    Diagnostic::of(origin, &strs(path), problem)
}

fn take_check(figment: &Figment, name: &str, keys: &Value, path: &[String], merged: &mut Merged) {
    merged.places.insert(name.to_owned(), origin(figment, keys));
    let Value::Dict(_, keys) = keys else {
        let diagnostic = at(&origin(figment, keys), path, "expected a table of the check's settings");
        merged.errors.push(diagnostic.value(shown(keys)));
        merged.broken.insert(name.to_owned());
        return;
    };
    let mut check = CheckKeys::default();
    for (key, value) in keys {
        let from = origin(figment, value);
        let path: Vec<String> = path.iter().cloned().chain([key.clone()]).collect();
        match check.take(key, value, &from) {
            Ok(true) => {}
            Ok(false) => unknown(&from, &strs(&path), CheckKeys::KEYS, &mut merged.warnings),
            Err(error) => {
                merged.errors.push(wrong(&from, &path, CheckKeys::KEYS, value, &error));
                if matches!(key.as_str(), "kind" | "command") {
                    merged.broken.insert(name.to_owned());
                }
            }
        }
        if let Some(key) = CODE_KEYS.into_iter().find(|code| code == key) {
            // Of a table, each entry may come from another layer.
            let values = match value {
                Value::Dict(_, entries) => entries.values().map(|value| origin(figment, value)).collect(),
                _ => vec![from],
            };
            if let Some(from) = values.into_iter().find(|from| from.layer == Layer::RepositoryFile) {
                merged.unapproved.entry(name.to_owned()).or_default().push((key, from));
            }
        }
    }
    merged.checks.insert(name.to_owned(), check);
}

/// A value of the wrong type or form: says what stands there, and what is accepted.
fn wrong(origin: &Origin, path: &[String], keys: &'static [Key], value: &Value, error: &figment::Error) -> Diagnostic {
    use figment::error::Kind;
    let key = path.last().and_then(|name| keys.iter().find(|key| key.name == name));
    let problem = match &error.kind {
        Kind::InvalidType(_, expected) | Kind::InvalidValue(_, expected) | Kind::InvalidLength(_, expected) => {
            format!("expected {expected}")
        }
        other => match key {
            Some(key) => format!("expected {} ({other})", key.accepted),
            None => other.to_string(),
        },
    };
    at(origin, path, &problem).value(shown(value))
}

/// A value as TOML would write it, shortened.
fn shown(value: &Value) -> String {
    let whole = match value {
        Value::String(_, text) => format!("{text:?}"),
        Value::Char(_, letter) => format!("{:?}", letter.to_string()),
        Value::Bool(_, flag) => flag.to_string(),
        Value::Num(_, number) => number
            .to_i128()
            .map(|n| n.to_string())
            .or_else(|| number.to_f64().map(|n| n.to_string()))
            .unwrap_or_default(),
        Value::Empty(..) => "nothing".to_owned(),
        // How figment holds a date, which no setting is.
        Value::Dict(_, entries) if entries.contains_key("$__toml_private_datetime") => {
            entries.values().next().and_then(Value::as_str).unwrap_or("a date").to_owned()
        }
        Value::Dict(_, entries) => {
            let entries: Vec<_> = entries.iter().map(|(key, value)| format!("{key} = {}", shown(value))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
        Value::Array(_, items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", ")),
    };
    shortened(&whole, 60)
}

fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            let faults = merged.errors.iter().chain(&merged.warnings).map(ToString::to_string).collect::<Vec<_>>();
            assert!(faults.iter().all(|fault| fault.len() < 2000), "{faults:?}");
            if let Err(faults) = Settings::resolve(merged) {
                assert!(!faults.is_empty());
            }
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
                origin: "file".to_owned(),
                key: format!("wtcheck.{}", key.strip_prefix("check.").unwrap_or(&key)),
                value: value.map(Into::into),
            };
            let entries: Vec<_> = pairs.into_iter().map(entry).collect();
            survives(folder, "", &entries);
        });
    }
}

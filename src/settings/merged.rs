//! All layers put together (figment): what they define, and what they would define without the repository's own file.

use std::collections::BTreeSet;

use figment::Figment;
use figment::value::Value;

use crate::settings::definitions::Definitions;
use crate::settings::diagnostic::{Faults, Findings};
use crate::settings::files::Files;
use crate::settings::layers::{Layers, Sources};
use crate::settings::origin::Layer;
use crate::settings::profile;
use crate::settings::provenance::{Marked, Placed};
use crate::settings::run_keys::TopKeys;
use crate::settings::trust::Code;

/// Every layer, merged and typed, not yet resolved.
#[derive(Debug, Default)]
pub struct Merged {
    /// What they define together.
    pub definitions: Definitions,
    /// What the repository's own file could make run, whichever profile is chosen: what an approval covers.
    pub code: Code,
    /// What all other layers define, where there is such a file and nobody has approved it.
    pub without: Option<Box<Definitions>>,
    /// Every layer as it was read, the weakest first, but for the command line.
    pub layers: Vec<Placed>,
    /// What the command line says.
    pub command_line: TopKeys,
    /// The files among the layers.
    pub files: Files,
    /// The profiles that were laid over the rest, the weakest first.
    pub profiles: Vec<String>,
    /// What is wrong but stops nothing.
    pub warnings: Faults,
    /// What is wrong and stops the run.
    pub errors: Faults,
    /// Those of the errors that no layer has by itself: of files and names, and of the choice of a profile.
    of_reading: Faults,
}

/// Reads and merges every layer. All faults are found, not only the first.
pub fn read(sources: &Sources<'_>) -> Merged {
    let Layers { placed: layers, files, findings: Findings { errors: mut of_reading, mut warnings } } =
        Layers::read(sources);
    let chosen = sources.chosen_profile();
    let all = together(layers.iter(), chosen);
    let (definitions, of_values) = Definitions::read(&all.marked, sources.command_line.clone());

    let others = || layers.iter().filter(|placed| placed.origin.layer != Layer::RepositoryFile);
    let own = layers.iter().find(|placed| placed.origin.layer == Layer::RepositoryFile);
    let code = own.map(|own| Code::of(&own.data, others().map(|other| &other.data))).unwrap_or_default();
    // A file that leads to nothing can be left in: it makes no difference to what runs. What is wrong is told of the
    // whole.
    let without = (!code.is_empty()).then(|| {
        let marked = together(others(), chosen).marked;
        Box::new(Definitions::read(&marked, sources.command_line.clone()).0)
    });

    of_reading.append(all.of_choice);
    let mut errors = of_reading.clone();
    errors.append(all.of_profiles);
    errors.append(of_values);
    for faults in [&mut errors, &mut warnings, &mut of_reading] {
        files.annotate(faults);
    }
    let command_line = sources.command_line.clone();
    Merged {
        definitions,
        code,
        without,
        layers,
        command_line,
        files,
        profiles: all.profiles,
        warnings,
        errors,
        of_reading,
    }
}

/// Layers with the chosen profiles among them, and what was wrong with these.
struct Together {
    marked: Marked,
    profiles: Vec<String>,
    of_choice: Faults,
    of_profiles: Faults,
}

/// Merges layers. A profile lies over every file and all of git's configuration; what is said for this one run lies
/// over the profile. Where any profile is wrong, none is laid over: that is told, and told once.
fn together<'a>(layers: impl Iterator<Item = &'a Placed>, chosen: Option<&str>) -> Together {
    let (lasting, passing): (Vec<_>, Vec<_>) = layers.partition(|placed| placed.origin.layer < Layer::Environment);
    let mut of_choice = Faults::default();
    let mut marked = |figment: &Figment| {
        Marked::of(figment).unwrap_or_else(|faults| {
            of_choice.append(faults);
            Marked::default()
        })
    };
    let lasting = lasting.into_iter().fold(Figment::new(), Figment::merge);
    let before = marked(&lasting);
    let of_profiles = profile::faults(&before);
    let chosen = profile::choose(&before, chosen);
    let overlays = chosen.as_ref().ok().filter(|_| of_profiles.is_empty()).map(|chosen| chosen.overlays.clone());
    let figment = overlays.into_iter().flatten().fold(lasting, Figment::merge);
    let figment = passing.into_iter().fold(figment, Figment::merge);
    let marked = marked(&figment);
    let profiles = match chosen {
        Ok(chosen) => chosen.names,
        Err(fault) => {
            of_choice.add(|| fault);
            Vec::new()
        }
    };
    Together { marked, profiles, of_choice, of_profiles }
}

/// What is wrong in each layer by itself, also where a stronger one hides it; the warnings among it.
pub fn faults(merged: &Merged) -> Faults {
    let mut found = merged.warnings.clone();
    found.append(merged.of_reading.clone());
    for placed in &merged.layers {
        match Marked::of(&Figment::from(placed)) {
            Ok(marked) => {
                found.append(profile::faults(&marked));
                found.append(Definitions::read(&marked, TopKeys::default()).1);
            }
            Err(faults) => found.append(faults),
        }
    }
    merged.files.annotate(&mut found);
    found
}

impl Merged {
    /// Whether anything depends on the approval of the repository's own file.
    pub fn asks_for_approval(&self) -> bool {
        self.without.is_some() || self.definitions.checks.values().any(|check| !check.code.is_empty())
    }

    /// Lets what the repository's own file says be as good as what any other layer says.
    pub fn approve(&mut self) {
        self.without = None;
        self.definitions.checks.values_mut().for_each(|check| check.code.clear());
    }

    /// Whether a key of a check would run what the repository's own file says, and nobody has approved that.
    pub fn is_unapproved(&self, check: &str, key: &str) -> bool {
        let check = self.definitions.checks.get(check);
        check.is_some_and(|check| check.code.iter().any(|(known, _)| *known == key))
    }

    /// The repository's own file, if there is one.
    pub fn repository_file(&self) -> Option<&str> {
        let own = self.layers.iter().find(|placed| placed.origin.layer == Layer::RepositoryFile);
        own.and_then(|own| own.origin.file.as_deref())
    }

    /// The names of all profiles that some layer defines, chosen or not.
    pub fn profile_names(&self) -> BTreeSet<String> {
        let tables = self.layers.iter().filter_map(|placed| placed.data.get("profile").and_then(Value::as_dict));
        tables.flat_map(|profiles| profiles.keys().cloned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Environment;
    use crate::git::config::{Entry, Scope};
    use crate::settings::Settings;
    use crate::settings::check_keys::CheckKeys;
    use std::path::Path;

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
                command_line: TopKeys::default(),
            };
            let merged = read(&sources);
            let faults = [merged.errors.clone(), merged.warnings.clone()].map(Faults::into_diagnostics).concat();
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

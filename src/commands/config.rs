//! `git wtcheck config ...`: settings made visible.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::cli::{Cli, ConfigCommand, Format, Options};
use crate::commands::{Io, Survey, init, prepare, put, put_json};
use crate::error::{Error, status, told};
use crate::model::environment::Environment;
use crate::report::json::SCHEMA_VERSION;
use crate::report::style::{Look, Role};
use crate::settings::explain::{Effective, From, Said, effective, explain};
use crate::settings::written::{json_schema_of_file, toml};
use crate::settings::{Files, Layer, Merged, Origin, Settings, faults as each_layer};
use crate::text::message::tell;
use crate::text::quote;
use crate::text::sanitize::line;

/// The JSON Schema needs no repository.
pub fn schema(io: &mut Io<'_>) -> Result<u8, Error> {
    put_json(io, &json_schema_of_file(), true, "write the schema").map(|()| 0)
}

/// Carries a command out.
pub fn run(
    survey: Survey,
    command: &ConfigCommand,
    cli: &Cli,
    environment: &Environment,
    io: &mut Io<'_>,
) -> Result<u8, Error> {
    match command {
        ConfigCommand::Show => show(survey, cli.options.format(), io),
        ConfigCommand::Explain { key } => explained(&survey, key, cli.options.format(), io),
        ConfigCommand::Validate { .. } => Ok(validate(survey, cli, environment, io)),
        ConfigCommand::Schema => schema(io),
        ConfigCommand::Init(asked) => init::init(&survey, asked, environment, io),
    }
}

/// The file that stands in for the repository's own, where the command names one.
pub fn named_file(command: &ConfigCommand) -> Option<&PathBuf> {
    match command {
        ConfigCommand::Validate { file } => file.as_ref(),
        _ => None,
    }
}

fn show(survey: Survey, format: Format, io: &mut Io<'_>) -> Result<u8, Error> {
    let Survey { merged, look, hints, .. } = survey;
    let warnings = merged.warnings.clone().into_told();
    for warning in &warnings {
        tell(io.err, &told("warning", warning), hints);
    }
    let profiles = merged.profiles.clone();
    let settings = Settings::resolve(merged)?;
    let all = effective(&settings);
    let places = Places { files: &settings.files, profiles: &profiles };
    if format == Format::Human {
        put(io, &as_toml(&all, &places, look))?;
    } else {
        let one = |entry: &Effective| {
            let (origin, scope) = match &entry.from {
                From::Layer(origin) => (Some(origin), "key"),
                From::Run(origin) => (Some(origin), "run"),
                From::Default => (None, "default"),
            };
            json!({
                "key": quote::toml_path(&entry.path),
                "value": entry.value,
                "from": scope,
                "layer": origin.map_or("default", |origin| origin.layer.name()),
                "file": origin.and_then(|origin| origin.file.as_deref()),
                "line": origin.and_then(|origin| places.line(origin, &entry.path)),
                "approved": !entry.unapproved,
            })
        };
        let document = json!({
            "schema_version": SCHEMA_VERSION,
            "profiles": profiles,
            "pipeline": settings.pipeline,
            "settings": all.iter().map(one).collect::<Vec<_>>(),
        });
        put_json(io, &document, false, "write the settings")?;
    }
    Ok(0)
}

/// The files, and the profiles whose keys may stand in them in place of the run's own.
struct Places<'a> {
    files: &'a Files,
    profiles: &'a [String],
}

impl Places<'_> {
    /// The line in which a value stands: in the strongest profile that has the key, or outside of all.
    fn line(&self, origin: &Origin, path: &[String]) -> Option<usize> {
        let file = origin.file.as_deref()?;
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let in_profile = |name: &String| self.files.line(file, &[&["profile", name], path.as_slice()].concat());
        self.profiles.iter().rev().find_map(in_profile).or_else(|| self.files.line(file, &path))
    }

    fn shown(&self, origin: &Origin, path: &[String]) -> String {
        self.line(origin, path).map_or_else(|| origin.to_string(), |line| format!("{origin}:{line}"))
    }
}

fn as_toml(all: &[Effective], places: &Places<'_>, look: Look) -> String {
    let mut text = String::from("# The settings in effect, seen from this folder, and where each comes from.\n");
    if !places.profiles.is_empty() {
        text.push_str(&format!("# Profile: {}\n", line(&places.profiles.join(" < "))));
    }
    let mut table: &[String] = &[];
    for entry in all {
        let (key, above) = entry.path.split_last().map_or(("", &[][..]), |(key, above)| (key.as_str(), above));
        if above != table {
            table = above;
            text.push_str(&format!("\n[{}]\n", quote::toml_path(above)));
        }
        let from = match &entry.from {
            From::Layer(origin) => places.shown(origin, &entry.path),
            From::Run(origin) => format!("the run's: {}", places.shown(origin, &[key.to_owned()])),
            From::Default => "default".to_owned(),
        };
        let mark = if entry.unapproved { "; NOT APPROVED: not run before 'git wtcheck trust'" } else { "" };
        let comment = look.paint(Role::Faint, &format!("# {}{mark}", line(&from)));
        match &entry.value {
            Some(value) => text.push_str(&format!("{key} = {}  {comment}\n", toml(value))),
            None if !entry.default.starts_with("none") => {
                text.push_str(&format!("{}\n", look.paint(Role::Faint, &format!("# {key}: {}", entry.default))));
            }
            None => {}
        }
    }
    text
}

fn explained(survey: &Survey, name: &str, format: Format, io: &mut Io<'_>) -> Result<u8, Error> {
    let merged = &survey.merged;
    let explanation = explain(merged, name).map_err(|fault| vec![fault])?;
    let last = explanation.said.len().saturating_sub(1);
    // What is said has its whole path, the profile among it.
    let places = Places { files: &merged.files, profiles: &[] };
    let wins = |index: usize| index == last || explanation.merges;
    if format == Format::Human {
        let key = explanation.key;
        let shown = quote::toml_path(&explanation.path);
        let mut page = format!("{}\n  {}\n", survey.look.paint(Role::Worktree, &shown), key.doc.trim());
        page.push_str(&format!("  Accepts {}. Default: {}.\n", key.accepted, key.default));
        let path: Vec<&str> = explanation.path.iter().map(String::as_str).collect();
        page.push_str(&format!("  In gitconfig: {}", line(&Layer::Local.write_key(&path))));
        if let [_] = path.as_slice() {
            page.push_str(&format!("; in the environment: {}", key.variable()));
        }
        page.push_str("\n\n");
        if is_unapproved(merged, &explanation.path) {
            page.push_str(&survey.look.paint(Role::Bad, "  NOT APPROVED: not run before 'git wtcheck trust'"));
            page.push_str("\n\n");
        }
        if explanation.said.is_empty() {
            page.push_str("  No layer sets it.\n");
        }
        for (index, said) in explanation.said.iter().enumerate() {
            let sign = if wins(index) { survey.look.paint(Role::Good, "*") } else { " ".to_owned() };
            page.push_str(&format!(
                "{sign} {shown} = {}  {}\n",
                toml(&said.value),
                survey.look.paint(Role::Faint, &format!("# {}", line(&where_said(said, &places))))
            ));
        }
        put(io, &page)?;
    } else {
        let one = |(index, said): (usize, &Said)| {
            json!({
                "layer": said.origin.layer.name(),
                "file": said.origin.file.as_deref(),
                "line": places.line(&said.origin, &said.path),
                "profile": said.profile,
                "value": said.value,
                "wins": wins(index),
            })
        };
        let document = json!({
            "schema_version": SCHEMA_VERSION,
            "key": quote::toml_path(&explanation.path),
            "doc": explanation.key.doc.trim(),
            "accepts": explanation.key.accepted,
            "default": explanation.key.default,
            "approved": !is_unapproved(merged, &explanation.path),
            "layers": explanation.said.iter().enumerate().map(one).collect::<Vec<Value>>(),
        });
        put_json(io, &document, false, "write the explanation")?;
    }
    Ok(0)
}

fn is_unapproved(merged: &Merged, path: &[String]) -> bool {
    let [_, check, key] = path else { return false };
    merged.unapproved.get(check).is_some_and(|keys| keys.iter().any(|(known, _)| known == key))
}

fn where_said(said: &Said, places: &Places<'_>) -> String {
    let place = places.shown(&said.origin, &said.path);
    match &said.profile {
        Some(profile) => format!("{place} (profile {profile})"),
        None => place,
    }
}

/// Everything that is wrong at once; here a key that nothing reads is an error too.
fn validate(mut survey: Survey, cli: &Cli, environment: &Environment, io: &mut Io<'_>) -> u8 {
    let hints = survey.hints;
    let mut faults = each_layer(&survey.merged);
    // What is wrong with a value has been found in its layer; what is right is to fit together as well.
    let all_right = std::mem::take(&mut survey.merged.errors).is_empty();
    let refused = if all_right {
        // Conditions are compiled where a plan is made; every check there is, not only the pipeline, is to be right.
        let names = survey.merged.checks.keys().cloned();
        let options = Options { skip: Vec::new(), ..cli.options.clone() };
        let all = Cli { command: None, checks: names.collect(), options };
        prepare(survey, &all, environment, false).err().map(|refusal| refusal.errors)
    } else {
        Settings::resolve(survey.merged).err()
    };
    faults.append(refused.unwrap_or_default());
    let faults = faults.into_told();
    for fault in &faults {
        tell(io.err, &told("error", fault), hints);
    }
    if faults.is_empty() { 0 } else { status::CONFIGURATION }
}

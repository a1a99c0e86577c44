//! `git wtcheck config ...`: settings made visible.

use std::path::PathBuf;

use crate::cli::{Cli, ConfigCommand, Format, Options};
use crate::commands::{Io, Survey, init, prepare, put, put_json};
use crate::environment::Environment;
use crate::error::{Error, status};
use crate::report::{explanation, settings};
use crate::settings::explain::explain;
use crate::settings::{Settings, faults as each_layer, json_schema};
use crate::text::message::tell;

/// The JSON Schema needs no repository.
pub fn schema(io: &mut Io<'_>) -> Result<u8, Error> {
    put_json(io, &json_schema::of_settings_file(), true, "write the schema").map(|()| 0)
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
    for warning in merged.warnings.clone().into_told() {
        tell(io.err, &warning.messages("warning").collect::<Vec<_>>(), hints);
    }
    let profiles = merged.profiles.clone();
    let settings = Settings::resolve(merged)?;
    match format {
        Format::Human => put(io, &settings::toml(&settings, &profiles, look))?,
        _ => put_json(io, &settings::json(&settings, &profiles), false, "write the settings")?,
    }
    Ok(0)
}

fn explained(survey: &Survey, name: &str, format: Format, io: &mut Io<'_>) -> Result<u8, Error> {
    let explanation = explain(&survey.merged, name)?;
    match format {
        Format::Human => put(io, &explanation::page(&explanation, &survey.merged, survey.look))?,
        _ => put_json(io, &explanation::json(&explanation, &survey.merged), false, "write the explanation")?,
    }
    Ok(0)
}

/// Everything that is wrong at once; here a key that nothing reads is an error too.
fn validate(mut survey: Survey, cli: &Cli, environment: &Environment, io: &mut Io<'_>) -> u8 {
    let hints = survey.hints;
    let mut faults = each_layer(&survey.merged);
    // What is wrong with a value has been found in its layer; what is right is to fit together as well.
    let all_right = std::mem::take(&mut survey.merged.errors).is_empty();
    let refused = if all_right {
        // Conditions are compiled where a plan is made; every check there is, not only the pipeline, is to be right.
        let names = survey.merged.definitions.checks.keys().cloned();
        let options = Options { skip: Vec::new(), ..cli.options.clone() };
        let all = Cli { command: None, checks: names.collect(), options };
        prepare(survey, &all, environment, false).err().map(|refusal| refusal.errors)
    } else {
        Settings::resolve(survey.merged).err()
    };
    faults.append(refused.unwrap_or_default());
    let faults = faults.into_told();
    for fault in &faults {
        tell(io.err, &fault.messages("error").collect::<Vec<_>>(), hints);
    }
    if faults.is_empty() { 0 } else { status::CONFIGURATION }
}

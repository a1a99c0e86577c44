//! `git wtcheck config ...`: settings made visible.

use crate::cli::{Explain, Format, Options, Schema, Show, Validate};
use crate::commands::{Context, Execute, Io};
use crate::error::{Error, status};
use crate::report::{explanation, settings};
use crate::session::{Configured, Session};
use crate::settings::explain::explain;
use crate::settings::{Settings, faults as each_layer, json_schema};

impl Execute for Show {
    fn execute(&self, context: &Context, io: &mut Io<'_>) -> Result<u8, Error> {
        let Configured { merged, ui, .. } = context.session()?.configured()?;
        io.tell_of("warning", merged.warnings.clone(), ui.hints);
        let profiles = merged.profiles.clone();
        let resolved = Settings::resolve(merged)?;
        match context.options.format() {
            Format::Human => io.put(&settings::toml(&resolved, &profiles, ui.look))?,
            _ => io.put_json(&settings::json(&resolved, &profiles), false, "write the settings")?,
        }
        Ok(0)
    }
}

impl Execute for Explain {
    fn execute(&self, context: &Context, io: &mut Io<'_>) -> Result<u8, Error> {
        let Configured { merged, ui, .. } = context.session()?.configured()?;
        let explanation = explain(&merged, &self.key)?;
        match context.options.format() {
            Format::Human => io.put(&explanation::page(&explanation, &merged, ui.look))?,
            _ => io.put_json(&explanation::json(&explanation, &merged), false, "write the explanation")?,
        }
        Ok(0)
    }
}

impl Execute for Validate {
    /// Finds everything that is wrong at once; here a key that nothing reads is an error too.
    fn execute(&self, context: &Context, io: &mut Io<'_>) -> Result<u8, Error> {
        let config = self.file.as_ref().or(context.options.config.as_ref()).cloned();
        let options = Options { config, skip: Vec::new(), ..context.options.clone() };
        let mut session = Session::begin(&options, &context.environment)?;
        let mut configured = session.configured()?;
        let hints = configured.ui.hints;
        let mut faults = each_layer(&configured.merged);
        // What is wrong with a value has been found in its layer; what is right is to fit together as well.
        let all_right = std::mem::take(&mut configured.merged.errors).is_empty();
        let refused = if all_right {
            // Conditions are compiled where a plan is made; every check there is, not only the pipeline, is to be
            // right.
            let names = configured.merged.definitions.checks.keys().cloned().collect();
            session.plan(configured, names, false).err()
        } else {
            Settings::resolve(configured.merged).err()
        };
        faults.append(refused.unwrap_or_default());
        let status = if faults.is_empty() { 0 } else { status::CONFIGURATION };
        io.tell_of("error", faults, hints);
        Ok(status)
    }
}

impl Execute for Schema {
    /// It needs no repository.
    fn execute(&self, _: &Context, io: &mut Io<'_>) -> Result<u8, Error> {
        io.put_json(&json_schema::of_settings_file(), true, "write the schema").map(|()| 0)
    }
}

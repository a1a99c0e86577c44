//! `config show`: the settings in effect, each with where it comes from.

use serde_json::{Value, json};

use crate::report::json::SCHEMA_VERSION;
use crate::report::style::{Look, Role};
use crate::settings::explain::{Effective, effective};
use crate::settings::literal::toml as literal;
use crate::settings::{Files, Origin, SetBy, Settings};
use crate::text::quote;
use crate::text::sanitize::line;

/// The settings for programs.
pub fn json(settings: &Settings, profiles: &[String]) -> Value {
    let places = Places { files: &settings.files, profiles };
    let one = |entry: &Effective| {
        let (origin, scope) = match &entry.set_by {
            SetBy::Layer(origin) => (Some(origin), "key"),
            SetBy::Run(origin) => (Some(origin), "run"),
            SetBy::Default => (None, "default"),
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
    json!({
        "schema_version": SCHEMA_VERSION,
        "profiles": profiles,
        "pipeline": settings.pipeline,
        "settings": effective(settings).iter().map(one).collect::<Vec<_>>(),
    })
}

/// The settings as a file that could be fed back.
pub fn toml(settings: &Settings, profiles: &[String], look: Look) -> String {
    let places = Places { files: &settings.files, profiles };
    let mut text = String::from("# The settings in effect, seen from this folder, and where each comes from.\n");
    if !profiles.is_empty() {
        text.push_str(&format!("# Profile: {}\n", line(&profiles.join(" < "))));
    }
    let mut table: Vec<String> = Vec::new();
    for entry in effective(settings) {
        let (key, above) = entry.path.split_last().map_or(("", &[][..]), |(key, above)| (key.as_str(), above));
        if above != table {
            table = above.to_vec();
            text.push_str(&format!("\n[{}]\n", quote::toml_path(above)));
        }
        let from = match &entry.set_by {
            SetBy::Layer(origin) => places.shown(origin, &entry.path),
            SetBy::Run(origin) => format!("the run's: {}", places.shown(origin, &[key.to_owned()])),
            SetBy::Default => "default".to_owned(),
        };
        let mark = if entry.unapproved { "; NOT APPROVED: not run before 'git wtcheck trust'" } else { "" };
        let comment = look.paint(Role::Faint, &format!("# {}{mark}", line(&from)));
        if entry.value.is_null() {
            let default = entry.key.default();
            if !default.starts_with("none") {
                text.push_str(&format!("{}\n", look.paint(Role::Faint, &format!("# {key}: {default}"))));
            }
        } else {
            text.push_str(&format!("{key} = {}  {comment}\n", literal(&entry.value)));
        }
    }
    text
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
        let in_profile = |name: &String| self.files.line(file, &[&["profile".to_owned(), name.clone()], path].concat());
        self.profiles.iter().rev().find_map(in_profile).or_else(|| self.files.line(file, path))
    }

    fn shown(&self, origin: &Origin, path: &[String]) -> String {
        self.line(origin, path).map_or_else(|| origin.to_string(), |line| format!("{origin}:{line}"))
    }
}

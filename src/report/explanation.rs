//! `config explain`: what a key means, and what every layer says of it.

use serde_json::{Value, json};

use crate::report::json::SCHEMA_VERSION;
use crate::report::style::{Look, Role};
use crate::settings::explain::{Explanation, LayerValue};
use crate::settings::literal::toml;
use crate::settings::{Layer, Merged};
use crate::text::quote;
use crate::text::sanitize::line;

/// The explanation for people.
pub fn page(explanation: &Explanation, merged: &Merged, look: Look) -> String {
    let key = explanation.key;
    let shown = quote::toml_path(&explanation.path);
    let path: Vec<&str> = explanation.path.iter().map(String::as_str).collect();
    let mut page = format!("{}\n  {}\n", look.paint(Role::Worktree, &shown), key.doc.trim());
    page.push_str(&format!("  Accepts {}. Default: {}.\n", key.accepted(), key.default()));
    page.push_str(&format!("  In gitconfig: {}", line(&Layer::Local.write_key(&path))));
    if let [_] = path.as_slice() {
        page.push_str(&format!("; in the environment: {}", key.variable()));
    }
    page.push_str("\n\n");
    if is_unapproved(explanation, merged) {
        page.push_str(&look.paint(Role::Bad, "  NOT APPROVED: not run before 'git wtcheck trust'"));
        page.push_str("\n\n");
    }
    if explanation.layers.is_empty() {
        page.push_str("  No layer sets it.\n");
    }
    for (index, layer) in explanation.layers.iter().enumerate() {
        let sign = if explanation.wins(index) { look.paint(Role::Good, "*") } else { " ".to_owned() };
        let place = look.paint(Role::Faint, &format!("# {}", line(&place(layer, merged))));
        page.push_str(&format!("{sign} {shown} = {}  {place}\n", toml(&layer.value)));
    }
    page
}

/// The explanation for programs.
pub fn json(explanation: &Explanation, merged: &Merged) -> Value {
    let one = |(index, layer): (usize, &LayerValue)| {
        json!({
            "layer": layer.origin.layer.name(),
            "file": layer.origin.file.as_deref(),
            "line": line_of(layer, merged),
            "profile": layer.profile,
            "value": layer.value,
            "wins": explanation.wins(index),
        })
    };
    json!({
        "schema_version": SCHEMA_VERSION,
        "key": quote::toml_path(&explanation.path),
        "doc": explanation.key.doc.trim(),
        "accepts": explanation.key.accepted(),
        "default": explanation.key.default(),
        "approved": !is_unapproved(explanation, merged),
        "layers": explanation.layers.iter().enumerate().map(one).collect::<Vec<_>>(),
    })
}

fn is_unapproved(explanation: &Explanation, merged: &Merged) -> bool {
    let [_, check, key] = explanation.path.as_slice() else { return false };
    merged.is_unapproved(check, key)
}

fn line_of(layer: &LayerValue, merged: &Merged) -> Option<usize> {
    layer.origin.file.as_deref().and_then(|file| merged.files.line(file, &layer.path))
}

fn place(layer: &LayerValue, merged: &Merged) -> String {
    let place =
        line_of(layer, merged).map_or_else(|| layer.origin.to_string(), |line| format!("{}:{line}", layer.origin));
    match &layer.profile {
        Some(profile) => format!("{place} (profile {profile})"),
        None => place,
    }
}

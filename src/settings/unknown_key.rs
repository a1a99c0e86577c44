//! A key that nothing reads: what its author may have meant.

use crate::settings::check_keys::CheckKeys;
use crate::settings::diagnostic::{Diagnostic, nearest};
use crate::settings::key::{Key, folded};
use crate::settings::origin::Origin;
use crate::settings::run_keys::TopKeys;
use crate::text::name::is_valid;
use crate::text::quote;

/// Offers the nearest key that something reads. `table`: whether a table stands below it.
pub(super) fn unknown(origin: &Origin, path: &[&str], keys: &'static [Key], table: bool) -> Diagnostic {
    let diagnostic = Diagnostic { at_key: true, ..Diagnostic::of(origin, path, "unknown key") };
    let name = path.last().copied().unwrap_or_default();
    if table && matches!(path, [_] | ["profile", _, _]) && is_valid(name) {
        return diagnostic.remedy(format!("a check is defined by a table [{}]", quote::toml_path(&["check", name])));
    }
    if let Some(known) = nearest(name, keys.iter().map(|key| key.name)) {
        let mut path = path.to_vec();
        if let Some(last) = path.last_mut() {
            *last = known;
        }
        return diagnostic.remedy(format!("did you mean {}?", origin.layer.write_key(&path)));
    }
    if let ([_], Some(key)) = (path, folded(CheckKeys::KEYS, name)) {
        let example = origin.layer.write_key(&["check", "NAME", key.name]);
        return diagnostic.remedy(format!("it is a key of a check: {example}"));
    }
    if let (["check", check, _], Some(key)) = (path, folded(TopKeys::KEYS, name)) {
        let example = origin.layer.write_key(&[key.name]);
        return diagnostic.remedy(format!("it is a key of the whole run, not of check '{check}': {example}"));
    }
    diagnostic
}

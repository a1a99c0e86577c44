//! The settings files as they were read, to show a value in its line.

use std::ops::Range;

use crate::settings::diagnostic::{Diagnostic, Excerpt};

/// Files by name, with their content.
#[derive(Clone, Debug, Default)]
pub struct Files(Vec<(String, String)>);

impl Files {
    pub(super) fn add(&mut self, name: String, content: String) {
        self.0.push((name, content));
    }

    /// Shows each fault of a file in its line.
    pub fn annotate(&self, diagnostics: &mut [Diagnostic]) {
        for diagnostic in diagnostics {
            let Some(file) = diagnostic.origin.as_ref().and_then(|origin| origin.file.as_deref()) else { continue };
            if diagnostic.excerpt.is_none() {
                diagnostic.excerpt = self.excerpt(file, &diagnostic.path, diagnostic.at_key);
            }
        }
    }

    /// The line in which a key stands, counted from 1.
    pub fn line(&self, file: &str, path: &[&str]) -> Option<usize> {
        let path: Vec<String> = path.iter().map(|part| (*part).to_owned()).collect();
        self.excerpt(file, &path, false).map(|excerpt| excerpt.line)
    }

    fn excerpt(&self, file: &str, path: &[String], at_key: bool) -> Option<Excerpt> {
        let (_, content) = self.0.iter().find(|(name, _)| name == file)?;
        let span = locate(content, path, at_key)?;
        let start = content.get(..span.start)?.rfind('\n').map_or(0, |at| at + 1);
        let line = content.get(start..)?.lines().next()?.to_owned();
        let before = content.get(start..span.start)?.chars().count();
        let inside = content.get(span.start..span.end)?.lines().next().unwrap_or_default().chars().count();
        Some(Excerpt {
            line: content.get(..start)?.matches('\n').count() + 1,
            text: line,
            column: before,
            width: inside.max(1),
        })
    }
}

/// Where the value of a key stands, or the key itself.
fn locate(content: &str, path: &[String], at_key: bool) -> Option<Range<usize>> {
    let document = toml_edit::ImDocument::parse(content).ok()?;
    let (last, tables) = path.split_last()?;
    let mut table: &dyn toml_edit::TableLike = document.as_table();
    for name in tables {
        table = table.get(name)?.as_table_like()?;
    }
    let (key, item) = table.get_key_value(last)?;
    let value = item.as_value().and_then(toml_edit::Value::span).filter(|_| !at_key);
    value.or_else(|| key.span()).or_else(|| item.span())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(content: &str, path: &[&str]) -> Option<(usize, usize, usize)> {
        let mut files = Files::default();
        files.add("f".to_owned(), content.to_owned());
        let path: Vec<String> = path.iter().map(|part| (*part).to_owned()).collect();
        files.excerpt("f", &path, false).map(|excerpt| (excerpt.line, excerpt.column, excerpt.width))
    }

    #[test]
    fn points_at_the_value() {
        let content = "timeout = \"soon\"\n\n[check.test]\ncommand = [\n  \"a\",\n]\nenv = { A = 1 }\n";
        assert_eq!(place(content, &["timeout"]), Some((1, 10, 6)));
        assert_eq!(place(content, &["check", "test", "command"]), Some((4, 10, 1)));
        assert_eq!(place(content, &["check", "test", "env", "A"]), Some((7, 12, 1)));
        assert_eq!(place(content, &["check", "none"]), None);
        assert_eq!(place("broken [", &["broken"]), None);
    }
}

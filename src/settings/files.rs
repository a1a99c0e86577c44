//! The settings files as they were read, to show a value in its line.

use std::ops::Range;
use std::sync::Arc;

use crate::settings::diagnostic::{Excerpt, Faults};
use crate::settings::origin::Origin;

/// Files by name, with their content and the places of their keys.
#[derive(Clone, Debug, Default)]
pub struct Files(Vec<(Arc<str>, File, Arc<Place>)>);

/// A text in lines.
#[derive(Clone, Debug)]
pub(super) struct File {
    content: Arc<str>,
    /// The first byte of each line.
    lines: Arc<[usize]>,
}

/// Where a key stands, and what stands below it, in bytes.
#[derive(Debug, Default)]
pub(super) struct Place {
    pub(super) key: Range<u32>,
    /// None for a table: its key stands for it.
    pub(super) value: Option<Range<u32>>,
    /// The keys below, in the order of their names.
    pub(super) below: Vec<(Box<str>, Place)>,
}

impl Place {
    fn at(&self, path: &[impl AsRef<str>]) -> Option<&Self> {
        path.iter().try_fold(self, |place, name| {
            let found = place.below.binary_search_by(|(known, _)| (**known).cmp(name.as_ref())).ok()?;
            Some(&place.below[found].1)
        })
    }
}

impl Files {
    /// Adds the file that is a layer.
    pub(super) fn add(&mut self, origin: &Origin, file: File, places: Place) {
        if let Some(name) = &origin.file {
            self.0.push((Arc::clone(name), file, Arc::new(places)));
        }
    }

    /// Shows each fault of a file in its line.
    pub fn annotate(&self, faults: &mut Faults) {
        for diagnostic in faults.each_mut() {
            let Some(file) = diagnostic.origin.as_ref().and_then(|origin| origin.file.as_deref()) else { continue };
            if diagnostic.excerpt.is_none() {
                diagnostic.excerpt = self.excerpt(file, &diagnostic.path, diagnostic.at_key);
            }
        }
    }

    /// The line in which a key stands, counted from 1.
    pub fn line(&self, file: &str, path: &[impl AsRef<str>]) -> Option<usize> {
        let (file, span) = self.span(file, path, false)?;
        Some(file.line_of(span.start) + 1)
    }

    fn excerpt(&self, file: &str, path: &[String], at_key: bool) -> Option<Excerpt> {
        let (file, span) = self.span(file, path, at_key)?;
        file.excerpt(span)
    }

    /// Where the value of a key stands, or the key itself.
    fn span(&self, file: &str, path: &[impl AsRef<str>], at_key: bool) -> Option<(&File, Range<usize>)> {
        let (_, file, places) = self.0.iter().find(|(name, _, _)| **name == *file)?;
        let place = places.at(path).filter(|_| !path.is_empty())?;
        let span = place.value.as_ref().filter(|_| !at_key).unwrap_or(&place.key);
        Some((file, span.start as usize..span.end as usize))
    }
}

/// How much of a long line is shown.
const SHOWN: usize = 120;

impl File {
    pub(super) fn new(content: String) -> Self {
        let starts = content.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(starts).collect();
        Self { content: content.into(), lines }
    }

    pub(super) fn content(&self) -> &str {
        &self.content
    }

    fn line_of(&self, at: usize) -> usize {
        self.lines.partition_point(|start| *start <= at).saturating_sub(1)
    }

    /// The line in which a part of the text begins; of a long one, what surrounds the part.
    pub(super) fn excerpt(&self, span: Range<usize>) -> Option<Excerpt> {
        let index = self.line_of(span.start);
        let start = *self.lines.get(index)?;
        let line = self.content.get(start..)?.lines().next().unwrap_or_default();
        let before = self.content.get(start..span.start)?.chars().count();
        let inside = self.content.get(span.start..span.end)?.lines().next().unwrap_or_default().chars().count();
        let length = line.chars().count();
        let first = if length > SHOWN { before.saturating_sub(SHOWN / 3) } else { 0 };
        let (lead, tail) = (if first > 0 { "..." } else { "" }, if length > first + SHOWN { "..." } else { "" });
        let text: String = line.chars().skip(first).take(SHOWN).collect();
        let shown = text.chars().count().saturating_sub(before - first);
        Some(Excerpt {
            line: index + 1,
            text: format!("{lead}{text}{tail}"),
            column: lead.len() + before - first,
            width: inside.min(shown).max(1),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_line_what_surrounds_the_place_is_shown() {
        let file = File::new(format!("short\n{}X{}\n", "a".repeat(1000), "b".repeat(1000)));
        let excerpt = file.excerpt(1006..1007).expect("a place");
        assert_eq!((excerpt.line, excerpt.column, excerpt.width), (2, 43, 1));
        assert_eq!(excerpt.text, format!("...{}X{}...", "a".repeat(40), "b".repeat(79)));
        let excerpt = file.excerpt(0..5).expect("a place");
        assert_eq!((excerpt.text.as_str(), excerpt.column, excerpt.width), ("short", 0, 5));
        let excerpt = file.excerpt(6..2007).expect("a place");
        assert_eq!((excerpt.text.len(), excerpt.width), (123, 120));
        assert_eq!(File::new(String::new()).excerpt(0..0).expect("a place").line, 1);
    }
}

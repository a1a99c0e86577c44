//! How the program shows itself: colours, signs, hints and progress, as the command line, git's configuration
//! (`color.ui`, `color.wtcheck`, `advice.wtcheck`) and the environment have them. Who draws is told, and decides
//! nothing.

mod capabilities;

use bstr::ByteSlice;

use crate::cli::{Format, Options, When};
use crate::environment::Environment;
use crate::git::config::{Entry, boolean, last};
use crate::report::git_colour;
use crate::report::style::{Look, Palette, SLOTS};
use crate::settings::{Diagnostic, Faults, Layer, Origin};
use crate::terminal::is_in_foreground;

/// What the user wants to see.
#[derive(Clone, Copy, Debug)]
pub struct Ui {
    /// How reports look.
    pub look: Look,
    /// Whether names of worktrees are links on standard output.
    pub links: bool,
    /// How progress looks, which goes to standard error.
    pub progress_look: Look,
    /// Whether progress is drawn.
    pub progress: bool,
    /// Whether progress also stands in the terminal's taskbar.
    pub taskbar: bool,
    /// Whether hints are told.
    pub hints: bool,
}

impl Ui {
    /// What is wanted, and a warning for each value of git's configuration that says it in no known way.
    pub fn of(options: &Options, entries: &[Entry], environment: &Environment) -> (Self, Faults) {
        let mut warnings = Faults::default();
        let wanted = colour(options.color, entries, &mut warnings);
        let look = Look {
            colour: wanted.unwrap_or_else(|| shows_colours(environment)),
            ascii: options.ascii || is_ascii(environment),
            palette: palette(entries, &mut warnings),
        };
        let on_errors = wanted.unwrap_or_else(|| environment.terminals.errors && takes_colours(environment));
        let ui = Self {
            look,
            links: look.colour && capabilities::links(environment),
            progress_look: Look { colour: on_errors, ..look },
            progress: draws_progress(options, environment),
            taskbar: capabilities::taskbar(environment),
            hints: hints(entries, environment),
        };
        (ui, warnings)
    }
}

/// Whether nothing in the environment speaks against colours on a terminal.
pub fn takes_colours(environment: &Environment) -> bool {
    !is_dumb(environment) && environment.get("NO_COLOR").is_none()
}

/// Whether the terminal says of itself that it only shows lines.
fn is_dumb(environment: &Environment) -> bool {
    environment.text("TERM").is_some_and(|term| term == "dumb")
}

/// Whether to use colours: the option, then `color.wtcheck`, then `color.ui`. None: it depends on where they would go.
fn colour(option: Option<When>, entries: &[Entry], warnings: &mut Faults) -> Option<bool> {
    let mut of_entry = |key: &str| {
        let entry = last(entries, key)?;
        let value = entry.value.as_ref().map(|value| value.as_slice());
        let when = match value {
            Some(word) if word.eq_ignore_ascii_case(b"always") => Some(When::Always),
            Some(word) if word.eq_ignore_ascii_case(b"never") => Some(When::Never),
            Some(word) if word.eq_ignore_ascii_case(b"auto") => Some(When::Auto),
            // As git has it, "true" means where it makes sense.
            other => boolean(other).map(|flag| if flag { When::Auto } else { When::Never }),
        };
        if when.is_none() {
            warnings.add(|| not_used(entry, "expected auto, always, never, true or false"));
        }
        when
    };
    match option.or_else(|| of_entry("color.wtcheck")).or_else(|| of_entry("color.ui")).unwrap_or(When::Auto) {
        When::Always => Some(true),
        When::Never => Some(false),
        When::Auto => None,
    }
}

/// Whether standard output is shown by what takes colours: a terminal, or the pager that git has started.
fn shows_colours(environment: &Environment) -> bool {
    let pager = environment.text("GIT_PAGER_IN_USE");
    let is_shown =
        environment.terminals.output || pager.is_some_and(|flag| boolean(Some(flag.as_bytes())) == Some(true));
    is_shown && takes_colours(environment)
}

/// The colours that `color.wtcheck.SLOT` chooses. As in git, a slot that is not known is another version's.
fn palette(entries: &[Entry], warnings: &mut Faults) -> Palette {
    let mut palette = Palette::BUILT_IN;
    for (slot, (name, _)) in SLOTS.iter().enumerate() {
        let Some(entry) = last(entries, &format!("color.wtcheck.{name}")) else { continue };
        let value = entry.value.as_ref().and_then(|value| value.to_str().ok());
        match value.and_then(git_colour::parse) {
            Some(style) => palette.choose(slot, style),
            None => warnings.add(|| not_used(entry, "expected a colour, such as 'bold red'")),
        }
    }
    palette
}

/// A value of git's configuration that is not understood, and so not used.
fn not_used(entry: &Entry, expected: &str) -> Diagnostic {
    let origin = Origin { layer: Layer::of_scope(entry.scope), file: Some(entry.origin.clone()) };
    Diagnostic {
        origin: Some(origin),
        key: Some(entry.key.clone()),
        value: entry.value.as_ref().map(ToString::to_string),
        ..Diagnostic::new(format!("{expected}; it is not used"))
    }
}

/// Whether the locale is one without UTF-8.
fn is_ascii(environment: &Environment) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| environment.text(name));
    locale.is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        !locale.contains("utf-8") && !locale.contains("utf8")
    })
}

/// Whether to tell hints: both `advice.wtcheck` and `GIT_ADVICE` can turn them off.
fn hints(entries: &[Entry], environment: &Environment) -> bool {
    let configured =
        last(entries, "advice.wtcheck").and_then(|entry| boolean(entry.value.as_ref().map(|value| value.as_slice())));
    let of_environment = environment.text("GIT_ADVICE").and_then(|value| boolean(Some(value.as_bytes())));
    configured.unwrap_or(true) && of_environment.unwrap_or(true)
}

/// As git does: asked for, or on a terminal of which this is the foreground. Never where lines come to the terminal
/// while units run: they are the progress.
fn draws_progress(options: &Options, environment: &Environment) -> bool {
    if options.format() == Format::Jsonl && environment.terminals.output {
        return false;
    }
    if options.progress || options.no_progress {
        return options.progress && environment.terminals.errors;
    }
    !options.quiet && environment.terminals.errors && is_in_foreground() && !is_dumb(environment)
}

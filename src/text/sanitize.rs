//! Text that others wrote, made safe for a terminal. Machine formats get it as it is, escaped by their own rules.
//!
//! What is unsafe is one list, [`is_unsafe`]: what a terminal obeys, and what nobody sees. A text that looks like
//! another deceives as well as one that moves the cursor.
//!
//! Some invisible signs are part of how real names are written, and change what is seen: a joiner between two emoji, a
//! (non-)joiner after a virama or between letters of a joined script, the sign that asks for a colourful emoji. They
//! stay exactly there, and are shown as U+FFFD everywhere else: never beside a letter of a command, a path, or a flag.

use std::borrow::Cow;

/// Stands for what is not shown.
const HIDDEN: char = '\u{fffd}';

/// Whether a character must not reach a terminal as it is: controls of both sets, the marks that turn the direction of
/// writing, separators of lines and paragraphs, and all that has no shape of its own. (Rule: `Cc`, `Zl`, `Zp`,
/// `Bidi_Control`, `Default_Ignorable_Code_Point` and the interlinear marks in Unicode's tables.)
pub fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Whether a text can be shown as it is.
pub fn is_safe(text: &str) -> bool {
    let mut before = None;
    let mut letters = text.chars().peekable();
    while let Some(c) = letters.next() {
        if is_unsafe(c) && !is_needed(before, c, letters.peek().copied()) {
            return false;
        }
        before = Some(c);
    }
    true
}

/// Whether an invisible sign changes what is seen between these two, as real names have it.
fn is_needed(before: Option<char>, c: char, after: Option<char>) -> bool {
    let (Some(before), after) = (before, after.unwrap_or(' ')) else { return false };
    match c {
        // Text or emoji style; also of a keycap.
        '\u{fe0e}' | '\u{fe0f}' => is_emoji(before) || after == '\u{20e3}',
        '\u{200d}' if is_emoji(after) => is_emoji(before) || before == '\u{fe0f}',
        '\u{200c}' | '\u{200d}' => {
            (is_virama(before) && matches!(after, '\u{904}'..='\u{dff}')) || (joins(before) && joins(after))
        }
        _ => false,
    }
}

/// Pictures, signs that are also drawn as pictures, and the tones of skin.
const fn is_emoji(c: char) -> bool {
    matches!(c, '\u{2190}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}')
}

/// The signs that take a consonant's vowel away: what follows them decides between a conjunct and half a letter.
const fn is_virama(c: char) -> bool {
    matches!(
        c,
        '\u{94d}'
            | '\u{9cd}'
            | '\u{a4d}'
            | '\u{acd}'
            | '\u{b4d}'
            | '\u{bcd}'
            | '\u{c4d}'
            | '\u{ccd}'
            | '\u{d4d}'
            | '\u{dca}'
    )
}

/// Letters of the Arabic script that join to the one that follows. (After one that does not, a non-joiner would not be
/// seen.)
const fn joins(c: char) -> bool {
    matches!(c,
        '\u{626}' | '\u{628}' | '\u{62a}'..='\u{62e}' | '\u{633}'..='\u{63f}' | '\u{641}'..='\u{647}' | '\u{649}' | '\u{64a}'
        | '\u{679}'..='\u{687}' | '\u{69a}'..='\u{6bf}' | '\u{6c1}' | '\u{6c2}' | '\u{6cc}' | '\u{6d0}' | '\u{6d1}')
}

/// One line: escape sequences are taken out, other controls shown as U+FFFD, tabs as a space.
pub fn line(text: &str) -> Cow<'_, str> {
    if is_safe(text) {
        return Cow::Borrowed(text);
    }
    let plain = anstream::adapter::strip_str(text).to_string();
    // Line breaks, tabs and lone controls are still there.
    Cow::Owned(shown(&plain, |c| if c == '\t' { ' ' } else { HIDDEN }))
}

/// One line, each character of which keeps its place, so that a mark below one still points at it.
pub fn in_place(text: &str) -> String {
    shown(text, |c| if c == '\t' { ' ' } else { HIDDEN })
}

/// Text with a stand-in for each character that is not safe where it stands.
fn shown(text: &str, stand_in: impl Fn(char) -> char) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    let mut before = None;
    while let Some(c) = letters.next() {
        let is_hidden = is_unsafe(c) && !is_needed(before, c, letters.peek().copied());
        let c = if is_hidden { stand_in(c) } else { c };
        shown.push(c);
        before = Some(c);
    }
    shown
}

/// The lines of a process's output, each made safe; a line that was drawn over (`\r`) shows its last state, as a
/// terminal would.
pub fn lines(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let text = anstream::adapter::strip_str(&text).to_string();
    let last_state = |line: &str| {
        let line = line.trim_end_matches('\r');
        let line = line.rsplit('\r').find(|part| !part.is_empty()).unwrap_or_default();
        shown(&line.replace('\t', "    "), |_| HIDDEN)
    };
    let mut lines: Vec<String> = text.lines().map(last_state).collect();
    while lines.last().is_some_and(|line| line.trim().is_empty()) {
        lines.pop();
    }
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_unsafe_comes_through() {
        assert_eq!(line("plain \u{e9}\u{4e16}"), "plain \u{e9}\u{4e16}");
        assert_eq!(line("a\x1b[31mred\x1b[0m"), "ared");
        assert_eq!(
            line("a\nb\tc\u{7f}\u{9b}31m\u{202e}"),
            "a\u{fffd}b c\u{fffd}31m\u{fffd}",
            "DEL is taken out with the sequences"
        );
        for c in '\0'..='\u{fffff}' {
            assert!(!line(&format!("x{c}y")).contains(is_unsafe), "{c:?}");
        }
    }

    #[test]
    fn signs_that_real_names_need_stay_where_they_are_seen() {
        for text in [
            "\u{1f469}\u{200d}\u{1f4bb}",
            "\u{2764}\u{fe0f}\u{200d}\u{1f525} \u{263a}\u{fe0f} 1\u{fe0f}\u{20e3}",
            "\u{645}\u{6cc}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645}",
            "\u{915}\u{94d}\u{200d}\u{937} \u{915}\u{94d}\u{200c}\u{937}",
        ] {
            assert_eq!(line(text), text);
        }
        for text in [
            "ma\u{200d}in",
            "main\u{200c}",
            "\u{200d}main",
            "\u{1f469}\u{200d}\u{200d}\u{1f4bb}",
            "\u{1f469}\u{200d}a",
            "main\u{fe0f}",
            "\u{631}\u{200c}\u{647}",
            "\u{645}\u{200c}a",
            "\u{200b}\u{1f469}",
        ] {
            assert!(!is_safe(text) && line(text).contains('\u{fffd}'), "{text:?}");
        }
    }

    /// Texts that hold much of what is unsafe, also in pairs.
    fn texts() -> impl Strategy<Value = String> {
        let unsafe_ones = prop::char::ranges(
            vec!['\0'..='\u{a0}', '\u{2000}'..='\u{206f}', '\u{fe00}'..='\u{ffff}', '\u{e0000}'..='\u{e0fff}'].into(),
        );
        let others =
            prop::sample::select(vec!['\u{1b}', '[', 'm', ']', '\u{1f469}', '\u{645}', '\u{94d}', '\u{915}', 'a']);
        prop::collection::vec(prop_oneof![unsafe_ones, others, any::<char>()], 0..24)
            .prop_map(|letters| letters.into_iter().collect())
    }

    proptest! {
        #[test]
        fn what_is_made_safe_is_safe_and_stays_as_it_is(text in texts()) {
            let once = line(&text).into_owned();
            prop_assert!(is_safe(&once), "{:?}", once);
            prop_assert_eq!(line(&once), once.as_str());
            prop_assert!(is_safe(&in_place(&text)));
            prop_assert_eq!(in_place(&text).chars().count(), text.chars().count());
            for line in lines(text.as_bytes()) {
                prop_assert!(is_safe(&line), "{:?}", line);
            }
        }
    }

    #[test]
    fn output_is_shown_as_a_terminal_would_end_up() {
        assert_eq!(lines(b" 10%\r 50%\r100%\r\ndone\x1b[K\n\n"), ["100%", "done"]);
        assert_eq!(lines(b"bad \xff byte\tx"), ["bad \u{fffd} byte    x"]);
        assert!(lines(b"").is_empty());
    }
}

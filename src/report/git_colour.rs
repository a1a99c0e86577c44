//! Colours in git's words, as `color.wtcheck.SLOT` has them.

use owo_colors::{AnsiColors, DynColors, Effect, Style, XtermColors};

/// Reads a colour as git does: foreground, background and attributes, in any order. (Rule: `color_parse_mem` in git's
/// color.c.)
pub fn parse(text: &str) -> Option<Style> {
    let (mut style, mut foreground, mut background) = (Style::new(), None, None);
    for word in text.split_ascii_whitespace() {
        if word.eq_ignore_ascii_case("reset") {
            // What is painted starts from nothing in any case.
        } else if let Some(colour) = colour(word) {
            let place = if foreground.is_none() { &mut foreground } else { &mut background };
            if place.replace(colour).is_some() {
                return None;
            }
        } else {
            let (effect, on) = match word.strip_prefix("no") {
                Some(rest) => (effect(rest.strip_prefix('-').unwrap_or(rest))?, false),
                None => (effect(word)?, true),
            };
            style = if on { style.effect(effect) } else { style.remove_effect(effect) };
        }
    }
    if let Some(Colour::Of(colour)) = foreground {
        style = style.color(colour);
    }
    if let Some(Colour::Of(colour)) = background {
        style = style.on_color(colour);
    }
    Some(style)
}

fn effect(name: &str) -> Option<Effect> {
    Some(match name {
        "bold" => Effect::Bold,
        "dim" => Effect::Dimmed,
        "italic" => Effect::Italic,
        "ul" => Effect::Underline,
        "blink" => Effect::Blink,
        "reverse" => Effect::Reversed,
        "strike" => Effect::Strikethrough,
        _ => return None,
    })
}

const COLOURS: [(&str, AnsiColors, AnsiColors); 8] = [
    ("black", AnsiColors::Black, AnsiColors::BrightBlack),
    ("red", AnsiColors::Red, AnsiColors::BrightRed),
    ("green", AnsiColors::Green, AnsiColors::BrightGreen),
    ("yellow", AnsiColors::Yellow, AnsiColors::BrightYellow),
    ("blue", AnsiColors::Blue, AnsiColors::BrightBlue),
    ("magenta", AnsiColors::Magenta, AnsiColors::BrightMagenta),
    ("cyan", AnsiColors::Cyan, AnsiColors::BrightCyan),
    ("white", AnsiColors::White, AnsiColors::BrightWhite),
];

/// What a word for a colour asks for.
enum Colour {
    /// The one that is there.
    Normal,
    Of(DynColors),
}

fn colour(word: &str) -> Option<Colour> {
    let name = word.to_ascii_lowercase();
    if name == "normal" {
        return Some(Colour::Normal);
    }
    if name == "default" {
        return Some(Colour::Of(DynColors::Ansi(AnsiColors::Default)));
    }
    if let Some(digits) = name.strip_prefix('#') {
        return rgb(digits).map(Colour::Of);
    }
    let (plain, bright) = name.strip_prefix("bright").map_or((name.as_str(), false), |rest| (rest, true));
    if let Some((_, dark, light)) = COLOURS.iter().find(|(known, _, _)| *known == plain) {
        return Some(Colour::Of(DynColors::Ansi(if bright { *light } else { *dark })));
    }
    let number: i16 = name.parse().ok()?;
    let (index, number) = match number {
        -1 => return Some(Colour::Normal),
        _ => (usize::try_from(number).ok()?, u8::try_from(number).ok()?),
    };
    Some(Colour::Of(match index {
        0..8 => DynColors::Ansi(COLOURS[index].1),
        8..16 => DynColors::Ansi(COLOURS[index - 8].2),
        _ => DynColors::Xterm(XtermColors::from(number)),
    }))
}

fn rgb(digits: &str) -> Option<DynColors> {
    let number = |text: &str| u8::from_str_radix(text, 16).ok();
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    match digits.len() {
        6 => Some(DynColors::Rgb(number(&digits[..2])?, number(&digits[2..4])?, number(&digits[4..])?)),
        // `#abc` stands for `#aabbcc`.
        3 => Some(DynColors::Rgb(number(&digits[..1])? * 17, number(&digits[1..2])? * 17, number(&digits[2..])? * 17)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use owo_colors::OwoColorize;

    use super::*;

    fn drawn(text: &str) -> Option<String> {
        Some("x".style(parse(text)?).to_string())
    }

    #[test]
    fn words_in_any_order() {
        assert_eq!(drawn("red"), Some("\u{1b}[31mx\u{1b}[0m".to_owned()));
        assert_eq!(drawn("bold red"), drawn("RED bold"));
        assert_eq!(drawn("bold nobold green no-ul"), drawn("green"));
        assert_eq!(drawn("normal"), Some("x".to_owned()));
        assert_eq!(drawn(""), Some("x".to_owned()));
        assert_eq!(drawn("#0af"), drawn("#00aaff"));
        for wrong in ["purple", "red green blue", "256", "-2", "#12345", "#+12345", "noblod", "Bold", "bold,red"] {
            assert_eq!(drawn(wrong), None, "{wrong}");
        }
    }
}

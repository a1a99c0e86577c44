//! Durations as people write them: `500ms`, `10s`, `1m30s`, `2h`, and a bare number of seconds.

use std::time::Duration;

/// What is accepted, for messages.
pub const ACCEPTED: &str = "a duration like 500ms, 10s, 1m30s or 2h (a bare number counts seconds)";

/// The longest duration that is accepted: a year. Longer ones would overflow a timer.
const LONGEST: Duration = Duration::from_hours(8784);

/// Reads a duration. `None` where the text is not one.
///
/// ```
/// use git_wtcheck::text::duration::parse;
/// assert_eq!(parse("1m30s").unwrap().as_secs(), 90);
/// assert_eq!(parse("500ms").unwrap().as_millis(), 500);
/// assert_eq!(parse("90").unwrap().as_secs(), 90);
/// assert!(parse("soon").is_none());
/// ```
pub fn parse(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    let mut total = Duration::ZERO;
    let mut largest = f64::INFINITY;
    let bare = rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let number: f64 = number.parse().ok().filter(|number: &f64| number.is_finite())?;
        let tail = tail.trim_start();
        let letters = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let seconds = match unit {
            "ms" => 0.001,
            "s" | "sec" | "secs" => 1.0,
            "" if bare => 1.0,
            "m" | "min" | "mins" => 60.0,
            "h" | "hr" | "hours" | "hour" => 3600.0,
            "d" | "day" | "days" => 86400.0,
            _ => return None,
        };
        // Largest first, each once: `30s1m` is more likely a slip than a wish.
        if seconds >= largest {
            return None;
        }
        largest = seconds;
        total = total.checked_add(Duration::try_from_secs_f64(number * seconds).ok()?)?;
        rest = tail.trim_start();
    }
    // Rounded up to whole milliseconds: a very short time must not become 0, which means no limit.
    let total = Duration::from_millis(u64::try_from(total.as_nanos().div_ceil(1_000_000)).ok()?);
    (total <= LONGEST).then_some(total)
}

/// A duration as a person reads it at a glance: `12ms`, `1.2s`, `3m04s`, `2h05m`.
pub fn show(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if duration < Duration::from_secs(1) {
        format!("{}ms", duration.as_millis())
    } else if seconds < 60 {
        format!("{:.1}s", duration.as_secs_f64())
    } else if seconds < 3600 {
        format!("{}m{:02}s", seconds / 60, seconds % 60)
    } else {
        format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60)
    }
}

/// A duration as it could be written in a setting: exact, and read back as itself.
pub fn write(duration: Duration) -> String {
    if duration.is_zero() {
        return "0".to_owned();
    }
    let millis = duration.as_millis();
    if !millis.is_multiple_of(1000) {
        return format!("{millis}ms");
    }
    let seconds = duration.as_secs();
    let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count}{unit}")).collect()
}

/// How long ago, in one short word: `now`, `5m`, `3h`, `2d`, `6w`, `4y`.
pub fn ago(seconds: i64) -> String {
    match seconds {
        ..60 => "now".to_owned(),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        86_400..1_209_600 => format!("{}d", seconds / 86_400),
        1_209_600..31_536_000 => format!("{}w", seconds / 604_800),
        _ => format!("{}y", seconds / 31_536_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, millis) in [
            ("500ms", 500),
            ("10s", 10_000),
            ("2m", 120_000),
            ("1m30s", 90_000),
            ("1h", 3_600_000),
            ("90", 90_000),
            ("0", 0),
            ("0.5s", 500),
            ("1.5", 1_500),
            (" 1h 5m ", 3_900_000),
            ("0.1ms", 1),
            ("1d", 86_400_000),
        ] {
            assert_eq!(parse(text).map(|d| d.as_millis()), Some(millis), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_none() {
        for text in [
            "",
            " ",
            "soon",
            "-1s",
            "1x",
            "s",
            "1s1m",
            "1s2s",
            "1.2.3s",
            "1m30",
            "1e9s",
            "99999999999999h",
            "inf",
            "nan",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn writes_what_it_reads() {
        for text in ["0", "500ms", "10s", "1m30s", "2h", "1h1s", "1500ms"] {
            let duration = parse(text).expect(text);
            assert_eq!(write(duration), text);
            assert_eq!(parse(&write(duration)), Some(duration));
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,30}|[0-9. mshd]{0,30}") {
            if let Some(duration) = parse(&text) {
                assert_eq!(parse(&write(duration)), Some(duration), "{text:?} is written {:?}", write(duration));
                show(duration);
            }
        }
    }
}

//! Sizes and counts as git's configuration writes them: `256KiB`, `64k`, `1M`, `0x10`.

/// What is accepted, for messages.
pub const ACCEPTED: &str = "a number of bytes like 65536, 64k or 1MiB";

/// Reads a number of bytes: an integer as git reads it (k, m, g; base prefixes), or with `KB`, `KiB` and so on. All are
/// powers of 1024, as in git.
pub fn parse(text: &str) -> Option<u64> {
    let text = text.trim();
    let lower = text.to_ascii_lowercase();
    let digits = lower.strip_suffix("ib").or_else(|| lower.strip_suffix('b').filter(|rest| !rest.starts_with("0x")));
    count(digits.unwrap_or(&lower).trim())
}

/// Reads a count as git reads an integer: decimal, `0x` or `0` prefixed, with a suffix `k`, `m` or `g`.
/// (Rule: `git_parse_unsigned` in git's parse.c.)
pub fn count(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let (digits, factor) = match text.as_bytes().last()? {
        b'k' => (&text[..text.len() - 1], 1 << 10),
        b'm' => (&text[..text.len() - 1], 1 << 20),
        b'g' => (&text[..text.len() - 1], 1 << 30),
        _ => (text.as_str(), 1_u64),
    };
    let number = if let Some(hex) = digits.strip_prefix("0x") {
        plain(hex, 16)?
    } else if digits.len() > 1 && digits.starts_with('0') {
        plain(&digits[1..], 8)?
    } else {
        plain(digits, 10)?
    };
    number.checked_mul(factor)
}

fn plain(digits: &str, radix: u32) -> Option<u64> {
    // from_str_radix would take a sign.
    if digits.starts_with(['+', '-']) { None } else { u64::from_str_radix(digits, radix).ok() }
}

/// A size as it could be written in a setting: exact, and read back as itself.
pub fn write(bytes: u64) -> String {
    for (unit, name) in [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")] {
        if bytes > 0 && bytes.is_multiple_of(unit) {
            return format!("{}{name}", bytes / unit);
        }
    }
    bytes.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_git_does() {
        for (text, bytes) in [
            ("0", 0),
            ("65536", 65536),
            ("64k", 65536),
            ("64K", 65536),
            ("1MiB", 1 << 20),
            ("256KiB", 1 << 18),
            ("1g", 1 << 30),
            ("0x10", 16),
            ("010", 8),
            ("10b", 10),
        ] {
            assert_eq!(parse(text), Some(bytes), "{text}");
        }
        for text in ["", "k", "-1", "+1", "1.5k", "many", "99999999999g", "0x", "09", "é"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn writes_what_it_reads() {
        for bytes in [0, 1, 1023, 1024, 1 << 18, 1 << 20, 3 << 30] {
            assert_eq!(parse(&write(bytes)), Some(bytes));
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,30}|[0-9x kKmMgGiIbB]{0,30}") {
            if let Some(bytes) = parse(&text) {
                assert_eq!(parse(&write(bytes)), Some(bytes), "{text:?} is written {:?}", write(bytes));
            }
        }
    }
}

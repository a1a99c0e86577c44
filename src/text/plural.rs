//! Numbers with their nouns, in the singular or the plural.

/// A number and what it counts: `1 retry`, `2 retries`.
pub fn count(number: usize, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
}

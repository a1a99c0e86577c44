//! Whether a file of configuration, which git includes under a condition, could have a say in what `git status` tells.
//!
//! Most have none: they say as whom one commits below a folder. Only what is plainly such a file is taken for one.

use std::io::ErrorKind;
use std::path::Path;

use crate::git::regular_file::{self, Links};

/// A file larger than this is not searched.
const LONGEST: usize = 64 * 1024;

/// Keys that git status does not look at, or only for whether they have a value: who one is, how one signs and connects.
/// (Rule: `git_status_config` in git's builtin/commit.c and all that it hands a key on to; `git_ident_config` in ident.c
/// dies of a name without a value.)
const HARMLESS: [&str; 15] = [
    "author.email",
    "author.name",
    "commit.gpgsign",
    "committer.email",
    "committer.name",
    "core.sshcommand",
    "credential.helper",
    "credential.username",
    "gpg.allowedsignersfile",
    "gpg.format",
    "gpg.program",
    "tag.gpgsign",
    "user.email",
    "user.name",
    "user.signingkey",
];

/// Whether git status tells the same with this file as without it: it is not there, or says nothing that counts.
pub fn has_no_say(path: &Path) -> bool {
    match regular_file::contents(path, Links::Followed, LONGEST) {
        Ok(content) => std::str::from_utf8(&content).is_ok_and(is_harmless),
        Err(error) => error.kind() == ErrorKind::NotFound,
    }
}

/// Whether every line is a comment, the name of a section, or a harmless key with a value that git can read.
/// (Rules: `git_parse_source`, `get_base_var` and `parse_value` in git's config.c.)
fn is_harmless(content: &str) -> bool {
    // With an escape a value can go on in the next line.
    let is_odd = |letter: char| letter == '\\' || letter.is_control() && !matches!(letter, '\n' | '\t');
    let mut section = None;
    !content.contains(is_odd) && content.split('\n').all(|line| is_harmless_line(blank(line), &mut section))
}

fn is_harmless_line<'a>(line: &'a str, section: &mut Option<&'a str>) -> bool {
    if line.is_empty() || line.starts_with(['#', ';']) {
        return true;
    }
    if let Some(header) = line.strip_prefix('[') {
        *section = header.strip_suffix(']').and_then(name_of_section);
        return section.is_some();
    }
    let (Some(section), Some((key, value))) = (*section, line.split_once('=')) else { return false };
    let key = format!("{section}.{}", blank(key)).to_ascii_lowercase();
    // What opens a quotation closes it: a comment begins outside of quotations only.
    let is_whole = value.matches('"').count().is_multiple_of(2);
    is_whole && HARMLESS.contains(&key.as_str())
}

/// The section of `section` and of `section "subsection"`.
fn name_of_section(header: &str) -> Option<&str> {
    let is_plain = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let Some((name, subsection)) = header.split_once(' ') else { return is_plain(header).then_some(header) };
    let subsection = subsection.strip_prefix('"')?.strip_suffix('"')?;
    // Another section's keys would be others with a subsection.
    (matches!(name, "credential" | "gpg") && !subsection.contains('"')).then_some(name)
}

fn blank(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_one_is_has_no_say() {
        for content in [
            "",
            "# nothing\n",
            "[user]\n\tname = A U Thor\n\temail = author@example.com # at work\n\tsigningKey = ~/.ssh/work.pub\n",
            "[USER]\nName=\"A U Thor\"\n; and\n[core]\n  sshCommand = ssh -i ~/.ssh/work\n[commit]\n\tgpgsign = true",
            "[credential \"https://example.com\"]\n\tusername = me\n[gpg \"ssh\"]\n\tallowedSignersFile = ~/signers\n",
        ] {
            assert!(is_harmless(content), "{content}");
        }
    }

    #[test]
    fn what_could_count_or_is_not_plain_has_a_say() {
        for content in [
            "[core]\n\tfsmonitor = true\n",
            "[core]\n\tignoreCase = true\n",
            "[user][core]\nfileMode = false\n",
            "[user] [core]\nname = x\n",
            "[user] name = x\n",
            "[include]path=more[user]\n",
            "[user]\n\tname\n",
            "[user]\n\tname = \"x\n",
            "[user]\n\tname = x\\\n[core]\n",
            "[user \"x\"]\n\tname = x\n",
            "[user.x]\n\tname = x\n",
            "[include]\n\tpath = more\n",
            "[core]\n\texcludesFile = ~/ignore\n",
            "[status]\n\tshowUntrackedFiles = no\n",
            "[diff]\n\tignoreSubmodules = all\n",
            "[gpg \"x\" \"y\"]\n\tformat = x\n",
            "[user\nname = x\n",
            "name = x\n",
            "[user]\nna me = x\n",
            "[user]\n\tname = x\r\n",
            "\u{feff}[user]\n\tname = x\n",
            "[user]\u{a0}\n",
            "[user]\n\tname = x\n[alias]\n\tx = y\n",
        ] {
            assert!(!is_harmless(content), "{content}");
        }
    }
}

//! Whether git could read its configuration: it refuses to tell a worktree's state where a value that it looks at on the
//! way is malformed, whether or not that value has a say.
//!
//! What is not plainly well-formed is not taken for it; nor is a key that is not known here, in a section that git looks
//! at. (Rules: `git_status_config` in git's builtin/commit.c and all that it hands a key on to, `prepare_repo_settings` in
//! repo-settings.c, `handle_config` in remote.c. A test asks git about every key that it knows.)

use bstr::ByteSlice;

use crate::git::config::{Entry, boolean};

/// What git can read as the value of a key.
#[derive(Clone, Copy)]
enum Form {
    /// It is not looked at, or is looked at elsewhere.
    Any,
    /// A value.
    Text,
    /// A value that is not empty.
    Something,
    /// A boolean.
    Flag,
    /// A number.
    Number,
    /// A number from the first to the second.
    Within(u8, u8),
    /// One of these words.
    Word(&'static [&'static str]),
    /// A boolean, or one of these words.
    FlagOr(&'static [&'static str]),
    /// Words divided by commas or spaces.
    Words(&'static [&'static str]),
    /// Plain colours and attributes.
    Colour,
    /// A path that leads into no other user's home.
    Path,
    /// A plain refspec.
    Refspec,
    /// Nothing that is known here.
    Unknown,
}

use Form::{Any, Colour, Flag, FlagOr, Number, Path, Refspec, Something, Text, Unknown, Within, Word, Words};

const WHEN: Form = FlagOr(&["auto", "always", "never"]);

/// The form of each key, and of all others of its section by `*` or `*.*`; the first that fits counts. A subsection is `*`.
#[rustfmt::skip]
const FORMS: &[(&str, Form)] = &[
    ("advice.*", Flag),
    ("attr.tree", Text),
    ("author.email", Text), ("author.name", Text), ("author.*", Any),
    ("branch.autosetupmerge", FlagOr(&["always", "inherit", "simple"])),
    ("branch.autosetuprebase", Word(&["never", "local", "remote", "always"])),
    ("branch.sort", Any),
    ("branch.*.*", Text),
    ("color.advice", WHEN), ("color.diff", WHEN), ("color.pager", WHEN), ("color.status", WHEN), ("color.ui", WHEN),
    ("color.advice.*", Colour), ("color.diff.*", Colour), ("color.status.*", Colour),
    ("color.*", Any), ("color.*.*", Any),
    ("column.*", Words(&["auto", "always", "never", "true", "false", "plain", "column", "row", "dense", "nodense"])),
    ("commitgraph.changedpathsversion", Within(0, 9)),
    ("commitgraph.generationversion", Within(0, 9)),
    ("commitgraph.readchangedpaths", Flag),
    ("commitgraph.maxnewfilters", Number),
    ("committer.email", Text), ("committer.name", Text), ("committer.*", Any),
    ("core.abbrev", Within(4, 40)),
    ("core.alternaterefscommand", Any), ("core.alternaterefsprefixes", Any),
    ("core.askpass", Text),
    ("core.attributesfile", Path),
    ("core.autocrlf", FlagOr(&["input"])),
    ("core.bare", Flag),
    ("core.bigfilethreshold", Number),
    ("core.checkroundtripencoding", Text),
    ("core.checkstat", Word(&["default", "minimal"])),
    ("core.commentchar", Something), ("core.commentstring", Something),
    ("core.commitgraph", Flag),
    ("core.compression", Within(0, 9)),
    ("core.createobject", Word(&["rename", "link"])),
    ("core.deltabasecachelimit", Number),
    ("core.editor", Text),
    ("core.eol", Word(&["lf", "crlf", "native"])),
    ("core.excludesfile", Any),
    ("core.filemode", Flag),
    ("core.filesreflocktimeout", Any), ("core.packedrefstimeout", Any),
    ("core.fsmonitor", Any), ("core.fsmonitorhookversion", Any),
    ("core.fsync", Text), ("core.fsyncmethod", Text), ("core.fsyncobjectfiles", Flag),
    ("core.gitproxy", Text),
    ("core.hidedotfiles", Any),
    ("core.hookspath", Path),
    ("core.ignorecase", Flag),
    ("core.ignorestat", Flag),
    ("core.logallrefupdates", FlagOr(&["always"])),
    ("core.loosecompression", Within(0, 9)),
    ("core.maxtreedepth", Number),
    ("core.multipackindex", Flag),
    ("core.notesref", Text),
    ("core.packedgitlimit", Number), ("core.packedgitwindowsize", Number),
    ("core.pager", Text),
    ("core.precomposeunicode", Flag),
    ("core.prefersymlinkrefs", Flag),
    ("core.preloadindex", Flag),
    ("core.protecthfs", Flag), ("core.protectntfs", Flag),
    ("core.quotepath", Flag),
    ("core.repositoryformatversion", Within(0, 1)),
    ("core.safecrlf", FlagOr(&["warn"])),
    ("core.sharedrepository", FlagOr(&["umask", "group", "all", "world", "everybody"])),
    ("core.sparsecheckout", Flag), ("core.sparsecheckoutcone", Flag),
    ("core.splitindex", Flag),
    ("core.sshcommand", Text),
    ("core.symlinks", Flag),
    ("core.trustctime", Flag),
    ("core.untrackedcache", FlagOr(&["keep"])),
    ("core.usereplacerefs", Flag),
    ("core.warnambiguousrefs", Flag),
    ("core.whitespace", Text),
    // Looked at elsewhere.
    ("core.worktree", Any), ("core.virtualfilesystem", Any), ("core.gvfs", Any),
    ("diff.algorithm", Word(&["default", "myers", "minimal", "patience", "histogram"])),
    ("diff.autorefreshindex", Flag),
    ("diff.colormoved", FlagOr(&["default", "blocks", "plain", "zebra", "dimmed-zebra", "dimmed_zebra"])),
    ("diff.colormovedws", Word(&["no", "ignore-space-at-eol", "ignore-space-change", "ignore-all-space", "allow-indentation-change"])),
    ("diff.context", Number), ("diff.interhunkcontext", Number),
    ("diff.dirstat", Text),
    ("diff.external", Text),
    ("diff.guitool", Any), ("diff.tool", Any),
    ("diff.ignoresubmodules", Word(&["none", "untracked", "dirty", "all"])),
    ("diff.indentheuristic", Flag),
    ("diff.mnemonicprefix", Flag), ("diff.noprefix", Flag),
    ("diff.orderfile", Any),
    ("diff.relative", Flag),
    ("diff.renamelimit", Number),
    ("diff.renames", FlagOr(&["copy", "copies"])),
    ("diff.srcprefix", Text), ("diff.dstprefix", Text),
    ("diff.statgraphwidth", Number), ("diff.statnamewidth", Number),
    ("diff.submodule", Word(&["short", "log", "diff"])),
    ("diff.suppressblankempty", Flag),
    ("diff.trustexitcode", Flag),
    ("diff.wordregex", Text),
    ("diff.wserrorhighlight", Words(&["none", "default", "old", "new", "context", "all"])),
    ("diff.*.binary", Flag), ("diff.*.cachetextconv", Flag), ("diff.*.trustexitcode", Flag),
    ("diff.*.*", Text),
    ("extensions.*", Any), ("extensions.*.*", Any),
    ("feature.*", Flag),
    ("fetch.negotiationalgorithm", Word(&["consecutive", "default", "noop", "skipping"])),
    ("fetch.writecommitgraph", Flag),
    ("gc.writecommitgraph", Flag),
    ("i18n.commitencoding", Text), ("i18n.logoutputencoding", Text), ("i18n.filesencoding", Any),
    ("includeif.*", Any), ("includeif.*.*", Any),
    ("index.threads", Flag),
    ("index.version", Within(0, 9)),
    ("index.recordendofindexentries", Flag), ("index.recordoffsettable", Flag),
    ("index.skiphash", Flag), ("index.sparse", Flag),
    ("mailmap.blob", Text), ("mailmap.file", Path),
    ("pack.compression", Within(0, 9)),
    ("pack.packsizelimit", Number),
    ("pack.readreverseindex", Flag), ("pack.usebitmapboundarytraversal", Flag), ("pack.usesparse", Flag),
    ("push.default", Word(&["nothing", "current", "upstream", "tracking", "simple", "matching"])),
    ("remote.pushdefault", Text),
    ("remote.*.fetch", Refspec), ("remote.*.push", Refspec),
    ("remote.*.mirror", Flag), ("remote.*.promisor", Flag), ("remote.*.prune", Flag), ("remote.*.prunetags", Flag),
    ("remote.*.skipdefaultupdate", Flag), ("remote.*.skipfetchall", Flag),
    ("remote.*.*", Text),
    ("sparse.expectfilesoutsideofpatterns", Flag),
    // They are for people, but for what they say of untracked files, which an option outweighs.
    ("status.aheadbehind", Flag), ("status.branch", Flag), ("status.displaycommentprefix", Flag),
    ("status.relativepaths", Flag), ("status.short", Flag), ("status.showstash", Flag),
    ("status.submodulesummary", Flag),
    ("status.renamelimit", Number),
    ("status.renames", FlagOr(&["copy", "copies"])),
    ("status.showuntrackedfiles", Word(&["no", "normal", "all"])),
    ("status.color", WHEN), ("status.color.*", Colour),
    ("url.*.*", Text),
    ("user.email", Text), ("user.name", Text), ("user.useconfigonly", Flag), ("user.*", Any),
    ("wtcheck.*", Any), ("wtcheck.*.*", Any),
];

/// Whether git could read this entry, if it looked at it.
pub(super) fn is_well_formed(entry: &Entry) -> bool {
    form(&entry.key).fits(entry.value.as_ref().map(|value| value.as_slice()))
}

fn form(key: &str) -> Form {
    let Some((section, rest)) = key.split_once('.') else { return Unknown };
    let (subsection, last) = match rest.rsplit_once('.') {
        Some((subsection, last)) => (Some(subsection), last),
        None => (None, rest),
    };
    // Of a branch without a name, git says that it is broken.
    if subsection == Some("") {
        return Unknown;
    }
    let is_meant = |pattern: &str| {
        let mut parts = pattern.split('.');
        let fits = |part: Option<&str>, word: &str| part.is_some_and(|part| part == "*" || part == word);
        parts.next() == Some(section)
            && subsection.is_none_or(|subsection| fits(parts.next(), subsection))
            && fits(parts.next(), last)
            && parts.next().is_none()
    };
    FORMS.iter().find(|(pattern, _)| is_meant(pattern)).map_or(Unknown, |(_, form)| *form)
}

impl Form {
    fn fits(self, value: Option<&[u8]>) -> bool {
        let is_one_of = |words: &[&str]| value.is_some_and(|value| words.iter().any(|word| word.as_bytes() == value));
        match self {
            Any => true,
            Unknown => false,
            Text => value.is_some(),
            Something => value.is_some_and(|value| !value.is_empty()),
            Flag => boolean(value).is_some(),
            Number => value.is_some_and(|value| number(value).is_some()),
            Within(least, most) => {
                value.and_then(number).is_some_and(|number| (u32::from(least)..=u32::from(most)).contains(&number))
            }
            Word(words) => is_one_of(words),
            // git asks of some whether they are a word before it takes them for a boolean.
            FlagOr(words) => value.is_some() && boolean(value).is_some() || is_one_of(words),
            Words(words) => value.is_some_and(|value| {
                let mut each = value.split(|byte| matches!(byte, b' ' | b',')).filter(|word| !word.is_empty());
                each.all(|word| words.iter().any(|known| known.as_bytes() == word))
            }),
            Colour => value.is_some_and(is_colour),
            Path => value.is_some_and(is_path),
            Refspec => value.is_some_and(is_refspec),
        }
    }
}

/// A number without a sign and a unit that is never too large for git.
fn number(text: &[u8]) -> Option<u32> {
    let is_plain = (1..=9).contains(&text.len()) && text.iter().all(u8::is_ascii_digit);
    // A leading zero makes it octal.
    let is_decimal = text == b"0" || !text.starts_with(b"0");
    (is_plain && is_decimal).then(|| text.to_str().ok()?.parse().ok()).flatten()
}

/// A path that begins in no other user's home and not where git is installed. (Rule: `interpolate_path` in git's path.c.)
fn is_path(text: &[u8]) -> bool {
    !text.starts_with(b"~") && !text.starts_with(b"%") && !text.starts_with(b":") || text.starts_with(b"~/")
}

/// Two plain colours at the most, and attributes. What git may read besides is left to it.
fn is_colour(text: &[u8]) -> bool {
    const COLOURS: [&str; 10] =
        ["normal", "default", "black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];
    const ATTRIBUTES: [&str; 7] = ["bold", "dim", "ul", "blink", "reverse", "italic", "strike"];
    let Ok(text) = std::str::from_utf8(text) else { return false };
    let is = |known: &[&str], word: &str| known.iter().any(|known| known.eq_ignore_ascii_case(word));
    let (colours, others): (Vec<&str>, Vec<&str>) =
        text.split_ascii_whitespace().partition(|word| is(&COLOURS, word) || word.parse::<u8>().is_ok());
    colours.len() <= 2 && others.iter().all(|word| is(&ATTRIBUTES, word))
}

/// A plain refspec: a name on each side, each with a `*` or neither.
fn is_refspec(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"+").or_else(|| text.strip_prefix(b"^")).unwrap_or(text);
    let mut sides = text.split(|byte| *byte == b':');
    let (Some(source), target, None) = (sides.next(), sides.next(), sides.next()) else { return false };
    let is_plain = |side: &[u8]| {
        let is_known = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'-' | b'.' | b'*');
        let is_odd = ["//", "/.", "..", ".lock"].iter().any(|part| side.contains_str(part));
        side.starts_with(b"refs/")
            && side.iter().all(is_known)
            && !side.ends_with(b"/")
            && !side.ends_with(b".")
            && !is_odd
    };
    let stars = |side: &[u8]| side.find_iter(b"*").count();
    let fits = target.is_none_or(|target| is_plain(target) && stars(target) == stars(source));
    is_plain(source) && stars(source) <= 1 && fits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_the_first_form_that_fits_it() {
        for (key, value, expected) in [
            ("core.abbrev", Some("12"), true),
            ("core.abbrev", Some("3"), false),
            ("core.abbrev", None, false),
            ("core.unheardof", Some("1"), false),
            ("core.quotepath", None, true),
            ("core.quotepath", Some("x!"), false),
            ("core.autocrlf", Some("input"), true),
            ("core.attributesfile", Some("~/x"), true),
            ("core.attributesfile", Some("~other/x"), false),
            ("diff.algorithm", Some("histogram"), true),
            ("diff.dr.iver.textconv", Some("x"), true),
            ("diff.dr.iver.binary", Some("x!"), false),
            ("branch.a.b.merge", Some("x"), true),
            ("branch..merge", Some("x"), false),
            ("branch.main.merge", None, false),
            ("color.status.added", Some("bold red"), true),
            ("color.status.added", Some("octarine"), false),
            ("color.branch.current", Some("octarine"), true),
            ("remote.origin.fetch", Some("+refs/heads/*:refs/remotes/origin/*"), true),
            ("remote.origin.fetch", Some("~x"), false),
            ("pack.packsizelimit", Some("010"), false),
            ("wtcheck.a.b.c", None, true),
            ("nothing", Some("x"), false),
        ] {
            let value = value.map(bstr::BString::from);
            let fits = form(key).fits(value.as_ref().map(|value| value.as_slice()));
            assert_eq!(fits, expected, "{key} {value:?}");
        }
    }
}

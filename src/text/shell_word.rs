//! Words as they are typed into a shell, and how they go on: what a quote or a backslash in them means, and what must
//! be quoted in the rest that is put behind them.

/// A shell that completes words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shell {
    /// bash: what is put behind a word is put there as it is.
    Bash,
    /// zsh: it quotes by itself.
    Zsh,
    /// fish: it quotes by itself.
    Fish,
}

impl Shell {
    /// The shell of this name.
    pub fn of(name: &str) -> Option<Self> {
        match name {
            "bash" => Some(Self::Bash),
            "zsh" => Some(Self::Zsh),
            "fish" => Some(Self::Fish),
            _ => None,
        }
    }

    /// What a backslash before this character means: outside of quotes, or within double ones.
    fn escaped(self, c: char, quote: Option<char>) -> Option<char> {
        match (self, quote) {
            (Self::Fish, Some('\'')) => "\\'".contains(c).then_some(c),
            (_, Some('\'')) => None,
            (Self::Bash, Some(_)) => "$`\"\\".contains(c).then_some(c),
            (Self::Zsh, Some(_)) => "$`\"\\!".contains(c).then_some(c),
            (Self::Fish, Some(_)) => "$\"\\".contains(c).then_some(c),
            // A control, or one by its number.
            (Self::Fish, None) if c.is_ascii_alphanumeric() => Some(NOTHING),
            (_, None) => Some(c),
        }
    }
}

/// A character that no name has: nothing is offered for a word with it.
const NOTHING: char = '\0';

/// A word that is being typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Word {
    /// What the shell would make of it.
    pub meant: String,
    /// How many bytes of that the shell leaves as they are; a completion replaces the rest.
    kept: usize,
    /// The quote that is still open.
    open: Option<char>,
}

impl Word {
    /// A word as it is typed. Nothing in it is expanded.
    pub fn of(raw: &str, shell: Shell) -> Self {
        let mut reader = Reader::new(shell, "");
        raw.chars().for_each(|c| reader.take(c));
        reader.word
    }

    /// What bash is to put in the place of the part that it replaces, for the word to mean `whole`. It ends with the
    /// open quote (bash closes it by itself, but not behind a quote that belongs to the name), or with a space, unless
    /// the last character of `whole` asks for more.
    pub fn continued(&self, whole: &str) -> Option<String> {
        let rest = whole.strip_prefix(self.meant.get(..self.kept)?)?;
        let mut text = String::new();
        for c in rest.chars() {
            match (self.open, c) {
                (Some('\''), '\'') => text.push_str(r"'\''"),
                (Some('\''), c) => text.push(c),
                // Within double quotes a backslash before `!` would stay.
                (Some(_), '!') => text.push_str("\"'!'\""),
                (Some(_), c) => {
                    if "$`\"\\".contains(c) {
                        text.push('\\');
                    }
                    text.push(c);
                }
                (None, c) => {
                    if c.is_ascii() && !c.is_ascii_alphanumeric() && !"_-./,+@%:=".contains(c) {
                        text.push('\\');
                    }
                    text.push(c);
                }
            }
        }
        match self.open {
            Some(quote) => text.push(quote),
            None if whole.ends_with(['=', '/', ':']) => {}
            None => text.push(' '),
        }
        Some(text)
    }
}

/// Divides a line as bash does, up to where it is being typed: the words before, and the one that is being typed.
/// `breaks` are the characters at which bash begins to replace (`COMP_WORDBREAKS`).
pub fn words_of_bash(line: &str, breaks: &str) -> (Vec<String>, Word) {
    let mut reader = Reader::new(Shell::Bash, breaks);
    let mut words = Vec::new();
    for c in line.chars() {
        if c.is_ascii_whitespace() && reader.is_outside() {
            let word = std::mem::replace(&mut reader, Reader::new(Shell::Bash, breaks));
            words.extend(word.has_begun.then_some(word.word.meant));
        } else {
            reader.take(c);
        }
    }
    (words, reader.word)
}

/// Reads one word, character by character.
struct Reader<'a> {
    shell: Shell,
    breaks: &'a str,
    word: Word,
    /// What is kept where no quote is open.
    kept_outside: usize,
    has_begun: bool,
    after_backslash: bool,
    after_dollar: bool,
}

impl<'a> Reader<'a> {
    fn new(shell: Shell, breaks: &'a str) -> Self {
        let word = Word::default();
        Self { shell, breaks, word, kept_outside: 0, has_begun: false, after_backslash: false, after_dollar: false }
    }

    const fn is_outside(&self) -> bool {
        self.word.open.is_none() && !self.after_backslash
    }

    fn take(&mut self, c: char) {
        self.has_begun = true;
        let after_dollar = std::mem::take(&mut self.after_dollar);
        if std::mem::take(&mut self.after_backslash) {
            match self.shell.escaped(c, self.word.open) {
                Some(c) => self.word.meant.push(c),
                None => self.word.meant.extend(['\\', c]),
            }
            return;
        }
        match (c, self.word.open) {
            ('\\', open) if open != Some('\'') || self.shell == Shell::Fish => self.after_backslash = true,
            ('\'' | '"', None) => {
                // `$'...'` has escapes of its own.
                if after_dollar && self.shell != Shell::Fish {
                    self.word.meant.push(NOTHING);
                }
                (self.word.open, self.word.kept) = (Some(c), self.word.meant.len());
            }
            // A quote that is closed is replaced with all that it holds, from the last break before it.
            (c, Some(open)) if c == open => (self.word.open, self.word.kept) = (None, self.kept_outside),
            (c, open) => {
                self.word.meant.push(c);
                self.after_dollar = c == '$' && open.is_none();
                if open.is_none() && self.breaks.contains(c) {
                    self.word.kept = self.word.meant.len();
                    self.kept_outside = self.word.kept;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BREAKS: &str = " \t\n\"'@><=;|&(:";

    fn bash(line: &str) -> (Vec<String>, Word) {
        words_of_bash(line, BREAKS)
    }

    #[test]
    fn lines_are_divided_as_bash_does() {
        for (line, before, meant) in [
            ("", &[][..], ""),
            (" -w  na", &["-w"][..], "na"),
            (" -w ", &["-w"], ""),
            (r#" -w a\ b 'c d' "e $f"#, &["-w", "a b", "c d"], "e $f"),
            (r#" "a\"\b" '\' x\"#, &["a\"\\b", "\\"], "x"),
            (" --skip=te", &[], "--skip=te"),
            (" '' x", &[""], "x"),
            (" $'a", &[], "$\0a"),
        ] {
            let (words, word) = bash(line);
            assert_eq!(
                (words, word.meant.as_str()),
                (before.iter().map(ToString::to_string).collect(), meant),
                "{line:?}"
            );
        }
    }

    #[test]
    fn what_is_put_behind_a_word_means_what_is_wanted() {
        for (line, whole, put) in [
            ("n", "n me", r"n\ me "),
            (r"n\ ", "n me", r"n\ me "),
            (r#""n m"#, r#"n me$x!`""#, r#"n me\$x"'!'"\`\"""#),
            ("'n", "n'x $y", r"n'\''x $y'"),
            ("--worktree=a", "--worktree=a b", r"a\ b "),
            ("--worktree='a", "--worktree=a b", "a b'"),
            ("feat@x@o", "feat@x@one", "one "),
            (r#""feat@"o"#, "feat@one", "feat@one "),
            (r#"a@"b c"d"#, "a@b cde", r"b\ cde "),
            ("!f", "!feat/one", r"\!feat/one "),
            ("", "a b;c", r"a\ b\;c "),
            ("", "~x#y{z}*?[", r"\~x\#y\{z\}\*\?\[ "),
            ("--skip", "--skip=", "--skip="),
            ("", "n\u{e4} \u{1f389}", "n\u{e4}\\ \u{1f389} "),
        ] {
            assert_eq!(bash(line).1.continued(whole).as_deref(), Some(put), "{line:?}");
        }
        assert_eq!(bash("--x=a").1.continued("other"), None);
    }

    #[test]
    fn each_shell_has_its_own_quotes() {
        let meant = |raw: &str, shell| Word::of(raw, shell).meant;
        assert_eq!(meant(r"a\ b'c\'", Shell::Zsh), r"a bc\");
        assert_eq!(meant(r#""a\!\x"#, Shell::Zsh), r"a!\x");
        assert_eq!(meant(r"a\ b'c\'d", Shell::Fish), "a bc'd");
        assert_eq!(meant(r#""a\$\`"#, Shell::Fish), r"a$\`");
        assert_eq!(meant(r"a\n", Shell::Fish), "a\0");
    }
}

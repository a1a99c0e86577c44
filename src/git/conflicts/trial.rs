//! Merges that are tried, many in one process: what they come to, and what keeps one from being tried.

use bstr::{BString, ByteSlice};

use crate::git::conflicts::place::{Bench, is_id, refusal};
use crate::git::errand::{Carrier, Errand, Taker};
use crate::model::answer::Exit;

/// So many merges are asked of one process.
const BATCH: usize = 1_000;
/// git ends with the first merge that it cannot try. So often another process is begun behind it.
const MOST_BEGUN_AGAIN: usize = 64;
/// Paths of one merge beyond these are not kept.
const MOST_PATHS: usize = 10_000;

/// What a merge comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trial {
    /// It goes through.
    Clean,
    /// It stops at these paths; none: nobody knows which.
    Stops(Option<Vec<BString>>),
    /// It could not be tried, for this reason.
    Unknown(String),
}

/// What the user's own merge drivers are called.
pub(super) async fn drivers<C: Carrier>(bench: &Bench<'_, C>) -> Result<Vec<String>, String> {
    let args = ["config", "--includes", "--name-only", "-z", "--get-regexp", r"^merge\..*\.driver$"];
    let printed = bench.carry(bench.of_repository(&args)).await?;
    match printed.exit {
        Exit::Code(0) => {}
        Exit::Code(1) => return Ok(Vec::new()),
        _ => return Err(refusal(&printed.stderr)),
    }
    let names = printed.stdout.split_str(b"\0").filter(|name| !name.is_empty()).map(|name| {
        // What follows the first sign of equality would be the value.
        let name = std::str::from_utf8(name).ok().filter(|name| !name.contains('='));
        name.map(str::to_owned).ok_or_else(|| "a merge driver is configured whose name cannot be written".to_owned())
    });
    names.collect()
}

/// What each of these merges comes to, with the attributes that this commit's tree has.
///
/// A driver of the user's is not run: where it would be, the merge counts as one that stops.
pub(super) async fn try_all<C: Carrier>(
    bench: &Bench<'_, C>,
    attributes: &str,
    drivers: &[String],
    merges: &[(&str, &str)],
    begun_again: &mut usize,
) -> Vec<Trial> {
    let mut trials: Vec<Trial> = Vec::with_capacity(merges.len());
    while trials.len() < merges.len() {
        let rest = &merges[trials.len()..];
        let batch = &rest[..rest.len().min(BATCH)];
        let (read, stopped) = try_some(bench, attributes, drivers, batch).await;
        let is_whole = read.len() == batch.len();
        trials.extend(read);
        let Some((words, is_about_one)) = stopped else {
            if is_whole {
                continue;
            }
            let words = "git said nothing of it".to_owned();
            trials.resize(merges.len(), Trial::Unknown(words));
            break;
        };
        if is_about_one && !is_whole && *begun_again < MOST_BEGUN_AGAIN {
            *begun_again += 1;
            trials.push(Trial::Unknown(words));
        } else {
            trials.resize(merges.len(), Trial::Unknown(words));
        }
    }
    trials
}

/// What the first of these come to; and why the others were not tried, and whether that is about the next one alone.
async fn try_some<C: Carrier>(
    bench: &Bench<'_, C>,
    attributes: &str,
    drivers: &[String],
    merges: &[(&str, &str)],
) -> (Vec<Trial>, Option<(String, bool)>) {
    let source = format!("--attr-source={attributes}");
    let settings: Vec<String> = drivers.iter().map(|key| format!("{key}=exit 1")).collect();
    let mut args: Vec<&str> = settings.iter().flat_map(|setting| ["-c", setting.as_str()]).collect();
    args.extend([source.as_str(), "merge-tree", "--write-tree", "--stdin", "--name-only", "--no-messages"]);
    let mut invocation = bench.of_repository(&args);
    let mut input = String::new();
    for (ours, theirs) in merges {
        input.push_str(&format!("{ours} {theirs}\n"));
    }
    invocation.input = Some(input.into_bytes());
    let errand = Errand { invocation, within: bench.within };
    match bench.carrier.stream(errand, Reading::default()).await {
        Ok((reading, ended)) => {
            let mut trials = reading.trials;
            trials.truncate(merges.len());
            if reading.is_odd {
                return (trials, Some(("cannot read what git merge-tree printed".to_owned(), false)));
            }
            match ended.exit {
                Exit::Code(0) if reading.is_at_start => (trials, None),
                Exit::Code(0) => (trials, Some(("git merge-tree stopped in the middle".to_owned(), false))),
                _ => (trials, Some((refusal(&ended.stderr), true))),
            }
        }
        Err(error) => (Vec::new(), Some((Bench::<C>::words(&error), false))),
    }
}

/// Reads what is printed of merges. (Format: git-merge-tree(1), "INPUT FORMAT" and "OUTPUT": of each merge its status,
/// the tree, the paths at which it stops, and an empty field, all ended by NUL.)
struct Reading {
    trials: Vec<Trial>,
    field: Vec<u8>,
    status: Option<bool>,
    has_tree: bool,
    paths: Vec<BString>,
    too_many: bool,
    is_at_start: bool,
    is_odd: bool,
}

/// No path is longer.
const LONGEST_FIELD: usize = 1 << 20;

impl Default for Reading {
    fn default() -> Self {
        Self {
            trials: Vec::new(),
            field: Vec::new(),
            status: None,
            has_tree: false,
            paths: Vec::new(),
            too_many: false,
            is_at_start: true,
            is_odd: false,
        }
    }
}

impl Taker for Reading {
    fn take(&mut self, piece: &[u8]) {
        for byte in piece {
            if self.is_odd {
                return;
            }
            self.is_at_start = false;
            if *byte == 0 {
                self.field();
            } else if self.field.len() < LONGEST_FIELD {
                self.field.push(*byte);
            } else {
                self.is_odd = true;
            }
        }
    }
}

impl Reading {
    fn field(&mut self) {
        let field = std::mem::take(&mut self.field);
        match (self.status, self.has_tree) {
            (None, _) => match field.as_slice() {
                b"0" => self.status = Some(false),
                b"1" => self.status = Some(true),
                _ => self.is_odd = true,
            },
            (Some(_), false) => {
                self.has_tree = true;
                self.is_odd = !is_id(&field);
            }
            (Some(is_clean), true) if field.is_empty() => {
                let paths = std::mem::take(&mut self.paths);
                let is_known = !paths.is_empty() && !self.too_many;
                // A merge that goes through and stops at a path is neither.
                self.is_odd = is_clean && !paths.is_empty();
                self.trials.push(if is_clean { Trial::Clean } else { Trial::Stops(is_known.then_some(paths)) });
                (self.status, self.has_tree, self.too_many, self.is_at_start) = (None, false, false, true);
            }
            (Some(_), true) if self.paths.len() < MOST_PATHS => self.paths.push(field.into()),
            (Some(_), true) => self.too_many = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "0123456789012345678901234567890123456789";

    fn read(bytes: &[u8]) -> Reading {
        let mut reading = Reading::default();
        for piece in bytes.chunks(7) {
            reading.take(piece);
        }
        reading
    }

    #[test]
    fn each_merge_is_read_with_its_paths() {
        let printed = format!("1\0{TREE}\0\x000\0{TREE}\0a\0b c\n\0\x000\0{TREE}\0\0");
        let reading = read(printed.as_bytes());
        assert!(reading.is_at_start && !reading.is_odd);
        let stops = Trial::Stops(Some(vec!["a".into(), "b c\n".into()]));
        assert_eq!(reading.trials, [Trial::Clean, stops, Trial::Stops(None)]);
    }

    #[test]
    fn what_cannot_be_read_is_no_merge_that_goes_through() {
        assert!(read(b"2\0").is_odd);
        assert!(read(b"1\0x\0").is_odd);
        assert!(read(format!("1\0{TREE}\0a\0\0").as_bytes()).is_odd, "clean, with a path");
        let half = read(format!("1\0{TREE}\0").as_bytes());
        assert!(!half.is_at_start && half.trials.is_empty());
        let many = format!("0\0{TREE}\0{}\0", "a\0".repeat(MOST_PATHS + 1));
        assert_eq!(read(many.as_bytes()).trials, [Trial::Stops(None)]);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(output: Vec<u8>) {
            let _ = read(&output);
        }
    }
}

//! Which of the commits that are asked for are there.
//!
//! One that is missing would end a process that answers for all: it is sorted out first.

use std::collections::{BTreeSet, HashMap};

use bstr::ByteSlice;
use gix_hash::ObjectId;

use super::ask::{Fault, whole};
use super::asked::{Head, Place};
use crate::git::errand::Carrier;

/// A commit whose standing can be asked for.
#[derive(Clone, Debug)]
pub(super) struct Sound {
    /// Which one of all it is.
    pub(super) index: usize,
    /// Its id.
    pub(super) id: ObjectId,
    /// The commits that it is held against.
    pub(super) bases: Vec<ObjectId>,
}

/// The commits that are there, with all that they are held against; and why the others are none.
pub(super) async fn sort_out(
    carrier: &impl Carrier,
    place: &Place<'_>,
    heads: &[Head],
) -> Result<Vec<Result<Sound, String>>, Fault> {
    let named = heads.iter().flat_map(|head| std::iter::once(&head.id).chain(head.bases.iter().map(|base| &base.id)));
    let asked: BTreeSet<&str> = named.map(String::as_str).filter(|id| read(place, id).is_some()).collect();
    let input: Vec<u8> = asked.iter().flat_map(|id| [id.as_bytes(), b"\n"].concat()).collect();
    let words = ["cat-file", "--batch-check=%(objectname) %(objecttype)"];
    let printed = if asked.is_empty() { Vec::new() } else { whole(carrier, place, &words, input).await? };
    let commits = commits(&asked, &printed).ok_or_else(|| Fault::odd(words[0]))?;
    let one = |id: &String| {
        let read = read(place, id).ok_or_else(|| format!("{id:?} is no object id"))?;
        if commits.get(id.as_str()) == Some(&true) { Ok(read) } else { Err(format!("there is no commit {id}")) }
    };
    let head = |(index, head): (usize, &Head)| {
        let bases = head.bases.iter().map(|base| one(&base.id)).collect::<Result<_, _>>()?;
        Ok(Sound { index, id: one(&head.id)?, bases })
    };
    Ok(heads.iter().enumerate().map(head).collect())
}

/// An id in full, as git writes it.
fn read(place: &Place<'_>, id: &str) -> Option<ObjectId> {
    let is_plain = id.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    let kind = if place.sha256 { gix_hash::Kind::Sha256 } else { gix_hash::Kind::Sha1 };
    ObjectId::from_hex(id.as_bytes()).ok().filter(|id| is_plain && id.kind() == kind && !id.is_null())
}

/// Which of these are commits. None: the answer does not go with the question.
fn commits<'a>(asked: &BTreeSet<&'a str>, printed: &[u8]) -> Option<HashMap<&'a str, bool>> {
    let mut lines = printed.lines();
    let mut commits = HashMap::new();
    for id in asked {
        let kind = lines.next()?.strip_prefix(id.as_bytes())?.strip_prefix(b" ")?;
        commits.insert(*id, kind == b"commit");
    }
    lines.next().is_none().then_some(commits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_goes_with_its_question() {
        let asked = BTreeSet::from(["aa", "bb"]);
        let expected = HashMap::from([("aa", true), ("bb", false)]);
        assert_eq!(commits(&asked, b"aa commit\nbb missing\n"), Some(expected.clone()));
        assert_eq!(commits(&asked, b"aa commit\nbb tag\n"), Some(expected));
        for odd in
            ["", "aa commit\n", "bb commit\naa commit\n", "aa commit\nbb commit\ncc commit\n", "aacommit\nbb tag\n"]
        {
            assert_eq!(commits(&asked, odd.as_bytes()), None, "{odd}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(printed: Vec<u8>) {
            assert_eq!(commits(&BTreeSet::from(["aa"]), &printed), None);
        }
    }
}

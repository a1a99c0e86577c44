//! How commits stand to others in the history, asked once for many of them.

use std::collections::BTreeSet;
use std::path::Path;

use gix_hash::ObjectId;

use super::ask::{Fault, streamed, whole};
use super::asked::Place;
use super::graph::{Graph, Node};
use super::sort_out::Sound;
use crate::git::errand::Carrier;

/// What is known of the history of some commits.
pub(super) struct History {
    /// What they and their bases have that not all of them have.
    pub(super) graph: Graph,
    /// What they have that no remote-tracking ref holds; none: there are no such refs, or nobody knows.
    pub(super) unpushed: Option<Graph>,
}

/// Asks for the history of these commits.
pub(super) async fn history(
    carrier: &impl Carrier,
    place: &Place<'_>,
    of: &[Sound],
    has_remotes: bool,
) -> Result<History, Fault> {
    let named: BTreeSet<ObjectId> =
        of.iter().flat_map(|sound| std::iter::once(sound.id).chain(sound.bases.iter().copied())).collect();
    let kind = if place.sha256 { gix_hash::Kind::Sha256 } else { gix_hash::Kind::Sha1 };
    let common = common(carrier, place, &named).await?;
    let mut input: Vec<u8> = named.iter().flat_map(|id| format!("{id}\n").into_bytes()).collect();
    input.extend(common.iter().flat_map(|id| format!("^{id}\n").into_bytes()));
    let words = ["rev-list", "--parents", "--topo-order", "--stdin"];
    let graph = streamed(carrier, place, &words, input, Graph::new(kind)).await?;
    let graph = graph.whole().ok_or_else(|| Fault::odd(words[0]))?;
    // What was not printed is an ancestor of all, or else nothing here can be relied on.
    let is_known = |id: &ObjectId| Some(*id) == common || graph.node(id).is_some_and(|node| graph.is_printed(node));
    if !named.iter().all(is_known) {
        return Err(Fault::odd(words[0]));
    }
    let unpushed = if has_remotes { unpushed(carrier, place, of, kind).await } else { None };
    Ok(History { graph, unpushed })
}

/// An ancestor of all of them; none: there is none.
async fn common(
    carrier: &impl Carrier,
    place: &Place<'_>,
    named: &BTreeSet<ObjectId>,
) -> Result<Option<ObjectId>, Fault> {
    let ids: Vec<String> = named.iter().map(ToString::to_string).collect();
    let mut words = vec!["merge-base", "--octopus"];
    words.extend(ids.iter().map(String::as_str));
    match whole(carrier, place, &words, Vec::new()).await {
        Ok(printed) => {
            let id = ObjectId::from_hex(printed.trim_ascii()).map_err(|_| Fault::odd(words[0]))?;
            Ok(Some(id))
        }
        Err(Fault { status: Some(1), .. }) => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// What they have that no remote-tracking ref holds.
async fn unpushed(carrier: &impl Carrier, place: &Place<'_>, of: &[Sound], kind: gix_hash::Kind) -> Option<Graph> {
    let input = of.iter().flat_map(|sound| format!("{}\n", sound.id).into_bytes()).collect();
    // The refs come last: what is read from standard input is not to be taken for its opposite.
    let words = ["rev-list", "--parents", "--topo-order", "--stdin", "--not", "--remotes"];
    streamed(carrier, place, &words, input, Graph::new(kind)).await.ok()?.whole()
}

/// Whether there are remote-tracking refs; none: nobody knows.
pub(super) async fn has_remotes(carrier: &impl Carrier, place: &Place<'_>) -> Option<bool> {
    let words = ["for-each-ref", "--count=1", "--format=%(refname)", "refs/remotes"];
    whole(carrier, place, &words, Vec::new()).await.ok().map(|printed| !printed.trim_ascii().is_empty())
}

/// Whether commits may have parents that are not there: that one does not lead to another then proves nothing.
pub(super) fn is_cut(common_dir: &Path) -> bool {
    let is_absent = |file: &str| {
        common_dir.join(file).symlink_metadata().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
    };
    !is_absent("shallow")
}

impl History {
    /// The number of a commit in the graph.
    pub(super) fn node(&self, id: &ObjectId) -> Option<Node> {
        self.graph.node(id)
    }

    /// How many of a commit's no remote-tracking ref holds.
    pub(super) fn count_unpushed(&self, id: &ObjectId) -> Option<u64> {
        let graph = self.unpushed.as_ref()?;
        let nothing = graph.reach(None);
        let from = graph.node(id).filter(|node| graph.is_printed(*node));
        Some(graph.apart(from, &nothing).own.len() as u64)
    }
}

//! Which commits of a base may have brought in the content of a branch, and what they would have to show.

use std::collections::HashMap;

use gix_hash::ObjectId;

use super::graph::{Graph, Node};
use super::history::History;
use super::patch::{Known, Number, Patch, Subject};

/// A branch held against one base, which does not have its commits.
pub(super) struct Trial {
    /// The branch's commit.
    pub(super) head: Option<Node>,
    /// The base's; none: the graph does not name it, for it is an ancestor of all.
    pub(super) base: Option<Node>,
    /// The branch's own commits.
    pub(super) own: Vec<Node>,
    /// Where both have come from; none: from nowhere, or from several places.
    pub(super) fork: Option<Node>,
    /// Whether they have come from anywhere.
    pub(super) is_related: bool,
    /// The base's commits since then, the newest first.
    pub(super) since: Vec<Node>,
    /// Whether these are all.
    pub(super) is_complete: bool,
}

/// A proof that the content has landed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Landed {
    /// What proves it: `tree`, `patches` or `squash`.
    pub(super) how: &'static str,
    /// The commit of the base.
    pub(super) with: Node,
}

/// What the tests have come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The content has landed.
    Yes(Landed),
    /// No test has found that it has, and all were made.
    No,
    /// No test has found that it has, and some could not be made.
    Unknown,
}

impl Trial {
    /// A branch against a base, neither of which is an ancestor of the other's ancestors alone.
    pub(super) fn new(history: &History, head: &ObjectId, base: &ObjectId, depth: usize) -> Self {
        let graph = &history.graph;
        let (head, base) = (history.node(head), history.node(base));
        let (of_base, of_head) = (graph.reach(base), graph.reach(head));
        let apart = graph.apart(head, &of_base);
        let mut since = graph.order().iter().copied().filter(|node| {
            let is_bases = graph.holds(&of_base, Some(*node));
            is_bases && !graph.holds(&of_head, Some(*node))
        });
        let newest: Vec<Node> = since.by_ref().take(depth).collect();
        Self {
            head,
            base,
            fork: graph.newest(&apart.forks),
            is_related: !apart.forks.is_empty(),
            own: apart.own,
            is_complete: since.next().is_none(),
            since: newest,
        }
    }

    /// The branch's commits, where each of them can be a patch: it has one parent.
    fn patched<'a>(&'a self, graph: &Graph) -> Option<&'a [Node]> {
        self.own.iter().all(|node| is_patch(graph, *node)).then_some(&self.own)
    }

    /// What it would be good to know the patches of. `is_room_for` says of a number of commits whether there is room.
    pub(super) fn subjects(
        &self,
        graph: &Graph,
        trees: &HashMap<Node, ObjectId>,
        mut is_room_for: impl FnMut(usize) -> bool,
    ) -> Vec<Subject> {
        // Where a base has nothing new, there is nothing that could be equal.
        if !self.is_related || self.since.is_empty() {
            return Vec::new();
        }
        let commit = |node: &Node| Subject::Commit(graph.id(*node));
        let since = self.since.iter().filter(|node| is_patch(graph, **node)).map(commit);
        let own = self.patched(graph).filter(|own| is_room_for(own.len())).unwrap_or_default();
        since.chain(own.iter().map(commit)).chain(self.net(trees)).collect()
    }

    /// All that the branch changes, as one patch.
    fn net(&self, trees: &HashMap<Node, ObjectId>) -> Option<Subject> {
        Some(Subject::Trees(*trees.get(&self.fork?)?, *trees.get(&self.head?)?))
    }

    /// Whether the branch is where it began, as far as its content goes; none: nobody knows.
    pub(super) fn is_without_change(&self, trees: &HashMap<Node, ObjectId>) -> Option<bool> {
        Some(trees.get(&self.fork?)? == trees.get(&self.head?)?)
    }

    /// Whether it can be told from a merge that the content has landed: both have come from one place, and both have
    /// changed something since.
    pub(super) fn can_be_merged(&self, trees: &HashMap<Node, ObjectId>) -> bool {
        let has_moved = !self.since.is_empty() || !self.is_complete;
        has_moved && self.is_without_change(trees) == Some(false)
    }

    /// Whether the content has landed.
    pub(super) fn outcome(&self, graph: &Graph, trees: &HashMap<Node, ObjectId>, patches: &Known) -> Outcome {
        // What has come from nowhere has a commit without parents, which proves nothing; where the base has nothing new,
        // there is nothing that could be equal.
        if !self.is_related || self.since.is_empty() && self.is_complete {
            return Outcome::No;
        }
        let is_without_change = self.is_without_change(trees);
        // Nothing is equal to anything, whatever there is.
        if is_without_change == Some(true) {
            return Outcome::No;
        }
        let mut tests = Vec::new();
        if is_without_change == Some(false) {
            tests.push(self.by_tree(trees));
        }
        tests.push(self.by_patches(graph, patches));
        tests.push(self.by_squash(graph, trees, patches));
        let is_without_answer = is_without_change.is_none() || !self.is_complete || tests.contains(&Outcome::Unknown);
        let yes = tests.into_iter().find(|outcome| matches!(outcome, Outcome::Yes(_)));
        yes.unwrap_or(if is_without_answer { Outcome::Unknown } else { Outcome::No })
    }

    /// The base was once what the branch is.
    fn by_tree(&self, trees: &HashMap<Node, ObjectId>) -> Outcome {
        let Some(wanted) = self.head.and_then(|head| trees.get(&head)) else { return Outcome::Unknown };
        let oldest = self.since.iter().rev();
        let mut is_known = true;
        for node in oldest {
            match trees.get(node) {
                Some(tree) if tree == wanted => return Outcome::Yes(Landed { how: "tree", with: *node }),
                Some(_) => {}
                None => is_known = false,
            }
        }
        if is_known { Outcome::No } else { Outcome::Unknown }
    }

    /// Each of the branch's commits has one of the base's that does the same.
    fn by_patches(&self, graph: &Graph, patches: &Known) -> Outcome {
        let Some(own) = self.patched(graph) else { return Outcome::No };
        let (mut landed, is_known) = self.landed(graph, patches);
        let mut with = None;
        let mut is_own_known = true;
        for node in own {
            match patches.of(Subject::Commit(graph.id(*node))) {
                Some(Patch::Of(number)) => match landed.get_mut(&number).and_then(Vec::pop) {
                    Some(other) if Some(*node) == self.head => with = Some(other),
                    Some(_) => {}
                    None if is_known => return Outcome::No,
                    None => return Outcome::Unknown,
                },
                Some(Patch::Empty) => return Outcome::No,
                None => is_own_known = false,
            }
        }
        match with {
            Some(with) if is_own_known => Outcome::Yes(Landed { how: "patches", with }),
            _ => Outcome::Unknown,
        }
    }

    /// One of the base's commits does all that the branch does.
    fn by_squash(&self, graph: &Graph, trees: &HashMap<Node, ObjectId>, patches: &Known) -> Outcome {
        let net = self.net(trees).and_then(|net| patches.of(net));
        let Some(Patch::Of(number)) = net else { return Outcome::Unknown };
        let (mut landed, is_known) = self.landed(graph, patches);
        match landed.get_mut(&number).and_then(Vec::pop) {
            Some(with) => Outcome::Yes(Landed { how: "squash", with }),
            None if is_known => Outcome::No,
            None => Outcome::Unknown,
        }
    }

    /// The base's commits by what they do, the oldest last; and whether that is known of all of them.
    fn landed(&self, graph: &Graph, patches: &Known) -> (HashMap<Number, Vec<Node>>, bool) {
        let mut landed: HashMap<_, Vec<Node>> = HashMap::new();
        let mut is_known = true;
        for node in self.since.iter().filter(|node| is_patch(graph, **node)) {
            match patches.of(Subject::Commit(graph.id(*node))) {
                Some(Patch::Of(number)) => landed.entry(number).or_default().push(*node),
                Some(Patch::Empty) => {}
                None => is_known = false,
            }
        }
        (landed, is_known)
    }
}

/// Whether a commit is what it does to its only parent.
fn is_patch(graph: &Graph, node: Node) -> bool {
    graph.parents(node).len() == 1
}

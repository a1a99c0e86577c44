//! A part of the history, as `git rev-list --parents` prints it, and what can be counted in it.
//!
//! Invariant: a commit that is named and was not printed is an ancestor of every commit that was asked for. Nothing that
//! is counted counts it.

use std::collections::HashMap;

use gix_hash::ObjectId;

use crate::git::errand::Taker;

/// More commits are not read.
const MOST: usize = 4 << 20;
/// A commit with a longer line of parents is not read.
const LONGEST: usize = 1 << 20;

/// The number of a commit in a graph.
pub(super) type Node = u32;

/// A part of the history.
pub(super) struct Graph {
    kind: gix_hash::Kind,
    nodes: HashMap<ObjectId, Node>,
    ids: Vec<ObjectId>,
    /// Where the parents of each commit are; none: it was not printed.
    spans: Vec<Option<(u32, u32)>>,
    parents: Vec<Node>,
    /// The printed commits, as they were printed: none before one that it is an ancestor of.
    order: Vec<Node>,
    /// The line that is not whole yet.
    line: Vec<u8>,
    is_broken: bool,
}

/// Some commits of a graph.
pub(super) struct Marks(Vec<bool>);

/// What a commit has that another lacks.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Apart {
    /// Those commits.
    pub(super) own: Vec<Node>,
    /// The parents of those commits that the other has, too.
    pub(super) forks: Vec<Node>,
}

impl Taker for Graph {
    fn take(&mut self, piece: &[u8]) {
        let mut rest = piece;
        while let Some(at) = rest.iter().position(|byte| *byte == b'\n') {
            let (head, tail) = rest.split_at(at);
            rest = &tail[1..];
            if self.line.is_empty() {
                self.read(head);
            } else {
                self.line.extend_from_slice(head);
                let line = std::mem::take(&mut self.line);
                self.read(&line);
            }
        }
        if self.line.len() + rest.len() > LONGEST {
            self.is_broken = true;
            self.line.clear();
        } else {
            self.line.extend_from_slice(rest);
        }
    }
}

impl Graph {
    /// An empty one.
    pub(super) fn new(kind: gix_hash::Kind) -> Self {
        Self {
            kind,
            nodes: HashMap::new(),
            ids: Vec::new(),
            spans: Vec::new(),
            parents: Vec::new(),
            order: Vec::new(),
            line: Vec::new(),
            is_broken: false,
        }
    }

    /// The graph, where all that was printed could be read.
    pub(super) fn whole(self) -> Option<Self> {
        (!self.is_broken && self.line.is_empty()).then_some(self)
    }

    /// `COMMIT PARENT…`
    fn read(&mut self, line: &[u8]) {
        if self.is_broken || self.try_to_read(line).is_none() {
            self.is_broken = true;
        }
    }

    fn try_to_read(&mut self, line: &[u8]) -> Option<()> {
        let mut words = line.split(|byte| *byte == b' ');
        let node = self.intern(words.next()?)?;
        let start = u32::try_from(self.parents.len()).ok()?;
        for word in words {
            let parent = self.intern(word)?;
            self.parents.push(parent);
        }
        let end = u32::try_from(self.parents.len()).ok()?;
        if self.spans[node as usize].replace((start, end)).is_some() {
            return None;
        }
        self.order.push(node);
        Some(())
    }

    fn intern(&mut self, word: &[u8]) -> Option<Node> {
        let id = ObjectId::from_hex(word).ok().filter(|id| id.kind() == self.kind)?;
        if let Some(node) = self.nodes.get(&id) {
            return Some(*node);
        }
        let node = Node::try_from(self.ids.len()).ok().filter(|_| self.ids.len() < MOST)?;
        self.nodes.insert(id, node);
        self.ids.push(id);
        self.spans.push(None);
        Some(node)
    }

    /// The number of a commit that is named.
    pub(super) fn node(&self, id: &ObjectId) -> Option<Node> {
        self.nodes.get(id).copied()
    }

    /// The id of a commit.
    pub(super) fn id(&self, node: Node) -> ObjectId {
        self.ids[node as usize]
    }

    /// Whether it was printed.
    pub(super) fn is_printed(&self, node: Node) -> bool {
        self.spans[node as usize].is_some()
    }

    /// Its parents.
    pub(super) fn parents(&self, node: Node) -> &[Node] {
        match self.spans[node as usize] {
            Some((start, end)) => &self.parents[start as usize..end as usize],
            None => &[],
        }
    }

    /// The printed commits, none before one that it is an ancestor of.
    pub(super) fn order(&self) -> &[Node] {
        &self.order
    }

    /// The printed ones of a commit and its ancestors.
    pub(super) fn reach(&self, from: Option<Node>) -> Marks {
        let mut marks = vec![false; self.ids.len()];
        let mut left: Vec<Node> = from.into_iter().collect();
        while let Some(node) = left.pop() {
            if self.is_printed(node) && !std::mem::replace(&mut marks[node as usize], true) {
                left.extend(self.parents(node));
            }
        }
        Marks(marks)
    }

    /// Whether a commit is one of these, or an ancestor of all.
    pub(super) fn holds(&self, marks: &Marks, node: Option<Node>) -> bool {
        node.is_none_or(|node| !self.is_printed(node) || marks.0[node as usize])
    }

    /// What a commit and its ancestors have that these lack.
    pub(super) fn apart(&self, from: Option<Node>, others: &Marks) -> Apart {
        let mut apart = Apart { own: Vec::new(), forks: Vec::new() };
        let mut seen = std::collections::HashSet::new();
        let mut left: Vec<Node> = from.into_iter().collect();
        while let Some(node) = left.pop() {
            if !seen.insert(node) {
                continue;
            }
            if self.holds(others, Some(node)) {
                apart.forks.push(node);
            } else {
                apart.own.push(node);
                left.extend(self.parents(node));
            }
        }
        apart
    }

    /// Whether a commit is on the line of first parents that begins with another.
    pub(super) fn is_on_first_line(&self, of: Option<Node>, node: Option<Node>) -> bool {
        let mut at = of;
        while at != node {
            match at.and_then(|at| self.parents(at).first().copied()) {
                Some(next) => at = Some(next),
                None => return false,
            }
        }
        true
    }

    /// Of commits, the one that the others are ancestors of; none: no single one is.
    pub(super) fn newest(&self, of: &[Node]) -> Option<Node> {
        let printed: Vec<Node> = of.iter().copied().filter(|node| self.is_printed(*node)).collect();
        let [first, rest @ ..] = printed.as_slice() else {
            // All are ancestors of everything: the only one, or nobody knows which.
            return <[Node; 1]>::try_from(of).ok().map(|[only]| only);
        };
        let mut newest = *first;
        let mut marks = self.reach(Some(newest));
        for node in rest {
            if !marks.0[*node as usize] {
                newest = *node;
                marks = self.reach(Some(newest));
            }
        }
        printed.iter().all(|node| marks.0[*node as usize]).then_some(newest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> ObjectId {
        ObjectId::from_bytes_or_panic(&[number; 20])
    }

    fn graph(lines: &[&[u8]], piece: usize) -> Graph {
        let mut text = Vec::new();
        for line in lines {
            let words: Vec<String> = line.iter().map(|number| id(*number).to_string()).collect();
            text.extend_from_slice(words.join(" ").as_bytes());
            text.push(b'\n');
        }
        let mut graph = Graph::new(gix_hash::Kind::Sha1);
        text.chunks(piece).for_each(|piece| graph.take(piece));
        graph.whole().expect("a graph")
    }

    #[test]
    fn counts_what_one_has_that_another_lacks() {
        for piece in [1, 7, 41, 10_000] {
            // 9 and 8 fork from 5, which comes from 1; 9 has merged 6, which is in 8.
            let graph = graph(&[&[9, 7, 6], &[7, 5], &[8, 6], &[6, 5], &[5, 1]], piece);
            let node = |number| graph.node(&id(number));
            let base = graph.reach(node(8));
            let apart = graph.apart(node(9), &base);
            let named = |nodes: &[Node]| {
                let mut named: Vec<_> = nodes.iter().map(|node| graph.id(*node)).collect();
                named.sort();
                named
            };
            assert_eq!(named(&apart.own), [id(7), id(9)]);
            assert_eq!(named(&apart.forks), [id(5), id(6)]);
            assert_eq!(graph.newest(&apart.forks), node(6));
            assert!(graph.holds(&base, node(6)) && graph.holds(&base, node(1)) && !graph.holds(&base, node(9)));
            assert!(graph.is_on_first_line(node(8), node(1)) && graph.is_on_first_line(node(9), node(7)));
            assert!(!graph.is_on_first_line(node(9), node(6)));
            assert_eq!(graph.newest(&[node(7).expect("a commit"), node(6).expect("a commit")]), None, "criss-cross");
        }
    }

    #[test]
    fn what_is_no_line_of_commits_makes_no_graph() {
        let one = id(1).to_string();
        for text in
            ["x\n", "\n", &one, &one[1..], &format!("{one}\n{one}\n"), &format!("{one} \n"), &format!("-{one}\n")]
        {
            let mut graph = Graph::new(gix_hash::Kind::Sha1);
            graph.take(text.as_bytes());
            assert!(graph.whole().is_none(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(pieces: Vec<Vec<u8>>) {
            let mut graph = Graph::new(gix_hash::Kind::Sha1);
            graph.take(format!("{} {}\n", id(1), id(2)).as_bytes());
            for piece in &pieces {
                graph.take(piece);
            }
            let (from, of) = (graph.node(&id(1)), graph.node(&id(2)));
            let marks = graph.reach(of);
            assert_eq!(graph.apart(from, &marks).own.len(), 1);
        }
    }
}

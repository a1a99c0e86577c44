//! Which file imports from which, by a parse of the sources.
//!
//! - An import is a `use`, or a path in code, that leads to an item of another file. Which file that is, is found as the
//!   compiler does: by `crate`, `self`, `super` and imported names; through re-exports, to the file that defines it.
//! - A room's `mod.rs` is a file like any other: a child may import what its parent defines, if the parent imports
//!   nothing from that child.
//! - `mod child;`, and `pub use child::Item` of a module below, are no imports: they say where something is, and need
//!   nothing of it. Where such an `Item` is used in the same file, that is one.
//! - A `use` of a whole module is an import from the file that the module begins in.
//! - What only tests compile is left out. What is reached without being named (a method, a field) is not seen; the type
//!   that it is of was.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Item, UseTree, Visibility};

use super::sources::without_tests;

/// The library's name, by which the program's own `main.rs` calls it.
const LIBRARY: &str = "git_wtcheck";
/// The module that stands for `main.rs`, which is a crate of its own.
const PROGRAM: &str = "main";
/// No path leads through more re-exports than these.
const DEEPEST: usize = 32;

/// One import between files, which are named by their paths in `src/`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Import {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) line: usize,
    /// The path as it is written.
    pub(super) path: String,
}

/// A module's place: the names from the root on.
type Place = Vec<String>;

/// What a name in a module is.
enum Name {
    /// Something that the module defines.
    Item,
    /// A module within it.
    Module,
    /// What another path leads to.
    Import(Vec<String>),
}

/// What a path leads to: a module, or an item of one.
enum Target {
    Module(Place),
    Item(Place),
}

#[derive(Default)]
struct Module {
    file: String,
    names: HashMap<String, Name>,
    globs: Vec<Vec<String>>,
}

/// Every module, by its place.
#[derive(Default)]
struct Modules(BTreeMap<Place, Module>);

/// The imports between these sources, each given with its path in `src/`. Sources that no `mod` names are refused.
pub(super) fn imports(sources: &[(String, String)]) -> BTreeSet<Import> {
    let parsed: BTreeMap<&str, syn::File> = sources
        .iter()
        .map(|(path, source)| {
            let file = syn::parse2(without_tests(source)).unwrap_or_else(|error| panic!("src/{path}: {error}"));
            (path.as_str(), file)
        })
        .collect();
    let mut modules = Modules::default();
    for (file, place) in [("lib.rs", Place::new()), ("main.rs", vec![PROGRAM.to_owned()])] {
        if parsed.contains_key(file) {
            modules.declare(&parsed, file, &place, &parsed[file].items);
        }
    }
    let known: BTreeSet<&str> = modules.0.values().map(|module| module.file.as_str()).collect();
    let forgotten: Vec<_> = parsed.keys().filter(|path| !known.contains(*path)).collect();
    assert!(forgotten.is_empty(), "no module declares src/{forgotten:?}");
    let mut found = BTreeSet::new();
    for (place, module) in &modules.0 {
        // A module within a file is visited with the one that it stands in.
        if place
            .split_last()
            .is_none_or(|(_, above)| modules.0.get(above).is_none_or(|above| above.file != module.file))
        {
            let mut reader = Reader { modules: &modules, file: &module.file, place: place.clone(), found: &mut found };
            reader.visit_file(&parsed[module.file.as_str()]);
        }
    }
    found
}

impl Modules {
    /// Takes in a module's items, and those of the modules that it declares.
    fn declare(&mut self, parsed: &BTreeMap<&str, syn::File>, file: &str, place: &Place, items: &[Item]) {
        let mut names = Names::default();
        for item in items {
            names.visit_item(item);
        }
        let module = Module { file: file.to_owned(), names: names.names, globs: names.globs };
        self.0.insert(place.clone(), module);
        for item in items {
            let Item::Mod(child) = item else { continue };
            let inside = [place.as_slice(), &[child.ident.to_string()]].concat();
            match &child.content {
                Some((_, items)) => self.declare(parsed, file, &inside, items),
                None => {
                    let has_path = child.attrs.iter().any(|attribute| attribute.path().is_ident("path"));
                    assert!(!has_path, "src/{file}: `#[path]` hides where a module is");
                    let stem = inside.join("/");
                    let file = [format!("{stem}.rs"), format!("{stem}/mod.rs")];
                    let file = file.iter().find(|file| parsed.contains_key(file.as_str()));
                    let file = file.unwrap_or_else(|| panic!("no file for the module src/{stem}"));
                    self.declare(parsed, file, &inside, &parsed[file.as_str()].items);
                }
            }
        }
    }

    /// What a path leads to, as written in this module; none: something of another crate, or of the language.
    fn resolve(&self, from: &Place, path: &[String], depth: usize) -> Option<Target> {
        let (first, mut rest) = path.split_first().filter(|_| depth < DEEPEST)?;
        let mut target = match first.as_str() {
            "crate" | LIBRARY => Target::Module(Place::new()),
            "self" => Target::Module(from.clone()),
            "super" => {
                let mut place = from.clone();
                place.pop();
                while let Some((_, after)) = rest.split_first().filter(|(next, _)| *next == "super") {
                    place.pop();
                    rest = after;
                }
                Target::Module(place)
            }
            name => self.look_up(from, name, depth)?,
        };
        for name in rest {
            target = match target {
                // A variant, an associated function, or what a macro has made.
                Target::Item(place) => return Some(Target::Item(place)),
                Target::Module(place) => self.look_up(&place, name, depth).unwrap_or(Target::Item(place)),
            };
        }
        Some(target)
    }

    fn look_up(&self, place: &Place, name: &str, depth: usize) -> Option<Target> {
        let module = self.0.get(place)?;
        match module.names.get(name) {
            Some(Name::Item) => Some(Target::Item(place.clone())),
            Some(Name::Module) => Some(Target::Module([place.as_slice(), &[name.to_owned()]].concat())),
            Some(Name::Import(path)) => self.resolve(place, path, depth + 1),
            None => module.globs.iter().find_map(|path| match self.resolve(place, path, depth + 1)? {
                Target::Module(other) if other != *place => self.look_up(&other, name, depth + 1),
                _ => None,
            }),
        }
    }

    fn file_of(&self, target: &Target) -> &str {
        let (Target::Module(place) | Target::Item(place)) = target;
        &self.0[place].file
    }
}

/// Collects what each name in a module is, less the modules within it. What a function imports counts as its module's.
#[derive(Default)]
struct Names {
    names: HashMap<String, Name>,
    globs: Vec<Vec<String>>,
}

impl Visit<'_> for Names {
    fn visit_item(&mut self, item: &Item) {
        let defined = match item {
            Item::Const(item) => Some(&item.ident),
            Item::Enum(item) => Some(&item.ident),
            Item::Fn(item) => Some(&item.sig.ident),
            Item::Macro(item) => item.ident.as_ref(),
            Item::Static(item) => Some(&item.ident),
            Item::Struct(item) => Some(&item.ident),
            Item::Trait(item) => Some(&item.ident),
            Item::Type(item) => Some(&item.ident),
            Item::Union(item) => Some(&item.ident),
            Item::Mod(item) => {
                self.names.insert(item.ident.to_string(), Name::Module);
                return;
            }
            _ => None,
        };
        if let Some(name) = defined {
            self.names.insert(name.to_string(), Name::Item);
        }
        visit::visit_item(self, item);
    }

    fn visit_item_use(&mut self, item: &syn::ItemUse) {
        for leaf in leaves(item) {
            match leaf.name {
                Some(name) => _ = self.names.entry(name).or_insert(Name::Import(leaf.path)),
                None => self.globs.push(leaf.path),
            }
        }
    }
}

/// One name that a `use` brings in; none: all of a module's.
struct Leaf {
    path: Vec<String>,
    name: Option<String>,
    line: usize,
}

fn leaves(item: &syn::ItemUse) -> Vec<Leaf> {
    let mut found = Vec::new();
    if item.leading_colon.is_none() {
        descend(&item.tree, &[], &mut found);
    }
    found
}

fn descend(tree: &UseTree, above: &[String], found: &mut Vec<Leaf>) {
    // `use a::{self}` is `use a`.
    let below = |name: &Ident| match name.to_string() {
        name if name == "self" && !above.is_empty() => above.to_vec(),
        name => [above, &[name]].concat(),
    };
    match tree {
        UseTree::Path(path) => descend(&path.tree, &below(&path.ident), found),
        UseTree::Group(group) => group.items.iter().for_each(|tree| descend(tree, above, found)),
        UseTree::Name(name) => {
            let path = below(&name.ident);
            found.push(Leaf { name: path.last().cloned(), path, line: line(&name.ident) });
        }
        UseTree::Rename(name) => {
            let known_as = Some(name.rename.to_string());
            found.push(Leaf { name: known_as, path: below(&name.ident), line: line(&name.ident) });
        }
        UseTree::Glob(glob) => {
            let line = glob.star_token.spans[0].start().line;
            found.push(Leaf { name: None, path: above.to_vec(), line });
        }
    }
}

fn line(name: &Ident) -> usize {
    name.span().start().line
}

/// Finds the imports in a file.
struct Reader<'a> {
    modules: &'a Modules,
    file: &'a str,
    place: Place,
    found: &'a mut BTreeSet<Import>,
}

impl Reader<'_> {
    /// Takes in a path in code. What leads to a module there is no path: a variable of the same name.
    fn path(&mut self, path: &[String], line: usize) {
        match self.modules.resolve(&self.place, path, 0) {
            Some(target @ Target::Item(_)) => self.import(&target, path, line),
            Some(Target::Module(_)) | None => {}
        }
    }

    fn import(&mut self, target: &Target, path: &[String], line: usize) {
        let to = self.modules.file_of(target);
        if to != self.file {
            let path = path.join("::");
            self.found.insert(Import { from: self.file.to_owned(), to: to.to_owned(), line, path });
        }
    }
}

impl Visit<'_> for Reader<'_> {
    fn visit_item_mod(&mut self, item: &syn::ItemMod) {
        self.place.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.place.pop();
    }

    fn visit_item_use(&mut self, item: &syn::ItemUse) {
        let is_private = matches!(item.vis, Visibility::Inherited);
        for leaf in leaves(item) {
            let Some(target) = self.modules.resolve(&self.place, &leaf.path, 0) else { continue };
            let (Target::Module(place) | Target::Item(place)) = &target;
            if is_private || !place.starts_with(&self.place) {
                self.import(&target, &leaf.path, leaf.line);
            }
        }
    }

    /// Who may see something is no import: `pub(crate)`.
    fn visit_visibility(&mut self, _: &Visibility) {}

    fn visit_path(&mut self, path: &syn::Path) {
        if path.leading_colon.is_none() {
            let names: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            let line = path.segments.first().map_or(0, |segment| line(&segment.ident));
            self.path(&names, line);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &syn::Macro) {
        for (path, line) in paths_within(&call.tokens) {
            self.path(&path, line);
        }
        visit::visit_macro(self, call);
    }
}

/// The paths among a macro's tokens, which follow no grammar: names with `::` between them, and names alone.
fn paths_within(tokens: &TokenStream) -> Vec<(Vec<String>, usize)> {
    let tokens: Vec<_> = tokens.clone().into_iter().collect();
    let is_sign =
        |at: usize, sign: char| matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == sign);
    let is_joined = |at: usize| is_sign(at, ':') && is_sign(at + 1, ':');
    let mut found: Vec<(Vec<String>, usize)> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) => found.extend(paths_within(&group.stream())),
            TokenTree::Ident(name) if at >= 3 && is_joined(at - 2) && matches!(tokens[at - 3], TokenTree::Ident(_)) => {
                if let Some((path, _)) = found.last_mut() {
                    path.push(name.to_string());
                }
            }
            // A field or a method is no path, nor is what begins with `::` one of this crate's.
            TokenTree::Ident(_)
                if at >= 1 && (is_sign(at - 1, '.') || is_sign(at - 1, ':') && at >= 2 && is_sign(at - 2, ':')) => {}
            TokenTree::Ident(name) => found.push((vec![name.to_string()], line(name))),
            _ => {}
        }
    }
    found
}

//! The rules of the house: a room imports only from lower floors, no files import from each other in a circle, and text
//! for people leaves by one door.

mod door;
mod imports;
mod sources;

use std::collections::{BTreeMap, BTreeSet};

use imports::{Import, imports};

/// The floor of each room, as the map at the top of `src/lib.rs` has it; the ground is 0.
fn floors(library: &str) -> BTreeMap<String, u32> {
    let rows = library.lines().filter_map(|line| line.strip_prefix("//! | "));
    let mut floors = BTreeMap::new();
    for row in rows.filter(|row| !row.starts_with("floor")) {
        let cells: Vec<_> = row.split(" | ").collect();
        let [floor, rooms, _] = cells[..] else { panic!("a row of three cells: {row}") };
        let floor = match floor {
            "ground" => 0,
            number => 1 + number.parse::<u32>().unwrap_or_else(|_| panic!("a floor: {row}")),
        };
        let rooms = rooms.replace("this file", "`lib.rs`");
        for room in rooms.split('`').skip(1).step_by(2) {
            let is_new = floors.insert(room.trim_end_matches(".rs").to_owned(), floor).is_none();
            assert!(is_new, "{room} stands twice on the map");
        }
    }
    floors
}

/// The room that a file belongs to: its folder in `src/`, or itself.
fn room(file: &str) -> &str {
    file.split('/').next().unwrap_or(file).trim_end_matches(".rs")
}

/// The imports that do not lead to a lower floor, nor stay within a room.
fn upward<'a>(imports: &'a BTreeSet<Import>, floors: &BTreeMap<String, u32>) -> Vec<&'a Import> {
    let leads_up = |import: &&Import| {
        let (from, to) = (room(&import.from), room(&import.to));
        from != to && floors[to] >= floors[from]
    };
    imports.iter().filter(leads_up).collect()
}

/// The circles: sets of files each of which leads to each other one by its imports.
fn circles(imports: &BTreeSet<Import>) -> Vec<BTreeSet<&str>> {
    let mut next: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for import in imports {
        next.entry(&import.from).or_default().insert(&import.to);
    }
    let reached: BTreeMap<&str, BTreeSet<&str>> = next.keys().map(|file| (*file, reached(&next, file))).collect();
    let circle = |file: &&str| -> BTreeSet<&str> {
        reached[file]
            .iter()
            .copied()
            .filter(|other| reached.get(other).is_some_and(|back| back.contains(file)))
            .collect()
    };
    let found: BTreeSet<BTreeSet<&str>> = reached.keys().map(circle).filter(|circle| !circle.is_empty()).collect();
    found.into_iter().collect()
}

/// The files that a file leads to.
fn reached<'a>(next: &BTreeMap<&'a str, BTreeSet<&'a str>>, from: &'a str) -> BTreeSet<&'a str> {
    let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(file) = open.pop() {
        open.extend(next.get(file).into_iter().flatten().filter(|file| seen.insert(**file)));
    }
    seen
}

fn told<'a>(imports: impl IntoIterator<Item = &'a Import>) -> String {
    let line = |import: &Import| format!("src/{}:{}: {} (src/{})", import.from, import.line, import.path, import.to);
    imports.into_iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn rooms_import_downward() {
    let sources = sources::all();
    let library = &sources.iter().find(|(path, _)| path == "lib.rs").expect("the library").1;
    let floors = floors(library);
    let rooms: BTreeSet<&str> = sources.iter().map(|(path, _)| room(path)).collect();
    assert_eq!(floors.keys().map(String::as_str).collect::<BTreeSet<_>>(), rooms, "the rooms on the map, and in src/");
    let imports = imports(&sources);
    assert!(imports.len() > 500, "imports are found: {}", imports.len());
    let upward = upward(&imports, &floors);
    assert!(upward.is_empty(), "imports that do not lead to a lower floor:\n{}", told(upward));
}

#[test]
fn no_files_import_from_each_other_in_a_circle() {
    let imports = imports(&sources::all());
    let shown = |circle: BTreeSet<&str>| {
        let mut within: Vec<_> = imports.iter().collect();
        within.retain(|import| circle.contains(&*import.from) && circle.contains(&*import.to));
        within.dedup_by(|next, one| (&next.from, &next.to) == (&one.from, &one.to));
        format!("a circle of {} files:\n{}", circle.len(), told(within))
    };
    let found: Vec<String> = circles(&imports).into_iter().map(shown).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Sources as [`sources::all`] gives them, for samples.
fn made_of(files: &[(&str, &str)]) -> BTreeSet<Import> {
    imports(&files.iter().map(|(path, source)| ((*path).to_owned(), (*source).to_owned())).collect::<Vec<_>>())
}

#[test]
fn an_import_is_found_however_it_is_written() {
    let lower = ("low/mod.rs", "pub mod thing; pub use thing::Thing; pub enum Own { One }");
    let thing =
        ("low/thing.rs", "pub struct Thing; pub fn make() -> Thing { Thing } pub mod inner { pub const X: u8 = 1; }");
    let found = |source: &str| {
        let library = "mod low; mod user;";
        let imports = made_of(&[("lib.rs", library), lower, thing, ("user.rs", source)]);
        imports
            .iter()
            .filter(|import| import.from == "user.rs")
            .map(|import| import.to.clone())
            .collect::<BTreeSet<_>>()
    };
    for source in [
        "use crate::low::thing::Thing;",
        "use crate::low::Thing;",
        "use super::low::{Thing as Other};",
        "use crate::low::{self, thing}; fn f() { thing::make(); }",
        "use crate::low::thing::inner; const Y: u8 = inner::X;",
        "use crate::{low::thing::*};",
        "use crate::low as l; fn f(x: l::Thing) {}",
        "fn f() -> Option<crate::low::thing::Thing> { None }",
        "fn f() { let _ = crate::low::thing::make; }",
        "fn f() { assert!(matches!(x, [crate::low::Thing])); }",
        "fn f() { use crate::low::thing as t; println!(\"{}\", t::inner::X); }",
        "mod inside { use super::super::low::Thing; }",
        "impl crate::low::Thing { }",
        "pub use crate::low::Thing;",
    ] {
        assert!(found(source).contains("low/thing.rs"), "{source}");
    }
    for source in [
        "// use crate::low::Thing;\nconst X: &str = \"crate::low::Thing\";",
        "#[cfg(test)] mod tests { use crate::low::Thing; }",
        "#[cfg(test)] use crate::low::Thing;",
        "use other::low::Thing; use ::low::thing::make;",
        "pub(crate) fn f(thing: u8) { let low = thing; println!(\"{}\", x.thing::<u8>()); }",
        "use crate::low::Own; fn f() { Own::One; }",
    ] {
        assert!(!found(source).contains("low/thing.rs"), "{source}");
    }
}

#[test]
fn a_circle_is_found_and_nothing_else_is_one() {
    let library = ("lib.rs", "mod room;");
    let circle = |parent: &'static str, a: &'static str, b: &'static str| {
        let imports = made_of(&[library, ("room/mod.rs", parent), ("room/a.rs", a), ("room/b.rs", b)]);
        circles(&imports).iter().map(|circle| circle.iter().copied().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>()
    };
    let parent = "pub mod a; pub mod b; pub use a::A; pub struct Own;";
    assert_eq!(
        circle(parent, "use super::b::B; pub struct A;", "use crate::room::A; pub struct B;"),
        ["room/a.rs room/b.rs"]
    );
    assert_eq!(
        circle("pub mod a; pub mod b; pub struct Own(a::A);", "use super::Own; pub struct A;", "use super::a::A;"),
        ["room/a.rs room/mod.rs"]
    );
    assert_eq!(
        circle(
            "mod a; mod b; fn f() { a::f(); } fn g() {}",
            "pub fn f() { super::b::f(); }",
            "pub fn f() { super::g(); }"
        ),
        ["room/a.rs room/b.rs room/mod.rs"]
    );
    assert_eq!(
        circle("mod a; mod b; pub use a::A; fn f(x: A) {} pub struct Own;", "pub struct A(super::Own);", ""),
        ["room/a.rs room/mod.rs"]
    );
    // Declarations and re-exports need nothing of what they name, and a child may have its parent's types.
    assert_eq!(circle(parent, "use super::Own; pub struct A;", "use super::{A, Own};"), [""; 0]);
    assert_eq!(circle(parent, "pub struct A;", "#[cfg(test)] mod tests { use super::super::a::A; }"), [""; 0]);
}

#[test]
fn an_import_that_leads_up_is_found_by_the_map() {
    let library = "//! | floor | room | what |\n//! |---|---|---|\n\
                   //! | 1 | [`top`], this file | x |\n//! | 0 | [`low`] | x |\n\
                   //! | ground | [`base`], [`other`] | x |\nmod top; mod low; mod base; mod other;";
    let files = [
        ("lib.rs", library),
        ("top.rs", "use crate::low::Low; pub struct Top;"),
        ("low.rs", "use crate::base::Base; pub struct Low(crate::top::Top);"),
        ("base.rs", "pub struct Base;"),
        ("other.rs", "use super::base::Base;"),
    ];
    let floors = floors(library);
    let imports = made_of(&files);
    let upward: Vec<_> = upward(&imports, &floors).iter().map(|import| (&*import.from, &*import.to)).collect();
    assert_eq!(upward, [("low.rs", "top.rs"), ("other.rs", "base.rs")]);
}

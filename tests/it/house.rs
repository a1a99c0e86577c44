//! The rules of the house: a room imports only from lower floors, or from within its own folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The rooms by floor, as the map at the top of src/lib.rs has them.
const FLOORS: [&[&str]; 11] = [
    &["text"],
    &["model"],
    &["git"],
    &["settings"],
    &["plan"],
    &["event"],
    &["checks", "summary"],
    &["exec", "report"],
    &["cli"],
    &["commands", "completion", "manual"],
    &["error", "lib", "main"],
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn rooms_import_downward() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let floor: BTreeMap<&str, usize> =
        FLOORS.iter().enumerate().flat_map(|(floor, rooms)| rooms.iter().map(move |room| (*room, floor))).collect();
    let mut files = Vec::new();
    sources(&src, &mut files);
    assert!(files.len() > 30, "the sources are found");
    let mut wrong = Vec::new();
    for file in files {
        let inside = file.strip_prefix(&src).expect("a path in src").to_owned();
        let first = inside.components().next().expect("a name").as_os_str().to_string_lossy().into_owned();
        let room = first.trim_end_matches(".rs").to_owned();
        let own = *floor.get(room.as_str()).unwrap_or_else(|| panic!("no floor for src/{}", inside.display()));
        let text = std::fs::read_to_string(&file).expect("a file");
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            for part in code.split("crate::").skip(1) {
                let name: String = part.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                let Some(other) = floor.get(name.as_str()) else { continue };
                // Commands and the door itself give errors to the user, whose type stands with the door.
                let given_up = name == "error" && own + 2 >= FLOORS.len();
                if name != room && *other >= own && !given_up {
                    wrong.push(format!("src/{}:{}: {room} imports {name}", inside.display(), number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

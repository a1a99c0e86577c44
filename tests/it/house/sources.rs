//! The sources that the rules of the house look at, less what only tests compile.

use std::path::Path;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// Every source below `src/`: its path from there, and its text.
pub(super) fn all() -> Vec<(String, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    below(&src, &src, &mut found);
    assert!(found.len() > 30, "the sources are found");
    found.sort();
    found
}

fn below(src: &Path, folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            below(src, &path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let inside = path.strip_prefix(src).expect("a path in src").to_str().expect("text").to_owned();
            found.push((inside, std::fs::read_to_string(&path).expect("a file")));
        }
    }
}

/// The tokens of a source without the items that bear `#[cfg(test)]`.
pub(super) fn without_tests(source: &str) -> TokenStream {
    keep(source.parse().expect("Rust"))
}

fn keep(tokens: TokenStream) -> TokenStream {
    let is_test =
        |token: &TokenTree| matches!(token, TokenTree::Group(group) if group.stream().to_string() == "cfg (test)");
    let is_punct = |token: &TokenTree, sign: char| matches!(token, TokenTree::Punct(punct) if punct.as_char() == sign);
    let ends_item = |token: &TokenTree| {
        is_punct(token, ';') || matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace)
    };
    let mut kept = Vec::new();
    let mut rest = tokens.into_iter().peekable();
    while let Some(token) = rest.next() {
        if is_punct(&token, '#') && rest.peek().is_some_and(is_test) {
            rest.by_ref().find(ends_item);
            continue;
        }
        kept.push(match token {
            TokenTree::Group(group) => {
                let mut inner = Group::new(group.delimiter(), keep(group.stream()));
                inner.set_span(group.span());
                TokenTree::Group(inner)
            }
            token => token,
        });
    }
    kept.into_iter().collect()
}

//! The rules of ARCHITECTURE.md that a compiler does not check, read off the sources.
//!
//! The library's floors, lowest first: [`FLOORS`]. A floor imports only itself and floors below it. `tcp` stands below `conversation`
//! because a conversation holds its TCP state; `field` above `report` only because nothing needs it the other way round. The crate root
//! names all floors and is not checked. No floor prints, reads a clock or the environment, or keeps global state; no package of the
//! workspace has `unsafe`; and the corpus does not know the library that it tests.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

const FLOORS: [&str; 13] = [
    "model",
    "capture",
    "packet",
    "tcp",
    "protocol",
    "conversation",
    "transaction",
    "expert",
    "diagnosis",
    "report",
    "field",
    "filter",
    "engine",
];

/// Names that no source of the library may use, and why.
const FORBIDDEN: [(&str, &str); 7] = [
    ("SystemTime", "reads the clock"),
    ("Instant", "reads the clock"),
    ("env", "reads the environment"),
    ("thread_local", "keeps global state"),
    ("OnceLock", "keeps global state"),
    ("LazyLock", "keeps global state"),
    ("unsafe", "is unsafe"),
];

const PRINTING: [&str; 5] = ["print", "println", "eprint", "eprintln", "dbg"];

/// A word or a mark of Rust source, with its line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Token {
    text: String,
    line: usize,
}

/// Splits source into words, `::` and single marks, without comments, strings and characters.
fn tokens(source: &str) -> Vec<Token> {
    let chars: Vec<char> = source.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let find = |from: usize, end: &str| {
        let end: Vec<char> = end.chars().collect();
        (from..chars.len()).find(|&i| chars[i..].starts_with(&end)).map_or(chars.len(), |i| i + end.len())
    };
    let (mut i, mut line, mut found) = (0, 1, Vec::new());
    while i < chars.len() {
        let start = i;
        match at(i) {
            '/' if at(i + 1) == '/' => i = find(i, "\n"),
            '/' if at(i + 1) == '*' => i = block_comment(&chars, i),
            '"' => i = string(&chars, i + 1),
            'r' if at(i + 1) == '"' || (at(i + 1) == '#' && matches!(at(i + 2), '#' | '"')) => {
                let hashes = (i + 1..).take_while(|&n| at(n) == '#').count();
                i = find(i + hashes + 2, &format!("\"{}", "#".repeat(hashes)));
            }
            // A character, or else a lifetime.
            '\'' if at(i + 1) == '\\' => i = find(i + 3, "'"),
            '\'' if at(i + 2) == '\'' => i += 3,
            c if c.is_alphanumeric() || c == '_' => {
                while at(i).is_alphanumeric() || at(i) == '_' {
                    i += 1;
                }
                found.push(Token { text: chars[start..i].iter().collect(), line });
            }
            ':' if at(i + 1) == ':' => {
                i += 2;
                found.push(Token { text: "::".to_owned(), line });
            }
            c => {
                i += 1;
                if !c.is_whitespace() {
                    found.push(Token { text: c.to_string(), line });
                }
            }
        }
        line += chars[start..i.min(chars.len())].iter().filter(|&&c| c == '\n').count();
    }
    found
}

/// The end of a block comment, which may hold others.
fn block_comment(chars: &[char], mut i: usize) -> usize {
    let mut depth = 0;
    while i < chars.len() {
        match chars[i..] {
            ['/', '*', ..] => (depth, i) = (depth + 1, i + 2),
            ['*', '/', ..] => (depth, i) = (depth - 1, i + 2),
            _ => i += 1,
        }
        if depth == 0 {
            break;
        }
    }
    i
}

/// The end of a string whose first character is at `i`.
fn string(chars: &[char], mut i: usize) -> usize {
    while i < chars.len() {
        match chars[i] {
            '\\' => i += 2,
            '"' => return i + 1,
            _ => i += 1,
        }
    }
    i
}

/// First words of what a path leads to: one, or those of a `{group}`.
fn heads(tokens: &[Token]) -> Vec<&Token> {
    match tokens.first() {
        Some(first) if first.text == "{" => {
            let (mut depth, mut expect, mut found) = (0, false, Vec::new());
            for token in tokens {
                match &*token.text {
                    "{" => (depth, expect) = (depth + 1, depth == 0),
                    "}" if depth == 1 => break,
                    "}" => depth -= 1,
                    "," => expect = depth == 1,
                    _ if expect => {
                        found.push(token);
                        expect = false;
                    }
                    _ => {}
                }
            }
            found
        }
        first => first.into_iter().collect(),
    }
}

/// What a source of the library does that it must not. `path` is relative to the crate's `src`.
fn offences(path: &Path, source: &str) -> Vec<String> {
    let parts: Vec<_> = path.iter().map(|p| p.to_string_lossy()).collect();
    let Some(own) = FLOORS.iter().position(|floor| parts[0] == **floor) else {
        return if parts.len() > 1 {
            vec![format!("{}: {} is no known floor", path.display(), parts[0])]
        } else {
            Vec::new()
        };
    };
    // How many modules lie between the crate's root and this one, inline modules included.
    let file_depth = parts.len() - usize::from(path.ends_with("mod.rs"));
    let tokens = tokens(source);
    let is = |i: usize, text: &str| tokens.get(i).is_some_and(|t| t.text == text);
    let (mut found, mut braces, mut inline, mut i) = (Vec::new(), 0, Vec::new(), 0);
    let import = |from: usize, found: &mut Vec<String>| {
        for head in heads(&tokens[from.min(tokens.len())..]) {
            if FLOORS.iter().position(|floor| head.text == *floor).is_some_and(|floor| floor > own) {
                found.push(format!(
                    "{}:{}: {} imports {}",
                    path.display(),
                    head.line,
                    FLOORS[own],
                    head.text
                ));
            }
        }
    };
    while i < tokens.len() {
        let Token { text, line } = &tokens[i];
        let mut accuse = |what: &str| found.push(format!("{}:{line}: {text} {what}", path.display()));
        match &**text {
            "{" => braces += 1,
            "}" => {
                if inline.last() == Some(&braces) {
                    inline.pop();
                }
                braces -= 1;
            }
            "mod" if is(i + 2, "{") => inline.push(braces + 1),
            "crate" if is(i + 1, "::") => import(i + 2, &mut found),
            "super" => {
                let chain = (i..).step_by(2).take_while(|&n| is(n, "super") && is(n + 1, "::")).count();
                match chain.cmp(&(file_depth + inline.len())) {
                    std::cmp::Ordering::Less => {}
                    std::cmp::Ordering::Equal => import(i + 2 * chain, &mut found),
                    std::cmp::Ordering::Greater => accuse("leads out of the crate"),
                }
                i += 2 * chain.saturating_sub(1);
            }
            word if PRINTING.contains(&word) && is(i + 1, "!") => accuse("prints"),
            word => {
                if let Some((_, why)) = FORBIDDEN.iter().find(|(name, _)| *name == word) {
                    accuse(why);
                }
            }
        }
        i += 1;
    }
    found
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every Rust source below a folder, in order of its path.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn floors_import_downwards_and_core_is_pure() {
    let root = workspace().join("netanalyze-core/src");
    let files = sources(&root);
    let offences: Vec<_> = files
        .iter()
        .flat_map(|file| offences(file.strip_prefix(&root).unwrap(), &std::fs::read_to_string(file).unwrap()))
        .collect();
    assert!(offences.is_empty(), "{}", offences.join("\n"));
    // What was read is the library: every floor is there, and nothing but floors.
    assert!(files.len() > 50, "only {} files", files.len());
    let library = tokens(&std::fs::read_to_string(root.join("lib.rs")).unwrap());
    let mut modules: Vec<_> =
        library.windows(2).filter(|pair| pair[0].text == "mod").map(|pair| pair[1].text.clone()).collect();
    let mut floors = FLOORS.map(str::to_owned).to_vec();
    modules.sort();
    floors.sort();
    assert_eq!(modules, floors);
}

#[test]
fn nothing_is_unsafe() {
    for package in ["netanalyze-core", "netanalyze-cli", "corpus", "benches"] {
        for file in sources(&workspace().join(package)) {
            let unsafe_at =
                tokens(&std::fs::read_to_string(&file).unwrap()).into_iter().find(|t| t.text == "unsafe");
            assert_eq!(unsafe_at, None, "{}", file.display());
        }
    }
}

#[test]
fn the_corpus_does_not_know_the_library() {
    let manifest = std::fs::read_to_string(workspace().join("corpus/Cargo.toml")).unwrap();
    assert!(!manifest.contains("netanalyze-core"));
    for file in sources(&workspace().join("corpus")) {
        let known =
            tokens(&std::fs::read_to_string(&file).unwrap()).into_iter().any(|t| t.text == "netanalyze_core");
        assert!(!known, "{}", file.display());
    }
}

#[test]
fn the_checker_finds_what_it_looks_for() {
    let of = |path: &str, source: &str| offences(Path::new(path), source);
    for (path, source, expected) in [
        ("packet/mod.rs", "use crate::engine::View;", "packet/mod.rs:1: packet imports engine"),
        (
            "tcp/flow.rs",
            "\n\nfn f() { crate::conversation::Shard::new(); }",
            "tcp/flow.rs:3: tcp imports conversation",
        ),
        (
            "model/time.rs",
            "use crate::{model::Span, packet::{Layer, Sink}};",
            "model/time.rs:1: model imports packet",
        ),
        ("report/mod.rs", "use super::field::Row;", "report/mod.rs:1: report imports field"),
        ("tcp/trace/mod.rs", "use super::super::expert;", "tcp/trace/mod.rs:1: tcp imports expert"),
        ("tcp/flow.rs", "mod a { use super::super::super::engine; }", "tcp/flow.rs:1: tcp imports engine"),
        ("tcp/flow.rs", "use super::super::super::x;", "tcp/flow.rs:1: super leads out of the crate"),
        ("engine/x.rs", "fn f() { println!(\"\") }", "engine/x.rs:1: println prints"),
        ("engine/x.rs", "dbg!(1);", "engine/x.rs:1: dbg prints"),
        ("engine/x.rs", "std::time::Instant::now()", "engine/x.rs:1: Instant reads the clock"),
        ("engine/x.rs", "use std::{env, time::SystemTime};", "engine/x.rs:1: env reads the environment"),
        ("engine/x.rs", "let c = '\"'; unsafe { }", "engine/x.rs:1: unsafe is unsafe"),
        ("engine/x.rs", "let r = r#\"\"#; unsafe { }", "engine/x.rs:1: unsafe is unsafe"),
        ("engine/x.rs", "/* /* */ */ 'a: loop { unsafe {} }", "engine/x.rs:1: unsafe is unsafe"),
        ("cellar/mod.rs", "", "cellar/mod.rs: cellar is no known floor"),
    ] {
        assert_eq!(of(path, source).first().map(String::as_str), Some(expected), "{source}");
    }
    for (path, source) in [
        ("engine/mod.rs", "use crate::{model::Span, packet::Sink}; use super::model;"),
        ("tcp/flow.rs", "use super::unacked::Unacked; use crate::packet::tcp_option; use crate::tcp::Flags;"),
        // A module of the same floor may have a higher floor's name.
        ("expert/tcp.rs", "mod tests { use super::super::field; use super::engine; }"),
        (
            "tcp/flow.rs",
            "// crate::engine, unsafe\n/// println!(\"\")\nfn f() -> &'static str { \"crate::engine unsafe \\\" dbg!\" }",
        ),
        (
            "tcp/flow.rs",
            "/* unsafe /* crate::engine */ dbg!() */ const C: char = '\\''; pub(crate) mod engine;",
        ),
        ("tcp/flow.rs", "let s = r##\"unsafe \"# dbg!(1)\"##; fn print() {}"),
    ] {
        assert_eq!(of(path, source), Vec::<String>::new(), "{source}");
    }
}

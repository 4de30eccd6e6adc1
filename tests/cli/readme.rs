//! The README shows what the command really prints, and lists the kinds of finding and the rules that the catalogues really have.
//!
//! `UPDATE_README=1 cargo test -p netanalyze-cli readme` writes them anew.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

use netanalyze_core::diagnosis::rules;
use netanalyze_core::expert::KINDS;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Replaces what stands between each marker and the next end mark with what `make` says for the marker's argument.
fn fill(readme: &str, marker: &str, make: impl Fn(&str) -> String) -> String {
    let mut filled = String::new();
    let mut rest = readme;
    while let Some(at) = rest.find(marker) {
        let line_end = at + rest[at..].find('\n').expect("a marker has a line of its own");
        let argument = rest[at + marker.len()..line_end].trim_end_matches("-->").trim();
        let end = line_end + rest[line_end..].find("<!-- end -->").expect("a marker has an end");
        filled.push_str(&rest[..=line_end]);
        filled.push_str(&make(argument));
        rest = &rest[end..];
    }
    filled + rest
}

/// Words of a command line; single quotes hold together what stands between them.
fn words(line: &str) -> Vec<&str> {
    let mut words = Vec::new();
    for (place, part) in line.split('\'').enumerate() {
        if place % 2 == 1 {
            words.push(part);
        } else {
            words.extend(part.split_whitespace());
        }
    }
    words
}

fn run(arguments: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_netanalyze"))
        .args(words(arguments))
        .current_dir(root())
        .output()
        .expect("the command starts");
    assert!(output.status.success(), "{arguments}: {output:?}");
    format!("```text\n{}```\n", String::from_utf8(output.stdout).expect("text is UTF-8"))
}

fn kinds() -> String {
    let mut table = "| id | severity | group | what | meaning |\n|---|---|---|---|---|\n".to_owned();
    for kind in KINDS {
        let (severity, group) = (kind.severity.name(), kind.group.name());
        writeln!(table, "| `{}` | {severity} | {group} | {} | {} |", kind.id, kind.title, kind.meaning)
            .expect("writing to a string");
    }
    table
}

fn rule_table() -> String {
    let mut table = "| code | name | severity | what |\n|---|---|---|---|\n".to_owned();
    for rule in rules() {
        let severity = if rule.code.starts_with("Q-") { "capture quality" } else { rule.severity.name() };
        writeln!(table, "| {} | `{}` | {severity} | {} |", rule.code, rule.name, rule.title)
            .expect("writing to a string");
    }
    table
}

#[test]
fn readme_shows_what_the_command_prints() {
    let path = root().join("README.md");
    let readme = std::fs::read_to_string(&path).expect("README.md is there");
    assert_eq!(readme.matches("<!-- run:").count(), 17);
    assert_eq!(readme.matches("<!-- rules").count(), 1);
    assert_eq!(readme.matches("<!-- kinds").count(), 1);
    let filled = fill(&fill(&readme, "<!-- run:", run), "<!-- kinds", |_| kinds());
    let filled = fill(&filled, "<!-- rules", |_| rule_table());
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(&path, filled).expect("README.md can be written");
    } else {
        assert!(readme == filled, "README.md is stale: UPDATE_README=1 cargo test -p netanalyze-cli readme");
    }
}

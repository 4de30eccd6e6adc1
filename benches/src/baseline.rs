//! Instruction counts and the baseline that they are held against: a table of path, instructions and note, separated by tabs.
//!
//! A count may grow by [`TOLERANCE`]. Whoever lets one grow further raises the baseline, and says why in the note of that path: a raised
//! figure whose note is that of before is refused, too.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context, Result, bail};

/// Growth in percent that is let pass, and the fall beyond which the baseline should be lowered.
pub const TOLERANCE: u64 = 5;

/// A path's figure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// Instructions on one thread.
    pub instructions: u64,
    /// Why it was raised last; may be empty.
    pub note: String,
}

/// Figures by path.
pub type Baseline = BTreeMap<String, Figure>;

/// Reads a table; lines that begin with `#` are comments.
///
/// # Errors
/// When a line has not three columns, its second is no positive number, or a path comes twice.
pub fn parse(text: &str) -> Result<Baseline> {
    let mut baseline = Baseline::new();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let columns: Vec<_> = line.split('\t').collect();
        let [path, count, note] = columns[..] else { bail!("not three columns: {line}") };
        let instructions = count.parse().ok().filter(|count| *count > 0);
        let instructions = instructions.with_context(|| format!("no count of instructions: {line}"))?;
        let figure = Figure { instructions, note: note.to_owned() };
        if baseline.insert(path.to_owned(), figure).is_some() {
            bail!("{path} comes twice");
        }
    }
    Ok(baseline)
}

/// The table, with `made_with` in its head.
#[must_use]
pub fn render(baseline: &Baseline, made_with: &str) -> String {
    let mut text = format!(
        "# Instructions on one thread, see benches/README.md. {made_with}\n# path\tinstructions\tnote\n"
    );
    for (path, figure) in baseline {
        let _ = writeln!(text, "{path}\t{}\t{}", figure.instructions, figure.note);
    }
    text
}

/// What is wrong, and what is worth saying.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    /// Reasons to fail.
    pub wrong: Vec<String>,
    /// Hints.
    pub hints: Vec<String>,
}

/// Holds what was `measured` against the `baseline`, and that against the one `before` it, if there was one.
#[must_use]
pub fn judge(before: Option<&Baseline>, baseline: &Baseline, measured: &BTreeMap<String, u64>) -> Judgement {
    let mut judgement = Judgement::default();
    for (path, figure) in baseline {
        let Some(count) = measured.get(path) else {
            judgement.wrong.push(format!("{path}: in the baseline, but no longer measured; run --update"));
            continue;
        };
        let change = change(figure.instructions, *count);
        if grew(figure.instructions, *count) {
            judgement.wrong.push(format!(
                "{path}: {:+.1} %; make it cheaper, or raise it with --update --note '{path}=WHY'",
                100.0 * change
            ));
        } else if fell(figure.instructions, *count) {
            judgement
                .hints
                .push(format!("{path}: {:+.1} %; lower the baseline with --update", 100.0 * change));
        }
    }
    for path in measured.keys().filter(|path| !baseline.contains_key(*path)) {
        judgement.wrong.push(format!("{path}: not in the baseline; run --update"));
    }
    for (path, old) in before.into_iter().flatten() {
        let Some(new) = baseline.get(path) else { continue };
        if unexplained(old, new) {
            judgement.wrong.push(format!(
                "{path}: the baseline was raised from {} to {} without a new note that says why",
                old.instructions, new.instructions
            ));
        }
    }
    judgement
}

/// The baseline with what was `measured`. Notes stay, until `notes` brings new ones.
///
/// # Errors
/// When a figure would be raised by more than [`TOLERANCE`] without a new note.
pub fn update(
    old: &Baseline,
    measured: &BTreeMap<String, u64>,
    notes: &BTreeMap<String, String>,
) -> Result<Baseline> {
    let mut baseline = Baseline::new();
    for (path, &instructions) in measured {
        let before = old.get(path);
        let note = notes.get(path).or(before.map(|figure| &figure.note)).cloned().unwrap_or_default();
        let figure = Figure { instructions, note: note.replace(['\t', '\n'], " ") };
        if before.is_some_and(|before| unexplained(before, &figure)) {
            bail!("{path} grows: say why with --note '{path}=WHY'");
        }
        baseline.insert(path.clone(), figure);
    }
    Ok(baseline)
}

fn unexplained(old: &Figure, new: &Figure) -> bool {
    grew(old.instructions, new.instructions) && (new.note.is_empty() || new.note == old.note)
}

fn grew(old: u64, new: u64) -> bool {
    u128::from(new) * 100 > u128::from(old) * u128::from(100 + TOLERANCE)
}

fn fell(old: u64, new: u64) -> bool {
    u128::from(new) * 100 < u128::from(old) * u128::from(100 - TOLERANCE)
}

/// The change as a part of the old count.
#[must_use]
pub fn change(old: u64, new: u64) -> f64 {
    new as f64 / old.max(1) as f64 - 1.0
}

/// The instructions in a callgrind output file.
#[must_use]
pub fn callgrind_total(text: &str) -> Option<u64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("totals:").or_else(|| line.strip_prefix("summary:")))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn table(rows: &[(&str, u64, &str)]) -> Baseline {
        let text: String =
            rows.iter().map(|(path, count, note)| format!("{path}\t{count}\t{note}\n")).collect();
        parse(&text).unwrap()
    }

    fn counts(rows: &[(&str, u64)]) -> BTreeMap<String, u64> {
        rows.iter().map(|(path, count)| ((*path).to_owned(), *count)).collect()
    }

    #[test]
    fn a_table_survives_writing_and_reading() {
        let baseline = table(&[("a/x", 7, ""), ("b/y", 9, "two words")]);
        let text = render(&baseline, "rustc 1");
        assert!(text.starts_with("# ") && text.contains("rustc 1"));
        assert_eq!(parse(&text).unwrap(), baseline);
        for bad in ["a\t7", "a\tseven\t", "a\t0\t", "a\t1\t\na\t2\t"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn growth_fails_and_a_fall_is_told() {
        let baseline = table(&[("a", 1_000, "")]);
        for (count, wrong, hints) in [(1_050, 0, 0), (1_051, 1, 0), (950, 0, 0), (949, 0, 1)] {
            let judgement = judge(None, &baseline, &counts(&[("a", count)]));
            assert_eq!((judgement.wrong.len(), judgement.hints.len()), (wrong, hints), "{count}");
        }
    }

    #[test]
    fn paths_must_be_in_both() {
        let judgement = judge(None, &table(&[("a", 10, "")]), &counts(&[("b", 10)]));
        assert_eq!(judgement.wrong.len(), 2);
        assert!(
            judgement.wrong[0].contains("no longer measured")
                && judgement.wrong[1].contains("not in the baseline")
        );
    }

    #[test]
    fn a_raised_figure_needs_a_new_note() {
        let measured = counts(&[("a", 2_000)]);
        let before = table(&[("a", 1_000, "old")]);
        for (note, wrong) in [("", 1), ("old", 1), ("decodes VLANs, too", 0)] {
            let judgement = judge(Some(&before), &table(&[("a", 2_000, note)]), &measured);
            assert_eq!(judgement.wrong.len(), wrong, "{note:?}");
        }
        assert!(
            judge(Some(&before), &table(&[("a", 1_040, "old")]), &counts(&[("a", 1_040)])).wrong.is_empty()
        );
    }

    #[test]
    fn an_update_keeps_notes_and_asks_for_new_ones() {
        let old = table(&[("a", 1_000, "old"), ("gone", 5, "")]);
        let note = |text: &str| BTreeMap::from([("a".to_owned(), text.to_owned())]);
        let lower = update(&old, &counts(&[("a", 500), ("new", 3)]), &BTreeMap::new()).unwrap();
        assert_eq!(lower, table(&[("a", 500, "old"), ("new", 3, "")]));
        assert!(update(&old, &counts(&[("a", 2_000)]), &BTreeMap::new()).is_err());
        assert!(update(&old, &counts(&[("a", 2_000)]), &note("old")).is_err());
        assert_eq!(
            update(&old, &counts(&[("a", 2_000)]), &note("so\tthat")).unwrap(),
            table(&[("a", 2_000, "so that")])
        );
    }

    #[test]
    fn the_total_of_a_callgrind_file() {
        assert_eq!(callgrind_total("events: Ir\n\nfn=(1)\n1 5\n\ntotals: 1234\n"), Some(1_234));
        assert_eq!(callgrind_total("summary: 99\n"), Some(99));
        assert_eq!(callgrind_total("events: Ir\n"), None);
    }
}

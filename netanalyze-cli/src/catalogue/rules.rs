//! Rules of diagnosis, gates of capture quality and their thresholds, in words and for machines.

use std::io::{self, Write};

use netanalyze_core::diagnosis::{Advice, Confidence, Limit, Rule, Severity, Unit, rules};
use netanalyze_core::report::SCHEMA_VERSION;
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;

use super::WIDTH;
use crate::args::Format;
use crate::diagnoses::{Line, command_lines, default_words, labelled};
use crate::render::{Palette, guarded, header_line, push_line, table, wrapped};
use crate::schema::Shapes;

/// A rule of diagnosis, or a gate of capture quality (`Q-…`).
#[derive(Serialize, JsonSchema)]
pub(super) struct RuleRow {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    line: Option<&'static str>,
    /// Its code.
    code: &'static str,
    /// Its name.
    name: &'static str,
    /// What it is, in a few words.
    title: &'static str,
    /// How much it usually matters.
    severity: Severity,
    /// How sure it is where nothing lowers that.
    confidence: Confidence,
    /// What it means, and why it comes about.
    meaning: &'static str,
    /// What must be seen.
    evidence: &'static str,
    /// What looks alike, and how it is told apart.
    confounders: &'static str,
    /// The thresholds that it compares with.
    thresholds: Vec<ThresholdRow>,
    /// What to run next.
    next: Vec<CommandRow>,
    /// Where it comes from.
    references: &'static [&'static str],
}

/// A command to run. Words in braces stand for what a diagnosis is about.
#[derive(Serialize, JsonSchema)]
struct CommandRow {
    /// Where to run it.
    #[serde(rename = "where")]
    place: &'static str,
    /// The command.
    command: &'static str,
    /// What it tells.
    why: &'static str,
}

/// A threshold of diagnoses.
#[derive(Serialize, JsonSchema)]
pub(super) struct ThresholdRow {
    /// Its name, as `--threshold` takes it.
    name: &'static str,
    /// What it counts: a `time`, a `count`, a `share`.
    unit: &'static str,
    /// Its value unless `--threshold` gives another, spelt as that takes it.
    default: String,
    /// What it decides.
    meaning: &'static str,
}

#[derive(Serialize)]
struct ThresholdList {
    schema_version: u32,
    thresholds: Vec<ThresholdRow>,
}

pub(super) fn row(rule: &'static Rule, line: Option<&'static str>) -> RuleRow {
    let command = |&Advice { place, command, why }: &Advice| CommandRow { place, command, why };
    RuleRow {
        line,
        code: rule.code,
        name: rule.name,
        title: rule.title,
        severity: rule.severity,
        confidence: rule.confidence,
        meaning: rule.meaning,
        evidence: rule.evidence,
        confounders: rule.confounders,
        thresholds: rule.thresholds.iter().map(|&limit| threshold_row(limit)).collect(),
        next: rule.steps.iter().map(command).collect(),
        references: rule.references,
    }
}

fn threshold_row(limit: Limit) -> ThresholdRow {
    ThresholdRow {
        name: limit.name(),
        unit: unit(limit),
        default: default_words(limit),
        meaning: limit.meaning(),
    }
}

fn unit(limit: Limit) -> &'static str {
    match limit.unit() {
        Unit::Time => "time",
        Unit::Count => "count",
        Unit::PerMille => "share",
    }
}

/// A rule in the table of kinds of finding: the columns that both have, then its own.
pub(super) fn record(rule: &Rule) -> [String; 12] {
    let thresholds =
        rule.thresholds.iter().map(|&limit| format!("{}={}", limit.name(), default_words(limit)));
    let steps = rule.steps.iter().map(|step| format!("{}: {}", step.place, step.command));
    [
        rule.code.to_owned(),
        rule.severity.name().to_owned(),
        group(rule).to_owned(),
        rule.title.to_owned(),
        rule.meaning.to_owned(),
        rule.references.join("; "),
        String::new(),
        rule.name.to_owned(),
        rule.evidence.to_owned(),
        rule.confounders.to_owned(),
        thresholds.collect::<Vec<_>>().join(" "),
        steps.collect::<Vec<_>>().join("; "),
    ]
}

fn group(rule: &Rule) -> &'static str {
    if is_gate(rule) { "quality" } else { "diagnosis" }
}

fn is_gate(rule: &Rule) -> bool {
    rule.code.starts_with("Q-")
}

/// Explains a rule.
pub(super) fn in_words(out: &mut Vec<u8>, rule: &Rule, palette: Palette) -> io::Result<()> {
    writeln!(out, "{} {}: {}", rule.code, rule.name, rule.title)?;
    writeln!(out, "{}\n", wrapped(rule.meaning, WIDTH))?;
    if is_gate(rule) {
        labelled(out, "group", "capture quality: about the capture, not the network")?;
    } else {
        writeln!(out, "  severity    {}", palette.cause(rule.severity).trim_end())?;
        labelled(out, "confidence", &format!("{} where nothing lowers it", rule.confidence.name()))?;
    }
    labelled(out, "evidence", rule.evidence)?;
    labelled(out, "looks alike", rule.confounders)?;
    for (place, &limit) in rule.thresholds.iter().enumerate() {
        let words = format!("{}={}: {}", limit.name(), default_words(limit), limit.meaning());
        labelled(out, if place == 0 { "thresholds" } else { "" }, &words)?;
    }
    for (place, step) in rule.steps.iter().enumerate() {
        command_lines(out, if place == 0 { "next" } else { "" }, step.place, step.command, step.why)?;
    }
    labelled(out, "see", &rule.references.join("; "))
}

/// What `--list-thresholds` writes for machines.
pub(crate) fn threshold_shapes(generator: &mut SchemaGenerator) -> Shapes {
    Shapes::list("thresholds", "threshold", ThresholdRow::json_schema(generator)).without_capture()
}

/// Lists the thresholds that `--threshold` sets.
pub(crate) fn list_thresholds(format: Format) -> io::Result<Vec<u8>> {
    let all = || Limit::ALL.iter().copied();
    let mut out = Vec::new();
    match format {
        Format::Text => {
            let name = all().map(|limit| limit.name().len()).max().unwrap_or(0);
            let value = all().map(|limit| default_words(limit).len()).max().unwrap_or(0);
            for limit in all() {
                let (default, meaning) = (default_words(limit), limit.meaning());
                writeln!(out, "{:<name$}  {default:>value$}  {meaning}{}", limit.name(), users(limit))?;
            }
        }
        Format::Json => {
            let thresholds = all().map(threshold_row).collect();
            push_line(&mut out, &ThresholdList { schema_version: SCHEMA_VERSION, thresholds })?;
        }
        Format::Jsonl => {
            out = header_line("thresholds");
            all().try_for_each(|limit| {
                push_line(&mut out, &Line { line: "threshold", row: &threshold_row(limit) })
            })?;
        }
        Format::Csv => {
            out = table(|writer| {
                writer.write_record(["name", "unit", "default", "meaning"])?;
                all().try_for_each(|limit| {
                    let meaning = guarded(limit.meaning());
                    writer.write_record([limit.name(), unit(limit), &default_words(limit), &meaning])
                })
            })?;
        }
    }
    Ok(out)
}

/// The rules that compare with a threshold, in parentheses.
fn users(limit: Limit) -> String {
    let codes: Vec<&str> =
        rules().filter(|rule| rule.thresholds.contains(&limit)).map(|rule| rule.code).collect();
    if codes.is_empty() { String::new() } else { format!(" ({})", codes.join(", ")) }
}

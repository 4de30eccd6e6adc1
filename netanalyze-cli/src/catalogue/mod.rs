//! What needs no capture: `--explain`, `--list-fields` and `--list-thresholds`.

mod rules;

pub(crate) use rules::{list_thresholds, threshold_shapes};

use std::io::{self, Write};

use netanalyze_core::diagnosis::Rule;
use netanalyze_core::expert::{Group, KindId, Severity};
use netanalyze_core::field::{Field, fields};
use netanalyze_core::report::SCHEMA_VERSION;
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;

use crate::args::Format;
use crate::render::{Palette, guarded, header_line, push_line, table, wrapped};
use crate::schema::{Shapes, list_of, typed, untyped};

/// Width of running text.
const WIDTH: usize = 90;

/// A kind of finding.
#[derive(Serialize, JsonSchema)]
struct KindRow {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    line: Option<&'static str>,
    /// Its name.
    id: &'static str,
    /// How much it matters.
    severity: Severity,
    /// What kind of trouble it is.
    group: Group,
    /// What it is, in a few words.
    title: &'static str,
    /// What it means, and what to look at.
    meaning: &'static str,
    /// Where it is defined.
    reference: &'static str,
    /// The display filter that shows its frames in Wireshark; empty if there is none.
    filter: &'static str,
}

/// A field of packets.
#[derive(Serialize, JsonSchema)]
struct FieldRow {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    line: Option<&'static str>,
    /// Wireshark's name for it.
    name: &'static str,
    // Not `type`, which tells what a JSON line is.
    /// Its type.
    value_type: &'static str,
    /// What it means.
    meaning: &'static str,
}

#[derive(Serialize)]
struct Kinds {
    schema_version: u32,
    kinds: Vec<KindRow>,
    rules: Vec<rules::RuleRow>,
}

#[derive(Serialize)]
struct Fields {
    schema_version: u32,
    fields: Vec<FieldRow>,
}

fn kind_row(id: KindId, line: Option<&'static str>) -> KindRow {
    let kind = id.kind();
    KindRow {
        line,
        id: kind.id,
        severity: kind.severity,
        group: kind.group,
        title: kind.title,
        meaning: kind.meaning,
        reference: kind.reference,
        filter: kind.filter,
    }
}

fn field_row(field: &Field, line: Option<&'static str>) -> FieldRow {
    FieldRow { line, name: field.name, value_type: field.kind.name(), meaning: field.meaning }
}

/// What `--explain` writes for machines.
pub(crate) fn kind_shapes(generator: &mut SchemaGenerator) -> Shapes {
    let rule = rules::RuleRow::json_schema(generator);
    Shapes::list("kinds", "kind", KindRow::json_schema(generator))
        .with_member("rules", list_of("Rules of diagnosis.", &untyped(rule.clone())))
        .with_line(typed("rule", rule))
        .without_capture()
}

/// What `--list-fields` writes for machines.
pub(crate) fn field_shapes(generator: &mut SchemaGenerator) -> Shapes {
    Shapes::list("fields", "field", FieldRow::json_schema(generator)).without_capture()
}

/// Explains kinds of findings and rules of diagnosis.
pub(crate) fn explain(
    kinds: &[KindId],
    rules: &[&'static Rule],
    format: Format,
    colour: bool,
) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    match format {
        Format::Text => {
            let palette = Palette::new(colour);
            explain_in_words(&mut out, kinds, palette)?;
            for (place, rule) in rules.iter().enumerate() {
                if place > 0 || !kinds.is_empty() {
                    writeln!(out)?;
                }
                rules::in_words(&mut out, rule, palette)?;
            }
        }
        Format::Json => {
            let kinds = kinds.iter().map(|&id| kind_row(id, None)).collect();
            let rules = rules.iter().map(|rule| rules::row(rule, None)).collect();
            push_line(&mut out, &Kinds { schema_version: SCHEMA_VERSION, kinds, rules })?;
        }
        Format::Jsonl => {
            out = header_line("kinds");
            for &id in kinds {
                push_line(&mut out, &kind_row(id, Some("kind")))?;
            }
            for &rule in rules {
                push_line(&mut out, &rules::row(rule, Some("rule")))?;
            }
        }
        Format::Csv => {
            out = table(|writer| {
                writer.write_record([
                    "id",
                    "severity",
                    "group",
                    "title",
                    "meaning",
                    "reference",
                    "filter",
                    "name",
                    "evidence",
                    "confounders",
                    "thresholds",
                    "next",
                ])?;
                kinds.iter().map(|id| id.kind()).try_for_each(|kind| {
                    let (severity, group, title) = (kind.severity.name(), kind.group.word(), kind.title);
                    let row = [kind.id, severity, group, title, kind.meaning, kind.reference, kind.filter];
                    // The rest is of rules.
                    let row = row.into_iter().chain([""; 5]);
                    writer.write_record(row.map(|cell| guarded(cell).into_owned()))
                })?;
                rules.iter().try_for_each(|rule| {
                    writer.write_record(rules::record(rule).map(|cell| guarded(&cell).into_owned()))
                })
            })?;
        }
    }
    Ok(out)
}

fn explain_in_words(out: &mut Vec<u8>, kinds: &[KindId], palette: Palette) -> io::Result<()> {
    for (place, kind) in kinds.iter().map(|id| id.kind()).enumerate() {
        if place > 0 {
            writeln!(out)?;
        }
        writeln!(out, "{}: {}", kind.id, kind.title)?;
        writeln!(out, "{}\n", wrapped(kind.meaning, WIDTH))?;
        writeln!(out, "  severity   {}", palette.severity(kind.severity).trim_end())?;
        writeln!(out, "  group      {}", kind.group.name())?;
        writeln!(out, "  defined    {}", kind.reference)?;
        // What is found of a whole conversation has no filter that shows it and nothing else.
        if !kind.filter.is_empty() {
            writeln!(out, "  Wireshark  {}", kind.filter)?;
        }
    }
    Ok(())
}

/// Lists the fields that `--fields` takes.
pub(crate) fn list_fields(format: Format) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    match format {
        Format::Text => {
            let name = fields().map(|field| field.name.len()).max().unwrap_or(0);
            let kind = fields().map(|field| field.kind.name().len()).max().unwrap_or(0);
            for field in fields() {
                writeln!(out, "{:<name$}  {:<kind$}  {}", field.name, field.kind.name(), field.meaning)?;
            }
        }
        Format::Json => {
            let fields = fields().map(|field| field_row(field, None)).collect();
            push_line(&mut out, &Fields { schema_version: SCHEMA_VERSION, fields })?;
        }
        Format::Jsonl => {
            out = header_line("fields");
            for field in fields() {
                push_line(&mut out, &field_row(field, Some("field")))?;
            }
        }
        Format::Csv => {
            out = table(|writer| {
                writer.write_record(["name", "value_type", "meaning"])?;
                fields().try_for_each(|field| {
                    writer.write_record([field.name, field.kind.name(), &*guarded(field.meaning)])
                })
            })?;
        }
    }
    Ok(out)
}

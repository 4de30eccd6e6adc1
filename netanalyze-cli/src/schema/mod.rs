//! `--schema`: the JSON Schema (draft 2020-12) of what a view writes for machines.
//!
//! Owns how schemas are put together; what a row is says the view that writes it, with the definitions that it writes with: the tables of
//! columns, the serialised types (their documentation becomes the descriptions), the field registry. Objects are closed, so that a key that
//! no schema tells of is refused. What is emitted describes the output of this very version; how the version changes, the README says.

mod close;

use std::io;

use clap::ValueEnum;
use netanalyze_core::model::Note;
use netanalyze_core::report::{CaptureSummary, SCHEMA_VERSION};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema as _, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::transactions::{self, Dns, Http, Tls};
use crate::{catalogue, diagnoses, findings, follow, packets, streams, summary};

/// What `--schema` tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shown {
    /// The summary, which is shown without any other view
    Report,
    /// --findings
    Findings,
    /// --diagnoses
    Diagnoses,
    /// --packets, with any --fields
    Packets,
    /// --streams
    Streams,
    /// --dns
    Dns,
    /// --tls
    Tls,
    /// --http
    Http,
    /// --follow
    Follow,
    /// --explain
    Kinds,
    /// --list-fields
    Fields,
    /// --list-thresholds
    Thresholds,
}

impl Shown {
    fn shapes(self, generator: &mut SchemaGenerator) -> Shapes {
        match self {
            Shown::Report => summary::shapes(generator),
            Shown::Findings => findings::shapes(generator),
            Shown::Diagnoses => diagnoses::shapes(generator),
            Shown::Packets => packets::shapes(),
            Shown::Streams => streams::shapes(generator),
            Shown::Dns => transactions::shapes::<Dns>(),
            Shown::Tls => transactions::shapes::<Tls>(),
            Shown::Http => transactions::shapes::<Http>(),
            Shown::Follow => follow::shapes(generator),
            Shown::Kinds => catalogue::kind_shapes(generator),
            Shown::Fields => catalogue::field_shapes(generator),
            Shown::Thresholds => catalogue::threshold_shapes(generator),
        }
    }
}

/// What a view writes for machines.
pub(crate) struct Shapes {
    view: &'static str,
    /// `--format json`.
    object: Schema,
    /// The lines of `--format jsonl` between the first and the last.
    lines: Vec<Schema>,
    /// Its last line, beside capture and notes.
    summary: Vec<(&'static str, Schema)>,
    /// Capture and notes are there, which end every output about a capture.
    of_capture: bool,
}

impl Shapes {
    /// An object and lines.
    pub(crate) fn new(view: &'static str, object: Schema, lines: Vec<Schema>) -> Self {
        Shapes { view, object, lines, summary: Vec::new(), of_capture: true }
    }

    /// A list of rows.
    pub(crate) fn list(view: &'static str, line: &str, row: Schema) -> Self {
        let rows = list_of("The rows.", &untyped(row.clone()));
        Shapes::new(view, object_with([(view, rows)]), vec![typed(line, row)])
    }

    /// One more key of the object.
    pub(crate) fn with_member(mut self, name: &'static str, schema: Schema) -> Self {
        add(&mut self.object, name, schema);
        self
    }

    /// One more kind of line.
    pub(crate) fn with_line(mut self, line: Schema) -> Self {
        self.lines.push(line);
        self
    }

    /// One more key of the last line.
    pub(crate) fn with_summary(mut self, name: &'static str, schema: Schema) -> Self {
        self.summary.push((name, schema));
        self
    }

    /// Nothing is said of a capture.
    pub(crate) fn without_capture(mut self) -> Self {
        self.of_capture = false;
        self
    }

    fn object(mut self, generator: &mut SchemaGenerator) -> Schema {
        add(&mut self.object, "schema_version", version());
        if self.of_capture {
            let capture = described(generator.subschema_for::<CaptureSummary>(), "The whole capture.");
            add(&mut self.object, "capture", capture);
            let quality = "Capture quality: what was damaged, missing or left out.";
            add(&mut self.object, "notes", described(generator.subschema_for::<Vec<Note>>(), quality));
        }
        self.object
    }

    fn line(self, generator: &mut SchemaGenerator) -> Schema {
        let mut header = object_with([
            ("schema_version", version()),
            ("view", schemars::json_schema!({"description": "What the lines are.", "const": self.view})),
        ]);
        header.insert("description".to_owned(), "The first line.".into());
        let mut lines = vec![typed("header", header)];
        lines.extend(self.lines);
        if self.of_capture {
            let mut summary = summary::Summary::json_schema(generator);
            for (name, schema) in self.summary {
                add(&mut summary, name, schema);
            }
            lines.push(typed("summary", summary));
        }
        let lines: Vec<Value> = lines.into_iter().map(Value::from).collect();
        schemars::json_schema!({"oneOf": lines})
    }
}

fn version() -> Schema {
    schemars::json_schema!({
        "description": "Raised when a key changes its meaning or goes; new keys do not raise it.",
        "const": SCHEMA_VERSION,
    })
}

/// Adds a member that is always there.
fn add(object: &mut Schema, name: &str, schema: Schema) {
    let object = object.ensure_object();
    let properties = object.entry("properties").or_insert_with(|| json!({}));
    if let Some(properties) = properties.as_object_mut() {
        properties.insert(name.to_owned(), schema.into());
    }
    let required = object.entry("required").or_insert_with(|| json!([]));
    if let Some(required) = required.as_array_mut() {
        required.retain(|other| other != name);
        required.push(name.into());
    }
}

/// An object with members that are always there.
pub(crate) fn object_with<const N: usize>(members: [(&'static str, Schema); N]) -> Schema {
    let mut object = schemars::json_schema!({"type": "object"});
    members.into_iter().for_each(|(name, schema)| add(&mut object, name, schema));
    object
}

/// A schema with a description of its own.
pub(crate) fn described(mut schema: Schema, description: &str) -> Schema {
    schema.insert("description".to_owned(), description.into());
    schema
}

/// A list of such things.
pub(crate) fn list_of(description: &str, item: &Schema) -> Schema {
    schemars::json_schema!({"description": description, "type": "array", "items": item})
}

/// The object as a JSON line, whose `type` says what it is.
pub(crate) fn typed(word: &str, mut object: Schema) -> Schema {
    let kind = schemars::json_schema!({"description": "What the line is.", "const": word});
    add(&mut object, "type", kind);
    object
}

/// The object without `type`, which only JSON lines have.
pub(crate) fn untyped(mut object: Schema) -> Schema {
    if let Some(properties) = object.get_mut("properties").and_then(Value::as_object_mut) {
        properties.remove("type");
    }
    object
}

/// The alternatives that a schema allows.
pub(crate) fn alternatives(schema: &Schema) -> Vec<Schema> {
    let all = schema.get("oneOf").and_then(Value::as_array).into_iter().flatten();
    all.filter_map(|one| Schema::try_from(one.clone()).ok()).collect()
}

/// The schema of a view: of the object of `--format json`, or of one line of `--format jsonl`.
pub(crate) fn emit(shown: Shown, lines: bool) -> io::Result<Vec<u8>> {
    let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let shapes = shown.shapes(&mut generator);
    let view = shapes.view;
    let (format, what) = if lines { ("jsonl", "a line of JSON lines") } else { ("json", "the JSON object") };
    let shape = if lines { shapes.line(&mut generator) } else { shapes.object(&mut generator) };
    let mut document = Map::from_iter([
        ("$schema".to_owned(), "https://json-schema.org/draft/2020-12/schema".into()),
        ("$id".to_owned(), format!("urn:netanalyze:{SCHEMA_VERSION}:{view}:{format}").into()),
        ("title".to_owned(), format!("netanalyze, {view}: {what}").into()),
    ]);
    let description = if lines {
        "Each line is an object whose `type` says what it is: a header first, a summary last if a capture was read."
    } else {
        "One object. Absolute times are strings of seconds since 1970; durations are integers of nanoseconds in keys that end in _ns."
    };
    let mut shape =
        Map::from_iter(shape.as_object().into_iter().flatten().map(|(k, v)| (k.clone(), v.clone())));
    shape.remove("description");
    document.extend(shape);
    document.insert("description".to_owned(), description.into());
    let definitions = generator.take_definitions(false);
    if !definitions.is_empty() {
        document.insert("$defs".to_owned(), definitions.into());
    }
    let mut document = Value::from(document);
    close::close(&mut document);
    let mut out = serde_json::to_vec_pretty(&document).map_err(io::Error::from)?;
    out.push(b'\n');
    Ok(out)
}

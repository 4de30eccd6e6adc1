//! `--dns`: a row a lookup.

use std::io;

use netanalyze_core::conversation::Met;
use netanalyze_core::field::AnalysedBatch;
use netanalyze_core::model::Timestamp;
use netanalyze_core::protocol::dns::{Lookup, Mismatch, Outcome, Rcode};
use netanalyze_core::protocol::message::Message;

use super::Rows;
use super::cells::{amount, clipped, dash, frames, names, shown, since, span, stream, text, time};
use crate::render::{escape, plain};
use crate::table::{Cell, Column, Heading, Table, Value, left, right};

/// The table.
#[derive(Debug, Default)]
pub(crate) struct Dns;

/// A lookup, and where.
pub(crate) struct Row<'b> {
    met: &'b Met,
    lookup: &'b Lookup,
}

impl Row<'_> {
    /// When it began: with the query, or with a response without one.
    fn start(&self) -> Timestamp {
        self.lookup.query.or(self.lookup.response).map_or(self.met.time, |moment| moment.time)
    }
}

/// A word for each outcome.
fn outcome(lookup: &Lookup) -> &'static str {
    match lookup.outcome {
        Outcome::Answered => "answered",
        Outcome::Unanswered => "unanswered",
        Outcome::Multicast => "multicast",
        Outcome::Unasked => "unasked",
        Outcome::Mismatched(Mismatch::Id) => "mismatched_id",
        Outcome::Mismatched(Mismatch::Question) => "mismatched_question",
        Outcome::Forgotten => "forgotten",
        Outcome::NotCaptured => "not_captured",
        _ => "other",
    }
}

/// A name; the root's is a dot.
fn name(bytes: &[u8]) -> Value<'_> {
    Some(Cell::Bytes(if bytes.is_empty() { b"." } else { bytes }))
}

/// What the answer came to, for people.
fn answer(lookup: &Lookup) -> String {
    let mut words = Vec::new();
    match (lookup.outcome, lookup.rcode) {
        (Outcome::Answered, None | Some(Rcode::NOERROR)) => {}
        (Outcome::Answered, Some(rcode)) => words.push(rcode.to_string()),
        (outcome, _) => words.push(outcome.to_string()),
    }
    if lookup.truncated {
        words.push("truncated".to_owned());
    }
    let quiet = words.is_empty();
    let mut found: Vec<String> = lookup.aliases.iter().map(|alias| format!("{} →", plain(alias))).collect();
    let addresses = lookup.addresses.iter().map(ToString::to_string);
    let names = lookup.names.iter().map(|name| plain(name).into_owned());
    let mut ends: Vec<String> = addresses.chain(names).collect();
    let more = ends.len().saturating_sub(MOST_ENDS);
    ends.truncate(MOST_ENDS);
    if !ends.is_empty() {
        found.push(ends.join(", "));
    }
    if more > 0 {
        found.push(format!("and {more} more"));
    }
    words.extend((!found.is_empty()).then(|| clipped(&found.join(" "))));
    words.extend(lookup.extended_errors.iter().map(|error| clipped(&escape(&error.to_string()))));
    if quiet && words.is_empty() {
        words.push(if lookup.has_no_data() { "no data".to_owned() } else { counted_records(lookup) });
    }
    words.join(", ")
}

/// Addresses and names that a line has room for.
const MOST_ENDS: usize = 3;

fn counted_records(lookup: &Lookup) -> String {
    crate::render::counted(lookup.answers.into(), "record", "records")
}

impl Table for Dns {
    type Row<'b> = Row<'b>;

    const VIEW: &'static str = "dns";
    const LINE: &'static str = "lookup";
    const ROWS: &'static str = "DNS lookups";

    const COLUMNS: &'static [Column<Self>] = &[
        ("protocol", |row| Some(Cell::Word(row.met.protocol.name()))),
        ("stream", |row| stream(row.met)),
        ("client", |row| Some(Cell::Endpoint(row.met.source))),
        ("server", |row| Some(Cell::Endpoint(row.met.destination))),
        ("service", |row| Some(Cell::Word(row.lookup.service.name()))),
        ("id", |row| amount(row.lookup.id.into())),
        ("opcode", |row| text(row.lookup.opcode)),
        ("name", |row| name(&row.lookup.name)),
        ("record_type", |row| text(row.lookup.kind)),
        ("class", |row| amount(row.lookup.class.into())),
        ("outcome", |row| Some(Cell::Word(outcome(row.lookup)))),
        ("rcode", |row| text(row.lookup.rcode?)),
        ("extended_errors", |row| {
            Some(Cell::List(row.lookup.extended_errors.iter().map(|e| Cell::Text(e.to_string())).collect()))
        }),
        ("authoritative", |row| {
            Some(Cell::Flag(row.lookup.authoritative)).filter(|_| row.lookup.responses > 0)
        }),
        ("truncated", |row| Some(Cell::Flag(row.lookup.truncated)).filter(|_| row.lookup.responses > 0)),
        ("answers", |row| amount(row.lookup.answers.into()).filter(|_| row.lookup.responses > 0)),
        ("aliases", |row| names(&row.lookup.aliases)),
        ("addresses", |row| {
            Some(Cell::List(row.lookup.addresses.iter().map(|&address| Cell::Address(address)).collect()))
        }),
        ("names", |row| names(&row.lookup.names)),
        ("ttl", |row| amount(row.lookup.ttl?.into())),
        ("start", |row| Some(Cell::Time(row.start()))),
        ("query_frame", |row| amount(row.lookup.query?.frame.0)),
        ("response_frame", |row| amount(row.lookup.response?.frame.0)),
        ("tries", |row| amount(row.lookup.queries.into())),
        ("responses", |row| amount(row.lookup.responses.into())),
        ("response_bytes", |row| amount(row.lookup.response_bytes).filter(|_| row.lookup.responses > 0)),
        ("latency_ns", |row| span(row.lookup.latency)),
        ("waited_ns", |row| span(row.lookup.waited)),
        ("left_out", |row| amount(row.lookup.left_out.into())),
    ];

    const HEADINGS: &'static [Heading] = &[
        left("stream"),
        left("client → server"),
        right("start"),
        right("tries"),
        right("latency"),
        left("type"),
        left("name"),
        left("answer"),
        left("frames"),
    ];

    fn line(row: &Row<'_>, capture_start: Timestamp) -> Vec<String> {
        let Row { met, lookup } = row;
        vec![
            super::cells::stream_words(met),
            format!("{} → {}", met.source, met.destination),
            since(row.start(), capture_start),
            if lookup.queries == 0 { dash() } else { lookup.queries.to_string() },
            time(lookup.latency),
            lookup.kind.to_string(),
            if lookup.name.is_empty() { ".".to_owned() } else { shown(&lookup.name) },
            answer(lookup),
            frames([lookup.query, lookup.response]),
        ]
    }
}

impl Rows for Dns {
    fn met<'r>(row: &'r Row<'_>) -> &'r Met {
        row.met
    }

    fn rows(
        &mut self,
        batch: &AnalysedBatch<'_>,
        list: &mut dyn FnMut(&Row<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        batch.messages.iter().try_for_each(|met| match &met.message {
            Message::Lookup(lookup) => list(&Row { met, lookup }),
            _ => Ok(()),
        })
    }
}

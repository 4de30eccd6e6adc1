//! `--streams`: a row a conversation.
//!
//! Rows are made one by one at the end of the run and written in pieces; only the order may need a key of every conversation.

mod column;
mod order;
mod text;

use std::io;
use std::sync::{Mutex, PoisonError};

use foldhash::fast::RandomState;
use hashbrown::HashSet;
use netanalyze_core::Filter;
use netanalyze_core::conversation::{Conversation, Conversations, Protocol};
use netanalyze_core::engine::{Interests, View};
use netanalyze_core::field::AnalysedBatch;
use netanalyze_core::report::{Report, SCHEMA_VERSION};
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;

pub(crate) use order::Order;

use crate::args::Format;
use crate::findings::{push_facts, push_list_end};
use crate::pick::{Conversation as ConversationKey, Look};
use crate::render::{counted, header_line, push_json, push_line, table};
use crate::run::Streamed;
use crate::schema::{Shapes, described};
use crate::summary::Summary;
use crate::table::{Lines, push_csv};
use column::{Column, columns};
use order::has_packets;
use text::{HEADINGS, cells};

/// Rows that are written at a time: enough for columns to be aligned over any table that a person reads.
const AT_A_TIME: usize = 4096;

/// The view.
pub(crate) struct Streams<'o> {
    order: Option<&'o Order>,
    limit: usize,
    format: Format,
    /// Tests frames, if not all conversations are listed; and those that matched.
    look: Option<Look<'o>>,
    matching: Mutex<HashSet<ConversationKey, RandomState>>,
    base: Interests,
    columns: Vec<Column>,
    listed: Mutex<Listed>,
}

/// What was listed of what there is.
#[derive(Clone, Copy, Debug, Default, Serialize, JsonSchema)]
struct Listed {
    /// Rows.
    shown: u64,
    /// Conversations beyond `--limit`.
    beyond_limit: u64,
    /// Conversations without a packet that matches the filter, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    without_match: Option<u64>,
    /// Stream numbers that no packet belongs to. Wireshark gives them to headers quoted in ICMP errors and to what a SOCKS proxy relays.
    without_packets: u64,
}

/// A conversation.
#[derive(Serialize, JsonSchema)]
struct Row<'c> {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    line: Option<&'static str>,
    #[serde(flatten)]
    conversation: &'c Conversation,
    /// A display filter that shows it in Wireshark.
    filter: String,
}

/// The summary line of JSON lines.
#[derive(Serialize)]
struct Closing<'r> {
    #[serde(flatten)]
    summary: Summary<'r>,
    rows: Listed,
}

/// What `--streams` writes for machines.
pub(crate) fn shapes(generator: &mut SchemaGenerator) -> Shapes {
    let row = Row::json_schema(generator);
    let rows = described(generator.subschema_for::<Listed>(), "What was listed of what there is.");
    Shapes::list("streams", "stream", row).with_member("rows", rows.clone()).with_summary("rows", rows)
}

impl<'o> Streams<'o> {
    /// At most `limit` rows in an order, or else in that of the stream numbers, TCP first.
    pub(crate) fn new(
        order: Option<&'o Order>,
        limit: Option<usize>,
        format: Format,
        filter: Option<&'o Filter>,
        base: Interests,
    ) -> Self {
        let limit = limit.unwrap_or(usize::MAX);
        let look = filter.map(|filter| Look::new(Some(filter), true, base.clone()));
        Streams {
            order,
            limit,
            format,
            look,
            matching: Mutex::default(),
            base,
            columns: columns(),
            listed: Mutex::default(),
        }
    }

    fn listed(&self) -> Listed {
        *self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn piece(&self, rows: &[Conversation], lines: &mut Lines, all: &Conversations) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        match self.format {
            Format::Text => {
                return Ok(lines.lines(rows.iter().map(|row| cells(row, all.capture_start()))));
            }
            Format::Csv => {
                return table(|writer| rows.iter().try_for_each(|row| self.write_record(writer, row)));
            }
            Format::Json => {
                for (place, conversation) in rows.iter().enumerate() {
                    out.extend_from_slice(if place > 0 { b",\n" } else { b"" });
                    push_json(&mut out, &Row { line: None, conversation, filter: conversation.filter() })?;
                }
            }
            Format::Jsonl => {
                for conversation in rows {
                    let filter = conversation.filter();
                    push_line(&mut out, &Row { line: Some("stream"), conversation, filter })?;
                }
            }
        }
        Ok(out)
    }

    fn write_record(&self, writer: &mut csv::Writer<&mut Vec<u8>>, c: &Conversation) -> csv::Result<()> {
        let mut cell = Vec::new();
        for column in &self.columns {
            cell.clear();
            push_csv(&mut cell, &column.value(c));
            writer.write_field(&*cell)?;
        }
        writer.write_record(None::<&[u8]>)
    }
}

impl View for Streams<'_> {
    type Piece = Vec<u8>;

    fn interests(&self) -> Interests {
        let base = self.look.as_ref().map_or_else(|| self.base.clone(), View::interests);
        Interests { books: true, ..base }
    }

    fn digest(&self, batch: &AnalysedBatch<'_>) -> Vec<u8> {
        if let Some(look) = &self.look {
            let looked = look.digest(batch);
            let of_matches = looked.conversations.iter().filter(|(index, _)| looked.matches(*index as usize));
            let of_matches = of_matches.map(|&(_, conversation)| conversation);
            self.matching.lock().unwrap_or_else(PoisonError::into_inner).extend(of_matches);
        }
        Vec::new()
    }

    fn ending(
        &self,
        conversations: &Conversations,
        deliver: &mut dyn FnMut(Vec<u8>) -> io::Result<()>,
    ) -> io::Result<()> {
        let (tcp, udp) = (conversations.count(Protocol::Tcp), conversations.count(Protocol::Udp));
        let numbered = u64::from(tcp) + u64::from(udp);
        let (mut lines, mut rows, mut with_packets) = (Lines::new(&HEADINGS), Vec::new(), 0_u64);
        let (matching, mut left_out) = (self.matching.lock().unwrap_or_else(PoisonError::into_inner), 0_u64);
        let mut take = |conversation: Conversation| {
            if self.look.is_some() && !matching.contains(&(conversation.protocol, conversation.stream)) {
                left_out += 1;
                return Ok(());
            }
            with_packets += 1;
            if with_packets <= self.limit as u64 {
                rows.push(conversation);
            }
            if rows.len() < AT_A_TIME {
                return Ok(());
            }
            let piece = self.piece(&rows, &mut lines, conversations)?;
            rows.clear();
            deliver(piece)
        };
        match self.order {
            None => conversations.iter().filter(has_packets).try_for_each(&mut take)?,
            Some(order) => {
                let sorted = order.sorted(conversations);
                let mut rest = sorted.into_iter().filter_map(|(protocol, n)| conversations.get(protocol, n));
                rest.try_for_each(&mut take)?;
            }
        }
        if !rows.is_empty() {
            deliver(self.piece(&rows, &mut lines, conversations)?)?;
        }
        drop(matching);
        let shown = with_packets.min(self.limit as u64);
        // The report has a note on those.
        let forgotten = [Protocol::Tcp, Protocol::Udp].map(|of| conversations.forgotten(of)).iter().sum();
        *self.listed.lock().unwrap_or_else(PoisonError::into_inner) = Listed {
            shown,
            beyond_limit: with_packets - shown,
            without_match: self.look.is_some().then_some(left_out),
            without_packets: numbered.saturating_sub(with_packets + left_out).saturating_sub(forgotten),
        };
        Ok(())
    }
}

impl Streamed for Streams<'_> {
    fn head(&self) -> Vec<u8> {
        match self.format {
            Format::Json => format!("{{\"schema_version\":{SCHEMA_VERSION},\"streams\":[\n").into_bytes(),
            Format::Jsonl => header_line("streams"),
            Format::Csv => {
                let names: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
                format!("{}\n", names.join(",")).into_bytes()
            }
            Format::Text => Vec::new(),
        }
    }

    fn joint(&self) -> &'static [u8] {
        if self.format == Format::Json { b",\n" } else { b"" }
    }

    fn tail(&self, report: &Report, written: bool) -> io::Result<Vec<u8>> {
        let (mut out, listed) = (Vec::new(), self.listed());
        match self.format {
            Format::Json => {
                push_list_end(&mut out, written);
                out.extend_from_slice(b"\"rows\":");
                push_json(&mut out, &listed)?;
                out.extend_from_slice(b",\n");
                push_facts(&mut out, report)?;
            }
            Format::Jsonl => push_line(&mut out, &Closing { summary: Summary::new(report), rows: listed })?,
            Format::Csv => {}
            Format::Text => {
                if !written {
                    let packets = counted(report.capture.packets, "packet", "packets");
                    let none = match listed.without_match {
                        Some(1..) => "no conversation has a packet that matches the filter".to_owned(),
                        _ => format!("no TCP or UDP conversations in {packets}"),
                    };
                    out.extend_from_slice(format!("{none}\n").as_bytes());
                }
                if listed.beyond_limit > 0 {
                    let left_out = counted(listed.beyond_limit, "conversation", "conversations");
                    out.extend_from_slice(format!("{left_out} more: --limit leaves them out\n").as_bytes());
                }
                if listed.without_packets > 0 {
                    let numbers = counted(listed.without_packets, "stream number", "stream numbers");
                    let why =
                        "without packets (quoted in ICMP errors, or relayed by a SOCKS proxy): not listed";
                    out.extend_from_slice(format!("{numbers} {why}\n").as_bytes());
                }
            }
        }
        Ok(out)
    }
}

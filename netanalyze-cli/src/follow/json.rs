//! JSON and JSON lines: an object a chunk, its bytes in base64.

use std::io;

use netanalyze_core::conversation::Protocol;
use netanalyze_core::model::Timestamp;
use netanalyze_core::report::{Report, SCHEMA_VERSION};
use netanalyze_core::tcp::reassembly::{Chunk, Counters};
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;

use super::Scribe;
use super::tape::{Parties, Speaker};
use crate::args::Format;
use crate::render::{header_line, push_json, push_line};
use crate::schema::{Shapes, alternatives, list_of, object_with, typed, untyped};
use crate::summary::Summary;

/// Objects, all in one or a line each.
pub(super) struct Objects {
    lines: bool,
    written: bool,
}

impl Objects {
    pub(super) fn new(format: Format) -> Self {
        Objects { lines: format == Format::Jsonl, written: false }
    }
}

/// The conversation that is shown.
#[derive(Serialize, JsonSchema)]
struct Conversation {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    /// What `stream` counts.
    #[schemars(with = "Protocol")]
    protocol: &'static str,
    /// `tcp.stream` or `udp.stream`.
    stream: u32,
    /// The end that opened: address and port.
    client: String,
    /// The other end.
    server: String,
}

/// What one end said, or what is missing of it.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Piece {
    /// Bytes that one frame brought.
    Data {
        /// Who sent them.
        #[schemars(extend("enum" = ["client", "server"]))]
        direction: &'static str,
        /// Their place in what that end sent, from 0.
        offset: u64,
        /// The frame.
        frame: u64,
        /// Its time.
        #[schemars(with = "Timestamp")]
        time: String,
        /// How many.
        bytes: u64,
        /// The bytes (RFC 4648 §4).
        base64: String,
    },
    /// Bytes that the capture lacks.
    Gap {
        /// Who sent them.
        #[schemars(extend("enum" = ["client", "server"]))]
        direction: &'static str,
        /// Their place in what that end sent, from 0.
        offset: u64,
        /// How many.
        bytes: u64,
        /// Why they are missing.
        #[schemars(extend("enum" = ["not_captured", "snapped", "abandoned"]))]
        reason: &'static str,
        /// The frame that goes on behind them, if one does.
        #[serde(skip_serializing_if = "Option::is_none")]
        before_frame: Option<u64>,
    },
}

impl Piece {
    fn new(speaker: Speaker, chunk: &Chunk<'_>) -> Self {
        let direction = speaker.name();
        match *chunk {
            Chunk::Data { offset, bytes, frame, time } => {
                let (frame, time, length, base64) =
                    (frame.0, time.to_string(), bytes.len() as u64, base64(bytes));
                Piece::Data { direction, offset, frame, time, bytes: length, base64 }
            }
            Chunk::Gap { offset, len, why, before } => {
                let before_frame = before.map(|frame| frame.0);
                Piece::Gap { direction, offset, bytes: len, reason: why.name(), before_frame }
            }
        }
    }
}

/// Bytes of one direction.
#[derive(Serialize, JsonSchema)]
struct Totals {
    /// Shown.
    delivered_bytes: u64,
    /// Missing as `not_captured`.
    not_captured_bytes: u64,
    /// Missing as `snapped`: cut off by the snapshot length.
    snapped_bytes: u64,
    /// Missing as `abandoned`: too much would have had to be held.
    abandoned_bytes: u64,
    /// Captured again, or after their place was given up.
    repeated_bytes: u64,
    /// Of these, those that differ from the earlier copy, as far as that was still held.
    conflicting_bytes: u64,
    /// Captured, but before the byte that was taken for the first.
    before_start_bytes: u64,
    /// Captured, but beyond the FIN or after the conversation's end.
    after_end_bytes: u64,
}

impl From<&Counters> for Totals {
    fn from(counters: &Counters) -> Self {
        Totals {
            delivered_bytes: counters.delivered,
            not_captured_bytes: counters.not_captured,
            snapped_bytes: counters.snapped,
            abandoned_bytes: counters.abandoned,
            repeated_bytes: counters.overlap,
            conflicting_bytes: counters.conflicting,
            before_start_bytes: counters.before_start,
            after_end_bytes: counters.after_end,
        }
    }
}

/// What became of the bytes of each direction.
#[derive(Serialize, JsonSchema)]
struct BothTotals {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    /// Of what the client sent.
    client: Totals,
    /// Of what the server sent.
    server: Totals,
}

/// What `--follow` writes for machines.
pub(crate) fn shapes(generator: &mut SchemaGenerator) -> Shapes {
    let (conversation, totals) = (Conversation::json_schema(generator), BothTotals::json_schema(generator));
    let chunks = Piece::json_schema(generator);
    let mut lines = alternatives(&chunks);
    lines.insert(0, typed("conversation", conversation.clone()));
    lines.push(typed("totals", totals.clone()));
    let members = [
        ("conversation", untyped(conversation)),
        ("chunks", list_of("What both ends said, in order.", &chunks)),
        ("totals", untyped(totals)),
    ];
    Shapes::new("follow", object_with(members), lines)
}

impl Scribe for Objects {
    fn head(&mut self, parties: &Parties, out: &mut Vec<u8>) -> io::Result<()> {
        let conversation = Conversation {
            kind: self.lines.then_some("conversation"),
            protocol: parties.protocol.name(),
            stream: parties.stream,
            client: parties.client.to_string(),
            server: parties.server.to_string(),
        };
        if self.lines {
            out.extend_from_slice(&header_line("follow"));
            return push_line(out, &conversation);
        }
        out.extend_from_slice(format!("{{\"schema_version\":{SCHEMA_VERSION},\"conversation\":").as_bytes());
        push_json(out, &conversation)?;
        out.extend_from_slice(b",\n\"chunks\":[\n");
        Ok(())
    }

    fn chunk(&mut self, speaker: Speaker, chunk: &Chunk<'_>, out: &mut Vec<u8>) -> io::Result<()> {
        let piece = Piece::new(speaker, chunk);
        if self.lines {
            return push_line(out, &piece);
        }
        if self.written {
            out.extend_from_slice(b",\n");
        }
        self.written = true;
        push_json(out, &piece)
    }

    fn tail(
        &mut self,
        [client, server]: &[Counters; 2],
        report: &Report,
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        let kind = self.lines.then_some("totals");
        let totals = BothTotals { kind, client: client.into(), server: server.into() };
        if self.lines {
            push_line(out, &totals)?;
            return push_line(out, &Summary::new(report));
        }
        out.extend_from_slice(if self.written { b"\n],\n\"totals\":" } else { b"],\n\"totals\":" });
        push_json(out, &totals)?;
        out.extend_from_slice(b",\n\"capture\":");
        push_json(out, &report.capture)?;
        out.extend_from_slice(b",\n\"notes\":");
        push_json(out, &report.notes)?;
        out.extend_from_slice(b"}\n");
        Ok(())
    }
}

/// RFC 4648 §4, with padding.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = (byte(0) << 16) | (byte(1) << 8) | byte(2);
        for place in 0..4 {
            let digit = ALPHABET.get((bits >> (18 - 6 * place)) as usize & 63).copied().unwrap_or(b'=');
            out.push(if place <= group.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_rfc_4648_section_10() {
        for (text, encoded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(text.as_bytes()), encoded);
        }
        assert_eq!(base64(&[0xfb, 0xff, 0xfe]), "+//+");
    }
}

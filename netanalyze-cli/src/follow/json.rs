//! JSON and JSON lines: an object a chunk, its bytes in base64.

use std::io;

use netanalyze_core::report::{Report, SCHEMA_VERSION};
use netanalyze_core::tcp::reassembly::{Chunk, Counters};
use serde::Serialize;

use super::Scribe;
use super::tape::{Parties, Speaker};
use crate::args::Format;
use crate::render::{header_line, push_json, push_line};
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

#[derive(Serialize)]
struct Conversation {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    protocol: &'static str,
    stream: u32,
    client: String,
    server: String,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Piece {
    Data {
        direction: &'static str,
        offset: u64,
        frame: u64,
        time: String,
        bytes: u64,
        base64: String,
    },
    Gap {
        direction: &'static str,
        offset: u64,
        bytes: u64,
        reason: &'static str,
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

#[derive(Serialize)]
struct Totals {
    delivered_bytes: u64,
    not_captured_bytes: u64,
    snapped_bytes: u64,
    abandoned_bytes: u64,
    repeated_bytes: u64,
    conflicting_bytes: u64,
    before_start_bytes: u64,
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

#[derive(Serialize)]
struct BothTotals {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    client: Totals,
    server: Totals,
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

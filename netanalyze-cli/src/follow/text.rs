//! The conversation for people: as text, or as hexadecimal dump. What a capture says stands indented, what we say does not, so that no
//! payload can pass itself off as a heading.

use std::io::{self, Write};

use netanalyze_core::conversation::Protocol;
use netanalyze_core::model::FrameNumber;
use netanalyze_core::report::Report;
use netanalyze_core::tcp::reassembly::{Chunk, Counters, Why};

use super::Scribe;
use super::tape::{Parties, Speaker};
use crate::render::{counted, grouped};

/// A gap in words, without its brackets.
pub(super) fn gap_words(len: u64, why: Why, before: Option<FrameNumber>) -> String {
    let bytes = if len == 1 { "byte" } else { "bytes" };
    let before = before.map_or(String::new(), |frame| format!(", before frame {frame}"));
    format!("{len} {bytes} missing: {}{before}", why.words())
}

/// Headings, gaps and totals, which both spellings share.
struct Page {
    parties: Option<Parties>,
    /// Each datagram has a heading of its own.
    heading_each: bool,
    speaker: Option<Speaker>,
}

impl Page {
    fn new(protocol: Protocol) -> Self {
        Page { parties: None, heading_each: protocol == Protocol::Udp, speaker: None }
    }

    fn head(&mut self, parties: &Parties, out: &mut Vec<u8>) -> io::Result<()> {
        self.parties = Some(*parties);
        let protocol = match parties.protocol {
            Protocol::Tcp => "TCP",
            Protocol::Udp => "UDP",
        };
        writeln!(out, "{protocol} conversation {}", parties.stream)?;
        writeln!(out, "client  {}", parties.client)?;
        writeln!(out, "server  {}", parties.server)
    }

    /// Whether a chunk needs a heading, because the other side spoke before it.
    fn turns(&self, speaker: Speaker, chunk: &Chunk<'_>) -> bool {
        self.speaker != Some(speaker) || (self.heading_each && matches!(chunk, Chunk::Data { .. }))
    }

    fn heading(&mut self, speaker: Speaker, chunk: &Chunk<'_>, out: &mut Vec<u8>) -> io::Result<()> {
        self.speaker = Some(speaker);
        write!(out, "\n{} → {}", speaker.name(), speaker.other().name())?;
        if let (Chunk::Data { frame, time, bytes, .. }, Some(parties)) = (chunk, &self.parties) {
            write!(out, ", frame {frame}, {} s", time.since(parties.capture_start))?;
            if bytes.is_empty() {
                write!(out, ", empty")?;
            }
        }
        writeln!(out)
    }

    fn tail(&self, [client, server]: &[Counters; 2], out: &mut Vec<u8>) -> io::Result<()> {
        writeln!(out)?;
        for (speaker, counters) in [(Speaker::Client, client), (Speaker::Server, server)] {
            writeln!(out, "{}  {}", speaker.name(), total_words(counters))?;
        }
        Ok(())
    }
}

fn total_words(counters: &Counters) -> String {
    let mut words = match counters.delivered {
        0 => "no payload".to_owned(),
        delivered => counted(delivered, "byte", "bytes"),
    };
    for (count, what) in [
        (counters.not_captured, "missing: not captured"),
        (counters.snapped, "missing: cut by the snapshot length"),
        (counters.abandoned, "missing: given up to keep memory bounded"),
        (counters.overlap, "captured again"),
        (counters.conflicting, "of these unlike the first copy"),
        (counters.before_start, "before the first"),
        (counters.after_end, "after the end"),
    ] {
        if count > 0 {
            words.push_str(&format!("; {} {what}", grouped(count)));
        }
    }
    words
}

/// Text. Line ends are kept as line ends, whether or not they come with a carriage return; tabs are kept; every other byte that is not
/// printable ASCII becomes `\xNN`, and a backslash two, so that what is escaped can be told from what was said.
pub(super) struct Ascii {
    page: Page,
    /// Something stands on the current line.
    line_open: bool,
    /// A carriage return was seen, and what follows it not yet.
    pending_return: bool,
}

impl Ascii {
    pub(super) fn new(protocol: Protocol) -> Self {
        Ascii { page: Page::new(protocol), line_open: false, pending_return: false }
    }

    fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        for &byte in bytes {
            if self.pending_return && byte != b'\n' {
                self.push_return(out);
            }
            self.pending_return = false;
            match byte {
                b'\n' => {
                    self.indent(out);
                    out.push(b'\n');
                    self.line_open = false;
                }
                b'\r' => self.pending_return = true,
                b'\\' => {
                    self.indent(out);
                    out.extend_from_slice(b"\\\\");
                }
                b'\t' | b' '..=b'~' => {
                    self.indent(out);
                    out.push(byte);
                }
                _ => {
                    self.indent(out);
                    out.extend_from_slice(&[b'\\', b'x', hex_digit(byte >> 4), hex_digit(byte)]);
                }
            }
        }
    }

    fn push_return(&mut self, out: &mut Vec<u8>) {
        self.indent(out);
        out.extend_from_slice(b"\\r");
        self.pending_return = false;
    }

    fn indent(&mut self, out: &mut Vec<u8>) {
        if !self.line_open {
            out.extend_from_slice(b"  ");
            self.line_open = true;
        }
    }

    /// Ends the line before something of ours.
    fn pause(&mut self, out: &mut Vec<u8>) {
        if self.pending_return {
            self.push_return(out);
        }
        if self.line_open {
            out.push(b'\n');
            self.line_open = false;
        }
    }
}

impl Scribe for Ascii {
    fn head(&mut self, parties: &Parties, out: &mut Vec<u8>) -> io::Result<()> {
        self.page.head(parties, out)
    }

    fn chunk(&mut self, speaker: Speaker, chunk: &Chunk<'_>, out: &mut Vec<u8>) -> io::Result<()> {
        if self.page.turns(speaker, chunk) {
            self.pause(out);
            self.page.heading(speaker, chunk, out)?;
        }
        match *chunk {
            Chunk::Data { bytes, .. } => self.push(bytes, out),
            Chunk::Gap { len, why, before, .. } => {
                self.pause(out);
                writeln!(out, "[{}]", gap_words(len, why, before))?;
            }
        }
        Ok(())
    }

    fn tail(&mut self, totals: &[Counters; 2], _: &Report, out: &mut Vec<u8>) -> io::Result<()> {
        self.pause(out);
        self.page.tail(totals, out)
    }
}

/// Bytes in a row of a dump.
const ROW: usize = 16;

/// A dump: offset in the direction, 16 bytes, the same as text. The server's rows stand further to the right.
pub(super) struct Hex {
    page: Page,
    row: Vec<u8>,
    /// Offset of the row's first byte.
    offset: u64,
}

impl Hex {
    pub(super) fn new(protocol: Protocol) -> Self {
        Hex { page: Page::new(protocol), row: Vec::with_capacity(ROW), offset: 0 }
    }

    /// Writes the row that has been begun.
    fn pause(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        if self.row.is_empty() {
            return Ok(());
        }
        out.extend_from_slice(if self.page.speaker == Some(Speaker::Server) { b"      " } else { b"  " });
        write!(out, "{:08x} ", self.offset)?;
        for place in 0..ROW {
            if place % 8 == 0 {
                out.push(b' ');
            }
            match self.row.get(place) {
                Some(&byte) => out.extend_from_slice(&[hex_digit(byte >> 4), hex_digit(byte), b' ']),
                None => out.extend_from_slice(b"   "),
            }
        }
        out.push(b' ');
        out.extend(self.row.iter().map(|byte| if matches!(byte, b' '..=b'~') { *byte } else { b'.' }));
        out.push(b'\n');
        self.offset += self.row.len() as u64;
        self.row.clear();
        Ok(())
    }
}

impl Scribe for Hex {
    fn head(&mut self, parties: &Parties, out: &mut Vec<u8>) -> io::Result<()> {
        self.page.head(parties, out)
    }

    fn chunk(&mut self, speaker: Speaker, chunk: &Chunk<'_>, out: &mut Vec<u8>) -> io::Result<()> {
        if self.page.turns(speaker, chunk) {
            self.pause(out)?;
            self.page.heading(speaker, chunk, out)?;
        }
        match *chunk {
            Chunk::Data { offset, bytes, .. } => {
                if self.row.is_empty() {
                    self.offset = offset;
                }
                let mut rest = bytes;
                while !rest.is_empty() {
                    let (part, after) = rest.split_at((ROW - self.row.len()).min(rest.len()));
                    self.row.extend_from_slice(part);
                    rest = after;
                    if self.row.len() == ROW {
                        self.pause(out)?;
                    }
                }
            }
            Chunk::Gap { len, why, before, .. } => {
                self.pause(out)?;
                writeln!(out, "[{}]", gap_words(len, why, before))?;
            }
        }
        Ok(())
    }

    fn tail(&mut self, totals: &[Counters; 2], _: &Report, out: &mut Vec<u8>) -> io::Result<()> {
        self.pause(out)?;
        self.page.tail(totals, out)
    }
}

fn hex_digit(bits: u8) -> u8 {
    match bits & 15 {
        digit @ 0..=9 => b'0' + digit,
        letter => b'a' + (letter - 10),
    }
}

#[cfg(test)]
mod tests {
    use netanalyze_core::model::Timestamp;

    use super::*;

    fn data(frame: u64, offset: u64, bytes: &[u8]) -> Chunk<'_> {
        Chunk::Data {
            offset,
            bytes,
            frame: FrameNumber(frame),
            time: Timestamp(5_000_000_000 + frame as i64 * 1_000_000),
        }
    }

    fn gap(offset: u64, len: u64, why: Why, before: Option<u64>) -> Chunk<'static> {
        Chunk::Gap { offset, len, why, before: before.map(FrameNumber) }
    }

    use Speaker::{Client, Server};

    fn page(mut scribe: impl Scribe, chunks: &[(Speaker, Chunk<'_>)]) -> String {
        let parties = Parties {
            protocol: Protocol::Tcp,
            stream: 3,
            client: "192.0.2.1:40000".parse().unwrap(),
            server: "[2001:db8::2]:80".parse().unwrap(),
            capture_start: Timestamp(5_000_000_000),
        };
        let mut out = Vec::new();
        scribe.head(&parties, &mut out).unwrap();
        for (speaker, chunk) in chunks {
            scribe.chunk(*speaker, chunk, &mut out).unwrap();
        }
        String::from_utf8(out).unwrap()
    }

    fn ascii(chunks: &[(Speaker, Chunk<'_>)]) -> String {
        let text = page(Ascii::new(Protocol::Tcp), chunks);
        text.split_once("2001:db8::2]:80\n").unwrap().1.to_owned()
    }

    #[test]
    fn turns_have_headings_and_gaps_their_place() {
        let text = page(
            Ascii::new(Protocol::Tcp),
            &[
                (Client, data(4, 0, b"GET /\r\n")),
                (Server, data(5, 0, b"one\ntw")),
                (Server, data(6, 6, b"o")),
                (Server, gap(7, 1, Why::Snapped, Some(9))),
                (Server, data(9, 8, b"three\n")),
                (Client, gap(7, 1460, Why::NotCaptured, None)),
            ],
        );
        let expected = "\
TCP conversation 3
client  192.0.2.1:40000
server  [2001:db8::2]:80

client → server, frame 4, 0.004000000 s
  GET /

server → client, frame 5, 0.005000000 s
  one
  two
[1 byte missing: cut by the snapshot length, before frame 9]
  three

client → server
[1460 bytes missing: not captured]
";
        assert_eq!(text, expected);
    }

    #[test]
    fn datagrams_have_a_heading_each() {
        let chunks =
            [(Client, data(1, 0, b"a")), (Client, data(2, 1, b"")), (Client, gap(1, 5, Why::Snapped, None))];
        let text = page(Ascii::new(Protocol::Udp), &chunks);
        assert!(text.ends_with(
            "\nclient → server, frame 1, 0.001000000 s\n  a\n\nclient → server, frame 2, 0.002000000 s, empty\n[5 bytes missing: cut by the snapshot length]\n"
        ));
    }

    #[test]
    fn nothing_in_a_payload_acts_on_the_terminal_or_looks_like_ours() {
        let text = ascii(&[(
            Client,
            data(1, 0, b"\x1b[2J\0a\tb\\ \xe2\x80\xae\x7f\n\n\xe2\x86\x92 server\n[1 byte missing]\n"),
        )]);
        assert_eq!(
            text,
            "\nclient → server, frame 1, 0.001000000 s\n  \\x1b[2J\\x00a\tb\\\\ \\xe2\\x80\\xae\\x7f\n  \n  \\xe2\\x86\\x92 server\n  [1 byte missing]\n"
        );
        // What looks like an escape was said like that.
        let text = ascii(&[(Client, data(1, 0, b"\\x00 \0"))]);
        assert_eq!(text.split_once(" s\n").unwrap().1, "  \\\\x00 \\x00");
        for byte in 0..=255_u8 {
            let text = ascii(&[(Client, data(1, 0, &[byte, b'x']))]);
            assert!(text.bytes().all(|b| b == b'\n' || b == b'\t' || !b.is_ascii_control()), "{byte:#x}");
        }
    }

    #[test]
    fn a_carriage_return_counts_with_what_follows_in_whatever_chunk() {
        for (chunks, expected) in [
            (&[&b"a\r"[..], b"\nb"][..], "  a\n  b"),
            (&[b"a\r", b"b"], "  a\\rb"),
            (&[b"a\r", b"\r\n"], "  a\\r\n"),
            (&[b"\r\n\r\n"], "  \n  \n"),
        ] {
            let chunks: Vec<_> = chunks.iter().map(|bytes| (Client, data(1, 0, bytes))).collect();
            let text = ascii(&chunks);
            assert_eq!(text.split_once(" s\n").unwrap().1, expected);
        }
        let text = ascii(&[(Client, data(1, 0, b"a\r")), (Server, data(2, 0, b"\nb"))]);
        assert!(text.contains("  a\\r\n\nserver → client"), "{text}");
    }

    #[test]
    fn a_dump_has_whole_rows_across_frames() {
        let text = page(
            Hex::new(Protocol::Tcp),
            &[
                (Client, data(1, 0, b"0123456789")),
                (Client, data(2, 10, b"abcdefgh\n")),
                (Client, gap(19, 2, Why::NotCaptured, Some(3))),
                (Client, data(3, 0x1_0000_0000, b"z")),
                (Server, data(4, 0, b"\xff")),
            ],
        );
        let expected = "
client → server, frame 1, 0.001000000 s
  00000000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  0123456789abcdef
  00000010  67 68 0a                                          gh.
[2 bytes missing: not captured, before frame 3]
  100000000  7a                                                z

server → client, frame 4, 0.004000000 s
";
        assert!(text.ends_with(expected), "{text}");
    }

    #[test]
    fn totals_say_what_it_came_to() {
        let mut counters = Counters::default();
        counters.delivered = 1234;
        counters.not_captured = 5;
        counters.overlap = 7;
        counters.conflicting = 2;
        counters.before_start = 1;
        assert_eq!(
            total_words(&counters),
            "1,234 bytes; 5 missing: not captured; 7 captured again; 2 of these unlike the first copy; 1 before the first"
        );
        assert_eq!(total_words(&Counters::default()), "no payload");
    }
}

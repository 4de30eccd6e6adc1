//! Fields of the TCP header.

use super::Value;
use super::analysed::TransportVerdict;
use super::registry::{Field, FieldType, Source};
use crate::model::Span;
use crate::packet::tcp_option::{self, TcpOptions};
use crate::packet::{Origin, Transport};
use crate::tcp::{Shown, Verdict};

/// A TCP header with its verdict. The verdict is missing where fewer than 16 bytes were captured.
pub(super) struct TcpLayer<'a> {
    pub(super) transport: &'a Transport<'a>,
    pub(super) stream: Option<u32>,
    pub(super) verdict: Option<&'a Verdict>,
    /// The options, parsed at most once, and only if a field of the selection asks.
    options: std::cell::OnceCell<Option<TcpOptions>>,
}

type Out<'o> = &'o mut Vec<Value>;

impl<'a> TcpLayer<'a> {
    pub(super) fn new(transport: &'a Transport<'a>, found: Option<&'a TransportVerdict>) -> Self {
        let (stream, verdict) = match found {
            Some(TransportVerdict::Tcp(stream, verdict)) => (*stream, Some(verdict)),
            _ => (None, None),
        };
        TcpLayer { transport, stream, verdict, options: std::cell::OnceCell::new() }
    }

    pub(super) fn byte(&self, at: usize) -> Option<u8> {
        self.transport.bytes.get(at).copied()
    }

    pub(super) fn word(&self, at: usize) -> Option<u16> {
        self.transport.bytes.get(at..)?.first_chunk().map(|&b| u16::from_be_bytes(b))
    }

    /// Of a cut header both ports are shown or none, as Wireshark 4.0 does.
    fn source_port(&self) -> Option<u16> {
        self.word(0).filter(|_| self.word(2).is_some())
    }

    fn long(&self, at: usize) -> Option<u32> {
        self.transport.bytes.get(at..)?.first_chunk().map(|&b| u32::from_be_bytes(b))
    }

    fn shown(&self) -> Shown {
        self.verdict.map_or(Shown::default(), |v| v.shown)
    }

    fn header_len(&self) -> Option<u32> {
        self.byte(12).filter(|_| self.verdict.is_some()).map(|b| u32::from(b >> 4) * 4)
    }

    /// The twelve flag bits, where they are shown.
    pub(super) fn flags(&self) -> Option<u16> {
        self.word(12).map(|w| w & 0xfff).filter(|_| self.shown().events)
    }

    fn payload_len(&self) -> Option<u32> {
        self.shown().len.then(|| self.transport.reported.saturating_sub(self.header_len().unwrap_or(0)))
    }

    /// What was captured of the payload, if there is any and its length is known.
    fn payload(&self) -> Option<&[u8]> {
        let len = self.payload_len().filter(|&len| len > 0)? as usize;
        let payload = self.transport.bytes.get(self.header_len()? as usize..)?;
        Some(payload.get(..len).unwrap_or(payload)).filter(|payload| !payload.is_empty())
    }

    /// Of a header with fewer than 16 bytes, Wireshark shows the number only where an ICMP error quotes it: 8 bytes are all there is.
    fn seq(&self) -> Option<u32> {
        let raw = self.long(4)?;
        match self.verdict {
            Some(v) if v.shown.relative => Some(raw.wrapping_sub(v.seq_base)),
            Some(_) => Some(raw),
            None => Some(raw).filter(|_| self.transport.origin == Origin::QuotedIcmp),
        }
    }

    fn ack(&self) -> Option<u32> {
        let raw = self.long(8)?;
        let ack_flag = self.byte(13)? & 0x10 != 0;
        let verdict = self.verdict.filter(|v| v.shown.events)?;
        Some(if verdict.shown.relative && ack_flag { raw.wrapping_sub(verdict.ack_base) } else { raw })
    }

    fn window(&self) -> Option<u16> {
        self.word(14).filter(|_| self.shown().events)
    }

    fn options(&self) -> Option<&TcpOptions> {
        let parse = || {
            // A cut option area shows the options before the cut.
            let area_len = (self.header_len()? as usize).checked_sub(20)?;
            let captured = self.transport.bytes.get(20..)?;
            Some(match captured.get(..area_len) {
                Some(area) => tcp_option::parse(area),
                None => tcp_option::parse_cut(captured, area_len),
            })
        };
        self.options.get_or_init(parse).as_ref()
    }
}

fn unsigned(value: Option<impl Into<u64>>, out: Out<'_>) {
    out.extend(value.map(|v| Value::Unsigned(v.into())));
}

fn time(span: Option<Span>, out: Out<'_>) {
    out.extend(span.map(Value::Time));
}

fn flag(layer: &TcpLayer<'_>, mask: u16, out: Out<'_>) {
    out.extend(layer.flags().map(|f| Value::Bool(f & mask != 0)));
}

macro_rules! field {
    ($name:literal $kind:ident $meaning:literal, $read:expr) => {
        Field { name: $name, kind: FieldType::$kind, meaning: $meaning, source: Source::Tcp($read) }
    };
}

pub(super) static FIELDS: &[Field] = &[
    field!("tcp.srcport" Unsigned "Source port", |l, out| unsigned(l.source_port(), out)),
    field!("tcp.dstport" Unsigned "Destination port", |l, out| unsigned(l.word(2), out)),
    field!("tcp.port" Unsigned "Source and destination port", |l, out| {
        unsigned(l.source_port(), out);
        unsigned(l.word(2), out);
    }),
    field!("tcp.stream" Unsigned "Conversation number, from 0", |l, out| unsigned(l.stream, out)),
    field!("tcp.completeness" Unsigned "Parts of the conversation seen before this packet: 1 SYN, 2 SYN-ACK, 4 ACK, 8 data, 16 FIN, 32 RST", |l, out| {
        unsigned(l.verdict.map(|v| v.completeness), out);
    }),
    field!("tcp.len" Unsigned "Payload bytes on the wire", |l, out| unsigned(l.payload_len(), out)),
    field!("tcp.seq" Unsigned "Sequence number, relative", |l, out| unsigned(l.seq(), out)),
    field!("tcp.seq_raw" Unsigned "Sequence number field", |l, out| {
        unsigned(l.long(4).filter(|_| l.verdict.is_some() && l.transport.origin != Origin::QuotedIcmp), out);
    }),
    field!("tcp.nxtseq" Unsigned "Relative sequence number after this segment", |l, out| {
        let control = l.flags().map_or(0, |f| u32::from(f & 3 != 0));
        let next = l.seq().filter(|_| l.shown().events).zip(l.payload_len()).map(|(seq, len)| seq.wrapping_add(len).wrapping_add(control));
        unsigned(next, out);
    }),
    field!("tcp.ack" Unsigned "Acknowledgment number, relative", |l, out| unsigned(l.ack(), out)),
    field!("tcp.ack_raw" Unsigned "Acknowledgment number field", |l, out| unsigned(l.long(8).filter(|_| l.shown().events), out)),
    field!("tcp.hdr_len" Unsigned "Header length in bytes", |l, out| unsigned(l.header_len(), out)),
    field!("tcp.flags" Unsigned "The twelve flag bits", |l, out| out.extend(l.flags().map(|f| Value::Hex(u64::from(f), 4)))),
    field!("tcp.flags.ae" Boolean "Accurate ECN", |l, out| flag(l, 0x100, out)),
    field!("tcp.flags.cwr" Boolean "Congestion window reduced", |l, out| flag(l, 0x80, out)),
    field!("tcp.flags.ece" Boolean "ECN echo", |l, out| flag(l, 0x40, out)),
    field!("tcp.flags.urg" Boolean "Urgent", |l, out| flag(l, 0x20, out)),
    field!("tcp.flags.ack" Boolean "Acknowledgment", |l, out| flag(l, 0x10, out)),
    field!("tcp.flags.push" Boolean "Push", |l, out| flag(l, 0x08, out)),
    field!("tcp.flags.reset" Boolean "Reset", |l, out| flag(l, 0x04, out)),
    field!("tcp.flags.syn" Boolean "Synchronize", |l, out| flag(l, 0x02, out)),
    field!("tcp.flags.fin" Boolean "Finish", |l, out| flag(l, 0x01, out)),
    field!("tcp.window_size_value" Unsigned "Window field", |l, out| unsigned(l.window(), out)),
    field!("tcp.window_size" Unsigned "Window in bytes, scaled where the scale is known", |l, out| {
        let scaled = l.window().zip(l.verdict).map(|(window, v)| {
            let syn = l.flags().is_some_and(|f| f & 2 != 0);
            if syn || !v.shown.relative { u32::from(window) } else { v.scale.apply(window) }
        });
        unsigned(scaled, out);
    }),
    field!("tcp.window_size_scalefactor" Signed "Window scale factor; −1 unknown, −2 not used", |l, out| {
        let syn = l.flags().is_none_or(|f| f & 2 != 0);
        out.extend(l.verdict.filter(|_| !syn).map(|v| Value::Signed(i64::from(v.scale.factor()))));
    }),
    field!("tcp.checksum" Unsigned "Checksum field", |l, out| {
        out.extend(l.word(16).filter(|_| l.shown().events).map(|c| Value::Hex(u64::from(c), 4)));
    }),
    field!("tcp.urgent_pointer" Unsigned "Urgent pointer", |l, out| unsigned(l.word(18).filter(|_| l.shown().events), out)),
    field!("tcp.time_relative" RelativeTime "Time since the conversation's first packet", |l, out| {
        time(l.verdict.filter(|v| v.shown.times).map(|v| v.time_relative), out);
    }),
    field!("tcp.time_delta" RelativeTime "Time since the conversation's previous packet", |l, out| {
        time(l.verdict.filter(|v| v.shown.times).map(|v| v.time_delta), out);
    }),
    field!("tcp.options.mss_val" Unsigned "Maximum segment size", |l, out| unsigned(l.options().and_then(|o| o.mss), out)),
    field!("tcp.options.wscale.shift" Unsigned "Window-scale shift", |l, out| unsigned(l.options().and_then(|o| o.window_shift), out)),
    field!("tcp.options.sack_perm" Protocol "SACK is permitted", |l, out| out.extend(l.options().filter(|o| o.sack_permitted).map(|_| Value::Present))),
    field!("tcp.payload" Bytes "Payload captured", |l, out| out.extend(l.payload().map(|bytes| Value::Raw(bytes.into())))),
    field!("tcp.options.sack_le" Unsigned "Left edges of the SACK blocks, relative", |l, out| {
        let base = l.verdict.filter(|v| v.shown.relative).map_or(0, |v| v.ack_base);
        let blocks = l.options().map_or(&[][..], |o| o.sack());
        out.extend(blocks.iter().map(|b| Value::Unsigned(u64::from(b.left.wrapping_sub(base)))));
    }),
    field!("tcp.options.sack_re" Unsigned "Right edges of the SACK blocks, relative", |l, out| {
        let base = l.verdict.filter(|v| v.shown.relative).map_or(0, |v| v.ack_base);
        let blocks = l.options().map_or(&[][..], |o| o.sack());
        out.extend(blocks.iter().map(|b| Value::Unsigned(u64::from(b.right.wrapping_sub(base)))));
    }),
    field!("tcp.options.timestamp.tsval" Unsigned "Time stamp value", |l, out| {
        unsigned(l.options().and_then(|o| o.timestamps).map(|t| t.value), out);
    }),
    field!("tcp.options.timestamp.tsecr" Unsigned "Time stamp echo reply", |l, out| {
        unsigned(l.options().and_then(|o| o.timestamps).map(|t| t.echo), out);
    }),
];

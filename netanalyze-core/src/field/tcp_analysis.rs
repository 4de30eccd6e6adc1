//! Fields of the sequence analysis and of the connection's events.

use super::Value;
use super::registry::{Field, FieldType, Source};
use super::tcp::TcpLayer;
use crate::model::{FrameNumber, Span};
use crate::tcp::{Analysis, Flags};

type Out<'o> = &'o mut Vec<Value>;

/// The analysis record, where it is shown.
fn record<'a>(layer: &TcpLayer<'a>) -> Option<&'a Analysis> {
    layer.verdict.filter(|v| v.shown.analysis).and_then(|v| v.analysis.as_ref())
}

fn flagged(layer: &TcpLayer<'_>, any_of: Flags, out: Out<'_>) {
    if layer.verdict.is_some_and(|v| v.flags.intersects(any_of)) {
        out.push(Value::Present);
    }
}

fn frame(number: Option<FrameNumber>, out: Out<'_>) {
    out.extend(number.filter(|n| n.0 != 0).map(|n| Value::Unsigned(n.0)));
}

fn time(span: Option<Span>, out: Out<'_>) {
    out.extend(span.filter(|s| s.0 != 0).map(Value::Time));
}

fn bytes(value: Option<u32>, out: Out<'_>) {
    out.extend(value.filter(|&v| v != 0).map(|v| Value::Unsigned(u64::from(v))));
}

/// A plain retransmission, whose timer is known: fast and spurious ones show none.
fn timed_out<'a>(layer: &TcpLayer<'a>) -> Option<&'a Analysis> {
    record(layer).filter(|r| r.flags.has(Flags::RETRANSMISSION) && r.rto.0 != 0)
}

fn duplicate<'a>(layer: &TcpLayer<'a>) -> Option<&'a Analysis> {
    record(layer).filter(|r| r.flags.has(Flags::DUPLICATE_ACK))
}

macro_rules! flag {
    ($name:literal $flags:expr, $meaning:literal) => {
        Field {
            name: $name,
            kind: FieldType::None,
            meaning: $meaning,
            source: Source::Tcp(|l, out| flagged(l, $flags, out)),
        }
    };
}

macro_rules! figure {
    ($name:literal $kind:ident $meaning:literal, $read:expr) => {
        Field { name: $name, kind: FieldType::$kind, meaning: $meaning, source: Source::Tcp($read) }
    };
}

pub(super) static FIELDS: &[Field] = &[
    figure!("tcp.analysis" None "The packet has an analysis record", |l, out| out.extend(record(l).map(|_| Value::Present))),
    figure!("tcp.analysis.acks_frame" FrameNumber "Frame that this packet acknowledges", |l, out| frame(record(l).map(|r| r.acked_frame), out)),
    figure!("tcp.analysis.ack_rtt" RelativeTime "Time since that frame", |l, out| time(record(l).map(|r| r.ack_rtt), out)),
    figure!("tcp.analysis.initial_rtt" RelativeTime "Round-trip time of the handshake", |l, out| {
        time(record(l).and(l.verdict).map(|v| v.initial_rtt), out);
    }),
    figure!("tcp.analysis.bytes_in_flight" Unsigned "Bytes sent and not acknowledged", |l, out| bytes(record(l).map(|r| r.bytes_in_flight), out)),
    figure!("tcp.analysis.push_bytes_sent" Unsigned "Bytes since the last PSH", |l, out| {
        bytes(record(l).filter(|r| r.bytes_in_flight != 0).map(|r| r.push_bytes), out);
    }),
    figure!("tcp.analysis.rto" RelativeTime "Time since the segment whose acknowledgement did not come", |l, out| time(timed_out(l).map(|r| r.rto), out)),
    figure!("tcp.analysis.rto_frame" FrameNumber "Frame of that segment", |l, out| frame(timed_out(l).map(|r| r.rto_frame), out)),
    figure!("tcp.analysis.duplicate_ack" None "Duplicate ACK", |l, out| {
        // Wireshark 4.0 shows it twice: as an item of its own, and as an expert.
        if duplicate(l).is_some() {
            out.extend([Value::Present, Value::Present]);
        }
    }),
    figure!("tcp.analysis.duplicate_ack_num" Unsigned "Which duplicate in a row, from 1", |l, out| {
        out.extend(duplicate(l).map(|r| Value::Unsigned(u64::from(r.duplicate_ack_number))));
    }),
    figure!("tcp.analysis.duplicate_ack_frame" FrameNumber "Frame that it repeats", |l, out| {
        out.extend(duplicate(l).map(|r| Value::Unsigned(r.duplicate_ack_frame.0)));
    }),
    flag!("tcp.analysis.flags" Flags::SEQUENCE, "The analysis flags something"),
    flag!("tcp.analysis.retransmission" Flags::ANY_RETRANSMISSION, "Retransmission of any kind"),
    flag!("tcp.analysis.fast_retransmission" Flags::FAST_RETRANSMISSION, "Fast retransmission"),
    flag!("tcp.analysis.spurious_retransmission" Flags::SPURIOUS_RETRANSMISSION, "Spurious retransmission"),
    flag!("tcp.analysis.out_of_order" Flags::OUT_OF_ORDER, "Out of order"),
    flag!("tcp.analysis.lost_segment" Flags::LOST_SEGMENT, "Previous segment not captured"),
    flag!("tcp.analysis.ack_lost_segment" Flags::ACK_LOST_SEGMENT, "ACKed segment not captured"),
    flag!("tcp.analysis.window_update" Flags::WINDOW_UPDATE, "Window update"),
    flag!("tcp.analysis.window_full" Flags::WINDOW_FULL, "Window full"),
    flag!("tcp.analysis.keep_alive" Flags::KEEP_ALIVE, "Keep-alive"),
    flag!("tcp.analysis.keep_alive_ack" Flags::KEEP_ALIVE_ACK, "Answer to a keep-alive"),
    flag!("tcp.analysis.zero_window" Flags::ZERO_WINDOW, "Zero window"),
    flag!("tcp.analysis.zero_window_probe" Flags::ZERO_WINDOW_PROBE, "Zero-window probe"),
    flag!("tcp.analysis.zero_window_probe_ack" Flags::ZERO_WINDOW_PROBE_ACK, "Answer to a zero-window probe"),
    flag!("tcp.analysis.reused_ports" Flags::REUSED_PORTS, "A new connection on ports used before"),
    flag!("tcp.analysis.tfo_syn" Flags::TFO_SYN, "SYN with a Fast Open cookie"),
    flag!("tcp.analysis.tfo_ack" Flags::TFO_ACK, "Fast Open data accepted"),
    flag!("tcp.analysis.tfo_ignored" Flags::TFO_IGNORED, "Fast Open data ignored"),
    flag!("tcp.connection.syn" Flags::SYN, "SYN without ACK"),
    flag!("tcp.connection.synack" Flags::SYN_ACK, "SYN with ACK"),
    flag!("tcp.connection.fin" Flags::FIN, "FIN"),
    flag!("tcp.connection.fin_active" Flags::FIN_ACTIVE, "FIN of the side that closed first"),
    flag!("tcp.connection.fin_passive" Flags::FIN_PASSIVE, "FIN of the other side"),
    flag!("tcp.connection.rst" Flags::RST, "RST"),
    flag!("tcp.short_segment" Flags::SHORT_SEGMENT, "Segment shorter than its header"),
    flag!("tcp.bogus_header_length" Flags::BOGUS_HEADER_LENGTH, "Header length below 20"),
    flag!("tcp.ack.nonzero" Flags::ACK_NONZERO, "Acknowledgment number without ACK flag"),
    flag!("tcp.urgent_pointer.non_zero" Flags::URGENT_POINTER, "Urgent pointer without URG flag"),
    flag!("tcp.option.len.invalid" Flags::OPTION_LENGTH, "Option of wrong length"),
    flag!("tcp.options.sack.dsack" Flags::DUPLICATE_SACK, "D-SACK"),
    flag!("tcp.options.wscale.shift.invalid" Flags::WINDOW_SCALE_SHIFT, "Window-scale shift above 14"),
    flag!("tcp.options.mss.absent" Flags::MSS_ABSENT, "SYN with options but without MSS"),
    flag!("tcp.options.mss.present" Flags::MSS_PRESENT, "MSS on a segment without SYN"),
    flag!("tcp.nop" Flags::NOPS, "Four NOPs in a row"),
    flag!("tcp.non_zero_bytes_after_eol" Flags::AFTER_END_OF_OPTIONS, "Bytes after the end of options"),
    flag!("tcp.suboption_malformed" Flags::SACK_TRUNCATED, "Truncated SACK block"),
];

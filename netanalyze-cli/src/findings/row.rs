//! A finding as machines read it. Written straight into the batch's piece: a busy capture has findings by the hundred thousand.

use std::io::{self, Write};
use std::net::SocketAddr;

use netanalyze_core::conversation::Protocol;
use netanalyze_core::expert::{Detail, Finding};
use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::{End, is_portless};
use crate::render::{guarded, push_ipv4, push_json, push_seconds, push_signed, push_string, push_unsigned};
use crate::table::{Shape, object_of};

/// Columns of the CSV, and what every JSON object has: name, what it can hold, what it means.
pub(super) const COLUMNS: [(&str, Shape, &str); 12] = [
    ("id", Shape::Text, "Kind of finding, as `--explain` knows it."),
    ("severity", Shape::Word(&["chat", "note", "warn", "error"]), "How much it matters."),
    (
        "group",
        Shape::Word(&["sequence", "protocol", "malformed", "response", "security"]),
        "What kind of trouble it is, in Wireshark's groups.",
    ),
    ("frame", Shape::Number, "The frame that it is about."),
    ("known_at", Shape::Number, "The frame with which it became known."),
    (
        "time",
        Shape::Time,
        "Time of the frame; of a finding about a whole conversation the earliest or the latest time of its packets.",
    ),
    ("protocol", Shape::Maybe(&Shape::Word(&["tcp", "udp"])), "Whose streams `stream` counts."),
    (
        "stream",
        Shape::Maybe(&Shape::Number),
        "`tcp.stream` or `udp.stream`; null where there is no conversation.",
    ),
    (
        "source",
        Shape::Text,
        "Source of the packet, of an ICMP error that of the packet that it quotes: address and port, or where there are no ports the address.",
    ),
    ("destination", Shape::Text, "Destination of the packet, in the same way."),
    ("message", Shape::Text, "What happened, in a sentence for people. Programs should read the figures."),
    ("filter", Shape::Text, "A display filter that shows the frame in Wireshark."),
];

/// A finding as JSON has it: the common keys, and beside them the figures of its kind.
pub(super) fn schema(generator: &mut SchemaGenerator) -> Schema {
    let mut object = object_of(COLUMNS);
    // The figures are alternatives: what none of them knows is refused.
    for (key, figures) in Detail::json_schema(generator).as_object().into_iter().flatten() {
        object.insert(key.clone(), figures.clone());
    }
    object.insert("description".to_owned(), "A finding. Which figures it has depends on its kind.".into());
    object
}

/// Appends a finding as a JSON object; the figures of its kind follow flat. `line` says the type of a JSON line.
///
/// Keys are written together with the marks around them: few copies, of lengths that the compiler knows.
pub(super) fn push_object(out: &mut Vec<u8>, finding: &Finding, line: Option<&str>) -> io::Result<()> {
    let kind = finding.kind();
    match line {
        None => out.extend_from_slice(b"{\"id\":\""),
        Some(line) => {
            out.extend_from_slice(b"{\"type\":\"");
            out.extend_from_slice(line.as_bytes());
            out.extend_from_slice(b"\",\"id\":\"");
        }
    }
    // Ids, severities, groups and protocols need no escaping.
    out.extend_from_slice(kind.id.as_bytes());
    out.extend_from_slice(b"\",\"severity\":\"");
    out.extend_from_slice(kind.severity.name().as_bytes());
    out.extend_from_slice(b"\",\"group\":\"");
    out.extend_from_slice(kind.group.word().as_bytes());
    out.extend_from_slice(b"\",\"frame\":");
    push_unsigned(out, finding.frame.0);
    out.extend_from_slice(b",\"known_at\":");
    push_unsigned(out, finding.known_at.0);
    out.extend_from_slice(b",\"time\":\"");
    push_seconds(out, finding.time.0);
    out.extend_from_slice(b"\",\"protocol\":");
    match finding.protocol {
        Some(protocol) => {
            out.push(b'"');
            out.extend_from_slice(protocol.name().as_bytes());
            out.push(b'"');
        }
        None => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(b",\"stream\":");
    match finding.stream {
        Some(stream) => push_unsigned(out, u64::from(stream)),
        None => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(b",\"source\":\"");
    push_endpoint(out, finding, finding.source);
    out.extend_from_slice(b"\",\"destination\":\"");
    push_endpoint(out, finding, finding.destination);
    out.extend_from_slice(b"\",\"message\":");
    push_string(out, &finding.message())?;
    out.extend_from_slice(b",\"filter\":\"");
    push_filter(out, finding);
    out.push(b'"');
    push_figures(out, &finding.detail)?;
    out.push(b'}');
    Ok(())
}

/// Appends the figures as members of an object that is under way: what serde makes of them, the kinds that lossy captures are full of by hand.
fn push_figures(out: &mut Vec<u8>, detail: &Detail) -> io::Result<()> {
    match *detail {
        Detail::Segment { seq, payload_bytes, syn, fin, rto_frame, rto } => {
            out.extend_from_slice(b",\"seq\":");
            push_unsigned(out, u64::from(seq));
            out.extend_from_slice(b",\"payload_bytes\":");
            push_unsigned(out, u64::from(payload_bytes));
            out.extend_from_slice(if syn { b",\"syn\":true," } else { b",\"syn\":false," });
            out.extend_from_slice(if fin { b"\"fin\":true," } else { b"\"fin\":false," });
            out.extend_from_slice(b"\"rto_frame\":");
            push_unsigned(out, rto_frame.0);
            out.extend_from_slice(b",\"rto_ns\":");
            push_signed(out, rto.0);
        }
        Detail::Missing { seq, missing_bytes } => {
            out.extend_from_slice(b",\"seq\":");
            push_unsigned(out, u64::from(seq));
            out.extend_from_slice(b",\"missing_bytes\":");
            push_unsigned(out, u64::from(missing_bytes));
        }
        Detail::DuplicateAck { ack, number, of_frame } => {
            out.extend_from_slice(b",\"ack\":");
            push_unsigned(out, u64::from(ack));
            out.extend_from_slice(b",\"number\":");
            push_unsigned(out, u64::from(number));
            out.extend_from_slice(b",\"of_frame\":");
            push_unsigned(out, of_frame.0);
        }
        _ => {
            // An object of its own: it is opened up and continues this one.
            let figures = out.len();
            push_json(out, detail)?;
            out.pop();
            if out.len() == figures + 1 {
                out.pop();
            } else if let Some(brace) = out.get_mut(figures) {
                *brace = b',';
            }
        }
    }
    Ok(())
}

/// Writes a finding as a CSV record. `cell` is room that is used again from cell to cell.
pub(super) fn write_record(
    writer: &mut csv::Writer<&mut Vec<u8>>,
    finding: &Finding,
    cell: &mut Vec<u8>,
) -> csv::Result<()> {
    let kind = finding.kind();
    writer.write_field(&*guarded(kind.id))?;
    writer.write_field(kind.severity.name())?;
    writer.write_field(kind.group.word())?;
    let mut filled = |fill: &dyn Fn(&mut Vec<u8>)| {
        cell.clear();
        fill(cell);
        writer.write_field(&*cell)
    };
    filled(&|cell| push_unsigned(cell, finding.frame.0))?;
    filled(&|cell| push_unsigned(cell, finding.known_at.0))?;
    filled(&|cell| push_seconds(cell, finding.time.0))?;
    filled(&|cell| cell.extend_from_slice(finding.protocol.map_or("", Protocol::name).as_bytes()))?;
    filled(&|cell| finding.stream.iter().for_each(|&stream| push_unsigned(cell, u64::from(stream))))?;
    // An endpoint begins with a digit or a bracket: no spreadsheet takes it for a formula.
    filled(&|cell| push_endpoint(cell, finding, finding.source))?;
    filled(&|cell| push_endpoint(cell, finding, finding.destination))?;
    // A filter begins with a field's name.
    filled(&|cell| cell.extend_from_slice(guarded(&finding.message()).as_bytes()))?;
    filled(&|cell| push_filter(cell, finding))?;
    writer.write_record(None::<&[u8]>)
}

/// Appends what [`Finding::filter`] says. It needs no escaping.
fn push_filter(out: &mut Vec<u8>, finding: &Finding) {
    out.extend_from_slice(b"frame.number == ");
    push_unsigned(out, finding.frame.0);
}

fn push_endpoint(out: &mut Vec<u8>, finding: &Finding, endpoint: SocketAddr) {
    match endpoint {
        SocketAddr::V4(end) if is_portless(finding, endpoint) => push_ipv4(out, *end.ip()),
        SocketAddr::V4(end) => {
            push_ipv4(out, *end.ip());
            out.push(b':');
            push_unsigned(out, u64::from(end.port()));
        }
        // Writing into memory does not fail.
        SocketAddr::V6(_) => _ = write!(out, "{}", End(finding, endpoint)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use netanalyze_core::conversation::ConversationRef;
    use netanalyze_core::expert::{KINDS, Kind, KindId, Severity, kind_by_id};
    use netanalyze_core::model::{FrameNumber, Span, Timestamp};
    use serde_json::{Value, json};

    fn finding(detail: Detail) -> Finding {
        Finding {
            kind: kind_by_id("tcp.analysis.retransmission").unwrap(),
            frame: FrameNumber(7),
            known_at: FrameNumber(9),
            ordinal: 0,
            time: Timestamp(1_700_000_000_123_456_789),
            protocol: Some(Protocol::Tcp),
            stream: Some(3),
            source: "192.0.2.1:80".parse().unwrap(),
            destination: "[2001:db8::1]:50000".parse().unwrap(),
            detail,
            first_of_conversation: true,
            conversation: ConversationRef::NONE,
        }
    }

    fn object(finding: &Finding, line: Option<&str>) -> Value {
        let mut out = Vec::new();
        push_object(&mut out, finding, line).unwrap();
        serde_json::from_slice(&out).unwrap()
    }

    const SEGMENT: Detail = Detail::Segment {
        seq: 1,
        payload_bytes: 1448,
        syn: false,
        fin: false,
        rto_frame: FrameNumber(4),
        rto: Span(203_000_000),
    };

    #[test]
    fn figures_stand_beside_the_common_keys() {
        let common = json!({
            "id": "tcp.analysis.retransmission", "severity": "note", "group": "sequence", "frame": 7, "known_at": 9,
            "time": "1700000000.123456789", "protocol": "tcp", "stream": 3, "source": "192.0.2.1:80",
            "destination": "[2001:db8::1]:50000", "filter": "frame.number == 7",
        });
        for (detail, line, more) in [
            (Detail::None {}, None, json!({"message": "Retransmission"})),
            (
                SEGMENT,
                Some("finding"),
                json!({
                    "type": "finding", "seq": 1, "payload_bytes": 1448, "syn": false, "fin": false, "rto_frame": 4, "rto_ns": 203_000_000,
                    "message": "1448 bytes at seq 1 sent again, 203 ms after frame 4 which is still unacknowledged",
                }),
            ),
        ] {
            let mut expected = common.clone();
            expected.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            assert_eq!(object(&finding(detail), line), expected);
        }
    }

    #[test]
    fn a_rule_s_finding_names_its_own_kind() {
        static KIND: Kind = Kind::custom("example.arp_storm", Severity::Error, "ARP storm");
        let mut finding = finding(Detail::Custom { kind: &KIND, message: "700 requests".into() });
        (finding.kind, finding.protocol, finding.stream) = (KindId::CUSTOM, None, None);
        let object = object(&finding, None);
        assert_eq!(
            [&object["id"], &object["severity"], &object["group"], &object["message"]],
            ["example.arp_storm", "error", "protocol", "700 requests"]
        );
        assert!(object["protocol"].is_null() && object["stream"].is_null());
        let bytes = crate::render::table(|w| write_record(w, &finding, &mut Vec::new())).unwrap();
        let line = "example.arp_storm,error,protocol,7,9,1700000000.123456789,,,192.0.2.1:80,";
        assert!(String::from_utf8(bytes).unwrap().starts_with(line));
    }

    #[test]
    fn records_have_their_columns() {
        let bytes = crate::render::table(|w| {
            w.write_record(COLUMNS.map(|(name, ..)| name))?;
            write_record(w, &finding(SEGMENT), &mut Vec::new())
        });
        let bytes = bytes.unwrap();
        let mut reader = csv::Reader::from_reader(&*bytes);
        let record = reader.records().next().unwrap().unwrap();
        assert_eq!(record.get(3), Some("7"));
        assert_eq!(record.get(7), Some("3"));
        assert_eq!(record.get(9), Some("[2001:db8::1]:50000"));
        assert_eq!(record.get(11), Some("frame.number == 7"));
    }

    #[test]
    fn figures_are_those_of_the_library() {
        let mut details = vec![
            Detail::None {},
            Detail::Missing { seq: 7, missing_bytes: u32::MAX },
            Detail::Unseen { ack: 3, hole_seq: 2 },
            Detail::DuplicateAck { ack: 0, number: 1_000_000, of_frame: FrameNumber(u64::MAX) },
        ];
        for bits in 0..8 {
            let rto = Span([i64::MIN, -1, 0, 1, i64::MAX][bits % 5]);
            let (syn, fin) = (bits & 1 != 0, bits & 2 != 0);
            let rto_frame = FrameNumber(bits as u64);
            details.push(Detail::Segment { seq: u32::MAX, payload_bytes: 9, syn, fin, rto_frame, rto });
        }
        for detail in details {
            let mut out = vec![b'{'];
            push_figures(&mut out, &detail).unwrap();
            out.push(b'}');
            let expected = serde_json::to_string(&detail).unwrap();
            assert_eq!(String::from_utf8(out).unwrap().replacen("{,", "{", 1), expected);
        }
    }

    #[test]
    fn the_filter_is_the_library_s() {
        let mut out = Vec::new();
        push_filter(&mut out, &finding(SEGMENT));
        assert_eq!(String::from_utf8(out).unwrap(), finding(SEGMENT).filter());
    }

    #[test]
    fn words_of_the_catalogue_need_no_escaping() {
        for kind in KINDS {
            for word in [kind.id, kind.severity.name(), kind.group.word()] {
                assert_eq!(serde_json::to_string(word).unwrap(), format!("\"{word}\""));
            }
            assert_eq!(serde_json::to_string(&kind.group).unwrap(), format!("\"{}\"", kind.group.word()));
        }
    }
}

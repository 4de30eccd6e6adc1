//! Expert information: what Wireshark's dissectors remark, as far as our findings say the same; and where decoding stopped.
//!
//! Findings of our own kinds (`netanalyze.…`) are none of Wireshark's and are left out.

use super::registry::{Field, FieldType, Source, Stop};
use super::value::Value;
use crate::expert::{Finding, Group, KindId, Severity};

fn is_wiresharks(finding: &Finding) -> bool {
    finding.kind != KindId::CUSTOM && !finding.kind().id.starts_with("netanalyze.")
}

fn expert(finding: &Finding, out: &mut Vec<Value>, read: impl Fn(&Finding) -> Value) {
    if is_wiresharks(finding) {
        out.push(read(finding));
    }
}

/// Wireshark's number for a severity.
fn severity(severity: Severity) -> u64 {
    match severity {
        Severity::Chat => 0x20_0000,
        Severity::Note => 0x40_0000,
        Severity::Warn => 0x60_0000,
        Severity::Error => 0x80_0000,
    }
}

/// Wireshark's number for a group.
fn group(group: Group) -> u64 {
    match group {
        Group::Sequence => 0x0200_0000,
        Group::Response => 0x0300_0000,
        Group::Malformed => 0x0700_0000,
        Group::Protocol => 0x0900_0000,
        Group::Security => 0x0a00_0000,
    }
}

pub(super) static FIELDS: &[Field] = &[
    field("_ws.expert", FieldType::Protocol, "Something that Wireshark's expert remarks", |f, out| {
        expert(f, out, |_| Value::Present);
    }),
    field(
        "_ws.expert.severity",
        FieldType::Unsigned,
        "How bad that is: 0x200000 chat, 0x400000 note, 0x600000 warning, 0x800000 error",
        |f, out| {
            expert(f, out, |f| Value::Unsigned(severity(f.kind().severity)));
        },
    ),
    field(
        "_ws.expert.group",
        FieldType::Unsigned,
        "Group of that: 0x02000000 sequence, 0x03000000 response, 0x07000000 malformed, 0x09000000 protocol, 0x0a000000 security",
        |f, out| {
            expert(f, out, |f| Value::Unsigned(group(f.kind().group)));
        },
    ),
    field("_ws.expert.message", FieldType::Text, "What is remarked, in our words", |f, out| {
        expert(f, out, |f| Value::Bytes(f.message().into_bytes().into()));
    }),
    stop("_ws.malformed", "A layer contradicts itself or ends too early", Stop::Malformed),
    stop("_ws.short", "The frame was not captured far enough", Stop::Cut),
];

const fn field(
    name: &'static str,
    kind: FieldType,
    meaning: &'static str,
    read: fn(&Finding, &mut Vec<Value>),
) -> Field {
    Field { name, kind, meaning, source: Source::Finding(read) }
}

const fn stop(name: &'static str, meaning: &'static str, stop: Stop) -> Field {
    Field { name, kind: FieldType::Protocol, meaning, source: Source::Stop(stop) }
}

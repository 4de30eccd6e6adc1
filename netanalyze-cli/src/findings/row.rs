//! A finding as machines read it.

use netanalyze_core::expert::{Detail, Finding, Group, Severity};
use netanalyze_core::model::{Endpoint, Timestamp};
use serde::{Serialize, Serializer};

/// The keys of a finding in JSON; the figures of its kind follow flat.
#[derive(Serialize)]
pub(super) struct Row<'f> {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    line: Option<&'static str>,
    id: &'static str,
    severity: Severity,
    group: Group,
    frame: u64,
    known_at: u64,
    #[serde(serialize_with = "text")]
    time: Timestamp,
    protocol: &'static str,
    stream: Option<u32>,
    #[serde(serialize_with = "text")]
    source: Endpoint,
    #[serde(serialize_with = "text")]
    destination: Endpoint,
    message: String,
    filter: String,
    #[serde(flatten)]
    detail: &'f Detail,
}

fn text<T: std::fmt::Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

impl<'f> Row<'f> {
    /// `line` is the type of a JSON line.
    pub(super) fn new(finding: &'f Finding, line: Option<&'static str>) -> Self {
        let kind = finding.kind.kind();
        Row {
            line,
            id: kind.id,
            severity: kind.severity,
            group: kind.group,
            frame: finding.frame.0,
            known_at: finding.known_at.0,
            time: finding.time,
            protocol: finding.protocol.name(),
            stream: finding.stream,
            source: finding.source,
            destination: finding.destination,
            message: finding.message(),
            filter: finding.filter(),
            detail: &finding.detail,
        }
    }
}

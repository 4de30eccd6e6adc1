//! `--findings`: what is wrong, as lines or folded.

mod fold;
mod lines;
mod row;

pub(crate) use fold::{Folded, Folding};
pub(crate) use lines::Lines;

use std::fmt;
use std::io;
use std::net::SocketAddr;

use netanalyze_core::expert::Finding;
use netanalyze_core::model::Span;
use netanalyze_core::report::Report;

use schemars::SchemaGenerator;

use crate::render::push_json;
use crate::schema::Shapes;

/// What `--findings` writes for machines.
pub(crate) fn shapes(generator: &mut SchemaGenerator) -> Shapes {
    Shapes::list("findings", "finding", row::schema(generator))
}

/// Ends a streamed JSON list: the rest of the object, with what is known only now.
pub(crate) fn push_closing(out: &mut Vec<u8>, report: &Report, written: bool) -> io::Result<()> {
    push_list_end(out, written);
    push_facts(out, report)
}

/// The bracket, and what separates it from the next key.
pub(crate) fn push_list_end(out: &mut Vec<u8>, written: bool) {
    out.extend_from_slice(if written { b"\n],\n" } else { b"],\n" });
}

/// Capture and notes, the last keys of every JSON object.
pub(crate) fn push_facts(out: &mut Vec<u8>, report: &Report) -> io::Result<()> {
    out.extend_from_slice(b"\"capture\":");
    push_json(out, &report.capture)?;
    out.extend_from_slice(b",\n\"notes\":");
    push_json(out, &report.notes)?;
    out.extend_from_slice(b"}\n");
    Ok(())
}

/// The display filter that shows the frames of a finding's kind in Wireshark; empty if there is none.
fn kind_filter(finding: &Finding, gap: Span) -> String {
    if matches!(finding.kind().id, "netanalyze.gap" | "netanalyze.idle") {
        let seconds = gap.to_string();
        return format!("tcp.time_delta > {}", seconds.trim_end_matches('0').trim_end_matches('.'));
    }
    finding.kind_filter().to_owned()
}

/// Whether an end has no port: findings that belong to no conversation can be about addresses alone.
fn is_portless(finding: &Finding, end: SocketAddr) -> bool {
    finding.protocol.is_none() && end.port() == 0
}

/// An end of a finding: address and port, or the address alone.
struct End<'f>(&'f Finding, SocketAddr);

impl fmt::Display for End<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let &End(finding, end) = self;
        if is_portless(finding, end) { end.ip().fmt(f) } else { end.fmt(f) }
    }
}

/// Both ends, as people read them.
fn ends(finding: &Finding) -> [End<'_>; 2] {
    [End(finding, finding.source), End(finding, finding.destination)]
}

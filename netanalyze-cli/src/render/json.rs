//! JSON and JSON lines.

use std::io;

use netanalyze_core::report::SCHEMA_VERSION;
use serde::Serialize;

/// Appends a value as JSON.
pub(crate) fn push_json(out: &mut Vec<u8>, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(out, value).map_err(io::Error::from)
}

/// Appends a value as a line of JSON.
pub(crate) fn push_line(out: &mut Vec<u8>, value: &impl Serialize) -> io::Result<()> {
    push_json(out, value)?;
    out.push(b'\n');
    Ok(())
}

/// The first line of every JSON-lines output.
pub(crate) fn header_line(view: &str) -> Vec<u8> {
    format!("{{\"type\":\"header\",\"schema_version\":{SCHEMA_VERSION},\"view\":\"{view}\"}}\n").into_bytes()
}

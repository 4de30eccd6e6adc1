//! JSON and JSON lines.

use std::io;

use netanalyze_core::report::SCHEMA_VERSION;
use serde::Serialize;

/// Appends a value as JSON.
pub(crate) fn push_json(out: &mut Vec<u8>, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(out, value).map_err(io::Error::from)
}

/// Appends a text as a JSON string. Nearly every text needs no escapes, which is found out many bytes at a time.
pub(crate) fn push_string(out: &mut Vec<u8>, text: &str) -> io::Result<()> {
    // All bytes are looked at, without a way out on the first: that is what can be done with whole registers.
    let plain =
        text.bytes().fold(true, |plain, byte| plain & (byte >= b' ') & (byte != b'"') & (byte != b'\\'));
    if !plain {
        return push_json(out, &text);
    }
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_those_of_the_library() {
        let every = (0..=0x2fff_u32).filter_map(char::from_u32).map(String::from);
        for text in every
            .chain(["", "no answer → reset", "a\\b", "\"", "tab\tin the middle of it"].map(str::to_owned))
        {
            let mut out = Vec::new();
            push_string(&mut out, &text).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), serde_json::to_string(&text).unwrap());
        }
    }
}

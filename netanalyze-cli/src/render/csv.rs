//! CSV cells: RFC 4180, and protection of spreadsheets from text that looks like a formula.

use std::borrow::Cow;
use std::io;

/// A text cell that no spreadsheet takes for a formula: what begins with = + - @ or a control character gets a leading apostrophe.
pub(crate) fn guarded(text: &str) -> Cow<'_, str> {
    let dangerous = |first: char| matches!(first, '=' | '+' | '-' | '@') || first.is_control();
    if text.starts_with(dangerous) { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

/// Rows as the csv crate writes them.
///
/// # Errors
/// Only what `fill` returns: writing into memory does not fail.
pub(crate) fn table(
    fill: impl FnOnce(&mut csv::Writer<&mut Vec<u8>>) -> csv::Result<()>,
) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    {
        let mut writer = csv::WriterBuilder::new().flexible(false).from_writer(&mut bytes);
        fill(&mut writer).map_err(io::Error::other)?;
        writer.flush()?;
    }
    Ok(bytes)
}

/// Appends a cell of a record with several, quoted if it needs to be.
pub(crate) fn push_cell(out: &mut Vec<u8>, cell: &[u8]) {
    if !cell.iter().any(|byte| matches!(byte, b',' | b'"' | b'\r' | b'\n')) {
        return out.extend_from_slice(cell);
    }
    out.push(b'"');
    for &byte in cell {
        out.extend_from_slice(if byte == b'"' { b"\"\"" } else { std::slice::from_ref(&byte) });
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guards_what_looks_like_a_formula_and_nothing_else() {
        for (text, cell) in [
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-x.pcap", "'-x.pcap"),
            ("@a", "'@a"),
            ("\tx", "'\tx"),
            ("\u{7f}", "'\u{7f}"),
            ("a=b", "a=b"),
            ("[::1]:80", "[::1]:80"),
            ("", ""),
        ] {
            assert_eq!(guarded(text), cell);
        }
    }

    #[test]
    fn quotes_as_rfc_4180() {
        let record = ["a,b", "c\"d", "e\nf", "g"];
        let bytes = table(|w| w.write_record(record)).unwrap();
        let cells = record.map(|cell| {
            let mut out = Vec::new();
            push_cell(&mut out, cell.as_bytes());
            String::from_utf8(out).unwrap()
        });
        assert_eq!(format!("{}\n", cells.join(",")).as_bytes(), bytes);
        assert_eq!(String::from_utf8(bytes).unwrap(), "\"a,b\",\"c\"\"d\",\"e\nf\",g\n");
    }
}

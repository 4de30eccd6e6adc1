//! One cell, as CSV and JSON write it.

use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};

use netanalyze_core::model::Timestamp;

use crate::render::{escape, guarded, plain, push_seconds, push_signed, push_string, readable};

/// What stands in a cell.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell<'r> {
    /// A count, a size, a duration in nanoseconds, a place.
    Number(i64),
    /// Yes or no.
    Flag(bool),
    /// An absolute time.
    Time(Timestamp),
    /// An absolute time in whole seconds.
    Seconds(i64),
    /// Address and port.
    Endpoint(SocketAddr),
    /// An address.
    Address(IpAddr),
    /// A word of ours.
    Word(&'static str),
    /// Text of ours that is made when it is asked for.
    Text(String),
    /// A name out of a packet: any bytes.
    Bytes(&'r [u8]),
    /// Several.
    List(Vec<Cell<'r>>),
}

/// A cell; `None` if nothing is known.
pub(crate) type Value<'r> = Option<Cell<'r>>;

impl Cell<'_> {
    /// Appends it as CSV has it: numbers, times, addresses, words of ours as they are, foreign text escaped as in text for people.
    fn push_plain(&self, out: &mut Vec<u8>) {
        match self {
            Cell::Number(number) => push_signed(out, *number),
            Cell::Flag(is) => out.extend_from_slice(if *is { b"true" } else { b"false" }),
            Cell::Time(time) => push_seconds(out, time.0),
            Cell::Seconds(seconds) => _ = write!(out, "{seconds}.000000000"),
            // Writing into memory does not fail.
            Cell::Endpoint(end) => _ = write!(out, "{end}"),
            Cell::Address(address) => _ = write!(out, "{address}"),
            Cell::Word(word) => out.extend_from_slice(word.as_bytes()),
            Cell::Text(text) => out.extend_from_slice(escape(text).as_bytes()),
            Cell::Bytes(bytes) => out.extend_from_slice(plain(bytes).as_bytes()),
            Cell::List(cells) => {
                for (place, cell) in cells.iter().enumerate() {
                    out.extend_from_slice(if place > 0 { b"," } else { b"" });
                    cell.push_plain(out);
                }
            }
        }
    }

    /// Whether its first character can be anybody's.
    fn begins_with_foreign_text(&self) -> bool {
        match self {
            Cell::Text(_) | Cell::Bytes(_) => true,
            Cell::List(cells) => cells.first().is_some_and(Cell::begins_with_foreign_text),
            _ => false,
        }
    }
}

/// Appends a cell for CSV, guarded but not yet quoted. Several values are joined with commas.
pub(crate) fn push_csv(out: &mut Vec<u8>, value: &Value<'_>) {
    let Some(cell) = value else { return };
    let start = out.len();
    cell.push_plain(out);
    if cell.begins_with_foreign_text() {
        let text = String::from_utf8_lossy(out.get(start..).unwrap_or_default());
        let text = guarded(&text).into_owned();
        out.truncate(start);
        out.extend_from_slice(text.as_bytes());
    }
}

/// Appends a cell as a JSON value; `null` if nothing is known.
pub(super) fn push_json(out: &mut Vec<u8>, value: &Value<'_>) -> io::Result<()> {
    match value {
        None => out.extend_from_slice(b"null"),
        Some(cell @ (Cell::Number(_) | Cell::Flag(_))) => cell.push_plain(out),
        Some(cell @ (Cell::Time(_) | Cell::Seconds(_) | Cell::Endpoint(_) | Cell::Address(_))) => {
            out.push(b'"');
            cell.push_plain(out);
            out.push(b'"');
        }
        Some(Cell::Word(word)) => push_string(out, word)?,
        Some(Cell::Text(text)) => push_string(out, text)?,
        Some(Cell::Bytes(bytes)) => push_string(out, &readable(bytes))?,
        Some(Cell::List(cells)) => {
            out.push(b'[');
            for (place, cell) in cells.iter().enumerate() {
                out.extend_from_slice(if place > 0 { b"," } else { b"" });
                push_json(out, &Some(cell.clone()))?;
            }
            out.push(b']');
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_in_both_formats() {
        let bytes = |bytes: &'static [u8]| Some(Cell::Bytes(bytes));
        for (value, csv, json) in [
            (None, "", "null"),
            (Some(Cell::Number(-7)), "-7", "-7"),
            (Some(Cell::Flag(true)), "true", "true"),
            (Some(Cell::Time(Timestamp(1_500_000_000))), "1.500000000", "\"1.500000000\""),
            (Some(Cell::Seconds(253_402_300_799)), "253402300799.000000000", "\"253402300799.000000000\""),
            (Some(Cell::Endpoint("[::1]:53".parse().unwrap())), "[::1]:53", "\"[::1]:53\""),
            (Some(Cell::Address("192.0.2.1".parse().unwrap())), "192.0.2.1", "\"192.0.2.1\""),
            (Some(Cell::Word("NXDOMAIN")), "NXDOMAIN", "\"NXDOMAIN\""),
            (Some(Cell::Text("=1+1".to_owned())), "'=1+1", "\"=1+1\""),
            (bytes(b"a\"b\xff"), "a\"b\\xff", "\"a\\\"b\\\\xff\""),
            (bytes(b"@SUM(1)"), "'@SUM(1)", "\"@SUM(1)\""),
            (bytes(b"\x1b[2J\x07"), "\\u{1b}[2J\\u{7}", "\"\\u001b[2J\\u0007\""),
            (
                Some(Cell::List(vec![Cell::Bytes(b"-a"), Cell::Number(-1), Cell::Word("b")])),
                "'-a,-1,b",
                "[\"-a\",-1,\"b\"]",
            ),
            (Some(Cell::List(vec![Cell::Number(-1), Cell::Bytes(b"-a")])), "-1,-a", "[-1,\"-a\"]"),
            (Some(Cell::List(Vec::new())), "", "[]"),
        ] {
            let (mut cell, mut object) = (Vec::new(), Vec::new());
            push_csv(&mut cell, &value);
            push_json(&mut object, &value).unwrap();
            assert_eq!(
                (std::str::from_utf8(&cell).unwrap(), std::str::from_utf8(&object).unwrap()),
                (csv, json),
                "{value:?}"
            );
        }
    }
}

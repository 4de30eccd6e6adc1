//! What the cells of all transactions have in common.

use netanalyze_core::conversation::Met;
use netanalyze_core::model::{Span, Timestamp};
use netanalyze_core::protocol::stream::Moment;

use crate::render::{brief, plain, seconds};
use crate::table::{Cell, Value};

/// Characters of a name that a line has room for.
const MOST_CHARACTERS: usize = 60;

pub(super) fn amount(number: u64) -> Value<'static> {
    Some(Cell::Number(i64::try_from(number).unwrap_or(i64::MAX)))
}

pub(super) fn span(span: Option<Span>) -> Value<'static> {
    Some(Cell::Number(span?.0))
}

pub(super) fn text(value: impl ToString) -> Value<'static> {
    Some(Cell::Text(value.to_string()))
}

pub(super) fn stream(met: &Met) -> Value<'static> {
    amount(met.stream?.into())
}

/// Whole seconds since 1970, which in certificates can lie beyond what time stamps reach.
pub(super) fn epoch(seconds: i64) -> Value<'static> {
    Some(Cell::Seconds(seconds))
}

/// Names out of a packet.
pub(super) fn names(list: &[Box<[u8]>]) -> Value<'_> {
    Some(Cell::List(list.iter().map(|name| Cell::Bytes(name)).collect()))
}

/// A name out of a packet; `None` if it is empty.
pub(super) fn name(bytes: &[u8]) -> Value<'_> {
    (!bytes.is_empty()).then_some(Cell::Bytes(bytes))
}

/// A duration for people.
pub(super) fn time(span: Option<Span>) -> String {
    span.map_or_else(dash, brief)
}

/// Seconds since the capture began.
pub(super) fn since(time: Timestamp, capture_start: Timestamp) -> String {
    seconds(time.since(capture_start))
}

/// A conversation as `tcp 3`.
pub(super) fn stream_words(met: &Met) -> String {
    match met.stream {
        Some(stream) => format!("{} {stream}", met.protocol.name()),
        None => met.protocol.name().to_owned(),
    }
}

/// The first and the last frame, one of them if the other is unknown or the same.
pub(super) fn frames(ends: [Option<Moment>; 2]) -> String {
    match ends.map(|end| end.map(|moment| moment.frame.0)) {
        [Some(first), Some(last)] if first != last => format!("{first}–{last}"),
        [first, last] => first.or(last).map_or_else(dash, |frame| frame.to_string()),
    }
}

pub(super) fn dash() -> String {
    "-".to_owned()
}

/// A name for people, its end cut off if it is long.
pub(super) fn shown(bytes: &[u8]) -> String {
    if bytes.is_empty() { dash() } else { clipped(&plain(bytes)) }
}

pub(super) fn clipped(text: &str) -> String {
    match text.char_indices().nth(MOST_CHARACTERS) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_no_harm_and_leave_room() {
        for (bytes, text) in
            [(&b"www.example.com"[..], "www.example.com"), (b"", "-"), (b"a\x1b[2J\xff", "a\\u{1b}[2J\\xff")]
        {
            assert_eq!(shown(bytes), text);
        }
        assert_eq!(shown(&[b'a'; 60]).chars().count(), 60);
        assert_eq!(shown(&[b'a'; 61]), format!("{}…", "a".repeat(60)));
    }
}

//! Names that clients did not get resolved.

use super::super::super::object::Ends;
use crate::model::{FrameNumber, Span, Timestamp};
use crate::protocol::dns::{ExtendedError, Lookup, Rcode, RecordType};

/// Why a name was not resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Why {
    /// It does not exist.
    Denied,
    /// The server failed.
    Failed,
}

/// A name that a client did not get resolved.
#[derive(Debug)]
pub(super) struct Unresolved {
    pub(super) why: Why,
    pub(super) ends: Ends,
    pub(super) name: Box<[u8]>,
    pub(super) kind: RecordType,
    pub(super) rcode: Rcode,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    /// Queries with their answers, the first few.
    pub(super) frames: Vec<(FrameNumber, FrameNumber)>,
    pub(super) count: u64,
    pub(super) waited: Span,
    /// The client wants no recursion, and the server offers none: neither is what a host has for its resolver.
    pub(super) is_iterative: bool,
    /// The client got the name resolved after all.
    pub(super) mended: bool,
    /// What the server says of the reason.
    pub(super) extended: Option<Box<str>>,
}

impl Unresolved {
    pub(super) fn again(&mut self, lookup: &Lookup, (first, last): (Timestamp, Timestamp)) {
        self.count += 1;
        self.is_iterative &= lookup.recursion == [false, false];
        self.first = self.first.min(first);
        self.last = self.last.max(last);
        self.waited = Span(self.waited.0.saturating_add(last.since(first).0.max(0)));
        if let (Some(query), Some(response), true) = (lookup.query, lookup.response, self.frames.len() < 4) {
            self.frames.push((query.frame, response.frame));
        }
    }
}

pub(super) fn extended(error: &ExtendedError) -> Box<str> {
    let meaning = error.meaning.map_or_else(|| format!("code {}", error.code), str::to_owned);
    match &*error.text {
        [] => meaning.into(),
        text => format!("{meaning}: {}", crate::model::shown(text)).into(),
    }
}

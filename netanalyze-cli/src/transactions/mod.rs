//! `--dns`, `--tls`, `--http`: a row a transaction, in the order in which it became known how they ended.
//!
//! Rows are written where batches are delivered, in capture order: nothing is kept but what joins lookups to connections.

mod cells;
mod dns;
mod http;
mod tls;

use std::io;

use netanalyze_core::conversation::Met;
use netanalyze_core::engine::{Depth, Interests};
use netanalyze_core::field::AnalysedBatch;
use netanalyze_core::protocol::message::Message;

use crate::pick::Runs;
use crate::schema::Shapes;
use crate::table::{Table, object_of};

pub(crate) use dns::Dns;
pub(crate) use http::Http;
pub(crate) use tls::Tls;

/// Which transactions are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transactions {
    Dns,
    Tls,
    Http,
}

/// Takes the rows of its table out of batches.
pub(crate) trait Rows: Table + Default + Send {
    /// What a row is about.
    fn met<'r>(row: &'r Self::Row<'_>) -> &'r Met;

    /// Gives every row of a batch to `list`.
    fn rows(
        &mut self,
        batch: &AnalysedBatch<'_>,
        list: &mut dyn FnMut(&Self::Row<'_>) -> io::Result<()>,
    ) -> io::Result<()>;

    /// Gives the rows that waited for the end of the capture.
    fn finish(&mut self, _list: &mut dyn FnMut(&Self::Row<'_>) -> io::Result<()>) -> io::Result<()> {
        Ok(())
    }
}

/// What a table of transactions writes for machines.
pub(crate) fn shapes<T: Table>() -> Shapes {
    let row = object_of(T::COLUMNS.iter().map(|&(name, shape, description, _)| (name, shape, description)));
    Shapes::list(T::VIEW, T::LINE, row)
}

/// What listing transactions wants of the analysis, beside what is wanted anyway.
pub(crate) fn interests(base: Interests) -> Interests {
    Interests { applications: base.applications.max(Depth::Transactions), ..base }
}

/// Whether a packet of a transaction matches: one of its conversation, from its first frame to that with which its end became known.
pub(crate) fn matches(met: &Met, runs: &Runs) -> bool {
    let first = match &met.message {
        Message::Lookup(lookup) => lookup.query.or(lookup.response).map(|moment| moment.frame),
        Message::Handshake(handshake) => Some(handshake.start().frame),
        Message::Exchange(exchange) => {
            let request = exchange.request.as_ref().map(|request| request.start.frame);
            request.or(exchange.response.as_ref().map(|response| response.start.frame))
        }
        _ => None,
    };
    let conversation = met.stream.map(|stream| (met.protocol, stream));
    runs.between(conversation, first.unwrap_or(met.frame), met.frame)
}

//! `--dns`, `--tls`, `--http`: a row a transaction, in the order in which it became known how they ended.
//!
//! Rows are written where batches are delivered, in capture order: nothing is kept but what joins lookups to connections.

mod cells;
mod dns;
mod http;
mod tls;

use std::io;

use netanalyze_core::engine::{Depth, Interests, View};
use netanalyze_core::field::AnalysedBatch;

use crate::table::Table;

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

/// The view: it makes nothing, everything is in the batches.
pub(crate) struct Transacted(pub(crate) Interests);

impl View for Transacted {
    type Piece = ();

    fn interests(&self) -> Interests {
        Interests { applications: Depth::Transactions, ..self.0.clone() }
    }

    fn digest(&self, _: &AnalysedBatch<'_>) {}
}

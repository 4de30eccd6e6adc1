//! End-to-end tests of the `netanalyze` command: real processes, real files, small captures written by hand.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod catalogue;
mod diagnoses;
mod export;
mod filter;
mod findings;
mod follow;
mod inputs;
mod keylog;
mod manners;
mod memory;
mod one_sided;
mod packets;
mod quic;
mod readme;
mod schema;
mod streams;
mod summary;
mod support;
mod threads;
mod transactions;

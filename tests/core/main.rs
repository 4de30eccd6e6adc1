//! Tests of the library through its public interface: whole captures in, rows, findings and reports out.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod compact;
mod conversation;
mod depths;
mod diagnoses;
mod dns;
mod engine;
mod face;
mod fields;
mod filters;
mod golden;
mod http;
mod lab;
mod limits;
mod live;
mod memory;
mod prefixes;
mod properties;
mod recorded;
mod records;
mod robustness;
mod transports;
mod view;
mod wire;

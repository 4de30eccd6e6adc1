//! Named packet fields: name, type, meaning, and where their values come from.
//!
//! Owns: the registry that `--fields`, `--list-fields` and display filters share. Reads: analysed batches. Emits: [`Row`]s of [`Value`]s, and
//! the [`TransportLayer`]s of a frame with payload and verdict.
//! A field is a row of a table with a small function that reads it from its layer; only the fields of a [`Selection`] are worked out, by
//! decoding the frame once more while it is hot. Names, types and occurrence rules are Wireshark 4.0's.

mod analysed;
mod dns;
mod dns_record;
mod expert;
mod frame;
mod http;
mod icmp;
mod network;
mod protocol;
mod registry;
mod select;
mod suggest;
mod tcp;
mod tcp_analysis;
mod tls;
mod transport;
mod value;
mod walk;

pub(crate) use analysed::link_of;
pub use analysed::{AnalysedBatch, AnalysedFrame, CompletedDatagram, EchoAnswer, TransportVerdict};
pub use registry::{Field, FieldType, field_by_name, fields};
pub(crate) use select::Column;
pub use select::{Row, Selection, UnknownField};
pub use suggest::suggest;
pub use transport::TransportLayer;
pub use value::Value;

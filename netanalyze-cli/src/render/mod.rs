//! Words, numbers and cells as each format writes them. Owns no view.

mod brief;
mod bytes;
mod csv;
mod json;
mod text;

pub(crate) use brief::{brief, milliseconds, seconds, short};
pub(crate) use bytes::{push_ether, push_hex, push_ipv4, push_seconds, push_signed, push_unsigned};
pub(crate) use csv::{guarded, push_cell, table};
pub(crate) use json::{header_line, push_json, push_line, push_string};
pub(crate) use netanalyze_core::model::{escape, readable, shown as plain};
pub(crate) use text::{Palette, counted, grouped, shell_word, size, span_words, utc, wrapped};

//! Entry points of the decoder.

use super::Sink;
use super::fragment::Datagram;
use crate::model::Link;

/// Decodes a frame into layers.
///
/// `frame` holds the captured bytes, `wire_len` the length on the wire (at least as long).
pub fn dissect<'a>(_link: Link, _frame: &'a [u8], _wire_len: u32, _sink: &mut impl Sink<'a>) {}

/// Decodes the payload of a datagram completed from fragments: the layers that follow the IP header.
pub fn dissect_datagram<'a>(_datagram: &'a Datagram, _sink: &mut impl Sink<'a>) {}

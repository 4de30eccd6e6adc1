//! What ICMP errors quote of a conversation's payload: each quote is read by itself, and is no part of its conversation.

use super::{Setting, decoder, recognise_datagram};
use crate::model::Direction;
use crate::protocol::dns;
use crate::protocol::message::{Message, Messages};
use crate::protocol::recognise::{Kind, Recognised, recognise};
use crate::protocol::stream::{Flow, Moment};

/// Takes a datagram that an ICMP error quotes. It is no part of its conversation.
pub(crate) fn quoted_datagram(
    flow: &Flow,
    from: Direction,
    bytes: &[u8],
    missing: u32,
    now: Moment,
    out: &mut Messages,
) {
    if let Some(said) = dns::quoted(flow.ends, bytes, missing) {
        out.push(from, Message::Dns(Box::new(said)));
    } else if let Some(mut decoder) = recognise_datagram(flow, from, bytes) {
        decoder.datagram(from, bytes, missing, now, out);
    }
}

/// Takes a segment's payload that an ICMP error quotes, as [`quoted_datagram`]: by itself, as if a message began with it.
pub(crate) fn quoted_segment(
    flow: &Flow,
    from: Direction,
    bytes: &[u8],
    missing: u32,
    now: Moment,
    out: &mut Messages,
) {
    if bytes.is_empty() {
        return;
    }
    if let Recognised::Is(kind) = recognise(flow, from, bytes)
        && let Some(mut decoder) = decoder(kind, flow, Setting::Clear)
    {
        // As Wireshark 4.0 has it: of TLS only whole records are shown.
        let shown = if kind == Kind::Tls { whole_records(bytes) } else { bytes };
        if !shown.is_empty() {
            decoder.decode_cut(from, shown, missing, now, out);
        }
    }
}

/// The records of TLS that are there to their end.
fn whole_records(bytes: &[u8]) -> &[u8] {
    let mut len = 0;
    while let Some(&[_, _, _, high, low]) = bytes.get(len..).and_then(<[u8]>::first_chunk) {
        let end = len + 5 + usize::from(u16::from_be_bytes([high, low]));
        if end > bytes.len() {
            break;
        }
        len = end;
    }
    bytes.get(..len).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_whole_or_not_shown() {
        let records = [23, 3, 3, 0, 2, 7, 7, 22, 3, 1, 0, 0, 23, 3, 3, 0, 9, 1];
        for len in 0..=records.len() {
            let want = match len {
                0..7 => 0,
                7..12 => 7,
                _ => 12,
            };
            assert_eq!(whole_records(&records[..len]).len(), want);
        }
    }
}

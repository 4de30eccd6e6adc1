//! What a draft remembers of a packet, and of a SYN.

use crate::model::{Direction, Timestamp};
use crate::packet::tcp_option::{TcpOptions, Timestamps};
use crate::tcp::account::Passing;
use crate::tcp::checksum::Checksum;
use crate::tcp::chronicle::Wire;
use crate::tcp::flow::WindowScale;
use crate::tcp::segment::{Segment, TcpFlags};
use crate::tcp::verdict::Verdict;

/// An end of the connection, named as if the client were A.
pub(super) type Side = Direction;
pub(super) const CLIENT: Side = Direction::AtoB;
pub(super) const SERVER: Side = Direction::BtoA;

/// A packet, as far as a chronicle asks for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) time: Timestamp,
    pub(super) seq: u32,
    pub(super) ack: u32,
    pub(super) len: u32,
    /// The lower half of its frame number.
    pub(super) frame: u32,
    pub(super) window: u16,
    /// As [`Passing::id`].
    pub(super) id: u16,
    /// With [`BY_SERVER`] and [`HAS_IP_ID`].
    flags: u16,
    pub(super) ttl: u8,
    pub(super) header_len: u8,
}

/// Bits of an entry's flags that no TCP header has.
const BY_SERVER: u16 = 1 << 15;
const HAS_IP_ID: u16 = 1 << 14;

impl Entry {
    #[inline(always)]
    pub(super) fn new(by: Side, segment: &Segment<'_>, passing: &Passing) -> Self {
        let kind = if passing.has_ip_id { HAS_IP_ID } else { 0 };
        Entry {
            time: segment.time,
            seq: segment.seq,
            ack: segment.ack,
            len: segment.len,
            frame: segment.frame.0 as u32,
            window: segment.window,
            id: passing.id,
            flags: segment.flags.0 | kind | if by == CLIENT { 0 } else { BY_SERVER },
            ttl: passing.ttl,
            header_len: segment.header_len,
        }
    }

    /// Who sent it.
    pub(super) fn by(&self) -> Side {
        if self.flags & BY_SERVER == 0 { CLIENT } else { SERVER }
    }

    pub(super) fn flags(&self) -> TcpFlags {
        TcpFlags(self.flags & !(BY_SERVER | HAS_IP_ID))
    }

    /// As [`Passing::has_ip_id`].
    pub(super) fn has_ip_id(&self) -> bool {
        self.flags & HAS_IP_ID != 0
    }
}

/// What is known of a SYN beside its header.
pub(super) type Seen<'s> = (&'s Verdict, &'s Passing, &'s dyn Wire);

/// A SYN: its options, as far as a chronicle asks for them, and what its frame says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offer {
    pub(super) entry: Entry,
    has_options: bool,
    sack_permitted: bool,
    window_shift: Option<u8>,
    pub(super) mss: Option<u16>,
    timestamps: Option<Timestamps>,
    checksum: Checksum,
    /// Scale of its sender's windows before its own options.
    pub(super) scale: WindowScale,
}

impl Offer {
    pub(super) fn new(by: Side, segment: &Segment<'_>, (verdict, passing, wire): Seen<'_>) -> Self {
        let options = segment.options;
        Offer {
            entry: Entry::new(by, segment, passing),
            has_options: options.is_some(),
            sack_permitted: options.is_some_and(|options| options.sack_permitted),
            window_shift: options.and_then(|options| options.window_shift),
            mss: options.and_then(|options| options.mss),
            timestamps: options.and_then(|options| options.timestamps),
            checksum: wire.checksum(),
            scale: verdict.scale,
        }
    }

    pub(super) fn options(&self) -> Option<TcpOptions> {
        let mut options = TcpOptions::default();
        options.sack_permitted = self.sack_permitted;
        options.window_shift = self.window_shift;
        options.mss = self.mss;
        options.timestamps = self.timestamps;
        self.has_options.then_some(options)
    }
}

/// What was said in the frame of a SYN.
impl Wire for Offer {
    fn stamps(&self) -> Option<Timestamps> {
        self.timestamps
    }

    fn checksum(&self) -> Checksum {
        self.checksum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_takes_half_a_cache_line() {
        assert_eq!(size_of::<Entry>(), 32);
    }
}

//! Words that every floor shares: frame numbers, packet time, stream numbers, links, notes, limits.
//!
//! Owns no behaviour beyond conversions; depends on nothing above it.

mod error;
mod link;
mod note;
mod text;
mod time;

pub mod limits;
pub(crate) mod parallel;

pub use error::Error;
pub use link::{Link, LinkType};
pub use note::{Note, NoteKind};
pub use text::{escape, readable, shown};
pub(crate) use time::DISORDER;
pub use time::{Span, Timestamp};

use std::fmt;

/// A frame's place in the capture or rotated set, counted from 1 as Wireshark's `frame.number` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct FrameNumber(pub u64);

impl fmt::Display for FrameNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Which of a conversation's two endpoints sent a packet.
///
/// `AtoB` is from the lower address (then the lower port) to the higher one; it says nothing about client and server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the lower endpoint to the higher one.
    AtoB,
    /// From the higher endpoint to the lower one.
    BtoA,
}

impl Direction {
    /// The other direction.
    #[must_use]
    pub fn reverse(self) -> Self {
        match self {
            Direction::AtoB => Direction::BtoA,
            Direction::BtoA => Direction::AtoB,
        }
    }

    /// 0 for `AtoB`, 1 for `BtoA`: the index into a conversation's pair of flows.
    #[must_use]
    pub fn index(self) -> usize {
        match self {
            Direction::AtoB => 0,
            Direction::BtoA => 1,
        }
    }
}

/// One end of a conversation: address and port.
pub type Endpoint = std::net::SocketAddr;

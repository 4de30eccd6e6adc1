//! Bounded reassembly of IP fragments.

use std::net::IpAddr;

use super::Fragment;

/// A datagram whose fragments have all arrived.
#[derive(Debug)]
pub struct Datagram {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// Protocol number of the payload.
    pub protocol: u8,
    /// The frame's first VLAN id (for fragments inside).
    pub vlan: Option<u16>,
    /// The payload.
    pub payload: Vec<u8>,
}

/// Incomplete datagrams, in frame order, within the caps of [`crate::model::limits`].
#[derive(Debug, Default)]
pub struct FragmentTable {}

impl FragmentTable {
    /// Takes a fragment; returns the datagram if this one completed it.
    pub fn insert(&mut self, _fragment: &Fragment<'_>) -> Option<Datagram> {
        None
    }

    /// Datagrams given up because a cap was reached.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        0
    }
}

//! EAP on LANs on its way through the engine: decoding lists the frames, and at the last gate but one they meet what earlier ones said.
//!
//! There is no conversation and no endpoint of IP: messages are for the fields of their frames alone.

use std::net::{Ipv4Addr, SocketAddr};

use super::decode::Place;
use crate::capture::Batch;
use crate::conversation::{ConversationRef, Met, Protocol};
use crate::model::Timestamp;
use crate::protocol::eap::{Address, Sessions};
use crate::protocol::message::Said;
use crate::protocol::stream::Moment;

/// An EAPOL frame.
#[derive(Debug)]
struct Noticed {
    frame_index: u32,
    ordinal: u16,
    time: Timestamp,
    /// Source and destination.
    ends: [Address; 2],
    /// Where it is in the captured frame, and its length.
    place: (usize, usize),
}

/// Those of a batch, in frame order.
#[derive(Debug, Default)]
pub(super) struct LanList(Vec<Noticed>);

impl LanList {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Takes an EAPOL frame. `hosts` begins with the addresses of its receiver and its sender.
    #[cold]
    pub(super) fn eapol(&mut self, place: &Place, hosts: &[u8], bytes: &[u8]) {
        let &Place { frame_index, ordinal, time, base, .. } = place;
        let address = |at: usize| hosts.get(at..).and_then(<[u8]>::first_chunk).copied();
        if let (Some(destination), Some(source)) = (address(0), address(6)) {
            let place = (bytes.as_ptr().addr().wrapping_sub(base), bytes.len());
            self.0.push(Noticed { frame_index, ordinal, time, ends: [source, destination], place });
        }
    }

    /// Adds what they say to what was met.
    pub(super) fn hear(&self, batch: &Batch, sessions: &mut Sessions, met: &mut Vec<Met>) {
        let nowhere = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
        for noticed in &self.0 {
            let index = noticed.frame_index as usize;
            let frame = batch.frames.get(index).map_or(&[][..], |raw| batch.frame_bytes(raw));
            let (at, len) = noticed.place;
            let Some(bytes) = frame.get(at..).and_then(|rest| rest.get(..len)) else { continue };
            let now = Moment { frame: batch.frame_number(index), time: noticed.time };
            let said = sessions.take(bytes, noticed.ends, now);
            met.extend(said.map(|Said { message, aside, .. }| Met {
                frame: now.frame,
                time: now.time,
                ordinal: noticed.ordinal,
                protocol: Protocol::Tcp,
                stream: None,
                source: nowhere,
                destination: nowhere,
                conversation: ConversationRef::NONE,
                message,
                aside,
            }));
        }
    }
}

//! UDP packets on their way through their shard.

use super::applications::{Heard, Spoken, payload};
use super::control::{ControlList, Telling};
use super::quotes::keep;
use super::steps::{own_interface, wire_len};
use super::tally::Tally;
use super::{Depth, Interests};
use crate::capture::Batch;
use crate::conversation::{
    Arrival, ConversationRef, NewConversation, Protocol as Transport, Shard, UdpPacket,
};
use crate::expert::Finding;
use crate::field::{CompletedDatagram, TransportVerdict};
use crate::protocol::message::Brought;
use crate::protocol::stream::Moment;
use crate::tcp::Checksum;

/// Where results of UDP packets go.
pub(super) struct Results<'s> {
    pub(super) control: &'s mut ControlList,
    pub(super) new: &'s mut Vec<NewConversation>,
    pub(super) transports: &'s mut [Option<TransportVerdict>],
    pub(super) references: &'s mut [ConversationRef],
    pub(super) heard: &'s mut Heard,
    pub(super) tally: &'s mut Tally,
    pub(super) findings: &'s mut Vec<Finding>,
}

/// Whether a datagram's checksum matters: only diagnoses ask, and only of name resolution, where a damaged query looks like one that nobody answers.
fn is_summed(interests: &Interests, packet: &UdpPacket) -> bool {
    let (from, to) = packet.key.endpoints(packet.direction);
    interests.diagnoses.is_some() && (from.port() == DNS || to.port() == DNS)
}

const DNS: u16 = 53;

/// Hands UDP packets to their shard, and puts down what comes of them: new conversations, verdicts, the conversation of each verdict, what
/// their applications say.
#[inline(never)]
pub(super) fn take_datagrams(
    packets: &[UdpPacket],
    (batch, completed): (&Batch, &[CompletedDatagram]),
    interests: &Interests,
    shard: &mut Shard,
    results: &mut Results<'_>,
) {
    for packet in packets {
        let frame = batch.frame_number(packet.frame_index as usize);
        let Some(touched) = shard.udp(packet, frame, wire_len(batch, packet.frame_index)) else {
            continue;
        };
        let reference = touched.reference;
        if touched.arrival == Arrival::New {
            let (frame_index, ordinal) = (packet.frame_index, packet.ordinal);
            results.new.push(NewConversation { frame_index, ordinal, reference, key: packet.key });
        }
        if packet.origin.is_quoted() {
            let place = (packet.frame_index, packet.slot);
            let (tally, findings) = (&mut *results.tally, &mut *results.findings);
            let mut telling = Telling { interests, tally, findings };
            let seen = &mut touched.conversation.kinds_seen;
            results.control.tell(batch, place, (Transport::Udp, reference), seen, &mut telling);
        }
        if interests.applications != Depth::None {
            let now = Moment { frame, time: packet.time };
            let slot = (packet.frame_index, packet.slot);
            let bytes = payload(batch, completed, slot, packet.at, 8, packet.payload_len);
            let heard = &mut *results.heard;
            let (key, ordinal) = (packet.key, packet.ordinal);
            let spoken = Spoken { protocol: Transport::Udp, reference, key, now, ordinal };
            if packet.origin.is_quoted() {
                if heard.out.every {
                    touched.conversation.quoted(packet, bytes, now, &mut heard.out);
                    keep(heard, &spoken);
                }
            } else {
                heard.out.sum = is_summed(interests, packet).then(|| {
                    let whole = packet.payload_len.saturating_add(8);
                    let (from, to) = packet.key.endpoints(packet.direction);
                    let datagram = payload(batch, completed, slot, packet.at, 0, whole);
                    Checksum::of_datagram((from.ip(), to.ip()), datagram, whole)
                });
                let interface = own_interface(batch, packet.frame_index);
                heard.out.brought = Brought::new(packet.ip_id, packet.ttl, interface);
                touched.conversation.application(packet, bytes, now, &mut heard.out);
                (heard.out.sum, heard.out.brought) = (None, Brought::default());
                if !heard.out.is_empty() {
                    let seen = &mut touched.conversation.kinds_seen;
                    heard.take(&spoken, seen, interests, results.tally, results.findings);
                }
            }
        }
        if let Some(place) = results.transports.get_mut(packet.slot as usize) {
            *place = Some(TransportVerdict::Udp(None));
            if let Some(place) = results.references.get_mut(packet.slot as usize) {
                *place = reference;
            }
        }
    }
}

//! The steps of a batch's analysis, on state that is lent to them: workers lend it gate by gate, a live analysis owns all of it.

use std::hint::black_box;
use std::sync::Arc;

use super::applications::{Heard, Spoken, payload};
use super::control::Telling;
use super::datagrams::{Results, take_datagrams};
use super::decode::{DecodeSink, Decoded, FoundFragment, Place, PlainFrames, Touched};
use super::quotes::{keep, take_short};
use super::shared::{BatchTimes, Numbers};
use super::slots::Slots;
use super::tally::{Tally, Volume};
use super::{Depth, Interests};
use crate::capture::{Batch, RawFrame};
use crate::conversation::{
    Arrival, ConversationRef, KeyHasher, NewConversation, Protocol as Transport, Scratch, Shard, TcpPacket,
};
use crate::expert::{Context, Finding, KindSet, accusable, tcp_findings, tcp_kinds};
use crate::field::{AnalysedBatch, CompletedDatagram, EchoAnswer, TransportVerdict, link_of};
use crate::model::limits::MAX_NESTED_DATAGRAMS;
use crate::model::{Link, LinkType};
use crate::packet::fragment::FragmentTable;
use crate::packet::{Origin, PLAIN_LAYERS, Protocol, dissect, dissect_datagram, plain};
use crate::protocol::stream::Moment;
use crate::protocol::tls::keys::Secrets;
use crate::tcp::{COMPLETENESS_SYN, Passing};

/// Results of a batch as far as it has come, in buffers that are used again for the next; and what was counted in all of them.
///
/// The order is: [`Steps::decode`], [`Steps::fragments`], [`Steps::shard`] for every shard with packets in it, [`Steps::number`].
#[derive(Debug, Default)]
pub(super) struct Steps {
    decoded: Decoded,
    datagrams: Vec<CompletedDatagram>,
    frame_slots: Vec<u32>,
    new_tcp: Slots<NewConversation>,
    new_udp: Vec<NewConversation>,
    findings: Vec<Finding>,
    transports: Vec<Option<TransportVerdict>>,
    /// Conversation of each slot that has a verdict.
    references: Vec<ConversationRef>,
    scratch: Scratch,
    heard: Heard,
    answers: Vec<EchoAnswer>,
    pub(super) tally: Tally,
}

impl Steps {
    /// The results, once the last step was done.
    pub(super) fn results<'b>(&'b self, batch: &'b Batch, times: BatchTimes) -> AnalysedBatch<'b> {
        AnalysedBatch {
            batch,
            findings: &self.findings,
            messages: &self.heard.met,
            ordinary: Some(&self.heard.ordinary),
            echo_answers: &self.answers,
            transports: &self.transports,
            frame_slots: &self.frame_slots,
            datagrams: &self.datagrams,
            capture_start: times.capture_start,
            previous_time: times.previous,
        }
    }

    /// Secrets of TLS connections that are known from now on.
    pub(super) fn know(&mut self, secrets: Option<Arc<Secrets>>) {
        self.heard.out.secrets = secrets;
    }

    /// Decodes every frame while its bytes are hot, and returns the fragments met.
    pub(super) fn decode<'b>(
        &mut self,
        batch: &'b Batch,
        hasher: &KeyHasher,
        rows: bool,
    ) -> Vec<FoundFragment<'b>> {
        self.decoded.clear();
        self.datagrams.clear();
        self.frame_slots.clear();
        self.findings.clear();
        self.new_tcp.clear();
        self.new_udp.clear();
        self.transports.clear();
        self.references.clear();
        self.heard.met.clear();
        self.heard.ordinary.clear();
        self.answers.clear();
        self.tally.frames(batch);
        let mut fragments = Vec::new();
        let mut volumes = [Volume::default(); PLAIN_LAYERS.len()];
        let (mut interface, mut link) = (u32::MAX, Link::from(LinkType(u32::MAX)));
        for (index, raw) in batch.frames.iter().enumerate() {
            if rows {
                self.frame_slots.push(self.decoded.slots);
            }
            ask_ahead(batch, index);
            if interface != raw.interface {
                (interface, link) = (raw.interface, link_of(batch, raw));
            }
            let mut sink = PlainFrames {
                hasher,
                decoded: &mut self.decoded,
                volumes: &mut volumes,
                frame_index: index as u32,
                time: raw.time,
                wire_len: raw.wire_len,
                base: batch.frame_bytes(raw).as_ptr().addr(),
            };
            if !plain(link, batch.frame_bytes(raw), raw.wire_len, &mut sink) {
                self.dissect(batch, index, raw, hasher, &mut fragments);
            }
        }
        for (layers, volume) in PLAIN_LAYERS.iter().zip(volumes) {
            if volume.frames > 0 {
                let set = layers.iter().fold(0, |set, &layer| set | 1 << layer as u32);
                self.tally.protocols(set, volume);
            }
        }
        fragments
    }

    /// Decodes a frame layer by layer.
    #[inline(never)]
    fn dissect<'b>(
        &mut self,
        batch: &'b Batch,
        index: usize,
        raw: &RawFrame,
        hasher: &KeyHasher,
        fragments: &mut Vec<FoundFragment<'b>>,
    ) {
        let link = link_of(batch, raw);
        let mut sink = DecodeSink {
            hasher,
            decoded: &mut self.decoded,
            fragments,
            place: Place {
                frame_index: index as u32,
                time: raw.time,
                ordinal: 0,
                ttl: 0,
                ip_id: 0,
                base: batch.frame_bytes(raw).as_ptr().addr(),
                in_datagram: false,
            },
            protocols: 0,
            hosts: &[],
            quoting: false,
            malformed: false,
            too_deep: false,
        };
        dissect(link, batch.frame_bytes(raw), raw.wire_len, &mut sink);
        let (protocols, malformed, too_deep) = (sink.protocols, sink.malformed, sink.too_deep);
        let (frame, tally) = (batch.frame_number(index), &mut self.tally);
        tally.protocols(protocols, Volume { frames: 1, bytes: u64::from(raw.wire_len) });
        if malformed {
            tally.malformed.add(frame);
        }
        if too_deep {
            tally.too_deep.add(frame);
        }
        if protocols & (1 << Protocol::UnknownLink as u32) != 0 {
            tally.unknown_links.entry(link.kind).or_default().add(frame);
        }
    }

    /// Hands the fragments to the table, in their order, and decodes the datagrams that they complete. Afterwards all transport headers of
    /// the batch are known.
    pub(super) fn fragments(
        &mut self,
        batch: &Batch,
        hasher: &KeyHasher,
        table: &mut FragmentTable,
        fragments: &[FoundFragment<'_>],
    ) {
        for found in fragments {
            self.reassemble(batch, hasher, table, found, 0);
        }
    }

    /// Puts what completed datagrams hold to its place among the packets, and makes room for the verdicts.
    pub(super) fn prepare(&mut self, rows: bool) {
        if !self.datagrams.is_empty() {
            self.datagrams.sort_by_key(|d| (d.frame_index, d.ordinal));
            for list in self.decoded.lists.iter_mut() {
                list.tcp.items_mut().sort_by_key(|p| (p.frame_index, p.ordinal));
                list.udp.sort_by_key(|p| (p.frame_index, p.ordinal));
                list.quotes.sort_by_key(|quote| (quote.frame_index, quote.ordinal));
            }
            self.decoded.announcements.sort_by_key(|a| (a.frame_index, a.ordinal));
            self.decoded.control.sort();
        }
        if rows {
            self.transports.resize(self.decoded.slots as usize, None);
            self.references.resize(self.decoded.slots as usize, ConversationRef::NONE);
        }
    }

    /// The shards that have packets in this batch.
    pub(super) fn touched(&self) -> impl Iterator<Item = usize> + use<> {
        Touched(self.decoded.touched)
    }

    /// Hands a fragment to the table and decodes the datagram that it may complete, at the frame of the fragment. A datagram can hold
    /// fragments of an inner packet in turn.
    fn reassemble(
        &mut self,
        batch: &Batch,
        hasher: &KeyHasher,
        table: &mut FragmentTable,
        found: &FoundFragment<'_>,
        depth: u8,
    ) {
        if !found.is_whole {
            return table.cut(&found.fragment);
        }
        let Some(datagram) = table.insert(&found.fragment) else { return };
        let first_slot = self.decoded.slots;
        let mut inner = Vec::new();
        let mut sink = DecodeSink {
            hasher,
            decoded: &mut self.decoded,
            fragments: &mut inner,
            place: Place {
                ordinal: found.place.ordinal.saturating_add(1),
                base: datagram.payload.as_ptr().addr(),
                in_datagram: true,
                ..found.place
            },
            protocols: 0,
            hosts: &[],
            quoting: false,
            malformed: false,
            too_deep: false,
        };
        dissect_datagram(&datagram, &mut sink);
        let (protocols, malformed) = (sink.protocols, sink.malformed);
        let too_deep = sink.too_deep || (depth >= MAX_NESTED_DATAGRAMS && !sink.fragments.is_empty());
        let Place { frame_index, ordinal, .. } = found.place;
        self.tally.protocols(protocols, Volume { frames: 1, bytes: u64::from(wire_len(batch, frame_index)) });
        let frame = batch.frame_number(frame_index as usize);
        if malformed {
            self.tally.malformed.add(frame);
        }
        if too_deep {
            self.tally.too_deep.add(frame);
        }
        if depth < MAX_NESTED_DATAGRAMS {
            for nested in &inner {
                self.reassemble(batch, hasher, table, nested, depth + 1);
            }
        }
        self.datagrams.push(CompletedDatagram { frame_index, ordinal, first_slot, datagram });
    }

    /// Walks a shard's packets through its conversations.
    pub(super) fn shard(&mut self, number: usize, batch: &Batch, interests: &Interests, shard: &mut Shard) {
        let Decoded { lists, options, control, .. } = &mut self.decoded;
        let Some(list) = lists.get(number) else { return };
        shard.begin_batch();
        interests.tell(&mut self.heard.out);
        let options = options.items();
        let Steps { datagrams: completed, heard, tally, findings, scratch, .. } = self;
        // Both protocols' packets in frame order: together they come up to the memory limit.
        let mut datagrams = list.udp.as_slice();
        let mut quotes = list.quotes.as_slice();
        let mut rest = list.tcp.items();
        let look_at_headers = interests.look_at_headers();
        let wants_ids = interests.diagnoses.is_some();
        let wants_interfaces = wants_ids && batch.has_several_interfaces();
        while let [packet, following @ ..] = rest {
            rest = following;
            if quotes.first().is_some_and(|quote| quote.frame_index <= packet.frame_index) {
                let place = (packet.frame_index, packet.ordinal);
                let mut telling = Telling { interests, tally, findings };
                quotes = take_short(quotes, place, batch, control, shard, &mut telling);
            }
            if datagrams.first().is_some_and(|datagram| datagram.frame_index <= packet.frame_index) {
                let place = (packet.frame_index, packet.ordinal);
                let before = datagrams.iter().take_while(|d| (d.frame_index, d.ordinal) < place).count();
                let (now, later) = datagrams.split_at_checked(before).unwrap_or_default();
                datagrams = later;
                let mut results = Results {
                    control,
                    new: &mut self.new_udp,
                    transports: &mut self.transports,
                    references: &mut self.references,
                    heard,
                    tally,
                    findings,
                };
                take_datagrams(now, (batch, completed), interests, shard, &mut results);
            }
            let shares_frame = following.first().is_some_and(|next| next.frame_index == packet.frame_index);
            let frame = batch.frame_number(packet.frame_index as usize);
            let wire_len = wire_len(batch, packet.frame_index);
            let bytes = |skip, len| {
                let slot = (packet.frame_index, packet.slot);
                payload(batch, completed, slot, packet.at, skip, len)
            };
            let has_ip_id = packet.ip_id != 0;
            let (mut id, mut interface) = (packet.ip_id, 0);
            // Only diagnoses ask for these, and the frame is far away by now.
            if wants_interfaces {
                interface = own_interface(batch, packet.frame_index);
            }
            if wants_ids && !has_ip_id {
                id = sum_field(bytes(16, 2));
            }
            let passing = Passing {
                wire_len,
                ttl: packet.ttl,
                id,
                has_ip_id,
                interface,
                gap: interests.gap,
                shares_frame,
            };
            let payload = |len| bytes(u32::from(packet.header_len), len);
            let Some(touched) = shard.tcp(packet, frame, options, passing, &bytes, scratch) else {
                continue;
            };
            let verdict = &scratch.verdict;
            let conversation = touched.reference;
            if touched.arrival == Arrival::New {
                let (frame_index, ordinal) = (packet.frame_index, packet.ordinal);
                if let Some(new) = self.new_tcp.next(&NewConversation::BLANK) {
                    // One by one: as a whole it would be made somewhere else first.
                    (new.frame_index, new.ordinal, new.reference) = (frame_index, ordinal, conversation);
                    new.key = packet.key;
                }
            }
            if touched.relay_begins {
                let (frame_index, ordinal) = (packet.frame_index, packet.ordinal);
                let reference = ConversationRef::NONE;
                if let Some(new) = self.new_tcp.next(&NewConversation::BLANK) {
                    *new = NewConversation { frame_index, ordinal, reference, key: packet.key };
                }
            }
            let kinds = if look_at_headers { tcp_kinds(verdict, interests.gap) } else { KindSet::NONE };
            if kinds != KindSet::NONE {
                let seen = touched.conversation.kinds_seen().bits();
                let kinds_seen = KindSet(seen);
                let kinds = accusable(kinds, touched.conversation.account(), packet.direction);
                touched.conversation.add_kinds(kinds.0);
                tally.kinds(kinds, KindSet(kinds.0 & !seen), frame);
                let wanted = KindSet(kinds.0 & interests.kinds.0);
                if wanted != KindSet::NONE {
                    let context = Context { frame, packet, conversation, kinds_seen };
                    tcp_findings(context, verdict, wanted, findings);
                }
            }
            if packet.origin.is_quoted() {
                let mut seen = touched.conversation.kinds_seen();
                let place = (packet.frame_index, packet.slot);
                let mut telling = Telling { interests, tally, findings };
                control.tell(batch, place, (Transport::Tcp, conversation), &mut seen, &mut telling);
                touched.conversation.add_kinds(seen.bits());
                if heard.out.every {
                    let (now, bytes) = (Moment { frame, time: packet.time }, payload(packet.payload_len()));
                    touched.conversation.quoted(packet, bytes, now, &mut heard.out);
                    let (key, ordinal) = (packet.key, packet.ordinal);
                    let spoken =
                        Spoken { protocol: Transport::Tcp, reference: conversation, key, now, ordinal };
                    keep(heard, &spoken);
                }
            }
            if interests.applications != Depth::None && is_heard(packet) && touched.conversation.hears(packet)
            {
                let now = Moment { frame, time: packet.time };
                let bytes = payload(packet.payload_len());
                touched.conversation.application(packet, bytes, now, &mut heard.out);
                if !heard.out.is_empty() {
                    let (key, ordinal) = (packet.key, packet.ordinal);
                    let spoken =
                        Spoken { protocol: Transport::Tcp, reference: conversation, key, now, ordinal };
                    let mut seen = touched.conversation.kinds_seen();
                    heard.take(&spoken, &mut seen, interests, tally, findings);
                    touched.conversation.add_kinds(seen.bits());
                }
            }
            if let Some(place) = self.transports.get_mut(packet.slot as usize) {
                *place = Some(TransportVerdict::Tcp(None, *verdict));
                if let Some(reference) = self.references.get_mut(packet.slot as usize) {
                    *reference = conversation;
                }
            }
        }
        let mut results = Results {
            control,
            new: &mut self.new_udp,
            transports: &mut self.transports,
            references: &mut self.references,
            heard,
            tally,
            findings,
        };
        take_datagrams(datagrams, (batch, completed), interests, shard, &mut results);
        let mut telling = Telling { interests, tally, findings };
        take_short(quotes, (u32::MAX, u16::MAX), batch, control, shard, &mut telling);
    }

    /// Numbers the batch's new conversations, and writes stream numbers wherever the batch's results name a conversation; does what needs all
    /// conversations in frame order. Findings are not yet in order then: see [`Steps::sort`].
    pub(super) fn number(&mut self, batch: &Batch, interests: &Interests, numbers: &mut Numbers) {
        numbers.tcp.assign(self.new_tcp.items_mut());
        numbers.udp.assign(&mut self.new_udp);
        numbers.announcements.forget(self.new_tcp.items());
        numbers.announcements.meet(&self.decoded.announcements, self.new_tcp.items());
        let mut telling = Telling { interests, tally: &mut self.tally, findings: &mut self.findings };
        numbers.control.take(batch, &self.decoded.control, &mut self.answers, &mut telling);
        if interests.applications == Depth::All {
            self.decoded.lan.hear(batch, &mut numbers.eap, &mut self.heard.met);
        }
        for finding in &mut self.findings {
            finding.stream = numbers.stream(finding.protocol, finding.conversation);
        }
        for met in &mut self.heard.met {
            met.stream = numbers.stream(Some(met.protocol), met.conversation);
        }
        for exchange in self.heard.ordinary.iter_mut() {
            exchange.ends.stream = numbers.stream(Some(exchange.ends.protocol), exchange.conversation);
        }
        for (place, &reference) in self.transports.iter_mut().zip(&self.references) {
            match place {
                Some(TransportVerdict::Tcp(stream, verdict)) => {
                    *stream = numbers.tcp.stream(reference);
                    if numbers.announcements.announced(reference) {
                        verdict.completeness &= !COMPLETENESS_SYN;
                    }
                }
                Some(TransportVerdict::Udp(stream)) => *stream = numbers.udp.stream(reference),
                None => {}
            }
        }
    }

    /// Puts the findings into their order.
    pub(super) fn sort(&mut self) {
        self.findings.sort_by_key(|f| (f.known_at, f.ordinal, f.kind));
        // Stable: what one header's application said stays in its order. By cached keys: messages are large, and those of 64 shards in no order.
        self.heard.met.sort_by_cached_key(|met| met.frame.0 << 16 | u64::from(met.ordinal));
        self.heard.ordinary.sort();
    }
}

/// The checksum field of a TCP header; 0 if it was not captured.
fn sum_field(field: &[u8]) -> u16 {
    field.first_chunk().map_or(0, |&bytes| u16::from_be_bytes(bytes))
}

/// Whether a segment's payload is for its application: those quoted or in pieces, or whose header contradicts itself, are not.
#[inline]
fn is_heard(packet: &TcpPacket) -> bool {
    packet.origin == Origin::Packet && packet.reported >= u32::from(packet.header_len)
}

/// Touches the header of a frame a little ahead, so that it is on its way from memory while those before it are decoded.
#[inline(always)]
fn ask_ahead(batch: &Batch, index: usize) {
    const AHEAD: usize = 3;
    /// Within the first line of a cache, or the second.
    const HEADERS: usize = 40;
    if let Some(raw) = batch.frames.get(index + AHEAD) {
        black_box(batch.bytes.get(raw.offset as usize + HEADERS).copied().unwrap_or_default());
    }
}

/// The number of a frame's interface in its section.
#[inline]
pub(super) fn own_interface(batch: &Batch, frame_index: u32) -> u32 {
    batch.frames.get(frame_index as usize).map_or(0, |raw| batch.own_interface(raw))
}

/// Bytes of a frame on the wire.
#[inline]
pub(super) fn wire_len(batch: &Batch, frame_index: u32) -> u32 {
    batch.frames.get(frame_index as usize).map_or(0, |raw| raw.wire_len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;

    /// A batch of frames on Ethernet, and each cut to every length and with every bit of its headers flipped.
    fn batch(frames: &[Vec<u8>]) -> Batch {
        let link = Link { kind: LinkType::ETHERNET, fcs_len: 0 };
        let mut batch = Batch { links: vec![link].into(), ..Batch::default() };
        let mut push = |bytes: &[u8], wire_len: usize| {
            let (offset, captured) = (batch.bytes.len() as u32, bytes.len() as u32);
            let time = Timestamp(1_000_000 - batch.frames.len() as i64);
            let wire_len = wire_len as u32;
            batch.frames.push(RawFrame { time, offset, captured, wire_len, interface: 0 });
            batch.bytes.extend(bytes);
        };
        for frame in frames {
            for len in 0..=frame.len() {
                push(&frame[..len], len);
                push(&frame[..len], frame.len());
            }
            for at in 0..frame.len() {
                for bit in 0..8 {
                    let mut mutant = frame.clone();
                    mutant[at] ^= 1 << bit;
                    push(&mutant, frame.len());
                }
            }
        }
        batch
    }

    /// TCP over IPv4 or IPv6 on Ethernet.
    fn frame(is_v6: bool, ports: (u16, u16), options: &[u8], payload: &[u8]) -> Vec<u8> {
        let offset = (5 + options.len() as u8 / 4) << 4;
        let fixed = [0, 0, 0, 1, 0, 0, 0, 2, offset, 0x18, 1, 0, 0, 0, 0, 0];
        let tcp = [&ports.0.to_be_bytes(), &ports.1.to_be_bytes(), &fixed[..], options, payload].concat();
        let len = tcp.len() as u8;
        let packet = if is_v6 {
            [
                &[0x60, 0, 0, 0, 0, len, 6, 64][..],
                &[0x20, 1],
                &[0; 13],
                &[9],
                &[0x20, 1],
                &[0; 13],
                &[8],
                &tcp,
            ]
            .concat()
        } else {
            [&[0x45, 0, 0, 20 + len, 0, 7, 0, 0, 64, 6, 0, 0, 8, 0, 0, 9, 8, 0, 0, 8][..], &tcp].concat()
        };
        let kind = if is_v6 { [0x86, 0xdd] } else { [8, 0] };
        [&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1][..], &kind, &packet].concat()
    }

    #[test]
    fn the_short_cut_gives_what_the_decoder_gives() {
        let mut frames = Vec::new();
        for (ports, payload) in [
            ((40_000, 443), &b"data"[..]),
            ((21, 40_000), b"227 ok =10,0,0,2,4,5\r\n"),
            ((40_000, 1080), &[5, 1, 0]),
            ((6900, 40_000), b"RFB 003.008\n"),
        ] {
            let stamps = [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2];
            let sack = [1, 1, 5, 10, 0, 0, 0, 1, 0, 0, 0, 2];
            for (is_v6, options) in [(false, &stamps[..]), (true, &sack[..]), (false, &[2, 4, 5, 180])] {
                frames.push(frame(is_v6, ports, options, payload));
            }
        }
        let (batch, hasher) = (batch(&frames), KeyHasher::default());
        let (mut short, mut long) = (Steps::default(), Steps::default());
        let fragments = short.decode(&batch, &hasher, true);
        let mut found = Vec::new();
        long.tally.frames(&batch);
        for (index, raw) in batch.frames.iter().enumerate() {
            long.frame_slots.push(long.decoded.slots);
            long.dissect(&batch, index, raw, &hasher, &mut found);
        }
        assert_eq!(format!("{fragments:?}"), format!("{found:?}"));
        assert_eq!(short.frame_slots, long.frame_slots);
        assert_eq!(format!("{:?}", short.tally), format!("{:?}", long.tally));
        assert!(short.decoded.announcements.len() > 100 && short.decoded.options.items().len() > 1000);
        let packets = short.decoded.lists.iter().flat_map(|list| list.tcp.items());
        assert!(packets.clone().filter(|p| p.negotiates).count() > 100);
        assert!(packets.filter(|p| p.opens_successor).count() > 100);
        assert_eq!(format!("{:?}", short.decoded), format!("{:?}", long.decoded));
    }
}

//! One worker's way with a batch: through the gates in order, with its own buffers.

use super::View;
use super::decode::{DecodeSink, Decoded, FoundFragment};
use super::gate::Stopped;
use super::shared::{BatchTimes, Shared, StopOnPanic};
use super::tally::Tally;
use crate::capture::Batch;
use crate::conversation::{Arrival, ConversationRef, NewConversation, Shard};
use crate::expert::{Context, Finding, KindSet, tcp_findings, tcp_kinds};
use crate::field::{AnalysedBatch, CompletedDatagram, TransportVerdict, link_of};
use crate::model::limits::MAX_NESTED_DATAGRAMS;
use crate::packet::fragment::FragmentTable;
use crate::packet::{Protocol, dissect, dissect_datagram};
use crate::tcp::{COMPLETENESS_SYN, Passing};

/// Buffers that a worker reuses from batch to batch, and its tally.
#[derive(Debug, Default)]
struct Buffers {
    decoded: Decoded,
    datagrams: Vec<CompletedDatagram>,
    frame_slots: Vec<u32>,
    new_tcp: Vec<NewConversation>,
    new_udp: Vec<NewConversation>,
    findings: Vec<Finding>,
    transports: Vec<Option<TransportVerdict>>,
    /// Conversation of each slot that has a verdict.
    references: Vec<ConversationRef>,
    tally: Tally,
}

/// Takes batches until none is left or the run is stopped; returns what was counted.
pub(super) fn work<V: View, A>(shared: &Shared<'_, V, A>) -> Tally
where
    A: FnMut(V::Piece, &AnalysedBatch<'_>) -> std::io::Result<()> + Send,
{
    let mut batch = Batch::default();
    let mut buffers = Buffers::default();
    while let Some(times) = shared.read(&mut batch) {
        if buffers.analyse(&batch, shared, times).is_err() {
            break;
        }
    }
    buffers.tally
}

impl Buffers {
    fn analyse<V: View, A>(
        &mut self,
        batch: &Batch,
        shared: &Shared<'_, V, A>,
        times: BatchTimes,
    ) -> Result<(), Stopped>
    where
        A: FnMut(V::Piece, &AnalysedBatch<'_>) -> std::io::Result<()> + Send,
    {
        self.datagrams.clear();
        let fragments = self.decode(batch, shared);
        {
            // Every batch passes this gate, with fragments or without: a later batch may complete an earlier one's datagram.
            let mut turn = shared.fragments.enter(batch.number, &shared.poison)?;
            if let Some(table) = turn.value() {
                for found in &fragments {
                    self.reassemble(batch, shared, table, found, 0);
                }
            }
        }
        if !self.datagrams.is_empty() {
            self.datagrams.sort_by_key(|d| (d.frame_index, d.ordinal));
            for list in &mut self.decoded.lists {
                list.tcp.sort_by_key(|p| (p.frame_index, p.ordinal));
                list.udp.sort_by_key(|p| (p.frame_index, p.ordinal));
            }
            self.decoded.announcements.sort_by_key(|a| (a.frame_index, a.ordinal));
        }
        self.pass_shards(batch, shared)?;
        self.number(batch, shared)?;
        let analysed = AnalysedBatch {
            batch,
            findings: &self.findings,
            transports: &self.transports,
            frame_slots: &self.frame_slots,
            datagrams: &self.datagrams,
            capture_start: times.capture_start,
            previous_time: times.previous,
        };
        let piece = shared.view.digest(&analysed);
        let mut turn = shared.output.enter(batch.number, &shared.poison)?;
        // Dropped before the turn is passed: nothing may be delivered after a panic either.
        let _guard = StopOnPanic(shared);
        if let Some(accept) = turn.value()
            && let Err(error) = accept(piece, &analysed)
        {
            // Before the turn is passed: nothing may be delivered after the error.
            shared.fail(crate::model::Error::Output(error));
            return Err(Stopped);
        }
        Ok(())
    }

    /// Decodes every frame while its bytes are hot.
    fn decode<'b, V: View, A>(
        &mut self,
        batch: &'b Batch,
        shared: &Shared<'_, V, A>,
    ) -> Vec<FoundFragment<'b>> {
        let rows = shared.interests.rows;
        self.decoded.clear();
        self.frame_slots.clear();
        let mut fragments = Vec::new();
        for (index, raw) in batch.frames.iter().enumerate() {
            if rows {
                self.frame_slots.push(self.decoded.slots);
            }
            let link = link_of(batch, raw);
            let mut sink = DecodeSink {
                hasher: &shared.hasher,
                decoded: &mut self.decoded,
                fragments: &mut fragments,
                frame_index: index as u32,
                time: raw.time,
                ordinal: 0,
                ttl: 0,
                protocols: 0,
                malformed: false,
                too_deep: false,
            };
            dissect(link, batch.frame_bytes(raw), raw.wire_len, &mut sink);
            let (protocols, malformed, too_deep) = (sink.protocols, sink.malformed, sink.too_deep);
            let (frame, tally) = (batch.frame_number(index), &mut self.tally);
            tally.frame(frame, raw.time, raw.wire_len, raw.captured);
            tally.protocols(protocols, raw.wire_len);
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
        fragments
    }

    /// Hands a fragment to the table and decodes the datagram that it may complete, at the frame of the fragment. A datagram can hold
    /// fragments of an inner packet in turn.
    fn reassemble<V: View, A>(
        &mut self,
        batch: &Batch,
        shared: &Shared<'_, V, A>,
        table: &mut FragmentTable,
        found: &FoundFragment<'_>,
        depth: u8,
    ) {
        let Some(datagram) = table.insert(&found.fragment) else { return };
        let first_slot = self.decoded.slots;
        let mut inner = Vec::new();
        let mut sink = DecodeSink {
            hasher: &shared.hasher,
            decoded: &mut self.decoded,
            fragments: &mut inner,
            frame_index: found.frame_index,
            time: found.time,
            ordinal: found.ordinal.saturating_add(1),
            ttl: found.ttl,
            protocols: 0,
            malformed: false,
            too_deep: false,
        };
        dissect_datagram(&datagram, &mut sink);
        let (protocols, malformed) = (sink.protocols, sink.malformed);
        let too_deep = sink.too_deep || (depth >= MAX_NESTED_DATAGRAMS && !sink.fragments.is_empty());
        self.tally.protocols(protocols, wire_len(batch, found.frame_index));
        let frame = batch.frame_number(found.frame_index as usize);
        if malformed {
            self.tally.malformed.add(frame);
        }
        if too_deep {
            self.tally.too_deep.add(frame);
        }
        if depth < MAX_NESTED_DATAGRAMS {
            for nested in &inner {
                self.reassemble(batch, shared, table, nested, depth + 1);
            }
        }
        let (frame_index, ordinal) = (found.frame_index, found.ordinal);
        self.datagrams.push(CompletedDatagram { frame_index, ordinal, first_slot, datagram });
    }

    /// Walks each shard's list through the shard's conversations, one shard after the other.
    fn pass_shards<V: View, A>(&mut self, batch: &Batch, shared: &Shared<'_, V, A>) -> Result<(), Stopped> {
        self.findings.clear();
        self.new_tcp.clear();
        self.new_udp.clear();
        self.transports.clear();
        self.references.clear();
        if shared.interests.rows {
            self.transports.resize(self.decoded.slots as usize, None);
            self.references.resize(self.decoded.slots as usize, ConversationRef::NONE);
        }
        for (number, gate) in shared.shards.iter().enumerate() {
            let mut turn = gate.enter(batch.number, &shared.poison)?;
            if let Some(shard) = turn.value() {
                self.pass_shard(number, batch, shared, shard);
            }
        }
        Ok(())
    }

    fn pass_shard<V: View, A>(
        &mut self,
        number: usize,
        batch: &Batch,
        shared: &Shared<'_, V, A>,
        shard: &mut Shard,
    ) {
        let Some(list) = self.decoded.lists.get(number) else { return };
        let interests = &shared.interests;
        for packet in &list.tcp {
            let frame = batch.frame_number(packet.frame_index as usize);
            let wire_len = wire_len(batch, packet.frame_index);
            let passing = Passing { wire_len, ttl: packet.ttl, gap: interests.gap };
            let Some(touched) = shard.tcp(packet, frame, &self.decoded.options, passing) else { continue };
            let conversation = touched.reference;
            if touched.arrival == Arrival::New {
                let (frame_index, ordinal) = (packet.frame_index, packet.ordinal);
                self.new_tcp.push(NewConversation {
                    frame_index,
                    ordinal,
                    reference: conversation,
                    key: packet.key,
                });
            }
            if touched.relay_begins {
                let (frame_index, ordinal) = (packet.frame_index, packet.ordinal);
                let reference = ConversationRef::NONE;
                self.new_tcp.push(NewConversation { frame_index, ordinal, reference, key: packet.key });
            }
            let kinds = tcp_kinds(&touched.verdict, interests.gap);
            if kinds != KindSet::NONE {
                let seen = touched.conversation.kinds_seen;
                let kinds_seen = KindSet(seen);
                touched.conversation.kinds_seen |= kinds.0;
                self.tally.kinds(kinds, KindSet(kinds.0 & !seen), frame);
                let wanted = KindSet(kinds.0 & interests.kinds.0);
                if wanted != KindSet::NONE {
                    let context = Context { frame, packet, conversation, kinds_seen };
                    tcp_findings(context, &touched.verdict, wanted, &mut self.findings);
                }
            }
            if let Some(place) = self.transports.get_mut(packet.slot as usize) {
                *place = Some(TransportVerdict::Tcp(None, touched.verdict));
                if let Some(reference) = self.references.get_mut(packet.slot as usize) {
                    *reference = conversation;
                }
            }
        }
        for packet in &list.udp {
            let frame = batch.frame_number(packet.frame_index as usize);
            let (reference, arrival) = shard.udp(packet, frame, wire_len(batch, packet.frame_index));
            if arrival == Arrival::New {
                let (frame_index, ordinal) = (packet.frame_index, packet.ordinal);
                self.new_udp.push(NewConversation { frame_index, ordinal, reference, key: packet.key });
            }
            if let Some(place) = self.transports.get_mut(packet.slot as usize) {
                *place = Some(TransportVerdict::Udp(None));
                if let Some(place) = self.references.get_mut(packet.slot as usize) {
                    *place = reference;
                }
            }
        }
    }

    /// Numbers the batch's new conversations, and writes stream numbers wherever the batch's results name a conversation.
    fn number<V: View, A>(&mut self, batch: &Batch, shared: &Shared<'_, V, A>) -> Result<(), Stopped> {
        let mut turn = shared.numbers.enter(batch.number, &shared.poison)?;
        let Some(numbers) = turn.value() else { return Ok(()) };
        numbers.tcp.assign(&mut self.new_tcp);
        numbers.udp.assign(&mut self.new_udp);
        numbers.announcements.meet(&self.decoded.announcements, &self.new_tcp);
        for finding in &mut self.findings {
            finding.stream = numbers.tcp.stream(finding.conversation);
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
        drop(turn);
        self.findings.sort_by_key(|f| (f.known_at, f.ordinal, f.kind));
        Ok(())
    }
}

/// Bytes of a frame on the wire.
#[inline]
fn wire_len(batch: &Batch, frame_index: u32) -> u32 {
    batch.frames.get(frame_index as usize).map_or(0, |raw| raw.wire_len)
}

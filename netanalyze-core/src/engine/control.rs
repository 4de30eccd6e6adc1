//! Messages of ICMP, neighbour discovery and ARP on their way through the engine: decoding lists them, shards say which conversation an error
//! quotes, and at the last gate but one they meet what earlier frames said.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use hashbrown::HashSet;

use super::Interests;
use super::decode::Place;
use super::tally::Tally;
use crate::capture::Batch;
use crate::conversation::{ConversationRef, KindsSeen, Protocol};
use crate::expert::{
    DUPLICATE_ADDRESS, Detail, ECHO_DUPLICATE, ECHO_UNANSWERED, Finding, IcmpDetail, KindId, KindSet,
    NEIGHBOUR_UNANSWERED, trouble_kind,
};
use crate::field::EchoAnswer;
use crate::model::limits::MAX_REPORTED_PAIRS;
use crate::model::{Endpoint, FrameNumber, Span, Timestamp};
use crate::packet::Transport;
use crate::protocol::icmp::{Arp, Echo, Echoes, Neighbours, Said, icmpv4, icmpv6};
use crate::protocol::stream::Moment;

/// How long before the capture's end a question must have been asked to count as unanswered.
const PATIENCE: Span = Span(1_000_000_000);

/// A message in a frame.
#[derive(Debug)]
struct Noticed {
    frame_index: u32,
    ordinal: u16,
    time: Timestamp,
    source: IpAddr,
    destination: IpAddr,
    said: Said,
    quote: Option<Quote>,
    /// The shard of the conversation that it quotes has made a finding of it.
    is_told: bool,
}

/// What an error quotes, as far as it goes.
#[derive(Clone, Copy, Debug)]
struct Quote {
    source: Endpoint,
    destination: Endpoint,
    /// As IP numbers it.
    protocol: u8,
    /// Of a TCP or UDP header.
    slot: Option<u32>,
    echo: Option<Echo>,
}

/// The messages of a batch, in frame order.
#[derive(Debug, Default)]
pub(super) struct ControlList(Vec<Noticed>);

impl ControlList {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Puts what completed datagrams hold to its place.
    pub(super) fn sort(&mut self) {
        self.0.sort_by_key(|noticed| (noticed.frame_index, noticed.ordinal));
    }

    /// Takes an ICMP or ICMPv6 message. True if it is an error, whose quote follows.
    #[cold]
    pub(super) fn icmp(&mut self, place: &Place, transport: &Transport<'_>, is_quoting: bool) -> bool {
        let said = match (transport.source, transport.destination) {
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                icmpv6(transport.bytes, source, destination, place.ttl)
            }
            _ => icmpv4(transport.bytes),
        };
        if transport.origin.is_quoted() {
            if let (true, Some(Said::Echo(echo))) = (is_quoting, said)
                && let Some(quote) = self.quote()
            {
                quote.echo = quote.echo.or(Some(echo));
            }
            return is_quoting;
        }
        let Some(said) = said else { return false };
        self.push(place, transport.source, transport.destination, said);
        matches!(said, Said::Error(..))
    }

    /// Takes an ARP packet.
    #[cold]
    pub(super) fn arp(&mut self, place: &Place, bytes: &[u8]) {
        if let Some(arp) = Arp::parse(bytes)
            && let Some(said) = arp.said()
        {
            self.push(place, arp.sender.into(), arp.target.into(), Said::Neighbour(said));
        }
    }

    fn push(&mut self, place: &Place, source: IpAddr, destination: IpAddr, said: Said) {
        let &Place { frame_index, ordinal, time, .. } = place;
        let (quote, is_told) = (None, false);
        self.0.push(Noticed { frame_index, ordinal, time, source, destination, said, quote, is_told });
    }

    /// The quote of the error at hand.
    fn quote(&mut self) -> Option<&mut Quote> {
        self.0.last_mut()?.quote.as_mut()
    }

    /// Takes the IP header that the error at hand quotes.
    #[cold]
    pub(super) fn quoted_ip(&mut self, header: &[u8], is_v6: bool) {
        let Some(place) = self.0.last_mut().map(|noticed| &mut noticed.quote) else { return };
        let ends = if is_v6 { ends::<16, Ipv6Addr>(header, 8) } else { ends::<4, Ipv4Addr>(header, 12) };
        let Some((source, destination)) = ends.filter(|_| place.is_none()) else { return };
        let [source, destination] = [source, destination].map(|address| SocketAddr::new(address, 0));
        let protocol = header.get(if is_v6 { 6 } else { 9 }).copied().unwrap_or(0);
        *place = Some(Quote { source, destination, protocol, slot: None, echo: None });
    }

    /// Takes the TCP or UDP header that the error at hand quotes.
    #[cold]
    pub(super) fn quoted(&mut self, transport: &Transport<'_>, protocol: u8, slot: u32) {
        let Some(quote) = self.quote().filter(|quote| quote.slot.is_none()) else { return };
        let Some(&[s0, s1, d0, d1]) = transport.bytes.first_chunk() else { return };
        *quote = Quote {
            source: SocketAddr::new(transport.source, u16::from_be_bytes([s0, s1])),
            destination: SocketAddr::new(transport.destination, u16::from_be_bytes([d0, d1])),
            protocol,
            slot: Some(slot),
            echo: None,
        };
    }

    /// Makes a finding of an error, once the conversation that it quotes is known.
    #[cold]
    pub(super) fn tell(
        &mut self,
        batch: &Batch,
        (frame_index, slot): (u32, u32),
        (protocol, reference): (Protocol, ConversationRef),
        seen: &mut KindsSeen,
        telling: &mut Telling<'_>,
    ) {
        let start = self.0.partition_point(|noticed| noticed.frame_index < frame_index);
        let of_frame = self.0.iter_mut().skip(start).take_while(|noticed| noticed.frame_index == frame_index);
        let is_it = |noticed: &&mut Noticed| noticed.quote.is_some_and(|quote| quote.slot == Some(slot));
        let Some(noticed) = of_frame.into_iter().find(is_it) else { return };
        let Some((kind, detail)) = noticed.error() else { return };
        noticed.is_told = true;
        let bit = 1u128 << kind.0;
        let first = seen.bits() & bit == 0;
        seen.add(bit);
        telling.tell(batch, noticed, kind, detail, first, Some((protocol, reference)));
    }
}

/// Source and destination, the one behind the other.
fn ends<const N: usize, A: From<[u8; N]> + Into<IpAddr>>(
    header: &[u8],
    at: usize,
) -> Option<(IpAddr, IpAddr)> {
    let source: [u8; N] = *header.get(at..)?.first_chunk()?;
    let destination: [u8; N] = *header.get(at + N..)?.first_chunk()?;
    Some((A::from(source).into(), A::from(destination).into()))
}

impl Noticed {
    /// The finding of an error.
    fn error(&self) -> Option<(KindId, IcmpDetail)> {
        let Said::Error(trouble, icmp_type, icmp_code) = self.said else { return None };
        let quoted_protocol = self.quote.map(|quote| quote.protocol);
        let reporter = self.source;
        let detail = IcmpDetail::Error { reporter, icmp_type, icmp_code, quoted_protocol, trouble };
        Some((trouble_kind(&trouble), detail))
    }

    /// Who is told of with it: the ends of the quoted packet, or its own.
    fn ends(&self) -> (Endpoint, Endpoint) {
        match self.quote {
            Some(quote) => (quote.source, quote.destination),
            None => (SocketAddr::new(self.source, 0), SocketAddr::new(self.destination, 0)),
        }
    }
}

/// Where findings go.
pub(super) struct Telling<'s> {
    pub(super) interests: &'s Interests,
    pub(super) tally: &'s mut Tally,
    pub(super) findings: &'s mut Vec<Finding>,
}

impl Telling<'_> {
    fn tell(
        &mut self,
        batch: &Batch,
        noticed: &Noticed,
        kind: KindId,
        detail: IcmpDetail,
        first: bool,
        conversation: Option<(Protocol, ConversationRef)>,
    ) {
        let frame = batch.frame_number(noticed.frame_index as usize);
        let (source, destination) = noticed.ends();
        self.push(Finding {
            kind,
            frame,
            known_at: frame,
            ordinal: noticed.ordinal,
            time: noticed.time,
            protocol: conversation.map(|(protocol, _)| protocol),
            stream: None,
            source,
            destination,
            detail: Detail::Icmp(Box::new(detail)),
            first_of_conversation: first,
            conversation: conversation.map_or(ConversationRef::NONE, |(_, reference)| reference),
        });
    }

    /// Counts a finding, and keeps it if it is wanted.
    fn push(&mut self, finding: Finding) {
        let bit = KindSet(1 << finding.kind.0);
        let new = if finding.first_of_conversation { bit } else { KindSet::NONE };
        self.tally.kinds(bit, new, finding.frame);
        if self.interests.kinds.contains(finding.kind) {
            self.findings.push(finding);
        }
    }
}

/// What is remembered from frame to frame, of all conversations.
#[derive(Debug, Default)]
pub(super) struct Control {
    echoes: Echoes,
    neighbours: Neighbours,
    /// Whom something was reported that belongs to no conversation.
    reported: HashSet<(KindId, IpAddr, IpAddr), foldhash::fast::RandomState>,
}

impl Control {
    /// Takes the messages of a batch, in frame order, and says which echo requests they answer.
    pub(super) fn take(
        &mut self,
        batch: &Batch,
        list: &ControlList,
        answers: &mut Vec<EchoAnswer>,
        telling: &mut Telling<'_>,
    ) {
        for noticed in &list.0 {
            let now = Moment { frame: batch.frame_number(noticed.frame_index as usize), time: noticed.time };
            let (source, destination) = (noticed.source, noticed.destination);
            match noticed.said {
                Said::Error(..) => self.error(batch, noticed, telling),
                Said::Echo(echo) if echo.is_reply => {
                    let Some(reply) = self.echoes.reply(source, destination, &echo, now) else { continue };
                    if reply.is_duplicate {
                        let first = self.is_first(ECHO_DUPLICATE, source, destination);
                        let detail = IcmpDetail::duplicate(echo.ident, echo.seq, &reply);
                        telling.tell(batch, noticed, ECHO_DUPLICATE, detail, first, None);
                    } else {
                        let (frame_index, ordinal) = (noticed.frame_index, noticed.ordinal);
                        let (request, rtt) = (reply.request, reply.rtt);
                        answers.push(EchoAnswer { frame_index, ordinal, request, rtt });
                    }
                }
                Said::Echo(echo) => self.echoes.request(source, destination, &echo, now),
                Said::Neighbour(ref said) => {
                    if let Some(conflict) = self.neighbours.take(said, now) {
                        let first = self.is_first(DUPLICATE_ADDRESS, source, destination);
                        let detail = IcmpDetail::conflict(&conflict);
                        telling.tell(batch, noticed, DUPLICATE_ADDRESS, detail, first, None);
                    }
                }
            }
        }
    }

    fn error(&mut self, batch: &Batch, noticed: &Noticed, telling: &mut Telling<'_>) {
        let (source, destination) = noticed.ends();
        if let Some(echo) = noticed.quote.and_then(|quote| quote.echo) {
            self.echoes.excuse(source.ip(), destination.ip(), &echo);
        }
        if let Some((kind, detail)) = noticed.error().filter(|_| !noticed.is_told) {
            let first = self.is_first(kind, source.ip(), destination.ip());
            telling.tell(batch, noticed, kind, detail, first, None);
        }
    }

    /// Whether nothing of the kind was told of these two before; of too many, nobody knows.
    fn is_first(&mut self, kind: KindId, source: IpAddr, destination: IpAddr) -> bool {
        self.reported.len() < MAX_REPORTED_PAIRS && self.reported.insert((kind, source, destination))
    }

    /// Tells what was never answered, when the capture ends with frame `last`.
    pub(super) fn finish(&self, last: FrameNumber, end: Timestamp, telling: &mut Telling<'_>) {
        let mut tell = |kind, at: Moment, ends: (IpAddr, IpAddr), detail| {
            telling.push(Finding {
                kind,
                frame: at.frame,
                known_at: last,
                ordinal: 0,
                time: at.time,
                protocol: None,
                stream: None,
                source: SocketAddr::new(ends.0, 0),
                destination: SocketAddr::new(ends.1, 0),
                detail: Detail::Icmp(Box::new(detail)),
                first_of_conversation: true,
                conversation: ConversationRef::NONE,
            });
        };
        for ping in self.echoes.losses(end, PATIENCE) {
            let ends = (ping.source, ping.destination);
            tell(ECHO_UNANSWERED, ping.first_lost.unwrap_or_default(), ends, IcmpDetail::unanswered(&ping));
        }
        for question in self.neighbours.unanswered(end, PATIENCE) {
            let ends = (question.asker, question.target);
            tell(NEIGHBOUR_UNANSWERED, question.first, ends, IcmpDetail::no_neighbour(&question));
        }
    }

    /// What its bounds cost: echo requests that were not waited for any longer, those not counted, neighbours ignored.
    pub(super) fn costs(&self) -> [u64; 3] {
        [self.echoes.forgotten(), self.echoes.uncounted(), self.neighbours.ignored()]
    }
}

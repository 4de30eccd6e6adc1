//! Gathers what diagnoses are made of while batches pass, in capture order, and makes them at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::num::NonZeroUsize;

use super::clock::Clock;
use super::join::join;
use super::object::{Diagnosis, Gate};
use super::ordinary::{OrdinaryExchanges, place};
use super::quality::{Volume, Waiting, gates};
use super::rules;
use super::rules::dns::{Hidden, Lacks};
use super::scene::{IcmpError, Scene, Stream, Unresolved};
use super::thresholds::Thresholds;
use crate::capture::RawFrame;
use crate::conversation::{Met, Protocol, Services};
use crate::expert::{Detail, DnsTrouble, Finding, IcmpDetail, KindSet, kind_by_id};
use crate::model::limits::MAX_DIAGNOSED;
use crate::model::{Endpoint, FrameNumber, Span, Timestamp};
use crate::protocol::icmp::Trouble;
use crate::protocol::message::Message;

/// See the head of the module.
#[derive(Debug)]
pub(crate) struct Diagnoser {
    thresholds: std::sync::Arc<Thresholds>,
    clock: Clock,
    /// Times after which nothing was captured for so long that another recording follows.
    breaks: Vec<Timestamp>,
    icmp: BTreeMap<u32, Vec<IcmpError>>,
    unresolved: BTreeMap<IpAddr, Unresolved>,
    names: rules::dns::Names,
    /// Between which hosts, source first, fragmented datagrams stayed incomplete.
    torn: BTreeSet<(IpAddr, IpAddr)>,
    /// Fragments over IPv6 came.
    has_ipv6_fragments: bool,
    hidden: Hidden,
    handshakes: rules::tls::Handshakes,
    exchanges: rules::application::Exchanges,
}

/// Where nothing was captured for so long, recordings were put together in one file: what waits for an answer then was not watched.
const BREAK: Span = Span(3_600_000_000_000);

/// So many packets of IPsec are a tunnel in use.
const SEALED: u64 = 10;

/// Errors about one conversation that are kept.
const ERRORS: usize = 8;

impl Diagnoser {
    pub(crate) fn new(thresholds: std::sync::Arc<Thresholds>) -> Self {
        Diagnoser {
            thresholds,
            clock: Clock::default(),
            breaks: Vec::new(),
            icmp: BTreeMap::new(),
            unresolved: BTreeMap::new(),
            names: Default::default(),
            torn: BTreeSet::new(),
            has_ipv6_fragments: false,
            hidden: Hidden::default(),
            handshakes: Default::default(),
            exchanges: Default::default(),
        }
    }

    /// With what is known of fragments: between which hosts, source first, datagrams stayed incomplete, and whether any came over IPv6; and with the ends of
    /// all UDP conversations.
    pub(crate) fn told_of(
        mut self,
        (torn, has_ipv6_fragments): (BTreeSet<(IpAddr, IpAddr)>, bool),
        udp: impl Iterator<Item = [Endpoint; 2]>,
    ) -> Self {
        (self.torn, self.has_ipv6_fragments) = (torn, has_ipv6_fragments);
        udp.for_each(|ends| self.hidden.conversation(ends));
        self
    }

    /// Kinds of findings that it looks at.
    pub(crate) fn kinds() -> KindSet {
        let ids = [
            "netanalyze.icmp.port_unreachable",
            "netanalyze.icmp.host_unreachable",
            "netanalyze.icmp.prohibited",
            "netanalyze.icmp.error",
            "netanalyze.icmp.packet_too_big",
            "netanalyze.neighbour.unanswered",
            "dns.retransmit_response",
        ];
        ids.iter().filter_map(|id| kind_by_id(id)).fold(KindSet::NONE, |set, id| KindSet(set.0 | 1 << id.0))
    }

    /// Takes a batch's times; `previous` is that of the frame before.
    pub(crate) fn pass(&mut self, previous: Timestamp, first_frame: FrameNumber, frames: &[RawFrame]) {
        self.clock.pass(previous, first_frame, frames);
        let (Some(first), Some(last)) = (frames.first(), frames.last()) else { return };
        if last.time.since(previous) < BREAK && last.time.since(first.time).0 >= 0 {
            return;
        }
        let mut before = previous;
        for frame in frames {
            if frame.time.since(before) >= BREAK && self.breaks.len() < MAX_DIAGNOSED {
                self.breaks.push(before);
            }
            before = frame.time;
        }
    }

    /// Takes what a batch brought. Exchanges that went well come in `ordinary` or as messages.
    pub(crate) fn take(
        &mut self,
        findings: &[Finding],
        messages: &[Met],
        ordinary: Option<&OrdinaryExchanges>,
    ) {
        for finding in findings {
            match &finding.detail {
                Detail::Icmp(detail) => self.control(finding, detail),
                Detail::Dns(detail) => {
                    if let DnsTrouble::Repeated { of_frame, response: true } = detail.trouble {
                        self.names.repeated(of_frame);
                    }
                }
                _ => {}
            }
        }
        let mut ordinary = ordinary.into_iter().flat_map(OrdinaryExchanges::in_order).peekable();
        let (mut header, mut said) = (0, 0_u16);
        for met in messages {
            let place = place(met.frame, met.ordinal);
            said = if place == header { said.saturating_add(1) } else { 0 };
            header = place;
            while let Some(exchange) = ordinary.next_if(|exchange| exchange.is_before(place, said)) {
                self.exchanges.ordinary(exchange);
            }
            if met.protocol == Protocol::Udp {
                self.hidden.understood([met.source, met.destination]);
            }
            match &met.message {
                Message::Lookup(lookup) => self.names.take(met, lookup, &self.thresholds),
                Message::Handshake(handshake) => self.handshakes.take(met, handshake, &self.thresholds),
                Message::Exchange(exchange) => {
                    self.handshakes.exchange(met, exchange);
                    self.exchanges.take(met, exchange, &self.thresholds);
                }
                _ => {}
            }
        }
        ordinary.for_each(|exchange| self.exchanges.ordinary(exchange));
    }

    fn control(&mut self, finding: &Finding, detail: &IcmpDetail) {
        match *detail {
            IcmpDetail::Error { reporter, icmp_type, icmp_code, trouble, .. } => {
                let Some(stream) = finding.stream.filter(|_| finding.protocol == Some(Protocol::Tcp)) else {
                    return;
                };
                let mtu = match trouble {
                    Trouble::TooBig { mtu } => Some(mtu),
                    _ => None,
                };
                if self.icmp.len() >= MAX_DIAGNOSED && !self.icmp.contains_key(&stream) {
                    return;
                }
                let errors = self.icmp.entry(stream).or_default();
                if errors.len() < ERRORS {
                    errors.push(IcmpError {
                        frame: finding.frame,
                        time: finding.time,
                        reporter,
                        icmp_type,
                        icmp_code,
                        mtu,
                        source: finding.source,
                    });
                }
            }
            IcmpDetail::NoNeighbour { target, requests, .. } if self.unresolved.len() < MAX_DIAGNOSED => {
                let asked = Unresolved { address: target, frame: finding.frame, asked: requests };
                self.unresolved.insert(target, asked);
            }
            _ => {}
        }
    }

    /// Makes gates and diagnoses. `streams` come by number; `end` is the capture's latest time.
    pub(crate) fn finish(
        self,
        streams: &[Stream],
        services: Services,
        threads: NonZeroUsize,
        volume: &Volume<'_>,
        end: Timestamp,
    ) -> (Vec<Gate>, Vec<Diagnosis>) {
        let Diagnoser {
            thresholds,
            clock,
            mut breaks,
            icmp,
            unresolved,
            names,
            torn,
            has_ipv6_fragments,
            mut hidden,
            handshakes,
            exchanges,
        } = self;
        breaks.push(end);
        breaks.sort_unstable();
        let scene = Scene::new(&thresholds, streams, services, (&icmp, &unresolved), breaks);
        let waiting = Waiting {
            handshakes: handshakes.waiting(&scene),
            queries: names.waiting(&scene),
            requests: exchanges.waiting(&scene),
        };
        let gates = gates(&scene, volume, &waiting, names.damaged(), &clock);
        let one_sided = gates.iter().any(|gate| gate.code == "Q-06");
        let mut cases = rules::of_streams(&scene, threads);
        hidden.look(&scene, volume.sealed >= SEALED);
        let by_port = volume.only_ports_over_ipv6 && !has_ipv6_fragments;
        names.look(&scene, &Lacks { one_sided, torn, by_port, hidden }, &mut cases);
        handshakes.look(&scene, &mut cases);
        exchanges.look(&scene, &mut cases);
        let diagnoses = join(clock.sober(cases), &gates, &thresholds);
        (gates, diagnoses)
    }
}

//! Where hosts may get names resolved without being seen: tunnels, encrypted DNS; and whether they know addresses from elsewhere.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use hashbrown::HashSet;

use super::known::MAX_RECENT;
use crate::diagnosis::scene::Scene;
use crate::model::limits::MAX_SERVICES;
use crate::model::{Endpoint, Span, Timestamp};
use crate::protocol::dns::Lookup;

/// Who asked elsewhere connects so soon.
const AFTERWARDS: Span = Span(30_000_000_000);
/// Connections of that time that are looked at: many names must not be compared with very many of them.
const LOOKED_AT: usize = 64;

/// See the head of the module.
#[derive(Debug, Default)]
pub(in crate::diagnosis) struct Hidden {
    /// What carries what does not show, by host.
    ways: BTreeMap<IpAddr, &'static str>,
    /// UDP conversations on ports of TLS whose messages were understood: QUIC.
    understood: HashSet<[Endpoint; 2], foldhash::fast::FixedState>,
    /// The capture holds packets of IPsec.
    sealed: bool,
}

/// What goes over UDP to a port and does not show (RFC 3948, RFC 2661, RFC 7858, RFC 8094; OpenVPN and WireGuard by the ports that their manuals name).
fn over_udp(port: u16) -> Option<&'static str> {
    match port {
        500 | 4500 => Some("IPsec"),
        853 => Some("encrypted DNS"),
        1194 => Some("OpenVPN"),
        1701 => Some("L2TP"),
        51_820 => Some("WireGuard"),
        _ => None,
    }
}

/// The same over TCP (RFC 7858, RFC 2637).
fn over_tcp(server: Endpoint) -> Option<&'static str> {
    match server.port() {
        853 => Some("encrypted DNS"),
        1194 => Some("OpenVPN"),
        1723 => Some("PPTP"),
        443 if is_public_resolver(server.ip()) => Some("encrypted DNS"),
        _ => None,
    }
}

/// Ports of TLS, over which VPNs go with DTLS beside it.
fn is_of_tls(port: u16) -> bool {
    matches!(port, 443 | 4433)
}

/// Resolvers for everybody that offer DNS over HTTPS at the same address (RFC 8484).
fn is_public_resolver(host: IpAddr) -> bool {
    const ALL: [Ipv4Addr; 8] = [
        Ipv4Addr::new(1, 0, 0, 1),
        Ipv4Addr::new(1, 1, 1, 1),
        Ipv4Addr::new(8, 8, 4, 4),
        Ipv4Addr::new(8, 8, 8, 8),
        Ipv4Addr::new(9, 9, 9, 9),
        Ipv4Addr::new(149, 112, 112, 112),
        Ipv4Addr::new(208, 67, 220, 220),
        Ipv4Addr::new(208, 67, 222, 222),
    ];
    matches!(host, IpAddr::V4(host) if ALL.contains(&host))
}

impl Hidden {
    /// A message of a UDP conversation was understood.
    #[inline]
    pub(in crate::diagnosis) fn understood(&mut self, ends: [Endpoint; 2]) {
        if ends.iter().any(|end| is_of_tls(end.port())) && self.understood.len() < MAX_SERVICES {
            self.understood.insert(in_order(ends));
        }
    }

    /// There is a UDP conversation. All that is understood is known.
    pub(in crate::diagnosis) fn conversation(&mut self, ends: [Endpoint; 2]) {
        let of_port = ends.iter().find_map(|end| over_udp(end.port()));
        let is_unknown = || {
            let of_tls = ends.iter().any(|end| is_of_tls(end.port()));
            of_tls && self.understood.len() < MAX_SERVICES && !self.understood.contains(&in_order(ends))
        };
        let way = of_port
            .or_else(|| is_unknown().then_some("something over UDP on a port of TLS that is not QUIC"));
        if let Some(way) = way {
            ends.iter().for_each(|end| self.add(end.ip(), way));
        }
    }

    fn add(&mut self, host: IpAddr, way: &'static str) {
        if self.ways.len() < MAX_SERVICES {
            self.ways.entry(host).or_insert(way);
        }
    }

    /// Adds connections. Of those that closed well only the servers are known.
    pub(in crate::diagnosis) fn look(&mut self, scene: &Scene<'_>, sealed: bool) {
        self.sealed = sealed;
        for stream in scene.streams {
            let ends = stream.ends();
            if let Some(way) = over_tcp(ends.server).filter(|_| stream.is_two_sided()) {
                self.add(ends.client.ip(), way);
            }
        }
    }

    /// What a host has that carries what does not show, as a clause.
    pub(super) fn way(&self, host: IpAddr) -> Option<String> {
        match self.ways.get(&host) {
            Some(way) => Some(format!("{host} uses {way}")),
            None if self.sealed => Some("the capture holds packets of IPsec".to_owned()),
            None => None,
        }
    }
}

fn in_order([a, b]: [Endpoint; 2]) -> [Endpoint; 2] {
    [a.min(b), a.max(b)]
}

/// Addresses that answers gave to hosts, as far as they are kept.
#[derive(Debug, Default)]
pub(super) struct Given {
    addresses: HashSet<(IpAddr, IpAddr), foldhash::fast::FixedState>,
    /// There were more.
    is_full: bool,
}

impl Given {
    pub(super) fn note(&mut self, client: IpAddr, lookup: &Lookup) {
        for &address in &lookup.addresses {
            if self.addresses.len() < 4 * MAX_RECENT {
                self.addresses.insert((client, address));
            } else {
                self.is_full = true;
            }
        }
        self.is_full |= lookup.left_out > 0;
    }

    /// A host to which a client connects soon after a time, of whose address no answer spoke. Nobody knows where not all addresses are kept.
    pub(super) fn stranger(&self, opened: &Opened, client: IpAddr, time: Timestamp) -> Option<IpAddr> {
        let all = opened.0.get(&client).map_or(&[][..], Vec::as_slice);
        let from = all.partition_point(|(at, _)| *at < time);
        let soon = all.iter().skip(from).take_while(|(at, _)| at.since(time) <= AFTERWARDS).take(LOOKED_AT);
        let is_strange = |server: &IpAddr| !self.is_full && !self.addresses.contains(&(client, *server));
        soon.map(|(_, server)| *server).find(is_strange)
    }
}

/// When hosts opened connections, and to whom, in order. Of those that closed well nothing is known.
pub(super) struct Opened(BTreeMap<IpAddr, Vec<(Timestamp, IpAddr)>>);

impl Opened {
    pub(super) fn new(scene: &Scene<'_>) -> Self {
        let mut all: BTreeMap<IpAddr, Vec<(Timestamp, IpAddr)>> = BTreeMap::new();
        for stream in scene.streams {
            let opening = &stream.chronicle.opening;
            if let Some(client) = opening.client().filter(|_| opening.syns > 0 && opening.syn_acks > 0) {
                let (host, server) = (stream.end(client).ip(), stream.end(client.reverse()).ip());
                all.entry(host).or_default().push((opening.first_syn, server));
            }
        }
        all.values_mut().for_each(|opened| opened.sort_unstable());
        Opened(all)
    }
}

//! What rules look at once the capture was read: chronicles, what is known of servers, ICMP errors, the capture's bounds.

use std::net::IpAddr;

use std::collections::BTreeMap;

use super::object::Ends;
use super::thresholds::Thresholds;
#[cfg(test)]
use crate::conversation::Census;
use crate::conversation::{FlowKey, Protocol, Services};
use crate::model::{Direction, Endpoint, FrameNumber, Span, Timestamp};
use crate::tcp::{Chronicle, Lane, Shape};

/// A TCP conversation of which there may be something to tell.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) number: u32,
    pub(crate) key: FlowKey,
    pub(crate) chronicle: Box<Chronicle>,
}

/// Where a stream was captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Vantage {
    NearClient,
    NearServer,
    Between,
    Unknown,
}

impl Stream {
    /// Direction of the client: of who opened, or else of who has the less usual port; `None` if neither tells.
    pub(super) fn client(&self) -> Option<Direction> {
        self.chronicle.opening.client().or_else(|| {
            let (a, b) = self.key.endpoints(Direction::AtoB);
            // Ports that systems choose for clients begin at 32768 (RFC 6335 §6: 49152).
            match (a.port() >= 32_768, b.port() >= 32_768) {
                (true, false) => Some(Direction::AtoB),
                (false, true) => Some(Direction::BtoA),
                _ => None,
            }
        })
    }

    /// Its ends; who the client is may be a guess.
    pub(super) fn ends(&self) -> Ends {
        let (client, server) = self.key.endpoints(self.client().unwrap_or(Direction::AtoB));
        Ends { client, server, protocol: Protocol::Tcp, stream: Some(self.number) }
    }

    /// An end's name in a sentence.
    pub(super) fn who(&self, direction: Direction) -> &'static str {
        match self.client() {
            Some(client) if client == direction => "client",
            Some(_) => "server",
            None => "sender",
        }
    }

    /// The end that sends in a direction.
    pub(super) fn end(&self, direction: Direction) -> Endpoint {
        self.key.endpoints(direction).0
    }

    pub(super) fn lane(&self, direction: Direction) -> &Lane {
        self.chronicle.lane(direction)
    }

    /// Whether packets of both directions were captured.
    pub(super) fn is_two_sided(&self) -> bool {
        [Direction::AtoB, Direction::BtoA].iter().all(|&direction| self.lane(direction).packets() > 0)
    }

    /// Where the tap is: next to the end whose side of the handshake took no time, or whose packets made no hop.
    pub(super) fn vantage(&self) -> Vantage {
        let Some(client) = self.client() else { return Vantage::Unknown };
        let is_local = |direction| {
            matches!(self.lane(direction).usual_ttl(), Some(64 | 128 | 255))
                && self.lane(direction).packets() > 0
        };
        let opening = &self.chronicle.opening;
        if let Some(rtt) = opening.rtt() {
            let near = |leg: Span| leg.0 < rtt.0 / 5;
            match (near(opening.client_leg), near(opening.server_leg)) {
                (true, false) => return Vantage::NearClient,
                (false, true) => return Vantage::NearServer,
                _ => {}
            }
        }
        match (is_local(client), is_local(client.reverse())) {
            (true, false) => Vantage::NearClient,
            (false, true) => Vantage::NearServer,
            (true, true) => Vantage::Unknown,
            (false, false) => Vantage::Between,
        }
    }
}

/// An ICMP error about a conversation.
#[derive(Clone, Debug)]
pub(super) struct IcmpError {
    pub(super) frame: FrameNumber,
    pub(super) time: Timestamp,
    pub(super) reporter: IpAddr,
    pub(super) icmp_type: u8,
    pub(super) icmp_code: u8,
    /// Of "fragmentation needed" and "packet too big".
    pub(super) mtu: Option<u32>,
    /// Who had sent the packet that it quotes.
    pub(super) source: Endpoint,
}

impl IcmpError {
    /// "type 3, code 13"
    pub(super) fn code(&self) -> String {
        format!("type {}, code {}", self.icmp_type, self.icmp_code)
    }
}

/// An unanswered question for a hardware address.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unresolved {
    pub(super) address: IpAddr,
    pub(super) frame: FrameNumber,
    pub(super) asked: u64,
}

/// See the head of the module.
#[derive(Debug)]
pub(super) struct Scene<'s> {
    pub(super) thresholds: &'s Thresholds,
    /// By stream number.
    pub(super) streams: &'s [Stream],
    pub(super) services: Services,
    /// ICMP errors by TCP stream, in capture order.
    pub(super) icmp: &'s BTreeMap<u32, Vec<IcmpError>>,
    unresolved: &'s BTreeMap<IpAddr, Unresolved>,
    pub(super) end: Timestamp,
    /// When recordings ended, in order, the capture's end last.
    breaks: Vec<Timestamp>,
    /// When hosts gave connections up, in order.
    aborts: BTreeMap<IpAddr, Vec<Timestamp>>,
    /// Streams by server.
    by_server: BTreeMap<Endpoint, Vec<usize>>,
    /// Hosts that accepted connections, by port: when the first and the last of them began.
    accepting: BTreeMap<u16, Vec<(IpAddr, Timestamp, Timestamp)>>,
    /// Servers by the time to live of their SYN-ACKs, with the shortest time to them and the network of their address, in order of that time.
    fronts: BTreeMap<u8, Vec<(Span, u128)>>,
    /// TTL of hosts, from all that they send in streams: `None` if it differs.
    ttl: BTreeMap<IpAddr, Option<u8>>,
    /// The least and the greatest of them.
    ttls: BTreeMap<IpAddr, (u8, u8)>,
}

/// The network of an address, as coarse as they are handed out: 16 bits, or 32 of IPv6.
fn network(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address) >> 16),
        IpAddr::V6(address) => u128::from(address) >> 96 << 32,
    }
}

/// What accepts connections in less time may be in the same place.
const LOCAL: Span = Span(2_000_000);

/// Several networks of the Internet are not all so near, over as many hops.
const NEAR: Span = Span(5_000_000);

/// Whether an address is one of the Internet's, which hardly ever is so near (RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            let is_shared = a == 100 && b & 0xc0 == 64 || a == 198 && b & 0xfe == 18;
            let is_special =
                v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_documentation();
            !(is_shared || is_special || a == 0 || a >= 224)
        }
        IpAddr::V6(v6) => {
            let [first, second, ..] = v6.segments();
            first & 0xe000 == 0x2000 && (first, second) != (0x2001, 0x0db8)
        }
    }
}

impl<'s> Scene<'s> {
    /// As [`Scene::new`], with what the streams tell of their servers remembered first, as it is at a capture's end.
    #[cfg(test)]
    pub(super) fn remembering(
        thresholds: &'s Thresholds,
        streams: &'s [Stream],
        mut services: Services,
        errors: (&'s BTreeMap<u32, Vec<IcmpError>>, &'s BTreeMap<IpAddr, Unresolved>),
        breaks: Vec<Timestamp>,
    ) -> Self {
        let mut census = Census::default();
        for stream in streams {
            census.add(&stream.key, &stream.chronicle.brief(), usize::MAX);
        }
        services.merge(census.finish());
        Scene::new(thresholds, streams, services, errors, breaks)
    }

    pub(super) fn new(
        thresholds: &'s Thresholds,
        streams: &'s [Stream],
        services: Services,
        (icmp, unresolved): (&'s BTreeMap<u32, Vec<IcmpError>>, &'s BTreeMap<IpAddr, Unresolved>),
        breaks: Vec<Timestamp>,
    ) -> Self {
        let mut ttl: BTreeMap<IpAddr, Option<u8>> = BTreeMap::new();
        let mut ttls: BTreeMap<IpAddr, (u8, u8)> = BTreeMap::new();
        for (server, service) in services.iter() {
            if let Some((least, most)) = service.ttl {
                let one = Some(least).filter(|_| least == most);
                let of_host = ttls.entry(server.ip()).or_insert((least, most));
                *of_host = (of_host.0.min(least), of_host.1.max(most));
                let known = ttl.entry(server.ip()).or_insert(one);
                if *known != one {
                    *known = None;
                }
            }
        }
        let mut aborts: BTreeMap<IpAddr, Vec<Timestamp>> = BTreeMap::new();
        let mut by_server: BTreeMap<Endpoint, Vec<usize>> = BTreeMap::new();
        for (at, stream) in streams.iter().enumerate() {
            by_server.entry(stream.ends().server).or_default().push(at);
            if let Some(reset) = stream.chronicle.reset.as_deref().filter(|reset| reset.shape == Shape::Abort)
            {
                aborts.entry(stream.end(reset.by).ip()).or_default().push(reset.time);
            }
        }
        aborts.values_mut().for_each(|times| times.sort_unstable());
        let mut fronts: BTreeMap<u8, Vec<(Span, u128)>> = BTreeMap::new();
        for (server, service) in services.iter() {
            if let (Some((least, most)), Some(rtt)) = (service.ttl, service.rtt)
                && least == most
                && (rtt >= LOCAL || is_public(server.ip()))
            {
                fronts.entry(least).or_default().push((rtt, network(server.ip())));
            }
        }
        fronts.values_mut().for_each(|servers| servers.sort_unstable());
        let end = breaks.last().copied().unwrap_or_default();
        let mut accepting: BTreeMap<u16, Vec<(IpAddr, Timestamp, Timestamp)>> = BTreeMap::new();
        for (server, service) in services.iter().filter(|(_, service)| service.opened > 0) {
            accepting.entry(server.port()).or_default().push((server.ip(), service.first, service.last));
        }
        accepting.values_mut().for_each(|hosts| hosts.sort_unstable());
        Scene {
            aborts,
            fronts,
            by_server,
            thresholds,
            streams,
            services,
            icmp,
            unresolved,
            end,
            breaks,
            accepting,
            ttl,
            ttls,
        }
    }

    /// A stream of which there may be something to tell.
    pub(super) fn stream(&self, number: u32) -> Option<&'s Stream> {
        let at = self.streams.binary_search_by_key(&number, |stream| stream.number).ok()?;
        self.streams.get(at)
    }

    /// What took the place of a connection that was refused at a time: the same port at an address of the other family (RFC 8305), a connection the other way
    /// between the two hosts, or SMB over the other of its ports.
    pub(super) fn instead(&self, ends: &Ends, time: Timestamp) -> Option<Endpoint> {
        const AT_ONCE: i64 = 2_000_000_000;
        const SOON: i64 = 10_000_000_000;
        let (client, server) = (ends.client.ip(), ends.server);
        let of = |port| self.accepting.get(&port).map_or(&[][..], Vec::as_slice);
        let same = of(server.port()).iter().find(|(host, first, last)| {
            let (family, reverse) = (host.is_ipv6() != server.is_ipv6(), *host == client);
            let within = if reverse { SOON } else { AT_ONCE };
            (family || reverse) && first.since(time).0 <= within && *last >= time
        });
        let twin = match server.port() {
            139 => Some(445),
            445 => Some(139),
            _ => None,
        };
        let near = |first: &Timestamp, last: &Timestamp| {
            first.since(time).0 <= AT_ONCE && time.since(*last).0 <= AT_ONCE
        };
        let other = twin.and_then(|port| {
            let host =
                of(port).iter().find(|(host, first, last)| *host == server.ip() && near(first, last))?;
            Some(Endpoint::new(host.0, port))
        });
        same.map(|(host, ..)| Endpoint::new(*host, server.port())).or(other)
    }

    /// Whether servers of several other networks accept connections in the same time, over the same number of hops, as this one: something on the way may end the
    /// connections to all of them.
    pub(super) fn has_front(&self, server: Endpoint) -> bool {
        const OTHERS: usize = 3;
        let Some(service) = self.services.get(&server) else { return false };
        let (Some((ttl, most)), Some(rtt)) = (service.ttl, service.rtt) else { return false };
        let Some(like) = self.fronts.get(&ttl).filter(|_| ttl == most) else { return false };
        let margin = rtt.0 / 20;
        let (from, to) = if is_public(server.ip()) && rtt < NEAR {
            (0, NEAR.0)
        } else if rtt >= LOCAL {
            (rtt.0.saturating_sub(margin), rtt.0.saturating_add(margin))
        } else {
            return false; // servers of one site need no front to be near
        };
        let first = like.partition_point(|(time, _)| time.0 < from);
        let same = like.iter().skip(first).take_while(|(time, _)| time.0 <= to);
        let mut networks: Vec<u128> = vec![network(server.ip())];
        for (_, other) in same {
            if !networks.contains(other) {
                networks.push(*other);
            }
            if networks.len() > OTHERS {
                return true;
            }
        }
        false
    }

    /// The same, and it is so near that the time to it says nothing of the way behind it.
    pub(super) fn has_front_nearby(&self, server: Endpoint) -> bool {
        let rtt = self.services.get(&server).and_then(|service| service.rtt);
        let is_near = is_public(server.ip()) && rtt.is_some_and(|rtt| rtt < NEAR);
        is_near && self.has_front(server)
    }

    /// The time to live that all connections to a host show, if they agree.
    pub(super) fn host_ttl(&self, host: IpAddr) -> Option<u8> {
        self.ttl.get(&host).copied().flatten()
    }

    /// Least and greatest time to live of what a host sent to open connections.
    pub(super) fn host_ttls(&self, host: IpAddr) -> Option<(u8, u8)> {
        self.ttls.get(&host).copied()
    }

    /// How many connections a host gave up within a second around a time.
    pub(super) fn aborts_near(&self, host: IpAddr, time: Timestamp) -> usize {
        const SECOND: i64 = 1_000_000_000;
        let Some(times) = self.aborts.get(&host) else { return 0 };
        let from = times.partition_point(|at| time.since(*at).0 > SECOND);
        let to = times.partition_point(|at| at.since(time).0 <= SECOND);
        to.saturating_sub(from)
    }

    /// The streams to a server.
    pub(super) fn to_server(&self, server: Endpoint) -> impl Iterator<Item = &'s Stream> + '_ {
        let places = self.by_server.get(&server).map_or(&[][..], Vec::as_slice);
        places.iter().filter_map(|&at| self.streams.get(at))
    }

    /// How often a host's hardware address was asked for in vain.
    pub(super) fn unresolved(&self, host: IpAddr) -> Option<&'s Unresolved> {
        self.unresolved.get(&host)
    }

    /// ICMP errors about a stream.
    pub(super) fn errors(&self, stream: &Stream) -> &'s [IcmpError] {
        self.icmp.get(&stream.number).map_or(&[], Vec::as_slice)
    }

    /// From a time to the end of its recording: mostly the capture's.
    pub(super) fn until_end(&self, from: Timestamp) -> Span {
        let next = self.breaks.partition_point(|end| *end < from);
        Span(self.breaks.get(next).map_or(0, |end| end.since(from).0.max(0)))
    }
}

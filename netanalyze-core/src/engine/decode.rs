//! What turns frames into compact packets: plain ones at once, all others layer by layer.

use std::net::IpAddr;

use super::control::ControlList;
use super::lan::LanList;
use super::quotes::ShortQuote;
use super::slots::Slots;
use super::tally::Volume;
use etherparse::ip_number;

use crate::conversation::{Announcement, At, FlowKey, KeyHasher, NO_OPTIONS, SHARDS, TcpPacket, UdpPacket};
use crate::model::Timestamp;
use crate::packet::tcp_option::{self, TcpOptions, kind};
use crate::packet::{Fragment, Layer, Origin, PLAIN_LAYERS, PlainSink, PlainTcp, Protocol, Sink, Transport};
use crate::protocol::{ftp, snmp, socks, vnc};
use crate::tcp::TcpFlags;

/// A fragment on its way to the fragment table.
#[derive(Debug)]
pub(super) struct FoundFragment<'a> {
    pub(super) place: Place,
    pub(super) fragment: Fragment<'a>,
    /// All of its bytes were captured.
    pub(super) is_whole: bool,
}

/// Packets of one batch for one shard, in frame order.
#[derive(Debug, Default)]
pub(super) struct ShardList {
    pub(super) tcp: Slots<TcpPacket>,
    pub(super) udp: Vec<UdpPacket>,
    /// TCP headers of which too little was quoted.
    pub(super) quotes: Vec<ShortQuote>,
}

/// What decoding a batch gives. Reused from batch to batch.
#[derive(Debug)]
pub(super) struct Decoded {
    pub(super) lists: Box<[ShardList; SHARDS]>,
    pub(super) options: Slots<TcpOptions>,
    pub(super) announcements: Vec<Announcement>,
    /// What ICMP, neighbour discovery and ARP say.
    pub(super) control: ControlList,
    /// EAP on LANs.
    pub(super) lan: LanList,
    /// Transport headers so far.
    pub(super) slots: u32,
    /// Shards whose lists hold packets, one bit each.
    pub(super) touched: u64,
}

const _: () = assert!(SHARDS <= 64);

impl Default for Decoded {
    fn default() -> Self {
        let lists = Box::new(std::array::from_fn(|_| ShardList::default()));
        Decoded {
            lists,
            options: Slots::default(),
            announcements: Vec::new(),
            control: ControlList::default(),
            lan: LanList::default(),
            slots: 0,
            touched: 0,
        }
    }
}

impl Decoded {
    pub(super) fn clear(&mut self) {
        for number in Touched(self.touched) {
            if let Some(list) = self.lists.get_mut(number) {
                list.tcp.clear();
                list.udp.clear();
                list.quotes.clear();
            }
        }
        self.options.clear();
        self.announcements.clear();
        self.control.clear();
        self.lan.clear();
        self.slots = 0;
        self.touched = 0;
    }

    /// The list of a shard.
    #[inline]
    fn list_of(&mut self, shard: usize) -> Option<&mut ShardList> {
        self.touched |= 1 << (shard % 64);
        self.lists.get_mut(shard)
    }
}

/// Numbers of shards, ascending.
#[derive(Clone, Copy, Debug)]
pub(super) struct Touched(pub(super) u64);

impl Iterator for Touched {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let lowest = (self.0 != 0).then(|| self.0.trailing_zeros() as usize);
        self.0 &= self.0.wrapping_sub(1);
        lowest
    }
}

/// Where a layer was met.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) frame_index: u32,
    pub(super) time: Timestamp,
    /// Position among the layers of the frame.
    pub(super) ordinal: u16,
    /// Time to live or hop limit of the IP header that was met last; 0 before the first.
    pub(super) ttl: u8,
    /// Identification field of IPv4; 0 for IPv6.
    pub(super) ip_id: u16,
    /// Address of the first byte of the frame or, if a fragment completed it, of the datagram: headers are found by their distance.
    pub(super) base: usize,
    /// It is a datagram completed from fragments.
    pub(super) in_datagram: bool,
}

impl Place {
    /// Where bytes of the frame, or of the datagram, are in it.
    #[inline(always)]
    fn at(&self, bytes: &[u8]) -> At {
        At::new(bytes.as_ptr().addr().wrapping_sub(self.base), self.in_datagram)
    }
}

/// Takes one frame's layers.
pub(super) struct DecodeSink<'w, 'a> {
    pub(super) hasher: &'w KeyHasher,
    pub(super) decoded: &'w mut Decoded,
    pub(super) fragments: &'w mut Vec<FoundFragment<'a>>,
    /// Of the next layer.
    pub(super) place: Place,
    /// Protocols met, as bits in the order of [`Protocol::ALL`].
    pub(super) protocols: u128,
    /// The last header with hardware addresses, from them on: of the receiver, of the sender.
    pub(super) hosts: &'a [u8],
    /// What follows is quoted by the last message of [`Decoded::control`].
    pub(super) quoting: bool,
    pub(super) malformed: bool,
    pub(super) too_deep: bool,
}

const _: () = assert!(Protocol::ALL.len() <= 128);

impl<'a> Sink<'a> for DecodeSink<'_, 'a> {
    #[cold]
    fn cut_fragment(&mut self, fragment: Fragment<'a>) {
        // What an error quotes is cut by whoever quotes it.
        if !fragment.origin.is_quoted() {
            self.fragments.push(FoundFragment { place: self.place, fragment, is_whole: false });
        }
    }

    #[inline]
    fn layer(&mut self, layer: Layer<'a>) {
        let protocol = match layer {
            Layer::Ethernet(header) => {
                self.hosts = header;
                Protocol::Ethernet
            }
            Layer::Wlan(header) => {
                self.hosts = header.get(4..).unwrap_or_default();
                Protocol::Wlan
            }
            Layer::Eapol(bytes) => {
                if !self.place.in_datagram {
                    self.decoded.lan.eapol(&self.place, self.hosts, bytes);
                }
                Protocol::Eapol
            }
            Layer::Vlan(_) => Protocol::Vlan,
            Layer::Ipv4(header) => {
                self.place.ttl = header.get(8).copied().unwrap_or(0);
                self.place.ip_id =
                    header.get(4..).and_then(<[u8]>::first_chunk).map_or(0, |id| u16::from_be_bytes(*id));
                if self.quoting {
                    self.decoded.control.quoted_ip(header, false);
                }
                Protocol::Ipv4
            }
            Layer::Ipv6(header) => {
                self.place.ttl = header.get(7).copied().unwrap_or(0);
                self.place.ip_id = 0;
                if self.quoting {
                    self.decoded.control.quoted_ip(header, true);
                }
                Protocol::Ipv6
            }
            Layer::Icmp(message) => {
                self.quoting = self.decoded.control.icmp(&self.place, &message, self.quoting);
                Protocol::Icmp
            }
            Layer::Icmpv6(message) => {
                self.quoting = self.decoded.control.icmp(&self.place, &message, self.quoting);
                Protocol::Icmpv6
            }
            Layer::Arp(bytes) => {
                self.decoded.control.arp(&self.place, bytes);
                Protocol::Arp
            }
            Layer::Other(protocol) => protocol,
            Layer::Tcp(transport) => {
                if self.quoting {
                    self.decoded.control.quoted(&transport, ip_number::TCP.0, self.decoded.slots);
                }
                self.decoded.tcp(self.hasher, self.place, transport);
                Protocol::Tcp
            }
            Layer::Udp(transport) => {
                if self.quoting {
                    self.decoded.control.quoted(&transport, ip_number::UDP.0, self.decoded.slots);
                }
                self.decoded.udp(self.hasher, self.place, &transport);
                Protocol::Udp
            }
            Layer::Fragment(fragment) => {
                self.fragments.push(FoundFragment { place: self.place, fragment, is_whole: true });
                self.place.ordinal = self.place.ordinal.saturating_add(1);
                return;
            }
            Layer::Cut(_) => {
                self.quoting = false;
                return;
            }
            Layer::Malformed(_) => {
                self.quoting = false;
                self.malformed = true;
                return;
            }
            Layer::TooDeep => {
                self.too_deep = true;
                return;
            }
        };
        self.protocols |= 1 << protocol as u32;
        self.place.ordinal = self.place.ordinal.saturating_add(1);
    }
}

/// Whether a payload between these ports must be read. A VNC banner can be on any ports; it is known by its length.
#[inline(always)]
fn tells(ports: (u16, u16)) -> bool {
    [ftp::CONTROL_PORT, socks::PORT].into_iter().any(|port| ports.0 == port || ports.1 == port)
}

/// Takes plain frames, whose layers need no walk.
pub(super) struct PlainFrames<'w> {
    pub(super) hasher: &'w KeyHasher,
    pub(super) decoded: &'w mut Decoded,
    /// By kind of plain frame.
    pub(super) volumes: &'w mut [Volume; PLAIN_LAYERS.len()],
    /// The frame to come.
    pub(super) frame_index: u32,
    pub(super) time: Timestamp,
    pub(super) wire_len: u32,
    /// As [`Place::base`].
    pub(super) base: usize,
}

impl<'a> PlainSink<'a> for PlainFrames<'_> {
    #[inline(always)]
    fn plain<A: Into<IpAddr>>(&mut self, tcp: PlainTcp<'a, A>) {
        if let Some(volume) = self.volumes.get_mut(usize::from(tcp.kind)) {
            volume.add(Volume { frames: 1, bytes: u64::from(self.wire_len) });
        }
        let place = Place {
            frame_index: self.frame_index,
            time: self.time,
            ordinal: tcp.ordinal(),
            ttl: tcp.ttl,
            ip_id: tcp.ip_id,
            base: self.base,
            in_datagram: false,
        };
        self.decoded.tcp(self.hasher, place, tcp.transport());
    }
}

/// The 16-bit number at `at`, which is a constant below 15 wherever this is inlined.
#[inline(always)]
fn be16(header: &[u8; 16], at: usize) -> u16 {
    header.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |&bytes| u16::from_be_bytes(bytes))
}

/// The 32-bit number at `at`, which is a constant below 13 wherever this is inlined.
#[inline(always)]
fn be32(header: &[u8; 16], at: usize) -> u32 {
    header.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |&bytes| u32::from_be_bytes(bytes))
}

impl Decoded {
    /// Sequence analysis needs 16 bytes of the header; of a shorter one only the ports are known.
    ///
    /// Inlined where it is called, so that what is known there (the address family above all) is not asked again. Fields are read where
    /// they are written: all at once they would not fit into registers.
    #[inline(always)]
    fn tcp(&mut self, hasher: &KeyHasher, place: Place, transport: Transport<'_>) {
        self.slots += 1;
        let bytes = transport.bytes;
        let Some(header) = bytes.first_chunk::<16>() else {
            return self.short_quote(hasher, place, &transport);
        };
        let header_len = (header[12] >> 4) * 4;
        let flags = TcpFlags(be16(header, 12) & 0x0fff);
        let options = self.options(bytes, header_len, flags);
        let ports = (be16(header, 0), be16(header, 2));
        let (key, direction) = FlowKey::new(transport.source, transport.destination, ports);
        let (hash, shard) = (hasher.hash(&key), key.shard());
        let slot = self.slots - 1;
        let Some(packet) = self.list_of(shard).and_then(|list| list.tcp.next(&TcpPacket::BLANK)) else {
            return;
        };
        *packet = TcpPacket {
            key,
            hash,
            at: place.at(bytes),
            time: place.time,
            frame_index: place.frame_index,
            slot,
            seq: be32(header, 4),
            ack: be32(header, 8),
            reported: transport.reported,
            options,
            window: be16(header, 14),
            flags,
            ordinal: place.ordinal,
            header_len,
            header_captured: bytes.len().min(usize::from(header_len.max(20))) as u8,
            direction,
            origin: transport.origin,
            ttl: place.ttl,
            ip_id: place.ip_id,
            urgent_pointer: bytes.get(18..20).is_some_and(|pointer| pointer != [0, 0]),
            opens_successor: false,
            negotiates: false,
        };
        if tells(ports) || bytes.len() == usize::from(header_len) + vnc::BANNER_LEN {
            self.payload(shard, ports, bytes.get(usize::from(header_len)..).unwrap_or_default());
        }
    }

    /// Of a header that is quoted so far, only the conversation can be found.
    #[cold]
    #[inline(never)]
    fn short_quote(&mut self, hasher: &KeyHasher, place: Place, transport: &Transport<'_>) {
        let Some(&[s0, s1, d0, d1]) = transport.bytes.first_chunk() else { return };
        if !transport.origin.is_quoted() {
            return;
        }
        let ports = (u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1]));
        let (key, _) = FlowKey::new(transport.source, transport.destination, ports);
        let Place { frame_index, ordinal, .. } = place;
        let (hash, slot) = (hasher.hash(&key), self.slots - 1);
        if let Some(list) = self.list_of(key.shard()) {
            list.quotes.push(ShortQuote { key, hash, frame_index, ordinal, slot });
        }
    }

    /// Reads a payload that may tell of more than its own conversation. It is that of the packet last put on the list of this
    /// shard.
    #[inline(never)]
    fn payload(&mut self, shard: usize, ports: (u16, u16), payload: &[u8]) {
        let Some(packet) = self.list_of(shard).and_then(|list| list.tcp.items_mut().last_mut()) else {
            return;
        };
        packet.opens_successor = vnc::is_banner(payload, ports);
        if ports.0 == socks::PORT || ports.1 == socks::PORT {
            packet.negotiates = !payload.is_empty();
        }
        if ports.0 == ftp::CONTROL_PORT || ports.1 == ftp::CONTROL_PORT {
            let packet = *packet;
            self.ftp(&packet, ports, payload);
        }
    }

    /// Notes a data connection that an FTP control connection announces.
    #[cold]
    fn ftp(&mut self, packet: &TcpPacket, ports: (u16, u16), payload: &[u8]) {
        let announced =
            if ports.0 == ftp::CONTROL_PORT { ftp::from_server(payload) } else { ftp::from_client(payload) };
        if let Some(announced) = announced.filter(|_| !packet.origin.is_quoted()) {
            let (source, destination) = packet.key.endpoints(packet.direction);
            self.announcements.push(Announcement {
                frame_index: packet.frame_index,
                ordinal: packet.ordinal,
                endpoint: (announced.address.unwrap_or(source.ip()), announced.port),
                peer: destination.ip(),
                peer_port: announced.peer_port,
            });
        }
    }

    /// Parses the options if they can matter: nearly all segments carry only time stamps, which change no verdict.
    #[inline(always)]
    fn options(&mut self, bytes: &[u8], header_len: u8, flags: TcpFlags) -> u32 {
        const STAMPED: u8 = 32;
        if header_len == 20 {
            return NO_OPTIONS;
        }
        if header_len == STAMPED
            && bytes.len() >= usize::from(STAMPED)
            && bytes.get(20..24) == Some(&[kind::NOP, kind::NOP, kind::TIMESTAMPS, 10])
            && !flags.syn()
        {
            return NO_OPTIONS;
        }
        self.rare_options(bytes, header_len)
    }

    /// The options as far as they were captured, if there are any.
    #[inline(never)]
    fn rare_options(&mut self, bytes: &[u8], header_len: u8) -> u32 {
        let index = self.options.items().len() as u32;
        match (bytes.get(20..usize::from(header_len)), bytes.get(20..)) {
            (Some(area), _) if !area.is_empty() => {
                if let Some(options) = self.options.next(&TcpOptions::default()) {
                    *options = TcpOptions::default();
                    tcp_option::parse_into(area, options);
                }
            }
            (None, Some(captured)) if header_len > 20 && !captured.is_empty() => {
                if let Some(options) = self.options.next(&TcpOptions::default()) {
                    *options = tcp_option::parse_cut(captured, usize::from(header_len) - 20);
                }
            }
            _ => return NO_OPTIONS,
        }
        index
    }

    #[inline]
    fn udp(&mut self, hasher: &KeyHasher, place: Place, transport: &Transport<'_>) {
        let slot = self.slots;
        self.slots += 1;
        let Some(&[s0, s1, d0, d1, ..]) = transport.bytes.first_chunk::<8>() else { return };
        // A length below the header's own ends the decoding before there is a conversation.
        if transport.udp_len().is_none() && transport.origin == Origin::Packet {
            return;
        }
        let ports = (u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1]));
        let (key, direction) = FlowKey::new(transport.source, transport.destination, ports);
        let hash = hasher.hash(&key);
        let payload = transport.bytes.get(8..).unwrap_or_default();
        let opens_successor = !transport.origin.is_quoted() && snmp::is_message(payload, ports);
        let packet = UdpPacket {
            key,
            hash,
            at: place.at(transport.bytes),
            time: place.time,
            frame_index: place.frame_index,
            slot,
            payload_len: transport.udp_len().unwrap_or(transport.reported).saturating_sub(8),
            ordinal: place.ordinal,
            direction,
            origin: transport.origin,
            ip_id: place.ip_id,
            ttl: place.ttl,
            opens_successor,
        };
        if let Some(list) = self.list_of(key.shard()) {
            list.udp.push(packet);
        }
    }
}

//! Frames and captures built by hand: Ethernet, IPv4, TCP, UDP; pcap with microseconds.

use std::net::Ipv4Addr;

use netanalyze_core::capture::Source;

/// An address and a port.
pub(crate) type End = (Ipv4Addr, u16);

pub(crate) const FIN: u8 = 1;
pub(crate) const SYN: u8 = 2;
pub(crate) const RST: u8 = 4;
pub(crate) const PSH: u8 = 8;
pub(crate) const ACK: u8 = 16;

/// The client of most tests.
pub(crate) const CLIENT: End = (Ipv4Addr::new(10, 0, 0, 1), 40_000);
/// The server of most tests.
pub(crate) const SERVER: End = (Ipv4Addr::new(10, 0, 0, 2), 9_999);

/// A TCP segment in an Ethernet frame, window 1000.
pub(crate) fn tcp(from: End, to: End, numbers: (u32, u32), flags: u8, payload: &[u8]) -> Vec<u8> {
    ipv4(from.0, to.0, 6, 0, 0, &segment((from.1, to.1), numbers, flags, payload))
}

/// A TCP segment without the layers around it.
pub(crate) fn segment(ports: (u16, u16), numbers: (u32, u32), flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(20 + payload.len());
    bytes.extend(ports.0.to_be_bytes());
    bytes.extend(ports.1.to_be_bytes());
    bytes.extend(numbers.0.to_be_bytes());
    bytes.extend(numbers.1.to_be_bytes());
    bytes.extend([0x50, flags]);
    bytes.extend(1000u16.to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

/// A UDP datagram in an Ethernet frame.
pub(crate) fn udp(from: End, to: End, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(from.1.to_be_bytes());
    bytes.extend(to.1.to_be_bytes());
    bytes.extend((8 + payload.len() as u16).to_be_bytes());
    bytes.extend([0; 2]);
    bytes.extend(payload);
    ipv4(from.0, to.0, 17, 0, 0, &bytes)
}

/// An IPv4 packet in an Ethernet frame. `fragment` is the field of flags and offset.
pub(crate) fn ipv4(
    from: Ipv4Addr,
    to: Ipv4Addr,
    protocol: u8,
    identification: u16,
    fragment: u16,
    payload: &[u8],
) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0];
    frame.extend((20 + payload.len() as u16).to_be_bytes());
    frame.extend(identification.to_be_bytes());
    frame.extend(fragment.to_be_bytes());
    frame.extend([64, protocol, 0, 0]);
    frame.extend(from.octets());
    frame.extend(to.octets());
    frame.extend(payload);
    frame
}

/// Link type of Ethernet.
pub(crate) const ETHERNET: u32 = 1;

/// A pcap capture.
#[derive(Clone)]
pub(crate) struct Pcap(pub(crate) Vec<u8>);

impl Pcap {
    /// An empty capture of Ethernet frames.
    pub(crate) fn new() -> Self {
        Pcap::of_link(ETHERNET)
    }

    /// An empty capture of another link type.
    pub(crate) fn of_link(link: u32) -> Self {
        let mut bytes = Vec::new();
        for word in [0xa1b2_c3d4u32, 0x0004_0002, 0, 0, 262_144, link] {
            bytes.extend(word.to_le_bytes());
        }
        Pcap(bytes)
    }

    /// Adds a frame at a time in microseconds since the epoch.
    pub(crate) fn frame(&mut self, time: u64, frame: &[u8]) -> &mut Self {
        let length = frame.len() as u32;
        for word in [(time / 1_000_000) as u32, (time % 1_000_000) as u32, length, length] {
            self.0.extend(word.to_le_bytes());
        }
        self.0.extend(frame);
        self
    }

    /// Frames of nothing known that take at least this many bytes, so that what follows is in a later batch.
    pub(crate) fn filler(&mut self, time: u64, bytes: usize) -> &mut Self {
        let frame = ipv4(CLIENT.0, SERVER.0, 253, 0, 0, &[0; 1400]);
        for _ in 0..bytes.div_ceil(frame.len()) {
            self.frame(time, &frame);
        }
        self
    }

    /// The frames one after the other, 10 ms apart.
    pub(crate) fn of(frames: &[Vec<u8>]) -> Self {
        let mut pcap = Pcap::new();
        for (time, frame) in frames.iter().enumerate() {
            pcap.frame(1_000_000_000 + time as u64 * 10_000, frame);
        }
        pcap
    }

    pub(crate) fn source(&self) -> Source {
        Source::Stream {
            name: "test.pcap".to_owned(),
            reader: Box::new(std::io::Cursor::new(self.0.clone())),
        }
    }
}

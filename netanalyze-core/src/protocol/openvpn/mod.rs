//! OpenVPN: the TLS inside its control channel, over UDP and TCP.
//!
//! Reads packets, as its protocol documentation describes them; emits what `tls` says. Data packets are passed over. Where `tls-crypt` hides the
//! control channel nothing is read. Known by its port, as Wireshark 4.0 does, and by the packet that begins a session without `tls-auth`
//! on any port, which Wireshark does not know. Cost: a copy of each control packet's payload; they are few.

mod channel;
mod packet;

use channel::Channel;
use packet::{Guard, Kind, is_plain_reset};

use super::message::Messages;
use super::stream::{Closing, DatagramDecoder, Flow, Moment, Progress, StreamDecoder};
use crate::model::Direction;

/// Its port.
pub(crate) const PORT: u16 = 1194;

/// Bytes before a packet on TCP: its length.
const LENGTH: usize = 2;

/// The shortest packet of the control channel: opcode, session, no acknowledgements, and a number or a session.
const SHORTEST: usize = 14;

/// Whether Wireshark 4.0 knows it, by one of the ports.
fn is_known(flow: &Flow) -> bool {
    flow.ends.iter().any(|end| end.port() == PORT)
}

/// Whether a datagram is of the control channel.
pub(crate) fn recognises_datagram(flow: &Flow, bytes: &[u8]) -> bool {
    is_plain_reset(bytes) || is_known(flow) && Guard::of(bytes).is_some()
}

/// Whether a segment begins with a packet of the control channel; on the port, with any packet of it.
pub(crate) fn recognises_segment(server_port: u16, bytes: &[u8]) -> bool {
    let Some((&length, packet)) = bytes.split_first_chunk::<LENGTH>() else { return false };
    let length = usize::from(u16::from_be_bytes(length));
    match packet.get(..length) {
        Some(packet) => is_plain_reset(packet) || server_port == PORT && Guard::of(packet).is_some(),
        None => false,
    }
}

/// A UDP conversation.
#[derive(Debug)]
pub(crate) struct Datagrams {
    channel: Channel,
    /// Wireshark 4.0 does not know it.
    is_aside: bool,
}

impl Datagrams {
    /// The decoder of a conversation.
    pub(crate) fn new(flow: &Flow) -> Self {
        Datagrams { channel: Channel::new(flow), is_aside: !is_known(flow) }
    }
}

impl DatagramDecoder for Datagrams {
    fn datagram(&mut self, from: Direction, bytes: &[u8], missing: u32, now: Moment, out: &mut Messages) {
        if missing == 0 {
            out.aside = self.is_aside;
            self.channel.packet(from, bytes, now, out);
            out.aside = false;
        }
    }

    fn finish(&mut self, now: Moment, out: &mut Messages) {
        out.aside = self.is_aside;
        self.channel.close(Closing::CaptureEnd, now, out);
        out.aside = false;
    }

    fn heap(&self) -> usize {
        self.channel.heap()
    }
}

/// A TCP conversation.
#[derive(Debug)]
pub(crate) struct Stream {
    channel: Channel,
}

impl Stream {
    /// The decoder of a conversation.
    pub(crate) fn new(flow: &Flow) -> Self {
        Stream { channel: Channel::new(flow) }
    }
}

impl StreamDecoder for Stream {
    fn decode(&mut self, from: Direction, bytes: &[u8], now: Moment, out: &mut Messages) -> Progress {
        let Some((&length, rest)) = bytes.split_first_chunk::<LENGTH>() else {
            return Progress::Need(LENGTH);
        };
        let length = usize::from(u16::from_be_bytes(length));
        match rest.first() {
            None if length > 0 => return Progress::Need(LENGTH + 1),
            Some(&first) if length > 0 && Kind::of(first) == Some(Kind::Data) => {
                return Progress::Body { head: LENGTH, len: length as u64, id: 0 };
            }
            _ => {}
        }
        let Some(packet) = rest.get(..length) else { return Progress::Need(LENGTH + length) };
        self.channel.packet(from, packet, now, out);
        Progress::Consumed(LENGTH + length)
    }

    fn decode_cut(&mut self, _: Direction, _: &[u8], _: u32, _: Moment, _: &mut Messages) {}

    fn body_complete(&mut self, _: Direction, _: u32, _: Moment, _: &mut Messages) {}

    fn begins_message(&self, _: Direction, bytes: &[u8]) -> bool {
        let Some(&[high, low, first]) = bytes.first_chunk() else { return false };
        let length = usize::from(u16::from_be_bytes([high, low]));
        // Nearly every segment ends with a packet.
        length >= SHORTEST && length + LENGTH <= bytes.len() && Kind::of(first).is_some()
    }

    fn lost(&mut self, _: Direction, _: Moment, _: &mut Messages) {}

    fn closed(&mut self, _: Direction, how: Closing, now: Moment, out: &mut Messages) {
        self.channel.close(how, now, out);
    }

    fn heap(&self) -> usize {
        self.channel.heap()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{C, Drive, S, flow};
    use super::packet::tests::packet;
    use super::*;
    use crate::protocol::message::Message;

    fn framed(packet: &[u8]) -> Vec<u8> {
        [&(packet.len() as u16).to_be_bytes(), packet].concat()
    }

    const ALERT: &[u8] = b"\x15\x03\x03\x00\x02\x01\x00";

    #[test]
    fn it_is_known_by_its_port_and_by_its_beginning() {
        let (plain, guarded) = (packet(7, 0, 0, 0, b""), packet(7, 20, 0, 0, b""));
        for (port, plain_is, guarded_is) in [(1194, true, true), (443, true, false)] {
            assert_eq!(recognises_datagram(&flow(port), &plain), plain_is);
            assert_eq!(recognises_datagram(&flow(port), &guarded), guarded_is);
            assert_eq!(recognises_segment(port, &framed(&plain)), plain_is);
            assert_eq!(recognises_segment(port, &framed(&guarded)), guarded_is);
            for len in 0..plain.len() + 2 {
                assert!(!recognises_segment(port, &framed(&plain)[..len]));
            }
        }
    }

    #[test]
    fn a_stream_may_come_in_any_pieces() {
        let client = [
            framed(&packet(7, 0, 0, 0, b"")),
            framed(&packet(4, 0, 0, 1, ALERT)),
            framed(&packet(6, 0, 0, 0, &[9; 300])),
            framed(b""),
            framed(&packet(4, 0, 0, 2, &[ALERT, ALERT].concat())),
        ]
        .concat();
        for step in [1, 2, 3, 7, 100, 1000] {
            let mut drive = Drive::new(Stream::new(&flow(1194)));
            client.chunks(step).for_each(|piece| drive.feed(C, piece));
            let said = drive.said();
            assert_eq!(said.iter().filter(|(_, said)| matches!(said, Message::Tls(_))).count(), 3, "{step}");
            drive.close(C, Closing::Fin);
            drive.close(S, Closing::Fin);
            assert!(drive.said().is_empty());
        }
    }

    #[test]
    fn elsewhere_fields_do_not_show_it() {
        for (port, aside) in [(1194, false), (5000, true)] {
            let (mut decoder, mut out) = (Datagrams::new(&flow(port)), Messages::new(true));
            let now = Moment::default();
            for bytes in [packet(7, 0, 0, 0, b""), packet(4, 0, 0, 1, ALERT)] {
                decoder.datagram(C, &bytes, 0, now, &mut out);
            }
            let said: Vec<_> = out.drain_said().map(|said| said.aside).collect();
            assert_eq!(said, [aside]);
        }
    }
}

//! How far a SOCKS negotiation has come (RFC 1928, RFC 1929; SOCKS 4 as its authors describe it).
//!
//! Wireshark 4.0 gives what a proxy relays a stream number of its own, taken when the first relayed payload appears; no packet ever shows it,
//! but later conversations number on from there. Whoever wants its stream numbers has to follow.

use super::message::Messages;
use super::stream::{Closing, Moment, Progress, StreamDecoder};
use crate::model::Direction;
use crate::model::limits::MAX_DIALOGUE_LINE;

/// The proxy's port.
pub const PORT: u16 = 1080;

/// The state of a negotiation. It moves on a payload of the side whose turn it is, and ignores everything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Negotiation {
    /// Nothing seen yet.
    #[default]
    Start,
    /// The client offered its methods (version 5).
    Offered,
    /// The server wants a user name and password.
    PasswordWanted,
    /// The client sent them.
    PasswordSent,
    /// The client may ask for its connection.
    Open,
    /// The client asked (version 5).
    Asked,
    /// The client asked (version 4).
    Asked4,
    /// The server granted it: the next payload is relayed.
    Granted,
    /// Payload is relayed, or this is no negotiation that we follow.
    Over,
}

impl Negotiation {
    /// Every state, the most frequent at the end of a connection first.
    pub const ALL: [Negotiation; 9] = [
        Negotiation::Start,
        Negotiation::Over,
        Negotiation::Granted,
        Negotiation::Open,
        Negotiation::Offered,
        Negotiation::PasswordWanted,
        Negotiation::PasswordSent,
        Negotiation::Asked,
        Negotiation::Asked4,
    ];

    /// Takes a payload's first two bytes (0 where there are fewer). True for the first payload that is relayed.
    pub fn step(&mut self, from_client: bool, lead: [u8; 2]) -> bool {
        const CONNECT: u8 = 1;
        const NO_AUTHENTICATION: u8 = 0;
        const PASSWORD: u8 = 2;
        const GRANTED4: u8 = 0x5a;
        let next = match (*self, from_client, lead) {
            (Negotiation::Granted, ..) => {
                *self = Negotiation::Over;
                return true;
            }
            (Negotiation::Start, true, [5, _]) => Negotiation::Offered,
            (Negotiation::Start, true, [4, _]) => Negotiation::Asked4,
            (Negotiation::Start, ..) => Negotiation::Over,
            (Negotiation::Offered, false, [5, NO_AUTHENTICATION]) => Negotiation::Open,
            (Negotiation::Offered, false, [5, PASSWORD]) => Negotiation::PasswordWanted,
            (Negotiation::Offered, false, _) => Negotiation::Over,
            (Negotiation::PasswordWanted, true, _) => Negotiation::PasswordSent,
            (Negotiation::PasswordSent, false, _) => Negotiation::Open,
            (Negotiation::Open, true, [5, CONNECT]) => Negotiation::Asked,
            (Negotiation::Open, true, _) => Negotiation::Over,
            // Wireshark does not look whether the request was granted (version 5).
            (Negotiation::Asked, false, _) | (Negotiation::Asked4, false, [_, GRANTED4]) => {
                Negotiation::Granted
            }
            (Negotiation::Asked4, false, _) => Negotiation::Over,
            (unmoved, ..) => unmoved,
        };
        *self = next;
        false
    }
}

/// Follows a negotiation up to where relayed bytes begin, in both directions.
#[derive(Clone, Copy, Debug, Default)]
pub struct Relay {
    client: Option<Direction>,
    phase: Phase,
}

/// Of [`Relay`]: what was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
enum Phase {
    /// Less than a request.
    #[default]
    Greeting,
    /// The server chose a method (version 5).
    Chosen,
    /// The client asked.
    Asked,
    /// Not followed further.
    Over,
}

impl Relay {
    /// At the beginning of a negotiation.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn over(&mut self) -> Progress {
        self.phase = Phase::Over;
        Progress::Ignore
    }

    fn client(&mut self, bytes: &[u8]) -> Progress {
        if self.phase == Phase::Asked {
            // Whatever it is, it is for whom it asked to talk to.
            return Progress::More;
        }
        let consumed = match bytes {
            // Version 4: command, port, address, user name, and a host name if the address is 0.0.0.x.
            [4, command, ..] => {
                let Some(&[a, b, c, d]) = bytes.get(4..).and_then(<[u8]>::first_chunk) else {
                    return Progress::Need(9);
                };
                let terminated = |from: usize| {
                    let rest = bytes.get(from..)?;
                    rest.iter().position(|&b| b == 0).map(|at| from + at + 1)
                };
                let mut end = terminated(8);
                if (a, b, c) == (0, 0, 0) && d != 0 {
                    end = end.and_then(terminated);
                }
                match end {
                    _ if *command != 1 => return self.over(),
                    None if bytes.len() > MAX_DIALOGUE_LINE => return self.over(),
                    None => return Progress::More,
                    Some(end) => {
                        self.phase = Phase::Asked;
                        end
                    }
                }
            }
            // Version 5 (RFC 1928 §3): the methods.
            [5, count, ..] if self.phase == Phase::Greeting => 2 + usize::from(*count),
            // RFC 1929 §2: name and password.
            [1, name, rest @ ..] => match rest.get(usize::from(*name)) {
                Some(password) => 3 + usize::from(*name) + usize::from(*password),
                None => return Progress::Need(3 + usize::from(*name)),
            },
            // RFC 1928 §4: command, reserved, address, port.
            [5, 1, ..] => match address_end(bytes) {
                Ok(end) => {
                    if bytes.len() >= end {
                        self.phase = Phase::Asked;
                    }
                    end
                }
                Err(progress) => return progress.unwrap_or_else(|| self.over()),
            },
            [1 | 4 | 5] => 2,
            _ => return self.over(),
        };
        if consumed > bytes.len() { Progress::Need(consumed) } else { Progress::Consumed(consumed) }
    }

    fn server(&mut self, bytes: &[u8]) -> Progress {
        match (self.phase, bytes) {
            (_, [_]) => Progress::Need(2),
            (Phase::Greeting, [5, 0 | 2, ..]) => {
                self.phase = Phase::Chosen;
                Progress::Consumed(2)
            }
            (Phase::Asked | Phase::Greeting, [0, 0x5a, ..]) => {
                if bytes.len() < 8 {
                    Progress::Need(8)
                } else {
                    Progress::Another(8)
                }
            }
            (Phase::Chosen, [1, ..]) => Progress::Consumed(2),
            (Phase::Asked, [1, 0, ..]) => Progress::Consumed(2),
            (Phase::Asked | Phase::Chosen, [5, 0, ..]) => match address_end(bytes) {
                Ok(end) if bytes.len() < end => Progress::Need(end),
                Ok(end) => Progress::Another(end),
                Err(progress) => progress.unwrap_or_else(|| self.over()),
            },
            _ => self.over(),
        }
    }
}

/// Where the address and port of a request or reply end (RFC 1928 §5).
fn address_end(bytes: &[u8]) -> Result<usize, Option<Progress>> {
    match bytes {
        [_, _, _, 1, ..] => Ok(10),
        [_, _, _, 3, length, ..] => Ok(7 + usize::from(*length)),
        [_, _, _, 4, ..] => Ok(22),
        [_, _, _, 3] | [_] | [_, _] | [_, _, _] => Err(Some(Progress::Need(5))),
        _ => Err(None),
    }
}

impl StreamDecoder for Relay {
    fn decode(&mut self, from: Direction, bytes: &[u8], _now: Moment, _out: &mut Messages) -> Progress {
        // Who speaks first is the client: it is recognised by what it offers.
        let client = *self.client.get_or_insert(from);
        match self.phase {
            Phase::Over => Progress::Ignore,
            _ if from == client => self.client(bytes),
            _ => self.server(bytes),
        }
    }

    fn decode_cut(&mut self, _: Direction, _: &[u8], _: u32, _: Moment, _: &mut Messages) {}

    fn body_complete(&mut self, _: Direction, _: u32, _: Moment, _: &mut Messages) {}

    fn begins_message(&self, _: Direction, _: &[u8]) -> bool {
        false
    }

    fn lost(&mut self, _: Direction, _: Moment, _: &mut Messages) {
        self.phase = Phase::Over;
    }

    fn closed(&mut self, _: Direction, _: Closing, _: Moment, _: &mut Messages) {}

    fn heap(&self) -> usize {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{C, Drive, S};
    use super::*;

    /// Which payload of a dialogue is the first relayed one, from 1; 0 if none.
    fn first_relayed(dialogue: &[(char, [u8; 2])]) -> usize {
        let mut negotiation = Negotiation::default();
        let step = |(who, lead): &(char, [u8; 2])| negotiation.step(*who == 'c', *lead);
        dialogue.iter().position(step).map_or(0, |at| at + 1)
    }

    #[test]
    fn agrees_with_wireshark() {
        let data = [('c', *b"GE"), ('s', *b"HT")];
        for (dialogue, expected) in [
            (vec![('c', [5, 1]), ('s', [5, 0]), ('c', [5, 1]), ('s', [5, 0])], 5),
            (vec![('c', [5, 1]), ('s', [5, 0]), ('c', [5, 1]), ('s', [5, 5])], 5),
            (
                vec![
                    ('c', [5, 1]),
                    ('s', [5, 2]),
                    ('c', [1, 2]),
                    ('s', [1, 1]),
                    ('c', [5, 1]),
                    ('s', [5, 0]),
                ],
                7,
            ),
            (vec![('c', [5, 1]), ('s', [5, 0xff]), ('c', [5, 1]), ('s', [5, 0])], 0),
            (vec![('c', [5, 1]), ('s', [5, 0]), ('c', [5, 2]), ('s', [5, 0])], 0),
            (vec![('c', [5, 1]), ('s', [5, 0]), ('c', [5, 3]), ('s', [5, 0])], 0),
            (vec![('c', [4, 1]), ('s', [0, 0x5a])], 3),
            (vec![('c', [4, 1]), ('s', [0, 0x5b])], 0),
            (vec![('c', *b"he"), ('s', *b"wo")], 0),
            (vec![('s', [5, 0]), ('c', [5, 1]), ('s', [5, 0])], 0),
        ] {
            let whole: Vec<_> = dialogue.iter().chain(&data).copied().collect();
            assert_eq!(first_relayed(&whole), expected, "{dialogue:?}");
        }
    }

    /// Where relayed bytes begin, for segments of a given size.
    fn relayed(dialogue: &[(Direction, &[u8])], step: usize) -> Option<(Direction, usize)> {
        let mut drive = Drive::new(Relay::new());
        for (from, bytes) in dialogue {
            bytes.chunks(step).for_each(|piece| drive.feed(*from, piece));
        }
        drive.another
    }

    #[test]
    fn relayed_bytes_begin_after_the_grant() {
        let ask: &[u8] = b"\x05\x01\x00\x03\x03a.b\x01\xbb";
        let grant: &[u8] = b"\x05\x00\x00\x01\x0a\x00\x00\x01\x01\xbb";
        for (dialogue, expected) in [
            (vec![(C, b"\x05\x01\x00".as_slice()), (S, b"\x05\x00"), (C, ask), (S, grant)], Some((S, 12))),
            (
                vec![
                    (C, b"\x05\x01\x02"),
                    (S, b"\x05\x02"),
                    (C, b"\x01\x01u\x02pw"),
                    (S, b"\x01\x00"),
                    (C, ask),
                    (S, grant),
                ],
                Some((S, 14)),
            ),
            (
                vec![(C, b"\x05\x01\x00"), (S, b"\x05\x00"), (C, ask), (S, b"\x05\x05\x00\x01\0\0\0\0\0\0")],
                None,
            ),
            (vec![(C, b"\x05\x01\x00"), (S, b"\x05\xff"), (C, ask), (S, grant)], None),
            (
                vec![
                    (C, b"\x05\x01\x00"),
                    (S, b"\x05\x00"),
                    (C, &[5, 1, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 80]),
                    (S, grant),
                ],
                Some((S, 12)),
            ),
            (vec![(C, b"\x04\x01\x00\x50\x0a\x00\x00\x01me\0"), (S, b"\x00\x5a\0\0\0\0\0\0")], Some((S, 8))),
            (
                vec![(C, b"\x04\x01\x00\x50\x00\x00\x00\x01\0a.b\0"), (S, b"\x00\x5a\0\0\0\0\0\0")],
                Some((S, 8)),
            ),
            (vec![(C, b"\x04\x01\x00\x50\x0a\x00\x00\x01\0"), (S, b"\x00\x5b\0\0\0\0\0\0")], None),
            (vec![(C, b"\x04\x02\x00\x50\x0a\x00\x00\x01\0"), (S, b"\x00\x5a\0\0\0\0\0\0")], None),
        ] {
            for step in [1, 2, 3, 5, 100] {
                assert_eq!(relayed(&dialogue, step), expected, "{dialogue:?} by {step}");
            }
        }
    }
}

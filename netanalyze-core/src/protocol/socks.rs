//! How far a SOCKS negotiation has come (RFC 1928, RFC 1929; SOCKS 4 as its authors describe it).
//!
//! Wireshark 4.0 gives what a proxy relays a stream number of its own, taken when the first relayed payload appears; no packet ever shows it,
//! but later conversations number on from there. Whoever wants its stream numbers has to follow.

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

#[cfg(test)]
mod tests {
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
}

//! Handshake messages out of records: several may share one, and one may be spread over several (RFC 8446 §5.1).

use super::code::HandshakeType;
use crate::model::limits::MAX_TLS_MESSAGE;

/// Bytes before a message's body: its type and a length of three bytes.
pub(super) const HEADER: usize = 4;

/// The beginning of a message whose rest is to come in later records of the same direction.
#[derive(Debug, Default)]
pub struct Fragment {
    held: Vec<u8>,
    /// Bytes still to come of a message that is too long to be kept.
    skip: usize,
}

/// A message with its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raw<'a> {
    /// Type.
    pub kind: HandshakeType,
    /// Body.
    pub body: &'a [u8],
}

impl Fragment {
    /// Takes a record's content, and hands on every message that is complete with it. False if a message is too long to be kept: it is lost.
    pub fn take(&mut self, content: &[u8], mut each: impl FnMut(Raw<'_>)) -> bool {
        let skipped = self.skip.min(content.len());
        self.skip -= skipped;
        let mut rest = content.get(skipped..).unwrap_or_default();
        while !rest.is_empty() {
            if self.held.is_empty()
                && let Some((message, after)) = split(rest)
            {
                each(message);
                rest = after;
                continue;
            }
            let missing = total(&self.held).unwrap_or(HEADER).saturating_sub(self.held.len());
            let (now, after) = rest.split_at(missing.min(rest.len()));
            self.held.extend_from_slice(now);
            rest = after;
            match total(&self.held) {
                Some(total) if total > MAX_TLS_MESSAGE => {
                    let there = self.held.len().saturating_add(rest.len());
                    self.forget();
                    self.skip = total.saturating_sub(there);
                    return false;
                }
                Some(total) if total == self.held.len() => {
                    if let Some((message, _)) = split(&self.held) {
                        each(message);
                    }
                    self.forget();
                }
                _ => {}
            }
        }
        true
    }

    /// Nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.is_empty() && self.skip == 0
    }

    /// Forgets what is held.
    pub fn forget(&mut self) {
        *self = Fragment::default();
    }

    /// Bytes on the heap.
    #[must_use]
    pub fn heap(&self) -> usize {
        self.held.capacity()
    }
}

/// Bytes of the message that begins here, once its length is there.
fn total(bytes: &[u8]) -> Option<usize> {
    let &[_, a, b, c] = bytes.first_chunk::<HEADER>()?;
    Some(HEADER + u32::from_be_bytes([0, a, b, c]) as usize)
}

/// The message that begins here, if it is complete, and what follows it.
fn split(bytes: &[u8]) -> Option<(Raw<'_>, &[u8])> {
    let (message, after) = bytes.split_at_checked(total(bytes)?)?;
    let (&kind, _) = message.split_first()?;
    Some((Raw { kind: HandshakeType(kind), body: message.get(HEADER..)? }, after))
}

/// Whether a record's content is taken for encrypted, whatever the direction's state (as Wireshark 4.0 decides): an explicit nonce that counts
/// from zero, no known type, or a length that no message has. Shorter contents than 16 bytes cannot be encrypted.
#[must_use]
pub(super) fn looks_encrypted(content: &[u8]) -> bool {
    let Some(&[kind, long, b, c, d]) = content.first_chunk::<5>() else { return false };
    content.len() >= 16 && ([kind, long, b, c, d] == [0; 5] || !HandshakeType(kind).is_named() || long != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let [_, a, b, c] = (body.len() as u32).to_be_bytes();
        [&[kind, a, b, c], body].concat()
    }

    /// Types and bodies that records yield.
    fn taken(records: &[&[u8]]) -> Vec<(u8, Vec<u8>)> {
        let (mut fragment, mut all) = (Fragment::default(), Vec::new());
        for record in records {
            assert!(fragment.take(record, |m| all.push((m.kind.0, m.body.to_vec()))));
        }
        assert!(fragment.is_empty(), "held");
        all
    }

    #[test]
    fn messages_share_a_record() {
        let record = [message(2, b"hello"), message(11, b"cert"), message(14, b"")].concat();
        let expected = [(2, b"hello".to_vec()), (11, b"cert".to_vec()), (14, Vec::new())];
        assert_eq!(taken(&[&record]), expected);
    }

    #[test]
    fn every_cut_into_records_gives_the_same_messages() {
        let all = [message(2, b"hello"), message(11, &[9; 40]), message(14, b"")].concat();
        let whole = taken(&[&all]);
        for cut in 0..=all.len() {
            let (a, b) = all.split_at(cut);
            assert_eq!(taken(&[a, b]), whole, "cut at {cut}");
        }
        assert_eq!(taken(&all.chunks(1).collect::<Vec<_>>()), whole);
        assert_eq!(taken(&all.chunks(3).collect::<Vec<_>>()), whole);
    }

    #[test]
    fn a_message_that_is_too_long_is_given_up() {
        let mut fragment = Fragment::default();
        assert!(!fragment.take(&[11, 1, 0, 1, 5, 5], |_| panic!("complete")));
        // 65,537 bytes of body, two of them in the first record.
        assert!(fragment.take(&[14; 65_530], |_| panic!("complete")));
        assert!(fragment.take(&[14, 0, 0, 0, 14, 11, 0, 0, 1, 5], |m| assert_eq!(m.body, [5])));
        assert!(fragment.is_empty());
    }

    #[test]
    fn encrypted_content_is_known_by_its_first_bytes() {
        let with = |start: &[u8], len: usize| {
            let mut content = start.to_vec();
            content.resize(len, 0x77);
            looks_encrypted(&content)
        };
        assert!(with(&[0, 0, 0, 0, 0], 40));
        assert!(with(&[7, 0, 0, 4, 0], 40));
        assert!(with(&[11, 1, 0, 0, 0], 40));
        assert!(!with(&[11, 0, 9, 0, 0], 40));
        assert!(!with(&[0, 0, 0, 0, 0], 15));
        assert!(!with(&[14, 0, 0, 0], 4));
    }
}

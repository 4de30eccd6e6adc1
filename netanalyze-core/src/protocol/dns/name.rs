//! Domain names: labels, compression, and how Wireshark shows what is odd about them.
//!
//! Reads a name at an offset of a message (RFC 1035 §4.1.4). Names are bytes; their text is the labels with dots between. A name is at most 255
//! bytes on the wire, so it lives on the stack. Pointers may lead anywhere in the message, as Wireshark lets them; whoever walks in circles is
//! stopped.

use std::fmt;

/// The longest text of a name: 255 bytes on the wire (RFC 1035 §2.3.4) less the first length and the root.
const MAX_TEXT: usize = 253;
/// No name of 255 bytes has more pointers, nor more bytes and pointers together.
const MAX_POINTERS: usize = 127;
const MAX_WALK: usize = 1_024;

/// What there is to say of a name besides its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameState {
    /// Nothing.
    Sound,
    /// Longer than RFC 1035 allows; the text is its beginning.
    TooLong,
    /// Its compression leads back to itself.
    Loops,
    /// It has a label of a kind that nobody uses (RFC 6891 §5).
    UnknownLabel,
}

/// A domain name.
#[derive(Clone, Copy)]
pub struct Name {
    state: NameState,
    len: u8,
    bytes: [u8; MAX_TEXT],
}

impl Name {
    /// The root.
    pub const ROOT: Name = Name { state: NameState::Sound, len: 0, bytes: [0; MAX_TEXT] };

    /// Reads the name at an offset of a message, and says where it ends. `None` if bytes are missing or a label is of a reserved kind.
    #[must_use]
    pub fn read(message: &[u8], start: usize) -> Option<(Name, usize)> {
        Walk::new(message, start).run()
    }

    /// Labels with dots between, without the last dot; empty for the root.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// What is odd about it.
    #[must_use]
    pub fn state(&self) -> NameState {
        self.state
    }

    /// Equal but for the case of letters (RFC 1035 §2.3.3).
    #[must_use]
    pub fn is(&self, other: &[u8]) -> bool {
        self.as_bytes().eq_ignore_ascii_case(other)
    }

    /// The text as tshark 4.0 shows it, and in words what cannot be shown.
    #[must_use]
    pub fn shown(&self) -> String {
        match self.state {
            NameState::Sound if self.looks_empty() => "<Root>".to_owned(),
            NameState::Sound => shown(self.as_bytes()),
            NameState::TooLong => "<Name too long>".to_owned(),
            NameState::Loops => "<Name contains a pointer that loops>".to_owned(),
            NameState::UnknownLabel => "<Unknown extended label>".to_owned(),
        }
    }

    /// Wireshark 4.0 takes a single NUL for the end of the text.
    fn looks_empty(&self) -> bool {
        matches!(self.as_bytes(), [] | [0])
    }

    /// Length of the text, as `dns.qry.name.len` has it.
    #[must_use]
    pub fn shown_len(&self) -> usize {
        if self.state == NameState::Sound && !self.looks_empty() {
            usize::from(self.len)
        } else {
            self.shown().len()
        }
    }

    /// Labels in the text, as `dns.count.labels` counts them: at least one.
    #[must_use]
    pub fn labels(&self) -> usize {
        match self.state {
            NameState::Sound => 1 + self.as_bytes().iter().filter(|&&b| b == b'.').count(),
            _ => 1,
        }
    }

    fn push(&mut self, byte: u8) {
        match self.bytes.get_mut(usize::from(self.len)) {
            Some(place) => {
                *place = byte;
                self.len += 1;
            }
            None => self.state = NameState::TooLong,
        }
    }

    fn push_label(&mut self, label: &[u8]) {
        if self.len > 0 {
            self.push(b'.');
        }
        label.iter().for_each(|&b| self.push(b));
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.state == other.state && self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Name {}

/// One walk along a name.
struct Walk<'m> {
    message: &'m [u8],
    start: usize,
    at: usize,
    /// Behind the first pointer.
    end: Option<usize>,
    walked: usize,
    pointers: usize,
    name: Name,
}

impl<'m> Walk<'m> {
    fn new(message: &'m [u8], start: usize) -> Self {
        Walk { message, start, at: start, end: None, walked: 0, pointers: 0, name: Name::ROOT }
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.message.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn run(mut self) -> Option<(Name, usize)> {
        loop {
            match self.byte()? {
                0 => return Some(self.done()),
                len @ 1..=0x3f => {
                    let label = self.message.get(self.at..)?.get(..usize::from(len))?;
                    self.name.push_label(label);
                    self.at += label.len();
                    self.walked += label.len() + 1;
                    // Whoever is behind a pointer needs no more of a name that is too long.
                    if self.end.is_some() && self.walked > MAX_WALK {
                        self.name.state = NameState::TooLong;
                        return Some(self.done());
                    }
                }
                // A bit string (RFC 2673), which RFC 6891 §5 made history. Wireshark shows no more of such a name than its beginning.
                0x41 => {
                    let bits = self.byte()?;
                    let bytes = usize::from(bits.saturating_sub(1)) / 8 + 1;
                    self.message.get(self.at..)?.get(..bytes)?;
                    self.at += bytes;
                    self.walked += bytes + 2;
                    self.name.push_label(b"\\[x");
                }
                0x40..=0x7f => return self.unknown_label(),
                0x80..=0xbf => return None,
                high @ 0xc0.. => {
                    let target = usize::from(high & 0x3f) << 8 | usize::from(self.byte()?);
                    self.end.get_or_insert(self.at);
                    self.at = target;
                    self.walked += 2;
                    self.pointers += 1;
                    if self.walked >= self.message.len() || self.pointers > MAX_POINTERS {
                        self.name.state = NameState::Loops;
                        return Some(self.done());
                    }
                }
            }
        }
    }

    fn done(self) -> (Name, usize) {
        (self.name, self.end.unwrap_or(self.at))
    }

    /// Wireshark 4.0 goes on behind such a label even if a pointer led there, and gives up if that is no way forward.
    fn unknown_label(mut self) -> Option<(Name, usize)> {
        self.name.state = NameState::UnknownLabel;
        (self.at >= self.start + 2).then_some((self.name, self.at))
    }
}

/// Bytes as tshark 4.0 shows text: UTF-8, what is none replaced, what cannot be printed escaped.
#[must_use]
pub fn shown(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&first, mut behind)) = rest.split_first() {
        let (more, mut code) = match first {
            0..0x80 => (0, u32::from(first)),
            0xc0..0xe0 => (1, u32::from(first & 0x1f)),
            0xe0..0xf0 => (2, u32::from(first & 0x0f)),
            0xf0..0xf8 => (3, u32::from(first & 0x07)),
            // As UTF-8 once was; no such character exists.
            0xf8..0xfc => (4, u32::MAX),
            0xfc..0xfe => (5, u32::MAX),
            _ => (0, u32::MAX),
        };
        // Letters in more bytes than they need are read all the same; a sequence that breaks off is one replacement.
        for _ in 0..more {
            match behind.split_first() {
                Some((&next @ 0x80..0xc0, others)) => {
                    code = if code == u32::MAX { code } else { code << 6 | u32::from(next & 0x3f) };
                    behind = others;
                }
                _ => {
                    code = u32::MAX;
                    break;
                }
            }
        }
        match char::from_u32(code) {
            Some(c) => push_shown(c, &mut text),
            None => text.push(char::REPLACEMENT_CHARACTER),
        }
        rest = behind;
    }
    text
}

/// The same of text that must be ASCII: other bytes are replaced one by one.
#[must_use]
pub fn shown_ascii(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        push_shown(if byte.is_ascii() { char::from(byte) } else { char::REPLACEMENT_CHARACTER }, &mut text);
    }
    text
}

fn push_shown(c: char, text: &mut String) {
    let short = match c {
        '\x07' => "\\a",
        '\x08' => "\\b",
        '\t' => "\\t",
        '\n' => "\\n",
        '\x0b' => "\\v",
        '\x0c' => "\\f",
        '\r' => "\\r",
        ' '..='~' => {
            text.push(c);
            return;
        }
        '\0'..='\x1f' | '\x7f' => {
            text.push_str(&format!("\\{:03o}", u32::from(c)));
            return;
        }
        _ if is_printable(c) => {
            text.push(c);
            return;
        }
        '\u{10000}'.. => {
            text.push_str(&format!("\\U{:08X}", u32::from(c)));
            return;
        }
        _ => {
            text.push_str(&format!("\\u{:04X}", u32::from(c)));
            return;
        }
    };
    text.push_str(short);
}

/// Whether a character beyond ASCII is neither a control nor a format character, and assigned.
fn is_printable(c: char) -> bool {
    if c.is_alphanumeric() {
        return true;
    }
    if c.is_whitespace()
        || matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{ffffd}' | '\u{100000}'..='\u{10fffd}')
    {
        return !c.is_control();
    }
    // Marks are escaped only where a string begins.
    format!("a{c}").escape_debug().nth(1) == Some(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Option<(String, usize)> {
        Name::read(bytes, 0).map(|(name, end)| (name.shown(), end))
    }

    fn said(text: &str, end: usize) -> Option<(String, usize)> {
        Some((text.to_owned(), end))
    }

    #[test]
    fn labels_and_pointers() {
        assert_eq!(read(b"\0"), said("<Root>", 1));
        assert_eq!(read(b"\x03www\x07example\0rest"), said("www.example", 13));
        let message = b"\x07example\x03com\0\x03www\xc0\x00!";
        assert_eq!(Name::read(message, 13).map(|(n, end)| (n.shown(), end)), said("www.example.com", 19));
        // Forward, too.
        assert_eq!(read(b"\x01a\xc0\x05!\x01b\0"), said("a.b", 4));
    }

    #[test]
    fn every_cut_of_a_name_is_no_name() {
        let name = b"\x03www\x07example\0";
        for cut in 0..name.len() {
            assert_eq!(read(&name[..cut]), None, "{cut}");
        }
    }

    #[test]
    fn circles_end() {
        assert_eq!(read(b"\xc0\x00"), said("<Name contains a pointer that loops>", 2));
        assert_eq!(read(b"\x01a\xc0\x00"), said("<Name contains a pointer that loops>", 4));
        let mut large = b"\x01a\xc0\x00".to_vec();
        large.resize(65_535, 0);
        assert_eq!(read(&large), said("<Name contains a pointer that loops>", 4));
        // A pointer into thousands of labels is followed only as far as a name can reach.
        let mut long = [b"\x3f".as_slice(), &[b'x'; 63]].concat().repeat(1_000);
        let at = long.len() + 1;
        long.extend_from_slice(b"\0\xc0\x00");
        assert_eq!(
            Name::read(&long, at).map(|(n, end)| (n.state(), end)),
            Some((NameState::TooLong, at + 2))
        );
    }

    #[test]
    fn the_longest_name() {
        for (last, state) in [(61, NameState::Sound), (62, NameState::TooLong)] {
            let mut bytes = [b"\x3f".as_slice(), &[b'x'; 63]].concat().repeat(3);
            bytes.push(last);
            bytes.extend(std::iter::repeat_n(b'y', usize::from(last)));
            bytes.push(0);
            assert_eq!(Name::read(&bytes, 0).map(|(n, end)| (n.state(), end)), Some((state, bytes.len())));
        }
    }

    #[test]
    fn labels_of_other_kinds() {
        assert_eq!(read(b"\x40ab\0"), None);
        assert_eq!(read(b"\x80ab\0"), None);
        assert_eq!(read(b"\x02ab\x62\x09"), said("<Unknown extended label>", 4));
        // 8 bits of a bit string.
        assert_eq!(read(b"\x02ab\x41\x08\xff\0"), said("ab.\\[x", 7));
    }

    #[test]
    fn text_is_shown_as_tshark_does() {
        for (bytes, text) in [
            (
                b"\x00\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x1b\x7f".as_slice(),
                "\\000\\006\\a\\b\\t\\n\\v\\f\\r\\033\\177",
            ),
            (b" !\"\\~", " !\"\\~"),
            (b"\xc3\xa9", "é"),
            (b"a\xe2\x82x", "a\u{fffd}x"),
            (b"a\xe2\x28\xa1z", "a\u{fffd}(\u{fffd}z"),
            (b"\xed\xa0\x80\xf4\x90\x80\x80\xf5\x80z\xff", "\u{fffd}\u{fffd}\u{fffd}z\u{fffd}"),
            (b"\xfb\x90\x90\x90\x90\x90z\xfb\xbdQ\xfe\x90", "\u{fffd}\u{fffd}z\u{fffd}Q\u{fffd}\u{fffd}"),
            (b"\xc0\xaf\xe0\x80\xaf\xf0\x80\x80\xaf\xc1\x81", "///A"),
            (b"\xc2\x85\xc2\xad\xe2\x80\x8b\xef\xbf\xbe", "\\u0085\\u00AD\\u200B\\uFFFE"),
            (
                "\u{e000}\u{1f600}\u{301}\u{3000}\u{a0}\u{2028}".as_bytes(),
                "\u{e000}\u{1f600}\u{301}\u{3000}\u{a0}\u{2028}",
            ),
            ("\u{378}\u{61c}\u{feff}\u{e0001}".as_bytes(), "\\u0378\\u061C\\uFEFF\\U000E0001"),
        ] {
            assert_eq!(shown(bytes), text);
        }
    }
}

//! Dialogues in clear that can agree on TLS: SMTP (RFC 3207), IMAP and POP3 (RFC 2595), FTP (RFC 4217), NNTP (RFC 4642), LDAP (RFC 4511
//! §4.14), XMPP (RFC 6120 §5), PostgreSQL (its protocol's SSLRequest), MySQL (its protocol's SSLRequest).
//!
//! Owns: where the clear part of such a conversation ends. Nothing else is read of it. Wherever a TLS record begins although no
//! agreement was seen, e.g. because it was not captured, the clear part is over too. After `MAX_DIALOGUE_BYTES`
//! nobody agrees any more.

use super::message::Messages;
use super::recognise;
use super::stream::{Closing, Moment, Progress, StreamDecoder};
use crate::model::Direction;
use crate::model::limits::{MAX_DIALOGUE_BYTES, MAX_DIALOGUE_LINE};

/// PostgreSQL: the client asks for TLS.
pub(super) const POSTGRES_SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
/// PostgreSQL: the client asks for encryption by GSSAPI, and if refused may still ask for TLS.
const POSTGRES_GSS_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 48];
/// LDAP: the object identifier 1.3.6.1.4.1.1466.20037 as text, as an extended request names StartTLS.
const LDAP_START_TLS: &[u8] = b"1.3.6.1.4.1.1466.20037";

/// A protocol that can agree on TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialogue {
    /// Mail submission and relay.
    Smtp,
    /// Mailboxes.
    Imap,
    /// Mailboxes.
    Pop3,
    /// Directories.
    Ldap,
    /// PostgreSQL.
    Postgres,
    /// MySQL, MariaDB.
    Mysql,
    /// File transfer, control connection.
    Ftp,
    /// Instant messages.
    Xmpp,
    /// News.
    Nntp,
}

impl Dialogue {
    /// The dialogue that a server's port stands for.
    #[must_use]
    pub fn of_port(port: u16) -> Option<Dialogue> {
        Some(match port {
            25 | 587 => Dialogue::Smtp,
            143 => Dialogue::Imap,
            110 => Dialogue::Pop3,
            389 | 3268 => Dialogue::Ldap,
            5432 => Dialogue::Postgres,
            3306 => Dialogue::Mysql,
            21 => Dialogue::Ftp,
            5222 | 5269 => Dialogue::Xmpp,
            119 => Dialogue::Nntp,
            _ => return None,
        })
    }

    /// The dialogue that a server's greeting begins, where it says so itself.
    #[must_use]
    pub fn of_greeting(bytes: &[u8]) -> Option<Dialogue> {
        let line = bytes.get(..bytes.len().min(128)).unwrap_or_default();
        let says = |word: &[u8]| line.windows(word.len()).any(|w| w.eq_ignore_ascii_case(word));
        match bytes {
            [b'2', b'2', b'0', b' ' | b'-', ..] if says(b"smtp") => Some(Dialogue::Smtp),
            [b'2', b'2', b'0', b' ' | b'-', ..] if says(b"ftp") => Some(Dialogue::Ftp),
            [b'*', b' ', b'O', b'K', b' ', ..] if says(b"imap") => Some(Dialogue::Imap),
            [b'+', b'O', b'K', b' ', ..] if says(b"pop") => Some(Dialogue::Pop3),
            _ => None,
        }
    }
}

/// What a line of text means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// It asks for TLS.
    Asks,
    /// It agrees, if asked.
    Agrees,
    /// It refuses, if asked.
    Refuses,
    /// From here on there is too much that is no dialogue.
    Over,
    /// Nothing.
    Other,
}

/// Waits for the agreement.
#[derive(Clone, Copy, Debug)]
pub struct StartTls {
    dialogue: Dialogue,
    /// Who asked for TLS and has no answer.
    asked: Option<Direction>,
    /// Bytes that may still be looked at.
    left: u32,
}

impl StartTls {
    /// At the beginning of a dialogue.
    #[must_use]
    pub fn new(dialogue: Dialogue) -> Self {
        StartTls { dialogue, asked: None, left: MAX_DIALOGUE_BYTES }
    }

    /// What it is.
    #[must_use]
    pub fn dialogue(&self) -> Dialogue {
        self.dialogue
    }

    fn give_up(&mut self) -> Progress {
        self.left = 0;
        Progress::Ignore
    }

    /// Lines of text.
    fn lines(&mut self, from: Direction, bytes: &[u8]) -> Progress {
        let mut done = 0;
        while let Some(rest) = bytes.get(done..).filter(|rest| !rest.is_empty()) {
            if recognise::begins_tls(rest) {
                return Progress::Another(done);
            }
            let Some(end) = rest.iter().take(MAX_DIALOGUE_LINE).position(|&b| b == b'\n') else {
                return match done {
                    // A line that never ends is none of a dialogue.
                    0 if rest.len() >= MAX_DIALOGUE_LINE => Progress::Consumed(bytes.len()),
                    0 => Progress::More,
                    _ => Progress::Consumed(done),
                };
            };
            done += end + 1;
            let line = rest.get(..end).unwrap_or_default().trim_ascii_end();
            match self.meaning(line) {
                Line::Asks => self.asked = Some(from),
                Line::Agrees if self.asked == Some(from.reverse()) => {
                    self.asked = None;
                    return Progress::Another(done);
                }
                Line::Refuses if self.asked == Some(from.reverse()) => self.asked = None,
                Line::Over => return self.give_up(),
                _ => {}
            }
        }
        Progress::Consumed(done)
    }

    fn meaning(&self, line: &[u8]) -> Line {
        let is = |words: &[u8]| line.eq_ignore_ascii_case(words);
        let replies = |code: &[u8]| line.starts_with(code) && line.get(3).is_none_or(|&b| b == b' ');
        let mut words = line.split(|&b| b == b' ');
        match self.dialogue {
            Dialogue::Smtp if is(b"STARTTLS") => Line::Asks,
            Dialogue::Smtp if replies(b"220") => Line::Agrees,
            Dialogue::Smtp if is(b"DATA") => Line::Over,
            Dialogue::Nntp if is(b"STARTTLS") => Line::Asks,
            Dialogue::Nntp if replies(b"382") => Line::Agrees,
            Dialogue::Ftp if is(b"AUTH TLS") || is(b"AUTH SSL") || is(b"AUTH TLS-C") => Line::Asks,
            Dialogue::Ftp if replies(b"234") => Line::Agrees,
            Dialogue::Pop3 if is(b"STLS") => Line::Asks,
            Dialogue::Pop3 if line.starts_with(b"+OK") => Line::Agrees,
            Dialogue::Pop3 if line.starts_with(b"-ERR") => Line::Refuses,
            Dialogue::Imap => match (words.next(), words.next()) {
                (Some(b"*" | b"+"), _) => Line::Other,
                (_, Some(word)) if word.eq_ignore_ascii_case(b"STARTTLS") => Line::Asks,
                (_, Some(b"OK")) => Line::Agrees,
                (_, Some(b"NO" | b"BAD")) => Line::Refuses,
                _ => Line::Other,
            },
            Dialogue::Smtp | Dialogue::Nntp | Dialogue::Ftp
                if matches!(line, [b'4' | b'5', b'0'..=b'9', b'0'..=b'9', ..]) =>
            {
                Line::Refuses
            }
            _ => Line::Other,
        }
    }

    /// XML, by tags.
    fn tags(&mut self, bytes: &[u8]) -> Progress {
        let Some(last) = bytes.iter().rposition(|&b| b == b'>') else {
            return if bytes.len() < MAX_DIALOGUE_LINE {
                Progress::More
            } else {
                Progress::Consumed(bytes.len())
            };
        };
        let whole = bytes.get(..=last).unwrap_or_default();
        let proceed = b"<proceed";
        let Some(at) = whole.windows(proceed.len()).position(|w| w == proceed) else {
            return Progress::Consumed(last + 1);
        };
        let end = whole.iter().skip(at).position(|&b| b == b'>').unwrap_or(0);
        Progress::Another(at + end + 1)
    }

    /// BER-encoded messages (RFC 4511 §5.1).
    fn ldap(&mut self, from: Direction, bytes: &[u8]) -> Progress {
        let [0x30, first, rest @ ..] = bytes else {
            // Between messages there is nothing else: signed or encrypted by SASL, or in the middle of one.
            return if bytes == [0x30] { Progress::Need(2) } else { Progress::Consumed(bytes.len()) };
        };
        let (header, length) = match *first {
            0..=0x7f => (2, u64::from(*first)),
            0x81..=0x84 => {
                let count = usize::from(first & 0x7f);
                let Some(length) = rest.get(..count) else { return Progress::Need(2 + count) };
                (2 + count, length.iter().fold(0, |sum, &b| sum << 8 | u64::from(b)))
            }
            _ => return Progress::Consumed(bytes.len()),
        };
        if length > u64::from(MAX_DIALOGUE_BYTES) {
            return Progress::Body { head: header, len: length, id: 0 };
        }
        let total = header + length as usize;
        let Some(body) = bytes.get(header..total) else { return Progress::Need(total) };
        // messageID, then the operation.
        let operation = match body {
            [2, id_length, rest @ ..] => rest.get(usize::from(*id_length)..).unwrap_or_default(),
            _ => return Progress::Consumed(total),
        };
        match operation {
            [0x77, rest @ ..] if rest.windows(LDAP_START_TLS.len()).any(|w| w == LDAP_START_TLS) => {
                self.asked = Some(from);
            }
            // An extended response with the result code success.
            [0x78, rest @ ..] if self.asked == Some(from.reverse()) => {
                self.asked = None;
                if rest.windows(3).take(6).any(|w| w == [0x0a, 1, 0]) {
                    return Progress::Another(total);
                }
            }
            _ => {}
        }
        Progress::Consumed(total)
    }

    fn postgres(&mut self, from: Direction, bytes: &[u8]) -> Progress {
        if self.asked == Some(from.reverse()) {
            self.asked = None;
            return match bytes {
                [b'S', ..] => Progress::Another(1),
                [b'N', ..] => Progress::Consumed(1),
                _ => self.give_up(),
            };
        }
        match bytes.first_chunk() {
            Some(&POSTGRES_SSL_REQUEST | &POSTGRES_GSS_REQUEST) => {
                self.asked = Some(from);
                Progress::Consumed(8)
            }
            None if POSTGRES_SSL_REQUEST.starts_with(bytes.get(..7).unwrap_or(bytes)) => Progress::Need(8),
            _ => self.give_up(),
        }
    }

    /// The server greets with packet 0, the client answers with packet 1, which is short and says so if TLS is to follow.
    fn mysql(&mut self, bytes: &[u8]) -> Progress {
        const CLIENT_SSL: u8 = 0x08;
        let Some(&[low, middle, high, number]) = bytes.first_chunk() else { return Progress::Need(4) };
        let length = u32::from_le_bytes([low, middle, high, 0]);
        match number {
            0 if length <= MAX_DIALOGUE_BYTES => Progress::Body { head: 4, len: u64::from(length), id: 0 },
            1 if length == 32 => match bytes.get(5) {
                None => Progress::Need(36),
                Some(flags) if flags & CLIENT_SSL == 0 => self.give_up(),
                Some(_) if bytes.len() < 36 => Progress::Need(36),
                Some(_) => Progress::Another(36),
            },
            _ => self.give_up(),
        }
    }
}

impl StreamDecoder for StartTls {
    fn decode(&mut self, from: Direction, bytes: &[u8], _now: Moment, _out: &mut Messages) -> Progress {
        if recognise::begins_tls(bytes) {
            return Progress::Another(0);
        }
        if self.left == 0 {
            return Progress::Ignore;
        }
        let progress = match self.dialogue {
            Dialogue::Ldap => self.ldap(from, bytes),
            Dialogue::Postgres => self.postgres(from, bytes),
            Dialogue::Mysql => self.mysql(bytes),
            Dialogue::Xmpp => self.tags(bytes),
            _ => self.lines(from, bytes),
        };
        if let Progress::Consumed(bytes) = progress {
            self.left = self.left.saturating_sub(bytes as u32);
        }
        progress
    }

    fn decode_cut(&mut self, _: Direction, _: &[u8], _: u32, _: Moment, _: &mut Messages) {}

    fn body_complete(&mut self, _: Direction, _: u32, _: Moment, _: &mut Messages) {}

    fn begins_message(&self, _: Direction, bytes: &[u8]) -> bool {
        recognise::begins_tls(bytes) || bytes.ends_with(b"\r\n")
    }

    fn lost(&mut self, _: Direction, _: Moment, _: &mut Messages) {}

    fn closed(&mut self, _: Direction, _: Closing, _: Moment, _: &mut Messages) {}

    fn heap(&self) -> usize {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{C, Drive, S};
    use super::*;

    const HELLO: &[u8] = b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03";

    /// Bytes of its direction before TLS, if the dialogue led there.
    fn ends(dialogue: Dialogue, texts: &[(Direction, &[u8])], step: usize) -> Option<(Direction, usize)> {
        let mut drive = Drive::new(StartTls::new(dialogue));
        for (from, text) in texts {
            text.chunks(step).for_each(|piece| drive.feed(*from, piece));
        }
        drive.another
    }

    #[test]
    fn agreement_is_found_however_segments_are_cut() {
        let pg = POSTGRES_SSL_REQUEST;
        let ask_ldap = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";
        let yes_ldap = b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00";
        let no_ldap = b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x34\x04\x00\x04\x00";
        let mysql_greeting = b"\x0a\x00\x00\x00\x0a5.7.1\0abc";
        let mut mysql_ssl = [0u8; 36];
        mysql_ssl[..6].copy_from_slice(&[32, 0, 0, 1, 0x05, 0xae]);
        let mut mysql_plain = mysql_ssl;
        mysql_plain[5] = 0xa6;
        type Texts<'a> = Vec<(Direction, &'a [u8])>;
        #[allow(clippy::type_complexity)] // a table
        let rows: Vec<(Dialogue, Texts<'_>, Option<(Direction, usize)>)> = vec![
            (
                Dialogue::Smtp,
                vec![
                    (S, b"220 a ESMTP\r\n"),
                    (C, b"EHLO b\r\n"),
                    (S, b"250-a\r\n250 STARTTLS\r\n"),
                    (C, b"starttls\r\n"),
                    (S, b"220 go\r\n"),
                ],
                Some((S, 42)),
            ),
            (
                Dialogue::Smtp,
                vec![(S, b"220 a\r\n"), (C, b"STARTTLS\r\n"), (S, b"454 no\r\n220 x\r\n")],
                None,
            ),
            (Dialogue::Smtp, vec![(C, b"DATA\r\n"), (C, b"STARTTLS\r\n"), (S, b"220 go\r\n")], None),
            (Dialogue::Imap, vec![(C, b"a1 STARTTLS\r\n"), (S, b"* x\r\na1 OK\r\n")], Some((S, 12))),
            (Dialogue::Imap, vec![(C, b"a1 STARTTLS\r\n"), (S, b"a1 BAD\r\na1 OK\r\n")], None),
            (Dialogue::Pop3, vec![(S, b"+OK\r\n"), (C, b"STLS\r\n"), (S, b"+OK\r\n")], Some((S, 10))),
            (Dialogue::Ftp, vec![(C, b"AUTH TLS\r\n"), (S, b"234 ok\r\n")], Some((S, 8))),
            (Dialogue::Nntp, vec![(C, b"STARTTLS\r\n"), (S, b"382 ok\r\n")], Some((S, 8))),
            (Dialogue::Ldap, vec![(C, ask_ldap), (S, yes_ldap)], Some((S, 14))),
            (Dialogue::Ldap, vec![(C, ask_ldap), (S, no_ldap)], None),
            (
                Dialogue::Xmpp,
                vec![(C, b"<stream:stream><starttls xmlns='x'/>"), (S, b"<a/><proceed xmlns='x'/>")],
                Some((S, 24)),
            ),
            (Dialogue::Postgres, vec![(C, &pg), (S, b"S")], Some((S, 1))),
            (Dialogue::Postgres, vec![(C, &pg), (S, b"N"), (C, b"\0\0\0\x09\0\x03\0\0\0")], None),
            (
                Dialogue::Postgres,
                vec![(C, &POSTGRES_GSS_REQUEST), (S, b"N"), (C, &pg), (S, b"S")],
                Some((S, 2)),
            ),
            (Dialogue::Mysql, vec![(S, mysql_greeting), (C, &mysql_ssl)], Some((C, 36))),
            (Dialogue::Mysql, vec![(S, mysql_greeting), (C, &mysql_plain)], None),
        ];
        for (dialogue, texts, expected) in &rows {
            for step in [1, 2, 3, 7, 1000] {
                assert_eq!(ends(*dialogue, texts, step), *expected, "{dialogue:?} {texts:?} by {step}");
            }
        }
    }

    #[test]
    fn tls_begins_without_an_agreement_too() {
        for dialogue in [Dialogue::Smtp, Dialogue::Ldap, Dialogue::Mysql, Dialogue::Xmpp, Dialogue::Postgres]
        {
            assert_eq!(ends(dialogue, &[(C, HELLO)], 1000), Some((C, 0)), "{dialogue:?}");
        }
        let texts: [(Direction, &[u8]); 2] = [(S, b"220 a\r\n"), (C, HELLO)];
        assert_eq!(ends(Dialogue::Smtp, &texts, 1000), Some((C, 0)));
    }

    #[test]
    fn nobody_agrees_after_too_much() {
        let mut drive = Drive::new(StartTls::new(Dialogue::Smtp));
        (0..MAX_DIALOGUE_BYTES / 1_000).for_each(|_| drive.feed(C, &[&[b'x'; 1_022][..], b"\r\n"].concat()));
        drive.feed(C, b"STARTTLS\r\n");
        drive.feed(S, b"220 go\r\n");
        assert_eq!(drive.another, None);
    }
}

//! Opens the records of one direction of a TLS connection.
//!
//! An [`Opener`] knows the direction's keys one after the other (in TLS 1.3: early data, handshake, application data and what KeyUpdate
//! makes of them) and the number of the next record, which is part of the nonce and never sent. After lost records it looks for the
//! number within a window; a wrong guess cannot pass, because records are authenticated. Rules: RFC 5246 section 6.2.3.3, RFC 8446
//! section 5. Cost: one pass over the record for each guess. Keeps nothing of a record.

use std::fmt;

use super::aead::{Key, NONCE};
use super::keylog::SecretKind;
use super::schedule::{self, Material, Secret, TLS_LABELS};
use super::secrets::Secrets;
use super::suite::Suite;
use crate::model::{FrameNumber, limits};

/// The most bytes of a protected record: 2^14 and what TLS 1.2 allows a cipher to add (RFC 5246 section 6.2.3).
pub(crate) const MAX_RECORD: usize = (1 << 14) + 2048;

/// A record's header: content type, version, length.
pub(crate) const HEADER: usize = 5;

/// Opens one direction's records.
#[derive(Debug)]
pub(crate) struct Opener {
    suite: Suite,
    epoch: Epoch,
    /// Number of the next record under the current key.
    sequence: u64,
    /// Secrets of the epochs to come, next first. Only in TLS 1.3.
    later: [Option<Secret>; 2],
    /// The number may be higher, because records are missing.
    lost: bool,
    /// Records that could not be opened though numbers were looked for.
    failed: u8,
}

/// A key and what came with it. `Debug` shows nothing of it.
struct Epoch {
    key: Key,
    iv: [u8; NONCE],
    /// TLS 1.3: the secret that the key was made from. TLS 1.2: none.
    secret: Option<Secret>,
}

/// The plain text of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Opened {
    /// Its true content type.
    pub(crate) content_type: u8,
    /// Its place in the buffer that was given.
    pub(crate) start: usize,
    /// Its length.
    pub(crate) len: usize,
}

impl Opened {
    /// The plain text in the buffer.
    pub(crate) fn text(self, buffer: &[u8]) -> &[u8] {
        buffer.get(self.start..self.start + self.len).unwrap_or_default()
    }
}

impl fmt::Debug for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Epoch")
    }
}

impl Epoch {
    fn new(suite: Suite, material: &Material, secret: Option<Secret>) -> Option<Epoch> {
        let key = Key::new(suite.cipher, material.key.get(..suite.cipher.key_len())?)?;
        Some(Epoch { key, iv: material.iv, secret })
    }

    fn tls13(suite: Suite, secret: Secret) -> Option<Epoch> {
        Epoch::new(suite, &schedule::traffic(suite, &secret, TLS_LABELS)?, Some(secret))
    }

    /// Opens a record into `buffer`.
    fn open(
        &self,
        suite: Suite,
        sequence: u64,
        header: [u8; HEADER],
        body: &[u8],
        buffer: &mut Vec<u8>,
    ) -> Option<Opened> {
        let explicit = if self.secret.is_some() { 0 } else { suite.cipher.explicit_nonce_len() };
        let mut nonce = self.iv;
        if explicit > 0 {
            nonce.get_mut(NONCE - explicit..)?.copy_from_slice(body.get(..explicit)?);
        } else {
            // RFC 8446 section 5.3, RFC 7905 section 2.
            let [.., a, b, c, d, e, f, g, h] = &mut nonce;
            for (byte, number) in [a, b, c, d, e, f, g, h].into_iter().zip(sequence.to_be_bytes()) {
                *byte ^= number;
            }
        }
        buffer.clear();
        buffer.extend_from_slice(body);
        let text = buffer.get_mut(explicit..)?;
        if self.secret.is_some() {
            let len = self.key.open(&nonce, &header, text)?;
            // The content type is the last byte that is not zero; what follows is padding.
            let len = text.get(..len)?.iter().rposition(|&byte| byte != 0)?;
            return Some(Opened { content_type: *text.get(len)?, start: 0, len });
        }
        let [content_type, major, minor, ..] = header;
        let len = text.len().checked_sub(suite.cipher.tag_len())?;
        let [high, low] = u16::try_from(len).ok()?.to_be_bytes();
        let [s0, s1, s2, s3, s4, s5, s6, s7] = sequence.to_be_bytes();
        let associated = [s0, s1, s2, s3, s4, s5, s6, s7, content_type, major, minor, high, low];
        let len = self.key.open(&nonce, &associated, text)?;
        Some(Opened { content_type, start: explicit, len })
    }
}

impl Opener {
    /// Openers of a TLS 1.2 connection, the client's first, for the records behind the ChangeCipherSpec.
    pub(crate) fn tls12(
        suite: Suite,
        secrets: &Secrets,
        client_random: &[u8; 32],
        server_random: &[u8; 32],
        now: FrameNumber,
    ) -> Option<[Opener; 2]> {
        let master = secrets.get(SecretKind::Master, client_random, now)?;
        let [client, server] = schedule::key_block(suite, &master, client_random, server_random)?;
        let opener = |material| Some(Opener::new(suite, Epoch::new(suite, material, None)?, [None; 2]));
        Some([opener(&client)?, opener(&server)?])
    }

    /// Opener of one side of a TLS 1.3 connection, for the records behind the ServerHello. One of the two secrets may be unknown.
    pub(crate) fn tls13(
        suite: Suite,
        secrets: &Secrets,
        client_random: &[u8; 32],
        client: bool,
        now: FrameNumber,
    ) -> Option<Opener> {
        let kinds: &[SecretKind] = if client {
            &[SecretKind::ClientHandshake, SecretKind::ClientApplication]
        } else {
            &[SecretKind::ServerHandshake, SecretKind::ServerApplication]
        };
        // A secret's length is the hash's, or it is not of this connection.
        let mut known = kinds
            .iter()
            .filter_map(|&kind| secrets.get(kind, client_random, now))
            .filter(|secret| secret.bytes().len() == suite.hash.output_len());
        let epoch = Epoch::tls13(suite, known.next()?)?;
        Some(Opener::new(suite, epoch, [known.next(), None]))
    }

    /// Opener of a client's early data, for a suite that fits the secret; the server's choice comes later.
    pub(crate) fn early(
        suite: Suite,
        secrets: &Secrets,
        client_random: &[u8; 32],
        now: FrameNumber,
    ) -> Option<Opener> {
        let secret = secrets.get(SecretKind::ClientEarly, client_random, now)?;
        let fits = secret.bytes().len() == suite.hash.output_len();
        Some(Opener::new(suite, Epoch::tls13(suite, secret).filter(|_| fits)?, [None; 2]))
    }

    /// This opener of early data, and behind that what opens the records after the ServerHello. With another suite than the server's nothing
    /// of the early data is of use.
    pub(crate) fn before(self, next: Opener) -> Opener {
        let [later, _] = next.later;
        if self.suite == next.suite { Opener { later: [next.epoch.secret, later], ..self } } else { next }
    }

    fn new(suite: Suite, epoch: Epoch, later: [Option<Secret>; 2]) -> Opener {
        Opener { suite, epoch, sequence: 0, later, lost: false, failed: 0 }
    }

    /// Opens a protected record, of which `body` is all behind the header, into `buffer`. Nothing if its key is not known.
    pub(crate) fn open(&mut self, header: [u8; HEADER], body: &[u8], buffer: &mut Vec<u8>) -> Option<Opened> {
        if body.len() > MAX_RECORD || self.failed >= limits::MAX_FAILED_SEARCHES {
            return None;
        }
        let found = match self.epoch.open(self.suite, self.sequence, header, body, buffer) {
            Some(opened) => {
                self.sequence += 1;
                Some(opened)
            }
            None => self.search(header, body, buffer),
        };
        if found.is_some() {
            (self.lost, self.failed) = (false, 0);
        } else {
            (self.lost, self.failed) = (true, self.failed.saturating_add(1));
        }
        found
    }

    /// Looks for the number and the key of a record that is not the expected one.
    fn search(&mut self, header: [u8; HEADER], body: &[u8], buffer: &mut Vec<u8>) -> Option<Opened> {
        let most = limits::MAX_TRIAL_BYTES / body.len().max(1) as u64;
        let window = if self.lost { limits::MAX_SEQUENCE_TRIALS.min(most) } else { 0 };
        for sequence in (1..=window).map(|ahead| self.sequence.saturating_add(ahead)) {
            if let Some(opened) = self.epoch.open(self.suite, sequence, header, body, buffer) {
                self.sequence = sequence + 1;
                return Some(opened);
            }
        }
        // The message that announced the next key may be among what was lost, or the client's early data was never sent.
        let mut secrets = self.to_come();
        for round in 0..secrets.len() {
            let secret = secrets.get_mut(round).and_then(Option::take)?;
            let epoch = Epoch::tls13(self.suite, secret)?;
            for sequence in 0..=window {
                if let Some(opened) = epoch.open(self.suite, sequence, header, body, buffer) {
                    self.epoch = epoch;
                    self.sequence = sequence + 1;
                    if self.later.iter().any(Option::is_some) {
                        self.later = [secrets.get(round + 1).copied().flatten(), None];
                    }
                    return Some(opened);
                }
            }
        }
        None
    }

    /// Secrets that may come next.
    fn to_come(&self) -> [Option<Secret>; 2] {
        match (self.later, self.epoch.secret) {
            ([None, None], Some(secret)) => [schedule::next_traffic_secret(self.suite.hash, &secret), None],
            (later, _) => later,
        }
    }

    /// The next record is under the next key: behind Finished, EndOfEarlyData and KeyUpdate of TLS 1.3.
    pub(crate) fn next_key(&mut self) {
        let [Some(secret), after] = self.to_come() else { return };
        if let Some(epoch) = Epoch::tls13(self.suite, secret) {
            self.epoch = epoch;
            // What could not be opened under the key before says nothing of this one.
            (self.sequence, self.failed) = (0, 0);
            self.later = [after, None];
        }
    }

    /// Records are missing.
    pub(crate) fn lost(&mut self) {
        self.lost = true;
    }

    /// Whether it is worth while to show it more records.
    pub(crate) fn is_open(&self) -> bool {
        self.failed < limits::MAX_FAILED_SEARCHES
    }

    /// Bytes on the heap.
    pub(crate) fn heap(&self) -> usize {
        self.epoch.key.heap()
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{hex, record_12, record_13};
    use super::super::suite::Hash;
    use super::*;

    const NOW: FrameNumber = FrameNumber(1);

    fn shown(opener: &mut Opener, record: &[u8]) -> Option<(u8, Vec<u8>)> {
        let mut buffer = Vec::new();
        let (header, body) = record.split_first_chunk().unwrap();
        let opened = opener.open(*header, body, &mut buffer)?;
        Some((opened.content_type, opened.text(&buffer).to_vec()))
    }

    fn log(secrets: &[(&str, &str)]) -> Secrets {
        let lines: String =
            secrets.iter().map(|(label, secret)| format!("{label} {} {secret}\n", "11".repeat(32))).collect();
        let mut secrets = Secrets::default();
        assert_eq!(secrets.learn(lines.as_bytes(), FrameNumber(0)).bad, 0);
        secrets
    }

    const RANDOM: [u8; 32] = [0x11; 32];

    #[test]
    fn opens_the_records_of_rfc_8448() {
        // RFC 8448 section 3: the client's Finished, data and close_notify; the server's close_notify is its third record under that key.
        let secrets = log(&[
            (
                "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
                "b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21",
            ),
            ("CLIENT_TRAFFIC_SECRET_0", "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5"),
            ("SERVER_TRAFFIC_SECRET_0", "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643"),
        ]);
        let suite = Suite::from_number(0x1301).unwrap();
        let mut client = Opener::tls13(suite, &secrets, &RANDOM, true, NOW).unwrap();
        let finished = hex(
            "1703030035 75ec4dc238cce60b298044a71e219c56cc77b0517fe9b93c7a4bfc44d87f38f80338ac98fc46deb3\
             84bd1caeacab6867d726c40546",
        );
        let (content_type, text) = shown(&mut client, &finished).unwrap();
        assert_eq!((content_type, &text[..4], text.len()), (22, &[20, 0, 0, 32][..], 36));
        client.next_key();
        let data = hex(
            "1703030043 a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5b46b395bd54a9a20441e\
             2b62974e1f5a6292a2977014bd1e3deae63aeebb21694915e4",
        );
        assert_eq!(shown(&mut client, &data), Some((23, (0..50).collect())));
        let close = hex("1703030013 c9872760655666b74d7ff1153efd6db6d0b0e3");
        assert_eq!(shown(&mut client, &close), Some((21, vec![1, 0])));
        // Without the secret of its first flight, and behind two lost records.
        let mut server = Opener::tls13(suite, &secrets, &RANDOM, false, NOW).unwrap();
        server.lost();
        let close = hex("1703030013 b58fd67166ebf599d24720cfbe7efa7a8864a9");
        assert_eq!(shown(&mut server, &close), Some((21, vec![1, 0])));
    }

    fn secret(suite: Suite, byte: u8) -> Secret {
        Secret::new(&vec![byte; suite.hash.output_len()]).unwrap()
    }

    fn keys_13(suite: Suite) -> Secrets {
        let hex = |byte: u8| format!("{byte:02x}").repeat(suite.hash.output_len());
        log(&[
            ("CLIENT_EARLY_TRAFFIC_SECRET", &hex(1)),
            ("CLIENT_HANDSHAKE_TRAFFIC_SECRET", &hex(2)),
            ("CLIENT_TRAFFIC_SECRET_0", &hex(3)),
        ])
    }

    #[test]
    fn keys_follow_each_other_in_tls_1_3() {
        for number in [0x1301, 0x1302, 0x1303, 0x1304, 0x1305] {
            let suite = Suite::from_number(number).unwrap();
            let (early, handshake, application) = (secret(suite, 1), secret(suite, 2), secret(suite, 3));
            let second = schedule::next_traffic_secret(suite.hash, &application).unwrap();
            let records = [
                record_13(suite, &early, 0, 23, b"early", 0),
                record_13(suite, &early, 1, 22, b"end", 3),
                record_13(suite, &handshake, 0, 22, b"finished", 0),
                record_13(suite, &application, 0, 23, b"", 40),
                record_13(suite, &application, 1, 22, b"update", 0),
                record_13(suite, &second, 0, 23, b"more", 0),
            ];
            let texts = [&b"early"[..], b"end", b"finished", b"", b"update", b"more"];
            let secrets = keys_13(suite);
            // With every switch announced, and with none: then it is found out.
            for announced in [true, false] {
                let early = Opener::early(suite, &secrets, &RANDOM, NOW).unwrap();
                let mut opener = early.before(Opener::tls13(suite, &secrets, &RANDOM, true, NOW).unwrap());
                for (index, (record, text)) in records.iter().zip(texts).enumerate() {
                    let (_, found) =
                        shown(&mut opener, record).unwrap_or_else(|| panic!("{number:#x} {text:?}"));
                    assert_eq!(found, text);
                    if announced && [1, 2, 4].contains(&index) {
                        opener.next_key();
                    }
                }
            }
        }
    }

    #[test]
    fn lost_records_are_stepped_over_within_the_window() {
        let suite = Suite::from_number(0x1303).unwrap();
        let application = secret(suite, 3);
        let record = |sequence| record_13(suite, &application, sequence, 23, b"data", 0);
        let secrets = log(&[("CLIENT_TRAFFIC_SECRET_0", &"03".repeat(32))]);
        let mut opener = Opener::tls13(suite, &secrets, &RANDOM, true, NOW).unwrap();
        assert!(shown(&mut opener, &record(0)).is_some());
        assert!(shown(&mut opener, &record(2)).is_none(), "nothing was said to be lost");
        assert!(shown(&mut opener, &record(3)).is_some(), "but something must have been");
        opener.lost();
        let last = 4 + limits::MAX_SEQUENCE_TRIALS;
        assert!(shown(&mut opener, &record(last + 1)).is_none());
        assert!(shown(&mut opener, &record(last)).is_some());
        assert!(opener.is_open());
        for _ in 0..limits::MAX_FAILED_SEARCHES {
            assert!(shown(&mut opener, &record(0)).is_none());
        }
        assert!(!opener.is_open() && shown(&mut opener, &record(last + 1)).is_none());
    }

    #[test]
    fn every_suite_of_tls_1_2_with_an_aead_opens() {
        for number in [0x009c, 0xc030, 0xcca8, 0xc09c, 0xc09d, 0xc0ae, 0xc0af] {
            let suite = Suite::from_number(number).unwrap();
            let secrets = log(&[("CLIENT_RANDOM", &"77".repeat(48))]);
            let server_random = [0x22; 32];
            let master = Secret::new(&[0x77; 48]).unwrap();
            let materials = schedule::key_block(suite, &master, &RANDOM, &server_random).unwrap();
            let openers = Opener::tls12(suite, &secrets, &RANDOM, &server_random, NOW).unwrap();
            for (material, mut opener) in materials.iter().zip(openers) {
                for (sequence, content_type) in [(0, 22), (1, 23), (2, 21)] {
                    let record = record_12(suite, material, sequence, content_type, b"some text");
                    assert_eq!(
                        shown(&mut opener, &record),
                        Some((content_type, b"some text".to_vec())),
                        "{number:#x}"
                    );
                }
            }
        }
        assert_eq!(Suite::from_number(0xc030).map(|suite| suite.hash), Some(Hash::Sha384));
        assert_eq!(Suite::from_number(0x002f), None);
    }

    #[test]
    fn changed_and_cut_records_stay_closed() {
        let suite = Suite::from_number(0x1301).unwrap();
        let secrets = log(&[("CLIENT_TRAFFIC_SECRET_0", &"03".repeat(32))]);
        let good = record_13(suite, &secret(suite, 3), 0, 23, b"data", 2);
        let fresh = || Opener::tls13(suite, &secrets, &RANDOM, true, NOW).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert!(shown(&mut fresh(), &bad).is_none(), "{at}");
        }
        for cut in HEADER..good.len() {
            assert!(shown(&mut fresh(), &good[..cut]).is_none(), "{cut}");
        }
        // A record of nothing but padding is an error of TLS, not of ours.
        let empty = record_13(suite, &secret(suite, 3), 0, 0, b"", 5);
        assert!(shown(&mut fresh(), &empty).is_none());
        assert!(shown(&mut fresh(), &good).is_some());
    }
}

//! All secrets that are known so far, found by the client random of a connection's ClientHello.

use std::fmt;
use std::sync::Arc;

use hashbrown::HashMap;

use super::keylog::{self, Line, SecretKind};
use super::schedule::Secret;
use crate::model::{FrameNumber, limits};

/// Secrets of TLS connections, and from which frame on each is known.
///
/// A clone costs little, so that whoever reads can go on learning while others still use what was known before: secrets lie in layers,
/// each at least twice as large as the next, that are shared and never change. `Debug` shows no secret.
#[derive(Clone, Default)]
pub struct Secrets {
    layers: Vec<Arc<Layer>>,
}

type Layer = HashMap<(SecretKind, [u8; 32]), (FrameNumber, Secret), foldhash::fast::RandomState>;

/// What reading a key log gave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Learned {
    /// Secrets that were not known before.
    pub secrets: u64,
    /// Lines that are well formed and of no use here.
    pub unused: u64,
    /// Lines that are neither.
    pub bad: u64,
    /// Number of the first of those, from 1 on, and what is wrong with it.
    pub first_bad: Option<(u64, &'static str)>,
    /// Secrets left out because of [`limits::MAX_SECRETS`].
    pub left_out: u64,
}

impl Secrets {
    /// Reads a key log; what it says holds for frames from `from` on: 0 for a file of its own; for secrets within a capture the
    /// first frame behind them, as in Wireshark.
    pub fn learn(&mut self, text: &[u8], from: FrameNumber) -> Learned {
        let mut learned = Learned::default();
        let mut layer = Layer::default();
        let room = limits::MAX_SECRETS.saturating_sub(self.len());
        for (number, line) in keylog::lines(text) {
            match line {
                Line::Secret(kind, random, secret) => {
                    let key = (kind, random);
                    if layer.contains_key(&key) || self.layers.iter().any(|layer| layer.contains_key(&key)) {
                        continue;
                    }
                    if layer.len() < room {
                        layer.insert(key, (from, secret));
                        learned.secrets += 1;
                    } else {
                        learned.left_out += 1;
                    }
                }
                Line::Unused => learned.unused += 1,
                Line::Bad(reason) => {
                    learned.bad += 1;
                    learned.first_bad.get_or_insert((number, reason));
                }
            }
        }
        self.add(layer);
        learned
    }

    /// Adds a layer, joined with those before that are not much larger.
    fn add(&mut self, mut layer: Layer) {
        if layer.is_empty() {
            return;
        }
        while self.layers.last().is_some_and(|last| last.len() < 2 * layer.len()) {
            if let Some(last) = self.layers.pop() {
                layer.extend(last.iter().map(|(key, value)| (*key, *value)));
            }
        }
        self.layers.push(Arc::new(layer));
    }

    /// The secret of a connection, if it is known by the frame `now`.
    pub(crate) fn get(&self, kind: SecretKind, client_random: &[u8; 32], now: FrameNumber) -> Option<Secret> {
        let key = (kind, *client_random);
        let (from, secret) = self.layers.iter().find_map(|layer| layer.get(&key))?;
        (*from <= now).then_some(*secret)
    }

    /// Whether any secret of a connection is known by the frame `now`.
    pub(crate) fn knows(&self, client_random: &[u8], now: FrameNumber) -> bool {
        let Some(random) = client_random.first_chunk() else { return false };
        SecretKind::ALL.iter().any(|&kind| self.get(kind, random, now).is_some())
    }

    /// How many secrets are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.layers.iter().map(|layer| layer.len()).sum()
    }

    /// No secret is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} secrets", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(label: &str, random: u32, secret: u8) -> String {
        format!("{label} {random:064x} {}\n", format!("{secret:02x}").repeat(32))
    }

    fn random(of: u32) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes[28..].copy_from_slice(&of.to_be_bytes());
        bytes
    }

    #[test]
    fn secrets_are_known_from_their_frame_on() {
        let mut secrets = Secrets::default();
        let kind = SecretKind::ClientApplication;
        secrets.learn(line("CLIENT_TRAFFIC_SECRET_0", 1, 7).as_bytes(), FrameNumber(0));
        let before = secrets.clone();
        secrets.learn(line("CLIENT_TRAFFIC_SECRET_0", 2, 8).as_bytes(), FrameNumber(5));
        assert_eq!(secrets.get(kind, &random(1), FrameNumber(1)).unwrap().bytes(), [7; 32]);
        assert_eq!(secrets.get(kind, &random(2), FrameNumber(5)).unwrap().bytes(), [8; 32]);
        assert!(secrets.get(kind, &random(2), FrameNumber(4)).is_none());
        assert!(secrets.get(kind, &random(3), FrameNumber(9)).is_none());
        assert!(secrets.get(SecretKind::ServerApplication, &random(1), FrameNumber(9)).is_none());
        assert_eq!((before.len(), secrets.len()), (1, 2));
    }

    #[test]
    fn what_was_learned_first_stays_and_all_is_found_in_few_layers() {
        let mut secrets = Secrets::default();
        for number in 0..1000 {
            let learned = secrets
                .learn(line("SERVER_TRAFFIC_SECRET_0", number, number as u8).as_bytes(), FrameNumber(1));
            assert_eq!(learned, Learned { secrets: 1, ..Learned::default() });
        }
        assert!(secrets.layers.len() <= 10);
        let again = line("SERVER_TRAFFIC_SECRET_0", 3, 99);
        assert_eq!(secrets.learn(again.as_bytes(), FrameNumber(1)), Learned::default());
        for number in 0..1000 {
            let found = secrets.get(SecretKind::ServerApplication, &random(number), FrameNumber(1));
            assert_eq!(found.unwrap().bytes(), [number as u8; 32]);
        }
    }

    #[test]
    fn lines_are_counted_and_nothing_shows_a_secret() {
        let text = [
            line("CLIENT_TRAFFIC_SECRET_0", 1, 0xab),
            line("EXPORTER_SECRET", 1, 1),
            "bad\n".into(),
            "worse".into(),
        ]
        .concat();
        let mut secrets = Secrets::default();
        let learned = secrets.learn(text.as_bytes(), FrameNumber(0));
        assert_eq!((learned.secrets, learned.unused, learned.bad), (1, 1, 2));
        assert_eq!(learned.first_bad.map(|(number, _)| number), Some(3));
        let secret = secrets.get(SecretKind::ClientApplication, &random(1), FrameNumber(0));
        assert_eq!(format!("{secrets:?} {secret:?}"), "1 secrets Some(Secret of 32 bytes)");
    }
}

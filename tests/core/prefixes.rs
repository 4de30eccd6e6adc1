//! Captures of encrypted connections, cut anywhere: whatever is left of one is analysed, with its secrets or without.

use netanalyze_core::capture::Source;
use netanalyze_core::engine::{Cancellation, Depth, Interests, View, analyse};
use netanalyze_core::field::AnalysedBatch;
use netanalyze_core::model::FrameNumber;
use netanalyze_core::protocol::tls::keys::Secrets;
use std::num::NonZeroUsize;
use std::sync::Arc;

use crate::golden::corpus;

struct Everything(Option<Arc<Secrets>>);

impl View for Everything {
    type Piece = usize;

    fn interests(&self) -> Interests {
        Interests { applications: Depth::All, key_log: self.0.clone(), ..Interests::default() }
    }

    fn digest(&self, batch: &AnalysedBatch<'_>) -> usize {
        batch.messages.len()
    }
}

fn messages(bytes: Vec<u8>, secrets: Option<&Arc<Secrets>>) -> Option<usize> {
    let mut found = 0;
    let add = |piece, _: &AnalysedBatch<'_>| {
        found += piece;
        Ok(())
    };
    let view = Everything(secrets.cloned());
    let source = vec![Source::bytes("prefix", bytes)];
    analyse(source, NonZeroUsize::MIN, &view, add, &Cancellation::default()).ok().map(|_| found)
}

#[test]
fn every_prefix_is_read() {
    for name in [
        "keylog-tls12-gcm.pcap",
        "keylog-tls13-aes.pcap",
        "keylog-embedded.pcapng",
        "quic-v1.pcap",
        "quic-retry.pcap",
        "quic-refused.pcap",
    ] {
        let path = corpus().join("recorded").join(name);
        let bytes = std::fs::read(&path).unwrap();
        let keys = std::fs::read(path.with_extension("keys")).ok().map(|text| {
            let mut secrets = Secrets::default();
            assert_eq!(secrets.learn(&text, FrameNumber(0)).bad, 0);
            Arc::new(secrets)
        });
        let whole = messages(bytes.clone(), keys.as_ref()).unwrap();
        assert!(whole > 1, "{name}");
        // Every cut would take minutes without optimisation: this many are enough to end in every part.
        for cut in (0..bytes.len()).step_by(17) {
            if let Some(found) = messages(bytes[..cut].to_vec(), keys.as_ref()) {
                assert!(found <= whole, "{name} cut at {cut}");
            }
        }
    }
}

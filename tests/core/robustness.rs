//! No capture makes the library panic: whole, damaged, or cut anywhere.

use netanalyze_core::capture::Source;
use netanalyze_core::field::fields;
use netanalyze_core::model::Error;

use crate::golden::manifest;
use crate::view::{Rows, run};

fn stream(bytes: &[u8]) -> Source {
    Source::Stream { name: "cut".to_owned(), reader: Box::new(std::io::Cursor::new(bytes.to_vec())) }
}

/// Every field of every frame, and every finding's sentence.
fn everything(sources: Vec<Source>) -> Result<usize, Error> {
    let view = Rows::new(fields().map(|f| f.name)).with_findings();
    run(sources, 1, &view).map(|(_, report)| report.capture.packets as usize)
}

#[test]
fn every_committed_capture_is_read_with_every_field() {
    let mut packets = 0;
    for entry in manifest() {
        match everything(vec![Source::File(entry.path())]) {
            Ok(count) => packets += count,
            Err(Error::NotACapture { .. }) => {}
            Err(error) => panic!("{}: {error}", entry.name),
        }
    }
    assert!(packets > 2_000, "only {packets} packets");
}

/// All captures one after the other are one set, whatever their formats.
#[test]
fn every_capture_in_one_set() {
    let readable = manifest().into_iter().filter(|entry| entry.status != "unreadable");
    let sources: Vec<_> = readable.map(|entry| Source::File(entry.path())).collect();
    assert!(everything(sources).unwrap() > 2_000);
}

/// Small captures of many kinds, cut at every byte; larger ones at some.
#[test]
fn captures_cut_anywhere() {
    const CAPTURES: [&str; 24] = [
        "ack-lost.pcap",
        "fragments-ipv4.pcap",
        "fragments-ipv6.pcap",
        "header-lengths-odd.pcap",
        "icmp-unreachable.pcap",
        "ipv6-extension-headers.pcap",
        "link-80211-aggregate.pcap",
        "link-nflog.pcap",
        "link-ppi.pcap",
        "link-pppoe.pcap",
        "mptcp-before-window-scale.pcap",
        "pcap-big-endian-nanoseconds.pcap",
        "pcap-modified.pcap",
        "pcapng-blocks.pcapng",
        "pcapng-comments.pcapng",
        "pcapng-sections.pcapng",
        "pcapng-simple-packets.pcapng",
        "tcp-options-odd.pcap",
        "tunnel-gtp-u.pcap",
        "tunnel-nested.pcap",
        "compressed.pcap.gz",
        "compressed.pcap.lz4",
        "compressed.pcap.zst",
        "damaged-garbage.pcap",
    ];
    let mut cuts = 0;
    for entry in manifest() {
        let bytes = std::fs::read(entry.path()).unwrap();
        let chosen = CAPTURES.contains(&&*entry.name);
        // A prime step, so that cuts fall at every place of records of equal length.
        let step = if chosen && bytes.len() < 1_500 {
            1
        } else if chosen {
            13
        } else {
            211
        };
        let mut last = 0;
        for end in (0..bytes.len()).step_by(step) {
            match everything(vec![stream(&bytes[..end])]) {
                Ok(packets) => {
                    assert!(
                        packets >= last || entry.status != "whole",
                        "{} cut at {end} loses packets",
                        entry.name
                    );
                    last = packets;
                }
                Err(Error::NotACapture { .. }) => {}
                Err(error) => panic!("{} cut at {end}: {error}", entry.name),
            }
            cuts += 1;
        }
    }
    assert!(cuts > 5_000, "only {cuts} cuts");
}

/// The same frames with a byte changed here and there: whatever they claim, reading them ends.
#[test]
fn captures_with_changed_bytes() {
    let mut state = 1u64;
    let mut below = |n: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % n.max(1)
    };
    for entry in manifest() {
        let original = std::fs::read(entry.path()).unwrap();
        for _ in 0..12 {
            let mut bytes = original.clone();
            for _ in 0..=below(20) {
                let (place, value) = (below(bytes.len()), below(256) as u8);
                if let Some(byte) = bytes.get_mut(place) {
                    *byte = value;
                }
            }
            match everything(vec![stream(&bytes)]) {
                Ok(_) | Err(Error::NotACapture { .. }) => {}
                Err(error) => panic!("{}: {error}", entry.name),
            }
        }
    }
}

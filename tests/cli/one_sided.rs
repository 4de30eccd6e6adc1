//! Captures of one direction: what was never captured is held against nobody.

use std::fs;

use super::findings::halting;
use super::support::{Folder, pcap, run};

/// The frames of a pcap file of Ethernet and IPv4 whose TCP segments come from a port, or go to it.
fn side(capture: &[u8], port: u16, from: bool) -> Vec<u8> {
    let (head, mut rest) = capture.split_at(24);
    let mut kept = head.to_vec();
    while let Some(length) = rest.get(8..12) {
        let length = u32::from_le_bytes(length.try_into().unwrap()) as usize;
        let (record, after) = rest.split_at(16 + length);
        let header = 16 + 14 + usize::from(record[16 + 14] & 15) * 4;
        let at = if from { header } else { header + 2 };
        if record[at..at + 2] == port.to_be_bytes() {
            kept.extend(record);
        }
        rest = after;
    }
    kept
}

#[test]
fn one_side_of_a_handshake_accuses_nobody() {
    let folder = Folder::new();
    for name in ["keylog-tls13-aes", "keylog-tls12-gcm"] {
        let path = format!("{}/../corpus/recorded/{name}.pcap", env!("CARGO_MANIFEST_DIR"));
        let capture = fs::read(path).unwrap();
        assert_eq!(capture[20..24], [1, 0, 0, 0], "{name}: Ethernet");
        for from_server in [true, false] {
            let half = side(&capture, 443, from_server);
            assert!(half.len() > 500 && half.len() < capture.len(), "{name}");
            let half = folder.file(&format!("{name}-{from_server}.pcap"), &half);
            let findings = run(&[&half, "--findings"]).text();
            assert!(findings.contains("netanalyze.one_sided"), "{name} {from_server}: {findings}");
            assert!(!findings.contains("netanalyze.tls_"), "{name} {from_server}: {findings}");
            let rows = run(&[&half, "--tls", "--format", "jsonl"]).text();
            let expected =
                if name.contains("tls12") { "\"outcome\":\"completed\"" } else { "\"outcome\":\"cut\"" };
            assert!(rows.lines().any(|row| row.contains(expected)), "{name} {from_server}: {rows}");
        }
    }
}

#[test]
fn silence_between_packets_of_one_side_is_held_against_nobody() {
    let folder = Folder::new();
    let whole = pcap(&halting(40_000, 0, &[2, 5]));
    let findings = |name: &str, capture: &[u8]| run(&[&folder.file(name, capture), "--findings"]).text();
    assert!(findings("whole.pcap", &whole).contains("netanalyze.gap"));
    for from in [true, false] {
        let half = side(&whole, 40_000, from);
        assert!(half.len() > 24 && half.len() < whole.len());
        let findings = findings(&format!("{from}.pcap"), &half);
        assert!(findings.contains("netanalyze.one_sided"), "{from}: {findings}");
        assert!(!findings.contains("netanalyze.gap"), "{from}: {findings}");
    }
}

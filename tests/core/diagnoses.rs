//! What rules of DNS, TLS and HTTP conclude from the corpus and from recorded exchanges: every diagnosis with its frames, and nothing else.

use std::collections::BTreeMap;
use std::path::Path;

use netanalyze_core::capture::Source;
use netanalyze_core::diagnosis::Confidence::{self, High, Medium};

use crate::golden::corpus;
use crate::lab::diagnose;

/// Capture, rule, how sure, server, frames.
type Row = (&'static str, &'static str, Confidence, &'static str, &'static [u64]);

const EXPECTED: &[Row] = &[
    ("captures/dns-answers.pcap", "DNS-06", Medium, "10.0.0.53:53", &[19, 20]),
    ("captures/dns-codes.pcap", "DNS-06", Medium, "10.0.0.53:53", &[1, 2, 3, 4, 5, 6, 7, 8]),
    ("captures/dns-lookups.pcap", "DNS-01", Medium, "10.0.0.53:53", &[7, 10]),
    ("captures/dns-lookups.pcap", "DNS-06", High, "10.0.0.53:53", &[5, 6]),
    ("captures/dns-lookups.pcap", "DNS-13", High, "10.0.0.53:53", &[3, 4]),
    ("captures/dns-over-tcp.pcap", "DNS-13", Medium, "192.0.2.80:53", &[9, 11]),
    ("captures/dns-unanswered.pcap", "DNS-01", Medium, "10.0.0.53:53", &[11, 12]),
    ("captures/dns-unanswered.pcap", "DNS-02", High, "10.0.0.53:53", &[1, 3, 4, 5, 6]),
    ("captures/http-answers.pcap", "TLS-08", High, "192.0.2.80:80", &[42, 43]),
    ("captures/http-ports.pcap", "TLS-06", Medium, "192.0.2.80:80", &[36, 37]),
    ("captures/web-slow.pcap", "PERF-16", High, "192.0.2.80:80", &[72, 74]),
    ("recorded/tls-certificate-expired.pcap", "TLS-03", High, "127.0.0.1:443", &[4, 6, 8]),
    ("recorded/tls-certificate-unknown-13.pcap", "TLS-04", High, "127.0.0.1:443", &[4, 6, 8]),
    ("recorded/tls-certificate-unknown.pcap", "TLS-04", High, "127.0.0.1:443", &[4, 6, 8]),
    ("recorded/tls-client-certificate-missing-12.pcap", "TLS-09", Medium, "127.0.0.1:443", &[4, 6, 9]),
    ("recorded/tls-client-certificate-missing.pcap", "TLS-09", Medium, "127.0.0.1:443", &[4, 6, 8, 10]),
    ("recorded/tls-closed-after-hello.pcap", "TLS-06", Medium, "127.0.0.1:443", &[4, 6]),
    ("recorded/tls-name-unknown.pcap", "TLS-05", High, "127.0.0.1:443", &[4, 6]),
    ("recorded/tls-no-common-cipher.pcap", "TLS-02", High, "127.0.0.1:443", &[4, 6]),
    ("recorded/tls-reset-after-hello.pcap", "TLS-06", Medium, "127.0.0.1:443", &[4, 6]),
    ("recorded/tls-silence.pcap", "TLS-07", Medium, "127.0.0.1:443", &[4]),
    ("recorded/tls-text-answer.pcap", "TLS-08", High, "127.0.0.1:443", &[4, 6]),
    ("recorded/tls-version-mismatch.pcap", "TLS-01", High, "127.0.0.1:443", &[4, 6]),
];

/// Rules of applications; of PERF-16 only what names a request.
fn is_of_applications(diagnosis: &netanalyze_core::diagnosis::Diagnosis) -> bool {
    ["DNS-", "TLS-", "APP-"].iter().any(|family| diagnosis.code.starts_with(family))
        || diagnosis.code == "PERF-16" && diagnosis.summary.contains('"')
}

fn captures(folder: &str) -> Vec<String> {
    let is_capture = |path: &Path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.contains(".pcap")
    };
    let files = std::fs::read_dir(corpus().join(folder)).unwrap().map(|file| file.unwrap().path());
    let mut names: Vec<String> = files
        .filter(|path| is_capture(path))
        .map(|path| format!("{folder}/{}", path.file_name().unwrap().to_str().unwrap()))
        .collect();
    names.sort();
    names
}

#[test]
fn the_corpus_gives_these_diagnoses_and_no_others() {
    let mut expected: BTreeMap<&str, Vec<Row>> = BTreeMap::new();
    for &row in EXPECTED {
        expected.entry(row.0).or_default().push(row);
    }
    let mut complaints = Vec::new();
    let names = [captures("captures"), captures("recorded")].concat();
    assert!(names.len() > 250, "{} captures", names.len());
    for name in &names {
        // These are no captures.
        if std::fs::metadata(corpus().join(name)).unwrap().len() < 64
            || ["empty", "text.pcap"].iter().any(|word| name.contains(word))
        {
            continue;
        }
        let report = diagnose(vec![Source::from(corpus().join(name))], 1);
        let mut wanted = expected.remove(name.as_str()).unwrap_or_default();
        for diagnosis in report.diagnoses.iter().filter(|diagnosis| is_of_applications(diagnosis)) {
            if diagnosis.confidence < Medium {
                continue;
            }
            let frames: Vec<u64> = diagnosis.evidence.iter().map(|one| one.frame.0).collect();
            let server = diagnosis.endpoints[0].server.to_string();
            let fits = |row: &Row| {
                (row.1, row.2, row.3, row.4) == (diagnosis.code, diagnosis.confidence, &*server, &*frames)
            };
            match wanted.iter().position(fits) {
                Some(at) => _ = wanted.remove(at),
                None => complaints.push(format!(
                    "{name}: {} {:?} {server} {frames:?} is too much: {}",
                    diagnosis.code, diagnosis.confidence, diagnosis.summary
                )),
            }
            assert!(diagnosis.rival.is_some(), "{name}: {} names no rival", diagnosis.code);
        }
        complaints.extend(wanted.iter().map(|row| format!("{row:?} is missing")));
    }
    assert!(expected.is_empty(), "no such captures: {:?}", expected.keys());
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

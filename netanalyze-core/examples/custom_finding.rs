//! A finding of one's own: addresses that open many connections within a second.
//! `cargo run -p netanalyze-core --example custom_finding -- capture.pcap`

use std::collections::{HashMap, VecDeque};
use std::io::Write;
use std::net::IpAddr;

use netanalyze_core::model::{Span, Timestamp};
use netanalyze_core::{Analyzer, Error, Finding, Found, Kind, Rule, Severity, Source, Wants};

static BURST: Kind = Kind::custom("example.syn_burst", Severity::Warn, "Many SYNs within a second")
    .with_meaning("One address opens connections faster than people do: a scan, a flood, or a missing pool.")
    .with_filter("tcp.flags.syn == 1 && tcp.flags.ack == 0");

const DEFAULT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus/captures/eight-interleaved.pcap");
const MANY: usize = 5;
const MOST_ADDRESSES: usize = 100_000;

/// The times of each address' last SYNs, fewer than [`MANY`].
#[derive(Default)]
struct SynBurst(HashMap<IpAddr, VecDeque<Timestamp>>);

impl Rule for SynBurst {
    fn wants(&self) -> Wants {
        Wants::FINDINGS
    }

    fn finding(&mut self, finding: &Finding, found: &mut Found<'_>) {
        let source = finding.source.ip();
        let known = self.0.contains_key(&source) || self.0.len() < MOST_ADDRESSES;
        if finding.kind().id != "tcp.connection.syn" || !known {
            return;
        }
        let last = self.0.entry(source).or_default();
        let within = last.front().is_some_and(|&first| finding.time.since(first) <= Span(1_000_000_000));
        last.push_back(finding.time);
        if last.len() == MANY {
            last.pop_front();
            if within {
                found.beside(finding, &BURST, format!("{source} sent {MANY} SYNs within a second"));
                last.clear();
            }
        }
    }
}

fn main() -> Result<(), Error> {
    let capture = std::env::args_os().nth(1).map_or_else(|| Source::from(DEFAULT), Source::from);
    let mut out = std::io::stdout();
    let mut tell = |finding: &Finding| {
        if finding.kind().id == BURST.id {
            writeln!(out, "frame {}: {}", finding.frame, finding.message())?;
        }
        Ok(())
    };
    let report = Analyzer::new().rule(SynBurst::default()).run([capture], &mut tell)?;
    for count in report.findings_by_kind.iter().filter(|count| count.id == BURST.id) {
        writeln!(out, "{} × {} ({})", count.count, BURST.title, BURST.meaning)?;
    }
    Ok(())
}

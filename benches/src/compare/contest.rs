//! The contest: which commands run, in which rounds, and the table that comes of it.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use super::machine;
use super::process::{Cost, measure, said};

/// Twelve TCP fields, for rows.
pub const FIELDS: &str = "frame.number,tcp.stream,tcp.srcport,tcp.dstport,tcp.seq,tcp.ack,tcp.len,tcp.flags,\
                          tcp.window_size,tcp.analysis.ack_rtt,tcp.analysis.bytes_in_flight,tcp.analysis.retransmission";

/// Seconds that a slow peer may take: tcptrace does not come to an end on every capture.
const PATIENCE: &str = "600";

/// The status with which `timeout` ends when it had to intervene.
const TIMED_OUT: i32 = 124;

/// The command that ratios refer to.
const REFERENCE: &str = "capinfos";

/// A command of the contest.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Program and arguments as they are printed, with `CAPTURE` for the file.
    pub shown: Vec<String>,
    /// Program and arguments as they are run.
    pub run: Vec<String>,
    /// It takes so long that it runs in few rounds only.
    pub slow: bool,
    /// An exit status above 0 is a failure.
    pub strict: bool,
}

/// What an entry took, a figure a round.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// The runs.
    pub runs: Vec<Cost>,
    /// Why it is out of the contest.
    pub failure: Option<String>,
}

impl Record {
    /// The middle of the wall times, or the mean of the two in the middle; zero without runs.
    #[must_use]
    pub fn median(&self) -> Duration {
        let mut walls: Vec<_> = self.runs.iter().map(|run| run.wall).collect();
        walls.sort_unstable();
        let upper = walls.get(walls.len() / 2).copied().unwrap_or_default();
        let lower = walls.get(walls.len().saturating_sub(1) / 2).copied().unwrap_or_default();
        (upper + lower) / 2
    }

    /// The shortest wall time; zero without runs.
    #[must_use]
    pub fn min(&self) -> Duration {
        self.runs.iter().map(|run| run.wall).min().unwrap_or_default()
    }

    /// The least processor time.
    #[must_use]
    pub fn cpu(&self) -> Duration {
        self.runs.iter().map(|run| run.cpu).min().unwrap_or_default()
    }

    /// The greatest peak of memory, in bytes.
    #[must_use]
    pub fn peak(&self) -> u64 {
        self.runs.iter().map(|run| run.peak).max().unwrap_or_default()
    }
}

/// Our commands and those of the installed peers for `capture`; `slow`: also the peers that take minutes.
#[must_use]
pub fn entries(netanalyze: &str, capture: &str, slow: bool) -> Vec<Entry> {
    let ours: [&[&str]; 6] = [
        &["CAPTURE", "--findings"],
        &["CAPTURE", "--findings", "--format", "json"],
        &["CAPTURE", "--findings", "--threads", "1"],
        &["CAPTURE"],
        &["CAPTURE", "--streams", "--format", "csv"],
        &["CAPTURE", "--packets", "--fields", FIELDS, "--format", "csv"],
    ];
    let peers: [(&[&str], bool); 5] = [
        (&["cat", "CAPTURE"], false),
        (&["capinfos", "-c", "CAPTURE"], false),
        (&["tcpdump", "-n", "-r", "CAPTURE", "tcp[tcpflags] & tcp-rst != 0"], false),
        (&["tcptrace", "CAPTURE"], true),
        (&["tshark", "-q", "-z", "expert", "-r", "CAPTURE"], true),
    ];
    let entry = |program: &str, shown: Vec<&str>, is_slow: bool| {
        let mut run: Vec<String> = vec![program.to_owned()];
        run.extend(shown.iter().skip(1).map(|word| word.replace("CAPTURE", capture)));
        Entry { shown: shown.into_iter().map(str::to_owned).collect(), run, slow: is_slow, strict: false }
    };
    let mut entries = Vec::new();
    for (words, is_slow) in peers {
        let Some(program) = words.first() else { continue };
        if (slow || !is_slow) && said(program, &["--version"]).is_some() {
            let mut peer = entry(program, words.to_vec(), is_slow);
            if is_slow {
                peer.run.splice(..0, ["timeout".to_owned(), PATIENCE.to_owned()]);
            }
            entries.push(peer);
        }
    }
    for words in ours {
        let own = entry(netanalyze, [&["netanalyze"], words].concat(), false);
        entries.push(Entry { strict: true, ..own });
    }
    entries
}

/// Runs every entry once a round, slow ones only in the first `slow_rounds`. An entry that fails drops out.
pub fn run(entries: &[Entry], rounds: usize, slow_rounds: usize) -> Vec<Record> {
    let mut records = vec![Record::default(); entries.len()];
    for round in 0..rounds.max(slow_rounds) {
        for (entry, record) in entries.iter().zip(&mut records) {
            let turns = if entry.slow { slow_rounds } else { rounds };
            if round >= turns || record.failure.is_some() {
                continue;
            }
            match measure(&entry.run) {
                Ok(cost) if entry.slow && cost.status == TIMED_OUT => {
                    record.failure = Some(format!("not done after {PATIENCE} s"));
                }
                Ok(cost) if entry.strict && cost.status != 0 => {
                    record.failure = Some(format!("ended with status {}", cost.status));
                }
                Ok(cost) => record.runs.push(cost),
                Err(why) => record.failure = Some(why.root_cause().to_string()),
            }
        }
        let _ = write!(std::io::stderr(), "\rround {} of {}", round + 1, rounds.max(slow_rounds));
    }
    let _ = writeln!(std::io::stderr());
    records
}

/// Reads the whole file once, so that every command finds it in the page cache.
///
/// # Errors
/// When it cannot be read.
pub fn warm(capture: &Path) -> Result<u64> {
    let mut file =
        std::fs::File::open(capture).with_context(|| format!("cannot open {}", capture.display()))?;
    Ok(std::io::copy(&mut file, &mut std::io::sink())?)
}

/// The frames that netanalyze counts.
///
/// # Errors
/// When it cannot be run, or does not answer with a report.
pub fn packets(netanalyze: &str, capture: &str) -> Result<u64> {
    let text = said(netanalyze, &[capture, "--format", "json"]).context("cannot run netanalyze")?;
    let report: serde_json::Value = serde_json::from_str(&text)
        .with_context(|| format!("no report: {}", text.chars().take(200).collect::<String>()))?;
    report["capture"]["packets"].as_u64().context("the report counts no packets")
}

/// What was measured, for the table's head.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// What the capture is.
    pub about: &'a str,
    /// Its size.
    pub bytes: u64,
    /// Its packets.
    pub packets: u64,
    /// Rounds, and rounds of slow commands.
    pub rounds: (usize, usize),
}

/// The result as Markdown.
#[must_use]
pub fn table(subject: &Subject<'_>, entries: &[Entry], records: &[Record]) -> String {
    let mut text = format!("# {}\n\n{}", subject.about, machine::describe());
    let _ =
        writeln!(text, "- capture: {} bytes, {} packets, in the page cache", subject.bytes, subject.packets);
    let (rounds, slow) = subject.rounds;
    let _ = writeln!(text, "- rounds: {rounds}, interleaved; slow peers in {slow}; output thrown away\n");
    let reference = entries
        .iter()
        .zip(records)
        .find(|(entry, record)| {
            entry.shown.first().is_some_and(|name| name == REFERENCE) && !record.runs.is_empty()
        })
        .map(|(_, record)| record);
    let _ = writeln!(
        text,
        "| command | median s | min s | CPU s | Mpackets/s | median × {REFERENCE} | min × {REFERENCE} | peak MB |"
    );
    let _ = writeln!(text, "|---|--:|--:|--:|--:|--:|--:|--:|");
    let mut noisy = Vec::new();
    for (entry, record) in entries.iter().zip(records) {
        let command = entry.shown.join(" ").replace(FIELDS, "12 TCP FIELDS");
        if let Some(why) = &record.failure {
            let _ = writeln!(text, "| `{command}` | failed: {} | | | | | | |", why.replace('|', "/"));
            continue;
        }
        if record.runs.is_empty() {
            continue;
        }
        let status = record.runs.iter().map(|run| run.status).max().unwrap_or_default();
        let remark = if status == 0 { String::new() } else { format!(" (exit status {status})") };
        let (median, min) = (record.median().as_secs_f64(), record.min().as_secs_f64());
        let ratio = |own: f64, of: fn(&Record) -> Duration| {
            reference.map_or("?".to_owned(), |reference| format!("{:.2}", own / of(reference).as_secs_f64()))
        };
        let _ = writeln!(
            text,
            "| `{command}`{remark} | {median:.3} | {min:.3} | {:.3} | {:.2} | {} | {} | {:.0} |",
            record.cpu().as_secs_f64(),
            subject.packets as f64 / median / 1e6,
            ratio(median, Record::median),
            ratio(min, Record::min),
            record.peak() as f64 / 1e6,
        );
        if median > 1.6 * min {
            noisy.push(command);
        }
    }
    let _ = writeln!(text, "\n12 TCP FIELDS: `{FIELDS}`\n\nVersions:\n");
    for (name, version) in machine::versions() {
        let _ = writeln!(text, "- {name}: {version}");
    }
    if !noisy.is_empty() {
        let _ = writeln!(text, "\nVoid, too noisy (median above 1.6 × minimum): `{}`", noisy.join("`, `"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(walls: &[u64]) -> Record {
        let runs = walls.iter().map(|ms| {
            let wall = Duration::from_millis(*ms);
            Cost { wall, cpu: 2 * wall, peak: 1_000_000 * ms, status: i32::from(*ms == 3_000) }
        });
        Record { runs: runs.collect(), failure: None }
    }

    #[test]
    fn figures_of_a_record() {
        let odd = record(&[30, 10, 50]);
        assert_eq!((odd.median().as_millis(), odd.min().as_millis(), odd.peak()), (30, 10, 50_000_000));
        assert_eq!(record(&[10, 20, 40, 90]).median().as_millis(), 30);
        assert_eq!(Record::default().median(), Duration::ZERO);
    }

    #[test]
    fn a_table_has_ratios_and_no_paths() {
        let entry = |shown: &[&str]| Entry {
            shown: shown.iter().map(|word| (*word).to_owned()).collect(),
            run: vec!["/secret/place/netanalyze".to_owned()],
            slow: false,
            strict: true,
        };
        let entries =
            [entry(&["capinfos", "-c", "CAPTURE"]), entry(&["netanalyze", "CAPTURE"]), entry(&["tshark"])];
        let failed = Record { failure: Some("ended with 1".to_owned()), ..Record::default() };
        let records = [record(&[1_000, 2_000, 3_000]), record(&[500, 500, 1_500]), failed];
        let subject = Subject { about: "test", bytes: 9, packets: 1_000_000, rounds: (3, 1) };
        let text = table(&subject, &entries, &records);
        assert!(
            text.contains("| `netanalyze CAPTURE` | 0.500 | 0.500 | 1.000 | 2.00 | 0.25 | 0.50 | 1500 |"),
            "{text}"
        );
        assert!(text.contains("| `capinfos -c CAPTURE` (exit status 1) | 2.000 |"), "{text}");
        assert!(text.contains("| `tshark` | failed: ended with 1 |"), "{text}");
        assert!(
            text.contains("Void, too noisy (median above 1.6 × minimum): `capinfos -c CAPTURE`"),
            "{text}"
        );
        assert!(!text.contains("/secret"));
    }

    #[test]
    fn a_peer_that_never_ends_drops_out() {
        let run = ["timeout", "0.1", "sleep", "60"].map(str::to_owned).to_vec();
        let records = super::run(&[Entry { shown: vec![], run, slow: true, strict: false }], 1, 1);
        assert_eq!(records[0].failure.as_deref(), Some("not done after 600 s"));
    }

    #[test]
    fn an_entry_that_fails_drops_out() {
        let entry =
            |program: &str| Entry { shown: vec![], run: vec![program.to_owned()], slow: false, strict: true };
        let records = run(&[entry("false"), entry("true")], 3, 1);
        assert!(records[0].failure.is_some() && records[0].runs.is_empty());
        assert_eq!(records[1].runs.len(), 3);
    }
}

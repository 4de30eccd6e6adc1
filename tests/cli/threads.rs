//! The number of threads changes no byte of any output.

use std::path::Path;

use crate::support::*;

/// Every view in every format.
const OUTPUTS: [&[&str]; 13] = [
    &[],
    &["--format", "json"],
    &["--format", "jsonl"],
    &["--format", "csv"],
    &["--findings"],
    &["--findings", "--all"],
    &["--findings", "--format", "json"],
    &["--findings", "--format", "jsonl"],
    &["--findings", "--format", "csv"],
    &["--packets"],
    &["--packets", "--format", "jsonl"],
    &[
        "--packets",
        "--format",
        "csv",
        "--fields",
        "frame.number,tcp.stream,tcp.analysis.rto,ip.src,udp.stream",
    ],
    &[
        "--packets",
        "--format",
        "json",
        "--fields",
        "frame.number,frame.time_delta,tcp.analysis.lost_segment,tcp.seq",
    ],
];

/// Rotated sets of the corpus: batches are of one file each, so that every thread has something to do.
const SETS: [&[&str]; 5] = [
    &["web-slow.pcap", "zero-window.pcap", "web-slow.pcap", "port-reuse.pcap"],
    &["fragments-ipv4.pcap", "fragments-ipv6.pcap", "fragments-ipv4-incomplete.pcap", "udp-streams.pcap"],
    &[
        "damaged-garbage.pcap",
        "damaged-length.pcap",
        "damaged-tail.pcapng",
        "damaged.pcap.gz",
        "compressed.pcap.zst",
    ],
    &[
        "link-80211-aggregate-repeats.pcap",
        "tunnel-rare.pcap",
        "icmpv6-errors.pcap",
        "pcapng-sections.pcapng",
    ],
    &["half-open.pcap", "eight-interleaved.pcap", "reset-mid-transfer.pcap", "link-80211-aggregate.pcap"],
];

#[test]
fn no_output_depends_on_the_number_of_threads() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/captures");
    for set in SETS {
        let paths: Vec<String> = set.iter().map(|name| corpus.join(name).display().to_string()).collect();
        for output in OUTPUTS {
            let of = |threads| {
                let mut arguments: Vec<&str> = paths.iter().map(String::as_str).collect();
                arguments.extend(output.iter().chain(&["--threads", threads]));
                run(&arguments)
            };
            let one = of("1");
            // The summary knows no JSON lines and no CSV; saying so is an output, too.
            assert!(
                matches!(one.status, 0 | 2) && one.stdout.is_empty() == (one.status == 2),
                "{}",
                one.command
            );
            for threads in ["2", "5"] {
                let other = of(threads);
                assert_eq!(other.status, one.status, "{}", other.command);
                assert_eq!(other.stderr, one.stderr, "{}", other.command);
                assert!(other.stdout == one.stdout, "{} differs from one thread's", other.command);
            }
        }
    }
}

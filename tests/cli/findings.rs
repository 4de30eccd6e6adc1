//! `--findings`: formats, severities, folding, the gate.

use crate::support::*;

const EXPECTED: [&str; 5] = [
    "tcp.analysis.retransmission",
    "tcp.analysis.retransmission",
    "tcp.analysis.zero_window",
    "netanalyze.gap",
    "tcp.connection.rst",
];

fn sorted(mut ids: Vec<&str>) -> Vec<&str> {
    ids.sort_unstable();
    ids
}

/// The filter that shows plain retransmissions and no others: Wireshark's field is also set for fast and spurious ones.
const PLAIN_RETRANSMISSIONS: &str = "tcp.analysis.retransmission && !tcp.analysis.fast_retransmission && \
     !tcp.analysis.spurious_retransmission";

#[test]
fn json_has_the_keys_of_the_contract() {
    let folder = Folder::new();
    let capture = folder.file("a.pcap", &pcap(&trouble()));
    let answer = run(&[&capture, "--findings", "--format", "json"]).json();
    assert_eq!(answer["schema_version"], 1);
    assert_eq!(answer["notes"], serde_json::json!([]));
    assert_eq!(answer["capture"]["packets"], 9);
    assert_eq!(sorted(ids(&answer)), sorted(EXPECTED.to_vec()));
    for finding in answer["findings"].as_array().unwrap() {
        for key in [
            "id",
            "severity",
            "group",
            "frame",
            "known_at",
            "time",
            "protocol",
            "stream",
            "source",
            "destination",
            "message",
            "filter",
        ] {
            assert!(!finding[key].is_null(), "{key} in {finding}");
        }
    }
    let first = &answer["findings"][0];
    assert_eq!(first["frame"], 6);
    assert_eq!(first["time"], "1700000000.340000000");
    assert_eq!(first["source"], "192.0.2.2:80");
    assert_eq!(first["protocol"], "tcp");
    assert_eq!(first["stream"], 0);
    assert_eq!(first["payload_bytes"], 500);
    assert_eq!(first["filter"], "frame.number == 6");
}

#[test]
fn every_format_tells_the_same() {
    let folder = Folder::new();
    let capture = folder.file("a.pcap", &pcap(&trouble()));
    let json = run(&[&capture, "--findings", "--format", "json"]).json();
    let json = json["findings"].as_array().unwrap();

    let lines = run(&[&capture, "--findings", "--format", "jsonl"]).json_lines();
    assert_eq!(lines[0]["type"], "header");
    assert_eq!(lines[0]["schema_version"], 1);
    let summary = lines.last().unwrap();
    assert_eq!(summary["type"], "summary");
    assert_eq!(summary["capture"]["packets"], 9);
    assert!(summary["notes"].is_array());
    assert_eq!(lines.len(), json.len() + 2);

    let (header, records) = run(&[&capture, "--findings", "--format", "csv"]).csv();
    assert_eq!(records.len(), json.len());
    for (place, finding) in json.iter().enumerate() {
        let mut line = lines[place + 1].clone();
        assert_eq!(line.as_object_mut().unwrap().remove("type"), Some("finding".into()));
        assert_eq!(&line, finding);
        for (name, cell) in header.iter().zip(&records[place]) {
            let value = &finding[name];
            assert_eq!(&value.as_str().map_or_else(|| value.to_string(), str::to_owned), cell, "{name}");
        }
    }

    let all = run(&[&capture, "--findings", "--all"]).text();
    for (line, finding) in all.lines().zip(json) {
        let words: Vec<_> = line.split_whitespace().collect();
        assert_eq!(words[0], finding["severity"]);
        assert_eq!(words[1], finding["frame"].to_string());
        assert_eq!(words[3], finding["id"]);
        assert!(line.ends_with(finding["message"].as_str().unwrap()), "{line}");
    }
    assert_eq!(all.lines().count(), json.len());
}

#[test]
fn text_folds_by_conversation_the_most_severe_first() {
    let folder = Folder::new();
    let capture = folder.file("a.pcap", &pcap(&trouble()));
    let text = run(&[&capture, "--findings"]).text();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 8, "{text}");
    let words: Vec<_> = lines.iter().step_by(2).map(|line| line.split_whitespace().next().unwrap()).collect();
    assert_eq!(words, ["warn", "warn", "warn", "note"]);
    assert!(lines[6].contains("2  tcp.analysis.retransmission"), "{text}");
    assert!(lines[6].contains("192.0.2.2:80 → 192.0.2.1:40000, frames 6, 7: 500 bytes"), "{text}");
    assert_eq!(lines[7].trim(), format!("tcp.stream == 0 && {PLAIN_RETRANSMISSIONS}"));
}

/// [`opening`], then data after each of the silences, given in seconds; the server waits all the while for its last bytes to be acknowledged.
pub(super) fn halting(client_port: u16, micros: u64, silences: &[u64]) -> Vec<Segment> {
    let mut segments = opening(client_port, micros);
    let mut next = Segment { len: 0, seq: 1101, ack: 5301, ..segments[3] };
    next.micros = micros + 50_000;
    segments.push(next);
    for silence in silences {
        next.micros += silence * 1_000_000;
        segments.push(Segment { len: 10, ..next });
        next.seq += 10;
    }
    segments
}

#[test]
fn a_folded_line_tells_the_longest_silence() {
    let folder = Folder::new();
    let gaps = |name: &str, segments: &[Segment]| {
        let capture = folder.file(name, &pcap(segments));
        let text = run(&[&capture, "--findings"]).text();
        assert_eq!(text, run(&[&capture, "--findings", "--threads", "3"]).text());
        text.lines().filter(|line| line.contains("netanalyze.gap")).map(str::to_owned).collect::<Vec<_>>()
    };
    // Frame 6 ends the opening; equal silences: the earliest.
    let one = gaps("one.pcap", &halting(40_000, 0, &[2, 3, 2, 15, 15]));
    assert_eq!(one.len(), 1, "{one:?}");
    assert!(one[0].contains(", frames 7, 8, 9, …, longest in frame 10: nothing for 15"), "{}", one[0]);
    let single = gaps("single.pcap", &halting(40_000, 0, &[15]));
    assert!(single[0].contains(", frame 7: nothing for 15"), "{}", single[0]);
    // More conversations than get a line each, over several batches: 7 frames each, 9 the 31st.
    let many: Vec<_> = (0..60)
        .flat_map(|n| {
            let silences: &[u64] = if n == 30 || n == 40 { &[2, 15, 2] } else { &[2] };
            let mut segments = halting(40_000 + n, 100_000_000 * u64::from(n), silences);
            segments.extend(lossy(50_000 + n, 100_000_000 * u64::from(n) + 50_000_000, 100).split_off(5));
            segments
        })
        .collect();
    let place = many.iter().position(|segment| segment.client_port == 40_030).unwrap() + 8;
    let many = gaps("many.pcap", &many);
    assert_eq!(many.len(), 1, "{many:?}");
    let expected = format!("longest in frame {place}: nothing for 15");
    assert!(many[0].contains(" in 60 conversations, e.g. 192.0.2.1:40030 → "), "{}", many[0]);
    assert!(many[0].contains(&expected), "{expected}: {}", many[0]);
}

#[test]
fn as_many_equal_findings_as_you_like_read_as_a_line() {
    let folder = Folder::new();
    let segments: Vec<_> = (0..60).flat_map(|n| lossy(40_000 + n, 100_000_000 * u64::from(n), 300)).collect();
    let capture = folder.file("a.pcap", &pcap(&segments));
    let text = run(&[&capture, "--findings"]).text();
    let lines: Vec<_> = text.lines().collect();
    // All but the last are silent from then on.
    assert_eq!(lines.len(), 3, "{text}");
    assert!(lines[0].contains("59  netanalyze.silent_end  in 59 conversations"), "{text}");
    assert!(lines[1].contains("18,000  tcp.analysis.retransmission  in 60 conversations"), "{text}");
    assert_eq!(lines[2].trim(), PLAIN_RETRANSMISSIONS);
    let fifty = folder.file("b.pcap", &pcap(&segments[..50 * 305]));
    assert_eq!(run(&[&fifty, "--findings"]).text().lines().count(), 2 * (50 + 49));
    assert_eq!(run(&[&fifty, "--findings", "--all"]).text().lines().count(), 50 * 300 + 49);
}

#[test]
fn severities_choose_what_is_shown() {
    let folder = Folder::new();
    let mut segments = trouble();
    let last = *segments.last().unwrap();
    segments.push(Segment { client_port: 40_001, flags: FIN | ACK, ..last });
    let capture = folder.file("a.pcap", &pcap(&segments));
    let shown = |severity: &str| {
        let answer = run(&[&capture, "--findings", "--format", "json", "--min-severity", severity]).json();
        let mut severities: Vec<_> = answer["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|finding| finding["severity"].as_str().unwrap().to_owned())
            .collect();
        severities.sort();
        severities.dedup();
        (ids(&answer).iter().any(|id| id.contains("fin_active")), severities)
    };
    assert_eq!(shown("error"), (false, vec![]));
    assert_eq!(shown("warn"), (false, vec!["warn".to_owned()]));
    assert_eq!(shown("note"), (false, vec!["note".to_owned(), "warn".to_owned()]));
    assert_eq!(shown("chat"), (true, vec!["chat".to_owned(), "note".to_owned(), "warn".to_owned()]));
    let text = run(&[&capture, "--findings", "--min-severity", "error"]).text();
    assert_eq!(text, "no findings of severity error in 10 packets\n");
}

#[test]
fn the_gate_looks_at_what_is_shown() {
    let folder = Folder::new();
    let bad = folder.file("bad.pcap", &pcap(&trouble()));
    let notable = folder.file("notable.pcap", &pcap(&lossy(40_000, 0, 2)));
    let good = folder.file("good.pcap", &pcap(&opening(40_000, 0)));
    for (capture, arguments, status) in [
        (&bad, &["--findings", "--fail-on", "warn"][..], 1),
        (&bad, &["--findings", "--fail-on", "error"], 0),
        (&bad, &["--findings", "--fail-on", "note", "--format", "json"], 1),
        (&bad, &["--findings", "--fail-on", "note", "--min-severity", "error"], 0),
        (&notable, &["--findings", "--fail-on", "note"], 1),
        (&notable, &["--findings", "--fail-on", "warn"], 0),
        (&good, &["--findings", "--fail-on", "note", "--min-severity", "chat"], 0),
        (&bad, &["--packets", "--fail-on", "warn"], 1),
    ] {
        let answer = run(&[&[capture.as_str()], arguments].concat()).status(status);
        assert!(!answer.stdout.is_empty() && answer.stderr.is_empty());
    }
}

#[test]
fn the_gap_is_adjustable() {
    let folder = Folder::new();
    let capture = folder.file("a.pcap", &pcap(&trouble()));
    let gaps = |gap: &str| {
        let text = run(&[&capture, "--findings", "--gap", gap]).text();
        let filter = text.lines().find(|line| line.contains("time_delta")).map(|line| line.trim().to_owned());
        (text.contains("netanalyze.gap"), filter)
    };
    assert_eq!(gaps("0.25"), (true, Some("tcp.stream == 0 && tcp.time_delta > 0.25".to_owned())));
    assert_eq!(gaps("60"), (false, None));
    for wrong in ["0", "-1", "soon", ""] {
        assert!(run(&[&capture, "--gap", wrong]).failure().contains("--gap"), "{wrong}");
    }
}

#[test]
fn frames_that_no_field_marks_are_named() {
    let corpus = |name: &str| format!("{}/../corpus/captures/{name}", env!("CARGO_MANIFEST_DIR"));
    let filters = |capture: &str, id: &str| {
        let text = run(&[&corpus(capture), "--findings"]).text();
        let lines: Vec<_> = text.lines().collect();
        let of = lines.windows(2).filter(|pair| pair[0].contains(id));
        of.map(|pair| pair[1].trim().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(filters("web-slow.pcap", "netanalyze.http.slow"), ["frame.number == 74"]);
    assert_eq!(
        filters("reset-mid-transfer.pcap", "netanalyze.http.incomplete"),
        ["frame.number == 5", "frame.number == 14"]
    );
}

#[test]
fn findings_about_whole_conversations_name_the_conversation_alone() {
    let folder = Folder::new();
    let lonely = |n: u16| Segment { flags: SYN, ..opening(40_000 + n, 1_000_000 * u64::from(n))[0] };
    let syns: Vec<_> = (0..61).map(lonely).collect();
    let single = folder.file("one.pcap", &pcap(&[lonely(0), lonely(1), lonely(2)]));
    let text = run(&[&single, "--findings"]).text();
    let lines: Vec<_> = text.lines().collect();
    // The last SYN may yet be answered.
    assert_eq!(lines.len(), 4, "{text}");
    assert!(
        lines[0].starts_with("warn   1  netanalyze.unanswered  192.0.2.1:40000 → 192.0.2.2:80, frame 1: ")
    );
    assert_eq!((lines[1].trim(), lines[3].trim()), ("tcp.stream == 0", "tcp.stream == 1"));
    let many = folder.file("many.pcap", &pcap(&syns));
    let text = run(&[&many, "--findings"]).text();
    assert_eq!(
        text,
        "warn   60  netanalyze.unanswered  in 60 conversations, e.g. 192.0.2.1:40000 → 192.0.2.2:80, frame 1: \
         the SYN was never answered, 60.0 s until the capture ends\n"
    );
    let explained = run(&["--explain", "netanalyze.unanswered"]).text();
    assert!(
        explained.lines().all(|line| line == line.trim_end() && !line.contains("Wireshark")),
        "{explained}"
    );
}

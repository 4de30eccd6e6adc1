//! `--streams`: a row a conversation.

use serde_json::Value;
use std::collections::{BTreeSet, HashMap};

use crate::support::*;

/// Conversations as `protocol stream`, in the order of the rows.
fn listed(arguments: &[&str]) -> Vec<String> {
    let (header, records) = run(&[&["--streams", "--format", "csv"], arguments].concat()).csv();
    assert_eq!(header[..2], ["protocol", "stream"]);
    records.iter().map(|record| format!("{} {}", record[0], record[1])).collect()
}

fn column(arguments: &[&str], name: &str) -> Vec<String> {
    let (header, records) = run(&[&["--streams", "--format", "csv"], arguments].concat()).csv();
    let place = header.iter().position(|column| column == name).unwrap();
    records.iter().map(|record| record[place].clone()).collect()
}

#[test]
fn text_is_a_line_a_conversation_under_a_heading() {
    let text = run(&[&corpus("web-slow.pcap"), "--streams"]).text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 1 + 8 + 1, "{text}");
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
    assert!(words(lines[0]).starts_with("stream client → server start duration pkts c/s"), "{text}");
    assert_eq!(
        words(lines[2]),
        "tcp 1 10.0.0.2:57011 → 192.0.2.80:80 0.100 953 ms 14/13 903/14.8k TIME-WAIT/CLOSED 1 s 14.0/27.6/27.6 client ShADadgtFf"
    );
    assert!(words(lines[4]).ends_with("CLOSED/CLOSED 0 s 28.0/28.0/28.0 server RST Sr"), "{text}");
    assert_eq!(words(lines[9]), "udp 0 10.0.0.2:57001 → 10.0.0.53:53 0.000 9.00 ms 1/1 72/88 - - - - -");
    assert!(lines.iter().all(|line| line.chars().count() <= 155), "{text}");
    let at = |line: &str| line.chars().take_while(|&c| c != '→').count();
    assert!(lines[1..9].iter().all(|line| at(line) == at(lines[1])), "{text}");
}

#[test]
fn a_client_that_is_only_guessed_is_marked() {
    let capture = corpus("odd-flags.pcap");
    let known = column(&[&capture], "roles_known");
    let text = run(&[&capture, "--streams"]).text();
    for (line, known) in text.lines().skip(1).zip(known) {
        assert_eq!(line.contains(" ~→ "), known == "false", "{line}");
    }
    assert!(text.contains(" ~→ ") && text.matches(" → ").count() > 1, "{text}");
}

#[test]
fn csv_is_safe_with_and_without_being_asked() {
    let arguments = [&*corpus("web-slow.pcap"), "--streams", "--format", "csv", "--csv-safe"];
    assert_eq!(run(&arguments).text(), run(&arguments[..4]).text());
}

/// Leaves of a JSON object as CSV names their columns.
fn flatten(value: &Value, name: &str, into: &mut HashMap<String, String>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                let key = key.strip_suffix("_side").unwrap_or(key);
                let name = if name.is_empty() { key.to_owned() } else { format!("{name}_{key}") };
                flatten(value, &name, into);
            }
        }
        leaf => {
            let text = leaf.as_str().map_or_else(|| leaf.to_string(), str::to_owned);
            into.insert(name.to_owned(), text);
        }
    }
}

#[test]
fn every_format_tells_the_same() {
    for name in ["web-slow.pcap", "zero-window.pcap", "out-of-order.pcap", "udp-streams.pcap"] {
        let capture = corpus(name);
        let json = run(&[&capture, "--streams", "--format", "json"]).json();
        assert_eq!(json["schema_version"], 1);
        assert!(json["notes"].is_array() && json["capture"]["packets"].is_u64());
        let streams = json["streams"].as_array().unwrap();
        assert_eq!(json["rows"]["shown"], streams.len());

        let lines = run(&[&capture, "--streams", "--format", "jsonl"]).json_lines();
        assert_eq!((&lines[0]["type"], &lines[0]["view"]), (&"header".into(), &"streams".into()));
        let summary = lines.last().unwrap();
        assert_eq!((&summary["type"], &summary["rows"]), (&"summary".into(), &json["rows"]));
        assert_eq!(lines.len(), streams.len() + 2);

        let (header, records) = run(&[&capture, "--streams", "--format", "csv"]).csv();
        assert_eq!(records.len(), streams.len());
        assert_eq!(header.iter().collect::<BTreeSet<_>>().len(), header.len(), "a column twice");
        for (place, stream) in streams.iter().enumerate() {
            let mut line = lines[place + 1].clone();
            assert_eq!(line.as_object_mut().unwrap().remove("type"), Some("stream".into()));
            assert_eq!(&line, stream);
            let mut leaves = HashMap::new();
            flatten(stream, "", &mut leaves);
            let cells: HashMap<_, _> = header.iter().zip(&records[place]).collect();
            for (key, text) in &leaves {
                assert_eq!(cells.get(key), Some(&text), "{key} of stream {place} in {name}");
            }
            for (key, cell) in cells {
                let both_ends = leaves.contains_key(&format!("client_{key}"))
                    || key.starts_with("rtt_") && leaves.keys().any(|k| k.ends_with(key));
                assert!(cell.is_empty() || leaves.contains_key(key) || both_ends, "{key}: {cell}");
            }
        }
    }
}

#[test]
fn rows_are_sorted_by_any_column() {
    let capture = corpus("web-slow.pcap");
    let natural = listed(&[&capture]);
    assert_eq!(natural[..2], ["tcp 0", "tcp 1"]);
    assert_eq!(natural[8], "udp 0");
    let numbers = |arguments: &[&str], name: &str| -> Vec<i64> {
        column(&[&[capture.as_str()], arguments].concat(), name)
            .iter()
            .map(|cell| cell.parse().unwrap_or(-1))
            .collect()
    };
    for (sort, name) in [
        ("bytes", "wire_bytes"),
        ("duration", "duration_ns"),
        ("stalled", "stalled_ns"),
        ("packets", "packets"),
    ] {
        let sorted = numbers(&["--sort", sort], name);
        assert!(sorted.is_sorted_by(|a, b| a >= b), "{sort}: {sorted:?}");
        // What is unknown (-1 here) stays last.
        let ascending: Vec<_> =
            numbers(&["--sort", &format!("{sort}:asc")], name).into_iter().filter(|&n| n >= 0).collect();
        assert!(ascending.is_sorted(), "{sort}: {ascending:?}");
    }
    assert_eq!(listed(&[&capture, "--sort", "retransmissions"]).last().unwrap(), "udp 0");
    assert_eq!(listed(&[&capture, "--sort", "retransmissions:asc"]).last().unwrap(), "udp 0");
    // Ties: protocol, then stream, whichever way.
    let ties = listed(&[&capture, "--sort", "client_zero_windows"]);
    assert_eq!(ties, natural);
    assert_eq!(listed(&[&capture, "--sort", "start"])[0], "udp 0");
    let ends = column(&[&capture, "--sort", "client:desc"], "client");
    assert_eq!((ends[0].as_str(), ends[8].as_str()), ("10.0.0.2:57031", "10.0.0.2:57001"));
    let states = column(&[&capture, "--sort", "client_state"], "client_state");
    assert_eq!((states[0].as_str(), states[7].as_str()), ("CLOSED", "TIME-WAIT"));
}

#[test]
fn the_limit_takes_the_first_and_says_what_it_left_out() {
    let capture = corpus("web-slow.pcap");
    assert_eq!(listed(&[&capture, "--limit", "2"]), ["tcp 0", "tcp 1"]);
    assert_eq!(listed(&[&capture, "--limit", "2", "--sort", "stalled"])[0], "tcp 2");
    let text = run(&[&capture, "--streams", "--limit", "2"]).text();
    assert_eq!(text.lines().count(), 4);
    assert!(text.ends_with("\n7 conversations more: --limit leaves them out\n"), "{text}");
    let json = run(&[&capture, "--streams", "--limit", "2", "--format", "json"]).json();
    assert_eq!(json["rows"], serde_json::json!({"shown": 2, "beyond_limit": 7, "without_packets": 0}));
}

/// A pcap file of one frame: an ICMP error that quotes the beginning of a UDP packet.
fn quoting() -> Vec<u8> {
    let ip = |protocol: u8, length: u16, source: [u8; 4], destination: [u8; 4]| {
        let head = [&[0x45, 0][..], &length.to_be_bytes(), &[0, 0, 0, 0, 64, protocol, 0, 0]].concat();
        [head, source.to_vec(), destination.to_vec()].concat()
    };
    let (here, there) = ([192, 0, 2, 1], [192, 0, 2, 2]);
    let quote = [ip(17, 36, here, there), [40_000_u16, 53, 16, 0].map(u16::to_be_bytes).concat()].concat();
    let icmp = [vec![3, 3, 0, 0, 0, 0, 0, 0], quote].concat();
    let ethernet = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
    let frame = [ethernet, ip(1, 20 + icmp.len() as u16, there, here), icmp].concat();
    let record = [1_700_000_000, 0, frame.len() as u32, frame.len() as u32].map(u32::to_le_bytes).concat();
    [pcap(&[]), record, frame].concat()
}

#[test]
fn stream_numbers_without_packets_are_left_out() {
    // Wireshark numbers what ICMP errors quote, and what a SOCKS proxy relays; tshark's list of conversations has neither.
    let folder = Folder::new();
    let quoting = folder.file("quoting.pcap", &quoting());
    for (capture, shown, without) in [(&quoting, 0, 1), (&corpus("socks-takes-a-stream.pcap"), 2, 1)] {
        let json = run(&[capture, "--streams", "--format", "json"]).json();
        assert_eq!(json["streams"].as_array().unwrap().len() as u64, shown, "{capture}");
        let rows = serde_json::json!({"shown": shown, "beyond_limit": 0, "without_packets": without});
        assert_eq!(json["rows"], rows, "{capture}");
        let text = run(&[capture, "--streams"]).text();
        assert!(text.contains("1 stream number without packets"), "{text}");
    }
}

#[test]
fn a_capture_without_conversations_has_an_answer_in_every_format() {
    let capture = corpus("icmp-echo.pcap");
    let text = run(&[&capture, "--streams"]).text();
    assert!(text.starts_with("no TCP or UDP conversations in "), "{text}");
    let json = run(&[&capture, "--streams", "--format", "json"]).json();
    assert_eq!(json["streams"], serde_json::json!([]));
    assert_eq!(run(&[&capture, "--streams", "--format", "jsonl"]).json_lines().len(), 2);
    assert_eq!(run(&[&capture, "--streams", "--format", "csv"]).csv().1.len(), 0);
}

#[test]
fn more_rows_than_are_written_at_a_time_stay_one_table() {
    let folder = Folder::new();
    let segments: Vec<_> = (0..5000).flat_map(|n| opening(20_000 + n, 1000 * u64::from(n))).collect();
    let capture = folder.file("a.pcap", &pcap(&segments));
    let json = run(&[&capture, "--streams", "--format", "json"]).json();
    let streams: Vec<_> =
        json["streams"].as_array().unwrap().iter().map(|s| s["stream"].as_u64().unwrap()).collect();
    assert_eq!(streams, (0..5000).collect::<Vec<_>>());
    let text = run(&[&capture, "--streams", "--sort", "stream:desc"]).text();
    assert_eq!(text.lines().count(), 5001);
    assert_eq!(text.lines().filter(|line| line.starts_with("stream")).count(), 1);
    assert!(text.lines().last().unwrap().starts_with("tcp 0 "), "{text}");
    assert_eq!(text, run(&[&capture, "--streams", "--sort", "stream:desc", "--threads", "3"]).text());
}

#[test]
fn wrong_options_are_refused_and_the_gate_still_counts() {
    let capture = corpus("web-slow.pcap");
    let refused = run(&[&capture, "--streams", "--sort", "retransmision"]).failure();
    assert!(refused.contains("did you mean retransmissions"), "{refused}");
    assert!(run(&[&capture, "--streams", "--sort", "bytes:up"]).failure().contains("asc or desc"));
    assert!(run(&[&capture, "--streams", "--min-severity", "warn"]).failure().contains("--streams"));
    for arguments in [
        &["--sort", "bytes"][..],
        &["--limit", "3"],
        &["--streams", "--findings"],
        &["--streams", "--packets"],
        &["--streams", "--fields", "frame.number"],
        &["--streams", "--limit", "0"],
        &["--streams", "--all"],
        &["--findings", "--limit", "1"],
    ] {
        let answer = run(&[&[capture.as_str()], arguments].concat()).status(2);
        assert!(answer.stdout.is_empty(), "{arguments:?}");
    }
    run(&[&capture, "--streams", "--fail-on", "warn"]).status(1);
    run(&[&capture, "--streams", "--fail-on", "error"]).status(0);
}

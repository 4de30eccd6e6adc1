//! `--follow`: what was said, what is missing, and how it is spelled.

use serde_json::{Value, json};

use crate::support::*;

fn follow(name: &str, conversation: &str, more: &[&str]) -> Run {
    let capture = corpus(name);
    run(&[&[&*capture, "--follow", conversation], more].concat())
}

/// Chunks in words: direction, offset, and a length, or a reason why it is missing.
fn words(answer: &Value) -> Vec<String> {
    let word = |chunk: &Value| {
        let place =
            format!("{} {}+{}", chunk["direction"].as_str().unwrap(), chunk["offset"], chunk["bytes"]);
        match chunk["type"].as_str().unwrap() {
            "data" => format!("{place} frame {}", chunk["frame"]),
            _ => format!("{place} {} before {}", chunk["reason"].as_str().unwrap(), chunk["before_frame"]),
        }
    };
    answer["chunks"].as_array().unwrap().iter().map(word).collect()
}

/// Length and digest of what one side sent.
type Sent = (usize, u64);

/// FNV-1a.
fn digest(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

const NOTHING: Sent = (0, 0xcbf2_9ce4_8422_2325);

/// Length and digest of what client and server sent, as `tshark -q -z follow,tcp,raw,N` of tshark 4.0.17 prints it, its words for gaps left
/// out.
const AS_TSHARK: [(&str, &str, Sent, Sent); 18] = [
    ("out-of-order.pcap", "0", (4000, 0x8c63_a5ee_e44f_3165), NOTHING),
    ("sequence-wrap.pcap", "0", (2000, 0x821b_41c8_bab2_3f74), NOTHING),
    ("sequence-wrap.pcap", "1", (2000, 0x821b_41c8_bab2_3f74), NOTHING),
    ("sequence-wrap.pcap", "2", (2000, 0x821b_41c8_bab2_3f74), NOTHING),
    ("every-frame-twice.pcap", "0", (79, 0xda9b_5ae6_4af0_0c3d), (966, 0xfa73_e314_8bc1_1d0c)),
    ("retransmission-timeout.pcap", "0", (4000, 0x1045_1005_d0a3_180f), NOTHING),
    ("repacketised.pcap", "0", (2400, 0x23bc_1511_5347_062e), NOTHING),
    ("zero-window-probe-accepted.pcap", "0", (2361, 0x12f3_784a_0a74_a407), NOTHING),
    ("fragments-ipv4.pcap", "0", (6400, 0x7887_fa13_2c19_6b95), NOTHING),
    ("fragments-ipv6.pcap", "0", (3500, 0x0ea2_532c_f9d3_1244), NOTHING),
    ("tunnel-nested.pcap", "0", (78, 0x4ef5_4471_3c61_77f4), (366, 0x3749_1555_2e14_229b)),
    ("tunnel-nested.pcap", "1", (78, 0x4ef5_4471_3c61_77f4), (366, 0x3749_1555_2e14_229b)),
    ("fast-open.pcap", "0", (78, 0xbb02_5dce_1228_4991), (125, 0x1485_54f1_e219_788a)),
    ("fast-open.pcap", "3", (78, 0xbb02_5dce_1228_4991), (125, 0x1485_54f1_e219_788a)),
    ("fast-open.pcap", "4", (78, 0xbb02_5dce_1228_4991), (125, 0x1485_54f1_e219_788a)),
    ("keep-alive.pcap", "0", (6, 0xa9bc_80cc_a21f_28b3), NOTHING),
    ("overlapping-data.pcap", "0", (699, 0x8563_ae29_db1a_5c7c), NOTHING),
    ("capture-gap.pcap", "0", NOTHING, (8760, 0x4685_1c07_ace5_b4f5)),
];

#[test]
fn both_sides_are_shown_in_turns() {
    let text = follow("http-exchange.pcap", "0", &[]).text();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(
        lines[..6],
        [
            "TCP conversation 0",
            "client  10.0.0.2:40001",
            "server  192.0.2.80:80",
            "",
            "client → server, frame 4, 0.018140000 s",
            "  GET /index.html HTTP/1.1",
        ]
    );
    assert!(lines.contains(&"server → client, frame 6, 0.039140000 s"));
    assert!(lines.contains(&"  HTTP/1.1 200 OK"));
    assert_eq!(lines[lines.len() - 2], "client  83 bytes");
}

#[test]
fn gaps_are_marked_where_they_are() {
    let text = follow("capture-gap.pcap", "tcp:0", &[]).text();
    let gaps: Vec<_> = text.lines().filter(|line| line.starts_with('[')).collect();
    assert_eq!(
        gaps,
        [
            "[2920 bytes missing: not captured, before frame 5]",
            "[1000 bytes missing: not captured, before frame 8]",
            "[2920 bytes missing: not captured, before frame 9]",
            "[1000 bytes missing: not captured, before frame 12]",
            "[2920 bytes missing: not captured, before frame 13]",
            "[1000 bytes missing: not captured]",
        ]
    );
    assert!(
        text.ends_with("client  no payload\nserver  8,760 bytes; 11,760 missing: not captured\n"),
        "{text}"
    );
}

#[test]
fn raw_bytes_of_one_side_can_be_saved() {
    let folder = Folder::new();
    let path = folder.path().join("answer").display().to_string();
    let saved = ["--follow-format", "raw", "--follow-direction", "server", "-o", &path];
    let quiet = follow("http-exchange.pcap", "0", &saved).text();
    assert_eq!(quiet, "");
    let bytes = std::fs::read(&path).unwrap();
    assert!(bytes.starts_with(b"HTTP/1.1 200 OK\r\n"));
    assert_eq!(bytes.len(), 3067);
    // Both: in the order of delivery.
    let both = follow("http-exchange.pcap", "0", &["--follow-format", "raw"]).status(0);
    assert!(both.stdout.starts_with(b"GET /index.html") && both.stdout.ends_with(&bytes));
    assert_eq!(both.stdout.len(), 83 + 3067);
    // What is missing is told aside.
    let run = follow("capture-gap.pcap", "0", &["--follow-format", "raw"]).status(0);
    assert_eq!(run.stdout.len(), 8760);
    assert_eq!(run.stderr.lines().count(), 6);
    assert_eq!(
        run.stderr.lines().next(),
        Some("netanalyze: note: server at offset 1460: 2920 bytes missing: not captured, before frame 5")
    );
}

#[test]
fn bytes_are_those_that_tshark_follows() {
    for (name, conversation, client, server) in AS_TSHARK {
        let totals = &follow(name, conversation, &["--format", "json"]).json()["totals"];
        for (side, expected) in [("client", client), ("server", server)] {
            let more = ["--follow-format", "raw", "--follow-direction", side];
            let bytes = follow(name, conversation, &more).status(0).stdout;
            assert_eq!((bytes.len(), digest(&bytes)), expected, "{name} {conversation} {side}");
            assert_eq!(totals[side]["delivered_bytes"], bytes.len(), "{name} {conversation} {side}");
            assert_eq!(totals[side]["conflicting_bytes"], 0, "{name} {conversation} {side}");
        }
    }
}

#[test]
fn a_fin_tells_of_bytes_that_nobody_captured() {
    let answer = follow("overlapping-data.pcap", "0", &["--format", "json"]).json();
    let expected =
        ["client 0+300 frame 4", "client 300+399 frame 6", "client 699+501 not_captured before null"];
    assert_eq!(words(&answer), expected);
    // The byte before the second segment, and the third one.
    assert_eq!(answer["totals"]["client"]["repeated_bytes"], 1 + 500);
}

#[test]
fn what_the_snapshot_length_cut_off_is_said() {
    let answer = follow("snaplen-96.pcap", "0", &["--format", "json"]).json();
    let words = words(&answer);
    assert_eq!(words[..2], ["client 0+30 frame 4", "server 0+30 frame 5"]);
    assert!(words.contains(&"client 30+46 snapped before null".to_owned()), "{words:?}");
    assert!(words.contains(&"server 30+1170 snapped before 6".to_owned()), "{words:?}");
    assert_eq!(answer["totals"]["server"]["snapped_bytes"], 6620);
    assert_eq!(answer["notes"].as_array().unwrap().len(), 1);
}

#[test]
fn datagrams_come_as_they_came() {
    let lines = follow("udp-streams.pcap", "udp:0", &["--format", "jsonl"]).json_lines();
    assert_eq!(lines[0]["view"], "follow");
    assert_eq!(
        lines[1],
        json!({"type": "conversation", "protocol": "udp", "stream": 0, "client": "10.0.0.2:52000", "server": "192.0.2.90:9999"})
    );
    assert_eq!(lines[2]["type"], "data");
    assert_eq!(
        (&lines[2]["direction"], &lines[2]["frame"], &lines[2]["bytes"]),
        (&json!("client"), &json!(1), &json!(40))
    );
    assert_eq!(lines[2]["base64"], "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNkZWZnaGlqa2xtbg==");
    assert_eq!(lines[2]["time"], "1700000000.000000000");
    assert_eq!(lines[lines.len() - 2]["type"], "totals");
    assert_eq!(lines[lines.len() - 1]["type"], "summary");
    let text = follow("udp-streams.pcap", "udp:0", &["--follow-format", "hex"]).text();
    assert!(
        text.contains("\n  00000020  67 68 69 6a 6b 6c 6d 6e                           ghijklmn\n"),
        "{text}"
    );
    assert!(text.contains("\n      00000000  61 62"), "{text}");
}

#[test]
fn a_conversation_that_a_banner_split_is_followed_in_its_parts() {
    let first = follow("vnc-new-stream.pcap", "0", &["--format", "json"]).json();
    let second = follow("vnc-new-stream.pcap", "1", &["--format", "json"]).json();
    assert_eq!(first["conversation"]["client"], second["conversation"]["client"]);
    assert_ne!(words(&first), words(&second));
    assert!(!words(&first).is_empty() && !words(&second).is_empty());
}

#[test]
fn a_conversation_without_payload_says_so() {
    let text = follow("connection-refused.pcap", "0", &[]).text();
    assert!(text.ends_with("\n\nclient  no payload\nserver  no payload\n"), "{text}");
    assert_eq!(follow("connection-refused.pcap", "0", &["--format", "json"]).json()["chunks"], json!([]));
    assert_eq!(follow("connection-refused.pcap", "0", &["--follow-format", "raw"]).text(), "");
}

#[test]
fn the_client_is_the_one_that_opened() {
    for (conversation, client) in [
        ("0", "10.0.0.2:47010"),
        // Its first packet is the server's SYN-ACK.
        ("1", "10.0.0.2:47011"),
    ] {
        let answer = follow("one-sided.pcap", conversation, &["--format", "json"]).json();
        assert_eq!(answer["conversation"]["client"], client);
    }
    // Nobody was seen opening this one: the first that speaks.
    let answer = follow("midstream.pcap", "0", &["--format", "json"]).json();
    assert_eq!(answer["conversation"]["client"], "192.0.2.80:80");
}

#[test]
fn unknown_conversations_are_refused_before_anything_is_written() {
    let folder = Folder::new();
    for (name, conversation, message) in [
        ("http-exchange.pcap", "9", "the capture has 2 TCP conversations, numbered 0 to 1; there is no 9"),
        (
            "http-exchange.pcap",
            "4294967296",
            "the capture has 2 TCP conversations, numbered 0 to 1; there is no 4294967296",
        ),
        (
            "http-exchange.pcap",
            "tcp:99999999999",
            "the capture has 2 TCP conversations, numbered 0 to 1; there is no 99999999999",
        ),
        ("http-exchange.pcap", "udp:0", "the capture has no UDP conversation"),
        ("capture-gap.pcap", "1", "the capture has one TCP conversation, number 0; there is no 1"),
        (
            "socks-takes-a-stream.pcap",
            "1",
            "no packet belongs to TCP conversation 1: as in Wireshark, what a SOCKS proxy relays takes a number of its own",
        ),
    ] {
        let path = folder.path().join("out").display().to_string();
        for format in ["text", "json", "jsonl"] {
            let error = follow(name, conversation, &["--format", format]).failure();
            assert_eq!(error, format!("netanalyze: {message}\n"), "{name}");
            follow(name, conversation, &["--format", format, "-o", &path]).failure();
        }
    }
    assert!(folder.names().is_empty(), "{:?}", folder.names());
}

#[test]
fn what_makes_no_sense_is_refused() {
    for (more, part) in [
        (&["--format", "csv"][..], "--follow has no CSV"),
        (&["--format", "json", "--follow-format", "hex"], "--follow-format is for text"),
        (&["--format", "jsonl", "--follow-format", "ascii"], "--follow-format is for text"),
        (&["--min-severity", "warn"], "--follow lists none"),
    ] {
        let error = follow("http-exchange.pcap", "0", more).failure();
        assert!(error.contains(part), "{error}");
    }
    let error = follow("http-exchange.pcap", "sctp:0", &[]).failure();
    assert!(error.contains("\"sctp:0\" names no conversation"), "{error}");
    let capture = corpus("http-exchange.pcap");
    for arguments in [
        &["--follow", "0", "--findings"][..],
        &["--follow", "0", "--packets"],
        &["--follow", "0", "--streams"],
        &["--follow", "0", "--limit", "3"],
        &["--streams", "--follow-format", "hex"],
        &["--follow", "0", "--fields", "frame.number"],
        &["--follow", "0", "--all"],
        &["--findings", "--follow-format", "hex"],
        &["--packets", "--follow-direction", "client"],
        &["--follow-format", "hex"],
    ] {
        let run = run(&[&[&*capture], arguments].concat()).status(2);
        assert!(run.stdout.is_empty() && !run.stderr.is_empty(), "{}", run.command);
    }
}

#[test]
fn what_a_cap_cost_is_noted() {
    let folder = Folder::new();
    let mut segments = opening(40_000, 0);
    let answer = *segments.last().unwrap();
    // One byte is missing, and then one byte a segment, with a hole between each two.
    for n in 0..5_000 {
        let micros = answer.micros + u64::from(n);
        segments.push(Segment { micros, seq: answer.seq + 501 + 2 * n, len: 1, ..answer });
    }
    let capture = folder.file("a.pcap", &pcap(&segments));
    let answer = run(&[&capture, "--follow", "0", "--format", "json"]).json();
    let lost = 5_000 - 4_096;
    assert_eq!(answer["totals"]["server"]["abandoned_bytes"], lost);
    assert_eq!(answer["totals"]["server"]["not_captured_bytes"], 4_096);
    assert_eq!(answer["totals"]["server"]["delivered_bytes"], 500 + 5_000);
    let note = answer["notes"][0]["message"].as_str().unwrap();
    assert!(note.starts_with("904 bytes of the conversation were given up because "), "{note}");
    assert!(note.contains(" because 4,194,304 bytes or 4,096 pieces waited "), "{note}");
    let text = run(&[&capture, "--follow", "0"]).status(0);
    assert!(text.stderr.starts_with("netanalyze: note: 904 bytes") && text.stderr.lines().count() == 1);
    let raw = run(&[&capture, "--follow", "0", "--follow-format", "raw"]).status(0);
    assert_eq!((raw.stdout.len(), raw.stderr.lines().count()), (100 + 5_500, 20 + 1 + 1));
}

#[test]
fn threads_change_nothing() {
    for format in ["text", "json", "jsonl"] {
        let with = |threads| {
            follow("eight-interleaved.pcap", "3", &["--format", format, "--threads", threads]).text()
        };
        assert_eq!(with("1"), with("4"));
    }
}

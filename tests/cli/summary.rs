//! The report: plain `netanalyze CAPTURE`.

use crate::support::*;

#[test]
fn text_tells_facts_findings_and_what_to_do_next() {
    let folder = Folder::new();
    let capture = folder.file("a b.pcap", &pcap(&trouble()));
    let text = run(&[&capture]).text();
    let squeezed =
        text.lines().map(|l| l.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>();
    for expected in [
        "packets 9, 2.09 kB on the wire, all captured",
        "time 2023-11-14 22:13:20 UTC to 2023-11-14 22:13:23 UTC, 3 s",
        "link type ETHERNET; drops unknown: the capture does not say",
        "conversations 1 TCP, 0 UDP",
        "protocols eth 9 (100.0%), ip 9 (100.0%), tcp 9 (100.0%)",
        "TCP ends 2 CLOSED",
        "192.0.2.1:40000 → 192.0.2.2:80 (tcp.stream 0); 2.30 s lost, once; confidence high",
        "warn tcp.analysis.zero_window 1 1 8 Zero window",
        "note tcp.analysis.retransmission 2 1 6 Retransmission",
        "Capture quality",
        "the file is whole: nothing damaged was noticed",
    ] {
        assert!(squeezed.iter().any(|line| line == expected), "{expected} in\n{text}");
    }
    assert!(text.contains(&format!("\n  netanalyze '{capture}' --findings\n")), "{text}");
    let explained = text.lines().last().unwrap().split_whitespace().last().unwrap();
    run(&["--explain", explained]).text();
}

#[test]
fn every_format_tells_the_same() {
    let folder = Folder::new();
    let capture = folder.file("a.pcap", &pcap(&trouble()));
    let json = run(&[&capture, "--format", "json"]).json();
    assert_eq!(json["schema_version"], 1);
    assert_eq!(json["capture"]["packets"], 9);
    assert_eq!(json["capture"]["earliest"], "1700000000.000000000");
    assert!(json["notes"].is_array());
    let kinds = json["findings_by_kind"].as_array().unwrap();
    assert_eq!(kinds.len(), 4);
    assert_eq!(kinds[3]["id"], "tcp.analysis.retransmission");
    assert_eq!(kinds[3]["count"], 2);

    let lines = run(&[&capture, "--format", "jsonl"]).json_lines();
    assert_eq!(lines[0]["type"], "header");
    assert_eq!(lines.last().unwrap()["capture"], json["capture"]);
    let of_type = |name: &str| lines.iter().filter(|line| line["type"] == name).count();
    assert_eq!(of_type("finding_kind"), kinds.len());
    assert_eq!(of_type("protocol"), json["protocols"].as_array().unwrap().len());

    let (header, records) = run(&[&capture, "--format", "csv"]).csv();
    assert_eq!(header, ["section", "name", "measure", "value"]);
    let value = |section: &str, name: &str, measure: &str| {
        let row = records.iter().find(|r| r[0] == section && r[1] == name && r[2] == measure);
        row.map(|r| r[3].clone()).unwrap_or_default()
    };
    assert_eq!(value("capture", "", "packets"), "9");
    assert_eq!(value("protocol", "tcp", "packets"), "9");
    assert_eq!(value("finding_kind", "tcp.analysis.retransmission", "count"), "2");
    assert_eq!(value("file", &capture, "packets"), "9");
}

#[test]
fn severities_choose_the_kinds() {
    let folder = Folder::new();
    let capture = folder.file("a.pcap", &pcap(&trouble()));
    let kinds = |severity: &str| {
        let json = run(&[&capture, "--format", "json", "--min-severity", severity]).json();
        json["findings_by_kind"].as_array().unwrap().len()
    };
    assert_eq!((kinds("error"), kinds("warn"), kinds("note")), (0, 3, 4));
    assert!(kinds("chat") > 4);
    assert!(run(&[&capture]).text().contains("of lesser severity: --min-severity chat"));
    assert!(run(&[&capture, "--min-severity", "error"]).text().contains("none of severity error"));
}

#[test]
fn strings_of_the_capture_cannot_drive_the_terminal() {
    let folder = Folder::new();
    let capture =
        folder.file("a.pcapng", &pcapng("eth\u{1b}[2J", "=x\u{1b}]0;pwned\u{7}\u{202e}", &trouble()));
    let text = run(&[&capture]).text();
    assert!(text.contains("eth\\u{1b}[2J"), "{text}");
    assert!(text.contains("]0;pwned\\u{7}\\u{202e}"), "{text}");
    assert!(!text.contains(['\u{1b}', '\u{7}', '\u{202e}']));
    let json = run(&[&capture, "--format", "json"]).json();
    assert_eq!(json["capture"]["interfaces"][0]["name"], "eth\u{1b}[2J");
}

#[test]
fn no_cell_is_a_formula() {
    let folder = Folder::new();
    for name in ["=cmd.pcapng", "+1.pcapng", "@sum.pcapng"] {
        folder.file(name, &pcapng("=HYPERLINK()", "c", &trouble()));
        let mut command = command();
        command.current_dir(folder.path()).args([name, "--format", "csv"]);
        let (_, records) = finish(command, None).csv();
        assert!(records.iter().any(|record| record[1] == format!("'{name}")), "{name}");
        assert!(records.iter().any(|record| record[1] == "'=HYPERLINK()"));
        for cell in records.iter().flatten() {
            assert!(!cell.starts_with(['=', '+', '-', '@']), "{cell}");
        }
    }
}

#[test]
fn conversations_are_summed_up_in_every_format() {
    let folder = Folder::new();
    // A stall with a reset, a refusal, and one that is well.
    let mut segments = trouble();
    let refused = opening(40_001, 5_000_000);
    segments.push(refused[0]);
    segments.push(Segment { flags: RST | ACK, seq: 0, ..refused[1] });
    segments.extend(opening(40_002, 6_000_000));
    let capture = folder.file("a.pcap", &pcap(&segments));
    let json = run(&[&capture, "--format", "json"]).json();
    let all = &json["conversations"];
    assert_eq!(
        all["states"],
        serde_json::json!([
            {"state": "ESTABLISHED", "ends": 2, "exceeded": false},
            {"state": "CLOSED", "ends": 4, "exceeded": false},
        ])
    );
    let talkers = all["top_talkers"].as_array().unwrap();
    assert_eq!(talkers.len(), 2);
    assert_eq!(talkers[0]["address"], "192.0.2.1");
    assert_eq!((&talkers[0]["conversations"], &talkers[0]["packets"]), (&3.into(), &16.into()));
    assert_eq!(talkers[0]["wire_bytes_sent"], talkers[1]["wire_bytes_received"]);
    assert_eq!(talkers[0]["wire_bytes_received"], talkers[1]["wire_bytes_sent"]);
    let worst = all["worst"].as_array().unwrap();
    assert_eq!((worst.len(), &all["troubled"]), (2, &2.into()));
    assert_eq!((&worst[0]["stream"], &worst[0]["failure"]), (&0.into(), &"client_reset".into()));
    assert_eq!((&worst[0]["retransmissions"], &worst[0]["zero_windows"]), (&2.into(), &1.into()));
    assert_eq!((&worst[1]["stream"], &worst[1]["failure"]), (&1.into(), &"refused".into()));

    let lines = run(&[&capture, "--format", "jsonl"]).json_lines();
    let of_type = |name: &str| lines.iter().filter(|line| line["type"] == name).count();
    assert_eq!((of_type("state"), of_type("talker"), of_type("worst")), (2, 2, 2));

    let (_, records) = run(&[&capture, "--format", "csv"]).csv();
    let has = |row: [&str; 4]| records.iter().any(|record| record.iter().eq(row));
    assert!(has(["state", "CLOSED", "ends", "4"]));
    assert!(has(["talker", "192.0.2.1", "packets", "16"]));
    assert!(has(["worst", "tcp 1", "failure", "refused"]));

    let text = run(&[&capture]).text();
    assert!(text.contains("\n  TCP ends      4 CLOSED, 2 ESTABLISHED\n"), "{text}");
    assert!(text.contains("\nTop talkers  conversations  packets "), "{text}");
    // The worst conversations stand where causes leave room for them.
    let refusal = folder.file("b.pcap", &pcap(&segments[9..11]));
    let worst = "\nWorst conversations\n  tcp 0  192.0.2.1:40001 → 192.0.2.2:80  refused\n";
    assert!(run(&[&refusal]).text().contains(worst));
    assert!(text.contains(" --streams --sort stalled\n"), "{text}");
    assert_eq!(text, run(&[&capture, "--threads", "3"]).text());
}

#[test]
fn too_many_ends_in_a_state_are_flagged_with_their_host() {
    let folder = Folder::new();
    let half_open: Vec<_> =
        (0..501).flat_map(|n| opening(20_000 + n, 1000 * u64::from(n)).into_iter().take(2)).collect();
    let capture = folder.file("a.pcap", &pcap(&half_open));
    let text = run(&[&capture]).text();
    assert!(text.contains("501 SYN-RECV, above 500, 501 of them at 192.0.2.2: "), "{text}");
    let fewer = folder.file("b.pcap", &pcap(&half_open[2..]));
    assert!(!run(&[&fewer]).text().contains("above 500"));
    let json = run(&[&capture, "--format", "json"]).json();
    let flagged: Vec<_> = json["conversations"]["states"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|s| s["exceeded"] == true)
        .collect();
    assert_eq!(
        flagged,
        [&serde_json::json!({
            "state": "SYN-RECV", "ends": 501, "threshold": 500, "exceeded": true,
            "most_at": {"address": "192.0.2.2", "ends": 501},
        })]
    );
}

/// One that ended long before the capture did has given its port back.
#[test]
fn only_time_waits_of_the_last_minute_are_held_against_the_ports() {
    let folder = Folder::new();
    let mut closed = Vec::new();
    for n in 0..10_001 {
        let opened = opening(20_000 + n, u64::from(n));
        let syn = opened[0];
        let answer = Segment { micros: syn.micros + 2, from_client: false, ..opened[1] };
        let fin = Segment { micros: syn.micros + 3, flags: FIN | ACK, ..opened[2] };
        let fin_back = Segment {
            micros: syn.micros + 4,
            from_client: false,
            seq: 5001,
            ack: 1002,
            flags: FIN | ACK,
            ..fin
        };
        let last = Segment { micros: syn.micros + 5, seq: 1002, ack: 5002, flags: ACK, ..fin };
        closed.extend([syn, answer, fin, fin_back, last]);
    }
    let line = "10,001 TIME-WAIT in the last 60 s, above 10,000, 10,001 of them at 192.0.2.1: ";
    let text = run(&[&folder.file("a.pcap", &pcap(&closed))]).text();
    assert!(text.contains(line), "{text}");
    // 60 s after the last packet of all but the first.
    closed.extend(opening(40_000, 60_000_006).into_iter().take(1));
    let capture = folder.file("b.pcap", &pcap(&closed));
    assert!(!run(&[&capture]).text().contains("in the last 60 s"));
    let json = run(&[&capture, "--format", "json"]).json();
    let states = json["conversations"]["states"].as_array().unwrap();
    let time_wait = states.iter().find(|s| s["state"] == "TIME-WAIT").unwrap();
    let expected = serde_json::json!({
        "state": "TIME-WAIT", "ends": 10_001, "recent": 10_000, "threshold": 10_000, "exceeded": false,
    });
    assert_eq!(time_wait, &expected);
}

//! `--diagnoses`, and the diagnoses of the plain report.

use serde_json::Value;

use crate::support::*;

const SLOW: &str = "web-slow.pcap";

fn diagnoses(arguments: &[&str]) -> Vec<Value> {
    let options = ["--diagnoses", "--format", "json"];
    let json = run(&[&[corpus(SLOW).as_str()], &options[..], arguments].concat()).json();
    json["diagnoses"].as_array().unwrap().clone()
}

fn codes(all: &[Value]) -> Vec<&str> {
    all.iter().map(|one| one["code"].as_str().unwrap()).collect()
}

#[test]
fn every_format_lists_the_same() {
    let capture = corpus(SLOW);
    let json = run(&[&capture, "--diagnoses", "--format", "json"]).json();
    let mut keys: Vec<_> = json.as_object().unwrap().keys().collect();
    keys.sort();
    assert_eq!(keys, ["capture", "diagnoses", "notes", "quality", "schema_version"]);
    let all = json["diagnoses"].as_array().unwrap();
    assert_eq!(all[0]["code"], "PERF-01");
    let lost = |one: &Value| one["lost_time_ns"].as_i64().unwrap();
    assert!(all.windows(2).all(|two| lost(&two[0]) >= lost(&two[1])));

    let lines = run(&[&capture, "--diagnoses", "--format", "jsonl"]).json_lines();
    let types: Vec<_> = lines.iter().map(|line| line["type"].as_str().unwrap()).collect();
    let gates = json["quality"].as_array().unwrap().len();
    assert!(gates > 0);
    assert_eq!((types[0], types[types.len() - 1]), ("header", "summary"));
    assert!(types[1..=gates].iter().all(|of| *of == "quality"), "{types:?}");
    assert!(types[gates + 1..types.len() - 1].iter().all(|of| *of == "diagnosis"), "{types:?}");
    assert_eq!(types.len(), 2 + gates + all.len());
    assert_eq!(lines[gates + 1]["summary"], all[0]["summary"]);

    let answer = run(&[&capture, "--diagnoses", "--format", "csv"]);
    assert!(answer.stderr.contains("note: Q-01"), "{}", answer.stderr);
    let mut reader = csv::Reader::from_reader(&*answer.stdout);
    assert_eq!(reader.headers().unwrap().iter().next(), Some("code"));
    let records: Vec<csv::StringRecord> = reader.records().map(|record| record.unwrap()).collect();
    assert_eq!(records.len(), all.len());
    let row = &records[0];
    assert_eq!((&row[0], &row[1], &row[2]), ("PERF-01", "receiver-not-reading", "error"));
    assert_eq!((&row[5], &row[6], &row[7]), ("10.0.0.2:57012", "192.0.2.80:80", "tcp:2"));
    assert_eq!(row[10], lost(&all[0]).to_string());

    let text = run(&[&capture, "--diagnoses"]).text();
    assert!(text.starts_with("Capture quality\n  Q-01 capture-drops: "), "{text}");
    let order: Vec<_> =
        text.lines().filter(|line| line.starts_with("error") || line.starts_with("warn")).collect();
    let expected: Vec<_> = all.iter().filter(|one| one.get("explained_by").is_none()).collect();
    assert_eq!(order.len(), expected.len(), "{text}");
    for (line, one) in order.iter().zip(expected) {
        assert!(line.contains(one["name"].as_str().unwrap()), "{line}");
        assert!(text.contains(one["filter"].as_str().unwrap()), "{text}");
    }
    for line in text.lines() {
        let copied = line.starts_with("  filter") || line.contains(": ");
        assert!(copied || line.chars().count() <= 100, "{line}");
    }
}

#[test]
fn the_filter_of_a_diagnosis_shows_its_frames() {
    let capture = corpus(SLOW);
    for one in diagnoses(&["--min-confidence", "low"]) {
        let proof = one["evidence"].as_array().unwrap();
        let mut frames: Vec<_> = proof.iter().map(|of| of["frame"].as_u64().unwrap().to_string()).collect();
        frames.dedup();
        let filter = one["filter"].as_str().unwrap();
        let options = ["--packets", "--fields", "frame.number", "--format", "csv", "--filter", filter];
        let (_, records) = run(&[&[capture.as_str()], &options[..]].concat()).csv();
        frames.sort_by_key(|frame| frame.parse::<u64>().unwrap());
        frames.dedup();
        assert_eq!(records.concat(), frames, "{filter}");
    }
}

#[test]
fn confidence_chooses() {
    let [low, medium, high] = ["low", "medium", "high"].map(|least| diagnoses(&["--min-confidence", least]));
    assert_eq!(medium, diagnoses(&[]));
    let of = |words: &[&str]| {
        let is_one = |one: &&Value| words.contains(&one["confidence"].as_str().unwrap());
        low.iter().filter(is_one).cloned().collect::<Vec<_>>()
    };
    assert_eq!((&medium, &high), (&of(&["medium", "high"]), &of(&["high"])));
    assert!(medium.len() > high.len() && !high.is_empty());
    let capture = corpus(SLOW);
    let left_out = format!("{} of lower confidence: --min-confidence low\n", low.len() - high.len());
    for view in [&[][..], &["--diagnoses"]] {
        let text = |least: &str| run(&[&[capture.as_str(), "--min-confidence", least], view].concat()).text();
        assert!(text("high").contains(&left_out) && !text("low").contains("--min-confidence low"));
    }
}

#[test]
fn what_another_explains_is_folded_in_text_and_told_to_machines() {
    let folder = Folder::new();
    let capture = folder.file("a.pcap", &pcap(&trouble()));
    let json = run(&[&capture, "--diagnoses", "--format", "json"]).json();
    let all = json["diagnoses"].as_array().unwrap();
    let explained: Vec<_> = all.iter().filter(|one| one.get("explained_by").is_some()).collect();
    assert!(!explained.is_empty() && explained.len() < all.len(), "{all:?}");
    let name = explained[0]["name"].as_str().unwrap();
    let text = |options: &[&str]| run(&[&[capture.as_str(), "--diagnoses"], options].concat()).text();
    assert!(
        !text(&[]).contains(name)
            && text(&[]).contains("explain")
            && text(&[]).contains(": --diagnoses --all\n")
    );
    let unfolded = text(&["--all"]);
    assert!(unfolded.contains(name) && unfolded.contains("\n  explained by"), "{unfolded}");
}

#[test]
fn thresholds_decide_and_are_printed() {
    let slow = |options: &[&str]| codes(&diagnoses(options)).contains(&"LOSS-03");
    assert!(slow(&[]) && !slow(&["--threshold", "timeout-share=99%"]));
    let with = diagnoses(&["--threshold", "timeout-share=2.5%"]);
    let one = with.iter().find(|one| one["code"] == "LOSS-03").unwrap();
    assert_eq!(one["thresholds"][0], serde_json::json!({"name": "timeout-share", "value": "2.5 %"}));
    let capture = corpus(SLOW);
    // The report takes them, too.
    let report = run(&[&capture, "--threshold", "timeout-share=99%"]).text();
    assert!(report.contains("PERF-01") && !report.contains("LOSS-03"), "{report}");
    for (argument, message) in [
        ("timeout-shar=1%", "did you mean timeout-share"),
        ("timeout-share=1", "a share of at most 100%"),
        ("zero-window=200", "a time above 0 with its unit"),
        ("syn-attempts=0", "a number above 0"),
    ] {
        let refused = run(&[&capture, "--diagnoses", "--threshold", argument]).failure();
        assert!(refused.contains(message), "{refused}");
    }
}

#[test]
fn a_filter_chooses_by_evidence_and_by_conversation() {
    let of = |filter: &str| diagnoses(&["--filter", filter]);
    let all = diagnoses(&[]);
    assert_eq!(of("frame"), all);
    assert_eq!(codes(&of("frame.number == 49")), ["PERF-01"]);
    // No frame of its evidence, but of its conversation.
    assert_eq!(codes(&of("tcp.stream == 2 and tcp.flags.syn == 1")), ["PERF-01"]);
    assert_eq!(codes(&of("tcp.port == 8443")), ["CONN-02"]);
    assert!(of("dns").is_empty());
    let capture = corpus(SLOW);
    let text = run(&[&capture, "--diagnoses", "--filter", "dns"]).text();
    assert!(text.contains("no diagnosis is about a packet that matches the filter"), "{text}");
    let report = run(&[&capture, "--filter", "tcp.port == 8443"]).text();
    assert!(report.contains("CONN-02: ") && !report.contains("PERF-01: "), "{report}");
    let report = run(&[&capture, "--filter", "dns"]).text();
    assert!(report.contains("none is about a packet that matches"), "{report}");
    // The gate looks at the whole.
    run(&[&capture, "--diagnoses", "--filter", "dns", "--fail-on", "error"]).status(1);
}

#[test]
fn the_gate_looks_at_diagnoses() {
    let folder = Folder::new();
    let good = folder.file("good.pcap", &pcap(&opening(40_000, 0)));
    let slow = corpus(SLOW);
    for view in [&[][..], &["--diagnoses"]] {
        for (capture, options, status) in [
            (&slow, &["--fail-on", "error"][..], 1),
            (&slow, &["--fail-on", "note", "--format", "json"], 1),
            (&good, &["--fail-on", "note", "--min-confidence", "low"], 0),
        ] {
            run(&[&[capture.as_str()], view, options].concat()).status(status);
        }
    }
    // Only what is sure enough trips it: here all that is left is a warning.
    let warned = folder.file("warned.pcap", &pcap(&trouble()));
    let gate = |options: &[&str]| run(&[&[warned.as_str(), "--fail-on", "error"], options].concat()).status;
    assert_eq!((gate(&[]), gate(&["--threshold", "zero-window=1min", "--min-confidence", "high"])), (1, 0));
}

#[test]
fn nothing_found_is_said_with_care() {
    let folder = Folder::new();
    let good = folder.file("good.pcap", &pcap(&opening(40_000, 0)));
    let text = run(&[&good, "--diagnoses"]).text();
    assert_eq!(text, "no cause of trouble found in 5 packets\n");
    assert!(run(&[&good]).text().contains("\nDiagnoses\n  no cause of trouble found in 5 packets\n"));
    // From the middle of a conversation.
    let rest = folder.file("rest.pcap", &pcap(&trouble()[3..5]));
    let text = run(&[&rest, "--diagnoses"]).text();
    assert!(text.contains("Q-05") && text.contains("no cause of trouble is visible in 2 packets"), "{text}");
}

#[test]
fn the_report_fits_a_screen() {
    for name in
        [SLOW, "connection-refused.pcap", "http-exchange.pcap", "dns-lookups.pcap", "every-state.pcap"]
    {
        let text = run(&[&corpus(name)]).text();
        assert!(text.lines().count() <= 45, "{name}: {text}");
        let section = |heading: &str| text.find(heading).unwrap_or_else(|| panic!("{heading} in {text}"));
        assert!(section("Capture\n") < section("\nCapture quality\n"));
        assert!(section("\nCapture quality\n") < section("\nDiagnoses"));
        assert!(section("\nDiagnoses") < section("\nFindings"));
    }
}

#[test]
fn the_report_tells_machines_of_causes() {
    let capture = corpus(SLOW);
    let json = run(&[&capture, "--format", "json"]).json();
    let listed = run(&[&capture, "--diagnoses", "--format", "json"]).json();
    assert_eq!((&json["diagnoses"], &json["quality"]), (&listed["diagnoses"], &listed["quality"]));
    let lines = run(&[&capture, "--format", "jsonl"]).json_lines();
    let of = |kind: &str| lines.iter().filter(|line| line["type"] == kind).count();
    assert_eq!(of("diagnosis"), json["diagnoses"].as_array().unwrap().len());
    assert_eq!(of("quality"), json["quality"].as_array().unwrap().len());
    let (_, records) = run(&[&capture, "--format", "csv"]).csv();
    let has = |row: [&str; 4]| records.iter().any(|record| record.iter().eq(row));
    assert!(has(["diagnosis", "PERF-01", "confidence", "high"]));
    assert!(records.iter().any(|record| record[0] == "quality" && record[1] == "Q-01"));
}

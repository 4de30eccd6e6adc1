//! `--dns`, `--tls`, `--http`: a row a transaction.

use std::collections::HashMap;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::*;

const VIEWS: [&str; 3] = ["dns", "tls", "http"];

/// Rows of a view in JSON.
fn rows(capture: &str, view: &str) -> Vec<Value> {
    let json = run(&[capture, &format!("--{view}"), "--format", "json"]).json();
    json[view].as_array().unwrap().clone()
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn lookups_have_a_line_each() {
    let text = run(&[&corpus("dns-lookups.pcap"), "--dns"]).text();
    assert_eq!(
        lines(&text),
        [
            "stream client → server start tries latency type name answer frames",
            "udp 0 10.0.0.2:51000 → 10.0.0.53:53 0.000 1 12.0 ms A shop.example 192.0.2.80 1–2",
            "udp 1 10.0.0.2:51001 → 10.0.0.53:53 0.015 1 12.0 ms A missing.example NXDOMAIN 3–4",
            "udp 2 10.0.0.2:51002 → 10.0.0.53:53 0.030 1 12.0 ms A broken.example SERVFAIL 5–6",
            "udp 3 10.0.0.2:51010 → 10.0.0.53:53 0.045 3 6.50 s A slow.example 192.0.2.80 7–10",
            "udp 4 10.0.0.2:51011 → 10.0.0.53:53 6.550 - - A unasked.example unasked answer, 192.0.2.80 11",
        ]
    );
}

#[test]
fn a_lookup_in_json_has_numbers_and_null_for_what_is_unknown() {
    let lookups = rows(&corpus("dns-lookups.pcap"), "dns");
    let slow = &lookups[3];
    for (key, value) in [
        ("protocol", json!("udp")),
        ("stream", json!(3)),
        ("client", json!("10.0.0.2:51010")),
        ("server", json!("10.0.0.53:53")),
        ("service", json!("DNS")),
        ("name", json!("slow.example")),
        ("record_type", json!("A")),
        ("outcome", json!("answered")),
        ("rcode", json!("NOERROR")),
        ("addresses", json!(["192.0.2.80"])),
        ("aliases", json!([])),
        ("tries", json!(3)),
        ("latency_ns", json!(6_500_000_000_i64)),
        ("query_frame", json!(7)),
        ("response_frame", json!(10)),
        ("waited_ns", json!(null)),
    ] {
        assert_eq!(slow[key], value, "{key} of {slow}");
    }
    assert!(slow["start"].as_str().unwrap().ends_with(".045000000"), "{slow}");
    let unasked = &lookups[4];
    assert_eq!((&unasked["outcome"], &unasked["query_frame"]), (&json!("unasked"), &json!(null)));
}

/// Of each row of `--dns`: latency, type, name, answer.
fn answers(capture: &str) -> Vec<String> {
    let text = run(&[&corpus(capture), "--dns"]).text();
    let mut lines = text.lines();
    let heading: Vec<char> = lines.next().unwrap().chars().collect();
    let place =
        |word: &str| heading.windows(word.len()).position(|w| w.iter().copied().eq(word.chars())).unwrap();
    let (from, to) = (place("  latency"), place("  frames"));
    let cut = |line: &str| line.chars().skip(from).take(to - from).collect::<String>();
    lines.map(|line| self::lines(&cut(line)).concat()).collect()
}

#[test]
fn lookups_of_every_kind_say_what_they_came_to() {
    assert_eq!(
        answers("dns-answers.pcap"),
        [
            "4.00 ms MX nomail.example .",
            "4.00 ms HTTPS svc.example .",
            "4.00 ms A dangling.example gone.example → no data",
            "4.00 ms A circle.example other.example → circle.example → a circle",
            "4.00 ms TXT alias.example text.example → 1 record",
            "4.00 ms CNAME alias.example text.example",
            "4.00 ms A pool.example 192.0.2.0, 192.0.2.1, 192.0.2.2 and 97 more",
            "4.00 ms LOC here.example 1 record",
            "4.00 ms NULL any.example 1 record",
            "4.00 ms A one.example + AAAA two.example FORMERR",
            "4.00 ms STATUS (no question) NOERROR",
            "-3.00 s A clock.example 192.0.2.1",
        ]
    );
    let rows = rows(&corpus("dns-answers.pcap"), "dns");
    for (row, key, value) in [
        (0, "names", json!(["."])),
        (9, "more_questions", json!(["AAAA two.example"])),
        (10, "name", json!(null)),
        (10, "record_type", json!(null)),
        (11, "latency_ns", json!(-3_000_000_000_i64)),
    ] {
        assert_eq!(rows[row][key], value, "{key} of {}", rows[row]);
    }
    assert_eq!(
        answers("dns-codes.pcap")[8..],
        ["4.00 ms UPDATE SOA shop.example REFUSED", "4.00 ms NOTIFY SOA shop.example NOERROR"]
    );
    // A note on standard error says what was cut.
    let snapped = run(&[&corpus("dns-snapped.pcap"), "--dns"]).status(0).stdout;
    let snapped = String::from_utf8(snapped).unwrap();
    assert!(snapped.contains("  (not captured)  ") && !snapped.contains("TYPE0"), "{snapped}");
}

#[test]
fn lookups_tell_who_answered_and_which_belong_together() {
    assert_eq!(
        answers("dns-groups.pcap"),
        [
            "1.00 ms A fileserver 10.0.0.8",
            "60.0 ms PTR _ipp._tcp.local Office._ipp._tcp.local, Hall._ipp._tcp.local, by 10.0.0.9, 10.0.0.8",
            "20.0 ms A printer.local 10.0.0.9, by 10.0.0.9",
            "3.00 ms A printer.local 10.0.0.9, by 10.0.0.9",
            "- ANY new.local no answer (multicast)",
            "2.00 ms A fileserver truncated, by 10.0.0.8",
        ]
    );
    let groups = rows(&corpus("dns-groups.pcap"), "dns");
    assert_eq!((&groups[0]["service"], &groups[0]["protocol"]), (&json!("LLMNR"), &json!("tcp")));
    assert_eq!(groups[1]["responders"], json!(["10.0.0.9:5353", "10.0.0.8:5353"]));
    let search = rows(&corpus("dns-search-list.pcap"), "dns");
    let after: Vec<_> = search.iter().map(|row| row["search_after_frame"].as_i64()).collect();
    assert_eq!(after, [None, None, Some(1), Some(2), Some(5), Some(6), Some(9), Some(10)]);
    let text = answers("dns-search-list.pcap");
    assert!(text[7].ends_with("2001:db8:2::80, search list after frame 10"), "{text:?}");
}

#[test]
fn answers_out_of_order_are_named_and_no_phase_is_negative() {
    let capture = corpus("http-answers.pcap");
    let text = lines(&run(&[&capture, "--http"]).text());
    for words in [
        " GET shop.example/first 200, captured before its request 4–5",
        " 408, while no request was open 19",
        " GET shop.example/again no answer before the server's reset 29",
        " GET shop.exam/half no answer before the client's FIN 35",
    ] {
        assert!(text.iter().any(|line| line.ends_with(words)), "{words}: {text:#?}");
    }
    let requests = rows(&capture, "http");
    let first = &requests[0];
    assert_eq!((&first["ttfb_ns"], &first["disorder"]), (&json!(null), &json!("capture_order")));
    assert_eq!((&requests[1]["disorder"], &requests[4]["outcome"]), (&json!(null), &json!("unsolicited")));
    for row in &requests {
        for (key, value) in row.as_object().unwrap().iter().filter(|(key, _)| key.ends_with("_ns")) {
            assert!(value.as_i64().is_none_or(|ns| ns >= 0), "{key} of {row}");
        }
    }
    // The CSV leaves the same cells empty.
    let csv = run(&[&capture, "--http", "--format", "csv"]).text();
    assert!(!csv.contains(",-"), "{csv}");
    let found = run(&[&capture, "--findings"]).text();
    for sentence in [
        "a response while no request was open: 408 Request Timeout",
        "GET shop.exam/half was neither complete nor answered: the client closed the connection",
    ] {
        assert!(found.contains(sentence), "{found}");
    }
    // Of one direction only, nobody is blamed.
    let capture = corpus("http-one-sided.pcap");
    assert!(rows(&capture, "http").iter().all(|row| row["outcome"] == json!("not_captured")));
    assert!(!run(&[&capture, "--findings"]).text().contains("netanalyze.http"));
}

#[test]
fn a_request_has_the_phases_that_its_time_went_to() {
    let requests = rows(&corpus("web-slow.pcap"), "http");
    let phases = ["dns_ns", "connect_ns", "tls_ns", "send_ns", "ttfb_ns", "transfer_ns", "total_ns"];
    let of = |n: usize| phases.map(|phase| requests[n][phase].as_i64().map(|ns| ns / 1_000));
    // Looked up, connected, asked.
    assert_eq!(
        of(0),
        [Some(9_000), Some(28_060), None, Some(0), Some(34_000), Some(15), Some(71_475)],
        "{}",
        requests[0]
    );
    // The address came from a cache: no lookup within the second before.
    assert_eq!(of(2)[0], None);
    assert!(of(2)[3].is_some_and(|send| send > 2_000_000), "the upload took most of the time");
    let first = &requests[0];
    for (key, value) in [
        ("kind", json!("request")),
        ("method", json!("GET")),
        ("host", json!("shop.example")),
        ("path", json!("/")),
        ("status", json!(200)),
        ("outcome", json!("answered")),
        ("number", json!(1)),
        ("dns_name", json!("shop.example")),
        ("dns_frame", json!(2)),
        ("request_frame", json!(6)),
        ("response_end_frame", json!(9)),
    ] {
        assert_eq!(first[key], value, "{key} of {first}");
    }
    // The last one is never answered.
    let last = requests.last().unwrap();
    assert_eq!((&last["outcome"], &last["ended_by"]), (&json!("unanswered"), &json!("capture_end")));
    assert_eq!(last["by"], json!(null));
    assert_eq!((&last["status"], &last["total_ns"]), (&json!(null), &json!(null)));
    // Later requests of a connection have no phases before theirs.
    let later: Vec<_> = requests.iter().filter(|row| row["number"] != json!(1)).collect();
    assert!(!later.is_empty());
    for row in later {
        assert_eq!((&row["dns_ns"], &row["connect_ns"]), (&json!(null), &json!(null)), "{row}");
    }
}

#[test]
fn every_format_tells_the_same() {
    let captures = ["web-slow.pcap", "dns-lookups.pcap", "dns-over-tcp.pcap", "http-persistent-ipv6.pcap"];
    for (capture, view) in captures.iter().flat_map(|capture| VIEWS.map(|view| (corpus(capture), view))) {
        let option = format!("--{view}");
        let json = run(&[&capture, &option, "--format", "json"]).json();
        assert_eq!(json["schema_version"], 1);
        assert!(json["notes"].is_array() && json["capture"]["packets"].is_u64());
        let rows = json[view].as_array().unwrap();

        let lines = run(&[&capture, &option, "--format", "jsonl"]).json_lines();
        assert_eq!((&lines[0]["type"], &lines[0]["view"]), (&json!("header"), &json!(view)));
        assert_eq!(lines.last().unwrap()["type"], "summary");
        assert_eq!(lines.len(), rows.len() + 2);

        let (header, records) = run(&[&capture, &option, "--format", "csv"]).csv();
        assert_eq!(records.len(), rows.len());
        let safe = run(&[&capture, &option, "--format", "csv", "--csv-safe"]).csv();
        assert_eq!((&header, &records), (&safe.0, &safe.1));
        for (place, row) in rows.iter().enumerate() {
            let mut line = lines[place + 1].clone();
            assert!(line.as_object_mut().unwrap().remove("type").is_some());
            assert_eq!(&line, row);
            let cells: HashMap<_, _> = header.iter().zip(&records[place]).collect();
            assert_eq!(cells.len(), row.as_object().unwrap().len());
            for (key, value) in row.as_object().unwrap() {
                let text = match value {
                    Value::Null => String::new(),
                    Value::String(text) => text.clone(),
                    Value::Array(all) => {
                        all.iter().map(|one| one.as_str().unwrap()).collect::<Vec<_>>().join(",")
                    }
                    other => other.to_string(),
                };
                assert_eq!(cells[key], &text, "{key} of row {place} of {capture} {option}");
            }
        }
        let text = run(&[&capture, &option]).text();
        let lines = if rows.is_empty() { 1 } else { rows.len() + 1 };
        assert_eq!(text.lines().count(), lines, "{text}");
    }
}

#[test]
fn nothing_to_list_is_an_answer_in_every_format() {
    let capture = corpus("icmp-echo.pcap");
    for (view, rows) in
        [("dns", "DNS lookups"), ("tls", "TLS handshakes"), ("http", "HTTP requests or TLS connections")]
    {
        let option = format!("--{view}");
        let text = run(&[&capture, &option]).text();
        assert!(text.starts_with(&format!("no {rows} in ")), "{text}");
        let json = run(&[&capture, &option, "--format", "json"]).json();
        assert_eq!(json[view], json!([]));
        assert_eq!(run(&[&capture, &option, "--format", "jsonl"]).json_lines().len(), 2);
        assert_eq!(run(&[&capture, &option, "--format", "csv"]).csv().1.len(), 0);
    }
}

#[test]
fn threads_change_nothing() {
    // A set of several batches, in which the same ports come again and again.
    let one = corpus("web-slow.pcap");
    let set = vec![one.as_str(); 40];
    for view in VIEWS {
        for format in ["text", "json", "csv"] {
            let with = |threads| {
                let option = format!("--{view}");
                let options = [option.as_str(), "--format", format, "--threads", threads];
                run(&[&set[..], &options].concat()).status(0).stdout
            };
            let one = with("1");
            assert!(one == with("2"), "{view} {format}");
            assert!(one == with("5"), "{view} {format}");
        }
    }
}

fn recorded(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../corpus/recorded").join(name);
    path.display().to_string()
}

#[test]
fn a_tls_connection_is_listed_as_such_or_by_its_requests() {
    for name in ["keylog-tls13-aes", "keylog-tls12-gcm"] {
        let (capture, keys) = (recorded(&format!("{name}.pcap")), recorded(&format!("{name}.keys")));
        let rows = |options: &[&str]| {
            let json = run(&[&[capture.as_str(), "--http", "--format", "json"], options].concat()).json();
            json["http"].as_array().unwrap().clone()
        };
        let shut = rows(&[]);
        assert_eq!(shut.len(), 1, "{shut:?}");
        let tls = &shut[0];
        assert_eq!((&tls["kind"], &tls["outcome"]), (&json!("tls"), &json!("completed")), "{tls}");
        assert_eq!(
            (&tls["method"], &tls["status"], &tls["ttfb_ns"]),
            (&json!(null), &json!(null), &json!(null))
        );
        assert!(tls["connect_ns"].is_u64() && tls["tls_ns"].is_u64() && tls["total_ns"].is_u64(), "{tls}");
        // With keys the request takes its place, and has the handshake among its phases.
        let open = rows(&["--keylog", &keys]);
        assert_eq!(open.len(), 1, "{open:?}");
        let request = &open[0];
        assert_eq!(
            (&request["kind"], &request["method"], &request["status"]),
            (&json!("request"), &json!("GET"), &json!(200))
        );
        for phase in ["connect_ns", "tls_ns"] {
            assert_eq!(request[phase], tls[phase], "{phase}");
        }
        let ns = |phase: &str| request[phase].as_u64().unwrap();
        let sum = ["connect_ns", "tls_ns", "send_ns", "ttfb_ns", "transfer_ns"].map(ns).iter().sum::<u64>();
        assert!(sum <= ns("total_ns"), "{request}");
    }
}

#[test]
fn handshakes_have_a_line_each() {
    let capture = recorded("keylog-tls13-aes.pcap");
    let text = run(&[&capture, "--tls"]).text();
    let lines = lines(&text);
    assert_eq!(
        lines[0],
        "stream client → server start connect hello handshake data version server name outcome frames"
    );
    assert!(lines[1].starts_with("tcp 0 127.0.0.1:53486 → 127.0.0.1:443 0.000 "), "{text}");
    assert!(lines[1].ends_with(" TLS 1.3 example.test completed 4–9"), "{text}");
    let tls = &rows(&capture, "tls")[0];
    assert_eq!(tls["certificate_subject"], json!(null), "encrypted");
    let keys = recorded("keylog-tls13-aes.keys");
    let json = run(&[&capture, "--tls", "--format", "json", "--keylog", &keys]).json();
    let tls = &json["tls"][0];
    for (key, value) in [
        ("sni", json!("example.test")),
        ("version", json!("TLS 1.3")),
        ("outcome", json!("completed")),
        ("stage", json!("finished")),
        ("resumed", json!(false)),
        ("certificate_issuer", json!("CN=example.test")),
        ("decrypted", json!(true)),
        ("client_hello_frame", json!(4)),
        ("alerts", json!([])),
    ] {
        assert_eq!(tls[key], value, "{key} of {tls}");
    }
    let after = tls["certificate_not_after"].as_str().unwrap();
    assert!(after.ends_with(".000000000") && after > tls["start"].as_str().unwrap(), "{tls}");
}

/// A pcap file of one DNS query over UDP for a name of these labels.
fn query(labels: &[&[u8]]) -> Vec<u8> {
    let mut message = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in labels {
        message.push(label.len() as u8);
        message.extend(*label);
    }
    message.extend([0, 0, 1, 0, 1]);
    let udp_len = (8 + message.len()) as u16;
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0];
    frame.extend((20 + udp_len).to_be_bytes());
    frame.extend([0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 53]);
    frame.extend([50_000, 53, udp_len, 0].map(u16::to_be_bytes).concat());
    frame.extend(message);
    let record = [1_700_000_000, 0, frame.len() as u32, frame.len() as u32].map(u32::to_le_bytes).concat();
    [pcap(&[]), record, frame].concat()
}

#[test]
fn names_do_no_harm_wherever_they_are_shown() {
    let folder = Folder::new();
    let evil = folder.file("evil.pcap", &query(&[b"=cmd|'/c calc'!A1", b"\x1b]0;evil\x07\xff", b"a,\"b"]));
    let text = run(&[&evil, "--dns"]).text();
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text}");
    assert!(text.contains("\\u{1b}]0;evil\\u{7}\\xff"), "{text}");
    let row = rows(&evil, "dns").remove(0);
    assert_eq!(row["name"], "=cmd|'/c calc'!A1.\u{1b}]0;evil\u{7}\\xff.a,\"b");
    let (header, records) = run(&[&evil, "--dns", "--format", "csv"]).csv();
    let name = header.iter().position(|column| column == "name").unwrap();
    assert_eq!(records[0][name], "'=cmd|'/c calc'!A1.\\u{1b}]0;evil\\u{7}\\xff.a,\"b");
    // The query is never answered.
    assert_eq!((&row["outcome"], &row["latency_ns"]), (&json!("unanswered"), &json!(null)));
}

#[test]
fn what_is_slow_can_be_chosen_and_is_said() {
    let found = |name: &str, options: &[&str], id: &str| {
        let capture = corpus(name);
        let arguments = [&[capture.as_str(), "--findings", "--format", "json"], options].concat();
        let findings = run(&arguments).json()["findings"].as_array().unwrap().clone();
        let messages = findings.iter().filter(|finding| finding["id"] == id);
        messages.map(|finding| finding["message"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let slow = "netanalyze.dns.slow_answer";
    assert_eq!(found("dns-lookups.pcap", &[], slow).len(), 1);
    assert_eq!(found("dns-lookups.pcap", &["--dns-slow", "7"], slow).len(), 0);
    let all = found("dns-lookups.pcap", &["--dns-slow", "0.01"], slow);
    assert_eq!(all.len(), 4);
    assert!(all.iter().all(|message| message.contains("threshold 10.0 ms")), "{all:?}");
    let slow = "netanalyze.http.slow";
    let all = found("web-slow.pcap", &["--http-slow", "0.03"], slow);
    assert!(all.len() > found("web-slow.pcap", &[], slow).len(), "{all:?}");
    assert!(all.iter().all(|message| message.contains("30.0 ms on")), "{all:?}");
}

#[test]
fn the_report_counts_transactions() {
    let capture = corpus("dns-lookups.pcap");
    let json = run(&[&capture, "--format", "json"]).json();
    assert_eq!(
        json["transactions"],
        json!({"dns": {"count": 5, "failed": 2}, "tls": {"count": 0, "failed": 0}, "http": {"count": 0, "failed": 0}})
    );
    let text = run(&[&capture]).text();
    assert!(
        text.contains("\n  applications  5 DNS lookups (2 failed)\n") && !text.contains("TLS handshakes"),
        "{text}"
    );
    assert!(text.contains(&format!("\n  netanalyze {capture} --dns\n")), "{text}");
    let lines = run(&[&capture, "--format", "jsonl"]).json_lines();
    assert!(lines.iter().any(|line| line["type"] == "transactions" && line["dns"]["failed"] == 2));
    let (_, records) = run(&[&capture, "--format", "csv"]).csv();
    assert!(records.contains(&["transactions", "dns", "failed", "2"].map(str::to_owned).to_vec()));
    // Where there are none nothing is said.
    assert!(!run(&[&corpus("icmp-echo.pcap")]).text().contains("Applications"));
}

#[test]
fn wrong_options_are_refused_and_the_gate_still_counts() {
    let capture = corpus("web-slow.pcap");
    for arguments in [
        &["--dns", "--tls"][..],
        &["--http", "--streams"],
        &["--tls", "--findings"],
        &["--dns", "--all"],
        &["--dns", "--limit", "1"],
        &["--http", "--sort", "start"],
        &["--http", "--fields", "frame.number"],
        &["--dns", "--follow-format", "hex"],
    ] {
        let answer = run(&[&[capture.as_str()], arguments].concat()).status(2);
        assert!(answer.stdout.is_empty(), "{arguments:?}");
    }
    for view in ["--dns", "--tls", "--http"] {
        assert!(run(&[&capture, view, "--min-severity", "warn"]).failure().contains(view));
        run(&[&capture, view, "--fail-on", "warn"]).status(1);
        run(&[&capture, view, "--fail-on", "error"]).status(0);
    }
    for option in ["--dns-slow", "--dns-timeout", "--tls-slow", "--http-slow"] {
        for value in ["0", "-1", "1e3", "", "9999999999"] {
            let message = run(&[&capture, &format!("{option}={value}")]).failure();
            assert!(message.contains(option) && message.contains("give seconds"), "{message}");
        }
        run(&[&capture, "--findings", option, "0.25"]).status(0);
        run(&["--list-fields", option, "1"]).status(2);
    }
}

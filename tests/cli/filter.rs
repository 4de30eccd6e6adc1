//! `--filter`: which packets and findings are shown, and what is said of filters that are none.

use crate::support::*;

/// Numbers of the frames that match.
fn frames(capture: &str, filter: &str) -> Vec<u64> {
    let run = run(&[
        &corpus(capture),
        "--packets",
        "--fields",
        "frame.number",
        "--format",
        "csv",
        "--filter",
        filter,
    ]);
    let text = String::from_utf8(run.status(0).stdout).unwrap();
    text.lines().skip(1).map(|line| line.parse().unwrap()).collect()
}

/// Each as tshark 4.0.17 -Y.
#[test]
fn shows_the_frames_that_tshark_shows() {
    for (capture, filter, expected) in [
        ("http-exchange.pcap", "http", &[4, 9, 17, 22][..]),
        ("http-exchange.pcap", "http.request.method == \"GET\" && tcp.stream == 1", &[17]),
        ("http-exchange.pcap", "tcp.payload[0:3] == \"GET\"", &[4, 17]),
        ("http-exchange.pcap", "tcp contains \"index\" and not tcp.port in {40002}", &[4]),
        ("http-exchange.pcap", "tcp[13] & 0x02", &[1, 2, 14, 15]),
        ("http-exchange.pcap", "-tcp.srcport == -80 and tcp.len > 1000", &[6, 7, 19, 20]),
        ("dns-lookups.pcap", "dns.flags.rcode != 0", &[4, 6]),
        ("dns-lookups.pcap", "dns.qry.name matches \"^S[hl]\" and udp[0:2] == 00:35", &[2, 10]),
        ("dns-lookups.pcap", "dns.a == 192.0.2.0/24", &[2, 10, 11]),
        ("icmp-unreachable.pcap", "ip.ttl#2 == 64 and icmp.code == 3", &[5]),
        ("icmp-unreachable.pcap", "udp", &[]),
        ("inside-and-outside-a-tunnel.pcap", "count(ip.addr) > 2 and tcp.flags.syn == 1", &[2, 4]),
        ("tunnel-gre.pcap", "not gre", &[]),
        ("connection-refused.pcap", "tcp.analysis.reset", &[2, 4]),
        ("connection-refused.pcap", "_ws.expert.severity == Warning", &[2, 4]),
    ] {
        assert_eq!(frames(capture, filter), expected, "{capture}: {filter}");
    }
}

#[test]
fn every_format_of_packets_is_filtered() {
    let folder = Folder::new();
    let capture = folder.file("a.pcap", &pcap(&lossy(40_000, 0, 1)));
    let shown = |format: &str| {
        run(&[
            &capture,
            "--packets",
            "--fields",
            "frame.number,tcp.len",
            "--filter",
            "tcp.len > 0",
            "--format",
            format,
        ])
    };
    assert_eq!(shown("csv").text(), "frame.number,tcp.len\n4,100\n5,500\n6,500\n");
    assert_eq!(shown("text").text().lines().count(), 4);
    assert_eq!(shown("jsonl").json_lines().len(), 5);
    let answer = shown("json").json();
    let numbers: Vec<_> =
        answer["packets"].as_array().unwrap().iter().map(|p| p["frame.number"].as_u64()).collect();
    assert_eq!(numbers, [Some(4), Some(5), Some(6)]);
    // The analysis saw them all.
    assert_eq!(answer["capture"]["packets"], 6);
    let none = run(&[&capture, "--packets", "--filter", "udp", "--format", "json"]).json();
    assert_eq!(none["packets"].as_array().map(Vec::len), Some(0));
    assert!(run(&[&capture, "--packets", "--filter", "udp"]).text().lines().count() <= 1);
}

#[test]
fn findings_are_picked_by_their_frame() {
    let capture = corpus("web-slow.pcap");
    let all = run(&[&capture, "--findings", "--format", "json"]).json();
    let all = all["findings"].as_array().unwrap();
    for (filter, picks) in [
        ("frame.number >= 0", &(|_: u64| true) as &dyn Fn(u64) -> bool),
        ("frame.number < 40", &|frame| frame < 40),
        ("frame.number > 1000", &|_| false),
        ("tcp.stream == 0 or tcp", &|_| true),
    ] {
        let shown = run(&[&capture, "--findings", "--format", "json", "--filter", filter]).json();
        let expected: Vec<_> = all.iter().filter(|f| picks(f["frame"].as_u64().unwrap())).collect();
        assert_eq!(shown["findings"].as_array().unwrap().iter().collect::<Vec<_>>(), expected, "{filter}");
    }
    // What became known only later is about its own frame: a query without an answer.
    let late = corpus("dns-unanswered.pcap");
    let of = |filter: &str| {
        let shown = run(&[&late, "--findings", "--format", "json", "--filter", filter]).json();
        shown["findings"].as_array().unwrap().iter().filter(|f| f["known_at"] != f["frame"]).count()
    };
    assert!(of("dns") > 0);
    assert_eq!((of("not dns"), of("frame.number > 100000")), (0, 0));
}

#[test]
fn folded_findings_count_only_what_is_picked() {
    let capture = corpus("connection-refused.pcap");
    let all = run(&[&capture, "--findings"]).text();
    let one = run(&[&capture, "--findings", "--filter", "frame.number == 4"]).text();
    assert!(all.contains("frame 2") && !one.contains("frame 2") && one.contains("frame 4"), "{one}");
    for more in [&[][..], &["--all"]] {
        let none = run(&[&[capture.as_str(), "--findings", "--filter", "udp"], more].concat()).text();
        assert!(none.starts_with("no finding is about a packet that matches the filter\n"), "{none}");
    }
    // The gate looks at the whole capture.
    run(&[&capture, "--findings", "--filter", "udp", "--fail-on", "warn"]).status(1);
}

#[test]
fn a_filter_that_is_none_is_wrong_usage() {
    let failed = run(&["missing.pcap", "--packets", "--filter", "tcp and tcp.analysis.retransmision"]);
    assert!(failed.status == 2 && failed.stdout.is_empty());
    assert_eq!(
        failed.stderr,
        "netanalyze: --filter: no field is called \"tcp.analysis.retransmision\"; did you mean tcp.analysis.retransmission or \
         dns.retransmission?\n    tcp and tcp.analysis.retransmision\n            ^~~~~~~~~~~~~~~~~~~~~~~~~~\n"
    );
    let escaped =
        run(&["missing.pcap", "--packets", "--filter", "http.host == \"\u{202e}\" x"]).status(2).stderr;
    assert!(escaped.contains("\\u{202e}") && !escaped.contains('\u{202e}'));
    // It is for views of packets and findings only.
    for view in ["--streams", "--dns", "--tls", "--http"] {
        run(&["missing.pcap", view, "--filter", "tcp"]).status(2);
    }
    run(&["missing.pcap", "--filter", "tcp"]).status(2);
}

#[test]
fn an_alias_is_remarked_once() {
    let run = run(&[
        &corpus("connection-refused.pcap"),
        "--packets",
        "--filter",
        "tcp.analysis.reset or tcp.analysis.reset",
    ]);
    let remark = "tcp.analysis.reset is no field of Wireshark's; it is read as tcp.flags.reset == 1";
    assert_eq!(run.stderr.matches(remark).count(), 1);
}

/// Stream numbers of the rows of a view.
fn streams(capture: &str, view: &str, filter: &str) -> Vec<String> {
    let run = run(&[&corpus(capture), view, "--filter", filter, "--format", "csv"]).status(0);
    let text = String::from_utf8(run.stdout).unwrap();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let place = reader.headers().unwrap().iter().position(|name| name == "stream").unwrap();
    reader.records().map(|record| record.unwrap()[place].to_owned()).collect()
}

#[test]
fn conversations_and_transactions_match_by_any_packet_of_theirs() {
    for filter in ["tcp.analysis.flags", "tcp.flags.reset == 1", "frame.number == 49", "tcp.len > 5000"] {
        let shown = ["--packets", "--fields", "tcp.stream", "--format", "csv", "--filter", filter];
        let rows = run(&[&[&*corpus("web-slow.pcap")][..], &shown].concat()).text();
        let mut expected: Vec<_> = rows.lines().skip(1).map(str::to_owned).collect();
        expected.sort();
        expected.dedup();
        assert_eq!(streams("web-slow.pcap", "--streams", filter), expected, "{filter}");
    }
    let http = |filter: &str| streams("web-slow.pcap", "--http", filter);
    assert_eq!(http("tcp.analysis.retransmission"), ["1", "7"]);
    // The request of frame 17 has its response in frame 36: what comes after that is not part of it.
    assert_eq!(http("frame.number == 17"), ["1"]);
    assert_eq!(http("frame.number == 36"), ["1"]);
    assert_eq!(http("frame.number == 37 and tcp.stream == 1"), [""; 0]);
    assert_eq!(http("frame.number in {1..16}"), streams("web-slow.pcap", "--http", "frame.number < 17"));
    let lookups = streams("dns-lookups.pcap", "--dns", "udp").len();
    assert!(lookups > 3);
    assert_eq!(streams("dns-lookups.pcap", "--dns", "frame.number == 2").len(), 1);
    assert_eq!(streams("dns-lookups.pcap", "--tls", "udp"), [""; 0]);
}

#[test]
fn a_report_of_what_matches() {
    let capture = corpus("web-slow.pcap");
    let filter = "tcp.analysis.retransmission or udp";
    let report = run(&[&capture, "--filter", filter, "--format", "json"]).json();
    let whole = run(&[&capture, "--format", "json"]).json();
    let packets = frames("web-slow.pcap", filter);
    assert_eq!(report["capture"], whole["capture"]);
    assert_eq!(report["matching"]["packets"], packets.len());
    assert_eq!(report["matching"]["filter"], filter);
    assert_eq!(
        (&report["matching"]["tcp_streams"], &report["matching"]["udp_streams"]),
        (&2.into(), &1.into())
    );
    let count = |of: &serde_json::Value, list: &str, name: &str, id: &str| {
        of[list].as_array().unwrap().iter().find(|row| row[name] == id).cloned()
    };
    let tcp = count(&report, "protocols", "protocol", "tcp").unwrap();
    assert_eq!((&tcp["packets"], &report["transactions"]["http"]["count"]), (&4.into(), &2.into()));
    let of = |report| count(report, "findings_by_kind", "id", "tcp.analysis.fast_retransmission");
    assert_eq!((of(&report), of(&report).is_some()), (of(&whole), true));
    let resets = |report| count(report, "findings_by_kind", "id", "tcp.connection.rst");
    assert!(resets(&whole).is_some() && resets(&report).is_none());
    assert!(whole.get("matching").is_none() && whole["conversations"].is_object());
    // All of it is the whole.
    let all = run(&[&capture, "--filter", "frame", "--format", "json"]).json();
    for list in ["protocols", "findings_by_kind", "transactions"] {
        assert_eq!(all[list], whole[list], "{list}");
    }
    // What makes a run fail is in the capture, whatever is shown.
    run(&[&capture, "--filter", "udp", "--fail-on", "warn"]).status(1);
    for format in ["text", "jsonl", "csv"] {
        let text = run(&[&capture, "--filter", filter, "--format", format]).text();
        assert!(text.to_lowercase().contains("matching"), "{format}: {text}");
    }
}

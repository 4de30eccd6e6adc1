//! `-w`: what is written, and that nothing half is.

use serde_json::Value;

use crate::support::*;

/// Numbers, in the original, of the packets that are written: they are told apart by times and sequence numbers.
fn written(capture: &str, arguments: &[&str]) -> Vec<usize> {
    let folder = Folder::new();
    let out = folder.file("out.pcapng", b"");
    let run = run(&[&[capture, "-w", &out][..], arguments].concat()).status(0);
    assert_eq!(run.stdout, b"");
    let original = times(capture);
    let times = if run.stderr.contains("wrote 0 of") { Vec::new() } else { times(&out) };
    let said = format!("netanalyze: wrote {} of {} packets to {out}\n", times.len(), original.len());
    assert!(run.stderr.starts_with(&said), "{}", run.stderr);
    let place = |time: &String| original.iter().position(|other| other == time).unwrap() + 1;
    times.iter().map(place).collect()
}

fn times(capture: &str) -> Vec<String> {
    let rows = run(&[
        capture,
        "--packets",
        "--fields",
        "frame.time_epoch,eth.src,tcp.seq_raw,tcp.ack_raw",
        "--format",
        "csv",
    ])
    .status(0);
    String::from_utf8(rows.stdout).unwrap().lines().skip(1).map(str::to_owned).collect()
}

#[test]
fn writes_what_matches_and_what_is_around_it() {
    let capture = corpus("web-slow.pcap");
    let zero = ["--filter", "frame.number == 49"];
    assert_eq!(written(&capture, &zero), [49]);
    let with = |more: &[&'static str]| written(&capture, &[&zero[..], more].concat());
    // The neighbours in the conversation, not in the capture.
    let streams = with(&["--write-streams"]);
    let at = streams.iter().position(|&frame| frame == 49).unwrap();
    assert!(streams.len() > 10 && streams.len() < 60, "{streams:?}");
    assert_eq!(with(&["--write-context", "3"]), streams[at - 3..=at + 3]);
    assert_eq!(with(&["--write-context", "4000000000"]), streams);
    assert_eq!(with(&["--write-context", "0"]), [49]);
    let shown = ["--packets", "--fields", "frame.number", "--format", "csv", "--filter", "tcp.stream == 2"];
    let shown = run(&[&[&*capture][..], &shown].concat()).text();
    assert_eq!(shown.lines().skip(1).map(|line| line.parse().unwrap()).collect::<Vec<usize>>(), streams);
    assert_eq!(written(&capture, &["--filter", "tcp.stream == 9999"]), Vec::<usize>::new());
    assert_eq!(written(&capture, &[]), (1..=89).collect::<Vec<_>>());
}

#[test]
fn packets_without_a_conversation_have_none_around_them() {
    let capture = corpus("arp.pcap");
    let all = times(&capture).len();
    assert!(all > 3);
    for more in [&["--write-streams"][..], &["--write-context", "1"]] {
        let filter = ["--filter", "frame.number == 2"];
        assert_eq!(written(&capture, &[&filter[..], more].concat()), [2]);
    }
}

/// What a capture says, apart from its file.
fn told(capture: &str) -> Option<(Vec<Value>, Value)> {
    let all = ["--findings", "--format", "jsonl", "--min-severity", "chat"];
    let run = run(&[&[capture][..], &all].concat());
    if run.status != 0 {
        return None;
    }
    let text = String::from_utf8(run.stdout).unwrap();
    let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut summary = lines.pop().unwrap();
    let capture = summary["capture"].as_object_mut().unwrap();
    capture.remove("files").unwrap();
    Some((lines, capture.clone().into()))
}

#[test]
fn an_export_of_everything_gives_the_same_findings() {
    let folder = Folder::new();
    let entries = std::fs::read_dir(corpus("")).unwrap();
    let mut captures: Vec<_> = entries.map(|entry| entry.unwrap().path().display().to_string()).collect();
    captures.sort();
    let mut compared = 0;
    for capture in captures {
        let Some(original) = told(&capture) else { continue };
        let ending =
            if std::fs::read(&capture).unwrap().starts_with(b"\n\r\r\n") { "pcapng" } else { "pcap" };
        let out = folder.path().join(format!("out.{ending}")).display().to_string();
        let run = run(&[&capture, "-w", &out]).status(0);
        if run.stderr.contains("were left out") {
            continue;
        }
        compared += 1;
        assert_eq!(told(&out).unwrap(), original, "{capture}");
    }
    assert!(compared > 190, "{compared}");
}

#[test]
fn findings_become_comments() {
    let folder = Folder::new();
    let out = folder.file("out.pcapng.gz", b"");
    // Requests without an answer are known only at the end.
    run(&[&corpus("http-endings.pcap"), "--annotate", "-w", &out]).status(0);
    let findings = run(&[&corpus("http-endings.pcap"), "--findings", "--format", "json"]).json();
    let late = |finding: &&Value| finding["frame"] != finding["known_at"];
    let findings = findings["findings"].as_array().unwrap();
    assert!(findings.iter().any(|finding| late(&finding)) && findings.iter().any(|finding| !late(&finding)));
    let unpacked = folder.path().join("all.pcapng").display().to_string();
    run(&[&out, "-w", &unpacked]).status(0);
    let bytes = std::fs::read(&unpacked).unwrap();
    for finding in findings {
        let word = |key: &str| finding[key].as_str().unwrap();
        let comment = format!("netanalyze: {} {}: {}", word("severity"), word("id"), word("message"));
        assert!(bytes.windows(comment.len()).any(|window| window == comment.as_bytes()), "{comment}");
    }
    let only = folder.path().join("errors.pcapng").display().to_string();
    run(&[&corpus("http-endings.pcap"), "--annotate", "--min-severity", "error", "-w", &only]).status(0);
    assert!(std::fs::metadata(only).unwrap().len() < std::fs::metadata(unpacked).unwrap().len());
}

#[test]
fn a_pipe_is_read_twice_where_that_is_needed() {
    let folder = Folder::new();
    let out = folder.path().join("out.pcapng").display().to_string();
    let capture = corpus("web-slow.pcap");
    let bytes = std::fs::read(&capture).unwrap();
    let more = ["--filter", "tcp.analysis.zero_window", "--write-streams", "--annotate", "-w"];
    run(&[&[&*capture][..], &more, &[&*out]].concat()).status(0);
    let of_file = std::fs::read(&out).unwrap();
    let mut command = command();
    command.arg("-").args(more).arg("-");
    let run = finish(command, Some(&bytes)).status(0);
    assert!(run.stdout == of_file && of_file.len() > 2_000);
    assert!(run.stderr.ends_with("packets to standard output\n"), "{}", run.stderr);
}

#[test]
fn gates_hold_for_what_is_written() {
    let folder = Folder::new();
    let out = folder.path().join("out.pcap").display().to_string();
    let gated = |capture: &str, code| run(&[&corpus(capture), "-w", &out, "--fail-on", "warn"]).status(code);
    gated("web-slow.pcap", 1);
    gated("http-exchange.pcap", 0);
}

#[test]
fn nothing_half_is_left() {
    let folder = Folder::new();
    let here = |name: &str| folder.path().join(name).display().to_string();
    let capture = folder.file("in.pcap", &std::fs::read(corpus("web-slow.pcap")).unwrap());
    let links = folder.file("links.pcapng", &std::fs::read(corpus("pcapng-sections.pcapng")).unwrap());
    let keys =
        folder.file("k.keys", format!("CLIENT_RANDOM {} {}\n", "01".repeat(32), "02".repeat(48)).as_bytes());
    for (arguments, said) in [
        (vec![&*capture, "-w", &capture], "is one of the files to read"),
        (vec![&capture, "--keylog", &keys, "-w", &keys], "is one of the files to read"),
        (vec![&capture, "-w", &here("none/out.pcap")], "No such file"),
        (vec![&capture, "-w", &here("out.pcap.xz")], "-w does not compress to .xz"),
        (vec![&capture, "-w", folder.path().to_str().unwrap()], "it is a directory"),
        (vec![&links, "-w", &here("out.pcap")], "pcap holds packets of one link type"),
        (vec!["/nowhere.pcap", "-w", &here("out.pcap")], "cannot read /nowhere.pcap"),
        (vec![&capture, "-w", "/dev/full"], "No space left"),
        (vec![&capture, "-w", &here("o.pcap"), "--annotate"], "--annotate writes comments"),
        (vec![&capture, "-w", &here("o.pcapng"), "--write-streams"], "give one"),
        (vec![&capture, "-w", &here("o.pcapng"), "--min-severity", "error"], "-w lists none"),
    ] {
        let message = run(&arguments).failure();
        assert!(message.contains(said), "{message}");
    }
    for arguments in [
        &["-w", "o", "-o", "p"][..],
        &["-w", "o", "--findings"],
        &["-w", "o", "--format", "json"],
        &["-w", "o", "--limit", "3"],
        &["--annotate"],
        &["--write-format", "pcap"],
    ] {
        run(&[&[&*capture][..], arguments].concat()).status(2);
    }
    let mut command = command();
    command.args(["-", "-w", &capture]).stdin(std::fs::File::open(&capture).unwrap());
    assert!(
        String::from_utf8(command.output().unwrap().stderr).unwrap().contains("is one of the files to read")
    );
    assert_eq!(folder.names(), ["in.pcap", "k.keys", "links.pcapng"]);
    assert_eq!(std::fs::read(&capture).unwrap(), std::fs::read(corpus("web-slow.pcap")).unwrap());
}

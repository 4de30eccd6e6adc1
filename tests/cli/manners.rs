//! Exit statuses, help, colours, pipes, output files, threads.

use std::io::Read;
use std::process::Stdio;

use crate::support::*;

const FORMATS: [&str; 4] = ["text", "json", "jsonl", "csv"];

/// A capture of several batches with findings of many conversations.
fn large() -> Vec<u8> {
    let one = |n: u16| lossy(20_000 + n, 1_000 * u64::from(n), 40 + u32::from(n % 7));
    let mut segments: Vec<_> = (0..120).flat_map(one).collect();
    segments.sort_by_key(|segment| segment.micros);
    pcap(&segments)
}

fn late(mut segments: Vec<Segment>) -> Vec<Segment> {
    segments.iter_mut().for_each(|segment| segment.micros += 900_000_000);
    segments
}

#[test]
fn wrong_usage_is_status_2_and_says_how() {
    let folder = Folder::new();
    let capture = folder.file("a.pcap", &pcap(&trouble()));
    for arguments in [
        &[][..],
        &["--findings"],
        &[&capture, "--threads", "0"],
        &[&capture, "--findings", "--packets"],
        &[&capture, "--format", "xml"],
        &[&capture, "--all"],
        &[&capture, "--fail-on", "chat"],
        &[&capture, "--list-fields"],
        &[&capture, "--fields", "ip.src"],
        &[&capture, "--findings", "--fields", "ip.src"],
        &["--list-fields", "--fields", "ip.src"],
        &[&capture, "--packets", "--all"],
        &["--explain", "all", "--all"],
        &[&capture, "--csv-safe"],
        &[&capture, "--follow", "0", "--csv-safe"],
        &["--list-fields", "--csv-safe"],
        &["--list-fields", "--min-severity", "warn"],
        &["--explain", "all", "--fail-on", "warn"],
        &["--list-thresholds", "--threshold", "stall=1s"],
        &[&capture, "--list-thresholds"],
        &[&capture, "--findings", "--diagnoses"],
        &[&capture, "--findings", "--min-confidence", "low"],
        &[&capture, "--streams", "--threshold", "stall=1s"],
        &[&capture, "--diagnoses", "--min-confidence", "certain"],
        &[&capture, "--diagnoses", "--limit", "1"],
        &[&capture, "--no-such-option"],
    ] {
        let run = run(arguments).status(2);
        assert!(run.stdout.is_empty(), "{}", run.command);
        assert!(run.stderr.contains("--help") || run.stderr.contains("Usage"), "{}", run.stderr);
    }
}

#[test]
fn nothing_is_accepted_and_ignored() {
    let folder = Folder::new();
    let capture = folder.file("a.pcap", &pcap(&trouble()));
    let packets = |options: &[&str]| run(&[&[capture.as_str(), "--packets"], options].concat());
    assert!(packets(&["--min-severity", "note"]).failure().contains("--min-severity"));
    // The gate looks at it.
    packets(&["--min-severity", "error", "--fail-on", "note"]).status(0);
    packets(&["--min-severity", "warn", "--fail-on", "note"]).status(1);
    for fields in ["ip.src,,ip.dst", "ip.src,", ",ip.src", "ip.src, ,ip.dst"] {
        let message = packets(&["--fields", fields]).failure();
        assert!(message.contains("empty name"), "{fields}: {message}");
    }
    for fields in ["", ",", " "] {
        assert!(packets(&["--fields", fields]).failure().contains("names no field"), "{fields:?}");
    }
    for gap in ["1e300", "1000000000", "99999999999999999999"] {
        let message = run(&[&capture, "--gap", gap]).failure();
        assert!(message.contains(" at most 999999999.999999999"), "{message}");
    }
    run(&[&capture, "--findings", "--gap", "999999999.999999999"]).text();
}

#[test]
fn help_shows_examples_and_exit_statuses() {
    let short = run(&["-h"]).text();
    assert!(short.contains("Examples:") && short.contains("--findings"), "{short}");
    let long = run(&["--help"]).text();
    for words in
        ["Exit status:", "netanalyze capture.pcap --findings", "--explain", "rotated set", "tshark -T fields"]
    {
        assert!(long.contains(words), "{words}");
    }
    assert!(run(&["--version"]).text().starts_with("netanalyze "));
}

#[test]
fn threads_change_nothing() {
    let folder = Folder::new();
    let bytes = large();
    assert!(bytes.len() > 2 << 20, "several batches");
    let capture = folder.file("a.pcap", &bytes);
    let views: [&[&str]; 6] = [
        &[],
        &["--diagnoses", "--min-confidence", "low", "--all"],
        &["--findings"],
        &["--findings", "--all", "--min-severity", "chat"],
        &["--packets"],
        &["--packets", "--fields", "frame.number,frame.time_delta,tcp.stream,tcp.analysis.rto"],
    ];
    for view in views {
        for format in FORMATS {
            let with = |threads| {
                let options = ["--format", format, "--threads", threads];
                run(&[&[capture.as_str()], view, &options].concat()).status(0).stdout
            };
            let one = with("1");
            assert!(!one.is_empty());
            assert!(one == with("2"), "{view:?} {format}");
            assert!(one == with("5"), "{view:?} {format}");
        }
    }
}

#[test]
fn colours_are_for_terminals() {
    let folder = Folder::new();
    let capture = folder.file("a.pcap", &pcap(&trouble()));
    for view in [&[][..], &["--findings"], &["--findings", "--all"]] {
        let with = |options: &[&str]| run(&[&[capture.as_str()], view, options].concat()).text();
        let plain = with(&[]);
        assert!(!plain.contains('\u{1b}'));
        assert_eq!(with(&["--color", "never"]), plain);
        let coloured = with(&["--color", "always"]);
        assert!(coloured.contains("\u{1b}[33mwarn"), "{coloured}");
        for format in ["json", "jsonl", "csv"] {
            assert!(!with(&["--color", "always", "--format", format]).contains('\u{1b}'));
        }
    }
}

#[test]
fn a_closed_pipe_is_no_error() {
    let folder = Folder::new();
    let capture = folder.file("a.pcap", &large());
    for format in FORMATS {
        for view in [&["--packets"][..], &["--findings", "--all", "--min-severity", "chat"]] {
            let mut command = command();
            command.arg(&capture).args(view).args(["--format", format]);
            let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            let mut some = [0; 10];
            let mut stdout = child.stdout.take().unwrap();
            stdout.read_exact(&mut some).unwrap();
            drop(stdout);
            let output = child.wait_with_output().unwrap();
            assert_eq!(output.status.code(), Some(0), "{format}");
            assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        }
    }
}

#[test]
fn the_gate_outlives_a_closed_pipe() {
    let folder = Folder::new();
    // What trips the gate comes long after the pipe was closed.
    let bytes = [large(), pcap(&late(trouble())).split_off(24)].concat();
    let capture = folder.file("a.pcap", &bytes);
    for format in FORMATS {
        for view in [&["--packets"][..], &["--findings", "--all"], &["--findings"], &[]] {
            // The summary's gate looks at diagnoses, of which a closed window is an error.
            for (gate, status) in [("warn", 1), ("error", i32::from(view.is_empty()))] {
                let mut command = command();
                command.arg(&capture).args(view).args(["--format", format, "--fail-on", gate]);
                let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
                let mut stdout = child.stdout.take().unwrap();
                stdout.read_exact(&mut [0; 10]).unwrap();
                drop(stdout);
                let output = child.wait_with_output().unwrap();
                assert_eq!(output.status.code(), Some(status), "{view:?} {format} {gate}");
                assert_eq!(String::from_utf8_lossy(&output.stderr), "");
            }
        }
    }
}

#[test]
fn output_files_appear_complete_or_not_at_all() {
    let folder = Folder::new();
    let capture = folder.file("a.pcap", &pcap(&trouble()));
    let expected = run(&[&capture, "--findings", "--format", "json"]).text();
    let out = folder.file("out.json", b"old");
    assert_eq!(run(&[&capture, "--findings", "--format", "json", "-o", &out]).text(), "");
    assert_eq!(std::fs::read_to_string(&out).unwrap(), expected);

    let broken = folder.file("broken", b"no capture");
    run(&[&broken, "--findings", "-o", &out]).failure();
    assert_eq!(std::fs::read_to_string(&out).unwrap(), expected);
    assert_eq!(folder.names(), ["a.pcap", "broken", "out.json"]);

    run(&["--list-fields", "-o", &out]).text();
    assert!(std::fs::read_to_string(&out).unwrap().starts_with("frame.number"));
    assert_eq!(run(&[&capture, "--findings", "--format", "json", "-o", "-"]).text(), expected);
}

#[test]
fn the_output_is_never_an_input() {
    let folder = Folder::new();
    let bytes = pcap(&trouble());
    let capture = folder.file("a.pcap", &bytes);
    let other_name = folder.path().join("sub/../a.pcap").display().to_string();
    std::fs::create_dir(folder.path().join("sub")).unwrap();
    for name in [&capture, &other_name] {
        assert!(run(&[&capture, "-o", name]).failure().contains("one of the files to read"));
    }
    assert_eq!(std::fs::read(&capture).unwrap(), bytes);
}

#[test]
fn what_cannot_be_written_is_status_2() {
    let folder = Folder::new();
    let capture = folder.file("a.pcap", &pcap(&trouble()));
    let nowhere = folder.path().join("no/such/folder/out").display().to_string();
    assert!(run(&[&capture, "-o", &nowhere]).failure().contains("cannot write"));
    let directory = folder.path().display().to_string();
    assert!(run(&[&capture, "-o", &directory]).failure().contains("directory"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_status_2() {
    let folder = Folder::new();
    let capture = folder.file("a.pcap", &pcap(&trouble()));
    for view in [&[][..], &["--findings"], &["--findings", "--format", "json"], &["--packets"]] {
        let message = run(&[&[capture.as_str(), "-o", "/dev/full"], view].concat()).failure();
        assert!(message.contains("/dev/full"), "{message}");
        let mut command = command();
        command.arg(&capture).args(view);
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let output = command.stdout(full).stderr(Stdio::piped()).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{view:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("standard output"));
    }
    // A device is written to, not replaced.
    assert_eq!(run(&[&capture, "-o", "/dev/null"]).text(), "");
    assert!(!std::fs::metadata("/dev/null").unwrap().is_file());
}

#[cfg(unix)]
#[test]
fn a_link_is_followed_and_permissions_stay() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let capture = folder.file("a.pcap", &pcap(&trouble()));
    let out = folder.file("out.txt", b"old");
    std::fs::set_permissions(&out, std::fs::Permissions::from_mode(0o600)).unwrap();
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&out, &link).unwrap();
    run(&[&capture, "-o", link.to_str().unwrap()]).text();
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(std::fs::read_to_string(&out).unwrap().starts_with("Capture\n"));
    assert_eq!(std::fs::metadata(&out).unwrap().permissions().mode() & 0o777, 0o600);
    let hard = folder.path().join("hard.pcap").display().to_string();
    std::fs::hard_link(&capture, &hard).unwrap();
    assert!(run(&[&capture, "-o", &hard]).failure().contains("one of the files to read"));
}

//! What is read: damage, what is no capture, standard input, rotated sets.

use crate::support::*;

#[test]
fn what_cannot_be_read_gets_a_message_and_status_2() {
    let folder = Folder::new();
    let missing = folder.path().join("missing.pcap").display().to_string();
    let directory = folder.path().display().to_string();
    let empty = folder.file("empty.pcap", b"");
    let text = folder.file("notes.txt", b"Dear diary, today I captured nothing at all.\n");
    let hollow = folder.file("hollow.pcap", &pcap(&[]));
    for (input, words) in [
        (&missing, "missing.pcap"),
        (&directory, "directory"),
        (&empty, "empty"),
        (&text, "notes.txt"),
        (&hollow, "no packets"),
    ] {
        for arguments in [&["--findings", "--format", "json"][..], &["--packets"], &[], &["--findings"]] {
            let message = run(&[&[input.as_str()], arguments].concat()).failure();
            assert!(message.contains(words), "{message}");
            assert!(!message.contains("os error 2)") || input == &missing, "{message}");
        }
    }
}

#[test]
fn a_cut_capture_is_analysed_and_noted() {
    let folder = Folder::new();
    let bytes = pcap(&trouble());
    let capture = folder.file("cut.pcap", &bytes[..bytes.len() - 10]);
    let json = run(&[&capture, "--findings", "--format", "json"]).json();
    assert_eq!(json["capture"]["packets"], 8);
    assert_eq!(json["notes"][0]["kind"], "truncated_file");
    assert!(ids(&json).contains(&"tcp.analysis.zero_window"));
    let text = run(&[&capture, "--findings"]).text();
    assert!(text.contains("\nCapture quality\n"), "{text}");
    assert!(run(&[&capture]).text().contains("cut.pcap"));
    // CSV has no place for notes: they go to standard error.
    for view in ["--findings", "--packets"] {
        let csv = run(&[&capture, view, "--format", "csv"]).status(0);
        assert!(csv.stderr.starts_with("netanalyze: note: "), "{}", csv.stderr);
        assert!(!String::from_utf8(csv.stdout).unwrap().contains("note:"));
    }
}

#[test]
fn standard_input_is_a_capture_too() {
    let bytes = pcap(&trouble());
    let mut command = command();
    command.args(["-", "--findings", "--format", "json"]);
    let json = finish(command, Some(&bytes)).json();
    assert_eq!(json["capture"]["files"][0]["name"], "-");
    assert_eq!(ids(&json).len(), 5);
    assert!(run(&["-", "-"]).failure().contains("only once"));
}

/// Three files that make one capture.
fn rotated(folder: &Folder) -> [String; 3] {
    let segments = trouble();
    [
        folder.file("1.pcap", &pcap(&segments[..4])),
        folder.file("2.pcap", &pcap(&segments[4..6])),
        folder.file("3.pcap", &pcap(&segments[6..])),
    ]
}

#[test]
fn rotated_files_are_one_capture() {
    let folder = Folder::new();
    let [a, b, c] = rotated(&folder);
    let whole = folder.file("whole.pcap", &pcap(&trouble()));
    let split = run(&[&a, &b, &c, "--findings", "--format", "json"]).json();
    let whole = run(&[&whole, "--findings", "--format", "json"]).json();
    assert_eq!(split["findings"], whole["findings"]);
    assert_eq!(split["capture"]["files"].as_array().unwrap().len(), 3);
}

#[test]
fn captures_can_be_sorted_by_time() {
    let folder = Folder::new();
    let [a, b, c] = rotated(&folder);
    let files = |run: Run| {
        let json = run.json();
        let files = json["capture"]["files"].as_array().unwrap().iter();
        (
            files.map(|file| file["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>(),
            json["findings"].clone(),
        )
    };
    let right = files(run(&[&a, &b, &c, "--findings", "--format", "json"]));
    let sorted = files(run(&["--sort-captures", &c, &a, &b, "--findings", "--format", "json"]));
    assert_eq!(sorted, right);
    let unsorted = run(&[&c, &a, &b, "--findings", "--format", "json"]).json();
    assert_eq!(unsorted["notes"][0]["kind"], "descending_times");
    #[cfg(unix)]
    {
        // A pipe could be looked into only by eating what it holds.
        let pipe = folder.path().join("pipe").display().to_string();
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for order in [[&a, &pipe], [&pipe, &a]] {
            let message = run(&["--sort-captures", order[0], order[1]]).failure();
            assert!(message.contains("read only once") && message.contains("pipe"), "{message}");
        }
    }
    assert!(run(&["--sort-captures", "-", &a]).failure().contains("standard input"));
    assert!(run(&["--sort-captures", &a, "missing.pcap"]).failure().contains("missing.pcap"));
}

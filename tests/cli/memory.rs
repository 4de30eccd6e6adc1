//! `--memory-limit`: what it takes, and how it is told what the limit cost.

use crate::support::*;

/// SYNs from so many ports.
fn flood(ports: u16) -> Vec<u8> {
    let syn = |n: u16| Segment {
        micros: u64::from(n),
        client_port: n,
        from_client: true,
        flags: SYN,
        seq: 1000,
        ack: 0,
        window: 8192,
        len: 0,
    };
    pcap(&(1..=ports).map(syn).collect::<Vec<_>>())
}

#[test]
fn limits_that_cannot_be_kept_or_read_are_refused_and_the_message_says_why() {
    let folder = Folder::new();
    let capture = folder.file("a.pcap", &pcap(&trouble()));
    for (limit, why) in [
        ("127M", "128M is the least"),
        ("0", "128M is the least"),
        ("134217727", "128M is the least"),
        ("abc", "the unit is one of K, M, G and T"),
        ("1X", "the unit is one of K, M, G and T"),
        ("M", "give a size"),
        ("1..5G", "give a size"),
        ("-1G", "give a size"),
    ] {
        let option = format!("--memory-limit={limit}");
        let message = run(&[&capture, &option]).failure();
        let expected = format!("--memory-limit \"{limit}\" cannot be used: {why}, e.g. 256M, 1.5G or 4G");
        assert!(message.contains(&expected), "{message}");
    }
    // Where nothing is analysed it would be ignored.
    run(&["--list-fields", "--memory-limit", "1G"]).status(2);
}

#[test]
fn a_limit_that_is_not_reached_changes_nothing() {
    let folder = Folder::new();
    let capture = folder.file("a.pcap", &pcap(&trouble()));
    for view in [&[][..], &["--findings"], &["--streams"], &["--packets"], &["--follow", "0"]] {
        let with = |options: &[&str]| run(&[&[capture.as_str()], view, options].concat()).text();
        let plain = with(&[]);
        for limit in ["128M", "128mib", "0.5G", "134217728", "2T"] {
            assert_eq!(with(&["--memory-limit", limit]), plain, "{view:?} {limit}");
        }
    }
}

#[test]
fn a_note_counts_what_was_forgotten() {
    let folder = Folder::new();
    let capture = folder.file("a.pcap", &flood(65_000));
    let with = |options: &[&str]| run(&[&[capture.as_str(), "--memory-limit", "128M"], options].concat());
    let json = with(&["--format", "json"]).json();
    let notes = json["notes"].as_array().unwrap();
    assert_eq!(notes.len(), 1, "{notes:?}");
    let (count, frame) = (notes[0]["count"].as_u64().unwrap(), notes[0]["frame"].as_u64().unwrap());
    assert!((1_000..65_000).contains(&count) && (5_000..65_000).contains(&frame), "{notes:?}");
    let message = format!(
        "{count} conversations, those quiet for longest, were forgotten from frame {frame} on to stay below the memory limit"
    );
    assert!(notes[0]["message"].as_str().unwrap().starts_with(&message), "{notes:?}");
    assert_eq!(json["capture"]["tcp_streams"], 65_000);
    let text = with(&[]).text();
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words(&text).contains(&message), "{text}");
    assert_eq!(with(&["--threads", "1"]).text(), with(&["--threads", "3"]).text());

    // The rows are those of what is left, under the numbers that they always had. Without what diagnoses remember there is room for more.
    let streams = with(&["--streams", "--format", "json"]);
    let streams: serde_json::Value = serde_json::from_slice(&streams.status(0).stdout).unwrap();
    let fewer = streams["notes"][0]["count"].as_u64().unwrap();
    assert!(fewer < count);
    let mut numbers: Vec<u64> =
        streams["streams"].as_array().unwrap().iter().map(|row| row["stream"].as_u64().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers.len() as u64, 65_000 - fewer);
    assert_eq!(numbers.last(), Some(&64_999));

    // Without the limit there is no note.
    let json = run(&[&capture, "--format", "json"]).json();
    assert_eq!(json["notes"].as_array().unwrap().len(), 0);
}

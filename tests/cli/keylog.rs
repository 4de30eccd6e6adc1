//! Connections whose secrets are known: `--keylog`, and secrets within a capture.

use std::fs;

use super::support::{Folder, run};

fn recorded(name: &str) -> String {
    format!("{}/../corpus/recorded/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn a_key_log_opens_what_it_knows() {
    for (name, version) in [("tls12-gcm", "TLS 1.2"), ("tls12-ccm", "TLS 1.2"), ("tls13-aes", "TLS 1.3")] {
        let capture = recorded(&format!("keylog-{name}.pcap"));
        let keys = recorded(&format!("keylog-{name}.keys"));
        let closed = run(&[&capture, "--http", "--format", "jsonl"]).text();
        assert!(!closed.contains("/page.txt"), "{name}: {closed}");
        let open = run(&[&capture, "--keylog", &keys, "--http", "--format", "jsonl"]).text();
        let request = open.lines().find(|line| line.contains("\"kind\":\"request\"")).unwrap();
        for part in
            ["\"method\":\"GET\"", "\"path\":\"/page.txt\"", "\"status\":200", "\"response_body_bytes\":1092"]
        {
            assert!(request.contains(part), "{name}: {part} in {request}");
        }
        let handshakes = run(&[&capture, "--keylog", &keys, "--tls"]).text();
        assert!(handshakes.contains(version) && handshakes.contains("completed"));
        assert_eq!(handshakes.lines().count(), 2, "one handshake: {handshakes}");
        // Neither is HTTP in clear on a port of TLS, nor is anything of the secrets shown.
        let findings = run(&[&capture, "--keylog", &keys, "--findings"]).text();
        assert!(!findings.contains("http.tls_port"), "{findings}");
        let log = fs::read_to_string(&keys).unwrap();
        for secret in
            log.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split(' ').nth(2))
        {
            for shown in [&open, &handshakes, &findings] {
                assert!(!shown.contains(&secret[..16]));
            }
        }
    }
}

#[test]
fn fields_are_those_of_wireshark_with_the_same_secrets() {
    // tshark 4.0.17 -o tls.keylog_file:…; it has no status of a response that ends with the connection, because the close is not handed on to
    // what lies within TLS.
    let rows = |capture: &str, keys: &[&str]| {
        let fields = "frame.number,tls.record.content_type,tls.record.opaque_type,tls.handshake.type,tls.alert_message.desc,http.request.method,http.response.code";
        let arguments = [&[capture], keys, &["--packets", "--fields", fields, "--format", "csv"]].concat();
        let said = run(&arguments).text();
        let mut rows: Vec<String> = said.lines().skip(1).map(str::to_owned).collect();
        rows.retain(|row| !row.ends_with(",,,,,,"));
        rows
    };
    let expected = [
        "4,22,,1,,,",
        "6,\"22,20,22,22,22,22\",\"23,23,23,23\",\"2,8,11,15,20\",,,",
        "8,\"20,22\",23,20,,,",
        "9,23,23,,,GET,",
        "12,22,23,4,,,",
        "13,22,23,4,,,",
        "14,23,23,,,,",
        "16,21,23,,0,,200",
        "17,21,23,,0,,",
    ];
    let keys = recorded("keylog-tls13-aes.keys");
    assert_eq!(rows(&recorded("keylog-tls13-aes.pcap"), &["--keylog", &keys]), expected);
    assert_eq!(rows(&recorded("keylog-embedded.pcapng"), &[]), expected);
}

#[test]
fn bad_lines_are_told_and_the_rest_is_used() {
    let keys = fs::read_to_string(recorded("keylog-tls13-aes.keys")).unwrap();
    let folder = Folder::new();
    let path =
        folder.file("some.keys", format!("# comment\nnonsense\n{keys}CLIENT_RANDOM 12 34\n").as_bytes());
    let capture = recorded("keylog-tls13-aes.pcap");
    let said = run(&[&capture, "--keylog", &path, "--http"]).status(0);
    assert!(String::from_utf8_lossy(&said.stdout).contains("GET example.test/page.txt"));
    assert!(
        said.stderr.contains("line 2 is no line of a key log") && said.stderr.contains("nor are 1 more"),
        "{}",
        said.stderr
    );
}

#[test]
fn a_key_log_that_is_none_is_refused() {
    let capture = recorded("keylog-tls13-aes.pcap");
    let folder = Folder::new();
    let said = run(&[&capture, "--keylog", &folder.file("other.keys", b"\xd4\xc3\xb2\xa1\n")]).status(2);
    assert!(said.stderr.contains("holds no secrets"), "{}", said.stderr);
    let said = run(&[&capture, "--keylog", "no/such/file"]).status(2);
    assert!(said.stderr.contains("no/such/file"), "{}", said.stderr);
}

#[test]
fn a_key_log_that_opens_nothing_is_remarked_upon() {
    let capture = recorded("keylog-tls13-aes.pcap");
    let folder = Folder::new();
    // As a program leaves it that met no TLS.
    for empty in ["", "# a comment\n\n"] {
        let said =
            run(&[&capture, "--keylog", &folder.file("empty.keys", empty.as_bytes()), "--tls"]).status(0);
        assert!(
            said.stderr.contains("holds no secrets") && said.stderr.lines().count() == 1,
            "{}",
            said.stderr
        );
    }
    let other = format!("CLIENT_RANDOM {} {}\n", "0a".repeat(32), "0b".repeat(48));
    let other = folder.file("other.keys", other.as_bytes());
    for view in ["--tls", "--http"] {
        let said = run(&[&capture, "--keylog", &other, view]).status(0);
        assert!(said.stderr.contains("1 secret was given, and none fits"), "{}", said.stderr);
    }
    assert!(run(&[&capture, "--keylog", &other, "--findings"]).text().contains("none fits a ClientHello"));
    for fits in ["keylog-tls13-aes", "keylog-tls12-gcm"] {
        let (capture, keys) = (recorded(&format!("{fits}.pcap")), recorded(&format!("{fits}.keys")));
        assert!(!run(&[&capture, "--keylog", &keys, "--tls"]).text().is_empty());
    }
}

#[cfg(unix)]
#[test]
fn a_key_log_without_end_is_read_in_part() {
    let said = run(&[&recorded("keylog-tls13-aes.pcap"), "--keylog", "/dev/zero", "--tls"]).status(2);
    assert!(said.stderr.contains("only the first 128 MiB are read"), "{}", said.stderr);
    assert!(said.stderr.contains("holds no secrets"), "{}", said.stderr);
}

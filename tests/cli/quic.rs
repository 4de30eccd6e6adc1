//! Handshakes over QUIC, as `--tls` and fields show them. The captures are made by `corpus/record/quic.py`.

use super::support::run;

fn recorded(name: &str) -> String {
    format!("{}/../corpus/recorded/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn hellos_are_shown_where_wireshark_shows_them() {
    let fields = "frame.number,tls.handshake.type,tls.handshake.extensions_server_name";
    let name = "quic.example.test";
    // What tshark 4.0.17 says.
    for (capture, client, server, frames) in [
        ("quic-v1.pcap", 1, 2, 6),
        ("quic-v2.pcap", 1, 2, 6),
        ("quic-draft-29.pcap", 1, 2, 6),
        ("quic-retry.pcap", 3, 5, 6),
        ("quic-refused.pcap", 1, 0, 2),
        ("quic-silence.pcap", 1, 0, 4),
    ] {
        let (_, rows) = run(&[&recorded(capture), "--packets", "--fields", fields, "--format", "csv"]).csv();
        assert_eq!(rows.len(), frames, "{capture}");
        for (number, row) in (1..).zip(&rows) {
            let expected = match number {
                _ if number == client => ["1", name],
                _ if number == server => ["2", ""],
                _ => ["", ""],
            };
            assert_eq!(row[1..], expected, "{capture}, frame {number}");
        }
    }
}

#[test]
fn each_connection_is_one_handshake() {
    for (capture, outcome) in [
        ("quic-v1.pcap", "completed"),
        ("quic-v2.pcap", "completed"),
        ("quic-draft-29.pcap", "completed"),
        ("quic-retry.pcap", "completed"),
        ("quic-refused.pcap", "no_application_protocol"),
        ("quic-silence.pcap", "the server is silent"),
    ] {
        let text = run(&[&recorded(capture), "--tls"]).text();
        assert_eq!(text.lines().count(), 2, "{capture}: {text}");
        assert!(text.contains(outcome) && text.contains("quic.example.test"), "{capture}: {text}");
    }
}

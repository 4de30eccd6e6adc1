//! `--packets` and its columns.

use serde_json::json;

use crate::support::*;

const FIELDS: &str = "frame.number,frame.time_epoch,ip.src,tcp.port,tcp.flags,tcp.len,tcp.analysis.retransmission,tcp.analysis.duplicate_ack_num,tcp.flags.syn";

#[test]
fn csv_cells_are_tsharks() {
    let folder = Folder::new();
    let capture = folder.file("a.pcap", &pcap(&lossy(40_000, 0, 1)));
    let text = run(&[&capture, "--packets", "--fields", FIELDS, "--format", "csv"]).text();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 7);
    assert_eq!(lines[0], FIELDS);
    assert_eq!(lines[1], "1,1700000000.000000000,192.0.2.1,\"40000,80\",0x0002,0,,,1");
    assert_eq!(lines[6], "6,1700000000.340000000,192.0.2.2,\"80,40000\",0x0010,500,1,,0");
    // Guarding text alters no number.
    assert_eq!(
        run(&[&capture, "--packets", "--fields", FIELDS, "--format", "csv", "--csv-safe"]).text(),
        text
    );
}

#[test]
fn json_values_are_typed() {
    let folder = Folder::new();
    let capture = folder.file("a.pcap", &pcap(&lossy(40_000, 0, 1)));
    let answer = run(&[&capture, "--packets", "--fields", FIELDS, "--format", "json"]).json();
    let packets = answer["packets"].as_array().unwrap();
    assert_eq!(packets.len(), 6);
    assert_eq!(
        packets[5],
        json!({
            "frame.number": 6, "frame.time_epoch": "1700000000.340000000", "ip.src": "192.0.2.2", "tcp.port": [80, 40000],
            "tcp.flags": "0x0010", "tcp.len": 500, "tcp.analysis.retransmission": true, "tcp.flags.syn": false,
        })
    );
    assert_eq!(answer["capture"]["packets"], 6);
    assert_eq!(answer["notes"], json!([]));
    let lines = run(&[&capture, "--packets", "--fields", FIELDS, "--format", "jsonl"]).json_lines();
    assert_eq!(lines.len(), 8);
    assert_eq!(lines[0]["view"], "packets");
    assert_eq!(lines[6]["type"], "packet");
    assert_eq!(lines[6]["tcp.port"], packets[5]["tcp.port"]);
    assert_eq!(lines[7]["type"], "summary");
}

#[test]
fn text_aligns_the_columns_that_were_asked_for() {
    let folder = Folder::new();
    let capture = folder.file("a.pcap", &pcap(&opening(40_000, 0)));
    let text = run(&[&capture, "--packets", "--fields", "ip.src,tcp.len"]).text();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "ip.src           tcp.len");
    assert_eq!(lines[5], "192.0.2.2        500");
}

#[test]
fn without_columns_a_packet_is_a_line_as_in_wireshark() {
    let folder = Folder::new();
    let capture = folder.file("a.pcap", &pcap(&lossy(40_000, 0, 1)));
    let text = run(&[&capture, "--packets"]).text();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 7);
    let squeezed = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(squeezed(lines[0]), "No. Time Source Destination Protocol Length Info");
    assert_eq!(
        squeezed(lines[6]),
        "6 0.340000000 192.0.2.2 192.0.2.1 TCP 554 80 → 40000 [ACK] Seq=1 Ack=101 Win=8192 Len=500 [Retransmission]"
    );
    for format in ["json", "jsonl", "csv"] {
        let text = run(&[&capture, "--packets", "--format", format]).text();
        assert!(text.contains("tcp.analysis.flags"), "{format}");
    }
}

#[test]
fn unknown_columns_get_a_suggestion() {
    let folder = Folder::new();
    let capture = folder.file("a.pcap", &pcap(&opening(40_000, 0)));
    let message = run(&[&capture, "--packets", "--fields", "ip.src,tcp.lenn"]).failure();
    assert!(message.contains("\"tcp.lenn\"") && message.contains("tcp.len"), "{message}");
    let message = run(&[&capture, "--packets", "--fields", "smtp.rcpt"]).failure();
    assert!(message.contains("--list-fields"), "{message}");
    assert!(run(&[&capture, "--packets", "--fields", " , "]).failure().contains("names no field"));
    assert!(run(&[&capture, "--fields", "ip.src"]).status(2).stderr.contains("--packets"));
}

#[test]
fn a_part_of_a_set_of_names_may_have_blanks() {
    let folder = Folder::new();
    let capture = folder.file("a.pcap", &pcap(&opening(40_000, 0)));
    let text = run(&[&capture, "--packets", "--fields", "frame.number, tcp.len", "--format", "csv"]).text();
    assert!(text.starts_with("frame.number,tcp.len\n1,0\n"), "{text}");
}

//! Choosing fields, and values that depend on more than one frame.

use netanalyze_core::field::{Selection, field_by_name, fields};
use netanalyze_core::model::limits::BATCH_BYTES;

use crate::view::{Rows, run, texts};
use crate::wire::{ACK, CLIENT, FIN, Pcap, SERVER, SYN, tcp, udp};

#[test]
fn the_first_unknown_name_is_reported() {
    for name in ["tcp.analysis.retransmision", "tcp.", "tcpx", "TCP.stream", " tcp.stream", "nonsense", ""] {
        let error = Selection::new(["frame.number", name, "another"]).unwrap_err();
        assert_eq!(error.name, name);
        assert!(error.to_string().contains(&format!("{name:?}")), "{error}");
    }
}

#[test]
fn a_selection_keeps_order_and_repetition() {
    let names = ["tcp.stream", "frame.number", "tcp.stream"];
    let selection = Selection::new(names).unwrap();
    assert_eq!(selection.fields().map(|f| f.name).collect::<Vec<_>>(), names);
    assert!(selection.needs_layers());
    assert!(!Selection::new(["frame.number", "frame.len"]).unwrap().needs_layers());
    assert_eq!(Selection::new([]).unwrap().fields().count(), 0);
    let pcap = Pcap::of(&[tcp(CLIENT, SERVER, (1, 0), SYN, b"")]);
    assert_eq!(texts(&pcap, "tcp.stream frame.number tcp.stream"), ["0 1 0"]);
}

#[test]
fn every_field_can_be_chosen_alone_and_all_together() {
    let pcap = Pcap::of(&[tcp(CLIENT, SERVER, (1, 0), SYN, b""), udp(CLIENT, SERVER, b"x")]);
    let all: Vec<_> = fields().map(|f| f.name).collect();
    let (rows, _) = run(vec![pcap.source()], 1, &Rows::new(all.iter().copied())).unwrap();
    for (column, name) in all.iter().enumerate() {
        assert!(field_by_name(name).is_some());
        let (alone, _) = run(vec![pcap.source()], 1, &Rows::new([*name])).unwrap();
        for (row, alone) in rows.iter().zip(&alone) {
            assert_eq!(row[column], alone[0], "{name}");
        }
    }
}

#[test]
fn numbers_are_relative_to_each_side_s_first() {
    let syn = u32::MAX - 1;
    let frames = [
        tcp(CLIENT, SERVER, (syn, 0), SYN, b""),
        tcp(SERVER, CLIENT, (500, syn.wrapping_add(1)), SYN | ACK, b""),
        tcp(CLIENT, SERVER, (syn.wrapping_add(1), 501), ACK, b"abc"),
        tcp(CLIENT, SERVER, (syn.wrapping_add(4), 501), ACK | FIN, b""),
        // Before the first number.
        tcp(CLIENT, SERVER, (syn.wrapping_sub(1), 499), ACK, b""),
        // Without the ACK flag the field is shown as it stands.
        tcp(SERVER, CLIENT, (501, 12), 0, b""),
    ];
    assert_eq!(
        texts(&Pcap::of(&frames), "tcp.seq tcp.seq_raw tcp.nxtseq tcp.ack tcp.ack_raw"),
        [
            "0 4294967294 1 0 0",
            "0 500 1 1 4294967295",
            "1 4294967295 4 1 501",
            "4 2 5 1 501",
            "4294967295 4294967293 4294967295 4294967295 499",
            "1 501 1 12 12",
        ]
    );
    // Without a handshake the first number seen is 1, on both sides.
    let frames = [tcp(CLIENT, SERVER, (7000, 900), ACK, b"abc"), tcp(SERVER, CLIENT, (900, 7003), ACK, b"")];
    assert_eq!(texts(&Pcap::of(&frames), "tcp.seq tcp.ack"), ["1 1", "1 4"]);
}

#[test]
fn times_of_frames_run_through_all_batches_and_files() {
    let frame = udp(CLIENT, SERVER, &[0; 1400]);
    let start = 1_000_000_000_000_000;
    let per_batch = BATCH_BYTES / frame.len();
    let mut parts = [Pcap::new(), Pcap::new()];
    let times: Vec<u64> = (0..5 * per_batch as u64).map(|i| start + i * 700 + (i % 3) * 5_000).collect();
    for (i, &time) in times.iter().enumerate() {
        parts[i * 2 / times.len()].frame(time, &frame);
    }
    let view = Rows::new(["frame.number", "frame.time_epoch", "frame.time_relative", "frame.time_delta"]);
    for threads in [1, 3] {
        let (rows, _) = run(parts.iter().map(Pcap::source).collect(), threads, &view).unwrap();
        assert_eq!(rows.len(), times.len());
        let mut previous = start;
        for (i, (row, &time)) in rows.iter().zip(&times).enumerate() {
            let seconds = |us: i64| {
                format!(
                    "{}{}.{:06}000",
                    if us < 0 { "-" } else { "" },
                    us.unsigned_abs() / 1_000_000,
                    us.unsigned_abs() % 1_000_000
                )
            };
            let since = |earlier: u64| seconds(time as i64 - earlier as i64);
            assert_eq!(*row, [(i + 1).to_string(), seconds(time as i64), since(start), since(previous)]);
            previous = time;
        }
    }
}

//! Caps that a capture reaches, and what the report says of it.

use netanalyze_core::model::limits::{MAX_ANNOUNCEMENTS, MAX_FRAGMENT_DATAGRAMS, MAX_LAYERS};
use netanalyze_core::model::{Note, NoteKind};

use crate::view::{Rows, run};
use crate::wire::{ACK, CLIENT, Pcap, SERVER, ipv4, tcp, udp};

/// The only note that a cap left behind.
fn limit(capture: &Pcap) -> Note {
    let (_, report) = run(vec![capture.source()], 2, &Rows::new(["frame.number"])).unwrap();
    let mut reached: Vec<_> = report.notes.into_iter().filter(|n| n.kind == NoteKind::LimitReached).collect();
    assert_eq!(reached.len(), 1, "{reached:?}");
    reached.remove(0)
}

/// An IPv4 packet without the Ethernet header.
fn packet(protocol: u8, identification: u16, fragment: u16, payload: &[u8]) -> Vec<u8> {
    ipv4(CLIENT.0, SERVER.0, protocol, identification, fragment, payload).split_off(14)
}

#[test]
fn frames_with_too_many_layers_are_counted() {
    let nested =
        |layers: u16| (1..layers).fold(packet(253, 0, 0, &[0; 8]), |inner, _| packet(4, 0, 0, &inner));
    let frame = |layers| ipv4(CLIENT.0, SERVER.0, 4, 0, 0, &nested(layers));
    let mut capture = Pcap::of(&[frame(3), frame(MAX_LAYERS + 4), frame(4), frame(MAX_LAYERS + 1)]);
    let note = limit(&capture);
    assert_eq!((note.count, note.frame), (2, Some(2)), "{}", note.message);
    // A shallow frame adds nothing.
    capture.frame(2_000_000_000, &frame(2));
    assert_eq!(limit(&capture), note);
}

/// Splits a packet in two fragments, each the content of a packet that is split, and so on.
fn split(inner: Vec<u8>, depth: u32, identification: &mut u16) -> Vec<Vec<u8>> {
    if depth == 0 {
        return vec![inner];
    }
    *identification += 1;
    let id = *identification;
    let (front, back) = inner.split_at(inner.len() / 16 * 8);
    let halves = [packet(4, id, 0x2000, front), packet(4, id, (front.len() / 8) as u16, back)];
    halves.into_iter().flat_map(|half| split(half, depth - 1, identification)).collect()
}

#[test]
fn fragments_in_fragments_end_somewhere() {
    let udp = udp(CLIENT, SERVER, &[7; 40]).split_off(14);
    let frames = |depth| {
        let packets = split(udp.clone(), depth, &mut 0);
        packets.iter().map(|packet| ipv4(CLIENT.0, SERVER.0, 4, 0, 0, packet)).collect::<Vec<_>>()
    };
    let (rows, report) = run(vec![Pcap::of(&frames(4)).source()], 1, &Rows::new(["udp.stream"])).unwrap();
    assert!(report.notes.is_empty(), "{:?}", report.notes);
    assert_eq!(rows.last().unwrap(), &["0"], "sixteen frames make one datagram");
    let note = limit(&Pcap::of(&frames(7)));
    assert!(note.frame.is_some() && note.message.contains("fragmented"), "{}", note.message);
}

#[test]
fn incomplete_datagrams_that_were_given_up_are_counted() {
    let mut capture = Pcap::new();
    for number in 0..MAX_FRAGMENT_DATAGRAMS + 10 {
        let host = [10, 0, (number >> 16) as u8, 9].into();
        capture.frame(1_000_000_000, &ipv4(CLIENT.0, host, 17, number as u16, 0x2000, &[0; 8]));
    }
    let note = limit(&capture);
    assert!(note.count >= 10 && note.frame.is_none(), "{note:?}");
    assert!(note.message.starts_with(&format!("{} incomplete IP datagrams", note.count)), "{}", note.message);
}

#[test]
fn announcements_that_were_ignored_are_counted() {
    let (server, client) = ((SERVER.0, 21), CLIENT);
    let mut capture = Pcap::new();
    for number in 0..MAX_ANNOUNCEMENTS as u32 + 10 {
        let [_, host, high, low] = number.to_be_bytes();
        let reply = format!("227 Entering Passive Mode (10,0,{host},2,{high},{low})\r\n");
        capture.frame(1_000_000_000, &tcp(server, client, (1, 1), ACK, reply.as_bytes()));
    }
    let note = limit(&capture);
    assert_eq!(note.count, 10, "{}", note.message);
    assert!(note.message.starts_with("10 announced data connections"), "{}", note.message);
}

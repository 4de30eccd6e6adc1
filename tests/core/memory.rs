//! The memory limit: what is forgotten is the same however a capture is run, is told, and is never what is active.

use std::net::Ipv4Addr;

use netanalyze_core::capture::Source;
use netanalyze_core::engine::Interests;
use netanalyze_core::model::limits::MIN_MEMORY_LIMIT;

use crate::view::Everything;
use crate::wire::{ACK, End, PSH, Pcap, SYN, ipv4, tcp, udp};

/// How many connections send and receive all the while.
const ACTIVE: u16 = 8;

const SERVER: End = (Ipv4Addr::new(192, 0, 2, 1), 80);

/// The client of an active connection.
fn active(number: u16) -> End {
    (Ipv4Addr::new(198, 51, 100, 1), 40_000 + number)
}

/// Who sends a SYN of the flood, once.
fn flooder(number: u32) -> End {
    let [_, high, middle, low] = number.to_be_bytes();
    (Ipv4Addr::new(10, high, middle, low), 1_024 + (number % 7) as u16)
}

/// A SYN of the flood.
fn syn(number: u32) -> Vec<u8> {
    tcp(flooder(number), SERVER, (number, 0), SYN, &[])
}

/// A flood of SYNs, each from somewhere else, with datagrams of other senders in between; active connections that send a segment and an
/// acknowledgement now and then; at last one more SYN of the first flooder.
pub(crate) fn flood(tuples: u32) -> Pcap {
    let mut pcap = Pcap::new();
    let mut time = 1_000_000_000;
    let mut send = |frame: Vec<u8>| {
        time += 10;
        pcap.frame(time, &frame);
    };
    let mut rounds = 0;
    let mut talk = |send: &mut dyn FnMut(Vec<u8>)| {
        for number in 0..ACTIVE {
            send(tcp(active(number), SERVER, (2 + rounds * 10, 8), ACK | PSH, &[7; 10]));
            send(tcp(SERVER, active(number), (8, 12 + rounds * 10), ACK, &[]));
        }
        rounds += 1;
    };
    for number in 0..ACTIVE {
        send(tcp(active(number), SERVER, (1, 0), SYN, &[]));
        send(tcp(SERVER, active(number), (7, 2), SYN | ACK, &[]));
        send(tcp(active(number), SERVER, (2, 8), ACK, &[]));
    }
    for number in 0..tuples {
        if number % 2_000 == 0 {
            talk(&mut send);
        }
        if number % 16 == 0 {
            send(udp(flooder(number), (SERVER.0, 53), &[0; 20]));
        }
        send(syn(number));
    }
    talk(&mut send);
    send(syn(0));
    pcap
}

/// What of a run's lines is about the memory limit: how many were forgotten, and from which frame on.
fn forgotten(lines: &[String]) -> Option<(u64, u64)> {
    let report = lines.last().unwrap();
    let (before, after) =
        report.split_once(" conversations, those quiet for longest, were forgotten from frame ")?;
    let count = before.rsplit('"').next().unwrap().parse().unwrap();
    let frame = after.split(' ').next().unwrap().parse().unwrap();
    Some((count, frame))
}

fn least(books: bool) -> Interests {
    Interests { memory_limit: MIN_MEMORY_LIMIT, books, ..Interests::default() }
}

fn run(sources: Vec<Source>, threads: usize, interests: Interests) -> Vec<String> {
    Everything::new(interests).of(sources, threads).unwrap()
}

/// Lines about a conversation between a client's address and the server, by word.
fn about<'l>(lines: &'l [String], word: &str, client: End) -> Vec<&'l String> {
    let end = format!(": {}:{}", client.0, client.1);
    let is_about = |line: &&String| line.starts_with(word) && line.contains(&end);
    lines.iter().filter(is_about).collect()
}

#[test]
fn what_is_active_stays_and_the_same_others_are_forgotten_on_any_number_of_threads() {
    let pcap = flood(400_000);
    let one = run(vec![pcap.source()], 1, least(true));
    let (count, frame) = forgotten(&one).unwrap();
    let kept = one.iter().filter(|line| line.starts_with("Conversation")).count() as u64;
    let streams = |name| {
        let report = one.last().unwrap();
        report.split_once(name).unwrap().1.split([',', ' ']).next().unwrap().parse::<u64>().unwrap()
    };
    assert_eq!(kept + count, streams("tcp_streams: ") + streams("udp_streams: "));
    // What was kept when the first ones were forgotten is about what is kept at the end.
    assert!((300_000..424_000).contains(&count) && (10_000..100_000).contains(&frame), "{count} {frame}");
    for number in 0..ACTIVE {
        let told = about(&one, "Conversation", active(number));
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains(&format!("protocol: Tcp, stream: {number}, ")), "{}", told[0]);
        for packets in [3 + 400_000 / 2_000, 2 + 400_000 / 2_000] {
            assert!(told[0].contains(&format!("packets: {packets},")), "{packets}: {}", told[0]);
        }
    }
    // The first of the flood came back when it was forgotten, the last but one is still there.
    let streams = |number| {
        let told = about(&one, "finding", flooder(number));
        let stream =
            |line: &&String| line.split("stream: Some(").nth(1).unwrap().split(')').next().unwrap().parse();
        told.iter().map(stream).collect::<Result<Vec<u32>, _>>().unwrap()
    };
    let first = u32::from(ACTIVE);
    assert_eq!(streams(0), [first, first + 400_000], "a SYN each");
    assert_eq!(about(&one, "Conversation", flooder(0)).len(), 1);
    assert_eq!(streams(200_000), [first + 200_000], "nothing is said of how it ended");
    assert!(about(&one, "Conversation", flooder(200_000)).is_empty());
    let last = first + 399_999;
    assert_eq!(streams(399_999)[0], last);
    assert_eq!(about(&one, "Conversation", flooder(399_999)).len(), 1);
    for threads in [2, 4] {
        let other = run(vec![pcap.source()], threads, least(true));
        assert!(one == other, "{threads} threads: {count} and {:?}", forgotten(&other));
    }
}

/// Cuts a capture into several files, which hardly ever end where a batch would.
fn cut(pcap: &Pcap, parts: usize) -> Vec<Source> {
    let (header, mut rest) = pcap.0.split_at(24);
    let mut files = Vec::new();
    while !rest.is_empty() {
        let mut end = 0;
        while end < rest.len() && end * parts < pcap.0.len() {
            end += 16 + u32::from_le_bytes(rest[end + 8..end + 12].try_into().unwrap()) as usize;
        }
        let (file, later) = rest.split_at(end);
        files.push(Pcap([header, file].concat()));
        rest = later;
    }
    assert!(files.len() >= parts - 1);
    files.iter().map(Pcap::source).collect()
}

/// All lines but the report, and of that what is not about files.
fn beside_files(lines: &[String]) -> (&[String], Option<(u64, u64)>, &str) {
    let (report, others) = lines.split_last().unwrap();
    (others, forgotten(lines), report.split_once("tcp_streams").unwrap().1.split_once("findings").unwrap().0)
}

#[test]
fn the_same_are_forgotten_in_every_run_and_wherever_batches_end() {
    let pcap = flood(120_000);
    for books in [true, false] {
        let one = run(vec![pcap.source()], 1, least(books));
        assert!(forgotten(&one).unwrap().0 > 10_000);
        for (threads, parts) in [(1, 1), (1, 7), (3, 61)] {
            let other = run(cut(&pcap, parts), threads, least(books));
            assert!(beside_files(&one) == beside_files(&other), "{books} {parts}: {:?}", forgotten(&other));
        }
    }
}

/// Conversations that are only quoted have no last frame: it is by their keys that they are forgotten, and it shows when they are quoted again.
#[test]
fn conversations_that_are_only_quoted_are_forgotten_in_an_order_of_their_own() {
    let mut pcap = Pcap::new();
    let mut state = 1u32;
    for time in 0..450_000 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let number = (state >> 8) % 550_000;
        let quoted =
            if number.is_multiple_of(3) { udp(flooder(number), SERVER, &[0; 8]) } else { syn(number) };
        let error = [&[3, 1, 0, 0, 0, 0, 0, 0][..], &quoted[14..]].concat();
        pcap.frame(time, &ipv4(SERVER.0, flooder(number).0, 1, 0, 0, &error));
    }
    let one = run(vec![pcap.source()], 1, least(false));
    assert!(forgotten(&one).unwrap().0 > 1_000, "{:?}", forgotten(&one));
    for (threads, parts) in [(2, 1), (1, 7)] {
        let other = run(cut(&pcap, parts), threads, least(false));
        assert!(beside_files(&one) == beside_files(&other), "{parts}: {:?}", forgotten(&other));
    }
}

#[test]
fn without_pressure_nothing_is_forgotten_and_nothing_is_said() {
    let few = run(vec![flood(3_000).source()], 2, least(true));
    assert_eq!(forgotten(&few), None);
    assert!(few.last().unwrap().contains("notes: []"), "{}", few.last().unwrap());
    let many = flood(60_000);
    let one = run(vec![many.source()], 2, Interests::default());
    assert_eq!(forgotten(&one), None);
    assert_eq!(about(&one, "Conversation", flooder(0)).len(), 2, "one of TCP, one of UDP");
    assert_eq!(about(&one, "Conversation", flooder(1)).len(), 1);
    // A limit below the least counts as the least.
    let nothing = Interests { memory_limit: 0, ..Interests::default() };
    assert!(run(vec![many.source()], 1, nothing) == run(vec![many.source()], 1, least(true)));
}

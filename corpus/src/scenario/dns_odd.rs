//! DNS messages that no sane server sends, or of which only a part is there.

use super::dns::{Talk, datagram};
use super::filler;
use crate::capture::Capture;
use crate::dns::{Message, QUESTION, kind, name, string, words};
use crate::endpoint::Side;
use crate::layer::{self, IpHeader, protocol};
use crate::link;
use std::net::IpAddr;

pub(super) fn captures() -> Vec<Capture> {
    vec![names(), broken(), cut(), elsewhere()]
}

fn names() -> Capture {
    let mut talk = Talk::resolver(52_200);
    let long = string(&[b'x'; 63]);
    let asked: [(Vec<u8>, &str); 13] = [
        // Their own first byte; a pointer to it behind a label; into the header.
        (QUESTION.to_vec(), "<Name contains a pointer that loops>"),
        ([string(b"a"), QUESTION.to_vec()].concat(), "<Name contains a pointer that loops>"),
        (vec![0xc0, 2], "<Root>"),
        // 255 bytes are allowed, 256 are not.
        ([long.repeat(3), string(&[b'y'; 61]), vec![0]].concat(), ""),
        ([long.repeat(3), string(&[b'y'; 62]), vec![0]].concat(), "<Name too long>"),
        ([long.repeat(8), vec![0]].concat(), "<Name too long>"),
        // A label of a kind that nobody uses, behind an ordinary one.
        ([string(b"ab"), vec![0x7f]].concat(), "<Unknown extended label>"),
        (name("dot.in.label"), "dot.in.label"),
        ([string(b"dot.in"), string(b"label"), vec![0]].concat(), "dot.in.label"),
        ([string(b"\x1b[31mred"), string(b"line\nbreak"), vec![0]].concat(), "\\033[31mred.line\\nbreak"),
        (name("bücher.example"), "bücher.example"),
        ([string(b"\xff\xfe\xe2\x82"), vec![0]].concat(), "\u{fffd}\u{fffd}\u{fffd}"),
        ([string(b"=cmd,\"x\""), vec![0]].concat(), "=cmd,\"x\""),
    ];
    for (id, (name, shown)) in (1..).zip(asked) {
        talk.wait_ms(10).ask(&Message::query(id).question(&name, kind::A, 1));
        if !shown.is_empty() {
            talk.expect("dns.qry.name", shown);
        }
    }
    Capture::pcap(
        "dns-names.pcap",
        "names that loop, are too long, or hold what names should not",
        talk.trace,
    )
}

fn broken() -> Capture {
    let mut talk = Talk::resolver(52_300);
    let asks = |id| Message::query(id).asks("odd.example", kind::A);
    let answers = |id| Message::response(id, 0).asks("odd.example", kind::A);
    let mut id = 0;
    let mut exchange = |talk: &mut Talk, make: &dyn Fn(Message) -> Message| {
        id += 1;
        talk.wait_ms(10).ask(&asks(id)).wait_ms(5).answer(&make(answers(id)));
    };
    // More is announced than there is.
    exchange(&mut talk, &|m| {
        m.counts([1, 2, 0, 0]).raw(&[&QUESTION[..], &words(&[1, 1, 0, 60, 4, 0xc000, 0x0201])].concat())
    });
    exchange(&mut talk, &|m| m.counts([5, 0, 0, 0]));
    exchange(&mut talk, &|m| m.counts([1, 65_535, 65_535, 65_535]));
    // Data shorter and longer than their type; a record that reaches beyond the message.
    exchange(&mut talk, &|m| m.answer(&QUESTION, kind::A, &[192, 0]));
    exchange(&mut talk, &|m| m.answer(&QUESTION, kind::A, &[192, 0, 2, 1, 9, 9]));
    exchange(&mut talk, &|m| {
        m.answer(&QUESTION, kind::AAAA, &[1; 8]).answer(&QUESTION, kind::A, &[192, 0, 2, 1])
    });
    exchange(&mut talk, &|m| m.answer(&QUESTION, kind::A, &[]));
    exchange(&mut talk, &|m| {
        m.counts([1, 1, 0, 0]).raw(&[&QUESTION[..], &words(&[1, 1, 0, 60, 400])].concat())
    });
    // Data that break off inside.
    exchange(&mut talk, &|m| m.answer(&QUESTION, kind::TXT, b"\x20too short"));
    exchange(&mut talk, &|m| m.answer(&QUESTION, kind::CNAME, b"\x07example"));
    exchange(&mut talk, &|m| m.answer(&QUESTION, kind::MX, &[0]));
    exchange(&mut talk, &|m| m.answer(&QUESTION, kind::SRV, &words(&[1, 2])));
    exchange(&mut talk, &|m| m.answer(&QUESTION, kind::SOA, &name("only.one")));
    exchange(&mut talk, &|m| m.answer(&QUESTION, kind::HTTPS, &[0, 1, 0, 0, 1, 0, 3, 9]));
    exchange(&mut talk, &|m| m.edns(512, 0, false, &[0, 15, 0, 9, 0]));
    // Bytes behind the end; flags that are reserved; an alias that leads to itself.
    exchange(&mut talk, &|m| m.answer(&QUESTION, kind::A, &[192, 0, 2, 1]).raw(b"left over"));
    exchange(&mut talk, &|m| m.flags(0x0040));
    exchange(&mut talk, &|m| m.answer(&QUESTION, kind::CNAME, &QUESTION));
    // Headers alone, less than that, and nothing; an opcode that does not exist.
    talk.wait_ms(10).ask(&Message::query(90)).expect("dns.count.queries", 0);
    for len in [11, 4, 3, 1, 0] {
        let bytes = asks(100 + len as u16).bytes();
        talk.wait_ms(10).send(Side::Client, &bytes[..len]);
    }
    talk.wait_ms(10)
        .ask(&Message::with_flags(120, 0x7800).asks("odd.example", kind::A))
        .expect("dns.flags.opcode", 15);
    talk.wait_ms(10).send(Side::Client, &[0xff; 40]);
    Capture::pcap(
        "dns-broken.pcap",
        "messages that break off, announce too much, or contradict themselves",
        talk.trace,
    )
}

fn cut() -> Capture {
    let mut talk = Talk::resolver(52_400);
    for id in 0..12 {
        talk.ask(&Message::query(id).asks("snapped.example", kind::A)).wait_ms(5);
        let answer = Message::response(id, 0).asks("snapped.example", kind::A);
        talk.answer(&answer.answer(&QUESTION, kind::A, &[192, 0, 2, 1]).answer(
            &QUESTION,
            kind::A,
            &[192, 0, 2, 2],
        ))
        .wait_ms(5);
    }
    let mut trace = talk.trace;
    // Inside the header, the question, between records, within one.
    let cuts = [44, 45, 46, 48, 53, 54, 60, 74, 75, 76, 90, 91, 92, 106, 107];
    for (frame, cut) in trace.frames.iter_mut().zip(cuts) {
        *frame = frame.clone().cut(cut);
    }
    Capture::pcap("dns-snapped.pcap", "queries and answers cut at different places by the snap length", trace)
}

fn elsewhere() -> Capture {
    let client = (IpAddr::from([10, 0, 0, 2]), 52_500);
    let server = |port| (IpAddr::from([10, 0, 0, 53]), port);
    let mut talk = Talk::new(client, server(5_300));
    let asks = |id| Message::query(id).asks("elsewhere.example", kind::A);
    // On a port that says nothing; then something else on it.
    talk.ask(&asks(1)).expect("dns.qry.name", "elsewhere.example").wait_ms(5);
    talk.answer(&Message::response(1, 0).asks("elsewhere.example", kind::A).answer(
        &QUESTION,
        kind::A,
        &[192, 0, 2, 1],
    ));
    talk.expect("dns.time", "0.005000000").wait_ms(5).send(Side::Client, &filler(60, 0));
    // NetBIOS names have the same header.
    let netbios = name("FHEPFCELEHFCEPFFFACACACACACACABL");
    talk.wait_ms(5)
        .between((client.0, 137), server(137))
        .ask(&Message::with_flags(2, 0x0110).question(&netbios, 32, 1));
    // The resolver's host says that nobody listens.
    talk.wait_ms(5).between((client.0, 52_501), server(53)).ask(&asks(3)).wait_ms(1);
    let error = |quoted: &[u8]| {
        let message = layer::icmp(3, 3, [0; 4], quoted);
        link::ethernet(
            Side::Server,
            &layer::ip(server(53).0, client.0, protocol::ICMP, IpHeader::default(), &message),
        )
    };
    let query = datagram(Side::Client, (client.0, 52_501), server(53), &asks(3).bytes());
    talk.trace.push(error(&query[14..])).expect_value("dns.qry.name", "elsewhere.example");
    // The client's host closed the port before the answer came.
    let answer = Message::response(3, 0).asks("elsewhere.example", kind::A);
    talk.wait_ms(5).answer(&answer).wait_ms(1);
    let late = datagram(Side::Server, (client.0, 52_501), server(53), &answer.bytes());
    talk.trace.push(error(&late[14..])).expect_value("dns.unsolicited", 1);
    Capture::pcap(
        "dns-elsewhere.pcap",
        "DNS on a port of its own, what only looks like it, and quoted in ICMP errors",
        talk.trace,
    )
}

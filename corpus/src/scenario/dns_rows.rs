//! Lookups whose rows need more than a query and its answer: asked of a group, or with answers that are easily shown wrong.

use super::dns::Talk;
use crate::capture::Capture;
use crate::connection::Connection;
use crate::dns::{Message, QUESTION, kind, name, option, string, words};
use crate::endpoint::Side;
use std::net::IpAddr;

pub(super) fn captures() -> Vec<Capture> {
    vec![mdns(), llmnr(), groups(), answers()]
}

const LOC: u16 = 29;
const NULL: u16 = 10;

fn groups() -> Capture {
    let group = (IpAddr::from([224, 0, 0, 251]), 5353);
    let host = |last: u8| (IpAddr::from([10, 0, 0, last]), 5353);
    let answer = |owner: &str, kind: u16, data: &[u8]| {
        Message::with_flags(0, 0x8400).record(1, &name(owner), kind, 0x8001, 120, data)
    };
    // Two questions, answered by several hosts.
    let mut talk = Talk::new(host(1), group);
    let printers = || Message::with_flags(0, 0).question(&name("_ipp._tcp.local"), kind::PTR, 1);
    talk.ask(&printers().question(&name("printer.local"), kind::A, 1)).expect("dns.count.queries", 2);
    let owns = |owner: &str| answer("_ipp._tcp.local", kind::PTR, &name(owner));
    talk.wait_ms(20).between(host(9), group).ask(&answer("printer.local", kind::A, &[10, 0, 0, 9]));
    talk.wait_ms(40).ask(&owns("Office._ipp._tcp.local"));
    talk.wait_ms(5).between(host(8), group).ask(&owns("Hall._ipp._tcp.local"));
    // Somebody who is no resolver of mDNS is answered alone (RFC 6762 §6.7).
    let simple = (host(2).0, 40_100);
    talk.wait_ms(500).between(simple, group).ask(&Message::with_flags(77, 0).asks("printer.local", kind::A));
    let alone = Message::with_flags(77, 0x8400).asks("printer.local", kind::A);
    talk.wait_ms(3).between(simple, host(9)).answer(&alone.answer(&QUESTION, kind::A, &[10, 0, 0, 9]));
    // A host claims its name (RFC 6762 §8.1), and then announces it: nobody's answer.
    let claim = Message::with_flags(0, 0).question(&name("new.local"), 255, 0x8001);
    talk.wait_ms(500).between(host(3), group).ask(&claim.record(
        2,
        &name("new.local"),
        kind::A,
        1,
        120,
        &[10, 0, 0, 3],
    ));
    talk.wait_ms(250).ask(&answer("new.local", kind::A, &[10, 0, 0, 3]));
    // LLMNR cannot answer in a datagram, and is asked again over TCP.
    let llmnr = (IpAddr::from([224, 0, 0, 252]), 5355);
    let asker = (IpAddr::from([10, 0, 0, 1]), 61_100);
    let ask = |id| Message::with_flags(id, 0).asks("fileserver", kind::A);
    talk.wait_ms(500).between(asker, llmnr).ask(&ask(5));
    let cut = Message::with_flags(5, 0x8200).asks("fileserver", kind::A);
    talk.wait_ms(2).between(asker, (IpAddr::from([10, 0, 0, 8]), 5355)).answer(&cut);
    let mut trace = talk.trace;
    let mut connection = Connection::v4(61_101, 5355);
    connection.open(&mut trace, 1_000);
    connection.data(&mut trace, Side::Client, &ask(6).framed());
    trace.wait_us(1_000);
    let whole = Message::with_flags(6, 0x8000).asks("fileserver", kind::A);
    let whole = whole.answer(&QUESTION, kind::A, &[10, 0, 0, 8]);
    connection.data(&mut trace, Side::Server, &whole.framed());
    connection.close(&mut trace, Side::Client, 1_000);
    Capture::pcap(
        "dns-groups.pcap",
        "questions to groups, answered by several hosts, to one, over TCP, or by nobody",
        trace,
    )
}

fn answers() -> Capture {
    let mut talk = Talk::resolver(52_600);
    let mut id = 0;
    let mut ask = |talk: &mut Talk, owner: &str, kind: u16, records: &[(Vec<u8>, u16, Vec<u8>)]| {
        id += 1;
        talk.wait_ms(1_500).ask(&Message::query(id).asks(owner, kind));
        let answer =
            records.iter().fold(Message::response(id, 0).asks(owner, kind), |m, (owner, kind, data)| {
                m.answer(owner, *kind, data)
            });
        talk.wait_ms(4).answer(&answer);
    };
    let alias = |to: &str| (QUESTION.to_vec(), kind::CNAME, name(to));
    // No mail (RFC 7505), a service at its own name (RFC 9460 §2.5).
    ask(
        &mut talk,
        "nomail.example",
        kind::MX,
        &[(QUESTION.to_vec(), kind::MX, [words(&[0]), vec![0]].concat())],
    );
    ask(
        &mut talk,
        "svc.example",
        kind::HTTPS,
        &[(QUESTION.to_vec(), kind::HTTPS, [words(&[1]), vec![0]].concat())],
    );
    // Aliases that lead nowhere, in a circle, or to a text.
    ask(&mut talk, "dangling.example", kind::A, &[alias("gone.example")]);
    let back = (name("other.example"), kind::CNAME, name("circle.example"));
    ask(&mut talk, "circle.example", kind::A, &[alias("other.example"), back]);
    let text = (name("text.example"), kind::TXT, b"\x04text".to_vec());
    ask(&mut talk, "alias.example", kind::TXT, &[alias("text.example"), text]);
    ask(&mut talk, "alias.example", kind::CNAME, &[alias("text.example")]);
    let hundred: Vec<_> = (0..100).map(|last| (QUESTION.to_vec(), kind::A, vec![192, 0, 2, last])).collect();
    ask(&mut talk, "pool.example", kind::A, &hundred);
    ask(&mut talk, "here.example", LOC, &[(QUESTION.to_vec(), LOC, vec![0; 16])]);
    ask(&mut talk, "any.example", NULL, &[(QUESTION.to_vec(), NULL, vec![1, 2, 3])]);
    // Two questions in one message, and none.
    let two = |m: Message| m.asks("one.example", kind::A).question(&name("two.example"), kind::AAAA, 1);
    talk.wait_ms(1_500).ask(&two(Message::query(90))).expect("dns.count.queries", 2);
    talk.wait_ms(4).answer(&two(Message::response(90, 1)));
    talk.wait_ms(1_500).ask(&Message::with_flags(91, 0x1000)).expect("dns.flags.opcode", 2);
    talk.wait_ms(4).answer(&Message::with_flags(91, 0x9000));
    // The clock is set back by three seconds.
    talk.wait_ms(1_500).ask(&Message::query(92).asks("clock.example", kind::A));
    let back = talk.trace.now_ns() - 3_000_000_000;
    talk.trace.set_clock_ns(back);
    talk.answer(&Message::response(92, 0).asks("clock.example", kind::A).answer(
        &QUESTION,
        kind::A,
        &[192, 0, 2, 1],
    ));
    talk.expect("dns.time", "-3.000000000");
    Capture::pcap("dns-answers.pcap", "answers that are easily shown wrong", talk.trace)
}

fn mdns() -> Capture {
    let group = (IpAddr::from([224, 0, 0, 251]), 5353);
    let laptop = (IpAddr::from([10, 0, 0, 7]), 5353);
    let printer = (IpAddr::from([10, 0, 0, 9]), 5353);
    let mut talk = Talk::new(laptop, group);
    let ask = |class| Message::with_flags(0, 0).question(&name("_ipp._tcp.local"), kind::PTR, class);
    talk.ask(&ask(0x8001)).expect("dns.qry.qu", 1);
    // The first answer comes to whoever asked, later ones to all.
    let answer = Message::with_flags(0, 0x8400)
        .record(1, &name("_ipp._tcp.local"), kind::PTR, 1, 4_500, &name("Office._ipp._tcp.local"))
        .record(
            3,
            &name("Office._ipp._tcp.local"),
            kind::SRV,
            0x8001,
            120,
            &[words(&[0, 0, 631]), name("printer.local")].concat(),
        )
        .record(3, &name("Office._ipp._tcp.local"), kind::TXT, 0x8001, 4_500, &string(b"rp=ipp/print"))
        .record(3, &name("printer.local"), kind::A, 0x8001, 120, &[10, 0, 0, 9]);
    talk.wait_ms(40).between(printer, laptop).ask(&answer).expect("dns.resp.cache_flush", "0,1,1,1");
    talk.wait_ms(960).between(laptop, group).ask(&ask(1)).expect("dns.retransmission", 1);
    talk.wait_ms(30).between(printer, group).ask(&answer).expect("dns.unsolicited", 1);
    // Two questions, with what is known already.
    let known = Message::with_flags(0, 0)
        .question(&name("_ipp._tcp.local"), kind::PTR, 1)
        .question(&name("_http._tcp.local"), kind::PTR, 1)
        .record(1, &name("_ipp._tcp.local"), kind::PTR, 1, 4_480, &name("Office._ipp._tcp.local"));
    let known = known.edns(1_440, 0, false, &option(4, &[0; 18]));
    talk.wait_ms(2_000).between(laptop, group).ask(&known).expect("dns.count.queries", 2);
    let v6 = |host: u16| (IpAddr::from([0xfe80, 0, 0, 0, 0, 0, 0, host]), 5353);
    let group6 = (IpAddr::from([0xff02, 0, 0, 0, 0, 0, 0, 0xfb]), 5353);
    talk.wait_ms(5_000)
        .between(v6(7), group6)
        .ask(&Message::with_flags(0, 0).asks("printer.local", kind::AAAA));
    Capture::pcap(
        "mdns.pcap",
        "a service is looked for by multicast and found, answers to one and to all",
        talk.trace,
    )
}

fn llmnr() -> Capture {
    let group = (IpAddr::from([224, 0, 0, 252]), 5355);
    let asker = (IpAddr::from([10, 0, 0, 7]), 61_000);
    let mut talk = Talk::new(asker, group);
    let ask = || Message::with_flags(1, 0).asks("fileserver", kind::A);
    talk.ask(&ask()).wait_ms(410).ask(&ask()).expect("dns.retransmission", 1);
    let answer =
        Message::with_flags(1, 0x8000).asks("fileserver", kind::A).answer(&QUESTION, kind::A, &[10, 0, 0, 8]);
    talk.wait_ms(2)
        .between(asker, (IpAddr::from([10, 0, 0, 8]), 5355))
        .answer(&answer)
        .expect("dns.unsolicited", 1);
    // Nobody has this name.
    let unknown = || Message::with_flags(2, 0).asks("wpad", kind::A);
    talk.wait_ms(500).between((asker.0, 61_001), group).ask(&unknown()).wait_ms(410).ask(&unknown());
    Capture::pcap("llmnr.pcap", "two names asked for by multicast, one known to a host", talk.trace)
}

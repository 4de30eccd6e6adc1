//! Lookups, as they should be and as they go wrong.

use crate::capture::Capture;
use crate::connection::Connection;
use crate::dns::{Message, QUESTION, kind, name, option, string, words};
use crate::endpoint::Side;
use crate::layer::{self, IpHeader, protocol};
use crate::link;
use crate::trace::Trace;
use std::net::IpAddr;

pub(super) fn captures() -> Vec<Capture> {
    vec![records(), search_list(), codes(), unanswered(), answered_twice(), truncated(), transfer()]
}

/// A client and a server of UDP, and what they say.
pub(super) struct Talk {
    pub trace: Trace,
    client: (IpAddr, u16),
    server: (IpAddr, u16),
}

impl Talk {
    /// A resolver's client at `port`.
    pub(super) fn resolver(port: u16) -> Self {
        Self::new((IpAddr::from([10, 0, 0, 2]), port), (IpAddr::from([10, 0, 0, 53]), 53))
    }

    pub(super) fn new(client: (IpAddr, u16), server: (IpAddr, u16)) -> Self {
        Self { trace: Trace::new(), client, server }
    }

    /// Goes on between others.
    pub(super) fn between(&mut self, client: (IpAddr, u16), server: (IpAddr, u16)) -> &mut Self {
        (self.client, self.server) = (client, server);
        self
    }

    /// Goes on from another port of the client.
    pub(super) fn port(&mut self, port: u16) -> &mut Self {
        self.client.1 = port;
        self
    }

    pub(super) fn send(&mut self, from: Side, payload: &[u8]) -> &mut Self {
        let frame = datagram(from, self.client, self.server, payload);
        self.trace.push(frame);
        self
    }

    pub(super) fn ask(&mut self, message: &Message) -> &mut Self {
        self.send(Side::Client, &message.bytes())
    }

    pub(super) fn answer(&mut self, message: &Message) -> &mut Self {
        self.send(Side::Server, &message.bytes())
    }

    pub(super) fn wait_ms(&mut self, ms: u64) -> &mut Self {
        self.trace.wait_ms(ms);
        self
    }

    pub(super) fn expect(&mut self, field: &'static str, value: impl std::fmt::Display) -> &mut Self {
        self.trace.expect_value(field, value);
        self
    }
}

/// A frame with a datagram from one end to the other.
pub(super) fn datagram(from: Side, client: (IpAddr, u16), server: (IpAddr, u16), payload: &[u8]) -> Vec<u8> {
    let (source, target) = if from == Side::Client { (client, server) } else { (server, client) };
    let body = layer::udp(source, target, payload);
    let packet = layer::udp_packet(source, target, IpHeader::default(), payload)
        .unwrap_or_else(|| layer::ip(source.0, target.0, protocol::UDP, IpHeader::default(), &body));
    link::ethernet(from, &packet)
}

const V4: [u8; 4] = [192, 0, 2, 80];
const V6: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80];

fn records() -> Capture {
    let mut talk = Talk::resolver(51_200);
    // A and AAAA from one port, through two aliases.
    let edns = |m: Message| m.edns(1_232, 0, false, &option(10, b"8 bytes!"));
    talk.ask(&edns(Message::query(1).asks("www.shop.example", kind::A)));
    talk.ask(&edns(Message::query(2).asks("www.shop.example", kind::AAAA)));
    let aliases = |m: Message| {
        m.answer(&QUESTION, kind::CNAME, &name("shop.cdn.example")).answer(
            &name("shop.cdn.example"),
            kind::CNAME,
            &name("edge.cdn.example"),
        )
    };
    talk.wait_ms(14);
    let first = aliases(Message::response(1, 0).asks("www.shop.example", kind::A));
    talk.answer(&edns(first.answer(&name("edge.cdn.example"), kind::A, &V4)));
    talk.expect("dns.response_to", 1).expect("dns.time", "0.014000000").expect("dns.a", "192.0.2.80");
    talk.wait_ms(2);
    let second = aliases(Message::response(2, 0).asks("www.shop.example", kind::AAAA));
    talk.answer(&edns(second.answer(&name("edge.cdn.example"), kind::AAAA, &V6)));
    talk.expect("dns.response_to", 2).expect("dns.cname", "shop.cdn.example,edge.cdn.example");
    // Every other kind that is met daily, a question each.
    let service = [
        words(&[1]),
        vec![0],
        option(1, &[string(b"h2"), string(b"h3")].concat()),
        option(3, &[0x01, 0xbb]),
        option(4, &V4),
        option(6, &V6),
    ];
    let soa =
        [name("ns1.example"), name("hostmaster.example"), vec![0; 3], vec![7; 1], [0, 0, 14, 16].repeat(4)];
    let signature = [
        words(&[1]),
        vec![13, 3, 0, 0, 1, 44],
        vec![0x65; 8],
        words(&[4_711]),
        name("shop.example"),
        vec![9; 64],
    ];
    let all: [(&str, u16, Vec<Vec<u8>>); 14] = [
        (
            "shop.example",
            kind::MX,
            vec![[words(&[10]), name("mx1.example")].concat(), [words(&[20]), name("mx2.example")].concat()],
        ),
        (
            "shop.example",
            kind::TXT,
            vec![[string(b"v=spf1 -all"), string(b"second \"string\"")].concat(), string("grüß".as_bytes())],
        ),
        ("shop.example", kind::NS, vec![name("ns1.example"), name("ns2.example")]),
        ("_sip._udp.shop.example", kind::SRV, vec![[words(&[0, 5, 5_060]), name("sip.example")].concat()]),
        ("80.2.0.192.in-addr.arpa", kind::PTR, vec![name("edge.cdn.example")]),
        ("shop.example", kind::SOA, vec![soa.concat()]),
        ("shop.example", kind::HTTPS, vec![service.concat()]),
        ("shop.example", kind::CAA, vec![[vec![0x80], string(b"issue"), b"ca.example".to_vec()].concat()]),
        ("shop.example", kind::DS, vec![[words(&[4_711]), vec![13, 2], vec![0xab; 32]].concat()]),
        ("shop.example", kind::DNSKEY, vec![[words(&[257]), vec![3, 13], vec![0xcd; 64]].concat()]),
        ("shop.example", kind::RRSIG, vec![signature.concat()]),
        ("shop.example", 65_280, vec![b"private use".to_vec()]),
        ("", kind::NS, vec![name("a.root-servers.example")]),
        ("shop.example", kind::ANY, vec![]),
    ];
    for (id, (owner, asked, data)) in (3..).zip(all) {
        talk.wait_ms(5).ask(&Message::query(id).asks(owner, asked));
        let answer = Message::response(id, 0).asks(owner, asked);
        talk.wait_ms(3).answer(&data.iter().fold(answer, |m, data| m.answer(&QUESTION, asked, data)));
        talk.expect("dns.time", "0.003000000");
    }
    // What a signed zone says instead of that there is nothing: the next name, and the types that this one has.
    talk.wait_ms(5).ask(&Message::query(88).flags(0x20).asks("shop.example", 99));
    let next =
        [name("www.shop.example"), vec![0, 7, 0x62, 1, 0x80, 8, 0, 3, 0x80], vec![1, 1, 0x40]].concat();
    let hashed = [vec![1, 0, 0, 0], string(b""), string(&[7; 20]), vec![0, 1, 0x40]].concat();
    let denied = Message::response(88, 0).asks("shop.example", 99).record(2, &QUESTION, 47, 1, 60, &next);
    talk.wait_ms(3).answer(&denied.record(
        2,
        &name("0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example"),
        50,
        1,
        60,
        &hashed,
    ));
    talk.expect("dns.resp.type", "47,1,2,6,15,16,28,46,47,48,257,50,1");
    // The name exists, the type does not: the zone's start says for how long that holds.
    talk.wait_ms(5).ask(&Message::query(90).asks("v4only.example", kind::AAAA));
    let none = Message::response(90, 0).flags(0x0400).asks("v4only.example", kind::AAAA);
    talk.wait_ms(3).answer(&none.record(2, &name("example"), kind::SOA, 1, 60, &soa.concat()));
    talk.expect("dns.count.auth_rr", 1);
    // What EDNS says besides.
    let subnet = option(8, &[0, 1, 24, 0, 198, 51, 100]);
    talk.wait_ms(5).ask(&Message::query(91).asks("signed.example", kind::A).edns(4_096, 0, true, &subnet));
    let answer =
        Message::response(91, 0).flags(0x20).asks("signed.example", kind::A).answer(&QUESTION, kind::A, &V4);
    let remark = option(15, &[&words(&[3])[..], b"resolver is offline"].concat());
    talk.wait_ms(3).answer(&answer.edns(1_232, 0, true, &[remark, option(12, &[0; 8])].concat()));
    talk.expect("dns.opt.ext_error.info_code", 3);
    Capture::pcap(
        "dns-records.pcap",
        "a lookup through two aliases, then one of each common type, EDNS with options",
        talk.trace,
    )
}

fn search_list() -> Capture {
    let mut talk = Talk::resolver(51_300);
    let suffixes = [".shop.svc.cluster.example", ".svc.cluster.example", ".cluster.example", ""];
    for (round, suffix) in (0..).zip(suffixes) {
        let text = format!("api.partner.example{suffix}");
        for (id, asked) in [(10 + 2 * round, kind::A), (11 + 2 * round, kind::AAAA)] {
            talk.ask(&Message::query(id).asks(&text, asked));
        }
        for (id, asked, data) in [(10 + 2 * round, kind::A, &V4[..]), (11 + 2 * round, kind::AAAA, &V6[..])] {
            talk.wait_ms(1);
            if suffix.is_empty() {
                talk.answer(&Message::response(id, 0).asks(&text, asked).answer(&QUESTION, asked, data));
                talk.expect("dns.flags.rcode", 0);
            } else {
                talk.answer(&Message::response(id, 3).asks(&text, asked));
                talk.expect("dns.flags.rcode", 3);
            }
        }
        talk.port(51_301 + round);
    }
    Capture::pcap(
        "dns-search-list.pcap",
        "a name is tried with three suffixes, in vain, before it is asked for itself",
        talk.trace,
    )
}

fn codes() -> Capture {
    let mut talk = Talk::resolver(51_400);
    let bogus = option(15, &[&words(&[6])[..], b"no RRSIG covers it"].concat());
    for (id, rcode, extended, options) in [
        (1, 2, 0, &bogus[..]),
        (2, 5, 0, &[]),
        (3, 1, 0, &[]),
        (4, 4, 0, &[]),
        (5, 9, 0, &[]),
        // BADVERS is 16: 0 in the header, 1 in EDNS.
        (6, 0, 1, &[]),
        (7, 12, 0, &[]),
    ] {
        talk.ask(&Message::query(id).asks("shop.example", kind::A).edns(1_232, 0, false, &[]));
        let answer = Message::response(id, rcode).asks("shop.example", kind::A);
        talk.wait_ms(20).answer(&answer.edns(1_232, extended, false, options));
        talk.expect("dns.flags.rcode", rcode).wait_ms(10);
    }
    // A server that knows no EDNS returns the header alone.
    talk.ask(&Message::query(8).asks("shop.example", kind::A).edns(1_232, 0, false, &[]));
    talk.wait_ms(20).answer(&Message::response(8, 1)).expect("dns.time", "0.020000000");
    // A dynamic update that fails, and a zone's change announced (RFC 2136, RFC 1996).
    let update = Message::with_flags(9, 0x2800)
        .question(&name("shop.example"), kind::SOA, 1)
        .record(1, &name("new.shop.example"), kind::ANY, 254, 0, &[])
        .record(2, &name("new.shop.example"), kind::A, 1, 300, &V4);
    talk.wait_ms(10).ask(&update).expect("dns.count.updates", 1);
    talk.wait_ms(4).answer(&Message::with_flags(9, 0xa805).question(&name("shop.example"), kind::SOA, 1));
    talk.wait_ms(10).ask(&Message::with_flags(10, 0x2400).asks("shop.example", kind::SOA));
    talk.wait_ms(4).answer(&Message::with_flags(10, 0xa400).asks("shop.example", kind::SOA));
    talk.expect("dns.flags.opcode", 4);
    Capture::pcap(
        "dns-codes.pcap",
        "each error code, one with an extended error, and an update that is refused",
        talk.trace,
    )
}

fn unanswered() -> Capture {
    let mut talk = Talk::resolver(51_500);
    let query = |id| Message::query(id).asks("slow.example", kind::A);
    let answer = |id| Message::response(id, 0).asks("slow.example", kind::A).answer(&QUESTION, kind::A, &V4);
    // Three times, and never an answer.
    talk.ask(&query(1)).wait_ms(1_000).ask(&query(1)).expect("dns.retransmit_request_in", 1);
    talk.wait_ms(2_000).ask(&query(1)).expect("dns.retransmission", 1);
    // After exactly five seconds it counts as another query.
    talk.port(51_501).ask(&query(2)).wait_ms(5_000).ask(&query(2));
    talk.wait_ms(30).answer(&answer(2)).expect("dns.response_to", 5).expect("dns.time", "0.030000000");
    // The first answer is lost on the way to the client, as the capture sees it.
    talk.wait_ms(100).port(51_502).ask(&query(3)).wait_ms(5).answer(&answer(3)).wait_ms(1_000).ask(&query(3));
    talk.wait_ms(5).answer(&answer(3)).expect("dns.response_to", 9).expect("dns.time", "0.005000000");
    // Slow, but answered.
    talk.port(51_503).ask(&query(4)).wait_ms(1_800).answer(&answer(4)).expect("dns.time", "1.800000000");
    // The capture ends too soon to say anything.
    talk.wait_ms(200).port(51_504).ask(&query(5));
    Capture::pcap(
        "dns-unanswered.pcap",
        "a query sent three times in vain, one answered the second time, a slow one, one at the end",
        talk.trace,
    )
}

fn answered_twice() -> Capture {
    let mut talk = Talk::resolver(51_600);
    let query = |id, text| Message::query(id).asks(text, kind::A);
    let answer = |id, text, last| {
        Message::response(id, 0).asks(text, kind::A).answer(&QUESTION, kind::A, &[192, 0, 2, last])
    };
    talk.ask(&query(1, "twice.example")).wait_ms(9).answer(&answer(1, "twice.example", 1));
    talk.wait_ms(1).answer(&answer(1, "twice.example", 1)).expect("dns.retransmit_response_in", 2);
    // Somebody on the way answers faster than the server, and lies.
    talk.port(51_601).ask(&query(2, "forged.example")).wait_ms(2).answer(&answer(2, "forged.example", 66));
    talk.wait_ms(7).answer(&answer(2, "forged.example", 2)).expect("dns.retransmit_response_in", 5);
    // Guesses at the id, then the answer.
    talk.port(51_602).ask(&query(3, "guessed.example"));
    for id in [100, 101, 102] {
        talk.wait_ms(1).answer(&answer(id, "guessed.example", 66)).expect("dns.unsolicited", 1);
    }
    talk.wait_ms(6).answer(&answer(3, "guessed.example", 3)).expect("dns.response_to", 7);
    // The id is right, the question is not.
    talk.port(51_603).ask(&query(4, "other.example")).wait_ms(3).answer(&answer(4, "mixed-up.example", 4));
    talk.wait_ms(3).answer(&answer(4, "other.example", 4)).expect("dns.retransmission", 1);
    // Nobody asked.
    talk.port(51_604).answer(&answer(5, "unasked.example", 5)).expect("dns.unsolicited", 1);
    // Letters of another case are the same name; two questions with one id are not the same query.
    talk.wait_ms(50).port(51_605).ask(&query(6, "MiXeD.eXample")).wait_ms(4).answer(&answer(
        6,
        "mixed.example",
        6,
    ));
    talk.wait_ms(50)
        .port(51_606)
        .ask(&query(7, "one.example"))
        .ask(&query(7, "two.example"))
        .expect("dns.retransmission", 1);
    talk.wait_ms(4).answer(&answer(7, "two.example", 2)).answer(&answer(7, "one.example", 1));
    talk.expect("dns.retransmit_response_in", 20);
    Capture::pcap(
        "dns-answered-twice.pcap",
        "answers twice, forged, with wrong ids, to other questions, unasked",
        talk.trace,
    )
}

fn truncated() -> Capture {
    let mut talk = Talk::resolver(51_700);
    let ask = |id| Message::query(id).asks("large.example", kind::A);
    talk.ask(&ask(1).edns(1_232, 0, false, &[]));
    let cut = Message::response(1, 0).flags(0x0200).asks("large.example", kind::A);
    talk.wait_ms(4).answer(&cut.edns(1_232, 0, false, &[])).expect("dns.flags.truncated", 1);
    let mut trace = talk.trace;
    trace.wait_us(200);
    let mut connection = Connection::v4(51_701, 53);
    connection.open(&mut trace, 4_000);
    connection.data(&mut trace, Side::Client, &ask(2).framed());
    trace.expect_value("dns.length", 31);
    trace.wait_us(4_000);
    // 120 addresses in two segments.
    let whole = (0..120).fold(Message::response(2, 0).asks("large.example", kind::A), |m, last| {
        m.answer(&QUESTION, kind::A, &[192, 0, 2, last])
    });
    for part in whole.framed().chunks(1_460) {
        connection.data(&mut trace, Side::Server, part);
        trace.wait_us(20);
    }
    trace.expect_value("dns.count.answers", 120);
    connection.ack(&mut trace, Side::Client);
    connection.close(&mut trace, Side::Client, 4_000);
    // Another connection is reset while its query waits.
    let mut second = Connection::v4(51_702, 53);
    second.open(&mut trace, 4_000);
    second.data(&mut trace, Side::Client, &ask(3).framed());
    trace.wait_ms(700);
    second.bare(&mut trace, Side::Server, crate::endpoint::flag::RST | crate::endpoint::flag::ACK);
    Capture::pcap(
        "dns-truncated.pcap",
        "an answer that does not fit is fetched over TCP; a connection is reset while a query waits",
        trace,
    )
}

fn transfer() -> Capture {
    let mut trace = Trace::new();
    let mut connection = Connection::v4(51_800, 53);
    connection.open(&mut trace, 2_000);
    connection.data(
        &mut trace,
        Side::Client,
        &Message::with_flags(1, 0).asks("zone.example", kind::AXFR).framed(),
    );
    trace.wait_us(2_000);
    let soa = [name("ns.zone.example"), name("admin.zone.example"), [0, 0, 14, 16].repeat(5)].concat();
    let part = |first: bool| {
        let message = Message::with_flags(1, 0x8400);
        if first { message.asks("zone.example", kind::AXFR) } else { message }
    };
    let hosts = |m: Message, from: u8| {
        (from..from + 8)
            .fold(m, |m, n| m.answer(&name(&format!("host{n}.zone.example")), kind::A, &[192, 0, 2, n]))
    };
    let messages = [
        hosts(part(true).answer(&name("zone.example"), kind::SOA, &soa), 1).framed(),
        hosts(part(false), 9).framed(),
        hosts(part(false), 17).answer(&name("zone.example"), kind::SOA, &soa).framed(),
    ];
    // The first in a segment of its own, the others in one.
    connection.data(&mut trace, Side::Server, &messages[0]);
    trace.expect("dns.response_to");
    trace.wait_us(500);
    connection.data(&mut trace, Side::Server, &messages[1..].concat());
    trace.expect_value("dns.time", "0.002500000,0.002500000");
    connection.ack(&mut trace, Side::Client);
    connection.close(&mut trace, Side::Client, 2_000);
    Capture::pcap("dns-transfer.pcap", "a zone in three messages", trace)
}

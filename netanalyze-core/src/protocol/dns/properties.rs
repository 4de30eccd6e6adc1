//! Properties: an independent parser agrees where it can read at all, and no damage does harm.

use std::fmt::Write as _;

use dns_parser::{Name as TheirName, Packet, RData, ResourceRecord, ResponseCode};
use proptest::prelude::*;

use super::tests::wire;
use super::*;

/// A name of one to four labels that both parsers take.
fn name() -> impl Strategy<Value = String> {
    prop::collection::vec("[a-z0-9_-]{1,12}", 0..4).prop_map(|labels| labels.join("."))
}

/// A record of a type that dns-parser knows: type and data, with names that may point to the question's.
fn data() -> impl Strategy<Value = (u16, Vec<u8>)> {
    let target = prop_oneof![
        name().prop_map(|n| wire(&n)),
        Just(vec![0xc0, 12]),
        "[a-z]{1,8}".prop_map(|l| [&[l.len() as u8][..], l.as_bytes(), &[0xc0, 12]].concat()),
    ];
    let words = prop::collection::vec(any::<u8>(), 6);
    prop_oneof![
        prop::array::uniform4(any::<u8>()).prop_map(|a| (1, a.to_vec())),
        prop::array::uniform16(any::<u8>()).prop_map(|a| (28, a.to_vec())),
        (prop::sample::select(vec![2u16, 5, 12]), target.clone()),
        (words.clone(), target.clone()).prop_map(|(w, t)| (15, [&w[..2], &t].concat())),
        (words, target.clone()).prop_map(|(w, t)| (33, [&w[..], &t].concat())),
        (target.clone(), target, prop::collection::vec(any::<u8>(), 20))
            .prop_map(|(a, b, n)| (6, [a, b, n].concat())),
        prop::collection::vec("[ -~]{0,20}", 1..4).prop_map(|texts| {
            let bytes = texts.iter().flat_map(|t| [&[t.len() as u8][..], t.as_bytes()].concat());
            (16, bytes.collect())
        }),
    ]
}

prop_compose! {
    /// A message that both parsers read.
    fn message()(
        id in any::<u16>(),
        // Without the reserved bit, which dns-parser refuses.
        flags in prop::bits::u16::masked(0x87a0),
        question in name(),
        sections in prop::array::uniform3(prop::collection::vec((any::<bool>(), name(), data(), 0u32..1 << 31), 0..4)),
    ) -> Vec<u8> {
        let counts = sections.each_ref().map(|s| s.len() as u16);
        let mut bytes: Vec<u8> =
            [id, flags, 1, counts[0], counts[1], counts[2]].iter().flat_map(|w| w.to_be_bytes()).collect();
        bytes.extend(wire(&question));
        bytes.extend([0, 1, 0, 1]);
        for (pointer, owner, (kind, data), ttl) in sections.concat() {
            bytes.extend(if pointer { vec![0xc0, 12] } else { wire(&owner) });
            bytes.extend([kind, 1].iter().flat_map(|w: &u16| w.to_be_bytes()));
            bytes.extend(ttl.to_be_bytes());
            bytes.extend((data.len() as u16).to_be_bytes());
            bytes.extend(data);
        }
        bytes
    }
}

/// Everything of a message, one line a part, as dns-parser reads it.
fn theirs(packet: &Packet<'_>) -> String {
    let h = &packet.header;
    let mut text = format!(
        "{} {} {} {} {} {}\n",
        h.id,
        !h.query,
        h.truncated,
        h.questions,
        h.answers,
        rcode(h.response_code)
    );
    for q in &packet.questions {
        writeln!(text, "{} {}", plain(&q.qname), q.qtype as u16).unwrap();
    }
    for r in packet.answers.iter().chain(&packet.nameservers).chain(&packet.additional) {
        writeln!(text, "{} {} {}", plain(&r.name), r.ttl, their_data(r)).unwrap();
    }
    text
}

fn rcode(code: ResponseCode) -> u8 {
    code.into()
}

/// A pointer to the root leaves a dot.
fn plain(name: &TheirName<'_>) -> String {
    name.to_string().trim_end_matches('.').to_owned()
}

fn their_data(record: &ResourceRecord<'_>) -> String {
    match &record.data {
        RData::A(a) => format!("A {}", a.0),
        RData::AAAA(a) => format!("AAAA {}", a.0),
        RData::CNAME(n) => format!("CNAME {}", plain(&n.0)),
        RData::NS(n) => format!("NS {}", plain(&n.0)),
        RData::PTR(n) => format!("PTR {}", plain(&n.0)),
        RData::MX(mx) => format!("MX {} {}", mx.preference, plain(&mx.exchange)),
        RData::SRV(s) => format!("SRV {} {} {} {}", s.priority, s.weight, s.port, plain(&s.target)),
        RData::SOA(s) => format!(
            "SOA {} {} {} {} {} {} {}",
            plain(&s.primary_ns),
            plain(&s.mailbox),
            s.serial,
            s.refresh,
            s.retry,
            s.expire,
            s.minimum_ttl
        ),
        RData::TXT(t) => format!("TXT {:?}", t.iter().collect::<Vec<_>>()),
        other => format!("{other:?}"),
    }
}

fn text(name: &Name) -> String {
    String::from_utf8_lossy(name.as_bytes()).trim_end_matches('.').to_owned()
}

/// The same, as we read it.
fn ours(parsed: &Parsed<'_>) -> String {
    let h = parsed.header();
    let [questions, answers, ..] = h.counts;
    let (response, truncated) = (h.is_response(), h.is_truncated());
    let mut all = format!("{} {response} {truncated} {questions} {answers} {}\n", h.id, h.rcode().0);
    for q in parsed.questions() {
        writeln!(all, "{} {}", text(&q.name), q.kind.0).unwrap();
    }
    for r in parsed.records() {
        let data = match r.rdata() {
            Rdata::A(a) => format!("A {a}"),
            Rdata::Aaaa(a) => format!("AAAA {a}"),
            Rdata::Name(n) => format!("{} {}", r.kind, text(&n)),
            Rdata::Mx { preference, exchange } => format!("MX {preference} {}", text(&exchange)),
            Rdata::Srv { priority, weight, port, target } => {
                format!("SRV {priority} {weight} {port} {}", text(&target))
            }
            Rdata::Soa(s) => format!(
                "SOA {} {} {} {} {} {} {}",
                text(&s.primary),
                text(&s.mailbox),
                s.serial,
                s.refresh,
                s.retry,
                s.expire,
                s.minimum
            ),
            Rdata::Txt(t) => format!("TXT {:?}", t.collect::<Vec<_>>()),
            other => format!("{other:?}"),
        };
        // RFC 2181 §8, which dns-parser obeys: what looks negative is zero.
        let ttl = if r.ttl >> 31 == 0 { r.ttl } else { 0 };
        writeln!(all, "{} {ttl} {data}", text(&r.name)).unwrap();
    }
    all
}

proptest! {
    #[test]
    fn an_independent_parser_reads_the_same(bytes in message()) {
        let packet = Packet::parse(&bytes);
        prop_assert!(packet.is_ok(), "{:?}", packet.err());
        let parsed = Parsed::new(&bytes).unwrap();
        prop_assert!(parsed.is_whole());
        prop_assert_eq!(ours(&parsed), theirs(&packet.unwrap()));
    }

    /// Whatever dns-parser still reads of a damaged message, we read the same.
    #[test]
    fn and_of_damaged_messages(bytes in message(), at in any::<prop::sample::Index>(), flip in 1u8..) {
        let mut bytes = bytes;
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        if let Ok(packet) = Packet::parse(&bytes) {
            let parsed = Parsed::new(&bytes).unwrap();
            // Both have their own words for types that they do not know.
            let known = |r: Record<'_>| r.name.state() == NameState::Sound && !matches!(r.rdata(), Rdata::Other(_) | Rdata::Opt(_));
            if parsed.records().all(known) {
                prop_assert_eq!(ours(&parsed), theirs(&packet));
            }
        }
        fuzz::dns(&bytes);
    }

    /// Every cut of a message survives, and tells a beginning of what the whole one tells.
    #[test]
    fn every_cut_tells_a_beginning(bytes in message()) {
        let whole = Parsed::new(&bytes).unwrap();
        for cut in 4..bytes.len() {
            let part = Parsed::new(&bytes[..cut]).unwrap();
            prop_assert!(!part.is_whole());
            let (part, whole): (Vec<_>, Vec<_>) = (part.records().collect(), whole.records().collect());
            prop_assert!(part.len() <= whole.len());
            for (a, b) in part.iter().zip(&whole) {
                prop_assert_eq!((a.name, a.kind, a.ttl, a.data), (b.name, b.kind, b.ttl, b.data));
            }
        }
    }

    /// Nor does any string of bytes do harm.
    #[test]
    fn any_bytes_survive(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        fuzz::dns(&bytes);
    }
}

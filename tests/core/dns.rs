//! Lookups of whole captures: what became of each, and what is found of them.

use std::convert::Infallible;
use std::num::NonZeroUsize;

use netanalyze_core::capture::Source;
use netanalyze_core::conversation::Met;
use netanalyze_core::engine::{Cancellation, Depth, Interests, View, analyse};
use netanalyze_core::field::AnalysedBatch;
use netanalyze_core::protocol::dns::{Lookup, shown_text};
use netanalyze_core::protocol::message::Message;
use netanalyze_core::transaction::{Groups, Searches};

use crate::golden::corpus;

/// Transactions, or findings.
struct Wanted {
    findings: bool,
}

/// Type and name, frames of query and answer, how often asked, outcome and code, what the answer leads to.
fn line(lookup: &Lookup) -> String {
    let frame = |moment: Option<netanalyze_core::protocol::stream::Moment>| {
        moment.map_or("-".to_owned(), |moment| moment.frame.to_string())
    };
    let (query, response) = (frame(lookup.query), frame(lookup.response));
    let rcode = lookup.rcode.map_or(String::new(), |rcode| format!(" {rcode}"));
    let mut text = format!("{} {} {query}-{response}", lookup.kind, lookup.shown_name());
    if lookup.queries != 1 {
        text += &format!(" x{}", lookup.queries);
    }
    text += &format!(" {}{rcode}", lookup.outcome);
    for name in lookup.aliases.iter().chain(&lookup.names) {
        text += &format!(" {}", shown_text(name));
    }
    lookup.addresses.iter().take(2).for_each(|address| text += &format!(" {address}"));
    lookup.responders.iter().for_each(|end| text += &format!(" by {end}"));
    lookup.extended_errors.iter().for_each(|error| text += &format!(" ({error})"));
    text
}

impl View for Wanted {
    type Piece = ();

    fn interests(&self) -> Interests {
        let applications = if self.findings { Depth::Findings } else { Depth::Transactions };
        Interests { applications, ..Interests::default() }
    }

    fn digest(&self, _: &AnalysedBatch<'_>) {}
}

/// A line a lookup, or a line a finding of DNS.
fn lines(capture: &str, findings: bool) -> Vec<String> {
    let (mut all, mut groups, mut searches) = (Vec::new(), Groups::default(), Searches::default());
    let mut tell = |all: &mut Vec<String>, met: &Met| {
        let Message::Lookup(lookup) = &met.message else { unreachable!() };
        let after = searches.take(met.source.ip(), lookup);
        all.push(line(lookup) + &after.map_or(String::new(), |frame| format!(" after {frame}")));
        Ok::<(), Infallible>(())
    };
    let accept = |(), batch: &AnalysedBatch<'_>| {
        if findings {
            let ours = batch.findings.iter().filter(|f| f.kind().id.contains("dns."));
            all.extend(ours.map(|f| format!("{} {} {}", f.frame, f.known_at, f.kind().id)));
        } else {
            let _ =
                batch.messages.iter().try_for_each(|met| groups.take(met, &mut |met| tell(&mut all, met)));
        }
        Ok(())
    };
    let source = Source::File(corpus().join("captures").join(capture));
    analyse(vec![source], NonZeroUsize::MIN, &Wanted { findings }, accept, &Cancellation::default()).unwrap();
    let _ = groups.finish(&mut |met| tell(&mut all, met));
    all
}

#[test]
fn aliases_lead_to_addresses() {
    let lines = lines("dns-records.pcap", false);
    assert_eq!(
        lines[..9],
        [
            "A www.shop.example 1-3 answered NOERROR shop.cdn.example edge.cdn.example 192.0.2.80",
            "AAAA www.shop.example 2-4 answered NOERROR shop.cdn.example edge.cdn.example 2001:db8:2::80",
            "MX shop.example 5-6 answered NOERROR mx1.example mx2.example",
            "TXT shop.example 7-8 answered NOERROR",
            "NS shop.example 9-10 answered NOERROR ns1.example ns2.example",
            "SRV _sip._udp.shop.example 11-12 answered NOERROR sip.example",
            "PTR 80.2.0.192.in-addr.arpa 13-14 answered NOERROR edge.cdn.example",
            "SOA shop.example 15-16 answered NOERROR",
            "HTTPS shop.example 17-18 answered NOERROR ",
        ]
    );
    assert_eq!(
        lines.last().unwrap(),
        "A signed.example 37-38 answered NOERROR 192.0.2.80 (stale answer (resolver is offline))"
    );
}

#[test]
fn codes_with_their_higher_bits() {
    assert_eq!(
        lines("dns-codes.pcap", false),
        [
            "A shop.example 1-2 answered SERVFAIL (DNSSEC bogus (no RRSIG covers it))",
            "A shop.example 3-4 answered REFUSED",
            "A shop.example 5-6 answered FORMERR",
            "A shop.example 7-8 answered NOTIMP",
            "A shop.example 9-10 answered NOTAUTH",
            "A shop.example 11-12 answered BADVERS",
            "A shop.example 13-14 answered RCODE12",
            "A shop.example 15-16 answered FORMERR",
            "SOA shop.example 17-18 answered REFUSED",
            "SOA shop.example 19-20 answered NOERROR",
        ]
    );
}

#[test]
fn who_waits_and_for_how_long() {
    assert_eq!(
        lines("dns-unanswered.pcap", false),
        [
            "A slow.example 4-6 x2 answered NOERROR 192.0.2.80",
            "A slow.example 7-8 answered NOERROR 192.0.2.80",
            "A slow.example 9-10 answered NOERROR 192.0.2.80",
            "A slow.example 11-12 answered NOERROR 192.0.2.80",
            "A slow.example 1-- x3 no answer",
            "A slow.example 13-- no answer",
        ]
    );
    assert_eq!(
        lines("dns-unanswered.pcap", true),
        [
            "2 2 dns.retransmit_request",
            "3 3 dns.retransmit_request",
            "6 6 netanalyze.dns.slow_answer",
            "12 12 netanalyze.dns.slow_answer",
            "1 13 netanalyze.dns.no_answer",
        ]
    );
}

#[test]
fn answers_that_do_not_belong() {
    assert_eq!(
        lines("dns-answered-twice.pcap", false),
        [
            "A twice.example 1-2 answered NOERROR 192.0.2.1",
            "A forged.example 4-5 answered NOERROR 192.0.2.66",
            "A guessed.example --8 x0 answer with another id NOERROR 192.0.2.66",
            "A guessed.example --9 x0 answer with another id NOERROR 192.0.2.66",
            "A guessed.example --10 x0 answer with another id NOERROR 192.0.2.66",
            "A guessed.example 7-11 answered NOERROR 192.0.2.3",
            "A mixed-up.example --13 x0 answer to another question NOERROR 192.0.2.4",
            "A other.example 12-14 answered NOERROR 192.0.2.4",
            "A MiXeD.eXample 16-17 answered NOERROR 192.0.2.6",
            "A two.example 19-20 answered NOERROR 192.0.2.2",
            "A one.example 18-21 answered NOERROR 192.0.2.1",
            // Its query could have come right behind it.
            "A unasked.example --15 x0 unasked answer NOERROR 192.0.2.5",
        ]
    );
    let found = lines("dns-answered-twice.pcap", true);
    let of = |id: &str| -> Vec<_> {
        let with_id = found.iter().filter(|line| line.ends_with(id));
        with_id.map(|line| line.split(' ').next().unwrap().to_owned()).collect()
    };
    assert_eq!(of(" netanalyze.dns.conflicting_answers"), ["6"]);
    assert_eq!(of(" netanalyze.dns.mismatched_answer"), ["8", "9", "10", "13"]);
    assert_eq!(of(" netanalyze.dns.unasked_answer"), ["15"]);
    assert_eq!(of(" dns.retransmit_response"), ["3", "6", "14", "21"]);
}

#[test]
fn over_tcp() {
    assert_eq!(
        lines("dns-truncated.pcap", false),
        [
            "A large.example 1-2 answered NOERROR",
            "A large.example 6-8 answered NOERROR 192.0.2.0 192.0.2.1",
            "A large.example 16-- no answer",
        ]
    );
    assert_eq!(
        lines("dns-truncated.pcap", true),
        ["2 2 netanalyze.dns.truncated", "16 17 netanalyze.dns.no_answer"]
    );
    // A zone is one lookup, told when the connection ends.
    assert_eq!(
        lines("dns-transfer.pcap", false),
        ["AXFR zone.example 4-5 answered NOERROR 192.0.2.1 192.0.2.2"]
    );
}

#[test]
fn groups_are_asked_and_do_not_fail() {
    assert_eq!(
        lines("mdns.pcap", false),
        [
            "PTR _ipp._tcp.local 1-2 x3 answered NOERROR Office._ipp._tcp.local by 10.0.0.9:5353",
            "PTR _http._tcp.local 5-- no answer (multicast)",
            "AAAA printer.local 6-- no answer (multicast)",
        ]
    );
    assert_eq!(
        lines("llmnr.pcap", false),
        [
            "A fileserver 1-3 x2 answered NOERROR 10.0.0.8 by 10.0.0.8:5355",
            "A wpad 4-- x2 no answer (multicast)"
        ]
    );
    assert_eq!(lines("llmnr.pcap", true), ["2 2 dns.retransmit_request", "5 5 dns.retransmit_request"]);
    assert_eq!(
        lines("dns-groups.pcap", false),
        [
            "A fileserver 14-15 answered NOERROR 10.0.0.8",
            "PTR _ipp._tcp.local 1-3 answered NOERROR Office._ipp._tcp.local Hall._ipp._tcp.local by 10.0.0.9:5353 by \
             10.0.0.8:5353",
            "A printer.local 1-2 answered NOERROR 10.0.0.9 by 10.0.0.9:5353",
            "A printer.local 5-6 answered NOERROR 10.0.0.9 by 10.0.0.9:5353",
            "ANY new.local 7-- no answer (multicast)",
            "A fileserver 9-10 answered NOERROR by 10.0.0.8:5355",
        ]
    );
    let found = lines("dns-groups.pcap", true);
    assert!(found.iter().all(|line| line.contains(" dns.retransmit_")), "{found:?}");
}

#[test]
fn a_search_list_shows_as_names_that_do_not_exist() {
    let lines = lines("dns-search-list.pcap", false);
    assert_eq!(lines.iter().filter(|line| line.contains("NXDOMAIN")).count(), 6);
    assert_eq!(lines[7], "AAAA api.partner.example 14-16 answered NOERROR 2001:db8:2::80 after 10");
    assert_eq!(lines.iter().filter(|line| line.contains(" after ")).count(), 6);
}

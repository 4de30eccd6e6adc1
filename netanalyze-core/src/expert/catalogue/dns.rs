//! Findings of DNS.

use super::{Group, Kind, Severity};
use crate::tcp::Flags;

/// A row.
const fn row(id: &'static str, severity: Severity, title: &'static str) -> Kind {
    Kind {
        id,
        severity,
        group: Group::Protocol,
        title,
        meaning: "",
        reference: "",
        filter: "",
        flag: Flags::NONE,
    }
}

/// In the order in which one frame's are listed.
pub(super) const KINDS: [Kind; 15] = [
    row("dns.retransmit_request", Severity::Warn, "DNS query sent again")
        .with_meaning("A query with the id of one that is less than 5 s old and unanswered: query or answer was lost, or the server is slow.")
        .with_reference("RFC 1035 §4.2.1")
        .with_filter("dns.retransmit_request"),
    row("dns.retransmit_response", Severity::Warn, "DNS answer sent again")
        .with_meaning("A second response with the id of one that was answered: the query reached the server twice, or the packet the capture.")
        .with_reference("RFC 1035 §4.2.1")
        .with_filter("dns.retransmit_response"),
    row("netanalyze.dns.no_answer", Severity::Error, "DNS query without an answer")
        .with_meaning(
            "Nobody answered: query or answer was lost, a firewall drops them, or the server is down. Clients wait seconds before they ask again.",
        )
        .with_reference("RFC 1035 §7.2")
        .with_filter("dns.flags.response == 0"),
    row("netanalyze.dns.servfail", Severity::Error, "Server failure (SERVFAIL)")
        .with_meaning(
            "The resolver could not answer: the name's servers do not respond or contradict themselves, or signatures do not hold. An extended error says more.",
        )
        .with_reference("RFC 1035 §4.1.1, RFC 8914")
        .with_filter("dns.flags.rcode == 2"),
    row("netanalyze.dns.refused", Severity::Error, "Query refused (REFUSED)")
        .with_meaning("The server does not answer this client or this name: it has no recursion for the client, or is not responsible for the zone.")
        .with_reference("RFC 1035 §4.1.1")
        .with_filter("dns.flags.rcode == 5"),
    row("netanalyze.dns.formerr", Severity::Warn, "Query not understood (FORMERR)")
        .with_meaning("The server cannot read the query. An old server or a device on the way that does not know EDNS answers so.")
        .with_reference("RFC 1035 §4.1.1, RFC 6891 §7")
        .with_filter("dns.flags.rcode == 1"),
    row("netanalyze.dns.notimp", Severity::Warn, "Query not implemented (NOTIMP)")
        .with_meaning("The server does not know this kind of query.")
        .with_reference("RFC 1035 §4.1.1")
        .with_filter("dns.flags.rcode == 4"),
    row("netanalyze.dns.rcode", Severity::Warn, "DNS error")
        .with_meaning("The response has another error code: of a dynamic update, a zone transfer, a signature, a cookie.")
        .with_reference("RFC 6895 §2.3")
        .with_filter("dns.flags.rcode > 5 || dns.resp.ext_rcode > 0"),
    row("netanalyze.dns.nxdomain", Severity::Note, "Name does not exist (NXDOMAIN)")
        .with_meaning("There is no such name. A resolver that tries a list of suffixes meets it often; without another answer it is a typo or a missing record.")
        .with_reference("RFC 2308, RFC 8020")
        .with_filter("dns.flags.rcode == 3"),
    row("netanalyze.dns.conflicting_answers", Severity::Warn, "Second answer that says something else")
        .with_meaning(
            "Two responses to one query differ in code, aliases or addresses. One may come from somebody on the way who forges answers; the first one counts.",
        )
        .with_reference("RFC 5452 §4")
        .with_filter("dns.retransmit_response"),
    row("netanalyze.dns.mismatched_answer", Severity::Warn, "Answer that fits no query")
        .with_meaning("While a query waits, a response comes with another id or to another question: late, mangled by a translator of addresses, or forged.")
        .with_reference("RFC 5452 §9.1")
        .with_filter("dns.flags.response == 1"),
    row("netanalyze.dns.slow_answer", Severity::Warn, "Slow DNS answer")
        .with_meaning("From the first query to the answer it took longer than the threshold. Whoever wanted to connect waited as long.")
        .with_reference("RFC 1035 §7.2")
        .with_filter("dns.time"),
    row("netanalyze.dns.truncated", Severity::Note, "Answer did not fit")
        .with_meaning("The answer is larger than the client's datagrams may be. The client has to ask again over TCP, which takes longer and is blocked in some networks.")
        .with_reference("RFC 1035 §4.2.1, RFC 7766 §5")
        .with_filter("dns.flags.truncated == 1"),
    row("netanalyze.dns.extended_error", Severity::Note, "Extended DNS error")
        .with_meaning("The server adds to a successful answer what is wrong with it: stale, forged, filtered, not validated.")
        .with_reference("RFC 8914")
        .with_filter("dns.opt.ext_error.info_code"),
    row("netanalyze.dns.unasked_answer", Severity::Note, "Answer without a query")
        .with_meaning(
            "A response to a query that the capture does not hold: it began later, sees one direction only, or the response is one that nobody asked for.",
        )
        .with_reference("RFC 5452")
        .with_filter("dns.flags.response == 1"),
];

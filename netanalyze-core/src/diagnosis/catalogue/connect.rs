//! Rules of connection establishment.

use super::{Advice, Rule, advice};
use crate::diagnosis::object::{Confidence, Severity};
use crate::diagnosis::thresholds::Limit;

const LISTENS: Advice =
    advice("server", "ss -ltn 'sport = :{port}'", "whether anything listens, and on which address");

pub(super) const RULES: &[Rule] = &[Rule {
    code: "CONN-01",
    name: "syn-unanswered",
    title: "connection attempts get no answer",
    severity: Severity::Error,
    confidence: Confidence::High,
    meaning: "The client asks for a connection again and again and hears nothing: neither a SYN-ACK, nor a reset, nor an ICMP error. \
                  Something drops the SYN or its answer without a word, as firewalls that drop do, or the host is down. Programs wait for their own timeout, on Linux for \
                  more than two minutes.",
    evidence: "At least two SYNs of one attempt with the same sequence number; no packet of the other end; no ICMP error that quotes them; and the \
                   capture goes on for three seconds after the last of them.",
    confounders: "A capture of one direction only, answers that take another way, and a capture filter that leaves them out look the same. \
                      At the server's side it is surer than at the client's: there it shows that the SYN arrived.",
    thresholds: &[Limit::SynAttempts, Limit::SynWait],
    steps: &[
        advice(
            "client",
            "traceroute -T -p {port} {server}",
            "the last hop that answers stands before what drops",
        ),
        advice(
            "server",
            "tcpdump -ni any 'tcp[tcpflags] & tcp-syn != 0 and port {port}'",
            "whether the SYN arrives there",
        ),
        advice("server", "nft list ruleset", "a rule that drops"),
        LISTENS,
    ],
    references: &["RFC 6298 section 5.7", "RFC 9293 section 3.10.7.4"],
}];

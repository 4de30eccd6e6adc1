//! Rules of name resolution.

use super::{Rule, advice};
use crate::diagnosis::object::{Confidence, Severity};
use crate::diagnosis::thresholds::Limit;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "DNS-01",
        name: "slow-resolver",
        title: "the resolver answers slowly",
        severity: Severity::Warn,
        confidence: Confidence::High,
        meaning: "Names are resolved, but late, and everything that needs a name waits as long before it even connects. The resolver is far \
                  away or overloaded, or asks slow servers because its cache does not hold the answer.",
        evidence: "The slowest part of a resolver's answers, or single ones, take longer than the thresholds allow; each answer is matched \
                   with its query by addresses, ports, identification and question.",
        confounders: "A resolver that answers from its cache in no time and is slow for a few names waits for their servers: the fault is \
                      behind it. At the resolver's own upstream side, such times are ordinary.",
        thresholds: &[Limit::ResolverP95, Limit::ResolverMax],
        steps: &[
            advice(
                "client",
                "dig @{server} {name} +stats",
                "the time of a query, and of a second one that the cache answers",
            ),
            advice("client", "ping -c 20 {server}", "how much of it is the way to the resolver"),
            advice("resolver", "dig {name} +trace", "which server of the chain is slow"),
        ],
        references: &["RFC 1034 section 4.3.1", "RFC 1035 section 7.2"],
    },
    Rule {
        code: "DNS-02",
        name: "query-timeout",
        title: "queries get no answer",
        severity: Severity::Error,
        confidence: Confidence::High,
        meaning: "A query stays without an answer, and the client asks again after its timeout (five seconds by default on Linux), or asks \
                  another server. Every such name costs those seconds; programs report slow starts rather than DNS errors.",
        evidence: "A query without an answer, asked again or asked elsewhere, or given up, in a capture that goes on for long enough to \
                   have caught an answer.",
        confounders: "At the client's side a lost query looks like a lost answer. A capture of one direction only shows no answers at all; \
                      then nothing is said (Q-06). Late answers, behind the client's retry, are slow ones (DNS-01).",
        thresholds: &[],
        steps: &[
            advice("client", "dig @{server} {name} +tries=1 +time=2", "whether it is the name or the server"),
            advice("client", "cat /etc/resolv.conf", "the servers that are asked, timeout and attempts"),
            advice(
                "resolver",
                "tcpdump -ni any udp port 53 and host {client}",
                "whether the query arrives and an answer leaves",
            ),
            advice("firewall or node between them", "conntrack -S", "insert_failed or drop that grow"),
        ],
        references: &["resolv.conf(5)", "RFC 1035 section 4.2.1"],
    },
    Rule {
        code: "DNS-06",
        name: "resolver-failure",
        title: "the resolver reports failures",
        severity: Severity::Error,
        confidence: Confidence::High,
        meaning: "The resolver answers, but says that it cannot (SERVFAIL), will not (REFUSED), or does not understand (NOTIMP, FORMERR). A \
                  broken delegation, failed DNSSEC validation, unreachable servers of the zone, or an access list. The name may well exist.",
        evidence: "Answers with one of these codes, for a name that the client then does not get resolved at all, or for too large a share \
                   of a resolver's answers; the extended error, if the answer carries one, says why.",
        confounders: "A single failure that the next try mends costs little. Names of blocked or local zones are refused on purpose.",
        thresholds: &[Limit::ResolverFailures],
        steps: &[
            advice(
                "client",
                "dig @{server} {name} +dnssec +cd",
                "if this succeeds and it fails without +cd, the zone's DNSSEC is broken",
            ),
            advice("resolver", "dig {name} +trace", "the delegation at which it ends"),
            advice("resolver", "delv {name}", "why validation fails"),
        ],
        references: &["RFC 1035 section 4.1.1", "RFC 8914", "RFC 6891 section 7"],
    },
    Rule {
        code: "DNS-13",
        name: "name-does-not-exist",
        title: "the name does not exist",
        severity: Severity::Error,
        confidence: Confidence::High,
        meaning: "The client asks for a name that the DNS denies, and gets no further. A typing error in a configuration, a record that is \
                  missing or was deleted, the wrong view of a zone, or a name that only another resolver knows.",
        evidence: "Answers that the name does not exist, for all the variants that the client's search list makes of it; no success for \
                   that name afterwards; and no connection of the client that followed from it.",
        confounders: "Search lists make several failing queries of one good name: those fold into it and do not count. Browsers and mail \
                      filters ask for names on purpose that need not exist.",
        thresholds: &[],
        steps: &[
            advice("client", "dig @{server} {name}", "whether it still does not exist"),
            advice("resolver", "dig {name} +trace", "which server denies it: its zone lacks the record"),
            advice("client", "grep -rn {name} /etc", "where the name comes from"),
        ],
        references: &["RFC 8020", "RFC 2308 section 2.1"],
    },
];

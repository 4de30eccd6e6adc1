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
        meaning: "Names are resolved, but late, and everything that needs a name waits as long before it even connects. The resolver is \
                  overloaded, or asks slow servers because its cache does not hold the answer.",
        evidence: "An answer that takes as long as the upper threshold, or, of at least five answers, one in twenty that takes as long as \
                   the lower one; each is matched with its query by addresses, ports, identification and question. It is sure if three or \
                   more, and a fifth of all, are slow.",
        confounders: "What all answers take is the way to the resolver: what comes hardly later than the soonest one does not count. \
                      Lookups that are asked together, eight or more within a tenth of a second, wait for one another and for the link; a \
                      resolver that asks others on its own account waits for them: both are guesses at most. So are times below four times \
                      the lower threshold, and single slow answers among many. Data that is carried in names (tunnels) is left out. An \
                      answer right behind a repeated query belongs to DNS-02.",
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
        evidence: "A query without an answer for at least five seconds, as long as clients wait, in a capture that goes on until then; or \
                   one that was answered only when it was sent again. It is sure where several queries were asked again, of the same \
                   server or another one, and the server answered others.",
        confounders: "At the client's side a lost query looks like a lost answer. Of a server that sends nothing at all a capture of one \
                      direction would show the same: medium at most, and nothing if the whole capture is one-sided (Q-06). Queries that \
                      nobody repeats may only lack their answers in the capture, and an address that is asked once, while others answer, \
                      may be a mistake: guesses at most. So are all where a tenth of the answers lack their queries in the capture, or where a \
                      fragment of an answer came, or, over IPv6, may have been left out by a filter by port, where only queries that allow for answers in fragments get none, or where from the query on nothing comes in for the client from anybody, though it sends to others, too. Messages with a wrong checksum, of hosts whose others are right, are damaged and do not \
                      count; nor do queries that the capture only holds once more (hardly later than the first one or its answer, or from another place with the same identification of the IP packet). Where \
                      packets were captured more than once (Q-02, Q-08) it is medium at most. Late answers, without a retry, are slow ones (DNS-01).",
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
        evidence: "Answers with one of these codes, for a name that the client then does not get resolved at all; or at least five of \
                   them, and too large a share of a resolver's answers. The extended error, if the answer carries one, says why.",
        confounders: "A failure that a later try mends costs little: it is a warning, and less sure. Names of blocked or local zones are \
                      refused on purpose. Variants of a name that a search list makes do not count. Failures of reverse lookups are \
                      ordinary, and a resolver that asks on behalf of others has further servers to ask: both are less sure. So is a \
                      single one if the capture ends before the client would try again. A query without recursion, to a server that \
                      offers none, is no host's to its resolver: that it is refused is proper, and a note.",
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
        severity: Severity::Warn,
        confidence: Confidence::High,
        meaning: "The client asks for a name that the DNS denies, and the capture shows no success for it. A typing error in a \
                  configuration, a record that is missing or was deleted, the wrong view of a zone, or a name that only another resolver \
                  knows. That somebody needed the name is not shown.",
        evidence: "Answers that the name does not exist, for all the variants that the client's search list makes of it, and no success \
                   for that name just before or afterwards, from any server.",
        confounders: "Many names are asked for that need not exist, and are guesses at most: reverse lookups; names of the local network \
                      (.local, .lan, .home, single labels, wpad, names that are sought by multicast, too); services (labels with an \
                      underscore); lists of addresses and names; whole names with a suffix of the search list; names that browsers make \
                      up; TXT records; and all that a resolver asks on behalf of others. It is medium \
                      if the capture ends within five seconds, if the client has a tunnel or encrypted DNS, where it may ask unseen, and if it \
                      connects soon after to an address that no answer in the capture gave it.",
        thresholds: &[],
        steps: &[
            advice("client", "dig @{server} {name}", "whether it still does not exist"),
            advice("resolver", "dig {name} +trace", "which server denies it: its zone lacks the record"),
            advice("client", "grep -rn {name} /etc", "where the name comes from"),
        ],
        references: &["RFC 8020", "RFC 2308 section 2.1"],
    },
];

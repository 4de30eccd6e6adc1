//! Rules of connection establishment.

use super::{Advice, Rule, advice};
use crate::diagnosis::object::{Confidence, Severity};
use crate::diagnosis::thresholds::Limit;

const LISTENS: Advice =
    advice("server", "ss -ltn 'sport = :{port}'", "whether anything listens, and on which address");
const TRACE: Advice = advice(
    "client",
    "traceroute -T -p {port} {server}",
    "the last hop that answers stands before what drops or answers in the server's name",
);

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "CONN-01",
        name: "syn-unanswered",
        title: "connection attempts get no answer",
        severity: Severity::Error,
        confidence: Confidence::High,
        meaning: "The client asks for a connection again and again and hears nothing: neither a SYN-ACK, nor a reset, nor an ICMP error. \
                  Something drops the SYN or its answer without a word, as firewalls that drop do, or the host is down. Programs wait for \
                  their own timeout, on Linux for more than two minutes.",
        evidence: "Several SYNs of one attempt with the same sequence number, the last about a second or more after the first, as stacks \
                   retry; no packet of the other end; no ICMP error that quotes them; and a capture that goes on for long enough after the \
                   last of them to have caught an answer.",
        confounders: "A capture of one direction only, answers that take another way, and a capture filter that leaves them out look the \
                      same; only next to the server it shows that the SYN arrived, and elsewhere confidence is medium at most. If some \
                      attempts wait while accepted connections are not served, it is CONN-06. Peers that come and go leave SYNs \
                      unanswered, too: where others answer the client, many of them are told together, as a guess. Several servers that are \
                      silent at the same time, while others answer, are told together, too: what the ways to them share is the likelier \
                      reason.",
        thresholds: &[Limit::SynAttempts, Limit::SynWait],
        steps: &[
            TRACE,
            advice(
                "server",
                "tcpdump -ni any 'tcp[tcpflags] & tcp-syn != 0 and port {port}'",
                "whether the SYN arrives there",
            ),
            advice("server", "nft list ruleset", "a rule that drops"),
            LISTENS,
        ],
        references: &["RFC 6298 section 5.7", "RFC 9293 section 3.10.7.4"],
    },
    Rule {
        code: "CONN-02",
        name: "connection-refused",
        title: "the port is closed",
        severity: Severity::Error,
        confidence: Confidence::High,
        meaning: "The host answers, but nothing on it listens on that address and port: the service is stopped, restarts, crashed, or is \
                  bound to another address. The client learns of it at once (\"connection refused\"). If the reset is the host's own, the \
                  path there and back works.",
        evidence: "A SYN, no SYN-ACK, and a reset in the server's name, without a window, whose acknowledgement covers just that SYN. Its \
                   TTL is compared with that of the host's SYN-ACKs, where the capture holds any.",
        confounders: "A firewall that rejects with a TCP reset sends the same packet in the host's name. Where its TTL cannot be the \
                      host's, the verdict is CONN-04 instead. Where the reset begins with another TTL than the host's SYN-ACKs do, or with \
                      255, as devices do that answer for others, confidence is medium; where it gives a window, which no host does that \
                      refuses, it is a guess. Where the host sent nothing else, the two cannot be told apart from here. If another \
                      connection took its place at once (over the other address family, or another port of the service), it is a note; so is \
                      what a scanner finds, by its SYNs or by how much it tries.",
        thresholds: &[],
        steps: &[
            LISTENS,
            advice("server", "systemctl --failed", "a service that stopped or could not start"),
            advice("client", "nc -vz {server} {port}", "whether it is still refused"),
        ],
        references: &["RFC 9293 section 3.5.2", "RFC 9293 section 3.10.7.1", "RFC 8305 section 5"],
    },
    Rule {
        code: "CONN-03",
        name: "rejected-by-filter",
        title: "a filter rejects the connection",
        severity: Severity::Error,
        confidence: Confidence::High,
        meaning: "A firewall or an access list refuses the connection and says so with an ICMP error. It is a decision of that device, not \
                  a fault of the path: the address that sent the error is the device to look at.",
        evidence: "A SYN, and an ICMP destination unreachable that quotes it: administratively prohibited, rejected by policy, or port \
                   unreachable, which no host's TCP sends by itself but filters do.",
        confounders: "Hosts send ICMP port unreachable for UDP, seldom for TCP; if the error comes from the server itself, the filter runs \
                      on it. An ICMP error may be forged, which hardly happens outside of attacks.",
        thresholds: &[],
        steps: &[
            advice(
                "device that sent the ICMP error",
                "iptables -L -nv | grep -i reject",
                "the rule that rejects, and how often it did",
            ),
            advice(
                "device that sent the ICMP error",
                "nft list ruleset | grep -i reject",
                "the same for nftables",
            ),
            TRACE,
        ],
        references: &["RFC 1812 section 5.2.7.1", "RFC 4443 section 3.1", "RFC 9293 section 3.9.2.2"],
    },
    Rule {
        code: "CONN-04",
        name: "reset-by-middlebox",
        title: "a device on the way resets the connection attempt",
        severity: Severity::Error,
        confidence: Confidence::Medium,
        meaning: "The reset that ends the attempt bears the server's address, but did not come from where the server is: a firewall, an \
                  intrusion prevention system or a load balancer answered in its name. Nothing may be wrong with the server.",
        evidence: "A reset that answers a SYN and whose TTL differs by two or more from that of the same host's other packets, or that came \
                   in less than half of the time that the host is away.",
        confounders: "Farms behind one address, anycast and paths that change have TTLs of their own. A closed port (CONN-02) sends a reset \
                      with the host's TTL.",
        thresholds: &[],
        steps: &[
            TRACE,
            advice(
                "server",
                "tcpdump -ni any 'tcp port {port} and host {client}'",
                "if neither the SYN nor the reset shows up there, a device on the way sent it",
            ),
            advice(
                "another network",
                "nc -vz {server} {port}",
                "whether the attempt succeeds where that device is not on the path",
            ),
        ],
        references: &["RFC 3360", "Weaver, Sommer, Paxson: Detecting Forged TCP Reset Packets (NDSS 2009)"],
    },
    Rule {
        code: "CONN-06",
        name: "accept-queue-full",
        title: "the server accepts connections too slowly",
        severity: Severity::Error,
        confidence: Confidence::Medium,
        meaning: "The server's kernel completes handshakes until the queue of its program is full; then it drops SYNs and the last ACK of \
                  handshakes without a word. Clients that got in wait, because nobody reads their request; the others retry after a second. \
                  The program is overloaded, stuck, or asked for too short a queue.",
        evidence: "For one server and port, close together in time: SYNs without an answer, handshakes that complete at once, and completed \
                   connections whose request the kernel acknowledges but nobody answers; or SYN-ACKs that are sent again after the client's \
                   ACK and data.",
        confounders: "A filter that limits the rate of SYNs also drops some and lets others pass, but those that pass are then served. \
                      Servers that defer accept send the SYN-ACK again only until data arrives. In a SYN flood the clients complete \
                      nothing.",
        thresholds: &[Limit::AcceptWait],
        steps: &[
            advice(
                "server",
                "ss -ltn 'sport = :{port}'",
                "Recv-Q above Send-Q: the queue is full; Send-Q is its length",
            ),
            advice("server", "nstat -az TcpExtListenOverflows TcpExtListenDrops", "whether these grow"),
            advice(
                "server",
                "sysctl net.core.somaxconn net.ipv4.tcp_max_syn_backlog",
                "what caps the queue that the program asked for",
            ),
        ],
        references: &["listen(2)", "tcp(7)", "RFC 9293 section 3.10.7.2"],
    },
    Rule {
        code: "CONN-15",
        name: "host-unreachable",
        title: "no way to the host",
        severity: Severity::Error,
        confidence: Confidence::High,
        meaning: "A router, or the client's own network segment, knows no way to the address: there is no route, or the last router asks \
                  for the host's hardware address and hears nothing, because it is down, moved, or has another address.",
        evidence: "An ICMP network or host unreachable (IPv6: no route, address unreachable) that quotes a SYN without a SYN-ACK; or at \
                   least three ARP requests or neighbour solicitations for the host that stay without an answer, and an attempt as in \
                   CONN-01: several SYNs over about a second, and nothing of the other end.",
        confounders: "Unanswered ARP requests say something only about the captured segment, and scanners ask for many addresses that \
                      nobody has: only those that a connection attempt waits for count. An ICMP error is the word of whoever sent it, and \
                      of no one else.",
        thresholds: &[],
        steps: &[
            advice("client", "ip route get {server}", "the route and the gateway that are used"),
            advice("client", "ip neigh", "FAILED or INCOMPLETE: nobody answers for that address"),
            advice("client", "traceroute -n {server}", "the router at which the way ends"),
        ],
        references: &[
            "RFC 1812 section 5.2.7.1",
            "RFC 4443 section 3.1",
            "RFC 826",
            "RFC 4861 section 7.2.2",
        ],
    },
];

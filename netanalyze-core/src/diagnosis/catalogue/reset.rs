//! Rules of resets and of the end of conversations.

use super::{Rule, advice};
use crate::diagnosis::object::{Confidence, Severity};
use crate::diagnosis::thresholds::Limit;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "RST-02",
        name: "closed-with-unread-data",
        title: "a program closes its socket with data unread",
        severity: Severity::Error,
        confidence: Confidence::Medium,
        meaning: "A program closed a connection while its kernel still held data that it had not read. The kernel then sends a reset \
                  instead of a FIN, and the other end may lose even an answer that was already on its way: \"connection reset by peer\". \
                  Typical is a server that refuses an upload early and closes at once.",
        evidence: "A reset of a live socket of the server (acknowledgement, a window, the expected sequence number), less than a second \
                   after data of the client that the server's program did not answer. The reset, or an acknowledgement before it, covers \
                   the first of that data: it had reached the kernel.",
        confounders: "A program that was killed, or that asked for a reset (RST-03), sends the same packet; only what was still unread \
                      tells them apart. Data behind a hole, or still on its way, is not in the kernel: if not all that was sent had \
                      arrived, it is a guess. So it is where data is acknowledged in a tenth of the time that the SYN took: a device on the way \
                      answers for the host, and may reset for it. Resets after a FIN, or right behind the last words of TLS, are ordinary.",
        thresholds: &[],
        steps: &[
            advice(
                "end that sent the reset",
                "strace -f -e trace=read,recvfrom,close,shutdown -p $(pidof PROGRAM)",
                "a close before everything was read",
            ),
            advice(
                "end that sent the reset",
                "grep -nE ' (401|403|408|411|413) ' ACCESS_LOG",
                "requests that were answered before their body was read",
            ),
            advice("capture", "netanalyze CAPTURE --follow tcp:{stream}", "which data nobody read"),
        ],
        references: &["RFC 9293 section 3.6.1", "RFC 2525 section 2.17", "RFC 9112 section 9.6"],
    },
    Rule {
        code: "RST-03",
        name: "local-abort",
        title: "a program aborts its connections",
        severity: Severity::Warn,
        confidence: Confidence::Medium,
        meaning: "One end ended a live connection by a reset on purpose or by dying: a timeout of its own, a socket that lingers for no \
                  time, a process that was killed or crashed. If many connections of one host end in the same moment, its process ended.",
        evidence: "A reset of a live socket (acknowledgement, a window, the expected sequence number, the timestamps of that host) with \
                   nothing left unread that the capture knows of.",
        confounders: "A close with unread data (RST-02) sends the same packet. Browsers, load balancers and health checks end connections \
                      so after everything was said, which harms nobody and is not reported. A forged reset seldom fits so well (RST-06).",
        thresholds: &[],
        steps: &[
            advice(
                "end that sent the reset",
                "journalctl --since -1h",
                "a crash, a restart, the out-of-memory killer, at the times given",
            ),
            advice(
                "end that sent the reset",
                "strace -f -e trace=setsockopt,close -p $(pidof PROGRAM)",
                "SO_LINGER with a time of zero",
            ),
            advice(
                "capture",
                "netanalyze CAPTURE --follow tcp:{stream}",
                "what was said last; equal times since the request are a timeout setting",
            ),
        ],
        references: &["RFC 9293 section 3.6.1", "RFC 9293 section 3.5.2", "socket(7), SO_LINGER"],
    },
    Rule {
        code: "RST-05",
        name: "idle-timeout",
        title: "a device on the way forgets idle connections",
        severity: Severity::Warn,
        confidence: Confidence::Medium,
        meaning: "Connections that pause for too long die at their next packet, while those that speak more often live on. A firewall, a \
                  NAT or a load balancer forgot them, and drops their packets or resets them; both ends still believe in the connection. \
                  The time out of which it forgets lies between the longest pause survived and the shortest that killed.",
        evidence: "Several connections that paused, then got a reset of an unknown connection within a round trip, or no answer to any \
                   retransmission; and no connection with the same server that survived a pause as long.",
        confounders: "A server that restarted has forgotten all connections, whatever their pause. A server with a keep-alive timeout of \
                      its own closes with a FIN, in time.",
        thresholds: &[Limit::IdleFailures],
        steps: &[
            advice(
                "device on the way",
                "conntrack -L -p tcp | grep {server}",
                "how long it still remembers established connections",
            ),
            advice(
                "device on the way",
                "sysctl net.netfilter.nf_conntrack_tcp_timeout_established",
                "its idle timeout, if it runs Linux",
            ),
            advice(
                "client",
                "sysctl net.ipv4.tcp_keepalive_time",
                "keep-alives must be more frequent than the timeout, and the program must ask for them",
            ),
        ],
        references: &["RFC 5382, requirement 5", "RFC 9293 section 3.8.4"],
    },
    Rule {
        code: "RST-06",
        name: "injected-reset",
        title: "a device on the way forges resets",
        severity: Severity::Error,
        confidence: Confidence::Medium,
        meaning: "A reset that ended the connection bears the address of an end that did not send it. Intrusion prevention, web filters, \
                  censors and some load balancers end connections so. Neither end is at fault, and neither logs the reason.",
        evidence: "A reset whose supposed sender goes on with data within two seconds as if nothing had happened; or whose TTL differs \
                   from that of its supposed sender's other packets, at least five that agree, before either end has closed. Several \
                   resets with growing sequence numbers make the latter surer.",
        confounders: "Where the sender goes on but the reset has the host's usual TTL, confidence is medium; where the TTL is the only \
                      sign, too. Numbers with which hosts begin (64, 128, 255) may differ within one host. Resets of Linux for a \
                      connection that it does not know carry IP identification 0 and no options: that alone says nothing. Paths that \
                      change alter the TTL of all packets, not just of the reset.",
        thresholds: &[],
        steps: &[
            advice(
                "both ends",
                "tcpdump -ni any 'tcp[tcpflags] & tcp-rst != 0 and port {port}'",
                "a reset that arrives at one end and that the other never sent is forged",
            ),
            advice(
                "client",
                "traceroute -T -p {port} {server}",
                "the hop that the TTL of the reset points to",
            ),
            advice(
                "another network",
                "curl -sv -o /dev/null http://{server}:{port}/",
                "whether the same request succeeds where that device is not on the path",
            ),
        ],
        references: &[
            "RFC 3360",
            "Weaver, Sommer, Paxson: Detecting Forged TCP Reset Packets (NDSS 2009)",
            "RFC 9293 section 3.5.3",
        ],
    },
];

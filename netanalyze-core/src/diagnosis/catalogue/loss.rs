//! Rules of loss and recovery.

use super::{Advice, Rule, advice};
use crate::diagnosis::object::{Confidence, Severity};
use crate::diagnosis::thresholds::Limit;

const PATH: Advice =
    advice("client", "mtr -rwbzc 100 {server}", "the hop from which on loss stays until the end of the path");
const INTERFACE: Advice = advice(
    "hosts and switches on the path",
    "ip -s -s link",
    "errors and drops that grow: a bad cable, a full queue, a duplex mismatch",
);

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "LOSS-01",
        name: "loss-limits-throughput",
        title: "packet loss limits the throughput",
        severity: Severity::Warn,
        confidence: Confidence::High,
        meaning: "Every lost packet makes TCP halve, or nearly halve, its rate. At this loss and this round-trip time a connection cannot \
                  be faster than it was: the loss is what must be mended, not the bandwidth.",
        evidence: "Enough loss events (retransmissions within one round trip count as one) per data segment, and a goodput within a factor \
                   of two of what the loss rate and the round-trip time allow.",
        confounders: "Senders that do not slow down at loss, as BBR, go faster than the formula says; then loss is reported, but not as the \
                      limit. Packets that the capture lost (Q-01) look like loss, unless they were acknowledged. A closed receive window \
                      limits more often than loss does (PERF-02).",
        thresholds: &[Limit::LossRate, Limit::LossEvents],
        steps: &[
            PATH,
            INTERFACE,
            advice(
                "sender",
                "ss -ti dst {client}",
                "retransmissions and congestion window of the live connection",
            ),
        ],
        references: &[
            "Mathis et al.: The Macroscopic Behavior of the TCP Congestion Avoidance Algorithm (1997)",
            "RFC 5681 section 3.2",
            "RFC 9438",
        ],
    },
    Rule {
        code: "LOSS-02",
        name: "loss-side",
        title: "packets are lost on one side of the capture point",
        severity: Severity::Warn,
        confidence: Confidence::High,
        meaning: "Where the lost packets vanish: a segment that the capture shows twice was lost behind the capture point, towards the \
                  receiver; one that leaves a hole and comes only once, late, was lost before it, towards the sender. It halves the search.",
        evidence: "Nearly all of the lost segments of one direction are of one kind: seen twice, or seen only once and late.",
        confounders: "Packets that the capture dropped look as if they had been lost before it (Q-01). Reordering makes holes that fill by \
                      themselves. A sender that retransmits needlessly (LOSS-05) shows segments twice that were never lost. What was sent \
                      before the capture began, or what the receiver has although the capture does not, is given no place. Where the \
                      capture lacks a twentieth of what was sent, it is a guess.",
        thresholds: &[Limit::LossSideEvents, Limit::LossSideShare],
        steps: &[
            advice(
                "other end of the blamed part of the path",
                "tcpdump -s 128 -w other.pcap host {client} and host {server}",
                "a second capture tells whether the packets got that far",
            ),
            INTERFACE,
        ],
        references: &["Paxson: Automated Packet Trace Analysis of TCP Implementations (1997)"],
    },
    Rule {
        code: "LOSS-03",
        name: "timeouts-dominate",
        title: "waiting for retransmission timeouts holds transfers up",
        severity: Severity::Error,
        confidence: Confidence::High,
        meaning: "The sender noticed lost packets only when its timer ran out, and stood still until then: a fifth of a second at least on \
                  Linux, twice as long every further time. Transfers pause for whole seconds although few packets are lost.",
        evidence: "Segments that stood first among what was not acknowledged, and were sent again after a silence of about the \
                   retransmission timeout, until they got through, or the capture ended; together these waits make up a large part of the time in which the connection was active, and \
                   at least twice the stall threshold. From one second on it is an error.",
        confounders: "Away from the sender what it waited for is not seen, and confidence is medium at most. A FIN alone that is sent \
                      again, and the last words of TLS to an end that has closed, are no loss: nobody waits for them. Where D-SACKs, or \
                      acknowledgements that echo the time stamp of the first copy, say that the data had arrived, the timer expired for \
                      nothing, and it is LOSS-05. Data for an end that had closed, or was gone, holds nobody up. A connection that leaves \
                      the capture two minutes before it ends, with a wait open, is a guess. Where neither a handshake nor \
                      a single packet without data was captured, or the capture lacks a twentieth of what was sent, shares of time have \
                      no basis, and it is a guess. If only large segments are lost, it is MTU-01; if nothing gets through any more, \
                      LOSS-10.",
        thresholds: &[Limit::TimeoutShare, Limit::Stall],
        steps: &[
            advice(
                "sender",
                "nstat -az TcpExtTCPTimeouts TcpExtTCPLossProbes",
                "timeouts that grow while the problem lasts",
            ),
            advice(
                "sender",
                "sysctl net.ipv4.tcp_sack net.ipv4.tcp_early_retrans net.ipv4.tcp_recovery",
                "whether faster recovery is turned off",
            ),
            PATH,
        ],
        references: &["RFC 6298 section 5", "RFC 8985 section 7", "RFC 3522 section 3.2"],
    },
    Rule {
        code: "LOSS-05",
        name: "spurious-retransmissions",
        title: "segments are sent again although they had arrived",
        severity: Severity::Note,
        confidence: Confidence::High,
        meaning: "The sender retransmits what the receiver already has. It wastes bandwidth and slows the sender down, which takes it for \
                  loss. The round-trip time jumps (wireless, overloaded hosts, full queues), acknowledgements get lost, or packets overtake \
                  each other.",
        evidence: "Segments sent again after they had been acknowledged, by number or in a SACK block; or whose acknowledgement echoes an \
                   older time stamp than that of the copy, so that it answers the first one (Eifel detection); or that the receiver \
                   reports as duplicates by D-SACK.",
        confounders: "Without D-SACKs and time stamps an acknowledgement that the capture shows may still have been lost on its way to the \
                      sender: medium at most. Copies that follow a gap which filled by itself, or packets out of order, are the sender's answer to \
                      reordering; then that is named as the rival. A D-SACK counts only if what it names can have arrived before. A mirror that delivers \
                      packets twice makes duplicates that nobody sent; those are recognised and set aside (Q-02), and so are damaged \
                      segments. One or two segments over and over, without a D-SACK, are a guess: they waited in a queue before the \
                      capture point, or the acknowledgements carry sequence numbers that their sender cannot take.",
        thresholds: &[Limit::SpuriousSegments],
        steps: &[
            advice(
                "sender",
                "nstat -az TcpExtTCPSpuriousRTOs TcpExtTCPDSACKRecv",
                "how often the host noticed it",
            ),
            advice("client", "ping -c 100 {server}", "round-trip times that jump"),
        ],
        references: &["RFC 2883 section 4", "RFC 3522 section 3.2", "RFC 3708", "RFC 5682"],
    },
    Rule {
        code: "LOSS-06",
        name: "reordering",
        title: "packets overtake each other",
        severity: Severity::Note,
        confidence: Confidence::High,
        meaning: "Segments arrive behind later ones. The receiver answers with duplicate acknowledgements, and the sender may take the \
                  reordering for loss, retransmit and slow down. Usually packets of one connection are spread over several links or queues.",
        evidence: "Segments that fill a hole and had never been seen, and that were sent before the segment that overtook them: the \
                   sender's time stamps say so, or its IP identifications where it counts them up; or, where neither tells, they came \
                   within some milliseconds or half a round trip, and before three duplicate acknowledgements.",
        confounders: "A segment whose time stamp or IP identification is later than that of the one before it was sent again, and is loss. \
                      Where only the delay tells, a copy that was sent again quickly looks the same. A capture of several interfaces or \
                      queues may reorder packets itself (Q-07, Q-08). Segments with a wrong checksum, of a sender whose others are right, \
                      are damaged and left out.",
        thresholds: &[Limit::ReorderedSegments],
        steps: &[
            advice(
                "switches on the path (Cisco)",
                "show etherchannel load-balance",
                "links that are bundled must be chosen per flow, not per packet",
            ),
            advice(
                "receiver",
                "nstat -az TcpExtTCPOFOQueue TcpExtTCPSACKReorder",
                "how often the hosts see it",
            ),
        ],
        references: &["RFC 4737", "RFC 5236", "RFC 7323 section 3", "RFC 6864"],
    },
    Rule {
        code: "LOSS-10",
        name: "path-death",
        title: "the other end fell silent in an open connection",
        severity: Severity::Error,
        confidence: Confidence::High,
        meaning: "An established connection stops dead: one end sends the same segment again and again, with doubling pauses, and hears \
                  nothing. The other host is gone (power, crash, migration), the path broke, or a device on the way forgot the connection \
                  and drops it. The program may hang for many minutes.",
        evidence: "Retransmissions of one segment after timeouts that grow, no packet of the other end since, whatever its size, and no end \
                   of the connection on its part.",
        confounders: "If small segments still get through, it is MTU-01. If the connection had been idle for long, a device that forgot it \
                      is likelier (RST-05). A capture that no longer sees the other direction looks the same.",
        thresholds: &[Limit::DeadPathTimeouts],
        steps: &[
            advice("sender", "ping -c 5 {server}", "whether the host still answers"),
            advice("sender", "ip route get {server}", "whether the route changed"),
            advice(
                "other end",
                "journalctl --since -1h",
                "a crash, a restart, an interface that went down, a migration",
            ),
        ],
        references: &["RFC 1122 section 4.2.3.5", "RFC 9293 section 3.8.3"],
    },
];

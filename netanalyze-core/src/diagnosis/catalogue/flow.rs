//! Rules of flow control and of what limits a conversation.

use super::{Rule, advice};
use crate::diagnosis::object::{Confidence, Severity};
use crate::diagnosis::thresholds::Limit;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "PERF-01",
        name: "receiver-not-reading",
        title: "a receiver does not read its data",
        severity: Severity::Error,
        confidence: Confidence::High,
        meaning: "A host closed its receive window: its buffer is full, because the program does not read fast enough, or not at all. The \
                  sender must wait. Neither the network nor the sender is at fault: the program on that host waits for something else (a \
                  disk, a lock, a garbage collector, its own client).",
        evidence: "A window of zero in a segment that is neither SYN, FIN nor reset, until an update opens it; often window probes of the \
                   sender in between.",
        confounders: "A window of zero in a reset or after a FIN means nothing. If the connection ends while the window is closed, the \
                      program may have hung for good.",
        thresholds: &[Limit::ZeroWindow],
        steps: &[
            advice("receiver", "ss -tmnp", "a large Recv-Q names the program that does not read"),
            advice("receiver", "top -H -p $(pidof PROGRAM)", "whether it computes, or sleeps"),
            advice("receiver", "strace -f -p $(pidof PROGRAM)", "what it waits for"),
        ],
        references: &["RFC 9293 section 3.8.6", "RFC 9293 section 3.8.6.1"],
    },
    Rule {
        code: "PERF-02",
        name: "receive-window-limited",
        title: "the receive window limits a transfer",
        severity: Severity::Warn,
        confidence: Confidence::High,
        meaning: "The sender has as much data under way as the receiver allows and waits for acknowledgements, round trip after round trip, \
                  while nothing is lost. The receiver's buffer is too small for this path, or its program drains it too slowly.",
        evidence: "In a transfer of at least ten round trips, in a large share of them, the data under way fills the window up to less \
                   than one segment; at least 40 % of what the window allows per round trip went through; nothing was lost and the window \
                   never closed.",
        confounders: "Next to the receiver the data under way is an estimate, and confidence medium at most. Where much less goes through \
                      than the window allows, something else sets the pace, and nothing is said. Without the handshake the window scale is \
                      unknown, and the rule holds back (Q-05). If the window is the largest that a header without window scaling can say, \
                      it is PERF-03; if it closes, PERF-01.",
        thresholds: &[Limit::WindowLimitedShare],
        steps: &[
            advice(
                "receiver",
                "sysctl net.ipv4.tcp_rmem net.core.rmem_max",
                "the largest buffer that the system grants",
            ),
            advice(
                "receiver",
                "strace -f -e trace=setsockopt -p $(pidof PROGRAM)",
                "a program that sets SO_RCVBUF turns off automatic growth",
            ),
            advice("receiver", "ss -tmni", "rcv_space and skmem of the live connection"),
        ],
        references: &["RFC 9293 section 3.8.6", "RFC 7323 section 2"],
    },
    Rule {
        code: "PERF-03",
        name: "window-ceiling",
        title: "the window cannot grow enough for the path",
        severity: Severity::Warn,
        confidence: Confidence::High,
        meaning: "Window scaling is not in use, so that at most 65,535 bytes can be under way. Over a long path that caps the rate at the \
                  window divided by the round-trip time, however fast the links are.",
        evidence: "Both SYNs were captured and not both carry the window scale option; and a transfer fills the window and gets just as \
                   much per round trip as it allows.",
        confounders: "On short paths the ceiling costs nothing and is not reported. Which end left the option out shows in the SYNs; a \
                      firewall that removes it can be told from the host only by a second capture.",
        thresholds: &[Limit::WindowLimitedShare],
        steps: &[
            advice("both ends", "sysctl net.ipv4.tcp_window_scaling", "it should be 1"),
            advice(
                "other side of the firewall",
                "tcpdump -nvr other.pcap 'tcp[tcpflags] & tcp-syn != 0'",
                "whether the option (wscale) is still there",
            ),
            advice(
                "receiver",
                "strace -f -e trace=setsockopt -p $(pidof PROGRAM)",
                "a small SO_RCVBUF set before the connection",
            ),
        ],
        references: &["RFC 7323 section 1.1", "RFC 7323 section 2.2"],
    },
    Rule {
        code: "PERF-10",
        name: "nagle-delayed-ack",
        title: "small writes wait for delayed acknowledgements",
        severity: Severity::Warn,
        confidence: Confidence::High,
        meaning: "A program sends a message in two or more small writes. Nagle's algorithm holds the second one back until the first is \
                  acknowledged; the receiver, which waits for the rest of the message, delays its acknowledgement. Each such message costs \
                  some 40 ms, or 200 ms, of pure waiting.",
        evidence: "A small segment, at most half of a full one; a pure acknowledgement of it, which came, the round trip taken off, \
                   after the time that receivers delay one (40 or 200 ms); and at once the same sender's next small segment. Again and \
                   again.",
        confounders: "A delayed acknowledgement alone costs nothing: only those count that release held data. A program that happens to \
                      write at such intervals by itself does not follow the acknowledgement within a fraction of the round trip. The end \
                      of a larger write is no small segment of its own; segments that a network card joined do not change what counts as \
                      small.",
        thresholds: &[Limit::NagleStalls],
        steps: &[
            advice(
                "sender",
                "strace -f -e trace=network,write,writev -p $(pidof PROGRAM)",
                "several small writes for one message",
            ),
            advice(
                "sender",
                "grep -rn TCP_NODELAY SOURCES",
                "write a message at once (a buffer, writev), or set TCP_NODELAY",
            ),
        ],
        references: &["RFC 896", "RFC 9293 section 3.7.4", "RFC 9293 section 3.8.6.3"],
    },
    Rule {
        code: "PERF-16",
        name: "slow-server",
        title: "the server takes long to answer",
        severity: Severity::Warn,
        confidence: Confidence::High,
        meaning: "The request arrived and was acknowledged, and then the server's side took its time: the program computes, waits for a \
                  database or for another server. The path's round trip, and the time in which the request was still being taken in, are \
                  already taken off.",
        evidence: "A complete request, acknowledged in about a round trip; no timeout and no closed window in the connection; and the \
                   first byte of the answer comes late by more than the round trip. It is sure where request and answer are decoded. \
                   Elsewhere it is medium on ports on which clients only ask and servers only answer, or where at least three pauses are \
                   alike, and a guess otherwise.",
        confounders: "Seen from the client, a proxy or load balancer counts as the server, and hides the one behind it. Where something \
                      acknowledges requests much sooner than the SYN was answered, it may be the way behind that takes the time: medium at \
                      most, and nothing for uploads. Medium, too, where servers of several other networks are exactly as far by time and by \
                      hops: a device on the way may end the connections to all of them; a guess, if they are nearer than servers of the Internet can all be. Long polling and event streams wait on purpose: above twenty seconds an answer that \
                      is no error is a guess. On ports of shells, chats, queues and of TLS that is not decoded a pause may be anybody's. A \
                      request that was sent again, or waited in a queue behind another, does not count.",
        thresholds: &[Limit::Think],
        steps: &[
            advice(
                "server",
                "grep {client} ACCESS_LOG",
                "what the server measured for the same requests, at the times given",
            ),
            advice(
                "server",
                "tcpdump -ni any -w backend.pcap not host {client}",
                "what the server itself waits for: database, resolver, other services",
            ),
            advice("server", "strace -f -T -p $(pidof PROGRAM)", "the call in which the time goes"),
        ],
        references: &["curl(1), time_starttransfer", "RFC 9110 section 15.6.5"],
    },
];

//! Gates of capture quality: what is wrong with the capture, not with the network. They come first, and lower what they undermine.

use super::{Rule, advice};
use crate::diagnosis::object::{Confidence, Severity};
use crate::diagnosis::thresholds::Limit;

/// A gate, whose confidence is always the same: it counts what the capture shows about itself.
const fn gate(code: &'static str, name: &'static str, title: &'static str, severity: Severity) -> Rule {
    Rule {
        code,
        name,
        title,
        severity,
        confidence: Confidence::High,
        meaning: "",
        evidence: "",
        confounders: "",
        thresholds: &[],
        steps: &[],
        references: &[],
    }
}

pub(super) const RULES: &[Rule] = &[
    Rule {
        meaning: "The capturing machine did not record every packet. What it dropped looks like loss on the network, but was delivered: the \
                  receiver acknowledged it. Rates of loss and their place are less sure, and \"not seen\" does not mean \"not sent\".",
        evidence: "Data acknowledged by the receiver that the capture never saw and that nobody sent again, beyond the first second of a \
                   connection; or drop counters that the capture file holds.",
        confounders: "Packets that took another path, or an interface that was not captured, leave the same gaps. Real loss is sent again, \
                      and does not count here.",
        thresholds: &[Limit::CaptureDrops],
        steps: &[
            advice(
                "capture host",
                "tcpdump -B 65536 -s 128 -w new.pcap",
                "a larger buffer and shorter packets; read \"dropped by kernel\" at its end",
            ),
            advice(
                "capture host",
                "ethtool -S INTERFACE | grep -iE 'drop|miss|fifo'",
                "whether the network card dropped them",
            ),
        ],
        references: &["pcapng: Interface Statistics Block, isb_ifdrop and isb_osdrop", "pcap_stats(3)"],
        ..gate("Q-01", "capture-drops", "the capture lacks packets that were delivered", Severity::Warn)
    },
    Rule {
        meaning: "Packets were recorded twice: a mirror port that copies both directions of both ports, two interfaces of one path, a \
                  bridge and its member. The copies count as retransmissions per packet, as Wireshark counts them, but are set aside for \
                  diagnoses.",
        evidence: "The same segment again within a short time, with the same IP identification or, where there is none, with the same \
                   checksum over the same time stamp, or from another interface or hop.",
        confounders: "A sender's real retransmission carries another IP identification or timestamp. Copies that were routed in between \
                      have another TTL, and copies behind a NAT other addresses.",
        thresholds: &[Limit::DuplicateShare],
        steps: &[
            advice(
                "capture host",
                "tcpdump -i ONE_INTERFACE -w new.pcap",
                "one interface instead of several, or a mirror of one direction",
            ),
            advice(
                "capture",
                "editcap -D 50 old.pcap new.pcap",
                "removes copies that are alike byte for byte",
            ),
        ],
        references: &["RFC 6864 section 4", "editcap(1)"],
        ..gate("Q-02", "duplicates", "packets were captured twice", Severity::Note)
    },
    Rule {
        meaning: "The capture shows segments larger than the wire carried, because the network card cuts them after the capture point or \
                  joins them before it. Counts of packets and sizes are those of the host, not of the network; rules about sizes go by the \
                  negotiated segment size.",
        evidence: "Segments with more data than the other end's maximum segment size allows, or an IP length of zero.",
        confounders: "Jumbo frames are large, but within the maximum segment size. Without the handshake that size is unknown.",
        thresholds: &[],
        steps: &[advice(
            "capture host (not in production)",
            "ethtool -K INTERFACE tso off gso off gro off lro off",
            "shows packets as the wire carries them, at the price of speed",
        )],
        references: &["ethtool(8)", "RFC 9293 section 3.7.1"],
        ..gate("Q-03", "segmentation-offload", "segments are larger than on the wire", Severity::Note)
    },
    Rule {
        meaning: "Only the beginning of packets was recorded. Headers suffice for TCP, but names, requests, certificates and answers may \
                  lie beyond the cut: rules about them see less or nothing.",
        evidence: "Packets of which the file holds fewer bytes than their length on the wire.",
        confounders: "None: the file says it.",
        thresholds: &[Limit::SnappedShare],
        steps: &[advice("capture host", "tcpdump -s 0 -w new.pcap", "records whole packets")],
        references: &["pcap(3): snapshot length", "pcapng: Enhanced Packet Block"],
        ..gate("Q-04", "cut-packets", "packets were cut when captured", Severity::Note)
    },
    Rule {
        meaning: "Conversations had begun before the capture. Their handshake is missing, and with it the window scale, the segment size, \
                  the round-trip time of the handshake and often the side that is the server: rules that need them hold back.",
        evidence: "TCP conversations without a SYN of either side.",
        confounders: "A capture filter that leaves out SYNs does the same.",
        thresholds: &[],
        steps: &[advice(
            "capture host",
            "tcpdump -G 60 -W 60 -w ring-%M.pcap",
            "a ring of files that runs before the trouble begins",
        )],
        references: &["RFC 7323 section 2.2", "RFC 9293 section 3.7.1"],
        ..gate("Q-05", "mid-stream", "conversations began before the capture", Severity::Note)
    },
    Rule {
        meaning: "Of many conversations only one direction was recorded, though the other spoke, too: a mirror of one direction, or a path \
                  there that differs from the path back. Silence of the missing side proves nothing, and what depends on it is not judged.",
        evidence: "Conversations with no packet of one side whose acknowledgement numbers, in the other side's packets, advance all the \
                   same.",
        confounders: "A host that really did not answer is not one-sided: nothing of it was acknowledged.",
        thresholds: &[Limit::OneSidedShare],
        steps: &[
            advice("switch", "show monitor session all", "whether the mirror copies both directions"),
            advice("both ends", "ip route get {client}", "whether there and back take different paths"),
        ],
        references: &["RFC 9293 section 3.4", "Paxson: End-to-End Internet Packet Dynamics (1997)"],
        ..gate("Q-06", "one-sided", "only one direction was captured", Severity::Warn)
    },
    Rule {
        meaning: "Times of packets cannot all be right: they go backwards, or are no dates. Order and \
                  durations are less sure, and with them everything that is measured in time.",
        evidence: "A packet that is more than a millisecond older than the one before it, in the capture or in its conversation, or a time of zero. Or all of many packets came within the first millisecond of a second: some program wrote \
                   milliseconds where microseconds belong, and what rests on durations is at most medium.",
        confounders: "Several interfaces or queues that write to one file disorder packets slightly; that is sorted out and harms little.",
        thresholds: &[],
        steps: &[
            advice("capture", "reordercap old.pcap new.pcap", "sorts packets by their time"),
            advice("capture host", "chronyc tracking", "whether its clock was stepped"),
        ],
        references: &["reordercap(1)", "RFC 7323 section 3"],
        ..gate("Q-07", "times", "times of packets are not sound", Severity::Note)
    },
    Rule {
        meaning: "The capture was taken on several interfaces at once, and the same data shows on more than one: before and behind a \
                  bridge, a NAT, a container's interface. One conversation may appear several times, under different addresses.",
        evidence: "The same segment on two interfaces within a short time.",
        confounders: "Copies without a second interface are Q-02.",
        thresholds: &[],
        steps: &[
            advice("capture host", "tcpdump -i ONE_INTERFACE -w new.pcap", "one side of the bridge or NAT"),
            advice("capture host", "conntrack -L", "which addresses stand for the same conversation"),
        ],
        references: &["pcapng: Interface Description Block", "tcpdump(1): -i any"],
        ..gate(
            "Q-08",
            "several-interfaces",
            "the same traffic was captured on several interfaces",
            Severity::Note,
        )
    },
    Rule {
        meaning: "Packets travel inside others. Conversations are those of the inner packets, as their ends see them; the outer header \
                  takes room, so that less of the MTU is left for them.",
        evidence: "VXLAN, Geneve, GRE, IP in IP, GTP and other encapsulations that were opened.",
        confounders: "The same inner packet may be captured with and without its outer header (Q-02). Encrypted tunnels cannot be opened.",
        thresholds: &[],
        steps: &[advice(
            "both ends of the tunnel",
            "ip -d link",
            "the MTU of the tunnel interface: that of the wire less the outer headers",
        )],
        references: &["RFC 7348", "RFC 2784", "RFC 8926"],
        ..gate("Q-09", "tunnels", "traffic is tunnelled", Severity::Info)
    },
    Rule {
        meaning: "Packets of the capturing host have wrong TCP or UDP checksums: its network card fills them in after the capture point. It \
                  is no fault, and their content is used as if they were right.",
        evidence: "Wrong checksums in packets of one host only, which is the one that captured, while the other side accepts them.",
        confounders: "Wrong checksums in packets that came over the network are damage, and are not meant here.",
        thresholds: &[],
        steps: &[advice(
            "capture host (not in production)",
            "ethtool -K INTERFACE tx off",
            "the host computes checksums itself, and the capture shows them",
        )],
        references: &["ethtool(8)", "RFC 9293 section 3.1"],
        ..gate(
            "Q-10",
            "checksums-of-offload",
            "checksums are computed behind the capture point",
            Severity::Info,
        )
    },
    Rule {
        meaning: "The capture file is damaged or cut off. What could be read was analysed; packets may be missing where the damage lies, \
                  and at the end.",
        evidence: "A record or block that is cut off, too long, or contradicts itself; DNS messages with a wrong UDP checksum, of hosts whose \
                   others are right.",
        confounders: "A capture that is still being written ends in the middle of a packet, too. Messages that were changed on their way, \
                      or edited behind it, look like damage of the file.",
        thresholds: &[],
        steps: &[
            advice("capture", "capinfos FILE", "what else can read of it"),
            advice("capture host", "sha256sum FILE", "whether copying damaged it: the sums must agree"),
        ],
        references: &["pcapng: General Block Structure", "pcap(3)"],
        ..gate("Q-11", "damaged-file", "the capture file is damaged", Severity::Warn)
    },
    Rule {
        meaning: "The capture ends before waits that it shows could have been decided: an attempt, a query or a request was still open when \
                  it stopped. Such waits are inconclusive, and none of them is called a timeout.",
        evidence: "Something without an answer whose time to answer was not over when the capture ended.",
        confounders: "None: what would have come next cannot be known.",
        thresholds: &[Limit::SynWait, Limit::TlsSilence],
        steps: &[advice(
            "capture host",
            "tcpdump -G 300 -W 12 -w ring-%H%M.pcap",
            "keeps capturing beyond the longest timer; stop it some minutes after the trouble",
        )],
        references: &["RFC 6298 section 2", "resolv.conf(5)"],
        ..gate("Q-12", "capture-ends-too-soon", "the capture ends too soon to tell", Severity::Note)
    },
];

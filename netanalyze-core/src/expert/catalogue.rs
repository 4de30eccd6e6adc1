//! The catalogue: one row a kind of finding. The README's table, `--explain` and every list come from it.
//!
//! A kind's position is an implementation detail; its `id` is public and stable: Wireshark's field name where one exists.

use super::severity::{Group, Severity};
use crate::tcp::Flags;

/// A kind of finding.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// Stable name: Wireshark's field where one exists, else `netanalyze.…`.
    pub id: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// Wireshark's group.
    pub group: Group,
    /// A few words.
    pub title: &'static str,
    /// What it means, for somebody who meets it first.
    pub meaning: &'static str,
    /// Where it is defined.
    pub reference: &'static str,
    /// Display filter that picks its frames in Wireshark.
    pub filter: &'static str,
    /// The analysis flag behind it.
    pub(super) flag: Flags,
}

impl Kind {
    /// A kind of a caller's own, for findings of a rule. Its id should begin with a word of the caller's, so that it never clashes with the
    /// catalogue's: they begin with `tcp.` or `netanalyze.`. Ids must be unique, which nobody checks: a report counts kinds of the same id
    /// and severity as one, and those of another severity, or of the catalogue, in rows of their own with the same id.
    ///
    /// ```
    /// use netanalyze_core::expert::{Group, Kind, Severity};
    ///
    /// static TELNET: Kind = Kind::custom("example.telnet", Severity::Warn, "Telnet in use")
    ///     .with_meaning("Passwords cross the network in clear text.")
    ///     .with_filter("tcp.port == 23");
    /// assert_eq!((TELNET.severity, TELNET.group), (Severity::Warn, Group::Protocol));
    /// ```
    #[must_use]
    pub const fn custom(id: &'static str, severity: Severity, title: &'static str) -> Self {
        let (meaning, reference, filter) = ("", "", "");
        Kind { id, severity, group: Group::Protocol, title, meaning, reference, filter, flag: Flags::NONE }
    }

    /// Says what it means.
    #[must_use]
    pub const fn with_meaning(self, meaning: &'static str) -> Self {
        Kind { meaning, ..self }
    }

    /// Says where it is defined.
    #[must_use]
    pub const fn with_reference(self, reference: &'static str) -> Self {
        Kind { reference, ..self }
    }

    /// Says which display filter picks its frames.
    #[must_use]
    pub const fn with_filter(self, filter: &'static str) -> Self {
        Kind { filter, ..self }
    }

    /// Puts it into a group.
    #[must_use]
    pub const fn with_group(self, group: Group) -> Self {
        Kind { group, ..self }
    }
}

/// A kind by its place in [`KINDS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KindId(pub u8);

impl KindId {
    /// Stands in a finding whose kind is not of the catalogue: see [`Finding::kind`](super::Finding::kind). No set holds it.
    pub const CUSTOM: KindId = KindId(u8::MAX);

    /// The catalogue row.
    #[must_use]
    pub fn kind(self) -> &'static Kind {
        KINDS.get(usize::from(self.0)).unwrap_or(&UNKNOWN)
    }

    /// Every kind.
    pub fn all() -> impl Iterator<Item = KindId> {
        (0..KINDS.len()).map(|i| KindId(i as u8))
    }

    /// Ordinary closing: note by Wireshark's word, but listed only where chat is.
    #[must_use]
    pub fn is_ordinary_closing(self) -> bool {
        matches!(self.kind().id, "tcp.connection.fin_active" | "tcp.connection.fin_passive")
    }
}

/// A set of kinds, one bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct KindSet(pub u64);

const _: () = assert!(KINDS.len() <= 64);

impl KindSet {
    /// Every kind.
    pub const ALL: KindSet = KindSet(u64::MAX);
    /// No kind.
    pub const NONE: KindSet = KindSet(0);

    /// The kinds of at least this severity; ordinary closing counts as chat.
    #[must_use]
    pub fn at_least(severity: Severity) -> Self {
        let bits = KindId::all().filter(|id| {
            id.kind().severity >= severity && (severity == Severity::Chat || !id.is_ordinary_closing())
        });
        KindSet(bits.fold(0, |set, id| set | (1 << id.0)))
    }

    /// Whether a kind is in it.
    #[inline]
    #[must_use]
    pub fn contains(self, id: KindId) -> bool {
        self.0.checked_shr(u32::from(id.0)).is_some_and(|rest| rest & 1 != 0)
    }

    /// The kinds in it, in catalogue order.
    pub fn iter(self) -> impl Iterator<Item = KindId> {
        KindId::all().filter(move |&id| self.contains(id))
    }
}

/// The kind with a given id.
#[must_use]
pub fn kind_by_id(id: &str) -> Option<KindId> {
    KindId::all().find(|k| k.kind().id == id)
}

/// The kind that a flag stands for.
pub(super) fn kind_of_flag(flag: Flags) -> Option<KindId> {
    KindId::all().find(|id| id.kind().flag == flag)
}

static UNKNOWN: Kind = Kind {
    id: "netanalyze.unknown",
    severity: Severity::Chat,
    group: Group::Protocol,
    title: "Unknown kind",
    meaning: "",
    reference: "",
    filter: "",
    flag: Flags::NONE,
};

/// Every kind, in the order in which Wireshark lists the experts of one frame.
pub static KINDS: &[Kind] = &[
    Kind {
        id: "tcp.short_segment",
        severity: Severity::Warn,
        group: Group::Malformed,
        title: "Short segment",
        meaning: "The segment is shorter than its own header.",
        reference: "RFC 9293 §3.1",
        filter: "tcp.short_segment",
        flag: Flags::SHORT_SEGMENT,
    },
    Kind {
        id: "tcp.bogus_header_length",
        severity: Severity::Error,
        group: Group::Protocol,
        title: "Bogus TCP header length",
        meaning: "The header length field is below 20 bytes.",
        reference: "RFC 9293 §3.1",
        filter: "tcp.hdr_len < 20",
        flag: Flags::BOGUS_HEADER_LENGTH,
    },
    Kind {
        id: "tcp.analysis.tfo_ack",
        severity: Severity::Note,
        group: Group::Sequence,
        title: "Fast Open data accepted",
        meaning: "The SYN-ACK acknowledges data that came with the SYN.",
        reference: "RFC 7413",
        filter: "tcp.analysis.tfo_ack",
        flag: Flags::TFO_ACK,
    },
    Kind {
        id: "tcp.analysis.tfo_ignored",
        severity: Severity::Note,
        group: Group::Sequence,
        title: "Fast Open data ignored",
        meaning: "The SYN-ACK does not acknowledge the data that came with the SYN; it must be sent again.",
        reference: "RFC 7413",
        filter: "tcp.analysis.tfo_ignored",
        flag: Flags::TFO_IGNORED,
    },
    Kind {
        id: "tcp.ack.nonzero",
        severity: Severity::Note,
        group: Group::Protocol,
        title: "Acknowledgment number without ACK flag",
        meaning: "The acknowledgment field is not zero although the ACK flag is not set.",
        reference: "RFC 9293 §3.1",
        filter: "tcp.ack.nonzero",
        flag: Flags::ACK_NONZERO,
    },
    Kind {
        id: "tcp.connection.syn",
        severity: Severity::Chat,
        group: Group::Sequence,
        title: "Connection request",
        meaning: "A client asks to open a connection (SYN). Ordinary; many of them without an answer are not.",
        reference: "RFC 9293 §3.5",
        filter: "tcp.flags.syn == 1 && tcp.flags.ack == 0",
        flag: Flags::SYN,
    },
    Kind {
        id: "tcp.connection.synack",
        severity: Severity::Chat,
        group: Group::Sequence,
        title: "Connection accepted",
        meaning: "A server accepts the connection (SYN-ACK).",
        reference: "RFC 9293 §3.5",
        filter: "tcp.flags.syn == 1 && tcp.flags.ack == 1",
        flag: Flags::SYN_ACK,
    },
    Kind {
        id: "tcp.connection.fin",
        severity: Severity::Chat,
        group: Group::Sequence,
        title: "Connection finish",
        meaning: "One side has no more data to send (FIN).",
        reference: "RFC 9293 §3.6",
        filter: "tcp.flags.fin == 1",
        flag: Flags::FIN,
    },
    Kind {
        id: "tcp.connection.fin_active",
        severity: Severity::Note,
        group: Group::Sequence,
        title: "First FIN",
        meaning: "The side that closes first; it will wait in TIME-WAIT. Ordinary closing, listed only at severity chat.",
        reference: "RFC 9293 §3.6",
        filter: "tcp.connection.fin_active",
        flag: Flags::FIN_ACTIVE,
    },
    Kind {
        id: "tcp.connection.fin_passive",
        severity: Severity::Note,
        group: Group::Sequence,
        title: "Second FIN",
        meaning: "The other side closes too. Ordinary closing, listed only at severity chat.",
        reference: "RFC 9293 §3.6",
        filter: "tcp.connection.fin_passive",
        flag: Flags::FIN_PASSIVE,
    },
    Kind {
        id: "tcp.connection.rst",
        severity: Severity::Warn,
        group: Group::Sequence,
        title: "Connection reset",
        meaning: "One side ended the connection at once and threw away what was under way. Who sent it and in which state tells why: in answer to a SYN nobody listens on that port; after data the application crashed, closed with unread data, or a middlebox interfered.",
        reference: "RFC 9293 §3.5.2",
        filter: "tcp.flags.reset == 1",
        flag: Flags::RST,
    },
    Kind {
        id: "tcp.urgent_pointer.non_zero",
        severity: Severity::Note,
        group: Group::Protocol,
        title: "Urgent pointer without URG flag",
        meaning: "The urgent pointer is not zero although the URG flag is not set.",
        reference: "RFC 9293 §3.1",
        filter: "tcp.urgent_pointer.non_zero",
        flag: Flags::URGENT_POINTER,
    },
    Kind {
        id: "tcp.option.len.invalid",
        severity: Severity::Note,
        group: Group::Sequence,
        title: "TCP option of wrong length",
        meaning: "An option's length contradicts its kind or runs past the header.",
        reference: "RFC 9293 §3.2",
        filter: "tcp.option.len.invalid",
        flag: Flags::OPTION_LENGTH,
    },
    Kind {
        id: "tcp.nop",
        severity: Severity::Warn,
        group: Group::Protocol,
        title: "Four NOPs in a row",
        meaning: "Padding that no stack writes: a middlebox probably removed an option.",
        reference: "RFC 9293 §3.2",
        filter: "tcp.nop",
        flag: Flags::NOPS,
    },
    Kind {
        id: "tcp.non_zero_bytes_after_eol",
        severity: Severity::Error,
        group: Group::Protocol,
        title: "Bytes after the end of options",
        meaning: "The padding after the end-of-options mark is not zero.",
        reference: "RFC 9293 §3.1",
        filter: "tcp.non_zero_bytes_after_eol",
        flag: Flags::AFTER_END_OF_OPTIONS,
    },
    Kind {
        id: "tcp.options.mss.present",
        severity: Severity::Warn,
        group: Group::Protocol,
        title: "MSS outside a SYN",
        meaning: "A maximum segment size option on a segment without SYN means nothing.",
        reference: "RFC 9293 §3.7.1",
        filter: "tcp.options.mss.present",
        flag: Flags::MSS_PRESENT,
    },
    Kind {
        id: "tcp.options.mss.absent",
        severity: Severity::Note,
        group: Group::Protocol,
        title: "SYN without MSS",
        meaning: "A SYN carries options but no maximum segment size: the other side must assume 536 (IPv4) or 1220 bytes (IPv6).",
        reference: "RFC 9293 §3.7.1",
        filter: "tcp.options.mss.absent",
        flag: Flags::MSS_ABSENT,
    },
    Kind {
        id: "tcp.options.wscale.shift.invalid",
        severity: Severity::Warn,
        group: Group::Protocol,
        title: "Window scale above 14",
        meaning: "The window-scale shift is above the maximum of 14; 14 is used.",
        reference: "RFC 7323 §2.3",
        filter: "tcp.options.wscale.shift.invalid",
        flag: Flags::WINDOW_SCALE_SHIFT,
    },
    Kind {
        id: "tcp.options.sack.dsack",
        severity: Severity::Warn,
        group: Group::Sequence,
        title: "D-SACK",
        meaning: "The receiver reports data that it received twice: a retransmission was not needed, or the network duplicates packets.",
        reference: "RFC 2883",
        filter: "tcp.options.sack.dsack",
        flag: Flags::DUPLICATE_SACK,
    },
    Kind {
        id: "tcp.suboption_malformed",
        severity: Severity::Error,
        group: Group::Malformed,
        title: "Truncated SACK block",
        meaning: "A SACK option ends in the middle of a block.",
        reference: "RFC 2018 §3",
        filter: "tcp.suboption_malformed",
        flag: Flags::SACK_TRUNCATED,
    },
    Kind {
        id: "tcp.analysis.tfo_syn",
        severity: Severity::Note,
        group: Group::Sequence,
        title: "Fast Open SYN",
        meaning: "A SYN with a Fast Open cookie.",
        reference: "RFC 7413",
        filter: "tcp.analysis.tfo_syn",
        flag: Flags::TFO_SYN,
    },
    Kind {
        id: "tcp.analysis.reused_ports",
        severity: Severity::Note,
        group: Group::Sequence,
        title: "Ports reused",
        meaning: "A new connection between the same addresses and ports as an earlier one of this capture.",
        reference: "RFC 9293 §3.6.1, RFC 6191",
        filter: "tcp.analysis.reused_ports",
        flag: Flags::REUSED_PORTS,
    },
    Kind {
        id: "tcp.analysis.retransmission",
        severity: Severity::Note,
        group: Group::Sequence,
        title: "Retransmission",
        meaning: "A segment was sent again because its acknowledgement did not come in time. The segment or its acknowledgement was lost, or delayed beyond the sender's timer.",
        reference: "RFC 6298, RFC 9293 §3.8.1",
        filter: "tcp.analysis.retransmission && !tcp.analysis.fast_retransmission && !tcp.analysis.spurious_retransmission",
        flag: Flags::RETRANSMISSION,
    },
    Kind {
        id: "tcp.analysis.fast_retransmission",
        severity: Severity::Note,
        group: Group::Sequence,
        title: "Fast retransmission",
        meaning: "A segment was sent again at once, because duplicate acknowledgements told the sender that it was missing.",
        reference: "RFC 5681 §3.2",
        filter: "tcp.analysis.fast_retransmission",
        flag: Flags::FAST_RETRANSMISSION,
    },
    Kind {
        id: "tcp.analysis.spurious_retransmission",
        severity: Severity::Note,
        group: Group::Sequence,
        title: "Spurious retransmission",
        meaning: "A segment was sent again although it had been acknowledged: the acknowledgement was lost or late, or the sender's timer is too short.",
        reference: "RFC 5682, RFC 3522",
        filter: "tcp.analysis.spurious_retransmission",
        flag: Flags::SPURIOUS_RETRANSMISSION,
    },
    Kind {
        id: "tcp.analysis.out_of_order",
        severity: Severity::Warn,
        group: Group::Sequence,
        title: "Out of order",
        meaning: "A segment arrived after one that follows it, too soon to be a retransmission: packets take paths of different length, or a queue reorders them.",
        reference: "RFC 4737",
        filter: "tcp.analysis.out_of_order",
        flag: Flags::OUT_OF_ORDER,
    },
    Kind {
        id: "tcp.analysis.lost_segment",
        severity: Severity::Warn,
        group: Group::Sequence,
        title: "Previous segment not captured",
        meaning: "There is a hole before this segment: what belongs there was lost before the capture point, arrives later, or was not captured.",
        reference: "RFC 9293 §3.4",
        filter: "tcp.analysis.lost_segment",
        flag: Flags::LOST_SEGMENT,
    },
    Kind {
        id: "tcp.analysis.ack_lost_segment",
        severity: Severity::Warn,
        group: Group::Sequence,
        title: "ACKed segment not captured",
        meaning: "The receiver acknowledges data that the capture does not hold: the capture lost packets, sees only one path, or began later.",
        reference: "RFC 9293 §3.4",
        filter: "tcp.analysis.ack_lost_segment",
        flag: Flags::ACK_LOST_SEGMENT,
    },
    Kind {
        id: "tcp.analysis.window_update",
        severity: Severity::Chat,
        group: Group::Sequence,
        title: "Window update",
        meaning: "The receiver changed its window without acknowledging new data.",
        reference: "RFC 9293 §3.8.6",
        filter: "tcp.analysis.window_update",
        flag: Flags::WINDOW_UPDATE,
    },
    Kind {
        id: "tcp.analysis.window_full",
        severity: Severity::Warn,
        group: Group::Sequence,
        title: "Window full",
        meaning: "This segment fills the receiver's advertised window exactly: the sender must now wait for the receiver.",
        reference: "RFC 9293 §3.8.6",
        filter: "tcp.analysis.window_full",
        flag: Flags::WINDOW_FULL,
    },
    Kind {
        id: "tcp.analysis.keep_alive",
        severity: Severity::Note,
        group: Group::Sequence,
        title: "Keep-alive",
        meaning: "A probe of an idle connection: is the other side still there?",
        reference: "RFC 9293 §3.8.4",
        filter: "tcp.analysis.keep_alive",
        flag: Flags::KEEP_ALIVE,
    },
    Kind {
        id: "tcp.analysis.keep_alive_ack",
        severity: Severity::Note,
        group: Group::Sequence,
        title: "Keep-alive ACK",
        meaning: "The answer to a keep-alive: the other side is still there.",
        reference: "RFC 9293 §3.8.4",
        filter: "tcp.analysis.keep_alive_ack",
        flag: Flags::KEEP_ALIVE_ACK,
    },
    Kind {
        id: "tcp.analysis.duplicate_ack",
        severity: Severity::Note,
        group: Group::Sequence,
        title: "Duplicate ACK",
        meaning: "The receiver repeats an acknowledgement: a segment arrived, but not the one that it waits for. Three in a row ask for a fast retransmission.",
        reference: "RFC 5681 §2",
        filter: "tcp.analysis.duplicate_ack",
        flag: Flags::DUPLICATE_ACK,
    },
    Kind {
        id: "tcp.analysis.zero_window_probe",
        severity: Severity::Note,
        group: Group::Sequence,
        title: "Zero-window probe",
        meaning: "The sender asks with one byte whether a closed window has opened again.",
        reference: "RFC 9293 §3.8.6.1",
        filter: "tcp.analysis.zero_window_probe",
        flag: Flags::ZERO_WINDOW_PROBE,
    },
    Kind {
        id: "tcp.analysis.zero_window",
        severity: Severity::Warn,
        group: Group::Sequence,
        title: "Zero window",
        meaning: "The receiver's buffer is full: it tells the sender to stop. The receiving application does not read fast enough.",
        reference: "RFC 9293 §3.8.6",
        filter: "tcp.analysis.zero_window",
        flag: Flags::ZERO_WINDOW,
    },
    Kind {
        id: "tcp.analysis.zero_window_probe_ack",
        severity: Severity::Note,
        group: Group::Sequence,
        title: "Zero-window probe ACK",
        meaning: "The answer to a zero-window probe: the window is still closed.",
        reference: "RFC 9293 §3.8.6.1",
        filter: "tcp.analysis.zero_window_probe_ack",
        flag: Flags::ZERO_WINDOW_PROBE_ACK,
    },
    Kind {
        id: "netanalyze.gap",
        severity: Severity::Warn,
        group: Group::Sequence,
        title: "Silence while something was owed",
        meaning: "Nothing was sent on the connection for longer than --gap although data, a SYN or a FIN waited for its acknowledgement, or a request for its answer. Who was silent tells a slow application from a network that swallows packets.",
        reference: "RFC 9293 §3.8",
        filter: "tcp.time_delta > 1",
        flag: Flags::GAP,
    },
    Kind {
        id: "netanalyze.idle",
        severity: Severity::Chat,
        group: Group::Sequence,
        title: "Idle connection",
        meaning: "Nothing was sent on the connection for longer than --gap, and nobody owed anything: a client that thinks, or a connection kept open.",
        reference: "RFC 9293 §3.8",
        filter: "tcp.time_delta > 1",
        flag: Flags::IDLE,
    },
    Kind {
        id: "netanalyze.refused",
        severity: Severity::Note,
        group: Group::Sequence,
        title: "Connection refused",
        meaning: "The SYN was answered with an RST: nobody listens on that port, or a firewall rejects. The RST itself is listed as tcp.connection.rst.",
        reference: "RFC 9293 §3.5.2",
        filter: "tcp.flags.reset == 1",
        flag: Flags::REFUSED,
    },
    Kind {
        id: "netanalyze.midstream",
        severity: Severity::Chat,
        group: Group::Sequence,
        title: "Started before the capture",
        meaning: "The first packet of the conversation is no SYN: it began before the capture, or its start was not captured. Window scale, roles and the first round-trip time are unknown.",
        reference: "RFC 9293 §3.5",
        filter: "",
        flag: Flags::MIDSTREAM,
    },
    Kind {
        id: "netanalyze.unanswered",
        severity: Severity::Warn,
        group: Group::Sequence,
        title: "Connection never answered",
        meaning: "No packet ever answered the SYN, or the SYN-ACK, for at least a second until the capture ends: it, or its answer, was dropped, or the other end is down. Known when the capture ends.",
        reference: "RFC 9293 §3.5, RFC 6298 §2",
        filter: "",
        flag: Flags::UNANSWERED,
    },
    Kind {
        id: "netanalyze.half_closed",
        severity: Severity::Note,
        group: Group::Sequence,
        title: "Half-closed",
        meaning: "One end sent its FIN, the other never did, and nothing was sent for at least a second until the capture ends: it is in CLOSE-WAIT, usually because its application forgets to close. Known when the capture ends.",
        reference: "RFC 9293 §3.6",
        filter: "",
        flag: Flags::HALF_CLOSED,
    },
    Kind {
        id: "netanalyze.never_closed",
        severity: Severity::Chat,
        group: Group::Sequence,
        title: "Never closed",
        meaning: "The conversation was still open when the capture ended. Ordinary for connections that are kept; of an old one perhaps an end is gone.",
        reference: "RFC 9293 §3.6",
        filter: "",
        flag: Flags::NEVER_CLOSED,
    },
    Kind {
        id: "netanalyze.one_sided",
        severity: Severity::Note,
        group: Group::Sequence,
        title: "One-sided",
        meaning: "Only one end's packets were captured, although they show that it hears the other: the capture point sees one direction (asymmetric routing, a mirror port for one direction, a capture filter). Loss and round-trip times cannot be judged. Known when the capture ends.",
        reference: "RFC 9293 §3.4",
        filter: "",
        flag: Flags::ONE_SIDED,
    },
    Kind {
        id: "netanalyze.silent_end",
        severity: Severity::Warn,
        group: Group::Sequence,
        title: "Silence until the capture ends",
        meaning: "Nothing was sent on the connection from this frame to the end of the capture, for longer than --gap, although data waited for its acknowledgement, or a request for its answer: an end hangs, or is gone. Known when the capture ends.",
        reference: "RFC 9293 §3.8",
        filter: "",
        flag: Flags::SILENT_END,
    },
];

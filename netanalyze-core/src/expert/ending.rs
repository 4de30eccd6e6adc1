//! Findings that need the whole conversation: known when the capture ends, or when nothing more can come.

use std::fmt;
use std::ops::Range;

use serde::Serialize;

use super::catalogue::{KindId, KindSet, kind_of_flag};
use super::finding::{Detail, Finding, Party};
use super::message::Seconds;
use crate::conversation::{ConversationRef, Conversations, Protocol, TcpConversation};
use crate::model::{Direction, FrameNumber, Span};
use crate::tcp::{EndState, Flags};

/// RFC 6298 §2: the timer before the first measurement. What is younger than this when the capture ends may yet be answered.
const INITIAL_RTO: Span = Span(1_000_000_000);

/// That a finding is to be made of a conversation, and where it stands among others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    pub(crate) kind: KindId,
    /// The frame that it is about.
    pub(crate) frame: FrameNumber,
    pub(crate) stream: u32,
    /// The first of its kind in the conversation.
    pub(crate) first: bool,
}

/// The figures behind such a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
#[non_exhaustive]
pub enum EndingDetail {
    /// A SYN without any answer.
    Unanswered {
        /// SYNs sent.
        attempts: u64,
        /// From the first SYN to the capture's end.
        #[serde(rename = "waited_ns")]
        waited: Span,
    },
    /// A SYN-ACK that was not acknowledged.
    Unfinished {
        /// Packets of the end that accepted.
        attempts: u64,
        /// From the last packet to the capture's end.
        #[serde(rename = "waited_ns")]
        waited: Span,
    },
    /// One end closed, the other did not.
    HalfClosed {
        /// The end that did not.
        open: Party,
        /// From the last packet to the capture's end.
        #[serde(rename = "quiet_ns")]
        quiet: Span,
    },
    /// Neither end closed.
    NeverClosed {
        /// From the last packet to the capture's end.
        #[serde(rename = "quiet_ns")]
        quiet: Span,
    },
    /// Only one end was captured, although it hears the other.
    OneSided {
        /// Packets of the captured end.
        packets: u64,
        /// The end that was not captured.
        missing: Party,
    },
}

impl fmt::Display for EndingDetail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            EndingDetail::Unanswered { attempts: 1, waited } => {
                write!(f, "the SYN was never answered, {} until the capture ends", Seconds(waited))
            }
            EndingDetail::Unanswered { attempts, waited } => {
                write!(f, "{attempts} SYNs were never answered, {} until the capture ends", Seconds(waited))
            }
            EndingDetail::Unfinished { attempts: 1, waited } => {
                write!(f, "the SYN-ACK was never acknowledged, {} until the capture ends", Seconds(waited))
            }
            EndingDetail::Unfinished { attempts, waited } => {
                write!(
                    f,
                    "{attempts} packets with the SYN-ACK were never acknowledged, {} until the capture ends",
                    Seconds(waited)
                )
            }
            EndingDetail::HalfClosed { open, quiet } => {
                write!(
                    f,
                    "{open} never closed after its peer's FIN; nothing came for the last {}",
                    Seconds(quiet)
                )
            }
            EndingDetail::NeverClosed { quiet: Span(..=0) } => {
                f.write_str("still open when the capture ends")
            }
            EndingDetail::NeverClosed { quiet } => {
                write!(f, "still open when the capture ends, {} after its last packet", Seconds(quiet))
            }
            EndingDetail::OneSided { packets, missing } => {
                write!(f, "{packets} packets of one side, none of {missing}, although it was heard")
            }
        }
    }
}

/// What there is to find in the conversations of some stream numbers, in their order.
pub(crate) fn endings(conversations: &Conversations, streams: Range<u32>) -> Vec<Ending> {
    let mut found = Vec::new();
    conversations.each_tcp_in_the_end(streams, &mut |stream, conversation| {
        let flags = ending_flags(conversation, conversations);
        let account = conversation.account();
        found.extend(FLAGS.into_iter().filter(|&flag| flags.has(flag)).filter_map(|flag| {
            let at_start = flag == Flags::UNANSWERED || flag == Flags::ONE_SIDED;
            let frame = if at_start { account.first_frame() } else { account.last_frame() };
            let kind = kind_of_flag(flag)?;
            let first = !KindSet(conversation.kinds_seen().bits()).contains(kind);
            Some(Ending { kind, frame, stream, first })
        }));
    });
    found
}

const FLAGS: [Flags; 5] =
    [Flags::SILENT_END, Flags::UNANSWERED, Flags::HALF_CLOSED, Flags::NEVER_CLOSED, Flags::ONE_SIDED];

/// The kinds of findings that are made of conversations when the capture ends.
pub(crate) fn ending_kinds() -> impl Iterator<Item = KindId> {
    FLAGS.into_iter().filter_map(kind_of_flag)
}

/// What there is to find in a conversation when the capture ends.
pub(crate) fn ending_flags(conversation: &TcpConversation, conversations: &Conversations) -> Flags {
    let capture_end = conversations.capture_end();
    let account = conversation.account();
    let mut flags = Flags::NONE;
    if account.first_frame() == FrameNumber(0) {
        return flags; // known from quotes in errors only
    }
    let client = account.client();
    let states = [client, client.reverse()].map(|end| account.state(end));
    let silent = account.packets(client.reverse()) == 0;
    let waited = capture_end.since(account.first());
    match states {
        [EndState::SynSent, _] if silent && waited >= INITIAL_RTO => flags.set(Flags::UNANSWERED),
        [_, EndState::SynReceived] if capture_end.since(account.last()) >= INITIAL_RTO => {
            flags.set(Flags::UNANSWERED);
        }
        [EndState::FinWait1 | EndState::FinWait2, EndState::CloseWait]
        | [EndState::CloseWait, EndState::FinWait1 | EndState::FinWait2] => {
            // While data flows the other way a half-closed connection is used as intended; of an end that is not captured nobody knows.
            let both_seen = [client, client.reverse()].iter().all(|&end| account.packets(end) > 0);
            if both_seen && capture_end.since(account.last()) >= INITIAL_RTO {
                flags.set(Flags::HALF_CLOSED);
            }
        }
        [EndState::Established | EndState::SynReceived, _]
        | [_, EndState::Established | EndState::SynReceived] => {
            flags.set(Flags::NEVER_CLOSED);
        }
        _ => {}
    }
    let unheard = |end: Direction| account.packets(end.reverse()) == 0 && account.proves_peer(end);
    let (a, b) = conversation.key().endpoints(client);
    if a != b && (unheard(client) || unheard(client.reverse())) {
        flags.set(Flags::ONE_SIDED);
    }
    if !flags.has(Flags::UNANSWERED) && conversations.last_silence(conversation).is_some() {
        flags.set(Flags::SILENT_END);
    }
    flags
}

/// The findings that some [`Ending`]s announce.
pub(crate) fn ending_findings(conversations: &Conversations, endings: &[Ending]) -> Vec<Finding> {
    let mut findings = Vec::with_capacity(endings.len());
    conversations.each_named(endings, |ending| ending.stream, &mut |ending, reference, conversation| {
        findings.extend(finding(conversations, ending, reference, conversation));
    });
    findings
}

fn finding(
    conversations: &Conversations,
    ending: &Ending,
    reference: ConversationRef,
    conversation: &TcpConversation,
) -> Option<Finding> {
    let account = conversation.account();
    let (known, client) = (account.roles_known(), account.client());
    let party = |end: Direction| match (known, end == client) {
        (true, true) => Party::Client,
        (true, false) => Party::Server,
        (false, _) => Party::Receiver,
    };
    let quiet = conversations.capture_end().since(account.last());
    let speaking = if account.packets(client) > 0 { client } else { client.reverse() };
    let (from, detail) = match ending.kind.kind().flag {
        Flags::SILENT_END => {
            let silence = conversations.last_silence(conversation)?;
            let detail = Detail::Gap {
                silence: silence.span,
                silent: party(silence.silent),
                data_outstanding: silence.data_outstanding,
                state: conversation.connection().connection_state(),
            };
            (silence.silent.reverse(), detail)
        }
        Flags::UNANSWERED if account.state(client.reverse()) == EndState::SynReceived => {
            let waited = conversations.capture_end().since(account.last());
            let attempts = account.packets(client.reverse());
            (client.reverse(), Detail::Ending(EndingDetail::Unfinished { attempts, waited }))
        }
        Flags::UNANSWERED => {
            let waited = conversations.capture_end().since(account.first());
            let attempts = account.packets(client);
            (client, Detail::Ending(EndingDetail::Unanswered { attempts, waited }))
        }
        Flags::HALF_CLOSED => {
            let closed = [client, client.reverse()]
                .into_iter()
                .find(|&end| account.state(end) != EndState::CloseWait)
                .unwrap_or(client);
            let open = party(closed.reverse());
            (closed, Detail::Ending(EndingDetail::HalfClosed { open, quiet }))
        }
        Flags::NEVER_CLOSED => (client, Detail::Ending(EndingDetail::NeverClosed { quiet })),
        _ => {
            let (packets, missing) = (account.packets(speaking), party(speaking.reverse()));
            (speaking, Detail::Ending(EndingDetail::OneSided { packets, missing }))
        }
    };
    let (source, destination) = conversation.key().endpoints(from);
    let at_start = ending.frame == account.first_frame();
    Some(Finding {
        kind: ending.kind,
        frame: ending.frame,
        known_at: conversations.last_frame(),
        ordinal: 0,
        time: if at_start { account.first() } else { account.last() },
        protocol: Some(Protocol::Tcp),
        stream: Some(ending.stream),
        source,
        destination,
        detail,
        first_of_conversation: ending.first,
        conversation: reference,
    })
}

//! The state that each end of a connection is in, as far as the capture shows it (RFC 9293 §3.3.2), under the names of `ss`.
//!
//! Every captured segment counts as received. TIME-WAIT does not end: how long it lasts is the host's business, and the capture's clock
//! does not tell. An end of which nothing was seen is known by what its peer says to it.

use serde::{Serialize, Serializer};

use super::compact::{Coder, code_of, of_code};
use super::segment::{Segment, TcpFlags};
use super::sequence::before;
use crate::model::Direction;

/// The state of one end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum EndState {
    /// The capture shows too little.
    #[default]
    Unknown,
    /// Sent a SYN, waits for its answer.
    SynSent,
    /// Answered a SYN, waits for the acknowledgement.
    SynReceived,
    /// Open.
    Established,
    /// Sent a FIN, waits for its acknowledgement.
    FinWait1,
    /// Its FIN was acknowledged, waits for the peer's.
    FinWait2,
    /// The peer sent its FIN; this end has not closed.
    CloseWait,
    /// Closed after its peer, waits for the acknowledgement of its FIN.
    LastAck,
    /// Both FINs crossed; waits for the acknowledgement of its own.
    Closing,
    /// Closed first or together with its peer, and is done.
    TimeWait,
    /// No connection any more, or refused, or reset.
    Closed,
}

impl EndState {
    /// Every state, in the order of a connection's life.
    pub const ALL: [EndState; 11] = [
        EndState::Unknown,
        EndState::SynSent,
        EndState::SynReceived,
        EndState::Established,
        EndState::FinWait1,
        EndState::FinWait2,
        EndState::CloseWait,
        EndState::LastAck,
        EndState::Closing,
        EndState::TimeWait,
        EndState::Closed,
    ];

    /// The name that `ss` prints.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            EndState::Unknown => "UNKNOWN",
            EndState::SynSent => "SYN-SENT",
            EndState::SynReceived => "SYN-RECV",
            EndState::Established => "ESTABLISHED",
            EndState::FinWait1 => "FIN-WAIT-1",
            EndState::FinWait2 => "FIN-WAIT-2",
            EndState::CloseWait => "CLOSE-WAIT",
            EndState::LastAck => "LAST-ACK",
            EndState::Closing => "CLOSING",
            EndState::TimeWait => "TIME-WAIT",
            EndState::Closed => "CLOSED",
        }
    }

    /// All that it sent was acknowledged outside of a SYN-ACK: its FIN, or a SYN whose answer was not captured.
    fn all_acknowledged(self) -> Self {
        match self {
            EndState::SynSent => EndState::Established,
            EndState::FinWait1 => EndState::FinWait2,
            EndState::Closing => EndState::TimeWait,
            EndState::LastAck => EndState::Closed,
            other => other,
        }
    }

    /// It sent a FIN.
    fn fin_sent(self) -> Self {
        match self {
            EndState::CloseWait => EndState::LastAck,
            EndState::Unknown | EndState::SynSent | EndState::SynReceived | EndState::Established => {
                EndState::FinWait1
            }
            other => other,
        }
    }

    /// It received a FIN.
    fn fin_received(self) -> Self {
        match self {
            EndState::Unknown | EndState::SynReceived | EndState::Established => EndState::CloseWait,
            EndState::FinWait1 => EndState::Closing,
            EndState::FinWait2 => EndState::TimeWait,
            other => other,
        }
    }
}

impl std::fmt::Display for EndState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for EndState {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.name())
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for EndState {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "EndState".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "The state of one end, under the names of `ss`.",
            "type": "string",
            "enum": EndState::ALL.map(EndState::name),
        })
    }
}

/// Who ended a connection, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ClosedBy {
    /// The client sent the first FIN.
    Client,
    /// The server sent the first FIN.
    Server,
    /// Both sent a FIN before they saw the other's.
    Both,
    /// The client sent an RST before both had sent a FIN.
    ClientReset,
    /// The server sent an RST before both had sent a FIN.
    ServerReset,
}

impl ClosedBy {
    /// As machine-readable output spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ClosedBy::Client => "client",
            ClosedBy::Server => "server",
            ClosedBy::Both => "both",
            ClosedBy::ClientReset => "client_reset",
            ClosedBy::ServerReset => "server_reset",
        }
    }
}

/// How a connection was closed, by direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum Closing {
    /// Nobody did.
    #[default]
    No,
    /// This direction sent the first FIN.
    Fin(Direction),
    /// The FINs crossed.
    Crossed,
    /// This direction reset.
    Reset(Direction),
}

/// Both ends' states.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct States {
    ends: [EndState; 2],
    /// The end counts as ESTABLISHED only because a SYN-ACK was captured on its way there.
    inferred: [bool; 2],
    pub(crate) closing: Closing,
}

/// Every way, the most frequent first.
const CLOSINGS: [Closing; 6] = [
    Closing::No,
    Closing::Fin(Direction::AtoB),
    Closing::Fin(Direction::BtoA),
    Closing::Crossed,
    Closing::Reset(Direction::AtoB),
    Closing::Reset(Direction::BtoA),
];

impl States {
    /// Goes over its fields.
    pub(super) fn code<C: Coder>(&mut self, c: &mut C) {
        let States { ends: [a, b], inferred: [of_a, of_b], closing } = self;
        let (mut code_a, mut code_b) = (code_of(*a, &EndState::ALL), code_of(*b, &EndState::ALL));
        let mut closing_code = code_of(*closing, &CLOSINGS);
        c.parts([(&mut code_a, 4), (&mut code_b, 4), (&mut closing_code, 3)], [of_a, of_b]);
        (*a, *b) = (of_code(code_a, &EndState::ALL), of_code(code_b, &EndState::ALL));
        *closing = of_code(closing_code, &CLOSINGS);
    }

    /// The state of the end that sends in a direction.
    pub(crate) fn of(&self, direction: Direction) -> EndState {
        let [a, b] = self.ends;
        if direction == Direction::AtoB { a } else { b }
    }

    /// A captured segment moves both ends. `receiver_end` is the sequence number after all that its receiver sent, a FIN included;
    /// `news` tells that the segment brought data or acknowledged something for the first time.
    #[inline(always)]
    pub(crate) fn step(
        &mut self,
        direction: Direction,
        segment: &Segment<'_>,
        receiver_end: impl FnOnce() -> Option<u32>,
        news: bool,
    ) {
        // Nearly every segment of a long connection changes nothing.
        if !segment.flags.is_control() && self.ends == [EndState::Established; 2] {
            let [a, b] = &mut self.inferred;
            *(if direction == Direction::AtoB { a } else { b }) = false;
        } else {
            let acknowledges_all = receiver_end().is_some_and(|end| !before(segment.ack, end));
            self.move_on(direction, segment.flags, acknowledges_all, news);
        }
    }

    #[inline(never)]
    fn move_on(&mut self, direction: Direction, flags: TcpFlags, acknowledges_all: bool, news: bool) {
        let [a, b] = self.ends;
        let (sender, receiver) = if direction == Direction::AtoB { (a, b) } else { (b, a) };
        let [inferred_a, inferred_b] = &mut self.inferred;
        let (inferred, inferred_of_receiver) =
            if direction == Direction::AtoB { (inferred_a, inferred_b) } else { (inferred_b, inferred_a) };
        let (sender, receiver) = if flags.rst() {
            if !matches!(self.closing, Closing::Reset(_)) && !self.both_closed() {
                self.closing = Closing::Reset(direction);
            }
            (EndState::Closed, EndState::Closed)
        } else if flags.syn() {
            if flags.ack() {
                // Sent again, it says that the answer to the first did not come: it was not heard.
                let unheard = sender == EndState::SynReceived
                    && (*inferred_of_receiver || receiver == EndState::SynSent);
                let (sender, after) = syn_ack(sender, receiver);
                *inferred_of_receiver = !unheard && after != receiver;
                if sender == EndState::SynReceived && receiver == EndState::Closed {
                    self.closing = Closing::No;
                }
                (sender, if unheard { EndState::SynSent } else { after })
            } else {
                // Whoever sends its SYN again did not hear the SYN-ACK.
                let unheard = std::mem::take(inferred);
                let (sender, receiver) = syn(sender, receiver);
                (if unheard { EndState::SynSent } else { sender }, receiver)
            }
        } else {
            *inferred = false;
            let (mut sender, mut receiver) = (sender, receiver);
            if news && self.closing == Closing::Reset(direction) {
                // Whoever resets is silent from then on: that RST was forged, or not accepted (RFC 5961 §3).
                self.closing = Closing::No;
                (sender, receiver) = (EndState::Established, EndState::Established);
            }
            if flags.ack() {
                (sender, receiver) = ack(sender, receiver);
                if acknowledges_all {
                    receiver = receiver.all_acknowledged();
                }
            }
            // Without ACK it would be dropped (RFC 9293 §3.10.7.4).
            if flags.fin() && flags.ack() && sender != EndState::Closed {
                (sender, receiver) = if self.note_fin(direction, sender, receiver) {
                    (EndState::Closing, EndState::Closing)
                } else {
                    (sender.fin_sent(), receiver.fin_received())
                };
            }
            (sender, receiver)
        };
        self.ends = match direction {
            Direction::AtoB => [sender, receiver],
            Direction::BtoA => [receiver, sender],
        };
        if flags.is_pure_syn() && self.of(direction) == EndState::SynSent {
            self.closing = Closing::No;
        }
    }

    fn both_closed(&self) -> bool {
        let done = |state| {
            matches!(state, EndState::TimeWait | EndState::LastAck | EndState::Closing | EndState::Closed)
        };
        self.ends.iter().any(|&state| done(state))
    }

    /// Whether this FIN crossed the other: it does not acknowledge it, so its sender had not seen it.
    fn note_fin(&mut self, direction: Direction, sender: EndState, receiver: EndState) -> bool {
        match self.closing {
            Closing::No => self.closing = Closing::Fin(direction),
            Closing::Fin(first)
                if first != direction && receiver == EndState::FinWait1 && sender == EndState::CloseWait =>
            {
                self.closing = Closing::Crossed;
                return true;
            }
            _ => {}
        }
        false
    }
}

/// SYN without ACK. Two of them that cross open the connection from both sides (RFC 9293 §3.5, figure 7).
fn syn(sender: EndState, receiver: EndState) -> (EndState, EndState) {
    match (sender, receiver) {
        (EndState::Unknown | EndState::Closed | EndState::SynSent, EndState::SynSent) => {
            (EndState::SynReceived, EndState::SynReceived)
        }
        // A refused attempt that is made again begins anew.
        (EndState::Closed, EndState::Closed) => (EndState::SynSent, EndState::Unknown),
        (EndState::Unknown | EndState::Closed, receiver) => (EndState::SynSent, receiver),
        unchanged => unchanged,
    }
}

fn syn_ack(sender: EndState, receiver: EndState) -> (EndState, EndState) {
    let sender = match sender {
        EndState::Unknown | EndState::SynSent | EndState::Closed => EndState::SynReceived,
        other => other,
    };
    let receiver = match receiver {
        EndState::Unknown | EndState::SynSent | EndState::SynReceived => EndState::Established,
        // An RST did not count: the connection is accepted after it.
        EndState::Closed if sender == EndState::SynReceived => EndState::Established,
        other => other,
    };
    (sender, receiver)
}

/// An acknowledgement outside of a SYN: whoever sends it is synchronised, and so is whom it answers, but for an attempt to open that meets
/// an older connection (RFC 9293 §3.5.1: the answer is an acknowledgement of the older one).
fn ack(sender: EndState, receiver: EndState) -> (EndState, EndState) {
    let sender = match sender {
        EndState::Unknown | EndState::SynSent | EndState::SynReceived => EndState::Established,
        other => other,
    };
    let receiver = match receiver {
        EndState::Unknown | EndState::SynReceived => EndState::Established,
        other => other,
    };
    (sender, receiver)
}

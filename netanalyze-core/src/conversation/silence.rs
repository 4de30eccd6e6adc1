//! Silence that lasts until the capture ends although somebody owed something: an acknowledgement, or an answer.

use super::tcp::TcpConversation;
use crate::model::{Direction, Span, Timestamp};
use crate::tcp::EndState;

/// A silence at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LastSilence {
    /// From the conversation's last packet to the capture's end.
    pub(crate) span: Span,
    /// The end that owed something.
    pub(crate) silent: Direction,
    /// It owed an acknowledgement; else an answer.
    pub(crate) data_outstanding: bool,
}

impl TcpConversation {
    /// The silence in which the capture ended, if it was longer than `gap` and an end that was heard before owed something.
    pub(crate) fn last_silence(&self, capture_end: Timestamp, gap: Span) -> Option<LastSilence> {
        let account = self.account();
        let span = capture_end.since(account.last());
        if span <= gap {
            return None;
        }
        let open = |end| {
            let state = account.state(end);
            !matches!(state, EndState::Unknown | EndState::Closed | EndState::TimeWait)
                && account.packets(end) > 0
        };
        let (a, b) = (Direction::AtoB, Direction::BtoA);
        if !open(a) || !open(b) {
            return None;
        }
        let connection = self.connection();
        let outstanding = |end: Direction| connection.has_outstanding(end);
        let silence = |silent, data_outstanding| Some(LastSilence { span, silent, data_outstanding });
        match (outstanding(a), outstanding(b)) {
            (true, _) => silence(b, true),
            (false, true) => silence(a, true),
            (false, false) => {
                let client = account.client();
                let asked = account.roles_known() && connection.last_data_from(client);
                if asked { silence(client.reverse(), false) } else { None }
            }
        }
    }
}

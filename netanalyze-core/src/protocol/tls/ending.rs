//! How a handshake did that has not said so itself: its connection ended, or the capture.
//!
//! Reads what [`Open`] knows. Nobody is accused where bytes that were not captured may have decided it. Up to TLS 1.2 messages say whose turn it
//! is; the server's part of TLS 1.3 is encrypted, and only sizes hint at its end (RFC 8446 §5.2).

use super::alert::AlertDescription;
use super::message::Who;
use super::progress::{Flight, Open, PATIENCE};
use super::transaction::{Outcome, Stage, Unacknowledged};
use crate::model::Direction;
use crate::protocol::stream::{Closing, Moment};

impl Open {
    /// What was not captured may have decided it: the ClientHello; what either side said from the ServerHello on; or whatever the server
    /// answered.
    fn is_unknowable(&self) -> bool {
        let [client, server] = self.missing;
        match self.row.stage {
            Stage::Nothing => true,
            Stage::ClientHello | Stage::Retry => server,
            Stage::ServerHello => self.row.client_hello.is_none() || client || server,
            // The server may not have accepted it.
            Stage::Finished => self.may_be_tls13() && self.row.server_hello.is_none() && server,
        }
    }

    /// A direction ended, or the capture. Says how the handshake did, if that decides it.
    pub(super) fn closed(&mut self, from: Direction, how: Closing, now: Moment) -> Outcome {
        let who = self.row.who(from);
        let is_unknowable = self.is_unknowable();
        if let Some(rejecting) = self.rejected
            && !is_unknowable
            && (how != Closing::CaptureEnd || rejecting == Who::Client)
        {
            return Outcome::Rejected(rejecting);
        }
        if self.row.stage == Stage::Finished && !is_unknowable {
            return self.success();
        }
        // Up to TLS 1.2 an alert of level warning can be the reason, too.
        let reason =
            self.row.alerts.iter().rev().find(|(_, _, a)| a.description != AlertDescription::CLOSE_NOTIFY);
        if let (Some(&(by, _, alert)), true) = (reason, how != Closing::CaptureEnd)
            && (alert.description != AlertDescription::UNRECOGNIZED_NAME
                || self.row.stage < Stage::ServerHello)
        {
            return Outcome::Failed(by);
        }
        if is_unknowable {
            self.row.gaps |= self.row.left_out == 0;
            return Outcome::Cut;
        }
        // Whoever gives up after a long wait is not the one who failed.
        let debtor = self.debtor();
        let waited = now.time.since(self.row.latest().time) >= PATIENCE;
        if let Some((sender, unacknowledged)) = self.undelivered(debtor, now)
            && (waited || how == Closing::Fin && unacknowledged.times > 1)
        {
            self.row.unacknowledged = Some(unacknowledged);
            return Outcome::Undelivered(sender);
        }
        match how {
            Closing::CaptureEnd if self.turned_away => Outcome::Abandoned(Who::Client),
            Closing::Reset | Closing::Fin if waited && Some(who) != debtor => Outcome::Silent(debtor),
            Closing::Reset => Outcome::Reset(Some(who)),
            Closing::Fin => Outcome::Closed(who),
            Closing::CaptureEnd if waited => Outcome::Silent(debtor),
            Closing::CaptureEnd => Outcome::Cut,
        }
    }

    /// Whose bytes did not arrive, as far as acknowledgements show: those that the debtor should answer, or its own, without which it cannot go on.
    fn undelivered(&self, debtor: Option<Who>, now: Moment) -> Option<(Who, Unacknowledged)> {
        let debtor = debtor.unwrap_or(Who::Client);
        let senders = [debtor.other(), debtor];
        senders.into_iter().find_map(|who| Some((who, self.delivery.lacking(who, now)?)))
    }

    /// Who has to send next, if that can be told.
    fn debtor(&self) -> Option<Who> {
        let [client, server] = self.finished;
        match self.row.stage {
            Stage::Nothing | Stage::ClientHello => Some(Who::Server),
            Stage::Retry => Some(Who::Client),
            _ if self.is_tls13() => match self.flight {
                Flight::Opaque if !self.is_amid_record => None,
                Flight::Whole => Some(Who::Client),
                _ => Some(Who::Server),
            },
            // The server's part ends with ServerHelloDone, or in a resumed session with its Finished.
            _ if !client && (self.done || server) => Some(Who::Client),
            _ => Some(Who::Server),
        }
    }
}

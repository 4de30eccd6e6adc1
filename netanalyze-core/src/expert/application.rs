//! Findings of application messages, protocol by protocol.

use super::catalogue::KindId;
use super::finding::Detail;
use super::thresholds::Thresholds;
use super::{dns, http, tls};
use crate::protocol::message::Message;
use crate::protocol::stream::Moment;

/// Takes a finding: its kind; the frame that it is about, if that is not the one with which it became known; its figures, which are made only if somebody
/// wants findings of the kind.
pub(crate) type Found<'f> = &'f mut dyn FnMut(KindId, Option<Moment>, &dyn Fn() -> Detail);

/// The findings of a message.
pub(crate) fn application_findings(message: &Message, thresholds: &Thresholds, found: Found<'_>) {
    match message {
        Message::Dns(_) | Message::Lookup(_) => dns::findings(message, thresholds, found),
        Message::Tls(_) | Message::Handshake(_) => tls::findings(message, thresholds, found),
        Message::Http(_) | Message::Exchange(_) => http::findings(message, thresholds, found),
        Message::Group(_) | Message::Quic => {}
    }
}

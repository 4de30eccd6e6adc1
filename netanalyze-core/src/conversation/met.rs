//! A message with where it was met.

use super::record::Protocol;
use super::shard::ConversationRef;
use crate::model::{Endpoint, FrameNumber, Timestamp};
use crate::protocol::message::Message;

/// What an application said, in which frame and which conversation.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Met {
    /// The frame with which it became known: that of the last byte needed, or the capture's last frame.
    pub frame: FrameNumber,
    /// Its time.
    pub time: Timestamp,
    /// Position of the transport header among the layers of its frame.
    pub ordinal: u16,
    /// What `stream` counts.
    pub protocol: Protocol,
    /// Stream number; `None` only before it is assigned.
    pub stream: Option<u32>,
    /// Who sent the bytes that it is about: of a transaction, who began it.
    pub source: Endpoint,
    /// To whom.
    pub destination: Endpoint,
    /// The conversation.
    pub conversation: ConversationRef,
    /// What was said.
    pub message: Message,
    /// As [`Said::aside`](crate::protocol::message::Said::aside).
    pub aside: bool,
}

//! The serialisable result of an analysis. Key order is free for readers; the version changes when a key changes its meaning.

mod conversations;
mod heaviest;
mod transactions;

pub use conversations::{
    ConversationSummary, Failure, HostCount, STATE_THRESHOLDS, StateCount, Talker, Worst,
};

pub use transactions::{TransactionCount, TransactionSummary};

use serde::Serialize;

use crate::capture::CaptureFacts;
use crate::diagnosis::{Diagnosis, Gate};
use crate::model::{Note, Timestamp};

/// Version of every machine-readable output of this library and its command.
pub const SCHEMA_VERSION: u32 = 1;

/// What the whole capture came to.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The capture itself.
    pub capture: CaptureSummary,
    /// Frames by protocol, outermost protocols first. A frame counts once for each protocol in it.
    pub protocols: Vec<ProtocolCount>,
    /// Findings by kind, in catalogue order. Counts cover every kind, whatever was listed.
    pub findings_by_kind: Vec<KindCount>,
    /// Lookups, TLS handshakes and requests.
    pub transactions: TransactionSummary,
    /// What all conversations came to, if the view wanted to know ([`Interests::summary`](crate::engine::Interests::summary)).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversations: Option<ConversationSummary>,
    /// What about the capture itself undermines diagnoses, if the view wanted them ([`Interests::diagnoses`](crate::engine::Interests::diagnoses)).
    #[serde(skip)]
    pub quality: Vec<Gate>,
    /// Causes, those that cost most first, if the view wanted them. Those of low confidence and those that another one explains are among them.
    #[serde(skip)]
    pub diagnoses: Vec<Diagnosis>,
    /// Capture quality: what was damaged, missing or left out.
    #[serde(skip)]
    pub notes: Vec<Note>,
}

/// Facts about the capture.
#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct CaptureSummary {
    /// Files and interfaces.
    #[serde(flatten)]
    pub facts: CaptureFacts,
    /// Frames.
    pub packets: u64,
    /// Bytes on the wire.
    pub wire_bytes: u64,
    /// Bytes captured.
    pub captured_bytes: u64,
    /// Time of the earliest frame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub earliest: Option<Timestamp>,
    /// Time of the latest frame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latest: Option<Timestamp>,
    /// TCP conversations.
    pub tcp_streams: u32,
    /// UDP conversations.
    pub udp_streams: u32,
}

/// Frames of one protocol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ProtocolCount {
    /// Wireshark's filter name.
    pub protocol: &'static str,
    /// Frames that hold it.
    pub packets: u64,
    /// Their bytes on the wire.
    pub wire_bytes: u64,
}

/// Findings of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct KindCount {
    /// Catalogue id.
    pub id: &'static str,
    /// Severity word.
    pub severity: crate::expert::Severity,
    /// How many.
    pub count: u64,
    /// In how many conversations.
    pub conversations: u64,
    /// Frame of the first.
    pub first_frame: u64,
}

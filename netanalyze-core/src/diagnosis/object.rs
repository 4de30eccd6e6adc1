//! The object: a conclusion with its confidence, its evidence, what argues against it, and what to do next.

use serde::Serialize;

use super::catalogue::Rule;
use crate::conversation::Protocol;
use crate::model::{Endpoint, FrameNumber, Span, Timestamp};

/// How much a diagnosis matters to those who use the network, least first; unlike a finding's severity, which judges a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Context.
    Info,
    /// A fact worth knowing.
    Note,
    /// It costs at least a tenth of a second, or touches many conversations.
    Warn,
    /// Something failed, or lost a second or more.
    Error,
}

impl Severity {
    /// Lower-case name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Note => "note",
            Severity::Warn => "warn",
            Severity::Error => "error",
        }
    }
}

/// How sure a diagnosis is, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// It could be: the capture does not tell it apart from something else.
    Low,
    /// The capture is consistent with it.
    Medium,
    /// It is.
    High,
}

impl Confidence {
    /// Lower-case name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Confidence::Low => "low",
            Confidence::Medium => "medium",
            Confidence::High => "high",
        }
    }

    /// How a sentence says it.
    #[must_use]
    pub fn verb(self) -> &'static str {
        match self {
            Confidence::Low => "could be",
            Confidence::Medium => "is consistent with",
            Confidence::High => "is",
        }
    }

    /// One level less.
    #[must_use]
    pub fn lowered(self) -> Self {
        match self {
            Confidence::High => Confidence::Medium,
            _ => Confidence::Low,
        }
    }

    /// One level more.
    #[must_use]
    pub fn raised(self) -> Self {
        match self {
            Confidence::Low => Confidence::Medium,
            _ => Confidence::High,
        }
    }
}

/// What a diagnosis is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// All that was captured.
    Capture,
    /// One host, with whomever it speaks.
    Host,
    /// One port of one host, with several clients or in several conversations.
    Service,
    /// One conversation.
    Conversation,
}

impl Scope {
    /// Lower-case name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Scope::Capture => "capture",
            Scope::Host => "host",
            Scope::Service => "service",
            Scope::Conversation => "conversation",
        }
    }
}

/// A conversation that a diagnosis is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Ends {
    /// The client. Machine formats tell its address here, and its port beside it.
    #[serde(flatten, serialize_with = "client_apart")]
    #[cfg_attr(feature = "schema", schemars(with = "ClientApart"))]
    pub client: Endpoint,
    /// The server.
    pub server: Endpoint,
    /// What `stream` counts.
    pub protocol: Protocol,
    /// `tcp.stream` or `udp.stream`, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<u32>,
}

/// An end whose port is one of many.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct ClientApart {
    /// The client's address.
    client: std::net::IpAddr,
    /// Its port.
    client_port: u16,
}

fn client_apart<S: serde::Serializer>(client: &Endpoint, serializer: S) -> Result<S::Ok, S::Error> {
    ClientApart { client: client.ip(), client_port: client.port() }.serialize(serializer)
}

/// A frame that proves it, or argues against it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Evidence {
    /// The frame.
    pub frame: FrameNumber,
    /// What it shows.
    pub observed: String,
    /// What a healthy network would show.
    pub expected: String,
}

/// The diagnosis that looks most alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Rival {
    /// What else it could be.
    pub what: String,
    /// The one observation that would tell them apart.
    pub told_apart_by: String,
}

/// A threshold that decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Used {
    /// Its name, as `--threshold` takes it.
    pub name: &'static str,
    /// Its value, with the unit.
    pub value: String,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Step {
    /// Where: the client, the server, something between them.
    #[serde(rename = "where")]
    pub place: &'static str,
    /// What to run.
    pub command: String,
    /// What it tells.
    pub why: &'static str,
}

/// How many diagnoses of a rule another one explains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Explained {
    /// Code of the rule.
    pub code: &'static str,
    /// Conversations.
    pub count: u64,
}

/// A conclusion about a cause.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Diagnosis {
    /// Code of the rule, e.g. `CONN-01`.
    pub code: &'static str,
    /// Its name, e.g. `syn-unanswered`. Frozen.
    pub name: &'static str,
    /// A few words.
    pub title: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// How sure it is.
    pub confidence: Confidence,
    /// Why it is not surer, or why it is so sure.
    pub confidence_reasons: Vec<String>,
    /// What it is about.
    pub scope: Scope,
    /// What happened, in a sentence or two.
    pub summary: String,
    /// The conversations, at most [`MAX_ENDS`](super::MAX_ENDS) of them.
    pub endpoints: Vec<Ends>,
    /// How many conversations there are.
    pub conversations: u64,
    /// Time of the first sign.
    pub first: Timestamp,
    /// Time of the last.
    pub last: Timestamp,
    /// How often it happened.
    pub count: u64,
    /// Time that conversations lost by it, added up.
    #[serde(rename = "lost_time_ns")]
    pub lost_time: Span,
    /// The frames that prove it, at most [`MAX_EVIDENCE`](super::MAX_EVIDENCE).
    pub evidence: Vec<Evidence>,
    /// What argues against it.
    pub counter_evidence: Vec<String>,
    /// What looks most alike.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rival: Option<Rival>,
    /// What it explains: diagnoses that need no cause of their own.
    pub explains: Vec<Explained>,
    /// Code of the diagnosis that explains it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explained_by: Option<&'static str>,
    /// The thresholds that decided.
    pub thresholds: Vec<Used>,
    /// What to run next.
    pub next: Vec<Step>,
    /// A display filter that shows the frames of `evidence`, here and in Wireshark.
    pub filter: String,
    /// Where the rule comes from.
    pub references: &'static [&'static str],
}

impl Diagnosis {
    /// The rule behind it.
    #[must_use]
    pub fn rule(&self) -> &'static Rule {
        super::catalogue::rule(self.code)
    }
}

/// A gate of capture quality: something about the capture itself that undermines diagnoses. It is no diagnosis of the network.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Gate {
    /// Its code, e.g. `Q-01`.
    pub code: &'static str,
    /// Its name, e.g. `capture-drops`. Frozen.
    pub name: &'static str,
    /// A few words.
    pub title: &'static str,
    /// What was seen, in a sentence.
    pub summary: String,
    /// How often.
    pub count: u64,
    /// Frames that show it, at most [`MAX_EVIDENCE`](super::MAX_EVIDENCE); none if it is about the capture as a whole.
    pub frames: Vec<FrameNumber>,
    /// What it does to diagnoses.
    pub effect: &'static str,
    /// The threshold that decided.
    pub thresholds: Vec<Used>,
    /// What to do for a better capture.
    pub next: Vec<Step>,
}

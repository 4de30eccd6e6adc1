//! Severity and group, as Wireshark's expert names them.

use serde::Serialize;

/// How much a finding matters, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Ordinary workflow, e.g. a SYN.
    Chat,
    /// Notable, but a healthy network shows it too.
    Note,
    /// Something is off.
    Warn,
    /// A serious problem, e.g. a malformed packet.
    Error,
}

impl Severity {
    /// Lower-case name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Severity::Chat => "chat",
            Severity::Note => "note",
            Severity::Warn => "warn",
            Severity::Error => "error",
        }
    }
}

/// What kind of trouble a finding is, in Wireshark's groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Group {
    /// Suspicious sequence numbers, retransmissions, gaps.
    Sequence,
    /// Packets that contradict their protocol's rules.
    Protocol,
    /// Packets that cannot be decoded.
    Malformed,
    /// Answers that report a failure, or do not come.
    Response,
    /// What others may read or abuse.
    Security,
}

impl Group {
    /// Capitalised name, as Wireshark shows it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Group::Sequence => "Sequence",
            Group::Protocol => "Protocol",
            Group::Malformed => "Malformed",
            Group::Response => "Response",
            Group::Security => "Security",
        }
    }

    /// Lower-case name, as machine-readable output has it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Group::Sequence => "sequence",
            Group::Protocol => "protocol",
            Group::Malformed => "malformed",
            Group::Response => "response",
            Group::Security => "security",
        }
    }
}

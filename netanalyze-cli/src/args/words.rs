//! Words that options take.

use clap::ValueEnum;
use netanalyze_core::diagnosis;
use netanalyze_core::expert::Severity;

/// `--format`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// One JSON object
    Json,
    /// JSON lines: a header, a line each, a summary
    Jsonl,
    /// Comma-separated values with a header row
    Csv,
}

/// `--write-format`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum WriteFormat {
    /// Keeps everything
    Pcapng,
    /// Packets of one link type, nothing beside them
    Pcap,
}

/// `--color`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// `--min-severity`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SeverityWord {
    /// Serious problems only
    Error,
    /// And what is off
    Warn,
    /// And what is notable
    Note,
    /// And ordinary events: the counts of Wireshark's expert
    Chat,
}

/// `--min-confidence`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ConfidenceWord {
    /// What is so
    High,
    /// And what the capture is consistent with
    Medium,
    /// And what could be
    Low,
}

/// `--fail-on`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum GateWord {
    /// Serious problems only
    Error,
    /// Also what is off
    Warn,
    /// Also what is notable
    Note,
}

impl From<SeverityWord> for Severity {
    fn from(word: SeverityWord) -> Self {
        match word {
            SeverityWord::Error => Severity::Error,
            SeverityWord::Warn => Severity::Warn,
            SeverityWord::Note => Severity::Note,
            SeverityWord::Chat => Severity::Chat,
        }
    }
}

impl From<ConfidenceWord> for diagnosis::Confidence {
    fn from(word: ConfidenceWord) -> Self {
        match word {
            ConfidenceWord::High => diagnosis::Confidence::High,
            ConfidenceWord::Medium => diagnosis::Confidence::Medium,
            ConfidenceWord::Low => diagnosis::Confidence::Low,
        }
    }
}

impl From<GateWord> for diagnosis::Severity {
    fn from(word: GateWord) -> Self {
        match word {
            GateWord::Error => diagnosis::Severity::Error,
            GateWord::Warn => diagnosis::Severity::Warn,
            GateWord::Note => diagnosis::Severity::Note,
        }
    }
}

impl From<GateWord> for Severity {
    fn from(word: GateWord) -> Self {
        match word {
            GateWord::Error => Severity::Error,
            GateWord::Warn => Severity::Warn,
            GateWord::Note => Severity::Note,
        }
    }
}

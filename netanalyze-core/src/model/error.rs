//! The errors that end an analysis. Damage inside a capture is a [`Note`](super::Note) instead.

use std::io;

/// Why a capture could not be analysed at all, or a result could not be delivered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The input could not be opened or read.
    #[error("cannot read {name}: {source}")]
    Read {
        /// The input's name as the caller gave it (`-` for standard input).
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// The input is no capture, or none that we read, or holds nothing. The text says what was found, where, and what to try.
    #[error("{name}: {reason}")]
    NotACapture {
        /// The input's name as the caller gave it.
        name: String,
        /// What was found instead, and what to try.
        reason: String,
    },
    /// What consumes the results could not take them (a full disk, a closed pipe).
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
    /// The caller cancelled the analysis.
    #[error("the analysis was cancelled")]
    Cancelled,
}

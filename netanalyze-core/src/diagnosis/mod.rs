//! Diagnoses: causes behind findings, each with its confidence, the frames that prove it, what argues against it, and what to run next.
//!
//! Owns: the catalogue of rules ([`catalogue`]), the thresholds, the rules themselves (`rules/`, a file a family), what joins equal diagnoses
//! and ranks them. Reads: what every conversation's chronicle remembers, transactions and findings in capture order, facts and
//! notes of the capture. Emits: [`Diagnosis`] objects and the gates of capture quality. Costs a few instructions a packet, in the chronicle, and otherwise only where
//! something is wrong. Where a capture does not tell, it holds back: a wrong diagnosis costs more trust than a missing one.

mod blank;
mod case;
pub mod catalogue;
mod clock;
mod collect;
mod join;
mod object;
mod ordinary;
mod quality;
mod rules;
mod scene;
mod spread;
mod thresholds;

pub use catalogue::{Advice, Rule, rule_by_code, rules};
pub(crate) use collect::Diagnoser;
pub use object::{
    Confidence, Diagnosis, Ends, Evidence, Explained, Gate, Rival, Scope, Severity, Step, Used,
};
pub(crate) use ordinary::{Ordinary, OrdinaryExchanges};
pub(crate) use quality::Volume;
pub(crate) use rules::application::in_brief;
pub(crate) use scene::Stream;
pub use thresholds::{Limit, Thresholds, Unit};

/// Conversations that a diagnosis names.
pub const MAX_ENDS: usize = 16;

/// Frames that a diagnosis shows.
pub const MAX_EVIDENCE: usize = 12;

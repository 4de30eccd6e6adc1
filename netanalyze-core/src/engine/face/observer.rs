//! Who is told what happens.

use std::ops::BitOr;

use crate::conversation::Conversation;
use crate::expert::Finding;
use crate::field::AnalysedFrame;
use crate::model::Error;

/// What an observer or a rule wants to be told. What nobody wants is not worked out.
///
/// ```
/// use netanalyze_core::Wants;
///
/// let wants = Wants::FINDINGS | Wants::CONVERSATIONS;
/// assert!(wants.contains(Wants::FINDINGS) && !wants.contains(Wants::PACKETS));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wants(u8);

impl Wants {
    /// Nothing: only the report at the end.
    pub const NOTHING: Wants = Wants(0);
    /// Every packet, with the verdicts on its headers.
    pub const PACKETS: Wants = Wants(1);
    /// Findings.
    pub const FINDINGS: Wants = Wants(2);
    /// Every conversation, at the end, and their summary in the report.
    pub const CONVERSATIONS: Wants = Wants(4);
    /// All of it.
    pub const ALL: Wants = Wants(7);

    /// Whether all of `other` is wanted.
    #[must_use]
    pub const fn contains(self, other: Wants) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for Wants {
    type Output = Wants;

    fn bitor(self, other: Wants) -> Wants {
        Wants(self.0 | other.0)
    }
}

/// Is told what happens, in capture order: a packet, then the findings that became known with it; at the end the findings about whole
/// conversations, then the conversations.
///
/// Closures that take a [`Finding`] are observers; so is `()`, which only wants the report. An error ends the analysis and is what the
/// caller gets; to stop for other reasons, return [`Error::Cancelled`]. There is no report then: how far the analysis had come behind the
/// observer's back would depend on threads.
pub trait Observer {
    /// What it wants: asked once by [`Analyzer::run`](super::Analyzer::run), and with every frame by [`Live`](super::Live).
    fn wants(&self) -> Wants;

    /// A packet.
    ///
    /// # Errors
    /// Any that is to end the analysis.
    fn packet(&mut self, packet: &AnalysedFrame<'_>) -> Result<(), Error> {
        let _ = packet;
        Ok(())
    }

    /// A finding, of the catalogue or of a rule.
    ///
    /// # Errors
    /// Any that is to end the analysis. The frame's other findings are not told then, not even later by [`Live`](super::Live), but counted.
    fn finding(&mut self, finding: &Finding) -> Result<(), Error> {
        let _ = finding;
        Ok(())
    }

    /// A conversation as it is at the end: TCP by stream number, then UDP. Stream numbers may be missing: conversations without a packet
    /// of their own, known only from quotes in ICMP errors or from headers that contradict themselves, are left out.
    ///
    /// # Errors
    /// Any that is to end the analysis.
    fn conversation(&mut self, conversation: &Conversation) -> Result<(), Error> {
        let _ = conversation;
        Ok(())
    }
}

impl<F: FnMut(&Finding) -> Result<(), Error>> Observer for F {
    fn wants(&self) -> Wants {
        Wants::FINDINGS
    }

    fn finding(&mut self, finding: &Finding) -> Result<(), Error> {
        self(finding)
    }
}

impl Observer for () {
    fn wants(&self) -> Wants {
        Wants::NOTHING
    }
}

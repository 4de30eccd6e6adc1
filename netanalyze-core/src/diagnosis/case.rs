//! A rule's conclusion about one conversation, or about one server, before equal ones are joined.

use super::object::{Confidence, Ends, Evidence, Rival, Severity};
use super::thresholds::Limit;
use crate::model::{FrameNumber, Span, Timestamp};

/// See the head of the module. Made by [`Case::new`] and what follows it.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) code: &'static str,
    pub(super) ends: Ends,
    pub(super) severity: Severity,
    pub(super) confidence: Confidence,
    pub(super) reasons: Vec<String>,
    /// What happened, for whoever sees this case alone.
    pub(super) sentence: String,
    /// What several such cases have in common: a clause about the server.
    pub(super) gist: String,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    pub(super) count: u64,
    pub(super) lost: Span,
    pub(super) evidence: Vec<Evidence>,
    pub(super) counter: Vec<String>,
    pub(super) rival: Option<Rival>,
    pub(super) used: Vec<Limit>,
    /// Of how many attempts of the same sort by the client it is known that they succeeded; `None` if that says nothing.
    pub(super) successes: Option<u64>,
    /// Who says so, or whose doing it is, if it is neither end's.
    pub(super) blame: Option<std::net::IpAddr>,
    /// What it is about beside its ends, a name for one: cases about different things are not joined.
    pub(super) subject: String,
    /// Conversations and clients beside its own that it stands for.
    pub(super) beyond: (u64, u64),
}

impl Case {
    /// A case of a rule, as severe and as sure as the rule is.
    pub(super) fn new(code: &'static str, ends: Ends, (first, last): (Timestamp, Timestamp)) -> Self {
        let rule = super::catalogue::rule(code);
        Case {
            code,
            ends,
            severity: rule.severity,
            confidence: rule.confidence,
            reasons: Vec::new(),
            sentence: String::new(),
            gist: String::new(),
            first,
            last,
            count: 1,
            lost: Span(0),
            evidence: Vec::new(),
            counter: Vec::new(),
            rival: None,
            used: Vec::new(),
            successes: None,
            blame: None,
            subject: String::new(),
            beyond: (0, 0),
        }
    }

    pub(super) fn says(mut self, sentence: String, gist: String) -> Self {
        (self.sentence, self.gist) = (sentence, gist);
        self
    }

    pub(super) fn shows(mut self, frame: FrameNumber, observed: impl Into<String>, expected: &str) -> Self {
        if frame != FrameNumber(0) {
            let evidence = Evidence { frame, observed: observed.into(), expected: expected.to_owned() };
            self.evidence.push(evidence);
        }
        self
    }

    pub(super) fn shows_all(
        self,
        frames: impl Iterator<Item = FrameNumber>,
        observed: &str,
        expected: &str,
    ) -> Self {
        frames.fold(self, |case, frame| case.shows(frame, observed, expected))
    }

    pub(super) fn costs(mut self, lost: Span) -> Self {
        self.lost = Span(lost.0.max(0));
        self
    }

    pub(super) fn times(mut self, count: u64) -> Self {
        self.count = count;
        self
    }

    pub(super) fn by(mut self, used: &[Limit]) -> Self {
        self.used.extend(used);
        self
    }

    pub(super) fn about(mut self, subject: impl Into<String>) -> Self {
        self.subject = subject.into();
        self
    }

    pub(super) fn among(mut self, successes: u64) -> Self {
        self.successes = Some(successes);
        self
    }

    pub(super) fn by_word_of(mut self, reporter: std::net::IpAddr) -> Self {
        self.blame = Some(reporter);
        self
    }

    pub(super) fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// It is less sure, for a reason.
    pub(super) fn less(mut self, reason: impl Into<String>) -> Self {
        self.confidence = self.confidence.lowered();
        self.reasons.push(reason.into());
        self
    }

    /// It is surer, for a reason.
    pub(super) fn more(mut self, reason: impl Into<String>) -> Self {
        self.confidence = self.confidence.raised();
        self.reasons.push(reason.into());
        self
    }

    /// Not surer than this, for a reason.
    pub(super) fn at_most(mut self, confidence: Confidence, reason: impl Into<String>) -> Self {
        if self.confidence > confidence {
            self.confidence = confidence;
            self.reasons.push(reason.into());
        }
        self
    }

    pub(super) fn because(mut self, reason: impl Into<String>) -> Self {
        self.reasons.push(reason.into());
        self
    }

    pub(super) fn against(mut self, what: impl Into<String>) -> Self {
        self.counter.push(what.into());
        self
    }

    pub(super) fn rival(mut self, what: &str, told_apart_by: &str) -> Self {
        self.rival = Some(Rival { what: what.to_owned(), told_apart_by: told_apart_by.to_owned() });
        self
    }
}

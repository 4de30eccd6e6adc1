//! Objects made from outside of this library: by programs with rules of their own, and by tests of what shows them.

use super::catalogue::rule;
use super::object::{Diagnosis, Ends, Evidence, Explained, Gate, Rival, Scope, Step};
use crate::conversation::Protocol;
use crate::model::{Endpoint, FrameNumber, Span, Timestamp};

impl Diagnosis {
    /// What the rule book says of a rule, by its code; everything else is empty.
    #[must_use]
    pub fn blank(code: &'static str) -> Self {
        let rule = rule(code);
        Diagnosis {
            code: rule.code,
            name: rule.name,
            title: rule.title,
            severity: rule.severity,
            confidence: rule.confidence,
            confidence_reasons: Vec::new(),
            scope: Scope::Conversation,
            summary: String::new(),
            endpoints: Vec::new(),
            conversations: 0,
            first: Timestamp::default(),
            last: Timestamp::default(),
            count: 0,
            lost_time: Span(0),
            evidence: Vec::new(),
            counter_evidence: Vec::new(),
            rival: None,
            explains: Vec::new(),
            explained_by: None,
            thresholds: Vec::new(),
            next: Vec::new(),
            filter: String::new(),
            references: rule.references,
        }
    }
}

impl Gate {
    /// What the rule book says of a gate, by its code; everything else is empty.
    #[must_use]
    pub fn blank(code: &'static str) -> Self {
        let rule = rule(code);
        Gate {
            code: rule.code,
            name: rule.name,
            title: rule.title,
            summary: String::new(),
            count: 0,
            frames: Vec::new(),
            effect: "",
            thresholds: Vec::new(),
            next: Vec::new(),
        }
    }
}

impl Ends {
    /// A conversation between them.
    #[must_use]
    pub fn new(client: Endpoint, server: Endpoint, protocol: Protocol, stream: Option<u32>) -> Self {
        Ends { client, server, protocol, stream }
    }
}

impl Evidence {
    /// What a frame shows, and what a healthy network would show.
    #[must_use]
    pub fn new(frame: FrameNumber, observed: impl Into<String>, expected: impl Into<String>) -> Self {
        Evidence { frame, observed: observed.into(), expected: expected.into() }
    }
}

impl Rival {
    /// What else it could be, and what would tell them apart.
    #[must_use]
    pub fn new(what: impl Into<String>, told_apart_by: impl Into<String>) -> Self {
        Rival { what: what.into(), told_apart_by: told_apart_by.into() }
    }
}

impl Step {
    /// What to run where, and what it tells.
    #[must_use]
    pub fn new(place: &'static str, command: impl Into<String>, why: &'static str) -> Self {
        Step { place, command: command.into(), why }
    }
}

impl Explained {
    /// So many conversations of a rule.
    #[must_use]
    pub fn new(code: &'static str, count: u64) -> Self {
        Explained { code, count }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_hold_what_the_rule_book_says() {
        let diagnosis = Diagnosis::blank("CONN-02");
        assert_eq!((diagnosis.name, diagnosis.code), ("connection-refused", diagnosis.rule().code));
        assert_eq!(Gate::blank("Q-11").name, "damaged-file");
    }
}

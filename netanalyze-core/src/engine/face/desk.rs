//! Where rules and observer are called: findings and packets come in, in capture order, and are told one by one.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::slice;
use std::sync::Arc;

use hashbrown::HashSet;

use super::super::compose;
use super::super::ending;
use super::super::shared::Remains;
use super::super::tally::{Occurrences, Tally};
use super::super::{Cancellation, Interests};
use super::rule::{Found, Rule};
use super::{Observer, Wants};
use crate::conversation::{Conversation, Protocol};
use crate::expert::{Finding, KindSet, Severity};
use crate::field::{AnalysedBatch, AnalysedFrame};
use crate::model::{Error, FrameNumber, Span};
use crate::protocol::tls::keys::Secrets;
use crate::report::{ConversationSummary, KindCount, Report};

/// The caller's options and rules, and what the rules found.
pub(super) struct Desk {
    pub(super) gap: Span,
    pub(super) memory_limit: u64,
    /// Secrets that were given.
    pub(super) key_log: Option<Arc<Secrets>>,
    /// For what is done when the capture ends.
    pub(super) threads: NonZeroUsize,
    /// Kinds of the catalogue that the observer is told.
    pub(super) kinds: KindSet,
    /// The least severity of a rule's finding that the observer is told.
    pub(super) min_severity: Severity,
    pub(super) rules: Vec<Box<dyn Rule>>,
    pub(super) cancellation: Cancellation,
    /// By id and severity: kinds that a caller gave the same id are kept apart where that can be seen in the report.
    counts: BTreeMap<(&'static str, Severity), Count>,
    /// What rules found at the moment. Empty between calls.
    made: Vec<Finding>,
}

/// Findings of a rule's kind.
#[derive(Default)]
struct Count {
    findings: Occurrences,
    conversations: HashSet<(Protocol, u32), foldhash::fast::RandomState>,
}

impl Default for Desk {
    fn default() -> Self {
        Desk {
            gap: Interests::default().gap,
            memory_limit: Interests::default().memory_limit,
            key_log: None,
            threads: NonZeroUsize::MIN,
            kinds: KindSet::ALL,
            min_severity: Severity::Chat,
            rules: Vec::new(),
            cancellation: Cancellation::default(),
            counts: BTreeMap::new(),
            made: Vec::new(),
        }
    }
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk")
            .field("gap", &self.gap)
            .field("kinds", &self.kinds)
            .field("min_severity", &self.min_severity)
            .field("rules", &self.rules.len())
            .finish_non_exhaustive()
    }
}

impl Desk {
    fn rules_want(&self, what: Wants) -> bool {
        self.rules.iter().any(|rule| rule.wants().contains(what))
    }

    /// What the engine must work out for an observer and the rules.
    pub(super) fn interests(&self, wants: Wants) -> Interests {
        let mut kinds = KindSet::NONE;
        if wants.contains(Wants::FINDINGS) {
            kinds = self.kinds;
        }
        if self.rules_want(Wants::FINDINGS) {
            kinds = KindSet::ALL;
        }
        let rows = wants.contains(Wants::PACKETS) || self.rules_want(Wants::PACKETS);
        let summary = wants.contains(Wants::CONVERSATIONS);
        let books = summary || self.rules_want(Wants::CONVERSATIONS);
        let (gap, memory_limit) = (self.gap, self.memory_limit);
        let key_log = self.key_log.clone();
        Interests { kinds, rows, gap, books, summary, memory_limit, key_log, ..Interests::default() }
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        if self.cancellation.is_cancelled() { Err(Error::Cancelled) } else { Ok(()) }
    }

    /// Tells what a batch holds.
    pub(super) fn batch<O: Observer + ?Sized>(
        &mut self,
        batch: &AnalysedBatch<'_>,
        wants: Wants,
        observer: &mut O,
    ) -> Result<(), Error> {
        let mut findings = batch.findings;
        // Without verdicts nobody asked for packets.
        if batch.frame_slots.is_empty() {
            return findings
                .chunk_by(|a, b| a.known_at == b.known_at)
                .try_for_each(|known| self.moment(None, known, wants, observer));
        }
        for frame in batch.frames() {
            let number = frame.number();
            let known = findings.iter().take_while(|finding| finding.known_at <= number).count();
            let (now, later) = findings.split_at(known);
            findings = later;
            self.moment(Some(&frame), now, wants, observer)?;
        }
        Ok(())
    }

    /// Tells a packet and the findings that became known with it.
    fn moment<O: Observer + ?Sized>(
        &mut self,
        frame: Option<&AnalysedFrame<'_>>,
        findings: &[Finding],
        wants: Wants,
        observer: &mut O,
    ) -> Result<(), Error> {
        self.check()?;
        let known_at = frame.map(AnalysedFrame::number).or(findings.first().map(|finding| finding.known_at));
        self.ask_rules(frame, findings, known_at.unwrap_or_default());
        // All are counted before any is told: those of the catalogue are, and an error of the observer must not make a difference.
        let mut made = std::mem::take(&mut self.made);
        made.iter_mut().for_each(|finding| self.count(finding));
        if let Some(frame) = frame.filter(|_| wants.contains(Wants::PACKETS)) {
            observer.packet(frame)?;
        }
        let mut custom = made.drain(..).peekable();
        for finding in findings {
            while let Some(before) = custom.next_if(|custom| custom.ordinal < finding.ordinal) {
                self.tell_custom(&before, wants, observer)?;
            }
            if wants.contains(Wants::FINDINGS) && self.kinds.contains(finding.kind) {
                observer.finding(finding)?;
            }
        }
        custom.try_for_each(|finding| self.tell_custom(&finding, wants, observer))?;
        drop(custom);
        self.made = made;
        Ok(())
    }

    /// Fills `made`, in order of the headers.
    fn ask_rules(&mut self, frame: Option<&AnalysedFrame<'_>>, findings: &[Finding], known_at: FrameNumber) {
        self.made.clear(); // A panic of a rule or an error of the observer may have left something.
        let mut found = Found { findings: &mut self.made, known_at };
        for rule in &mut self.rules {
            let wants = rule.wants();
            if let Some(frame) = frame.filter(|_| wants.contains(Wants::PACKETS)) {
                rule.packet(frame, &mut found);
            }
            if wants.contains(Wants::FINDINGS) {
                findings.iter().for_each(|finding| rule.finding(finding, &mut found));
            }
        }
        self.made.sort_by_key(|finding| finding.ordinal);
    }

    /// Counts a rule's finding, in capture order: the first of its conversation becomes known.
    fn count(&mut self, finding: &mut Finding) {
        let kind = finding.kind();
        let count = self.counts.entry((kind.id, kind.severity)).or_default();
        count.findings.add(finding.frame);
        if let Some(conversation) = finding.protocol.zip(finding.stream) {
            finding.first_of_conversation = count.conversations.insert(conversation);
        }
    }

    /// Tells a rule's finding.
    fn tell_custom<O: Observer + ?Sized>(
        &self,
        finding: &Finding,
        wants: Wants,
        observer: &mut O,
    ) -> Result<(), Error> {
        if wants.contains(Wants::FINDINGS) && finding.kind().severity >= self.min_severity {
            observer.finding(finding)?;
        }
        Ok(())
    }

    /// Tells what is known only at the end, and makes the report.
    pub(super) fn end<O: Observer + ?Sized>(
        mut self,
        mut remains: Remains,
        mut tally: Tally,
        wants: Wants,
        observer: &mut O,
    ) -> Result<Report, Error> {
        self.check()?;
        let interests = self.interests(wants);
        let words = ending::last_words(&mut remains, &interests, &mut tally);
        let conversations = ending::conversations(&mut remains, &tally, true);
        words.deliver(|findings, _| {
            findings
                .iter()
                .try_for_each(|finding| self.moment(None, slice::from_ref(finding), wants, observer))
        })?;
        let mut custom = Vec::new();
        if self.rules_want(Wants::CONVERSATIONS) {
            let mut found = Found { findings: &mut custom, known_at: conversations.last_frame() };
            for conversation in conversations.iter().filter(has_packets) {
                if self.cancellation.is_cancelled() {
                    return Err(Error::Cancelled);
                }
                for rule in self.rules.iter_mut().filter(|rule| rule.wants().contains(Wants::CONVERSATIONS)) {
                    rule.conversation(&conversation, &mut found);
                }
            }
        }
        let place = |finding: &Finding| (finding.frame, finding.stream);
        custom.sort_by_key(place);
        let mut custom = custom.into_iter().peekable();
        let Interests { kinds, summary, .. } = self.interests(wants);
        ending::findings(kinds, self.threads, &conversations, &mut tally, |findings| {
            for finding in findings {
                while let Some(mut before) = custom.next_if(|custom| place(custom) < place(finding)) {
                    self.count(&mut before);
                    self.tell_custom(&before, wants, observer)?;
                }
                self.moment(None, slice::from_ref(finding), wants, observer)?;
            }
            Ok(())
        })?;
        for mut finding in custom {
            self.count(&mut finding);
            self.tell_custom(&finding, wants, observer)?;
        }
        if wants.contains(Wants::CONVERSATIONS) {
            for conversation in conversations.iter().filter(has_packets) {
                self.check()?;
                observer.conversation(&conversation)?;
            }
        }
        let summary = summary.then(|| ConversationSummary::new(&conversations));
        let mut report = compose::report(remains, &tally, summary);
        report.findings_by_kind.extend(self.counts.iter().map(|(&(id, severity), count)| KindCount {
            id,
            severity,
            count: count.findings.count,
            conversations: count.conversations.len() as u64,
            first_frame: count.findings.first.unwrap_or_default().0,
        }));
        Ok(report)
    }
}

/// Whether a conversation has packets of its own: one that is known only from quotes in ICMP errors or from headers that contradict
/// themselves has a stream number, but neither frames nor times.
fn has_packets(conversation: &Conversation) -> bool {
    conversation.first_frame != FrameNumber(0)
}

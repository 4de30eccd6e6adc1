//! Which packets are written: what workers see of a batch, what a first pass remembers of it, and the choice.

use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashSet};
use netanalyze_core::expert::{Finding, KindSet};
use netanalyze_core::model::FrameNumber;

use super::Around;
use crate::pick::{Conversation, Looked};

/// Findings known only after their packet that are kept for comments; the report of an ordinary capture has far fewer.
const MAX_LATE: usize = 1 << 20;

/// What the first pass remembers.
pub(super) struct Marks {
    around: Around,
    /// Conversations of matches.
    matching: HashSet<Conversation, RandomState>,
    /// Which packets of each conversation are near a match, counted from 0.
    near: HashMap<Conversation, Near, RandomState>,
    /// Comments by frame.
    late: HashMap<u64, Vec<String>, RandomState>,
    kept: usize,
    left_out: u64,
}

/// Packets of a conversation.
#[derive(Default)]
struct Near {
    seen: u64,
    /// First and last packet of each run near matches, in order, apart from each other.
    runs: Vec<(u64, u64)>,
}

impl Near {
    fn add(&mut self, first: u64, last: u64) {
        match self.runs.last_mut() {
            Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
            _ => self.runs.push((first, last)),
        }
    }

    fn holds(&self, packet: u64) -> bool {
        let before = self.runs.partition_point(|&(first, _)| first <= packet);
        before.checked_sub(1).and_then(|run| self.runs.get(run)).is_some_and(|&(_, last)| packet <= last)
    }
}

impl Marks {
    pub(super) fn new(around: Around) -> Self {
        Marks {
            around,
            matching: HashSet::default(),
            near: HashMap::default(),
            late: HashMap::default(),
            kept: 0,
            left_out: 0,
        }
    }

    /// Takes what was seen of the next batch.
    pub(super) fn take(&mut self, looked: &Looked) {
        for &(index, conversation) in &looked.conversations {
            let matches = looked.matches(index as usize);
            match self.around {
                Around::Nothing => {}
                Around::Conversation if matches => _ = self.matching.insert(conversation),
                Around::Conversation => {}
                Around::Packets(around) => {
                    let near = self.near.entry(conversation).or_default();
                    if matches {
                        near.add(near.seen.saturating_sub(around.into()), near.seen + u64::from(around));
                    }
                    near.seen += 1;
                }
            }
        }
    }

    /// Takes findings that their packet does not tell yet.
    pub(super) fn take_late(&mut self, findings: &[Finding], kinds: KindSet) {
        for finding in findings.iter().filter(|f| f.frame != f.known_at && kinds.contains(f.kind)) {
            if self.kept >= MAX_LATE {
                self.left_out += 1;
            } else {
                self.kept += 1;
                self.late.entry(finding.frame.0).or_default().push(comment(finding));
            }
        }
    }

    /// Late findings that were too many to be kept.
    pub(super) fn late_left_out(&self) -> u64 {
        self.left_out
    }
}

/// Chooses the packets of batches in order, by the marks of all.
pub(super) struct Chooser<'m> {
    marks: &'m mut Marks,
    /// Packets so far.
    seen: HashMap<Conversation, u64, RandomState>,
    /// Where the next frame's conversations stand in the batch's list.
    next: usize,
}

impl<'m> Chooser<'m> {
    pub(super) fn new(marks: &'m mut Marks) -> Self {
        Chooser { marks, seen: HashMap::default(), next: 0 }
    }

    /// Whether the frame at an index is written. Asked for every frame of a batch in order.
    pub(super) fn chooses(&mut self, looked: &Looked, index: usize) -> bool {
        if index == 0 {
            self.next = 0;
        }
        let mut chosen = looked.matches(index);
        while let Some(&(_, conversation)) =
            looked.conversations.get(self.next).filter(|(of, _)| *of as usize == index)
        {
            self.next += 1;
            chosen |= match self.marks.around {
                Around::Nothing => false,
                Around::Conversation => self.marks.matching.contains(&conversation),
                Around::Packets(_) => {
                    let seen = self.seen.entry(conversation).or_default();
                    let packet = *seen;
                    *seen += 1;
                    self.marks.near.get(&conversation).is_some_and(|near| near.holds(packet))
                }
            };
        }
        chosen
    }

    /// What became known of a frame only later.
    pub(super) fn late_comments(&mut self, frame: FrameNumber) -> Vec<String> {
        if self.marks.late.is_empty() {
            Vec::new()
        } else {
            self.marks.late.remove(&frame.0).unwrap_or_default()
        }
    }
}

/// A finding as a comment of its packet.
pub(super) fn comment(finding: &Finding) -> String {
    let kind = finding.kind();
    format!("netanalyze: {} {}: {}", kind.severity.name(), kind.id, finding.message())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_grow_together() {
        let mut near = Near::default();
        for (first, last) in [(0, 3), (2, 6), (7, 9), (12, 12)] {
            near.add(first, last);
        }
        assert_eq!(near.runs, [(0, 9), (12, 12)]);
        let held: Vec<_> = (0..14).filter(|&packet| near.holds(packet)).collect();
        assert_eq!(held, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12]);
        assert!(!Near::default().holds(0));
    }
}

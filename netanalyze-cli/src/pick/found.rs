//! The findings whose frames match.
//!
//! Workers test frames; findings are picked where batches are delivered, in capture order, because one can be about a frame of any batch
//! before. For those a bit is kept for every frame, which is a thousandth of what the capture takes.

use hashbrown::HashSet;
use netanalyze_core::expert::{Finding, KindSet};
use netanalyze_core::field::AnalysedBatch;
use netanalyze_core::model::FrameNumber;

use super::Looked;

/// What findings of one conversation have in common.
type Conversation =
    (u8, Option<netanalyze_core::conversation::Protocol>, Option<u32>, Option<[std::net::IpAddr; 2]>);

/// Picks findings, batch by batch.
pub(crate) struct Picked {
    /// Kinds that are shown.
    kinds: KindSet,
    /// A bit for every frame so far.
    matching: Vec<u64>,
    frames: u64,
    /// Of which conversations there were findings of which kind.
    seen: HashSet<Conversation, foldhash::fast::RandomState>,
}

impl Picked {
    pub(crate) fn new(kinds: KindSet) -> Self {
        Picked { kinds, matching: Vec::new(), frames: 0, seen: HashSet::default() }
    }

    /// The findings of a batch that are to be shown, given which of its frames match.
    pub(crate) fn pick(&mut self, looked: &Looked, batch: &AnalysedBatch<'_>) -> Vec<Finding> {
        for index in 0..batch.batch.frames.len() {
            let matches = looked.matches(index);
            let (word, bit) = place(self.frames);
            if word == self.matching.len() {
                self.matching.push(0);
            }
            if let Some(word) = self.matching.get_mut(word) {
                *word |= u64::from(matches) << bit;
            }
            self.frames += 1;
        }
        let mut found = Vec::new();
        for finding in batch.findings {
            if self.kinds.contains(finding.kind) && self.matches(finding.frame) {
                let mut finding = finding.clone();
                finding.first_of_conversation = self.seen.insert(conversation(&finding));
                found.push(finding);
            }
        }
        found
    }

    /// Whether a frame matches that was seen.
    pub(crate) fn matches(&self, frame: FrameNumber) -> bool {
        let (word, bit) = place(frame.0.saturating_sub(1));
        self.matching.get(word).is_some_and(|word| word >> bit & 1 == 1)
    }
}

fn place(frame: u64) -> (usize, u64) {
    (usize::try_from(frame / 64).unwrap_or(usize::MAX), frame % 64)
}

fn conversation(finding: &Finding) -> Conversation {
    let ends = finding.protocol.is_none().then(|| [finding.source.ip(), finding.destination.ip()]);
    (finding.kind.0, finding.protocol, finding.stream, ends)
}

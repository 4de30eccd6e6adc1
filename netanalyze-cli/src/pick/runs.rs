//! Where in each conversation packets match.

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use netanalyze_core::field::AnalysedBatch;
use netanalyze_core::model::FrameNumber;

use super::{Conversation, Looked};

/// Runs that are kept. Beyond them, what lies between two runs of a conversation counts as matching, too.
const MAX_RUNS: usize = 1 << 22;

/// The runs of matching packets of each conversation; of packets without one under `None`.
#[derive(Default)]
pub(crate) struct Runs {
    of: HashMap<Option<Conversation>, Vec<Run>, RandomState>,
    runs: usize,
    /// Runs that were too many.
    joined: u64,
}

/// Packets of a conversation that follow each other and match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    first: u64,
    last: u64,
    /// The next packet of the conversation did not match.
    is_over: bool,
}

impl Runs {
    /// Takes what was seen of the next batch.
    pub(crate) fn take(&mut self, looked: &Looked, batch: &AnalysedBatch<'_>) {
        let mut conversations = looked.conversations.iter().peekable();
        for index in 0..batch.batch.frames.len() {
            let (frame, matches) = (batch.batch.frame_number(index), looked.matches(index));
            let mut has_any = false;
            while let Some((_, conversation)) = conversations.next_if(|(of, _)| *of as usize == index) {
                has_any = true;
                self.add(Some(*conversation), frame, matches);
            }
            if !has_any {
                self.add(None, frame, matches);
            }
        }
    }

    fn add(&mut self, conversation: Option<Conversation>, FrameNumber(frame): FrameNumber, matches: bool) {
        if !matches {
            if let Some(run) = self.of.get_mut(&conversation).and_then(|runs| runs.last_mut()) {
                run.is_over = true;
            }
            return;
        }
        let runs = self.of.entry(conversation).or_default();
        match runs.last_mut() {
            Some(run) if !run.is_over => run.last = frame,
            Some(run) if self.runs >= MAX_RUNS => {
                self.joined += 1;
                *run = Run { last: frame, is_over: false, ..*run };
            }
            _ => {
                self.runs += 1;
                runs.push(Run { first: frame, last: frame, is_over: false });
            }
        }
    }

    /// Whether a packet of a conversation matches between two frames, these included.
    pub(crate) fn between(
        &self,
        conversation: Option<Conversation>,
        FrameNumber(first): FrameNumber,
        FrameNumber(last): FrameNumber,
    ) -> bool {
        let Some(runs) = self.of.get(&conversation) else { return false };
        let next = runs.get(runs.partition_point(|run| run.last < first));
        next.is_some_and(|run| run.first <= last)
    }

    /// Whether any packet of a conversation matches.
    pub(crate) fn any(&self, conversation: Conversation) -> bool {
        self.of.contains_key(&Some(conversation))
    }

    /// Conversations with packets that match, TCP's and UDP's.
    pub(crate) fn conversations(&self) -> [u64; 2] {
        use netanalyze_core::conversation::Protocol::{Tcp, Udp};
        [Tcp, Udp].map(|of| {
            let is_one = |key: &&Option<Conversation>| key.is_some_and(|(protocol, _)| protocol == of);
            self.of.keys().filter(is_one).count() as u64
        })
    }

    /// Runs that were too many to be kept apart.
    pub(crate) fn joined(&self) -> u64 {
        self.joined
    }
}

#[cfg(test)]
mod tests {
    use netanalyze_core::conversation::Protocol;

    use super::*;

    #[test]
    fn runs_are_of_one_conversation() {
        let mut runs = Runs::default();
        let one = Some((Protocol::Tcp, 1));
        for (frame, conversation, matches) in [
            (1, one, false),
            (2, one, true),
            (3, Some((Protocol::Udp, 1)), true),
            (4, None, false),
            (7, one, true),
            (8, one, false),
            (9, one, true),
        ] {
            runs.add(conversation, FrameNumber(frame), matches);
        }
        let between = |first, last| runs.between(one, FrameNumber(first), FrameNumber(last));
        for (first, last, any) in [
            (1, 1, false),
            (1, 2, true),
            (3, 6, true),
            (7, 7, true),
            (8, 8, false),
            (8, 9, true),
            (10, 99, false),
        ] {
            assert_eq!(between(first, last), any, "{first} to {last}");
        }
        assert_eq!(runs.of[&one].len(), 2);
        assert!(!runs.between(None, FrameNumber(0), FrameNumber(99)));
        assert!(runs.any((Protocol::Udp, 1)) && !runs.any((Protocol::Udp, 2)));
        assert_eq!((runs.conversations(), runs.joined()), ([1, 1], 0));
    }
}

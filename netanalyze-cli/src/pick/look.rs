//! What workers see of a batch: which frames match, and their conversations.

use netanalyze_core::Filter;
use netanalyze_core::conversation::Protocol;
use netanalyze_core::engine::{Interests, View};
use netanalyze_core::field::{AnalysedBatch, Row};

/// A conversation: its protocol and stream number.
pub(crate) type Conversation = (Protocol, u32);

/// What workers see of a batch.
pub(crate) struct Looked {
    /// Which frames match; none of them if all do.
    pub(crate) matches: Option<Vec<bool>>,
    /// The conversations of each frame by its index, in order, each once; empty unless needed.
    pub(crate) conversations: Vec<(u32, Conversation)>,
}

impl Looked {
    /// Whether the frame at an index matches.
    pub(crate) fn matches(&self, index: usize) -> bool {
        self.matches.as_ref().is_none_or(|matches| matches.get(index).is_some_and(|&matches| matches))
    }
}

/// A view that tests frames and tells their conversations.
pub(crate) struct Look<'f> {
    filter: Option<&'f Filter>,
    conversations: bool,
    interests: Interests,
}

impl<'f> Look<'f> {
    /// `conversations`: whether they are told. `interests`: what else is wanted of the analysis.
    pub(crate) fn new(filter: Option<&'f Filter>, conversations: bool, mut interests: Interests) -> Self {
        interests.rows |= conversations;
        Look { filter, conversations, interests }
    }
}

impl View for Look<'_> {
    type Piece = Looked;

    fn interests(&self) -> Interests {
        self.interests.clone()
    }

    fn digest(&self, batch: &AnalysedBatch<'_>) -> Looked {
        let mut row = Row::default();
        let matches = self.filter.map(|filter| {
            let of = |frame| filter.matches(&frame, &mut row);
            batch.frames().map(of).collect()
        });
        let mut conversations = Vec::new();
        if self.conversations {
            for frame in batch.frames() {
                let first = conversations.len();
                frame.transports(&mut |layer| {
                    if let Some(stream) = layer.stream {
                        let found = (frame.index as u32, (layer.protocol, stream));
                        if conversations.get(first..).is_some_and(|before| !before.contains(&found)) {
                            conversations.push(found);
                        }
                    }
                });
            }
        }
        Looked { matches, conversations }
    }
}

//! Answers that were captured just before their queries.
//!
//! Owns: the last few answers of a conversation that nobody asked for. Where two taps or two queues feed one capture, an answer can overtake its
//! query; so such an answer is told only once its query came, or is too late. Bounded, and empty in most conversations.

use super::lookup::Lookup;
use crate::model::{Direction, Span, limits};
use crate::protocol::message::{Message, Messages};
use crate::protocol::stream::Moment;

/// How much later a query may be captured than its answer.
const OVERTAKING: Span = Span(1_000_000);
/// The same over TCP, where the answer's segment acknowledges bytes that were not captured before it: as long as a retransmission takes at
/// first (RFC 6298 §2), for the query is certain to have been sent.
const OVERTAKING_ACKNOWLEDGED: Span = Span(1_000_000_000);

/// An answer without a query so far.
#[derive(Clone, Debug)]
struct Kept {
    asker: Direction,
    /// Stands for its question.
    question: u32,
    patience: Span,
    lookup: Box<Lookup>,
}

/// The last answers without a query. Most conversations have none, so that the room is not in place.
#[derive(Clone, Debug, Default)]
pub(super) struct Early(Option<Box<List>>);

/// Oldest first.
#[derive(Clone, Debug, Default)]
struct List {
    kept: Vec<Kept>,
}

impl Early {
    /// Keeps an answer to be asked for by `asker`. `overtook`: its segment acknowledges what was not captured before.
    pub(super) fn keep(
        &mut self,
        asker: Direction,
        question: u32,
        overtook: bool,
        lookup: Box<Lookup>,
        out: &mut Messages,
    ) {
        let patience = if overtook { OVERTAKING_ACKNOWLEDGED } else { OVERTAKING };
        let kept = &mut self.0.get_or_insert_default().kept;
        if kept.len() >= limits::MAX_EARLY_ANSWERS {
            tell(kept.remove(0), out);
        }
        kept.push(Kept { asker, question, patience, lookup });
    }

    /// The answer to a query, if it came before.
    pub(super) fn take(&mut self, id: u16, asker: Direction, question: u32) -> Option<Box<Lookup>> {
        let kept = &mut self.0.as_mut()?.kept;
        let wanted = |k: &Kept| (k.lookup.id, k.asker, k.question) == (id, asker, question);
        let lookup = kept.remove(kept.iter().position(wanted)?).lookup;
        self.0.take_if(|list| list.kept.is_empty());
        Some(lookup)
    }

    /// Tells those whose queries would be too late.
    pub(super) fn expire(&mut self, now: Moment, out: &mut Messages) {
        let Some(list) = self.0.as_mut() else { return };
        // The clocks of two taps may differ either way.
        let is_late = |k: &mut Kept| {
            let since = k.lookup.response.map(|response| now.time.since(response.time));
            since.is_none_or(|since| since.0.unsigned_abs() >= k.patience.0.unsigned_abs())
        };
        list.kept.extract_if(.., is_late).for_each(|late| tell(late, out));
        self.0.take_if(|list| list.kept.is_empty());
    }

    /// Tells all of them.
    pub(super) fn finish(&mut self, out: &mut Messages) {
        self.0.take().into_iter().flat_map(|list| list.kept).for_each(|kept| tell(kept, out));
    }

    pub(super) fn heap(&self) -> usize {
        self.0.as_ref().map_or(0, |list| {
            let room = size_of::<List>() + list.kept.capacity() * size_of::<Kept>();
            room + list.kept.iter().map(|k| k.lookup.heap()).sum::<usize>()
        })
    }
}

fn tell(kept: Kept, out: &mut Messages) {
    out.push(kept.asker, Message::Lookup(kept.lookup));
}

//! Lookups by multicast and who answered them: mDNS (RFC 6762), LLMNR (RFC 4795).
//!
//! A question goes to a group; its answers come from the addresses of whoever has them, to the group or to who asked, and so belong to other
//! conversations. An answer of mDNS belongs to every question for its records that was asked within [`GROUP_PATIENCE`] before, by another host: names and
//! types tell, ids are 0. One of LLMNR belongs to the query whose id it has, if it came to where that was sent from. A lookup is told once
//! nobody can answer it any more, or the capture ends; at most [`MAX_GROUP_LOOKUPS`] wait at a time, of one name [`MAX_GROUP_ASKERS`].

use std::collections::VecDeque;

use hashbrown::HashMap;

use crate::conversation::Met;
use crate::model::Timestamp;
use crate::model::limits::{MAX_GROUP_ASKERS, MAX_GROUP_LOOKUPS};
use crate::protocol::dns::{GROUP_PATIENCE, GroupMessage, Lookup, Name, Outcome, Parsed, Section, Service};
use crate::protocol::message::Message;
use crate::protocol::stream::Moment;

/// Joins queries to groups with their answers. Wants to see all messages, in the order in which they became known.
///
/// ```
/// use std::convert::Infallible;
/// use std::num::NonZeroUsize;
///
/// use netanalyze_core::engine::{Cancellation, Depth, Interests, View, analyse};
/// use netanalyze_core::field::AnalysedBatch;
/// use netanalyze_core::protocol::message::Message;
/// use netanalyze_core::transaction::Groups;
/// # use netanalyze_core::conversation::Met;
/// # use netanalyze_core::Error;
///
/// struct Transactions;
///
/// impl View for Transactions {
///     type Piece = ();
///
///     fn interests(&self) -> Interests {
///         Interests { applications: Depth::Transactions, ..Interests::default() }
///     }
///
///     fn digest(&self, _: &AnalysedBatch<'_>) {}
/// }
///
/// # fn main() -> Result<(), Error> {
/// let capture = concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus/captures/llmnr.pcap");
/// let (mut groups, mut told) = (Groups::default(), Vec::new());
/// let mut tell = |met: &Met| {
///     if let Message::Lookup(lookup) = &met.message {
///         told.push(format!("{} {}", lookup.shown_name(), lookup.outcome));
///     }
///     Ok::<(), Infallible>(())
/// };
/// let accept = |(), batch: &AnalysedBatch<'_>| {
///     let _ = batch.messages.iter().try_for_each(|met| groups.take(met, &mut tell));
///     Ok(())
/// };
/// analyse(vec![capture.into()], NonZeroUsize::MIN, &Transactions, accept, &Cancellation::default())?;
/// let _ = groups.finish(&mut tell);
/// assert_eq!(told, ["fileserver answered", "wpad no answer (multicast)"]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct Groups {
    /// Those that wait, the oldest first.
    waiting: VecDeque<Waiting>,
    /// Lookups that went before those.
    told: u64,
    /// The same by name in lower case.
    by_name: HashMap<Box<[u8]>, Vec<u64>, foldhash::fast::RandomState>,
    /// Time of the message before.
    now: Timestamp,
}

#[derive(Debug)]
struct Waiting {
    /// Where it was asked; its own message is of no interest any more.
    met: Met,
    lookup: Box<Lookup>,
}

/// Takes a lookup, with where it was asked.
type Tell<'t, E> = &'t mut dyn FnMut(&Met) -> Result<(), E>;

impl Groups {
    /// Takes a message; tells of every lookup of which all is known now, the ordinary ones included: their [`Met`] holds a
    /// [`Message::Lookup`]. Other messages are passed over.
    ///
    /// # Errors
    ///
    /// What `tell` returns.
    pub fn take<E>(&mut self, met: &Met, tell: Tell<'_, E>) -> Result<(), E> {
        self.now = met.time;
        while self.waiting.front().is_some_and(|oldest| !oldest.is_in_time(met.time)) {
            self.tell_oldest(tell)?;
        }
        match &met.message {
            Message::Lookup(lookup) if lookup.outcome == Outcome::Multicast => {
                self.wait(met, lookup.clone(), tell)
            }
            Message::Lookup(_) => tell(met),
            Message::Group(message) => self.message(met, message, tell),
            _ => Ok(()),
        }
    }

    /// The capture ended: tells of all lookups that still wait.
    ///
    /// # Errors
    ///
    /// What `tell` returns.
    pub fn finish<E>(&mut self, tell: Tell<'_, E>) -> Result<(), E> {
        while !self.waiting.is_empty() {
            self.tell_oldest(tell)?;
        }
        Ok(())
    }

    fn wait<E>(&mut self, met: &Met, lookup: Box<Lookup>, tell: Tell<'_, E>) -> Result<(), E> {
        while self.waiting.len() >= MAX_GROUP_LOOKUPS {
            self.tell_oldest(tell)?;
        }
        let ids = self.by_name.entry(lookup.name.to_ascii_lowercase().into()).or_default();
        if ids.len() >= MAX_GROUP_ASKERS {
            ids.remove(0);
        }
        ids.push(self.told + self.waiting.len() as u64);
        let mut met = met.clone();
        met.message = Message::Quic; // a place for the lookup
        self.waiting.push_back(Waiting { met, lookup });
        Ok(())
    }

    fn tell_oldest<E>(&mut self, tell: Tell<'_, E>) -> Result<(), E> {
        let Some(Waiting { mut met, mut lookup }) = self.waiting.pop_front() else { return Ok(()) };
        let name = lookup.name.to_ascii_lowercase();
        if let Some(ids) = self.by_name.get_mut(&*name) {
            ids.retain(|&id| id != self.told);
            if ids.is_empty() {
                self.by_name.remove(&*name);
            }
        }
        self.told += 1;
        if lookup.response.is_none() {
            lookup.waited = lookup.last_query.map(|last| self.now.since(last.time));
        }
        met.message = Message::Lookup(lookup);
        tell(&met)
    }

    fn message<E>(&mut self, met: &Met, message: &GroupMessage, tell: Tell<'_, E>) -> Result<(), E> {
        let Some(parsed) = message.parsed() else { return Ok(()) };
        let now = Moment { frame: met.frame, time: met.time };
        if !parsed.header().is_response() {
            self.repeated(met, &parsed, now);
            return Ok(());
        }
        let mut answered = Vec::new();
        for name in names(&parsed) {
            for id in self.of_name(&name) {
                let fits = |w: &Waiting| w.may_hear(met, message.service) && w.lookup.fits(&parsed);
                if !answered.contains(&id) && self.waiting_at(id).is_some_and(|waiting| fits(waiting)) {
                    answered.push(id);
                }
            }
        }
        for &id in &answered {
            if let Some(waiting) = self.waiting_at(id) {
                let response = (&parsed, message.missing, message.bytes.len());
                waiting.lookup.answered_by(met.source, response, now);
            }
        }
        // Announcements of mDNS are nobody's answer.
        if !answered.is_empty() || message.service == Service::Mdns {
            return Ok(());
        }
        let mut lookup = Lookup::new(message.service, false, &parsed, message.missing);
        lookup.answer(&parsed, message.missing, message.bytes.len(), now);
        lookup.outcome = Outcome::Unasked;
        let mut unasked = met.clone();
        (unasked.source, unasked.destination) = (met.destination, met.source);
        unasked.message = Message::Lookup(Box::new(lookup));
        tell(&unasked)
    }

    /// A query that has at least one question again.
    fn repeated(&mut self, met: &Met, parsed: &Parsed<'_>, now: Moment) {
        for question in parsed.questions() {
            for id in self.of_name(&lower(&question.name)) {
                let Some(Waiting { met: asked, lookup }) = self.waiting_at(id) else { continue };
                let ends = (asked.source, asked.destination) == (met.source, met.destination);
                let same = lookup.asks(&question.name, question.kind, question.class);
                let before = lookup.last_query.is_none_or(|last| last.frame < now.frame);
                if ends && same && before && lookup.id == parsed.header().id {
                    lookup.queries = lookup.queries.saturating_add(1);
                    lookup.last_query = Some(now);
                }
            }
        }
    }

    fn of_name(&self, name: &[u8]) -> Vec<u64> {
        self.by_name.get(name).cloned().unwrap_or_default()
    }

    fn waiting_at(&mut self, id: u64) -> Option<&mut Waiting> {
        self.waiting.get_mut(usize::try_from(id.checked_sub(self.told)?).ok()?)
    }
}

impl Waiting {
    fn is_in_time(&self, now: Timestamp) -> bool {
        self.lookup.last_query.is_some_and(|last| now.since(last.time) <= GROUP_PATIENCE)
    }

    /// Whether an answer that came this way can be one to it. Who asks does not answer: a host claims its own name with a question.
    fn may_hear(&self, answer: &Met, service: Service) -> bool {
        let to_asker = answer.destination == self.met.source;
        let to_all = service == Service::Mdns && answer.destination.ip().is_multicast();
        let before = self.lookup.query.is_some_and(|query| query.frame < answer.frame);
        let other = answer.source.ip() != self.met.source.ip();
        let came = (to_asker || to_all) && other && before;
        self.lookup.service == service && came && self.is_in_time(answer.time)
    }
}

fn lower(name: &Name) -> Box<[u8]> {
    name.as_bytes().to_ascii_lowercase().into()
}

/// The names that a response is about, each once.
fn names(parsed: &Parsed<'_>) -> Vec<Box<[u8]>> {
    let answers = parsed.section(Section::Answer).map(|record| lower(&record.name));
    let mut names: Vec<_> = parsed.questions().map(|question| lower(&question.name)).chain(answers).collect();
    names.sort_unstable();
    names.dedup();
    names
}

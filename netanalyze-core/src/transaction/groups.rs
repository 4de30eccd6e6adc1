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

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::conversation::{ConversationRef, Protocol};
    use crate::model::{Direction, Endpoint, FrameNumber};
    use crate::protocol::dns::{Decoder, shown_text};
    use crate::protocol::message::Messages;
    use crate::protocol::stream::DatagramDecoder;

    const A: u16 = 1;
    const PTR: u16 = 12;
    const ANY: u16 = 255;
    const NSEC: u16 = 47;

    fn wire(name: &str) -> Vec<u8> {
        let labels = name.split('.').flat_map(|label| [&[label.len() as u8][..], label.as_bytes()].concat());
        labels.chain([0]).collect()
    }

    /// A message with questions (name, type), and answers (name, type, time to live, data).
    fn message(
        id: u16,
        flags: u16,
        questions: &[(&str, u16)],
        answers: &[(&str, u16, u16, &[u8])],
    ) -> Vec<u8> {
        let counts = [id, flags, questions.len() as u16, answers.len() as u16, 0, 0];
        let mut bytes: Vec<u8> = counts.iter().flat_map(|w| w.to_be_bytes()).collect();
        for &(name, kind) in questions {
            bytes.extend([wire(name), kind.to_be_bytes().to_vec(), vec![0, 1]].concat());
        }
        for &(name, kind, ttl, data) in answers {
            let fixed = [kind, 0x8001, 0, ttl, data.len() as u16].map(u16::to_be_bytes).concat();
            bytes.extend([wire(name), fixed, data.to_vec()].concat());
        }
        bytes
    }

    fn mdns(answers: &[(&str, u16, u16, &[u8])]) -> Vec<u8> {
        message(0, 0x8400, &[], answers)
    }

    /// A link on which datagrams are captured, one frame each.
    #[derive(Default)]
    struct Link {
        decoders: std::collections::HashMap<(Endpoint, Endpoint), Decoder>,
        groups: Groups,
        frame: u64,
        told: Vec<String>,
    }

    fn line(met: &Met) -> String {
        let Message::Lookup(lookup) = &met.message else { unreachable!() };
        let frame = |m: Option<Moment>| m.map_or("-".to_owned(), |m| m.frame.0.to_string());
        let (query, response) = (frame(lookup.query), frame(lookup.response));
        let mut text =
            format!("{} {} {query}-{response} x{}", met.source.ip(), lookup.shown_name(), lookup.queries);
        text += &format!(" {}", lookup.outcome);
        lookup.addresses.iter().for_each(|address| text += &format!(" {address}"));
        lookup.names.iter().for_each(|name| text += &format!(" {}", shown_text(name)));
        lookup.responders.iter().for_each(|end| text += &format!(" by {end}"));
        text
    }

    fn listed(told: &mut Vec<String>, met: &Met) -> Result<(), Infallible> {
        told.push(line(met));
        Ok(())
    }

    impl Link {
        fn says(&mut self, ms: i64, from: &str, to: &str, bytes: &[u8]) -> &mut Self {
            let [from, to]: [Endpoint; 2] = [from, to].map(|end| end.parse().unwrap());
            self.frame += 1;
            let now = Moment { frame: FrameNumber(self.frame), time: Timestamp(ms * 1_000_000) };
            let (ends, direction) =
                if from < to { ((from, to), Direction::AtoB) } else { ((to, from), Direction::BtoA) };
            let decoder = self.decoders.entry(ends).or_insert_with(|| Decoder::new([ends.0, ends.1]));
            let mut out = Messages::default();
            decoder.datagram(direction, bytes, 0, now, &mut out);
            for (of, message) in out.drain() {
                let (source, destination) = if of == direction { (from, to) } else { (to, from) };
                let met = Met {
                    frame: now.frame,
                    time: now.time,
                    ordinal: 0,
                    protocol: Protocol::Udp,
                    stream: Some(0),
                    source,
                    destination,
                    conversation: ConversationRef::NONE,
                    message,
                    aside: false,
                };
                let told = &mut self.told;
                if !matches!(met.message, Message::Dns(_)) {
                    let _ = self.groups.take(&met, &mut |met| listed(told, met));
                }
            }
            self
        }

        fn told(&mut self) -> Vec<String> {
            let told = &mut self.told;
            let _ = self.groups.finish(&mut |met| listed(told, met));
            assert!(self.groups.by_name.is_empty());
            std::mem::take(told)
        }
    }

    const ASKER: &str = "10.0.0.1:5353";
    const ALL: &str = "224.0.0.251:5353";

    #[test]
    fn whoever_has_the_name_answers_to_all() {
        let mut link = Link::default();
        link.says(0, ASKER, ALL, &message(0, 0, &[("p.local", A), ("_ipp._tcp.local", PTR)], &[]));
        link.says(20, "10.0.0.9:5353", ALL, &mdns(&[("P.local", A, 120, &[10, 0, 0, 9])]));
        link.says(100, "10.0.0.9:5353", ALL, &mdns(&[("_ipp._tcp.local", PTR, 120, &wire("one.local"))]));
        link.says(110, "10.0.0.8:5353", ALL, &mdns(&[("_ipp._tcp.local", PTR, 120, &wire("two.local"))]));
        link.says(1_000, ASKER, ALL, &message(0, 0, &[("_ipp._tcp.local", PTR)], &[]));
        link.says(1_010, "10.0.0.8:5353", ALL, &mdns(&[("_ipp._tcp.local", PTR, 120, &wire("two.local"))]));
        assert_eq!(
            link.told(),
            [
                "10.0.0.1 p.local 1-2 x1 answered 10.0.0.9 by 10.0.0.9:5353",
                "10.0.0.1 _ipp._tcp.local 1-3 x2 answered one.local two.local by 10.0.0.9:5353 by 10.0.0.8:5353",
            ]
        );
    }

    #[test]
    fn answers_come_to_the_asker_as_well() {
        for (asker, id, question) in [(ASKER, 0, &[][..]), ("10.0.0.1:40000", 7, &[("p.local", A)])] {
            let mut link = Link::default();
            link.says(0, asker, ALL, &message(id, 0, &[("p.local", A)], &[]));
            let answer = message(id, 0x8400, question, &[("p.local", A, 10, &[10, 0, 0, 9])]);
            link.says(5, "10.0.0.9:5353", "10.0.0.2:5353", &answer).says(6, "10.0.0.9:5353", asker, &answer);
            assert_eq!(link.told(), ["10.0.0.1 p.local 1-3 x1 answered 10.0.0.9 by 10.0.0.9:5353"]);
        }
        let mut link = Link::default();
        link.says(0, "[fe80::1]:5353", "[ff02::fb]:5353", &message(0, 0, &[("p.local", ANY)], &[]));
        link.says(9, "[fe80::9]:5353", "[ff02::fb]:5353", &mdns(&[("p.local", A, 10, &[10, 0, 0, 9])]));
        assert_eq!(link.told(), ["fe80::1 p.local 1-2 x1 answered 10.0.0.9 by [fe80::9]:5353"]);
    }

    #[test]
    fn what_is_no_answer() {
        let address = &[10, 0, 0, 9][..];
        for (what, ms, from, answer) in [
            ("who claims a name asks for it first", 5, ASKER, ("p.local", A, 120, address)),
            ("too late", 3_001, "10.0.0.9:5353", ("p.local", A, 120, address)),
            ("another name", 5, "10.0.0.9:5353", ("q.local", A, 120, address)),
            ("another type", 5, "10.0.0.9:5353", ("p.local", 16, 120, address)),
            ("the name goes", 5, "10.0.0.9:5353", ("p.local", A, 0, address)),
        ] {
            let mut link = Link::default();
            link.says(0, ASKER, ALL, &message(0, 0, &[("p.local", A)], &[]));
            link.says(ms, from, ALL, &mdns(&[answer]));
            assert_eq!(link.told(), ["10.0.0.1 p.local 1-- x1 no answer (multicast)"], "{what}");
        }
        // There is the name, but no address.
        let mut link = Link::default();
        link.says(0, ASKER, ALL, &message(0, 0, &[("p.local", A)], &[]));
        link.says(9, "10.0.0.9:5353", ALL, &mdns(&[("p.local", NSEC, 120, &[0, 0, 1, 0])]));
        assert_eq!(link.told(), ["10.0.0.1 p.local 1-2 x1 answered by 10.0.0.9:5353"]);
    }

    #[test]
    fn llmnr_answers_with_the_id() {
        let (asker, group, host) = ("10.0.0.1:50000", "224.0.0.252:5355", "10.0.0.8:5355");
        let answer = |id| message(id, 0x8000, &[("pc", A)], &[("pc", A, 30, &[10, 0, 0, 8])]);
        let mut link = Link::default();
        link.says(0, asker, group, &message(9, 0, &[("pc", A)], &[]));
        link.says(100, asker, group, &message(9, 0, &[("pc", A)], &[]));
        link.says(101, host, asker, &answer(8)).says(102, host, "10.0.0.1:50001", &answer(9));
        link.says(103, host, asker, &answer(9));
        link.says(200, "10.0.0.1:50002", group, &message(1, 0, &[("wpad", A)], &[]));
        assert_eq!(
            link.told(),
            [
                "10.0.0.1 pc --3 x0 unasked answer 10.0.0.8",
                "10.0.0.1 pc --4 x0 unasked answer 10.0.0.8",
                "10.0.0.1 pc 1-5 x2 answered 10.0.0.8 by 10.0.0.8:5355",
                "10.0.0.1 wpad 6-- x1 no answer (multicast)",
            ]
        );
    }

    #[test]
    fn what_waits_is_bounded_and_told_once() {
        let mut link = Link::default();
        for n in 0..MAX_GROUP_LOOKUPS as u32 + 500 {
            let name = if n % 2 == 0 { "same.local".to_owned() } else { format!("n{n}.local") };
            let asker = format!("10.{}.{}.{}:5353", n >> 16, n >> 8 & 255, n & 255);
            link.says(0, &asker, ALL, &message(0, 0, &[(&name, A)], &[]));
            assert!(link.groups.waiting.len() <= MAX_GROUP_LOOKUPS);
        }
        let same = &link.groups.by_name[&b"same.local"[..]];
        assert_eq!((link.told.len(), same.len()), (500, MAX_GROUP_ASKERS));
        link.says(5, "10.9.9.9:5353", ALL, &mdns(&[("same.local", A, 120, &[10, 9, 9, 9])]));
        assert_eq!(link.told.len(), 500);
        link.says(3_001, ASKER, ALL, &message(0, 0, &[("x.local", A)], &[]));
        assert_eq!(link.told.len(), MAX_GROUP_LOOKUPS + 500, "nobody waits any more");
        let told = link.told();
        assert_eq!(told.len(), MAX_GROUP_LOOKUPS + 501);
        assert_eq!(told.iter().filter(|line| line.contains("answered")).count(), MAX_GROUP_ASKERS);
    }
}

//! Name resolution: DNS-01, -02, -06, -13.
//!
//! Takes lookups as they become known. Of healthy ones only counts stay, by server; details are kept of the slowest, of those without an answer, and
//! of names that failed: each kind up to a cap. Multicast names (mDNS, LLMNR) are no resolver's business and are passed over.

mod cases;
mod denied;
mod hidden;
mod isolated;
mod known;
mod lacks;
mod resolver;
#[cfg(test)]
mod tests;
mod timeouts;
mod unresolved;

use std::collections::BTreeMap;
use std::net::IpAddr;

use hashbrown::{HashMap, HashSet};

use super::super::object::Ends;
use super::super::scene::Scene;
use super::super::thresholds::{Limit, Thresholds};
use crate::conversation::Met;
use crate::model::limits::{MAX_DIAGNOSED, MAX_SERVICES};
use crate::model::{Endpoint, FrameNumber, Span, Timestamp};
use crate::protocol::dns::{Lookup, Opcode, Outcome, Rcode, Service};
use crate::transaction::Searches;
pub(in crate::diagnosis) use hidden::Hidden;
pub(in crate::diagnosis) use lacks::Lacks;

use hidden::Given;
use known::{MAX_RECENT, Recent, domain, first_label, is_tunnel};
use lacks::Watch;
use resolver::{Event, Resolver, Told};
use unresolved::{Unresolved, Why, extended};

/// Clients wait as long for an answer before they ask again (resolv.conf(5): `timeout:5`).
const TIMEOUT: Span = Span(5_000_000_000);
/// A query that is sent again sooner was captured twice, or asked of all servers at once.
const AGAIN: Span = Span(500_000_000);
/// An answer that comes so soon after the query that was sent again answers that one, and not the first one late.
const SOON: Span = Span(1_000_000_000);
/// A success so long before a failure belongs to the same resolution: A beside AAAA, one server beside another.
const BESIDE: Span = Span(5_000_000_000);
/// Names with data under a domain that make it a tunnel.
const TUNNELLED: u32 = 3;

/// See the head of the module.
#[derive(Debug, Default)]
pub(in crate::diagnosis) struct Names {
    resolvers: BTreeMap<Endpoint, Resolver>,
    watch: Watch,
    told: Told,
    unresolved: Vec<Unresolved>,
    by_name: HashMap<(Why, IpAddr, Box<[u8]>), usize, foldhash::fast::FixedState>,
    searches: Searches,
    /// Queries of names that do not exist, by frame: which of `unresolved` they belong to.
    variants: HashMap<FrameNumber, usize, foldhash::fast::FixedState>,
    recent: Recent,
    /// Hosts that got an answer of any server, and when the last one.
    answered: HashMap<IpAddr, Timestamp, foldhash::fast::FixedState>,
    /// First labels of names that are sought by multicast.
    local: HashSet<Box<[u8]>, foldhash::fast::FixedState>,
    /// When queries were sent that nothing had answered when the capture ended.
    open: Vec<Timestamp>,
    /// Lookups that were answered soon after they were sent again, with when.
    late: Vec<(Event, Timestamp)>,
    /// Lookups without an answer whose queries all have a wrong checksum.
    doubtful: Vec<Event>,
    /// Addresses that answers gave to hosts.
    given: Given,
    /// How many more answers of the same came, by the frame of the first one.
    repeated: HashMap<FrameNumber, u32, foldhash::fast::FixedState>,
    /// Domains under which data is carried, and names of that sort.
    tunnels: HashMap<Box<[u8]>, u32, foldhash::fast::FixedState>,
}

impl Names {
    /// Takes a lookup that is over.
    pub(in crate::diagnosis) fn take(&mut self, met: &Met, lookup: &Lookup, thresholds: &Thresholds) {
        let ends =
            Ends { client: met.source, server: met.destination, protocol: met.protocol, stream: met.stream };
        if lookup.service != Service::Dns && self.local.len() < MAX_RECENT {
            self.local.insert(first_label(&lookup.name));
        }
        if lookup.service != Service::Dns || self.watch.take(met, lookup) {
            self.note_lookup(ends, lookup, thresholds);
        }
    }

    /// Messages that were damaged on their way.
    pub(in crate::diagnosis) fn damaged(&self) -> u64 {
        self.watch.damaged()
    }

    fn note_lookup(&mut self, ends: Ends, lookup: &Lookup, thresholds: &Thresholds) {
        let ordinary =
            lookup.service == Service::Dns && lookup.opcode == Opcode::QUERY && lookup.has_question();
        // What the capture holds once more was not asked again.
        if !ordinary || lookup.kind.is_transfer() || lookup.queries > 0 && lookup.times_sent() == 0 {
            return;
        }
        if is_tunnel(lookup) {
            if self.tunnels.len() < MAX_RECENT {
                *self.tunnels.entry(domain(&lookup.name.to_ascii_lowercase()).into()).or_default() += 1;
            }
            return;
        }
        match lookup.outcome {
            Outcome::Answered => self.answered(ends, lookup, thresholds),
            Outcome::Unanswered => self.unanswered(ends, lookup),
            _ => {}
        }
    }

    fn answered(&mut self, ends: Ends, lookup: &Lookup, thresholds: &Thresholds) {
        let (Some(query), Some(response), Some(latency)) =
            (lookup.first_sent(), lookup.response, lookup.took())
        else {
            return;
        };
        let last = lookup.last_sent().unwrap_or(query);
        let event = |until, again| Event {
            ends,
            asked: query.time,
            until,
            query: query.frame,
            last_query: last.frame,
            answer: response.frame,
            queries: lookup.times_sent(),
            captured: lookup.queries,
            again,
            name: shown_name(&lookup.name),
            kind: lookup.kind,
            room: lookup.room(),
        };
        let was_lost = last.time.since(query.time) >= AGAIN
            && (Span(0)..=SOON).contains(&response.time.since(last.time));
        let rcode = lookup.rcode.unwrap_or_default();
        let failed = matches!(rcode, Rcode::FORMERR | Rcode::SERVFAIL | Rcode::NOTIMP | Rcode::REFUSED);
        self.reached(ends.client.ip(), response.time);
        if let Some(resolver) = resolver::asked(&mut self.resolvers, ends.server) {
            resolver.answers += 1;
            resolver.answered_kinds.note(lookup.kind);
            resolver.answered_room = resolver.answered_room.max(lookup.room());
            resolver.least = Some(resolver.least.map_or(latency, |least| least.min(latency)));
            resolver.failures += u64::from(failed);
            if was_lost {
                let event = event(last.time, true);
                if self.late.len() < MAX_RECENT {
                    self.late.push((event, response.time));
                } else if let Some(resolver) = self.resolvers.get_mut(&ends.server) {
                    resolver.asked_again += 1;
                    resolver.left(event, &mut self.told);
                }
            } else if !failed {
                resolver.timed += 1;
                if latency >= thresholds.span(Limit::ResolverP95) {
                    resolver.very_slow += u64::from(latency >= thresholds.span(Limit::ResolverMax));
                    resolver.slow.push(event(response.time, lookup.times_sent() > 1), (&mut self.told, true));
                }
            }
        }
        let client = ends.client.ip();
        let before = self.searches.take(client, lookup);
        let name: Box<[u8]> = lookup.name.to_ascii_lowercase().into();
        let moments = (query.time, response.time);
        if rcode == Rcode::NXDOMAIN {
            self.mend(Why::Failed, client, &name);
            self.denied(ends, lookup, name, before, moments);
        } else if failed {
            if !self.recent.has(client, &name, query.time) {
                self.note(Why::Failed, ends, lookup, name, moments);
            }
        } else {
            self.mend(Why::Failed, client, &name);
            self.mend(Why::Denied, client, &name);
            if let Some(&at) = before.and_then(|frame| self.variants.get(&frame))
                && let Some(variant) = self.unresolved.get_mut(at)
            {
                variant.mended = true;
            }
            self.recent.note(client, &name, response.time);
            self.given.note(client, lookup);
        }
    }

    /// A server's answer came for a host.
    fn reached(&mut self, client: IpAddr, time: Timestamp) {
        if self.answered.len() < MAX_SERVICES || self.answered.contains_key(&client) {
            let known = self.answered.entry(client).or_insert(time);
            *known = time.max(*known);
        }
    }

    /// An answer came once more.
    pub(in crate::diagnosis) fn repeated(&mut self, answer: FrameNumber) {
        if self.repeated.len() < MAX_RECENT || self.repeated.contains_key(&answer) {
            let count = self.repeated.entry(answer).or_default();
            *count = count.saturating_add(1);
        }
    }

    /// Decides of what has a wrong checksum, now that all senders are known; and of what was answered after it was sent again: where every query got an answer,
    /// none was lost, and the answers are slow.
    fn settle(&mut self, thresholds: &Thresholds) {
        for event in std::mem::take(&mut self.doubtful) {
            let Some(resolver) = self.resolvers.get_mut(&event.ends.server) else { continue };
            if self.watch.is_damaged(event.ends.client.ip()) {
                resolver.asked = resolver.asked.saturating_sub(1);
            } else {
                resolver.left(event, &mut self.told);
            }
        }
        for (mut event, answered) in std::mem::take(&mut self.late) {
            let more = self.repeated.get(&event.answer).copied().unwrap_or(0);
            let Some(resolver) = self.resolvers.get_mut(&event.ends.server) else { continue };
            // Answers may be copies, too.
            if more.saturating_add(1) < event.captured {
                resolver.asked_again += 1;
                resolver.left(event, &mut self.told);
                continue;
            }
            event.until = answered;
            resolver.timed += 1;
            let waited = event.waited();
            if waited >= thresholds.span(Limit::ResolverP95) {
                resolver.very_slow += u64::from(waited >= thresholds.span(Limit::ResolverMax));
                resolver.slow.push(event, (&mut self.told, true));
            }
        }
    }

    /// Queries that the capture's end left without an answer before it could be missed.
    pub(in crate::diagnosis) fn waiting(&self, scene: &Scene<'_>) -> u64 {
        self.open.iter().filter(|sent| scene.until_end(**sent) < TIMEOUT).count() as u64
    }

    /// The client got an answer for a name that failed before.
    fn mend(&mut self, why: Why, client: IpAddr, name: &[u8]) {
        if self.by_name.is_empty() {
            return;
        }
        if let Some(&at) = self.by_name.get(&(why, client, name.into()))
            && let Some(unresolved) = self.unresolved.get_mut(at)
        {
            unresolved.mended = true;
        }
    }

    /// A name does not exist; `before` is the query of a variant that the search list made of it.
    fn denied(
        &mut self,
        ends: Ends,
        lookup: &Lookup,
        name: Box<[u8]>,
        before: Option<FrameNumber>,
        moments: (Timestamp, Timestamp),
    ) {
        let client = ends.client.ip();
        let Some(query) = lookup.query.filter(|query| !self.recent.has(client, &name, query.time)) else {
            return;
        };
        let at = match before {
            None => self.note(Why::Denied, ends, lookup, name, moments),
            Some(frame) => {
                // The variant before exists, though it has no such record: then this one is of no interest.
                let Some(&at) = self.variants.get(&frame) else { return };
                let Some(group) = self.unresolved.get_mut(at) else { return };
                group.again(lookup, moments);
                if name.len() < group.name.len() {
                    group.name = name.clone();
                }
                if self.by_name.len() < MAX_DIAGNOSED {
                    self.by_name.entry((Why::Denied, client, name)).or_insert(at);
                }
                Some(at)
            }
        };
        if let Some(at) = at.filter(|_| self.variants.len() < MAX_DIAGNOSED) {
            self.variants.insert(query.frame, at);
        }
    }

    /// A name was not resolved. Says which of `unresolved` it is.
    fn note(
        &mut self,
        why: Why,
        ends: Ends,
        lookup: &Lookup,
        name: Box<[u8]>,
        moments: (Timestamp, Timestamp),
    ) -> Option<usize> {
        let key = (why, ends.client.ip(), name);
        if let Some(&at) = self.by_name.get(&key) {
            let known = self.unresolved.get_mut(at)?;
            known.again(lookup, moments);
            known.mended = false;
            return Some(at);
        }
        if self.unresolved.len() >= MAX_DIAGNOSED || self.by_name.len() >= MAX_DIAGNOSED {
            return None;
        }
        let (first, last) = moments;
        let mut unresolved = Unresolved {
            why,
            ends,
            name: lookup.name.clone(),
            kind: lookup.kind,
            rcode: lookup.rcode.unwrap_or_default(),
            first,
            last,
            frames: Vec::new(),
            count: 0,
            waited: Span(0),
            is_iterative: true,
            mended: false,
            extended: lookup.extended_errors.first().map(extended),
        };
        unresolved.again(lookup, moments);
        self.unresolved.push(unresolved);
        let at = self.unresolved.len() - 1;
        self.by_name.insert(key, at);
        Some(at)
    }

    /// Whether it is a variant, with a suffix of a search list, of a name that was resolved, or that failed itself.
    fn is_variant(&self, unresolved: &Unresolved) -> bool {
        let client = unresolved.ends.client.ip();
        let lower = unresolved.name.to_ascii_lowercase();
        let dots = lower.iter().enumerate().filter(|(_, byte)| **byte == b'.').map(|(at, _)| at);
        let mut before = dots.filter_map(|at| lower.get(..at));
        before.any(|name| {
            self.recent.when(client, name).is_some()
                || [Why::Denied, Why::Failed]
                    .into_iter()
                    .any(|why| self.by_name.contains_key(&(why, client, name.into())))
        })
    }

    fn unanswered(&mut self, ends: Ends, lookup: &Lookup) {
        let (Some(query), Some(waited)) = (lookup.first_sent(), lookup.waited) else { return };
        let last = lookup.last_sent().unwrap_or(query);
        let resolved = self.recent.when(ends.client.ip(), &lookup.name.to_ascii_lowercase());
        let elsewhere = resolved.is_some_and(|resolved| resolved.since(query.time) >= AGAIN);
        // The same was asked at the same time, and answered.
        let beside = resolved.is_some_and(|resolved| resolved.since(query.time) >= Span(-BESIDE.0));
        if !lookup.closed && waited < TIMEOUT && !beside && self.open.len() < MAX_DIAGNOSED {
            self.open.push(last.time);
        }
        let Some(resolver) = resolver::asked(&mut self.resolvers, ends.server) else { return };
        let until = Timestamp(last.time.0.saturating_add(waited.0.min(TIMEOUT.0)));
        if until.since(query.time) < TIMEOUT || lookup.closed && waited < TIMEOUT {
            // The capture ends too soon to tell.
            return;
        }
        if beside && !elsewhere && lookup.times_sent() == 1 {
            return;
        }
        let again = last.time.since(query.time) >= AGAIN || elsewhere;
        // Nobody waits for it any longer once the name is resolved.
        let name = lookup.name.to_ascii_lowercase();
        let soonest = self.recent.first_after(ends.client.ip(), &name, query.time);
        let until = soonest.map_or(until, |at| until.min(at));
        let event = Event {
            ends,
            asked: query.time,
            until,
            query: query.frame,
            last_query: last.frame,
            answer: FrameNumber(0),
            queries: lookup.times_sent(),
            captured: lookup.queries,
            again,
            name: shown_name(&lookup.name),
            kind: lookup.kind,
            room: lookup.room(),
        };
        if lookup.sums.are_wrong() && self.doubtful.len() < MAX_RECENT {
            self.doubtful.push(event);
        } else {
            resolver.left(event, &mut self.told);
        }
    }

    /// Whether a name lies in a domain under which data is carried: how long its server takes, and what it does not answer, is part of that.
    fn is_of_tunnel(&self, name: &[u8]) -> bool {
        self.tunnels.get(domain(&name.to_ascii_lowercase())).is_some_and(|&count| count >= TUNNELLED)
    }
}

fn shown_name(name: &[u8]) -> Box<str> {
    if name.is_empty() { ".".into() } else { crate::model::shown(name).into() }
}

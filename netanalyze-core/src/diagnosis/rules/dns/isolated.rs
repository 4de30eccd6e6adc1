//! Hosts for which nothing came in any more, from nobody: what they got no answer to says nothing of whom they asked.
//!
//! Known are connections, answers to lookups and ICMP errors about connections. What came over UDP beside lookups is not, so it must show that others were silent, too.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::Names;
use super::resolver::Event;
use crate::diagnosis::scene::Scene;
use crate::model::{Direction, Span, Timestamp};

/// So long after what came last a host may still acknowledge it; what it sends later waits for something.
const SETTLED: Span = Span(1_000_000_000);

/// See the head of the module.
#[derive(Debug, Default)]
pub(super) struct Isolated(BTreeMap<IpAddr, Silence>);

/// What surrounds a host.
#[derive(Debug, Default)]
struct Silence {
    /// When something last came for it, if ever.
    reached: Option<Timestamp>,
    /// To whom it sent something later.
    sent_to: BTreeSet<IpAddr>,
}

impl Isolated {
    /// Of the hosts that did not get an answer to something.
    pub(super) fn new(names: &Names, scene: &Scene<'_>) -> Self {
        let events = || names.resolvers.values().flat_map(|resolver| &resolver.unanswered.kept);
        let mut all: BTreeMap<IpAddr, Silence> = BTreeMap::new();
        for host in events().map(|event| event.ends.client.ip()) {
            let reached = || scene.services.reached(host).max(names.answered.get(&host).copied());
            all.entry(host).or_insert_with(|| Silence { reached: reached(), sent_to: BTreeSet::new() });
        }
        if all.is_empty() {
            return Isolated(all);
        }
        for (server, service) in scene.services.iter() {
            if let Some(silence) = all.get_mut(&server.ip()) {
                silence.reached = silence.reached.max(Some(service.reached));
            }
        }
        for error in scene.icmp.values().flatten() {
            if let Some(silence) = all.get_mut(&error.source.ip()) {
                silence.reached = silence.reached.max(Some(error.time));
            }
        }
        for event in events().filter(|event| event.answer.0 == 0) {
            if let Some(silence) = all.get_mut(&event.ends.client.ip())
                && silence.is_before(event.asked)
            {
                silence.sent_to.insert(event.ends.server.ip());
            }
        }
        for stream in scene.streams {
            for direction in [Direction::AtoB, Direction::BtoA] {
                // Nobody answers an RST.
                let by = stream.chronicle.reset.as_deref().map(|reset| reset.by);
                let last = stream.lane(direction).last_packet();
                if by != Some(direction)
                    && let Some(silence) = all.get_mut(&stream.end(direction).ip())
                    && silence.is_before(Timestamp(last.0.saturating_sub(SETTLED.0)))
                {
                    silence.sent_to.insert(stream.end(direction.reverse()).ip());
                }
            }
        }
        Isolated(all)
    }

    /// To how many others the client of an unanswered query sent something, if from the query on nothing came for it from anybody.
    pub(super) fn others(&self, event: &Event) -> Option<usize> {
        let silence = self.0.get(&event.ends.client.ip())?;
        let server = event.ends.server.ip();
        let others = silence.sent_to.iter().filter(|host| **host != server).count();
        (others > 0 && silence.is_before(event.asked)).then_some(others)
    }
}

impl Silence {
    /// Whether nothing came from a time on.
    fn is_before(&self, time: Timestamp) -> bool {
        time != Timestamp::default() && self.reached.is_none_or(|reached| reached < time)
    }
}

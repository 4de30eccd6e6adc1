//! What lookups amount to once the capture was read.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::super::super::case::Case;
use super::super::super::object::{Confidence, Severity};
use super::super::super::scene::Scene;
use super::super::super::thresholds::Limit;
use super::super::flow::is_made_by_hand;
use super::super::span;
use super::denied::is_ordinary;
use super::isolated::Isolated;
use super::lacks::Lacks;
use super::resolver::{ENOUGH, Event, Events, Resolver};
use super::{Names, TIMEOUT, Unresolved, Why, shown_name};
use crate::model::{Endpoint, Span, Timestamp};
use crate::protocol::dns::{Rcode, RecordType};

/// So few are an exception rather than the rule.
pub(super) const FEW: u64 = 3;

/// An answer that takes less, once or twice among many, is that of a name which had to be sought.
const ONCE: Span = Span(500_000_000);

impl Names {
    /// Says what it concludes.
    pub(in crate::diagnosis) fn look(mut self, scene: &Scene<'_>, lacks: &Lacks, cases: &mut Vec<Case>) {
        self.settle(scene.thresholds);
        let servers: BTreeSet<IpAddr> = self.resolvers.keys().map(|server| server.ip()).collect();
        let limit = scene.thresholds.span(Limit::ResolverP95);
        let mut resolvers = std::mem::take(&mut self.resolvers);
        for resolver in resolvers.values_mut() {
            let floor = resolver.floor();
            let slow = &mut resolver.slow;
            // What every answer takes is the way there and back.
            if floor < scene.thresholds.span(Limit::ResolverMax) {
                let before = slow.count;
                slow.leave_out_below(Span(floor.0.saturating_add(limit.0)));
                resolver.is_far = slow.count < before;
            }
            let ordinary = slow.count;
            slow.leave_out(|event| {
                self.is_of_tunnel(event.name.as_bytes()) || is_made_by_hand(event.waited())
            });
            resolver.timed = resolver.timed.saturating_sub(ordinary.saturating_sub(slow.count));
            let very_slow = |event: &&Event| event.waited() >= scene.thresholds.span(Limit::ResolverMax);
            resolver.very_slow = resolver.very_slow.min(slow.kept.iter().filter(very_slow).count() as u64);
            let before = resolver.unanswered.count;
            resolver.unanswered.leave_out(|event| self.is_of_tunnel(event.name.as_bytes()));
            resolver.asked = resolver.asked.saturating_sub(before.saturating_sub(resolver.unanswered.count));
        }
        self.resolvers = resolvers;
        let isolated = Isolated::new(&self, scene);
        let is_slow = |resolver: &Resolver| judged_slow(scene, resolver);
        let slow: BTreeSet<IpAddr> = self
            .resolvers
            .iter()
            .filter(|(_, resolver)| is_slow(resolver))
            .map(|(server, _)| server.ip())
            .collect();
        for (&server, resolver) in &self.resolvers {
            if is_slow(resolver) {
                cases.extend(slow_answers(scene, server, resolver, &servers, &slow));
            }
            cases.extend(self.no_answers(server, resolver, &servers, (lacks, &isolated)));
        }
        let is_told =
            |name: &&Unresolved| !name.mended && !self.is_variant(name) && !self.is_of_tunnel(&name.name);
        let denied: Vec<&Unresolved> =
            self.unresolved.iter().filter(|name| name.why == Why::Denied).filter(is_told).collect();
        cases.extend(self.names_denied(scene, &denied, &servers, lacks));
        let rate = |server: &Endpoint| {
            self.resolvers.get(server).is_some_and(|resolver| {
                resolver.failures >= ENOUGH
                    && scene.thresholds.reaches(Limit::ResolverFailures, resolver.failures, resolver.answers)
            })
        };
        for name in self.unresolved.iter().filter(|name| name.why == Why::Failed) {
            if is_told(&name) || rate(&name.ends.server) && !self.is_of_tunnel(&name.name) {
                cases.push(name_failed(scene, name, self.resolvers.get(&name.ends.server), &servers));
            }
        }
    }
}

fn judged_slow(scene: &Scene<'_>, resolver: &Resolver) -> bool {
    // One in twenty is above the 95th percentile.
    resolver.very_slow > 0
        || (resolver.timed >= ENOUGH && resolver.slow.count.saturating_mul(20) >= resolver.timed)
            && scene.thresholds.get(Limit::ResolverP95) > 0
}

/// Each event as a case, with what the events of a client cost together: lookups that wait at the same time wait once.
pub(super) fn each(events: &Events, make: impl Fn(&Event) -> Case) -> Vec<Case> {
    let mut sorted: Vec<&Event> = events.kept.iter().collect();
    sorted.sort_by_key(|event| (event.ends.client.ip(), event.asked, event.until, event.query));
    let mut until: BTreeMap<IpAddr, Timestamp> = BTreeMap::new();
    let mut cases: Vec<Case> = sorted
        .into_iter()
        .map(|event| {
            let done = until.entry(event.ends.client.ip()).or_insert(event.asked);
            let cost = event.until.since(event.asked.max(*done));
            *done = event.until.max(*done);
            make(event).costs(cost)
        })
        .collect();
    let told = cases.len() as u64;
    if let Some(last) = cases.last_mut() {
        last.count = last.count.saturating_add(events.count.saturating_sub(told));
        last.lost = Span(last.lost.0.saturating_add(events.rest.0));
        last.beyond = events.beyond();
    }
    cases
}

fn slow_answers(
    scene: &Scene<'_>,
    server: Endpoint,
    resolver: &Resolver,
    servers: &BTreeSet<IpAddr>,
    slow: &BTreeSet<IpAddr>,
) -> Vec<Case> {
    let (count, answers) = (resolver.slow.count, resolver.timed);
    let worst = resolver.slow.kept.iter().map(Event::waited).max().unwrap_or_default();
    let limit = scene.thresholds.span(Limit::ResolverP95);
    let (took, sooner) = if resolver.is_far {
        let floor = span(resolver.floor());
        (
            format!("took at least {} longer than the soonest one ({floor})", span(limit)),
            format!("came less than {} after what the soonest one took ({floor})", span(limit)),
        )
    } else {
        (format!("took {} or more", span(limit)), format!("came sooner than {}", span(limit)))
    };
    let gist = format!(
        "{server} answers slowly: {} of {answers} answers {took}, the slowest {}",
        resolver.slow.counted(),
        span(worst)
    );
    each(&resolver.slow, |event| {
        let client = event.ends.client.ip();
        let case = Case::new("DNS-01", event.ends, (event.asked, event.until))
            .says(
                format!(
                    "{server} took {} to answer {client}'s query for {}",
                    span(event.waited()),
                    asked(event)
                ),
                gist.clone(),
            )
            .shows(event.query, format!("query for {}", asked(event)), "an answer soon")
            .shows(
                event.answer,
                format!("its answer, {} later", span(event.waited())),
                "an answer within some milliseconds",
            )
            .by(&[Limit::ResolverP95, Limit::ResolverMax])
            .rival("a long way to the resolver", "the time that a ping to the resolver takes");
        let case = if count < FEW && count.saturating_mul(2) < answers {
            case.severity(Severity::Note)
        } else {
            case
        };
        let case = match answers.saturating_sub(count) {
            rest if rest > 0 && !resolver.slow.is_least => {
                case.against(format!("{rest} other answers of {server} {sooner}"))
            }
            _ => case,
        };
        if is_resolver(servers, client, server) && !slow.contains(&client) {
            case.at_most(
                Confidence::Low,
                "asked by a resolver on its own account: such times are ordinary there",
            )
        } else if resolver.slow.is_batch(event) {
            case.at_most(
                Confidence::Low,
                "asked together with many others: they wait for one another, and for the link",
            )
        } else if resolver.very_slow == 0 && worst.0 < limit.0.saturating_mul(4) {
            case.at_most(
                Confidence::Low,
                "a long way to the resolver, or names that it has to ask for, explain times like these",
            )
        } else if count >= FEW && resolver.very_slow > 0 && count.saturating_mul(5) >= answers {
            case
        } else if count >= FEW && count.saturating_mul(20) >= answers {
            case.at_most(Confidence::Medium, format!("{count} of {answers} answers"))
        } else if resolver.very_slow == 0
            || worst < ONCE && count < FEW && count.saturating_mul(2) < answers
            || count.saturating_mul(100) < answers
        {
            case.at_most(Confidence::Low, format!("only {count} of {answers} answers"))
        } else {
            case.less(format!("only {count} of {answers} answers"))
        }
    })
}

/// Whether a client is a server of names itself.
pub(super) fn is_resolver(servers: &BTreeSet<IpAddr>, client: IpAddr, server: Endpoint) -> bool {
    client != server.ip() && servers.contains(&client)
}

/// Names of class CHAOS, by which servers tell of themselves (RFC 4892).
fn is_of_chaos(name: &[u8]) -> bool {
    let lower = name.to_ascii_lowercase();
    lower.ends_with(b".bind") || lower.ends_with(b".server")
}

pub(super) fn asked(event: &Event) -> String {
    format!("{} {}", event.kind, event.name)
}

fn name_failed(
    scene: &Scene<'_>,
    name: &Unresolved,
    resolver: Option<&Resolver>,
    servers: &BTreeSet<IpAddr>,
) -> Case {
    let (client, server) = (name.ends.client.ip(), name.ends.server);
    let shown = shown_name(&name.name);
    let (failures, answers) = resolver.map_or((name.count, name.count), |all| (all.failures, all.answers));
    let why = name.extended.as_ref().map_or_else(String::new, |text| format!(" ({text})"));
    // What a client does that has an answer takes a moment.
    let is_cut = !name.mended && scene.until_end(name.last) < TIMEOUT;
    let outcome = match (name.mended, is_cut) {
        (true, _) => format!(", and {client} got it later"),
        (false, true) => String::new(),
        (false, false) => format!(", and {client} did not get it at all"),
    };
    let queries = if name.count == 1 { "query" } else { "queries" };
    let mut case = Case::new("DNS-06", name.ends, (name.first, name.last))
        .says(
            format!("{server} answered {} to {client}'s {queries} for {shown}{why}{outcome}", name.rcode),
            format!(
                "{server} reports failures: {failures} of {answers} answers, such as {} for {shown}{why}",
                name.rcode
            ),
        )
        .costs(name.waited)
        .times(name.count)
        .by(&[Limit::ResolverFailures])
        .rival(
            "a name that this resolver is not meant to resolve",
            "the zones and clients in its configuration",
        );
    for &(query, answer) in &name.frames {
        case = case
            .shows(query, format!("query for {} {shown}", name.kind), "records, or that there are none")
            .shows(answer, format!("answer: {}", name.rcode), "no error");
    }
    if name.mended {
        case = case.severity(Severity::Warn).less("the client got the name resolved later");
    } else if name.count == 1 && is_cut {
        case = case.less("the capture ends before the client would try again");
    }
    if name.is_iterative && name.rcode == Rcode::REFUSED {
        case = case.severity(Severity::Note).at_most(
            Confidence::Low,
            "asked without recursion, of a server that offers none: a server that is not in charge of a name refuses that properly",
        );
    } else if name.is_iterative {
        case = case.severity(Severity::Warn).at_most(
            Confidence::Medium,
            "asked without recursion, of a server that offers none: no host asks its resolver like that",
        );
    }
    if name.kind == RecordType::ANY || is_of_chaos(&name.name) {
        case = case.at_most(
            Confidence::Low,
            "asked about the server itself, or for everything: servers refuse that on purpose",
        );
    } else if let Some(reason) = is_ordinary(&name.name, name.kind).filter(|_| name.kind == RecordType::PTR) {
        case = case.at_most(Confidence::Low, reason);
    } else if is_resolver(servers, client, server) {
        case = case.less("asked by a resolver, which has other servers to ask");
    }
    case
}

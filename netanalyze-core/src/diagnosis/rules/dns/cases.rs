//! What lookups amount to once the capture was read.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use hashbrown::HashSet;

use super::super::super::case::Case;
use super::super::super::object::{Confidence, Severity};
use super::super::super::scene::Scene;
use super::super::super::thresholds::Limit;
use super::super::flow::is_made_by_hand;
use super::super::{span, times};
use super::denied::{is_ordinary, names_denied};
use super::resolver::{ENOUGH, Event, Events, Resolver};
use super::{Names, TIMEOUT, Unresolved, Why, shown_name};
use crate::model::{Endpoint, Span, Timestamp};
use crate::protocol::dns::RecordType;

/// So few are an exception rather than the rule.
const FEW: u64 = 3;

/// An answer that takes less, once or twice among many, is that of a name which had to be sought.
const ONCE: Span = Span(500_000_000);

impl Names {
    /// Says what it concludes. `one_sided` is a capture that lacks one direction of many conversations.
    pub(in crate::diagnosis) fn look(mut self, scene: &Scene<'_>, one_sided: bool, cases: &mut Vec<Case>) {
        self.settle(scene.thresholds);
        let servers: BTreeSet<IpAddr> = self.resolvers.keys().map(|server| server.ip()).collect();
        let limit = scene.thresholds.span(Limit::ResolverP95);
        let mut resolvers = std::mem::take(&mut self.resolvers);
        for resolver in resolvers.values_mut() {
            let floor = resolver.floor();
            let slow = &mut resolver.slow;
            // What every answer takes is the way there and back.
            let is_way = floor < scene.thresholds.span(Limit::ResolverMax);
            let soon = |event: &Event| is_way && event.waited().0.saturating_sub(floor.0) < limit.0;
            slow.leave_out(|event| {
                soon(event) || self.is_of_tunnel(event.name.as_bytes()) || is_made_by_hand(event.waited())
            });
            let very_slow = |event: &&Event| event.waited() >= scene.thresholds.span(Limit::ResolverMax);
            resolver.very_slow = resolver.very_slow.min(slow.kept.iter().filter(very_slow).count() as u64);
            resolver.unanswered.leave_out(|event| self.is_of_tunnel(event.name.as_bytes()));
        }
        self.resolvers = resolvers;
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
            cases.extend(no_answers(server, resolver, &servers, &self.answered, one_sided));
        }
        let is_told =
            |name: &&Unresolved| !name.mended && !self.is_variant(name) && !self.is_of_tunnel(&name.name);
        let denied: Vec<&Unresolved> =
            self.unresolved.iter().filter(|name| name.why == Why::Denied).filter(is_told).collect();
        cases.extend(names_denied(scene, &denied, &servers, &self.local));
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
        || (resolver.answers >= ENOUGH && resolver.slow.count.saturating_mul(20) >= resolver.answers)
            && scene.thresholds.get(Limit::ResolverP95) > 0
}

/// Each event as a case, with what the events of a client cost together: lookups that wait at the same time wait once.
fn each(events: &Events, make: impl Fn(&Event) -> Case) -> Vec<Case> {
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
    let (count, answers) = (resolver.slow.count, resolver.answers);
    let worst = resolver.slow.kept.iter().map(Event::waited).max().unwrap_or_default();
    let limit = scene.thresholds.span(Limit::ResolverP95);
    let gist = format!(
        "{server} answers slowly: {count} of {answers} answers took {} or more, the slowest {}",
        span(limit),
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
            0 => case,
            rest => {
                case.against(format!("{rest} other answers of {server} came sooner than {}", span(limit)))
            }
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

fn no_answers(
    server: Endpoint,
    resolver: &Resolver,
    servers: &BTreeSet<IpAddr>,
    answered: &HashSet<IpAddr, foldhash::fast::FixedState>,
    one_sided: bool,
) -> Vec<Case> {
    let events = &resolver.unanswered;
    let is_mute = resolver.answers == 0;
    if is_mute && one_sided {
        return Vec::new();
    }
    let (count, all) = (events.count, resolver.asked);
    let gist = if is_mute {
        format!("{server} answers no query at all ({count} of them)")
    } else {
        format!(
            "{server} left {count} of {all} queries without an answer until they were sent again, or for good"
        )
    };
    let asked_again = events.kept.iter().filter(|event| event.again).count();
    let is_asked_again = asked_again > 0;
    each(events, |event| {
        let client = event.ends.client.ip();
        let sentence = if event.answer.0 > 0 {
            format!(
                "{client}'s query for {} got an answer of {server} only when it was sent again, after {}",
                asked(event),
                span(event.waited())
            )
        } else {
            let how = if event.queries > 1 {
                format!("sent {}", times(event.queries.into()))
            } else if event.again {
                "it got the name resolved later".to_owned()
            } else {
                "sent once".to_owned()
            };
            format!("{server} did not answer {client}'s query for {} ({how})", asked(event))
        };
        let case = Case::new("DNS-02", event.ends, (event.asked, event.until))
            .says(sentence, gist.clone())
            .shows(event.query, format!("query for {} without an answer", asked(event)), "an answer")
            .rival(
                "the answer is lost, not the query",
                "a capture at the resolver: whether the query arrives and an answer leaves",
            );
        let case = if event.last_query == event.query {
            case
        } else {
            case.shows(event.last_query, "the same query again", "no need to ask again")
        };
        let case = case.shows(event.answer, "answer to the repeated query", "an answer to the first one");
        let case = match resolver.answers {
            0 => case.at_most(
                Confidence::Medium,
                format!("nothing of {server} was captured: a capture of one direction would show the same"),
            ),
            answers => case.against(format!("{server} answered {answers} other queries")),
        };
        let case = case.among(u64::from(answered.contains(&client)));
        let case = if is_mute && server.port() != 53 {
            case.at_most(Confidence::Low, "nothing shows that it is a name server")
        } else if is_mute && count < FEW && event.queries == 1 && answered.contains(&client) {
            case.at_most(
                Confidence::Low,
                "asked once or twice, and others answer: its address may be a mistake, or a damaged packet's",
            )
        } else if asked_again < FEW as usize && count >= FEW {
            case.at_most(Confidence::Medium, "few of them were asked again")
        } else if count == 1 && resolver.answers > 0 {
            case.less("it happened once")
        } else {
            case
        };
        let case = if event.kind == RecordType::ANY {
            case.at_most(
                Confidence::Low,
                "queries for records of any type come with forged senders more often than not",
            )
        } else if is_resolver(servers, client, server) {
            case.less("asked by a resolver, which has other servers to ask")
        } else {
            case
        };
        if is_asked_again {
            case
        } else if count < FEW || is_mute {
            case.at_most(Confidence::Low, "nobody asked again: the answer may just not have been captured")
        } else {
            case.at_most(
                Confidence::Medium,
                "nobody asked again: the answers may just not have been captured",
            )
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

fn asked(event: &Event) -> String {
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
    let outcome = if name.mended { "got it later" } else { "did not get it at all" };
    let mut case = Case::new("DNS-06", name.ends, (name.first, name.last))
        .says(
            format!(
                "{server} answered {} to {client}'s queries for {shown}{why}, and {client} {outcome}",
                name.rcode
            ),
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
    } else if name.count == 1 && scene.until_end(name.last) < TIMEOUT {
        case = case.less("the capture ends before the client would try again");
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

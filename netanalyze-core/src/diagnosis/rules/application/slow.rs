//! Servers that take long to answer: PERF-16.

use std::collections::BTreeMap;

use super::super::super::case::Case;
use super::super::super::object::Confidence;
use super::super::super::scene::{Scene, Stream, Vantage};
use super::super::super::thresholds::Limit;
use super::super::flow::{RELAYED, is_made_by_hand, is_relayed, is_troubled, is_upload, round_trip};
use super::super::span;
use super::{Call, Exchanges};
use crate::conversation::Protocol;
use crate::model::{Endpoint, Span};

/// Who waits so long for an ordinary answer may be meant to: long polling.
const ON_PURPOSE: Span = Span(20_000_000_000);
/// Exchanges of a connection that are shown.
const SHOWN: usize = 3;

/// A conversation, and the client's port where it has no number.
type Key = (Protocol, Option<u32>, u16);

pub(super) fn look(all: &Exchanges, scene: &Scene<'_>, cases: &mut Vec<Case>) {
    let mut streams: BTreeMap<Key, Vec<(Own, &Call)>> = BTreeMap::new();
    for call in &all.calls {
        if let Some(own) = own_time(scene, call) {
            let key = (call.ends.protocol, call.ends.stream, call.ends.client.port());
            streams.entry(key).or_default().push((own, call));
        }
    }
    // Servers that answer only when a time is over: all requests to them took the same.
    let mut by_server: BTreeMap<Endpoint, Vec<Span>> = BTreeMap::new();
    for ((own, _), call) in streams.values().flatten() {
        by_server.entry(call.ends.server).or_default().push(*own);
    }
    by_server.retain(|server, spans| {
        is_timer(spans) && all.servers.get(server).is_some_and(|known| known.slow >= known.requests)
    });
    undecoded(scene, cases);
    cases.extend(streams.into_values().filter_map(|calls| {
        let case = case(all, scene, &calls)?;
        Some(if by_server.contains_key(&case.ends.server) {
            case.at_most(Confidence::Low, TIMER)
        } else {
            case
        })
    }));
}

/// Lowers what was said of servers whose requests are not decoded, if all that they were asked took the same time.
fn undecoded(scene: &Scene<'_>, cases: &mut [Case]) {
    let mut by_server: BTreeMap<Endpoint, (bool, Vec<Span>)> = BTreeMap::new();
    for case in cases.iter().filter(|case| case.code == "PERF-16") {
        let Some(stream) = case.ends.stream.and_then(|number| scene.stream(number)) else { continue };
        let (chronicle, client) = (&stream.chronicle, stream.client());
        let (all_slow, spans) = by_server.entry(case.ends.server).or_insert((true, Vec::new()));
        // A request of its own that was answered at once would be a segment more, or some.
        let asked = client.map_or(0, |client| stream.lane(client).data_segments());
        *all_slow &= u64::from(asked) <= u64::from(chronicle.slow_thinks).saturating_add(1);
        let rtt = round_trip(stream);
        spans.extend(chronicle.thinks.iter().map(|think| Span(think.span.0.saturating_sub(rtt.0))));
    }
    by_server.retain(|_, (all_slow, spans)| *all_slow && is_timer(spans));
    for case in cases.iter_mut().filter(|case| case.code == "PERF-16") {
        if by_server.contains_key(&case.ends.server) {
            *case = case.clone().at_most(Confidence::Low, TIMER);
        }
    }
}

/// Why what always takes the same time is not surely slow.
const TIMER: &str = "every request took the same time, a round one, and none took less: a server that holds requests until something happens or a time is over \
                     does that (long polling, blocking reads)";

/// Why a round trip may not be that to the server.
const FRONT: &str = "servers of other networks accept connections in the same time, over as many hops: a device on the way may end them for all, and the way \
                     behind it counts as the server's";

/// Requests that show that it is always the same time.
const ENOUGH: usize = 3;

/// Whether pauses are those of a timer: all the same within a twentieth, and whole or half seconds within a hundredth.
fn is_timer(spans: &[Span]) -> bool {
    const HALF: i64 = 500_000_000;
    let (Some(least), Some(most)) = (spans.iter().min(), spans.iter().max()) else { return false };
    let is_round = |span: &Span| {
        let over = span.0.rem_euclid(HALF);
        over.min(HALF - over).saturating_mul(100) <= span.0
    };
    spans.len() >= ENOUGH
        && least.0 > 0
        && most.0.saturating_sub(least.0).saturating_mul(20) < most.0
        && spans.iter().all(is_round)
}

/// The server's own part of a pause, and who acknowledged the request.
type Own = (Span, Heard);

/// Who acknowledged a request.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Heard {
    /// It does not show.
    Unknown,
    /// Something before the server, by its speed.
    Relay,
    /// The server; or it needs not to.
    Server,
}

/// What the server took for itself, if it is the server that took long.
fn own_time(scene: &Scene<'_>, call: &Call) -> Option<Own> {
    // A gateway's word about its backend is told as such.
    let is_gateways = matches!(call.status, Some(502..=504));
    let wait = call.answered?.time.after(call.sent?.time)?;
    if is_gateways || call.queued || !call.is_plain {
        return None;
    }
    let stream = stream(scene, call);
    if stream.is_some_and(is_troubled) || is_made_by_hand(wait) {
        return None;
    }
    let rtt = rtt(scene, call).unwrap_or_default();
    let answer = call.answered?.frame;
    let known = stream.and_then(|stream| stream.chronicle.thinks.iter().find(|think| think.answer == answer));
    let own = match (known, stream) {
        // A request that arrived late, or was still being taken in, did not wait for the server before.
        (Some(think), Some(stream)) if is_relayed(stream, think) => {
            (think.own(rtt).filter(|_| !is_upload(stream))?, Heard::Relay)
        }
        (Some(think), _) => (think.own(rtt)?, Heard::Server),
        (None, Some(_)) => (Span(wait.0.saturating_sub(rtt.0)), Heard::Unknown),
        (None, None) => (Span(wait.0.saturating_sub(rtt.0)), Heard::Server),
    };
    (own.0 >= scene.thresholds.span(Limit::Think)).then_some(own)
}

fn stream<'s>(scene: &Scene<'s>, call: &Call) -> Option<&'s Stream> {
    scene.stream(call.ends.stream.filter(|_| call.ends.protocol == Protocol::Tcp)?)
}

/// The path's round-trip time.
fn rtt(scene: &Scene<'_>, call: &Call) -> Option<Span> {
    let of_stream = stream(scene, call).map(round_trip).filter(|rtt| rtt.0 > 0);
    of_stream.or_else(|| scene.services.get(&call.ends.server)?.rtt)
}

fn case(all: &Exchanges, scene: &Scene<'_>, calls: &[(Own, &Call)]) -> Option<Case> {
    let &((own, heard), slowest) =
        calls.iter().reduce(|best, one| if one.0 > best.0 { one } else { best })?;
    let ends = slowest.ends;
    let server = ends.server;
    let first = calls.iter().map(|(_, call)| call.asked.time).min()?;
    let last = calls.iter().filter_map(|(_, call)| call.answered).map(|at| at.time).max()?;
    let lost = calls.iter().fold(0, |sum: i64, ((own, _), _)| sum.saturating_add(own.0));
    let known = all.servers.get(&server);
    let share = known.map_or_else(String::new, |known| {
        format!(
            ", {} of {} requests took {} or more with the way there and back",
            known.slow,
            known.requests,
            span(scene.thresholds.span(Limit::Think))
        )
    });
    let status = slowest.status.map_or_else(String::new, |status| format!(" ({status})"));
    let mut case = Case::new("PERF-16", ends, (first, last))
        .says(
            format!(
                "{server} took {} to answer \"{}\" of {}{status}{share}",
                span(own),
                slowest.what,
                ends.client.ip()
            ),
            format!("{server} is slow to answer: {} for \"{}\"{share}", span(own), slowest.what),
        )
        .costs(Span(lost))
        .times(calls.len() as u64)
        .by(&[Limit::Think])
        .rival(
            "a service behind the server, for which it waits",
            "what the server asks others for meanwhile",
        );
    let mut shown: Vec<&(Own, &Call)> = calls.iter().collect();
    shown.sort_by_key(|(own, call)| (std::cmp::Reverse(*own), call.asked.frame));
    for (_, call) in shown.into_iter().take(SHOWN) {
        let (Some(sent), Some(answered)) = (call.sent, call.answered) else { continue };
        let wait = span(answered.time.since(sent.time));
        case = case
            .shows(sent.frame, format!("the end of the request \"{}\"", call.what), "an answer soon")
            .shows(answered.frame, format!("the first of its answer, {wait} later"), "an answer soon");
    }
    if let Some(fast) = known.map(|known| known.requests.saturating_sub(known.slow)).filter(|&fast| fast > 0)
    {
        case = case.against(format!("{server} answered {fast} other requests in time"));
    }
    case = match stream(scene, slowest).map(Stream::vantage) {
        Some(Vantage::NearServer) => {
            case.because("captured next to the server: the network has no part in it")
        }
        _ if scene.has_front_nearby(server) => case.at_most(
            Confidence::Low,
            "servers of other networks answer as soon: something nearby does so in their place, and the way behind it is not known",
        ),
        _ if scene.has_front(server) => case.at_most(Confidence::Medium, FRONT),
        _ if rtt(scene, slowest).is_some() => case.because("the round trip of the path is already taken off"),
        _ => case.at_most(Confidence::Medium, "the round trip of the path is not known"),
    };
    case = match heard {
        Heard::Server => case,
        Heard::Relay => case.at_most(Confidence::Medium, RELAYED),
        Heard::Unknown => case.at_most(Confidence::Low, "it does not show when the request had arrived"),
    };
    let on_purpose = calls
        .iter()
        .all(|((own, _), call)| *own >= ON_PURPOSE && call.status.is_some_and(|status| status < 400));
    if on_purpose {
        case = case.at_most(
            Confidence::Low,
            "an answer that comes after so long, and is none of an error, may be meant to: long polling",
        );
    }
    if slowest.forwarded {
        case = case.because("it asked another server meanwhile");
    }
    Some(case)
}

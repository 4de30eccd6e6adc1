//! Servers that take long to answer: PERF-16.

use std::collections::BTreeMap;

use super::super::super::case::Case;
use super::super::super::object::Confidence;
use super::super::super::scene::{Scene, Stream, Vantage};
use super::super::super::thresholds::Limit;
use super::super::{BOTH, span};
use super::{Call, Exchanges};
use crate::conversation::Protocol;
use crate::model::{Direction, Span};

/// Who waits so long for an ordinary answer may be meant to: long polling.
const ON_PURPOSE: Span = Span(20_000_000_000);
/// Exchanges of a connection that are shown.
const SHOWN: usize = 3;

/// A conversation, and the client's port where it has no number.
type Key = (Protocol, Option<u32>, u16);

pub(super) fn look(all: &Exchanges, scene: &Scene<'_>, cases: &mut Vec<Case>) {
    let mut streams: BTreeMap<Key, Vec<(Span, &Call)>> = BTreeMap::new();
    for call in &all.calls {
        if let Some(own) = own_time(scene, call) {
            let key = (call.ends.protocol, call.ends.stream, call.ends.client.port());
            streams.entry(key).or_default().push((own, call));
        }
    }
    cases.extend(streams.into_values().filter_map(|calls| case(all, scene, &calls)));
}

/// What the server took for itself, if it is the server that took long.
fn own_time(scene: &Scene<'_>, call: &Call) -> Option<Span> {
    // A gateway's word about its backend is told as such.
    let is_gateways = matches!(call.status, Some(502..=504));
    let wait = call.answered?.time.after(call.sent?.time)?;
    if is_gateways || call.queued || !call.is_plain {
        return None;
    }
    let stream = stream(scene, call);
    if stream.is_some_and(is_troubled) {
        return None;
    }
    let own = Span(wait.0.saturating_sub(rtt(scene, call).unwrap_or_default().0));
    (own >= scene.thresholds.span(Limit::Think)).then_some(own)
}

fn stream<'s>(scene: &Scene<'s>, call: &Call) -> Option<&'s Stream> {
    scene.stream(call.ends.stream.filter(|_| call.ends.protocol == Protocol::Tcp)?)
}

/// Something was sent again, or a window was closed: then that took the time.
fn is_troubled(stream: &Stream) -> bool {
    BOTH.iter().any(|&direction| {
        let trouble = stream.lane(direction).trouble.as_ref();
        trouble.is_some_and(|trouble| trouble.lost.timeouts > 0 || trouble.zero.episodes > 0)
    })
}

/// The path's round-trip time.
fn rtt(scene: &Scene<'_>, call: &Call) -> Option<Span> {
    let of_stream = stream(scene, call)
        .map(|stream| stream.lane(Direction::AtoB).path_rtt(stream.lane(Direction::BtoA)))
        .filter(|rtt| rtt.0 > 0);
    of_stream.or_else(|| scene.services.get(&call.ends.server)?.rtt)
}

fn case(all: &Exchanges, scene: &Scene<'_>, calls: &[(Span, &Call)]) -> Option<Case> {
    let &(own, slowest) = calls.iter().reduce(|best, one| if one.0 > best.0 { one } else { best })?;
    let ends = slowest.ends;
    let server = ends.server;
    let first = calls.iter().map(|(_, call)| call.asked.time).min()?;
    let last = calls.iter().filter_map(|(_, call)| call.answered).map(|at| at.time).max()?;
    let lost = calls.iter().fold(0, |sum: i64, (own, _)| sum.saturating_add(own.0));
    let known = all.servers.get(&server);
    let share = known.map_or_else(String::new, |known| {
        format!(
            ", {} of {} requests took {} or more",
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
    let mut shown: Vec<&(Span, &Call)> = calls.iter().collect();
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
        _ if rtt(scene, slowest).is_some() => case.because("the round trip of the path is already taken off"),
        _ => case.at_most(Confidence::Medium, "the round trip of the path is not known"),
    };
    let on_purpose =
        calls.iter().all(|(own, call)| *own >= ON_PURPOSE && call.status.is_some_and(|status| status < 400));
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

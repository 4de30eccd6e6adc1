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
use crate::model::Span;

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
    cases.extend(streams.into_values().filter_map(|calls| case(all, scene, &calls)));
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

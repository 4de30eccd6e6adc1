//! Gateways that report failures of their backends: APP-01.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::super::super::case::Case;
use super::super::super::object::{Confidence, Ends};
use super::super::super::scene::{Scene, Stream};
use super::super::super::thresholds::Limit;
use super::super::{is_filtered, span};
use super::{Call, Exchanges};
use crate::conversation::Protocol;
use crate::model::{FrameNumber, Span, Timestamp};
use crate::tcp::Shape;

/// Clocks of two connections of a capture are one, but what was captured may be in another order.
const SLACK: Span = Span(5_000_000);

/// So many of what happened first, and last, while a request waited are looked at: many requests that all wait for long must not be compared with each other.
const NEAREST: usize = 32;

/// What happened on a gateway's way to a backend.
struct Failure {
    ends: Ends,
    at: Timestamp,
    /// What the backend did, or did not do, in words.
    what: String,
    frames: Vec<(FrameNumber, &'static str)>,
    /// Whether it is what a status stands for: smaller is better.
    rank: u8,
    /// It is the request that the gateway was asked for.
    same: bool,
}

pub(super) fn look(all: &Exchanges, scene: &Scene<'_>, cases: &mut Vec<Case>) {
    let is_error = |call: &&Call| call.status.is_some_and(|status| status >= 500) && call.answered.is_some();
    if !all.calls.iter().any(|call| is_error(&call)) {
        return;
    }
    let legs = Legs::new(all, scene);
    cases.extend(all.calls.iter().filter(is_error).filter_map(|call| case(all, scene, call, &legs)));
}

/// What happened when, in order of time.
type Times<'l, T> = Vec<(Timestamp, &'l T)>;

/// What hosts asked others for, and where they failed to connect: to be found by when it was.
#[derive(Default)]
pub(super) struct Legs<'l> {
    pub(super) calls: BTreeMap<IpAddr, Times<'l, Call>>,
    /// By what was asked for.
    same: BTreeMap<(IpAddr, &'l str), Times<'l, Call>>,
    streams: BTreeMap<IpAddr, Times<'l, Stream>>,
    /// Hosts that sent a SYN. [`Services`](crate::conversation::Services) know those with connections that ended well, too.
    openers: BTreeSet<IpAddr>,
}

impl<'l> Legs<'l> {
    pub(super) fn new(all: &'l Exchanges, scene: &Scene<'l>) -> Self {
        let mut legs = Legs::default();
        for call in &all.calls {
            let (host, asked) = (call.ends.client.ip(), (call.asked.time, call));
            legs.calls.entry(host).or_default().push(asked);
            legs.same.entry((host, &*call.what)).or_default().push(asked);
        }
        for stream in scene.streams {
            let opening = &stream.chronicle.opening;
            let reset = stream.chronicle.reset.as_deref();
            if opening.syns > 0 {
                legs.openers.insert(stream.ends().client.ip());
            }
            if opening.syns > 0 && opening.syn_acks == 0 || reset.is_some() {
                let times = legs.streams.entry(stream.ends().client.ip()).or_default();
                match reset {
                    Some(reset) => times.push((reset.time, stream)),
                    None => {
                        times.push((opening.first_syn, stream));
                        times.extend(scene.errors(stream).iter().map(|error| (error.time, stream)));
                    }
                }
            }
        }
        // Stable: what happened at the same time stays in the capture's order.
        legs.calls.values_mut().for_each(|times| times.sort_by_key(|(at, _)| *at));
        legs.same.values_mut().for_each(|times| times.sort_by_key(|(at, _)| *at));
        legs.streams.values_mut().for_each(|times| times.sort_by_key(|(at, _)| *at));
        legs
    }
}

/// What happened while a call waited: of very much the first and the last, for a gateway asks at once, and answers at once when it knows.
pub(super) fn meanwhile<'m, T>(call: &Call, times: Option<&'m Times<'_, T>>) -> impl Iterator<Item = &'m T> {
    let times = times.map_or(&[][..], Vec::as_slice);
    let from = times.partition_point(|(at, _)| *at < call.asked.time && !during(call, *at));
    let rest = times.get(from..).unwrap_or_default();
    let within = rest.get(..rest.partition_point(|(at, _)| during(call, *at))).unwrap_or_default();
    let (first, others) = within.split_at(within.len().min(NEAREST));
    let last = others.get(others.len().saturating_sub(NEAREST)..).unwrap_or_default();
    first.iter().chain(last).map(|(_, one)| *one)
}

fn case(all: &Exchanges, scene: &Scene<'_>, call: &Call, legs: &Legs<'_>) -> Option<Case> {
    let (answered, status) = (call.answered?, call.status?);
    let (client, server) = (call.ends.client.ip(), call.ends.server);
    let waited = answered.time.since(call.sent.unwrap_or(call.asked).time);
    let base = Case::new("APP-01", call.ends, (call.asked.time, answered.time))
        .shows(call.asked.frame, format!("request \"{}\"", call.what), "an answer")
        .shows(answered.frame, format!("{status}, {} later", span(waited)), "no error")
        .costs(waited)
        .by(&[Limit::Upstream]);
    let host = server.ip();
    let failures = meanwhile(call, legs.same.get(&(host, &*call.what)))
        .chain(meanwhile(call, legs.calls.get(&host)))
        .filter_map(|other| of_call(call, other))
        .chain(meanwhile(call, legs.streams.get(&host)).filter_map(|stream| of_stream(scene, call, stream)));
    let best = failures.min_by_key(|failure| {
        (!failure.same, failure.rank, answered.time.since(failure.at).0.abs(), failure.ends.stream)
    });
    if let Some(failure) = best {
        let backend = failure.ends.server;
        let mut case = base
            .says(
                format!(
                    "{server} answered {status} to \"{}\" of {client}, because {backend} {}",
                    call.what, failure.what
                ),
                format!("{server} answers {status}, because {backend} {}", failure.what),
            )
            .rival(
                "another backend that failed at the same time",
                "the gateway's log: which backend it names",
            );
        for (frame, what) in failure.frames {
            case = case.shows(frame, what, "an answer of the backend");
        }
        let explained = failure.same || failure.rank == 0;
        return Some(if explained && matches!(status, 502..=504) {
            case.because("both sides of the gateway were captured")
        } else {
            case.at_most(Confidence::Medium, "that the one follows from the other shows in their times alone")
        });
    }
    let known = all.servers.get(&server);
    let asks_others =
        known.is_some_and(|known| known.is_gateway) && matches!(status, 502..=504) && !call.forwarded;
    if asks_others && shows_attempts(scene, call, legs) {
        return Some(
            base.says(
                format!("{server} answered {status} to \"{}\" of {client} without asking any backend: a limit of its own, or no backend that it holds to be healthy", call.what),
                format!("{server} answers {status} without asking any backend: a limit of its own, or no backend that it holds to be healthy"),
            )
            .at_most(Confidence::Medium, "it does ask backends for other requests, and did not for this one")
            .rival("a backend that it asks over a way that was not captured", "the gateway's log"),
        );
    }
    Some(
        base.says(
            format!("{server} answered {status} to \"{}\" of {client}", call.what),
            format!("{server} answers {status}"),
        )
        .at_most(
            Confidence::Low,
            "what the server asked others for was not captured, or it says so of itself",
        )
        .rival("a fault of the server itself", "the log of the server"),
    )
}

/// Whether the capture would show it if the gateway tried to connect to a backend: it shows others of its connections being opened, and of the conversation
/// with its client more than data. Many filters keep no SYN.
fn shows_attempts(scene: &Scene<'_>, call: &Call, legs: &Legs<'_>) -> bool {
    let gateway = call.ends.server.ip();
    let own = call.ends.stream.filter(|_| call.ends.protocol == Protocol::Tcp);
    let own = own.and_then(|number| scene.stream(number));
    let opens = || scene.services.opened_by(gateway) > 0 || legs.openers.contains(&gateway);
    !own.is_some_and(is_filtered) && opens()
}

/// Whether a time lies between a request and its answer.
fn during(call: &Call, at: Timestamp) -> bool {
    let end = call.answered.map_or(call.asked.time, |answered| answered.time);
    at.since(call.asked.time) >= Span(-SLACK.0) && end.since(at) >= Span(-SLACK.0)
}

/// A request of the gateway that failed meanwhile.
fn of_call(call: &Call, other: &Call) -> Option<Failure> {
    let end = call.answered?.time;
    if other.ends.server == call.ends.server || !during(call, other.asked.time) {
        return None;
    }
    let status = call.status?;
    let answer = other.answered.filter(|answered| answered.time <= Timestamp(end.0.saturating_add(SLACK.0)));
    let request = (other.asked.frame, "the gateway's request to the backend");
    let same = other.what == call.what;
    let (what, at, frames, rank) = match answer {
        Some(answer) => {
            let theirs = other.status.filter(|theirs| *theirs >= 500)?;
            let frames = vec![request, (answer.frame, "the backend's own error")];
            let what = format!("answered {theirs} itself");
            (what, answer.time, frames, if theirs == status { 0 } else { 2 })
        }
        None if let Some(reset) = other.reset.filter(|reset| during(call, reset.time)) => {
            let frames = vec![request, (reset.frame, "the backend resets the connection")];
            ("reset the connection".to_owned(), reset.time, frames, if status == 502 { 0 } else { 1 })
        }
        None => {
            let what = format!("did not answer within {}", span(end.since(other.asked.time)));
            let late = other.answered.map(|late| (late.frame, "the backend's answer, too late"));
            let frames = [Some(request), late].into_iter().flatten().collect();
            (what, end, frames, if status == 504 { 0 } else { 2 })
        }
    };
    Some(Failure { ends: other.ends, at, what, frames, rank, same })
}

/// A connection of the gateway that failed meanwhile.
fn of_stream(scene: &Scene<'_>, call: &Call, stream: &Stream) -> Option<Failure> {
    let (end, status) = (call.answered?.time, call.status?);
    let ends = stream.ends();
    if ends.server == call.ends.server {
        return None;
    }
    let opening = &stream.chronicle.opening;
    let limit = scene.thresholds.span(Limit::Upstream);
    let recent = |at: Timestamp| during(call, at) && end.since(at) <= limit;
    let failed = |what: String, at, frames, rank| Some(Failure { ends, at, what, frames, rank, same: false });
    let mut frames: Vec<(FrameNumber, &'static str)> =
        opening.syn_frames.iter().map(|frame| (frame, "the gateway's SYN to the backend")).collect();
    if let Some(reset) = stream.chronicle.reset.as_deref() {
        if !recent(reset.time) || Some(reset.by) == stream.client() {
            return None;
        }
        let rank = if status == 502 { 0 } else { 1 };
        if reset.shape == Shape::Refusal {
            frames.push((reset.frame, "the backend refuses the connection"));
            return failed("refused the connection".to_owned(), reset.time, frames, rank);
        }
        return failed(
            "reset the connection".to_owned(),
            reset.time,
            vec![(reset.frame, "the backend resets the connection")],
            rank,
        );
    }
    if opening.syns == 0 || opening.syn_acks > 0 {
        return None;
    }
    if let Some(error) = scene.errors(stream).iter().find(|error| recent(error.time)) {
        frames.push((error.frame, "the backend cannot be reached"));
        return failed(format!("cannot be reached (ICMP {})", error.code()), error.time, frames, 0);
    }
    let unanswered = during(call, opening.first_syn) && scene.errors(stream).is_empty();
    if unanswered {
        let what = format!("did not answer its SYNs for {}", span(end.since(opening.first_syn)));
        return failed(what, end, frames, if status == 504 { 0 } else { 1 });
    }
    None
}

//! Flow control and pauses of the ends: PERF-01, -02, -03, -10, -16.

use super::super::case::Case;
use super::super::object::{Confidence, Severity};
use super::super::scene::{Scene, Stream, Vantage};
use super::super::thresholds::Limit;
use super::{BOTH, is_judgeable, span};
use crate::model::{Direction, Span};
use crate::tcp::{Bucket, Think};

/// Windows closed for less are a blink.
const BLINK: Span = Span(10_000_000);
/// A server that answers SYNs sooner is next door.
const NEAR: Span = Span(2_000_000);
/// Bytes of requests that take their time.
const UPLOAD: u64 = 16_384;
/// The most that a window without scaling can be (RFC 7323 §2.2).
const UNSCALED: u32 = 65_535;

pub(super) fn look(scene: &Scene<'_>, stream: &Stream, cases: &mut Vec<Case>) {
    if !is_judgeable(stream) {
        return;
    }
    for direction in BOTH {
        let these = [
            zero_window(scene, stream, direction),
            window_limited(scene, stream, direction),
            nagle(scene, stream, direction),
        ];
        cases.extend(these.into_iter().flatten());
    }
    cases.extend(think(scene, stream));
}

fn zero_window(scene: &Scene<'_>, stream: &Stream, direction: Direction) -> Option<Case> {
    let trouble = stream.lane(direction).trouble.as_deref()?;
    let chronicle = &stream.chronicle;
    let end = chronicle.reset.as_ref().map_or(chronicle.last, |reset| reset.time);
    let zero = trouble.zero.until(end);
    if zero.episodes == 0 || zero.total < BLINK {
        return None;
    }
    let ends = stream.ends();
    let receiver = stream.end(direction.reverse());
    let who = stream.who(direction.reverse());
    let long = zero.total >= scene.thresholds.span(Limit::ZeroWindow);
    let case = Case::new("PERF-01", ends, (chronicle.first, chronicle.last))
        .says(
            format!(
                "the {who} {receiver} did not read what it was sent: its window was closed for {} ({} in one go)",
                span(zero.total), span(zero.longest)
            ),
            format!("{} does not read what it is sent: its window closes", receiver.ip()),
        )
        .shows(zero.frame, "window closed", "room for more data")
        .shows_all(zero.frames.iter().filter(|frame| *frame != zero.frame), "window closed", "room for more data")
        .costs(zero.total)
        .times(u64::from(zero.episodes))
        .by(&[Limit::ZeroWindow])
        .severity(if long { Severity::Error } else { Severity::Warn });
    Some(match zero.opened_by.0 {
        0 => case,
        _ => case.shows(zero.opened_by, "window open again", "it was never closed"),
    })
}

fn window_limited(scene: &Scene<'_>, stream: &Stream, direction: Direction) -> Option<Case> {
    let (lane, peer) = (stream.lane(direction), stream.lane(direction.reverse()));
    let (rounds, full) = lane.rounds();
    let rtt = lane.path_rtt(peer);
    let lossy =
        lane.trouble.as_ref().is_some_and(|trouble| trouble.lost.events > 0 || trouble.zero.total >= BLINK);
    if !lane.may_be_window_limited(peer) || lossy {
        return None;
    }
    let (first, last) = lane.active()?;
    let goodput = lane.bytes() as f64 / last.since(first).as_secs_f64().max(1e-9);
    let window = lane.greatest_window();
    let opening = &stream.chronicle.opening;
    let offered = opening.syns > 0 && opening.syn_acks > 0;
    let unscaled = offered && opening.scales.contains(&false) && window <= UNSCALED;
    // More than the window allows cannot have gone through: the round trip is not what it seems.
    if goodput > 1.3 * f64::from(window) / rtt.as_secs_f64() {
        return None;
    }
    let reaches = |full: u32| scene.thresholds.reaches(Limit::WindowLimitedShare, full.into(), rounds.into());
    let share = reaches(full);
    // A window that cannot grow sets the pace where as much goes through as it allows; few rounds are counted where each takes as long as the whole does.
    let paced = unscaled
        && goodput >= 0.85 * f64::from(window) / rtt.as_secs_f64()
        && reaches(full.saturating_mul(2));
    // Where much less went through than the window allows, something else set the pace.
    let used = goodput >= 0.4 * f64::from(window) / rtt.as_secs_f64();
    if !paced && (rounds < 10 || !share || !used) {
        return None;
    }
    let ends = stream.ends();
    let receiver = stream.end(direction.reverse());
    let numbers = format!(
        "a window of {window} bytes and a round trip of {} allow {:.2} Mbit/s, and {:.2} went through",
        span(rtt),
        f64::from(window) * 8.0 / rtt.as_secs_f64() / 1e6,
        goodput * 8.0 / 1e6
    );
    let frames = [opening.syn_frames.iter().next(), Some(opening.syn_ack_frame)];
    let case = if unscaled {
        Case::new("PERF-03", ends, (first, last))
            .says(
                format!(
                    "the transfer from {} cannot go faster: without window scaling, {numbers}",
                    stream.end(direction)
                ),
                format!(
                    "transfers with {} are held at the largest window that there is without scaling",
                    ends.server
                ),
            )
            .shows_all(
                frames.into_iter().flatten(),
                "handshake in which an end offers no window scaling",
                "the window scale option in SYN and SYN-ACK",
            )
    } else {
        Case::new("PERF-02", ends, (first, last))
            .says(
                format!("the window of {receiver} limits the transfer: it was full in {full} of {rounds} round trips; {numbers}"),
                format!("the receive window limits transfers with {}", ends.server),
            )
            .shows_all(frames.into_iter().flatten(), "handshake: the windows that follow are scaled as it says", "a window above what the path holds")
    };
    Some(
        case.by(&[Limit::WindowLimitedShare])
            .times(full.into())
            .costs(stream.chronicle.lost.as_ref().map_or(Span(0), |lost| lost.of(Bucket::WindowLimited)))
            .rival(
                "a sender that has no more to send",
                "whether the sender's socket has unsent data (ss -tmi)",
            ),
    )
    .map(|case| near_sender(stream, direction, case))
}

/// Windows fill at the sender; further away what is in flight is a guess.
fn near_sender(stream: &Stream, direction: Direction, case: Case) -> Case {
    let receiver_side = match stream.vantage() {
        Vantage::NearClient => stream.client() == Some(direction.reverse()),
        Vantage::NearServer => stream.client() == Some(direction),
        _ => false,
    };
    if receiver_side {
        case.at_most(
            Confidence::Medium,
            "captured next to the receiver: what the sender had in flight is estimated",
        )
    } else {
        case
    }
}

fn nagle(scene: &Scene<'_>, stream: &Stream, direction: Direction) -> Option<Case> {
    let trouble = stream.lane(direction).trouble.as_deref()?;
    if u64::from(trouble.held) < scene.thresholds.get(Limit::NagleStalls).max(1) {
        return None;
    }
    let ends = stream.ends();
    let (sender, receiver) = (stream.end(direction), stream.end(direction.reverse()));
    let (first, last) = stream.lane(direction).active()?;
    Some(
        Case::new("PERF-10", ends, (first, last))
            .says(
                format!(
                    "{sender} held back small segments until {receiver} acknowledged the ones before, and that waited to acknowledge them: {} times, {} in all",
                    trouble.held, span(trouble.held_time)
                ),
                format!("small writes to or from {} wait for delayed acknowledgements", ends.server),
            )
            .shows_all(trouble.held_frames.iter(), "sent at once when the delayed acknowledgement came", "sent without waiting")
            .costs(trouble.held_time)
            .times(u64::from(trouble.held))
            .by(&[Limit::NagleStalls])
            .rival("a program that writes every 40 ms", "whether the pauses go away with TCP_NODELAY"),
    )
}

/// Slow answers that show a pattern where nothing is decoded.
const PATTERN: usize = 3;

/// A server that takes long for its answers. What is no request and answer looks the same, so on its own it is only a hint.
fn think(scene: &Scene<'_>, stream: &Stream) -> Option<Case> {
    let chronicle = &stream.chronicle;
    chronicle.opening.client()?;
    let limit = scene.thresholds.span(Limit::Think);
    let rtt = round_trip(stream);
    let slow: Vec<(Span, &Think)> = chronicle
        .thinks
        .iter()
        .filter_map(|think| Some((think.own(rtt)?, think)))
        .filter(|(own, think)| *own >= limit && !is_made_by_hand(think.span))
        .collect();
    let &(own, think) = slow.iter().max_by_key(|(own, think)| (*own, std::cmp::Reverse(think.request)))?;
    if is_troubled(stream) {
        return None;
    }
    let is_relayed = is_relayed(stream, think);
    if is_relayed && is_upload(stream) {
        return None;
    }
    let least = slow.iter().map(|(own, _)| *own).min().unwrap_or_default();
    let ends = stream.ends();
    let case = Case::new("PERF-16", ends, (chronicle.first, chronicle.last))
        .says(
            format!("{} took {} for an answer", ends.server, span(own)),
            format!("{} is slow to answer", ends.server),
        )
        .shows(think.request, "the last of what the client sent", "an answer soon")
        .shows(think.answer, format!("the first of the answer, {} later", span(think.span)), "an answer soon")
        .costs(Span(slow.iter().map(|(own, _)| own.0).fold(0, i64::saturating_add)))
        .times(slow.len() as u64)
        .by(&[Limit::Think])
        .rival("a server that had nothing to say", "the log of the server");
    let case = if is_relayed { case.because(RELAYED) } else { case };
    // The same pause behind request after request is how a server works; one alone may be anything.
    let is_pattern = slow.len() >= PATTERN && own.0 <= least.0.saturating_mul(3) / 2;
    Some(if waits_for_people(ends.server.port()) {
        case.at_most(
            Confidence::Low,
            "what is said here may be no request: people type on this port, servers speak unasked, or it is encrypted",
        )
    } else if asks_and_answers(ends.server.port()) || is_pattern {
        case.at_most(
            Confidence::Medium,
            "what is said here is not decoded: it looks like a request and its answer",
        )
    } else {
        case.at_most(
            Confidence::Low,
            "what is said here is not decoded, and nothing shows that it is a request and its answer",
        )
    })
}

/// The path's round-trip time: what data shows, or the handshake if that took longer, as it does where something near the tap acknowledges for the server.
pub(super) fn round_trip(stream: &Stream) -> Span {
    let of_data = stream.lane(Direction::AtoB).least_path_rtt(stream.lane(Direction::BtoA));
    stream.chronicle.opening.rtt().map_or(of_data, |rtt| rtt.max(of_data))
}

/// Why a server is not surely the one that is slow.
pub(super) const RELAYED: &str = "something between the tap and the server acknowledges for it: it may be the way behind that takes the time";

/// Whether the request was acknowledged much sooner than the SYN: by something before the server.
pub(super) fn is_relayed(stream: &Stream, think: &Think) -> bool {
    let opening = &stream.chronicle.opening;
    opening.syns > 0
        && opening.server_leg >= NEAR
        && think.heard.is_some_and(|heard| heard.0 < opening.server_leg.0 / 4)
}

/// Whether a client sends so much that it may still be on its way when the tap has seen the last of it.
pub(super) fn is_upload(stream: &Stream) -> bool {
    stream.client().is_some_and(|client| stream.lane(client).bytes() > UPLOAD)
}

/// Something was sent again, or a window was closed: then that took the time.
pub(super) fn is_troubled(stream: &Stream) -> bool {
    BOTH.iter().any(|&direction| {
        let trouble = stream.lane(direction).trouble.as_ref();
        trouble.is_some_and(|trouble| trouble.lost.timeouts > 0 || trouble.zero.episodes > 0)
    })
}

/// Pauses of whole seconds, to the microsecond, are those of captures that were put together.
pub(super) fn is_made_by_hand(pause: Span) -> bool {
    const SECOND: i64 = 1_000_000_000;
    pause.0 >= SECOND && (pause.0.saturating_add(1_000)) % SECOND <= 2_000
}

/// Ports on which a client asks and the server answers, one after the other, and never speaks unasked: mail that is handed over, directories, databases, searches.
fn asks_and_answers(port: u16) -> bool {
    matches!(port, 25 | 88 | 119 | 389 | 1433 | 1521 | 2049 | 3306 | 5432 | 6379 | 9300 | 11_211 | 27_017)
}

/// Ports on which an answer that takes its time means nothing: remote shells, mail that waits for news, chats, queues, and TLS of whatever is inside.
fn waits_for_people(port: u16) -> bool {
    matches!(
        port,
        20..=23
            | 102 | 110 | 139 | 143 | 445 | 1194 | 179 | 443 | 465 | 513 | 514 | 587 | 636 | 853 | 989..=995 | 1352 | 1494 | 1883 | 2404 | 3389 | 4222 | 5060 | 5061
            | 5222 | 5223 | 5269 | 5671 | 5672 | 5900..=5999 | 6000..=6063 | 6660..=6669 | 6697 | 8443 | 8883 | 9092..=9094 | 20000
            | 61613 | 61616
    )
}

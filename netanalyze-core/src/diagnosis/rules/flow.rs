//! Flow control and pauses of the ends: PERF-01, -02, -03, -10, -16.

use super::super::case::Case;
use super::super::object::{Confidence, Severity};
use super::super::scene::{Scene, Stream, Vantage};
use super::super::thresholds::Limit;
use super::{BOTH, is_judgeable, span};
use crate::model::{Direction, Span};
use crate::tcp::Bucket;

/// Windows closed for less are a blink.
const BLINK: Span = Span(10_000_000);
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
    // A window that cannot grow sets the pace where as much goes through as it allows.
    let paced = unscaled && goodput >= 0.7 * f64::from(window) / rtt.as_secs_f64();
    let share = scene.thresholds.reaches(Limit::WindowLimitedShare, full.into(), rounds.into());
    if !paced && (rounds < 10 || !share) {
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

/// A server that takes long for its answers. What is no request and answer looks the same, so on its own it is only a hint.
fn think(scene: &Scene<'_>, stream: &Stream) -> Option<Case> {
    let chronicle = &stream.chronicle;
    chronicle.opening.client()?;
    let rtt = stream.lane(Direction::AtoB).least_path_rtt(stream.lane(Direction::BtoA));
    let own = Span(chronicle.think.span.0.saturating_sub(rtt.0));
    if chronicle.slow_thinks == 0 || own < scene.thresholds.span(Limit::Think) {
        return None;
    }
    // Sent again, or held up by a window: then something else took the time.
    let troubled = BOTH.iter().any(|&direction| {
        stream
            .lane(direction)
            .trouble
            .as_ref()
            .is_some_and(|trouble| trouble.lost.timeouts > 0 || trouble.zero.episodes > 0)
    });
    if troubled {
        return None;
    }
    let ends = stream.ends();
    let think = chronicle.think;
    let case = Case::new("PERF-16", ends, (chronicle.first, chronicle.last))
        .says(
            format!("{} took {} for an answer", ends.server, span(own)),
            format!("{} is slow to answer", ends.server),
        )
        .shows(think.request, "the last of what the client sent", "an answer soon")
        .shows(think.answer, format!("the first of the answer, {} later", span(think.span)), "an answer soon")
        .costs(chronicle.slow_think_time)
        .times(u64::from(chronicle.slow_thinks))
        .by(&[Limit::Think])
        .rival("a server that had nothing to say", "the log of the server");
    Some(if waits_for_people(ends.server.port()) {
        case.at_most(
            Confidence::Low,
            "what is said here may be no request: people type on this port, servers speak unasked, or it is encrypted",
        )
    } else {
        case.at_most(
            Confidence::Medium,
            "what is said here is not decoded: it looks like a request and its answer",
        )
    })
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

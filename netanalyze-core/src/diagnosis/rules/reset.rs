//! Connections that were reset: RST-02, -03, -05, -06. The shape of the RST tells most of it.

use std::collections::BTreeMap;

use super::super::case::Case;
use super::super::object::Confidence;
use super::super::scene::{Scene, Stream};
use super::super::thresholds::Limit;
use super::{BOTH, span};
use crate::model::{Endpoint, FrameNumber, Span, Timestamp};
use crate::tcp::{Reset, Shape, made_same_way};

/// Packets that a usual time to live needs.
const TTL_PACKETS: u32 = 5;

/// What arrived so long ago has been read.
const READ_BY_THEN: Span = Span(1_000_000_000);

/// A server whose answer to a SYN takes so long is far enough to be told from what stands nearby.
const FAR: Span = Span(10_000_000);

/// Who gives a connection up because of what it waits for has waited at least this long.
const GIVES_UP: Span = Span(100_000_000);

/// What one stream tells.
pub(super) fn look(scene: &Scene<'_>, stream: &Stream, cases: &mut Vec<Case>) {
    let Some(reset) = stream.chronicle.reset.as_deref() else { return };
    if reset.shape == Shape::Refusal || !stream.is_two_sided() {
        return;
    }
    if let Some(case) = injected(stream, reset) {
        return cases.push(case);
    }
    // Who acknowledges what woke the connection still knows it.
    let forgotten = died_idle(stream) && !reset.reached;
    if reset.shape == Shape::Abort && reset.established && !reset.is_ordinary() && !forgotten {
        let case = aborted(scene, stream, reset);
        cases.push(match answered_nearby(stream, reset) {
            Some((leg, ack)) => case.at_most(
                Confidence::Low,
                format!(
                    "data is acknowledged after {}, but the SYN was answered after {}: by something on the way, which may have sent the reset, too",
                    span(ack), span(leg)
                ),
            ),
            None => case,
        });
    }
}

/// Whether data for who reset was acknowledged much sooner than the handshake says that this takes: how long the one took, and the other.
fn answered_nearby(stream: &Stream, reset: &Reset) -> Option<(Span, Span)> {
    let opening = &stream.chronicle.opening;
    let leg = Some(opening.server_leg).filter(|leg| opening.syns == 1 && *leg >= FAR)?;
    let ack = stream.lane(reset.by.reverse()).least_leg()?;
    let is_server = stream.client() == Some(reset.by.reverse());
    (is_server && ack.0 < leg.0 / 10).then_some((leg, ack))
}

fn injected(stream: &Stream, reset: &Reset) -> Option<Case> {
    let other_ttl = reset
        .usual_ttl
        .filter(|usual| !made_same_way(*usual, reset.ttl) && reset.ttl_packets >= TTL_PACKETS)
        // A load balancer in front of the host may answer what comes after the end.
        .filter(|_| !reset.after_own_fin && !reset.after_peer_fin);
    if reset.contradicted.is_none() && other_ttl.is_none() {
        return None;
    }
    let ends = stream.ends();
    if ends.client.ip() == ends.server.ip() {
        return None; // nothing lies between
    }
    let who = stream.who(reset.by);
    let mut case = Case::new("RST-06", ends, (reset.time, reset.time))
        .says(
            format!(
                "the reset of the connection between {} and {} did not come from the {who} in whose name it was sent",
                ends.client, ends.server
            ),
            format!("connections to {} are reset by something in the path", ends.server),
        )
        .shows_all(reset.frames.iter(), "RST in the name of the other end", "no reset, or one of that host")
        .rival("a load balancer in front of several hosts", "the same connection from another network");
    if let Some(frame) = reset.contradicted {
        case =
            case.shows(frame, format!("the {who} sends data behind its own reset"), "nothing after a reset");
        case.confidence = Confidence::High;
        case = case.because(format!("the {who} went on as if it had sent no reset"));
        if reset.usual_ttl.is_some_and(|usual| usual == reset.ttl) {
            case = case
                .at_most(Confidence::Medium, "the reset has the time to live of that host's other packets")
                .against("the reset's time to live is that of the host's other packets");
        }
    }
    match other_ttl {
        Some(usual) if reset.contradicted.is_some() => {
            case = case.because(format!("time to live {} instead of {usual}", reset.ttl));
        }
        Some(usual) => {
            case.confidence = Confidence::Medium;
            case =
                case.because(format!("the only sign is its time to live: {} instead of {usual}", reset.ttl));
        }
        None => {}
    }
    if reset.others > 0 && other_ttl.is_some() {
        case = case.more("several resets with rising sequence numbers, as devices send that guess");
    }
    Some(case)
}

/// It was reset, or fell silent, right behind a long silence.
fn died_idle(stream: &Stream) -> bool {
    stream.chronicle.pending_idle.is_some()
}

fn aborted(scene: &Scene<'_>, stream: &Stream, reset: &Reset) -> Case {
    let ends = stream.ends();
    let who = stream.who(reset.by);
    let end = stream.end(reset.by);
    let (at, frame, first) = reset
        .last_data
        .map_or((reset.time, FrameNumber(0), FrameNumber(0)), |turn| (turn.time, turn.frame, turn.first));
    let waited = reset.time.since(at);
    // A client that has its answer may go as it likes; a server that leaves a request unread owes one.
    let is_server = stream.client() == Some(reset.by.reverse());
    // What had not reached its kernel, it could not leave unread.
    let unread =
        is_server && reset.unanswered && reset.reached && reset.peer_bytes > 0 && waited < READ_BY_THEN;
    if unread {
        let case = Case::new("RST-02", ends, (at, reset.time))
            .says(
                format!(
                    "the {who} {end} closed the connection without an answer, with data from the other end still unread: its kernel, which had that data, sent a reset, {} after the last of it",
                    span(waited)
                ),
                format!("the {who} closes connections with unread data, which resets them ({})", ends.server),
            )
            .shows(first, "data that nothing answered", "the program reads it, and answers or closes")
            .shows(frame, "the last of such data", "the program reads it, and answers or closes")
            .shows(reset.frame, "RST with ACK, at the next sequence number: of a live socket", "FIN")
            .rival("a program that was killed, or set SO_LINGER to 0", "the log of the program at that time");
        return if reset.in_order {
            case
        } else {
            case.at_most(Confidence::Low, "not all that was sent had arrived there")
        };
    }
    let case = Case::new("RST-03", ends, (reset.time, reset.time))
        .says(
            format!(
                "the {who} {end} gave the connection up with a reset, {} after the last data{}",
                span(waited),
                if reset.unanswered { "" } else { ", which was its own" }
            ),
            format!("the {who} gives connections up with resets ({})", ends.server),
        )
        .shows(reset.frame, "RST with ACK, at the next sequence number: of a live socket", "FIN")
        .shows(frame, "the last data", "an answer, or FIN")
        .rival(
            "a close with unread data, of which the capture lacks the data",
            "the log of the program at that time",
        );
    let together = scene.aborts_near(end.ip(), reset.time);
    let owed = !reset.unanswered && stream.client() == Some(reset.by);
    let crashed = is_server && together >= 3;
    if waited < GIVES_UP || !owed && !crashed {
        case.at_most(Confidence::Low, "all was answered: programs that are done close like this, too")
    } else if crashed {
        case.because(format!(
            "{together} connections of {} were given up within a second: a crash, or a restart",
            end.ip()
        ))
    } else {
        case
    }
}

/// A connection that did not outlive a silence.
struct Death<'s> {
    stream: &'s Stream,
    idle: Span,
    /// The packet that ended the silence, and the sign that nobody knew the connection any more.
    woke: FrameNumber,
    sign: FrameNumber,
    at: Timestamp,
}

/// RST-05: connections to a server die behind silences longer than those that others outlived.
pub(super) fn compare(scene: &Scene<'_>, cases: &mut Vec<Case>) {
    let mut deaths: BTreeMap<Endpoint, Vec<Death<'_>>> = BTreeMap::new();
    for stream in scene.streams {
        if let Some(death) = death(stream) {
            deaths.entry(stream.ends().server).or_default().push(death);
        }
    }
    let needed = scene.thresholds.get(Limit::IdleFailures).max(1);
    for (server, of_server) in deaths {
        let survived = scene.services.get(&server).map_or(Span(0), |service| service.survived);
        let least = of_server.iter().map(|death| death.idle).min().unwrap_or_default();
        if (of_server.len() as u64) < needed || survived >= least || survived == Span(0) {
            continue;
        }
        for death in &of_server {
            let ends = death.stream.ends();
            let mut case = Case::new("RST-05", ends, (death.at, death.at))
                .says(
                    format!(
                        "the connection of {} to {server} was silent for {} and did not outlive it; others outlived {}",
                        ends.client, span(death.idle), span(survived)
                    ),
                    format!(
                        "something between clients and {server} forgets connections that are silent for longer than {} (and at most {})",
                        span(survived), span(least)
                    ),
                )
                .shows(death.woke, format!("first packet after {} of silence", span(death.idle)), "an answer")
                .shows(death.sign, "a reset of who does not know the connection, or no answer", "an acknowledgement")
                .by(&[Limit::IdleFailures])
                .rival("a server that closes idle connections", "whether the server's own log shows it closing them");
            if of_server.len() >= 3 {
                case = case.because(format!(
                    "{} connections died like this, and none of those that were silent for less",
                    of_server.len()
                ));
            } else {
                case = case.at_most(Confidence::Medium, "only two connections died like this");
            }
            cases.push(case);
        }
    }
}

fn death(stream: &Stream) -> Option<Death<'_>> {
    let chronicle = &stream.chronicle;
    let (idle, woke, by) = chronicle.pending_idle?;
    if let Some(reset) = chronicle.reset.as_deref() {
        let soon = reset.pause.0 <= reset.rtt.0.saturating_mul(3).max(500_000_000);
        let of_other = reset.by != by && reset.shape == Shape::NoSocket && !reset.after_own_fin;
        return (soon && of_other && reset.frame > woke).then_some(Death {
            stream,
            idle,
            woke,
            sign: reset.frame,
            at: reset.time,
        });
    }
    BOTH.iter().filter_map(|&direction| stream.lane(direction).trouble.as_ref()).find_map(|trouble| {
        let chain = trouble.chain;
        (chain.count >= 3).then_some(Death { stream, idle, woke, sign: chain.last_frame, at: chain.last })
    })
}

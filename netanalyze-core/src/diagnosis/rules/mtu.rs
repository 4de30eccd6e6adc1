//! Packets that are too large for the path: MTU-01, -02.

use super::super::case::Case;
use super::super::object::{Confidence, Severity};
use super::super::scene::{Scene, Stream};
use super::super::thresholds::Limit;
use super::{BOTH, FILTERED, is_filtered, span};
use crate::model::Direction;
use crate::tcp::Chain;

/// No path takes less than this (RFC 791: 576 bytes must be accepted).
const LEAST: u32 = 576;

pub(super) fn look(scene: &Scene<'_>, stream: &Stream, cases: &mut Vec<Case>) {
    let told = scene.errors(stream).iter().find(|error| error.mtu.is_some());
    if let Some(error) = told {
        let mtu = error.mtu.unwrap_or(0);
        let ends = stream.ends();
        let from =
            if stream.end(Direction::AtoB) == error.source { Direction::AtoB } else { Direction::BtoA };
        let ignored = black_hole(scene, stream, from).filter(|chain| chain.first > error.time);
        // What a network card joined, or a device on the far side, was larger than what its sender sent.
        let joined = ip_header(stream) + stream.lane(from).largest_segment() <= mtu;
        let case = Case::new("MTU-02", ends, (error.time, error.time))
            .says(
                match ignored {
                    Some(_) => format!(
                        "{} told {} that only {mtu} bytes fit through the path to the other end, and it went on sending larger packets",
                        error.reporter, error.source
                    ),
                    None => format!(
                        "{} told {} that packets of {mtu} bytes at most fit through the path, as path MTU discovery has it",
                        error.reporter, error.source
                    ),
                },
                format!("the path to {} takes packets of {mtu} bytes at most", ends.server),
            )
            .shows(error.frame, format!("ICMP {} with an MTU of {mtu}", error.code()), "no packet too big");
        let case = if joined {
            case.at_most(
                Confidence::Low,
                "no packet as large as that was sent where this was captured: something behind it joined packets",
            )
        } else {
            case
        };
        cases.push(match ignored {
            Some(chain) => case
                .severity(Severity::Error)
                .shows_all(chain.frames.iter(), "the same large segment again", "segments that fit")
                .costs(chain.waited),
            None => case,
        });
        return;
    }
    for direction in BOTH {
        if let Some(chain) = black_hole(scene, stream, direction) {
            let case = swallowed(stream, direction, chain);
            cases.push(if is_filtered(stream) { case.at_most(Confidence::Low, FILTERED) } else { case });
        }
    }
}

/// A large segment that was sent again and again and never acknowledged, although the other end is there and smaller ones arrived.
pub(super) fn black_hole(scene: &Scene<'_>, stream: &Stream, direction: Direction) -> Option<Chain> {
    let lane = stream.lane(direction);
    let peer = stream.lane(direction.reverse());
    let chain = lane.trouble.as_ref()?.chain;
    let (delivered, _) = lane.sizes(); // It still speaks, or it asked for the segment when smaller ones behind it arrived.
    let alive = peer.last_packet() >= chain.first || lane.duplicate_acks() > 0;
    let large = ip_length(stream, chain) > LEAST && chain.len > delivered;
    let often = u64::from(chain.count) >= scene.thresholds.get(Limit::BlackHoleAttempts).max(2);
    (stream.chronicle.opening.is_complete() && alive && large && often && lane.outstanding()).then_some(chain)
}

/// Bytes of the IP packet that a segment is.
fn ip_length(stream: &Stream, chain: Chain) -> u32 {
    (ip_header(stream) + u32::from(chain.header_len)).saturating_add(chain.len)
}

fn ip_header(stream: &Stream) -> u32 {
    if stream.end(Direction::AtoB).is_ipv6() { 40 } else { 20 }
}

fn swallowed(stream: &Stream, direction: Direction, chain: Chain) -> Case {
    let ends = stream.ends();
    let (delivered, _) = stream.lane(direction).sizes();
    let fails = ip_length(stream, chain);
    let fits = (ip_header(stream) + u32::from(chain.header_len)).saturating_add(delivered);
    let who = stream.who(direction);
    Case::new("MTU-01", ends, (chain.first, chain.last))
        .says(
            format!(
                "the {who} {} sent a packet of {fails} bytes {} times in {} and it was never acknowledged, while packets of up to {fits} bytes arrived and the other end went on speaking; no ICMP error says why",
                stream.end(direction), chain.count.saturating_add(1), span(chain.waited)
            ),
            format!("large packets to or from {} vanish: more than {fits} and at most {fails} bytes do not fit through the path", ends.server),
        )
        .shows_all(chain.frames.iter(), "the same large segment again, unacknowledged", "its acknowledgement, or ICMP \"packet too big\"")
        .costs(chain.waited)
        .times(u64::from(chain.count))
        .by(&[Limit::BlackHoleAttempts])
        .at_most(Confidence::Medium, "one conversation: its size is the only thing that sets the lost packet apart")
        .rival("a path that died in one direction", "whether small packets in this direction still arrive: tracepath")
}

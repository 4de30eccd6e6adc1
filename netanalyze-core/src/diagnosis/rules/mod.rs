//! The rules, a file a family. Each looks at the whole scene and says what it concludes of single conversations; others join and rank that.

pub(super) mod application;
mod connect;
pub(super) mod dns;
mod flow;
mod loss;
mod mtu;
mod reset;
mod scans;
#[cfg(test)]
mod tests;
pub(super) mod tls;

use std::num::NonZeroUsize;

use super::case::Case;
use super::scene::{Scene, Stream};
use crate::expert::Seconds;
use crate::model::{Direction, Span, parallel};

/// Both directions.
const BOTH: [Direction; 2] = [Direction::AtoB, Direction::BtoA];

/// Streams that one thread looks at before it takes more.
const STREAMS_AT_A_TIME: usize = 1_024;

/// All that chronicles tell.
pub(super) fn of_streams(scene: &Scene<'_>, threads: NonZeroUsize) -> Vec<Case> {
    let mut cases = Vec::new();
    connect::look(scene, &mut cases);
    let mut parts: Vec<&[Stream]> = scene.streams.chunks(STREAMS_AT_A_TIME).collect();
    let of_parts = parallel::map(threads, &mut parts, |streams| {
        let mut cases = Vec::new();
        for stream in *streams {
            reset::look(scene, stream, &mut cases);
            mtu::look(scene, stream, &mut cases);
            loss::look(scene, stream, &mut cases);
            flow::look(scene, stream, &mut cases);
        }
        cases
    });
    cases.extend(of_parts.into_iter().flatten());
    reset::compare(scene, &mut cases);
    cases
}

/// A duration in words.
fn span(span: Span) -> String {
    Seconds(span).to_string()
}

/// "3 times", "once".
fn times(count: u64) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        more => format!("{more} times"),
    }
}

/// Whether loss and windows of a stream can be judged: both directions were captured, and its packets are neither damaged nor out of order of time.
fn is_judgeable(stream: &Stream) -> bool {
    let chronicle = &stream.chronicle;
    stream.is_two_sided() && u64::from(chronicle.strange) * 20 <= chronicle.segments()
}

/// Why what a capture lacks tells nothing.
const FILTERED: &str = "neither its handshake nor any packet without data was captured: the capture was filtered, and may lack acknowledgements and data";

/// Whether only packets with data were kept of a conversation. Hardly any does without a single acknowledgement of its own.
fn is_filtered(stream: &Stream) -> bool {
    let only_data = |direction| {
        let lane = stream.lane(direction);
        lane.packets() == lane.data_segments()
    };
    stream.chronicle.opening.client().is_none() && BOTH.into_iter().all(only_data)
}

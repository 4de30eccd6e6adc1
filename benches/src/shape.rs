//! Shapes: which conversations run at once, and the loop that merges their packets by time.

use crate::encode::{Cut, Ends, Output, Segment, flag};
use crate::flow::{Flow, Kind, Path};
use crate::payload::{Head, Pool};
use netanalyze_corpus::Rng;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{Result, Write};

/// What a capture is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Web, TLS, DNS, downloads, idle and failing connections, with loss and reordering, as an office sees them.
    Mixed,
    /// SYNs from ever new addresses to one server: as many conversations as frames.
    SynFlood,
    /// One download that never ends.
    Elephant,
    /// Twenty thousand connections that take turns.
    Interleaved,
    /// Bursts in random order with losses.
    OutOfOrder,
    /// Fragments in and out of order, a quarter of the datagrams incomplete.
    Fragments,
    /// Packets with one byte of payload.
    Tiny,
}

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Bytes of the file.
    pub bytes: u64,
    /// Frames in it.
    pub frames: u64,
    /// Conversations started.
    pub conversations: u64,
}

/// Where the clock starts: 2023-11-14 22:13:20 UTC, in microseconds.
const START_US: u64 = 1_700_000_000_000_000;

/// Writes a capture of about `bytes` bytes (at least that many, less than a frame more; a last datagram's fragments all come).
///
/// # Errors
/// Those of the writer.
pub fn write(out: impl Write, shape: Shape, bytes: u64, seed: u64) -> Result<Summary> {
    let mut output = Output::new(out, Pool::new(seed))?;
    let mut world = World { rng: Rng::new(seed), started: 0 };
    match shape {
        Shape::SynFlood => syn_flood(&mut output, &mut world, bytes)?,
        Shape::Fragments => fragments(&mut output, &mut world, bytes)?,
        _ => conversations(&mut output, &mut world, shape, bytes)?,
    }
    let summary = Summary { bytes: output.bytes, frames: output.frames, conversations: world.started };
    output.finish()?;
    Ok(summary)
}

struct World {
    rng: Rng,
    started: u64,
}

impl World {
    /// Ends of a new conversation: client and port count up, so that no pair comes twice before 2^32 of them.
    fn ends(&mut self, service: u16, v6: bool) -> Ends {
        let number = self.started as u32;
        self.started += 1;
        let mixed = number.wrapping_mul(0x9e37_79b1);
        let server = self.rng.below(3_000) as u16;
        let mut client = [0; 16];
        let mut remote = [0; 16];
        client[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
        remote[..5].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8, 0x80]);
        client[12..].copy_from_slice(&[10, (mixed >> 24) as u8 & 3, (mixed >> 16) as u8, (mixed >> 8) as u8]);
        client[8..12].copy_from_slice(&number.to_be_bytes());
        remote[12..].copy_from_slice(&[198, 18, (server >> 8) as u8, server as u8]);
        Ends { v6, address: [client, remote], port: [32_768 | (number as u16 & 0x7fff), service] }
    }

    fn flow(&mut self, shape: Shape) -> Flow {
        match shape {
            Shape::Elephant => {
                let path = Path { loss: 400, reorder: 200, shuffle: false };
                let ends = self.ends(5_001, false);
                Flow::new(ends, Kind::Bulk, path, u64::MAX, false, &mut self.rng)
            }
            Shape::Tiny => {
                let ends = self.ends(5_002, false);
                Flow::new(ends, Kind::Typing, Path::default(), 10_000, false, &mut self.rng)
            }
            Shape::OutOfOrder => {
                let path = Path { loss: 60, reorder: 0, shuffle: true };
                let ends = self.ends(5_003, false);
                Flow::new(ends, Kind::Bulk, path, 4_000_000, false, &mut self.rng)
            }
            Shape::Interleaved => {
                let path = Path { loss: 300, reorder: 300, shuffle: false };
                let ends = self.ends(443, false);
                Flow::new(ends, Kind::Tls, path, 60_000, false, &mut self.rng)
            }
            _ => self.office(),
        }
    }

    /// A conversation as an office has them.
    fn office(&mut self) -> Flow {
        let kind = match self.rng.below(1_000) {
            0..350 => Kind::Lookup,
            350..560 => Kind::Web,
            560..950 => Kind::Tls,
            950..952 => Kind::Bulk,
            952..972 => Kind::Idle,
            972..988 => Kind::Refused,
            _ => Kind::Unanswered,
        };
        let service = match kind {
            Kind::Lookup => 53,
            Kind::Web => 80,
            Kind::Tls => 443,
            Kind::Refused | Kind::Unanswered => 8_443,
            _ => 5_001,
        };
        let path = match self.rng.below(10) {
            0 => Path { loss: 40, reorder: 0, shuffle: false },
            1 => Path { loss: 0, reorder: 3, shuffle: false },
            _ => Path { loss: 4_000, reorder: 1_000, shuffle: false },
        };
        let octaves = self.rng.below(if kind == Kind::Bulk { 6 } else { 9 });
        let base: u64 = if kind == Kind::Bulk { 300_000 } else { 400 };
        let bytes = if kind == Kind::Idle { 5_000 } else { (base << octaves) + self.rng.below(base) };
        let midstream = self.rng.one_in(50);
        let v6 = self.rng.one_in(6);
        let ends = self.ends(service, v6);
        Flow::new(ends, kind, path, bytes, midstream, &mut self.rng)
    }
}

/// Merges conversations by time; one that ends makes room for a new one.
fn conversations(output: &mut Output<impl Write>, world: &mut World, shape: Shape, bytes: u64) -> Result<()> {
    let at_once = match shape {
        Shape::Elephant => 1,
        Shape::Tiny => 64,
        Shape::OutOfOrder => 200,
        Shape::Interleaved => 20_000,
        _ => 3_000,
    };
    let mut flows = Vec::with_capacity(at_once);
    let mut turns = BinaryHeap::with_capacity(at_once);
    for index in 0..at_once {
        flows.push(world.flow(shape));
        turns.push(Reverse((START_US + world.rng.below(2_000_000), index)));
    }
    let mut pending: Vec<Option<Segment>> = vec![None; at_once];
    while output.bytes < bytes {
        let Some(Reverse((now, index))) = turns.pop() else { break };
        let flow = &mut flows[index];
        if let Some(segment) = pending[index].take() {
            if flow.kind == Kind::Lookup {
                output.udp(now, &flow.ends, &segment)?;
            } else {
                output.tcp(now, &flow.ends, &segment)?;
            }
        }
        match flow.step(&mut world.rng) {
            Some(step) => {
                pending[index] = Some(step.segment);
                turns.push(Reverse((now + u64::from(step.wait_us), index)));
            }
            None => {
                flows[index] = world.flow(shape);
                turns.push(Reverse((now + world.rng.between(1_000, 400_000), index)));
            }
        }
    }
    Ok(())
}

fn bare(flags: u8, seq: u32, body: u16) -> Segment {
    Segment { from: 0, flags, window: 64_240, seq, ack: 0, sack: (0, 0), head: Head::None, body }
}

fn syn_flood(output: &mut Output<impl Write>, world: &mut World, bytes: u64) -> Result<()> {
    let mut now = START_US;
    while output.bytes < bytes {
        let mut ends = world.ends(443, false);
        ends.address[0][12..].copy_from_slice(&(world.rng.bits() as u32).to_be_bytes());
        ends.address[1][12..].copy_from_slice(&[198, 18, 0, 1]);
        let syn = bare(flag::SYN, world.rng.bits() as u32, 0);
        output.tcp(now, &ends, &syn)?;
        if world.rng.one_in(8) {
            let seq = world.rng.bits() as u32;
            let answer =
                Segment { from: 1, flags: flag::SYN | flag::ACK, ack: syn.seq.wrapping_add(1), seq, ..syn };
            now += 40;
            output.tcp(now, &ends, &answer)?;
        }
        now += world.rng.between(1, 20);
    }
    Ok(())
}

fn fragments(output: &mut Output<impl Write>, world: &mut World, bytes: u64) -> Result<()> {
    let mut now = START_US;
    let mut flows: Vec<(Ends, u32)> = Vec::new();
    while output.bytes < bytes {
        if flows.len() < 500 {
            let ends = world.ends(2_049, false);
            flows.push((ends, world.rng.bits() as u32));
        }
        let at = world.rng.below(flows.len() as u64) as usize;
        let (ends, seq) = &mut flows[at];
        let len = world.rng.between(1_600, 8_000) as u16;
        let mut segment = bare(flag::ACK | flag::PSH, *seq, len);
        segment.ack = 1;
        *seq = seq.wrapping_add(u32::from(len));
        let size = 8 * world.rng.between(30, 180) as usize;
        let pieces = (u64::from(len) + 20).div_ceil(size as u64);
        let missing = if world.rng.one_in(4) { Some(world.rng.below(pieces) as usize) } else { None };
        let cut = Cut { size, reversed: world.rng.one_in(3), missing };
        output.fragments(now, ends, &segment, cut)?;
        now += world.rng.between(20, 900);
    }
    Ok(())
}

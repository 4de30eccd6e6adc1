//! Shapes: which conversations run at once, and the loop that merges their packets by time.

use crate::encode::{Cut, Ends, Extent, Output, Segment, flag};
use crate::flow::{Flow, Kind, Order, Path};
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
    /// SYNs from ever new addresses to one server, no tuple twice: nearly as many conversations as frames.
    SynFlood,
    /// One download that never ends.
    Elephant,
    /// Very many connections that take turns.
    Interleaved,
    /// Bursts in random order with losses.
    OutOfOrder,
    /// Bursts that come last segment first: every packet of data but one a burst is out of order.
    Backwards,
    /// Fragments in and out of order, a quarter of the datagrams incomplete.
    Fragments,
    /// Each packet a fragment of its own datagram, whose other fragments never come.
    LoneFragments,
    /// Packets of the least size that Ethernet allows, with one byte of payload or none.
    Tiny,
}

impl Shape {
    /// Every shape.
    pub const ALL: [Shape; 9] = [
        Shape::Mixed,
        Shape::SynFlood,
        Shape::Elephant,
        Shape::Interleaved,
        Shape::OutOfOrder,
        Shape::Backwards,
        Shape::Fragments,
        Shape::LoneFragments,
        Shape::Tiny,
    ];

    /// Its name on command lines.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Shape::Mixed => "mixed",
            Shape::SynFlood => "syn-flood",
            Shape::Elephant => "elephant",
            Shape::Interleaved => "interleaved",
            Shape::OutOfOrder => "out-of-order",
            Shape::Backwards => "backwards",
            Shape::Fragments => "fragments",
            Shape::LoneFragments => "lone-fragments",
            Shape::Tiny => "tiny",
        }
    }

    /// Conversations that run at once unless a [`Plan`] says otherwise; the fragments' are as many.
    #[must_use]
    pub fn usual_connections(self) -> usize {
        match self {
            Shape::Elephant | Shape::SynFlood => 1,
            Shape::Tiny => 64,
            Shape::OutOfOrder | Shape::Backwards => 200,
            Shape::Fragments | Shape::LoneFragments => 500,
            Shape::Mixed => 3_000,
            Shape::Interleaved => 20_000,
        }
    }
}

/// What to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What the capture is like.
    pub shape: Shape,
    /// How large it becomes.
    pub extent: Extent,
    /// Conversations that run at once, instead of the shape's usual number; a SYN flood has none that run.
    pub connections: Option<usize>,
    /// Bytes of each frame that are kept; the rest is cut off, as `tcpdump -s` does.
    pub snap: Option<usize>,
    /// The same seed gives the same bytes.
    pub seed: u64,
}

impl Plan {
    /// A capture with the shape's usual number of conversations.
    #[must_use]
    pub fn new(shape: Shape, extent: Extent, seed: u64) -> Self {
        Plan { shape, extent, connections: None, snap: None, seed }
    }
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

/// A round of interleaved connections: each sends about one packet in this time, so that nothing of it is in a cache when its next comes.
/// Below the second that counts as a silence.
const TURN_US: u64 = 800_000;

/// Writes a capture.
///
/// # Errors
/// Those of the writer.
pub fn write(out: impl Write, plan: &Plan) -> Result<Summary> {
    let mut output = Output::new(out, Pool::new(plan.seed), plan.extent)?;
    output.snap = plan.snap.unwrap_or(usize::MAX);
    let mut world = World { rng: Rng::new(plan.seed), started: 0 };
    let at_once = plan.connections.unwrap_or_else(|| plan.shape.usual_connections()).max(1);
    match plan.shape {
        Shape::SynFlood => syn_flood(&mut output, &mut world)?,
        Shape::Fragments => fragments(&mut output, &mut world, at_once)?,
        Shape::LoneFragments => lone_fragments(&mut output, &mut world, at_once)?,
        Shape::Tiny => {
            output.least = 60; // 64 on the wire: captures lack the frame check sequence
            conversations(&mut output, &mut world, plan.shape, at_once)?;
        }
        _ => conversations(&mut output, &mut world, plan.shape, at_once)?,
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
                let path = Path { loss: 400, reorder: 200, order: Order::Sent };
                let ends = self.ends(5_001, false);
                Flow::new(ends, Kind::Bulk, path, u64::MAX, false, &mut self.rng)
            }
            Shape::Tiny => {
                let ends = self.ends(5_002, false);
                Flow::new(ends, Kind::Typing, Path::default(), 10_000, false, &mut self.rng)
            }
            Shape::OutOfOrder | Shape::Backwards => {
                let path = if shape == Shape::Backwards {
                    Path { loss: 0, reorder: 0, order: Order::Backwards }
                } else {
                    Path { loss: 60, reorder: 0, order: Order::Shuffled }
                };
                let ends = self.ends(5_003, false);
                Flow::new(ends, Kind::Bulk, path, 4_000_000, false, &mut self.rng)
            }
            Shape::Interleaved => {
                let path = Path { loss: 300, reorder: 300, order: Order::Sent };
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
            0 => Path { loss: 40, reorder: 0, order: Order::Sent },
            1 => Path { loss: 0, reorder: 3, order: Order::Sent },
            _ => Path { loss: 4_000, reorder: 1_000, order: Order::Sent },
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
fn conversations(
    output: &mut Output<impl Write>,
    world: &mut World,
    shape: Shape,
    at_once: usize,
) -> Result<()> {
    let mut flows = Vec::with_capacity(at_once);
    let mut turns = BinaryHeap::with_capacity(at_once);
    for index in 0..at_once {
        flows.push(world.flow(shape));
        turns.push(Reverse((
            START_US + world.rng.below(if shape == Shape::Interleaved { TURN_US } else { 2_000_000 }),
            index,
        )));
    }
    let mut pending: Vec<Option<Segment>> = vec![None; at_once];
    while !output.full() {
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
                let mut wait = u64::from(step.wait_us);
                if shape == Shape::Interleaved {
                    wait = wait.max(TURN_US) + world.rng.below(TURN_US / 8);
                }
                turns.push(Reverse((now + wait, index)));
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

fn syn_flood(output: &mut Output<impl Write>, world: &mut World) -> Result<()> {
    let mut now = START_US;
    while !output.full() {
        let number = world.started as u32;
        let mut ends = world.ends(443, false);
        // Scattered over all addresses, and none twice before 2^32 of them: the factor is odd.
        ends.address[0][12..].copy_from_slice(&number.wrapping_mul(0x85eb_ca6b).to_be_bytes());
        ends.address[1][12..].copy_from_slice(&[198, 18, 0, 1]);
        let syn = bare(flag::SYN, world.rng.bits() as u32, 0);
        output.tcp(now, &ends, &syn)?;
        if world.rng.one_in(8) && !output.full() {
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

fn fragments(output: &mut Output<impl Write>, world: &mut World, at_once: usize) -> Result<()> {
    let mut now = START_US;
    let mut flows: Vec<(Ends, u32)> = Vec::new();
    while !output.full() {
        if flows.len() < at_once {
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
        let cut = Cut { size, reversed: world.rng.one_in(3), missing, keep: None };
        output.fragments(now, ends, &segment, cut)?;
        now += world.rng.between(20, 900);
    }
    Ok(())
}

/// First or second of many fragments, never the last, so that no identification that comes again completes a datagram.
fn lone_fragments(output: &mut Output<impl Write>, world: &mut World, at_once: usize) -> Result<()> {
    let hosts: Vec<Ends> = (0..at_once).map(|_| world.ends(2_049, false)).collect();
    let mut now = START_US;
    while !output.full() {
        let Some(ends) = hosts.get(world.rng.below(hosts.len() as u64) as usize) else { break };
        let segment = bare(flag::ACK, world.rng.bits() as u32, 1_500);
        let cut = Cut { size: 64, reversed: false, missing: None, keep: Some(world.rng.below(2) as usize) };
        output.fragments(now, ends, &segment, cut)?;
        now += world.rng.between(3, 20);
    }
    Ok(())
}

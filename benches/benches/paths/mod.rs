//! The paths that are measured, by wall time and by instructions: a piece of the analysis on a generated capture in memory, through the
//! library's public interface and on one thread.
//!
//! *read* walks records. *decode* dissects frames that were read before. *conversations* is everything up to the tables of conversations, on
//! shapes where those cost most, without findings; *analysis* is everything up to findings. *reassembly* puts payload in order that
//! was decoded before. *fields* is analysis and twelve fields of every packet. *whole* is a file on disk, to its report as JSON.

use std::io::{Error, Result};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use netanalyze_benches::compare::contest::FIELDS;
use netanalyze_benches::encode::Extent;
use netanalyze_benches::shape::{Plan, Shape, write};
use netanalyze_core::capture::{Batch, CaptureReader, Source};
use netanalyze_core::conversation::Protocol;
use netanalyze_core::engine::{Cancellation, Interests, View, analyse};
use netanalyze_core::expert::KindSet;
use netanalyze_core::field::{AnalysedBatch, Row, Selection};
use netanalyze_core::model::{Direction, FrameNumber, Timestamp};
use netanalyze_core::packet::{Layer, Sink, dissect};
use netanalyze_core::tcp::reassembly::{Appetite, Chunk, End, Limits, Payload, Reassembly, StreamParser};
use netanalyze_core::{Analyzer, Finding};

/// A path: a group, and the shape of its capture.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Path {
    pub(crate) group: Group,
    pub(crate) shape: Shape,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    Read,
    Decode,
    Conversations,
    Analysis,
    Reassembly,
    Fields,
    Whole,
}

/// Every path.
pub(crate) const PATHS: [Path; 15] = [
    Path { group: Group::Read, shape: Shape::Mixed },
    Path { group: Group::Decode, shape: Shape::Mixed },
    Path { group: Group::Decode, shape: Shape::Tiny },
    Path { group: Group::Decode, shape: Shape::Fragments },
    Path { group: Group::Conversations, shape: Shape::SynFlood },
    Path { group: Group::Conversations, shape: Shape::Interleaved },
    Path { group: Group::Conversations, shape: Shape::LoneFragments },
    Path { group: Group::Analysis, shape: Shape::Mixed },
    Path { group: Group::Analysis, shape: Shape::Elephant },
    Path { group: Group::Analysis, shape: Shape::OutOfOrder },
    Path { group: Group::Analysis, shape: Shape::Tiny },
    Path { group: Group::Reassembly, shape: Shape::Elephant },
    Path { group: Group::Reassembly, shape: Shape::OutOfOrder },
    Path { group: Group::Fields, shape: Shape::Mixed },
    Path { group: Group::Whole, shape: Shape::Mixed },
];

impl Group {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Group::Read => "read",
            Group::Decode => "decode",
            Group::Conversations => "conversations",
            Group::Analysis => "analysis",
            Group::Reassembly => "reassembly",
            Group::Fields => "fields",
            Group::Whole => "whole",
        }
    }
}

impl Path {
    pub(crate) fn name(self) -> String {
        format!("{}/{}", self.group.name(), self.shape.name())
    }
}

/// A path that is ready to run.
pub(crate) struct Work {
    /// Packets; of reassembly, segments with payload.
    pub(crate) elements: u64,
    /// Bytes of the capture; of reassembly, of payload.
    pub(crate) bytes: u64,
    /// Does it once. The answer says that it was done, and is the same every time.
    pub(crate) run: Box<dyn FnMut() -> Result<u64>>,
}

/// Makes what a path needs, so that none of that is measured.
pub(crate) fn prepare(path: Path, packets: u64) -> Result<Work> {
    let mut file = Vec::new();
    let summary = write(&mut file, &Plan::new(path.shape, Extent::Packets(packets), 7))?;
    let (elements, bytes) = (summary.frames, summary.bytes);
    let capture: Arc<[u8]> = file.into();
    let run: Box<dyn FnMut() -> Result<u64>> = match path.group {
        Group::Read => Box::new(move || read(&capture)),
        Group::Decode => {
            let batches = batches(&capture)?;
            Box::new(move || Ok(decode(&batches)))
        }
        Group::Conversations => Box::new(move || run(&capture, &Count { kinds: KindSet::NONE })),
        Group::Analysis => Box::new(move || run(&capture, &Count { kinds: KindSet::ALL })),
        Group::Reassembly => {
            let segments = segments(&capture)?;
            let elements = segments.len() as u64;
            let bytes = segments.iter().map(|segment| segment.bytes.len() as u64).sum();
            return Ok(Work { elements, bytes, run: Box::new(move || Ok(reassemble(&segments))) });
        }
        Group::Fields => {
            let selection =
                Selection::new(FIELDS.split(',')).map_err(|unknown| Error::other(unknown.to_string()))?;
            let view = Fields(selection);
            Box::new(move || run(&capture, &view))
        }
        Group::Whole => {
            let file = Temporary::new(&path.name().replace('/', "-"), &capture)?;
            Box::new(move || whole(&file))
        }
    };
    Ok(Work { elements, bytes, run })
}

fn source(capture: &Arc<[u8]>) -> Vec<Source> {
    vec![Source::bytes("generated", Arc::clone(capture))]
}

fn read(capture: &Arc<[u8]>) -> Result<u64> {
    let mut reader = CaptureReader::open(source(capture)).map_err(Error::other)?;
    let mut batch = Batch::default();
    let mut frames = 0;
    while reader.next_batch(&mut batch).map_err(Error::other)? {
        frames += batch.frames.len() as u64;
    }
    Ok(frames)
}

fn batches(capture: &Arc<[u8]>) -> Result<Vec<Batch>> {
    let mut reader = CaptureReader::open(source(capture)).map_err(Error::other)?;
    let mut batches = Vec::new();
    loop {
        let mut batch = Batch::default();
        if !reader.next_batch(&mut batch).map_err(Error::other)? {
            return Ok(batches);
        }
        batches.push(batch);
    }
}

/// Counts layers, TCP headers twice: the least that a sink can do.
struct CountLayers(u64);

impl<'a> Sink<'a> for CountLayers {
    #[inline]
    fn layer(&mut self, layer: Layer<'a>) {
        self.0 += 1 + u64::from(matches!(layer, Layer::Tcp(_)));
    }
}

fn decode(batches: &[Batch]) -> u64 {
    let mut sink = CountLayers(0);
    for batch in batches {
        for frame in &batch.frames {
            let Some(&link) = batch.links.get(frame.interface as usize) else { continue };
            dissect(link, batch.frame_bytes(frame), frame.wire_len, &mut sink);
        }
    }
    sink.0
}

/// Counts frames and findings.
struct Count {
    kinds: KindSet,
}

impl View for Count {
    type Piece = u64;

    fn interests(&self) -> Interests {
        Interests { kinds: self.kinds, ..Interests::default() }
    }

    fn digest(&self, batch: &AnalysedBatch<'_>) -> u64 {
        (batch.batch.frames.len() + batch.findings.len()) as u64
    }
}

/// Reads fields of every packet; counts their values.
struct Fields(Selection);

impl View for Fields {
    type Piece = u64;

    fn interests(&self) -> Interests {
        Interests { kinds: KindSet::NONE, rows: true, ..Interests::default() }
    }

    fn digest(&self, batch: &AnalysedBatch<'_>) -> u64 {
        let mut row = Row::default();
        let mut values = 0;
        for frame in batch.frames() {
            self.0.read(&frame, &mut row);
            values += row.cells().iter().map(Vec::len).sum::<usize>() as u64;
        }
        values
    }
}

fn run(capture: &Arc<[u8]>, view: &impl View<Piece = u64>) -> Result<u64> {
    let mut sum = 0;
    let accept = |piece: u64, _: &AnalysedBatch<'_>| {
        sum += piece;
        Ok(())
    };
    analyse(source(capture), NonZeroUsize::MIN, view, accept, &Cancellation::default())
        .map_err(Error::other)?;
    Ok(sum)
}

/// A TCP segment, decoded.
struct Segment {
    stream: u32,
    direction: Direction,
    seq: u32,
    ack: Option<u32>,
    syn: bool,
    fin: bool,
    bytes: Vec<u8>,
    frame: FrameNumber,
    time: Timestamp,
}

struct Collect;

impl View for Collect {
    type Piece = Vec<Segment>;

    fn interests(&self) -> Interests {
        Interests { kinds: KindSet::NONE, rows: true, ..Interests::default() }
    }

    fn digest(&self, batch: &AnalysedBatch<'_>) -> Vec<Segment> {
        let mut segments = Vec::new();
        for frame in batch.frames() {
            frame.transports(&mut |layer| {
                let (Protocol::Tcp, Some(stream), Some(seq)) = (layer.protocol, layer.stream, layer.seq())
                else {
                    return;
                };
                let flags = layer.flags().unwrap_or_default();
                let forth = layer.source < layer.destination;
                segments.push(Segment {
                    stream,
                    direction: if forth { Direction::AtoB } else { Direction::BtoA },
                    seq,
                    ack: layer.ack(),
                    syn: flags.syn(),
                    fin: flags.fin(),
                    bytes: layer.payload().to_vec(),
                    frame: layer.frame,
                    time: layer.time,
                });
            });
        }
        segments
    }
}

fn segments(capture: &Arc<[u8]>) -> Result<Vec<Segment>> {
    let mut all = Vec::new();
    let accept = |piece: Vec<Segment>, _: &AnalysedBatch<'_>| {
        all.extend(piece);
        Ok(())
    };
    analyse(source(capture), NonZeroUsize::MIN, &Collect, accept, &Cancellation::default())
        .map_err(Error::other)?;
    Ok(all)
}

/// Adds up the bytes that come in order, and the chunks.
struct Listen(u64);

impl StreamParser for Listen {
    fn data(&mut self, _: Direction, chunk: Chunk<'_>) -> Appetite {
        self.0 += 1;
        if let Chunk::Data { bytes, .. } = chunk {
            self.0 += bytes.len() as u64;
        }
        Appetite::More
    }
}

fn reassemble(segments: &[Segment]) -> u64 {
    let mut connections: Vec<Reassembly> = Vec::new();
    let mut parser = Listen(0);
    for segment in segments {
        let stream = segment.stream as usize;
        while connections.len() <= stream {
            connections.push(Reassembly::new(Limits::default()));
        }
        let payload = Payload {
            seq: segment.seq,
            bytes: &segment.bytes,
            len: segment.bytes.len() as u32,
            frame: segment.frame,
            time: segment.time,
            syn: segment.syn,
            fin: segment.fin,
        };
        if let Some(connection) = connections.get_mut(stream) {
            connection.segment(segment.direction, &payload, segment.ack, &mut parser);
        }
    }
    for connection in &mut connections {
        connection.finish(End::Open, &mut parser);
    }
    parser.0
}

/// A file that goes with its owner.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str, bytes: &[u8]) -> Result<Self> {
        let file = Self(std::env::temp_dir().join(format!("netanalyze-{name}-{}.pcap", std::process::id())));
        std::fs::write(&file.0, bytes)?;
        Ok(file)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn whole(file: &Temporary) -> Result<u64> {
    let mut written = 0;
    let mut line = Vec::new();
    let mut observer = |finding: &Finding| {
        line.clear();
        serde_json::to_writer(&mut line, &finding.message().to_string()).map_err(Error::other)?;
        written += line.len() as u64;
        Ok(())
    };
    let report = Analyzer::new().threads(1).run([&file.0], &mut observer).map_err(Error::other)?;
    Ok(written + serde_json::to_vec(&report)?.len() as u64)
}

//! Criterion groups over generated captures in memory: `cargo bench -p netanalyze-benches`.
//!
//! *read* walks records, *decode* also dissects every frame, *whole* is the analysis with every finding on one thread. Wall time is for people
//! and for comparing two commits on one quiet machine; nothing gates on it.

#![allow(clippy::unwrap_used)]

use std::hint::black_box;
use std::io::Cursor;
use std::num::NonZeroUsize;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use netanalyze_benches::shape::{Shape, write};
use netanalyze_core::capture::{Batch, CaptureReader, Source};
use netanalyze_core::engine::{Cancellation, Interests, View, analyse};
use netanalyze_core::field::AnalysedBatch;
use netanalyze_core::packet::{Layer, Sink, dissect};

const BYTES: u64 = 16 << 20;

/// A capture of a shape, and its frames.
fn capture(shape: Shape) -> (Vec<u8>, u64) {
    let mut bytes = Vec::new();
    let summary = write(&mut bytes, shape, BYTES, 7).unwrap();
    (bytes, summary.frames)
}

fn source(bytes: &[u8]) -> Vec<Source> {
    vec![Source::Stream { name: "generated".to_owned(), reader: Box::new(Cursor::new(bytes.to_vec())) }]
}

/// Counts TCP headers: the least that a sink can do.
struct CountTcp(u64);

impl<'a> Sink<'a> for CountTcp {
    #[inline]
    fn layer(&mut self, layer: Layer<'a>) {
        self.0 += u64::from(matches!(layer, Layer::Tcp(_)));
    }
}

struct CountFindings;

impl View for CountFindings {
    type Piece = usize;

    fn interests(&self) -> Interests {
        Interests::default()
    }

    fn digest(&self, batch: &AnalysedBatch<'_>) -> usize {
        batch.findings.len()
    }
}

fn read(bytes: &[u8], mut each: impl FnMut(&Batch)) {
    let mut reader = CaptureReader::open(source(bytes)).unwrap();
    let mut batch = Batch::default();
    while reader.next_batch(&mut batch).unwrap() {
        each(&batch);
    }
}

fn groups(criterion: &mut Criterion) {
    for (name, shape) in [("mixed", Shape::Mixed), ("tiny", Shape::Tiny), ("syn-flood", Shape::SynFlood)] {
        let (bytes, frames) = capture(shape);
        let throughput = Throughput::ElementsAndBytes { elements: frames, bytes: bytes.len() as u64 };
        let mut group = criterion.benchmark_group(name);
        group.throughput(throughput).sample_size(20);
        group.bench_function("read", |b| {
            b.iter(|| {
                read(&bytes, |batch| {
                    black_box(batch.frames.len());
                })
            })
        });
        group.bench_function("decode", |b| {
            b.iter(|| {
                let mut sink = CountTcp(0);
                read(&bytes, |batch| {
                    for frame in &batch.frames {
                        let Some(&link) = batch.links.get(frame.interface as usize) else { continue };
                        dissect(link, batch.frame_bytes(frame), frame.wire_len, &mut sink);
                    }
                });
                black_box(sink.0)
            });
        });
        group.bench_function("whole", |b| {
            b.iter(|| {
                let mut findings = 0;
                let accept = |piece, _: &AnalysedBatch<'_>| {
                    findings += piece;
                    Ok(())
                };
                analyse(source(&bytes), NonZeroUsize::MIN, &CountFindings, accept, &Cancellation::default())
                    .unwrap();
                black_box(findings)
            });
        });
        group.finish();
    }
}

criterion_group!(benches, groups);
criterion_main!(benches);

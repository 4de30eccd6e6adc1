//! Wall time of every path: `cargo bench -p netanalyze-benches --bench analysis`, with packets and bytes a second.
//!
//! For people, and for comparing two commits on one quiet machine; nothing gates on it.

#![allow(clippy::unwrap_used)]

mod paths;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use paths::{PATHS, prepare};

/// Packets of a capture.
const PACKETS: u64 = 40_000;

fn groups(criterion: &mut Criterion) {
    for path in PATHS {
        let mut group = criterion.benchmark_group(path.group.name());
        let mut work = prepare(path, PACKETS).unwrap();
        group.throughput(Throughput::ElementsAndBytes { elements: work.elements, bytes: work.bytes });
        group.sample_size(20).bench_function(path.shape.name(), |bencher| {
            bencher.iter(|| black_box((work.run)().unwrap()));
        });
        group.finish();
    }
}

criterion_group!(benches, groups);
criterion_main!(benches);

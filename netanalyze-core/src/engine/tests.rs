//! A worker that dies at any stage of its batch, or a run cancelled there, must free all others, whatever they wait for at the moment.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::time::Duration;

use super::gate::Stopped;
use super::shared::{Shared, StopOnPanic};
use super::worker::work;
use super::{Cancellation, Interests, View};
use crate::capture::{Batch, CaptureReader, Source};
use crate::conversation::SHARDS;
use crate::field::AnalysedBatch;
use crate::model::Error;
use crate::model::limits::BATCH_BYTES;

struct Count;

impl View for Count {
    type Piece = u64;

    fn interests(&self) -> Interests {
        Interests { rows: true, ..Interests::default() }
    }

    fn digest(&self, batch: &AnalysedBatch<'_>) -> u64 {
        batch.batch.number
    }
}

/// A capture of so many batches; what the frames hold does not matter.
fn capture(batches: usize) -> CaptureReader {
    let words = |words: &[u32]| words.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<_>>();
    let mut bytes = words(&[0xa1b2_c3d4, 0x0004_0002, 0, 0, 262_144, 1]);
    while bytes.len() < batches * BATCH_BYTES {
        bytes.extend(words(&[1, 1, 10_000, 10_000]));
        bytes.resize(bytes.len() + 10_000, 0);
    }
    let reader = Box::new(io::Cursor::new(bytes));
    CaptureReader::open(vec![Source::Stream { name: "test".to_owned(), reader }]).unwrap()
}

/// Where something happens to a worker: with its batch in hand, or during its turn at a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Decode,
    Fragments,
    Shard(usize),
    Number,
    Output,
}

const STAGES: [Stage; 7] = [
    Stage::Decode,
    Stage::Fragments,
    Stage::Shard(0),
    Stage::Shard(17),
    Stage::Shard(SHARDS - 1),
    Stage::Number,
    Stage::Output,
];

/// Takes a batch through the gates and calls `act` at each stage. A run that is stopped meanwhile ends it.
fn pass<A>(shared: &Shared<'_, Count, A>, batch: u64, act: impl Fn(Stage)) -> Result<(), Stopped> {
    let _guard = StopOnPanic(shared);
    act(Stage::Decode);
    {
        let _turn = shared.fragments.enter(batch, &shared.poison)?;
        act(Stage::Fragments);
    }
    for (number, gate) in shared.shards.iter().enumerate() {
        let _turn = gate.enter(batch, &shared.poison)?;
        act(Stage::Shard(number));
    }
    {
        let _turn = shared.numbers.enter(batch, &shared.poison)?;
        act(Stage::Number);
    }
    let _turn = shared.output.enter(batch, &shared.poison)?;
    act(Stage::Output);
    Ok(())
}

/// Runs a test of a run that must end, and fails if it does not.
fn must_end(what: &str, run: impl FnOnce() + Send + 'static) {
    let (tell, told) = mpsc::channel();
    let runner = std::thread::spawn(move || {
        run();
        tell.send(()).unwrap();
    });
    if told.recv_timeout(Duration::from_secs(300)) == Err(mpsc::RecvTimeoutError::Timeout) {
        panic!("a worker hangs after {what}");
    }
    runner.join().unwrap();
}

/// One worker takes the first batch and dies with it, while others wait for it at every gate.
fn others_end(stage: Stage, others: usize) {
    must_end(&format!("a panic at {stage:?}"), move || {
        let cancellation = Cancellation::default();
        let mut delivered = Vec::new();
        let accept = |number, _: &AnalysedBatch<'_>| {
            delivered.push(number);
            Ok(())
        };
        let shared = Shared::new(capture(8), &Count, accept, &cancellation);
        let mut batch = Batch::default();
        assert!(shared.read(&mut batch).is_some());
        std::thread::scope(|scope| {
            for _ in 0..others {
                scope.spawn(|| work(&shared));
            }
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                pass(&shared, batch.number, |at| assert_ne!(at, stage, "on purpose")).unwrap();
            }));
            assert!(outcome.is_err(), "{stage:?}");
        });
        assert!(shared.poison.is_set());
        drop(shared);
        // What follows a batch that was given up must not come out.
        assert!(delivered.is_empty() || stage == Stage::Output, "{delivered:?} at {stage:?}");
    });
}

/// One worker takes the first batch, and the run is cancelled while it is at a stage and others wait for it.
fn cancelled_at(stage: Stage, others: usize) {
    must_end(&format!("a cancellation at {stage:?}"), move || {
        let cancellation = Cancellation::default();
        let accept = |_, _: &AnalysedBatch<'_>| Ok(());
        let shared = Shared::new(capture(8), &Count, accept, &cancellation);
        let mut batch = Batch::default();
        assert!(shared.read(&mut batch).is_some());
        std::thread::scope(|scope| {
            // Another worker may notice the cancellation first: then this one is stopped at its next gate.
            let _ = pass(&shared, batch.number, |at| {
                if at == stage {
                    // With what they can read before they notice, the others get as far as this worker lets them.
                    for _ in 0..others {
                        scope.spawn(|| work(&shared));
                    }
                    cancellation.cancel();
                }
            });
            work(&shared);
        });
        assert!(matches!(shared.finish(), Err(Error::Cancelled)), "{stage:?}");
    });
}

#[test]
fn a_cancellation_at_any_stage_ends_every_worker() {
    for stage in STAGES {
        for others in [0, 1, 3] {
            cancelled_at(stage, others);
        }
    }
}

#[test]
fn a_panic_at_any_stage_frees_every_worker() {
    for stage in STAGES {
        for others in [0, 1, 3] {
            others_end(stage, others);
        }
    }
}

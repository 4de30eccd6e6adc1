//! One worker's way with a batch: through the gates in order, with its own buffers.

use super::View;
use super::gate::Stopped;
use super::shared::{BatchTimes, Shared, StopOnPanic};
use super::steps::Steps;
use super::tally::Tally;
use crate::capture::Batch;
use crate::field::AnalysedBatch;
use crate::model::Error;

/// Takes batches until none is left or the run is stopped; returns what was counted.
pub(super) fn work<V: View, A>(shared: &Shared<'_, V, A>) -> Tally
where
    A: FnMut(V::Piece, &AnalysedBatch<'_>) -> Result<(), Error> + Send,
{
    let mut batch = Batch::default();
    let mut steps = Steps::default();
    while let Some((times, secrets)) = shared.read(&mut batch) {
        steps.know(secrets);
        if pass(&mut steps, &batch, shared, times).is_err() {
            break;
        }
    }
    steps.tally
}

/// Takes a batch through all gates.
fn pass<V: View, A>(
    steps: &mut Steps,
    batch: &Batch,
    shared: &Shared<'_, V, A>,
    times: BatchTimes,
) -> Result<(), Stopped>
where
    A: FnMut(V::Piece, &AnalysedBatch<'_>) -> Result<(), Error> + Send,
{
    let (interests, hasher) = (&shared.interests, &shared.hasher);
    let fragments = steps.decode(batch, hasher, interests.rows);
    {
        // Every batch passes this gate, with fragments or without: a later batch may complete an earlier one's datagram.
        let mut turn = shared.fragments.enter(batch.number, &shared.poison)?;
        if let Some(table) = turn.value() {
            steps.fragments(batch, hasher, table, &fragments);
        }
    }
    steps.prepare(interests.rows);
    for (number, gate) in shared.shards.iter().enumerate() {
        let mut turn = gate.enter(batch.number, &shared.poison)?;
        if let Some(shard) = turn.value() {
            steps.shard(number, batch, interests, shard);
        }
    }
    {
        let mut turn = shared.numbers.enter(batch.number, &shared.poison)?;
        if let Some(numbers) = turn.value() {
            steps.number(batch, interests, numbers);
        }
    }
    steps.sort();
    let analysed = steps.results(batch, times);
    let piece = shared.view.digest(&analysed);
    let mut turn = shared.output.enter(batch.number, &shared.poison)?;
    // Dropped before the turn is passed: nothing may be delivered after a panic either.
    let _guard = StopOnPanic(shared);
    if let Some(accept) = turn.value()
        && let Err(error) = accept(piece, &analysed)
    {
        // Before the turn is passed: nothing may be delivered after the error.
        shared.fail(error);
        return Err(Stopped);
    }
    Ok(())
}

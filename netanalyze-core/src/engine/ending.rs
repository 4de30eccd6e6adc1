//! The end of a run: what is known only when the capture was read to its end.
//!
//! Findings about whole conversations go to the view in order of their frames, in batches without frames; then the view may read the
//! conversations themselves.

use std::io;

use super::shared::Remains;
use super::tally::Tally;
use super::{Interests, View};
use crate::capture::Batch;
use crate::conversation::Conversations;
use crate::expert::{Ending, Finding, ending_finding, endings};
use crate::field::AnalysedBatch;
use crate::model::{FrameNumber, Timestamp};

/// Findings in a batch: what a batch of frames holds at most, roughly.
const AT_A_TIME: usize = 4096;

/// The conversations of a finished run.
pub(super) fn conversations(remains: &mut Remains, tally: &Tally) -> Conversations {
    let shards = std::mem::take(&mut remains.shards);
    let end = tally.latest.unwrap_or_default();
    let numbers = &remains.numbers;
    Conversations::new(shards, &numbers.tcp, &numbers.udp, end, FrameNumber(tally.volume.frames))
}

/// Delivers the findings about whole conversations, and counts them.
pub(super) fn findings<V: View>(
    view: &V,
    interests: &Interests,
    conversations: &Conversations,
    tally: &mut Tally,
    accept: &mut impl FnMut(V::Piece, &AnalysedBatch<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let mut found: Vec<Ending> = endings(conversations).collect();
    for ending in &found {
        tally.ending(ending.kind, ending.frame);
    }
    found.retain(|ending| interests.kinds.contains(ending.kind));
    found.sort_unstable_by_key(|ending| (ending.frame, ending.stream, ending.kind));
    let batch = Batch { first_frame: FrameNumber(conversations.last_frame().0 + 1), ..Batch::default() };
    for some in found.chunks(AT_A_TIME) {
        let findings: Vec<Finding> =
            some.iter().filter_map(|ending| ending_finding(conversations, ending)).collect();
        let analysed = analysed(&batch, &findings, conversations.capture_end());
        accept(view.digest(&analysed), &analysed)?;
    }
    Ok(())
}

/// Lets the view read the conversations.
pub(super) fn view<V: View>(
    view: &V,
    conversations: &Conversations,
    accept: &mut impl FnMut(V::Piece, &AnalysedBatch<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let batch = Batch { first_frame: FrameNumber(conversations.last_frame().0 + 1), ..Batch::default() };
    let none = analysed(&batch, &[], conversations.capture_end());
    view.ending(conversations, &mut |piece| accept(piece, &none))
}

fn analysed<'b>(batch: &'b Batch, findings: &'b [Finding], end: Timestamp) -> AnalysedBatch<'b> {
    AnalysedBatch {
        batch,
        findings,
        transports: &[],
        frame_slots: &[],
        datagrams: &[],
        capture_start: end,
        previous_time: end,
    }
}

//! The engine: the only place that knows all floors. Batches go through gates; every worker takes its own batch all the way.
//!
//! A worker reads a batch, decodes it while its bytes are hot, hands fragments to one table, walks the batch's packets through 64 shards of
//! conversations, has new conversations numbered, lets the [`View`] digest the result, and delivers the piece in batch order. Gates keep
//! the order; nothing is copied, nothing waits for all. Between taking a batch and passing its last gate a worker never calls into rayon:
//! a stolen task would wait for the batch that its own thread holds.

mod applications;
mod compose;
mod control;
mod datagrams;
mod decode;
mod ending;
mod face;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzz;
mod gate;
mod lan;
mod quotes;
mod shared;
mod slots;
mod steps;
mod tally;
#[cfg(test)]
mod tests;
mod worker;

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::capture::{CaptureReader, Source};
use crate::conversation::{Conversations, Terms};
use crate::diagnosis::{self, Diagnoser};
use crate::expert::{KindSet, TCP_KINDS, Thresholds, ending_kinds};
use crate::field::AnalysedBatch;
use crate::model::limits::{DEFAULT_MEMORY_LIMIT, MEMORY_RESERVE, MIN_MEMORY_LIMIT, QUIET_FRAMES};
use crate::model::{Error, Span, parallel};
use crate::protocol::tls::keys::Secrets;
use crate::report::{ConversationSummary, Report};
use crate::tcp::Patience;
pub use face::{Analyzer, Found, Frame, Live, Observer, Rule, Wants};
use shared::{Remains, Shared, StopOnPanic};
use tally::Tally;
use worker::work;

/// What a view wants of the analysis; what nobody wants is not worked out.
#[derive(Clone, Debug)]
pub struct Interests {
    /// Kinds whose findings are made; the others are only counted, if at all.
    pub kinds: KindSet,
    /// Whether the report counts the kinds that are not among these, too. Otherwise those of TCP are not looked for at all; what applications say is counted
    /// all the same.
    pub count_others: bool,
    /// Whether verdicts of every packet are kept for rows.
    pub rows: bool,
    /// Silence that is worth a finding.
    pub gap: Span,
    /// How far application protocols are decoded.
    pub applications: Depth,
    /// What counts as slow.
    pub thresholds: Thresholds,
    /// Secrets that open TLS connections, beside those that captures hold themselves.
    pub key_log: Option<Arc<Secrets>>,
    /// Whether the books of conversations are kept: totals, round-trip times, history. Records of conversations and their summary need them,
    /// findings do not.
    pub books: bool,
    /// Whether the report says which causes are behind what was found, and with which thresholds; costs memory for each conversation. Kinds of findings that
    /// diagnoses are made from, and what they read of transactions ([`Depth::Diagnoses`]), then come in batches even if [`Self::kinds`] and [`Self::applications`] do not name them.
    pub diagnoses: Option<Arc<diagnosis::Thresholds>>,
    /// Whether the report sums up the conversations; needs the books.
    pub summary: bool,
    /// Bytes of memory that the run may take, about; not less than [`MIN_MEMORY_LIMIT`]. Above it the
    /// conversations that were quiet for longest are forgotten, and a note counts them.
    pub memory_limit: u64,
    /// Frames after which a quiet conversation is kept in compact form. No result depends on it; tests set it to bring that about.
    #[doc(hidden)]
    pub quiet_frames: u64,
}

impl Interests {
    /// With all that diagnoses need.
    fn completed(mut self) -> Self {
        if self.diagnoses.is_some() {
            self.kinds = KindSet(self.kinds.0 | Diagnoser::kinds().0);
            self.applications = self.applications.max(Depth::Diagnoses);
        }
        self
    }

    /// Whether findings of TCP headers are made, or counted.
    fn look_at_headers(&self) -> bool {
        self.count_others || self.kinds.0 & TCP_KINDS.0 != 0
    }

    /// Whether findings about whole conversations are made, or counted.
    fn look_at_endings(&self) -> bool {
        self.count_others || ending_kinds().any(|kind| self.kinds.contains(kind))
    }

    /// Whether TCP conversations are asked for by their numbers once all are known: there are no records of them without books.
    fn look_at_streams(&self) -> bool {
        self.books || self.summary || self.look_at_endings()
    }

    /// What is kept of conversations.
    fn terms(&self) -> Terms {
        let books = self.books || self.summary;
        let memory = self.memory_limit.max(MIN_MEMORY_LIMIT) - MEMORY_RESERVE;
        let patience = |thresholds: &Arc<diagnosis::Thresholds>| Patience {
            stall: thresholds.span(diagnosis::Limit::Stall),
            think: thresholds.span(diagnosis::Limit::Think),
        };
        let chronicles = self.diagnoses.as_ref().map(patience);
        Terms { books, chronicles, memory, quiet_frames: self.quiet_frames }
    }
}

impl Default for Interests {
    /// Every finding, all counted, no rows, silences above one second, books but no summary of conversations, a memory limit of
    /// [`DEFAULT_MEMORY_LIMIT`].
    fn default() -> Self {
        Interests {
            kinds: KindSet::ALL,
            count_others: true,
            rows: false,
            gap: Span(1_000_000_000),
            applications: Depth::Findings,
            thresholds: Thresholds::default(),
            key_log: None,
            books: true,
            diagnoses: None,
            summary: false,
            memory_limit: DEFAULT_MEMORY_LIMIT,
            quiet_frames: QUIET_FRAMES,
        }
    }
}

/// How far application protocols are decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// Not at all: there are no findings of them.
    None,
    /// As far as findings need it.
    Findings,
    /// As far as diagnoses need it: [`Interests::diagnoses`] sees to that itself. Texts and lists of transactions that no finding quotes are left out, and
    /// so are exchanges that went well: diagnoses only count them.
    Diagnoses,
    /// As far as transactions need it, for [`AnalysedBatch::messages`].
    Transactions,
    /// Every message and transaction, for [`AnalysedBatch::messages`].
    All,
}

/// What becomes of an analysed batch.
pub trait View: Sync {
    /// What a batch turns into, e.g. text.
    type Piece: Send;

    /// What this view wants.
    fn interests(&self) -> Interests;

    /// Turns a batch into a piece. Runs on any worker, in any order, so it must not depend on other batches.
    ///
    /// It must not use rayon (`par_iter`, `join`, `scope`): a rayon wait may pick up a worker of this very run, which then waits for the batch
    /// that its own thread holds, for ever. Work in parallel happens anyway: one batch a thread.
    fn digest(&self, batch: &AnalysedBatch<'_>) -> Self::Piece;

    /// Reads the conversations once the capture was read to its end, and delivers further pieces. Runs once, after all batches, on the
    /// calling thread. By default it does nothing.
    ///
    /// # Errors
    /// Those of `deliver`, which are those of `accept`.
    fn ending(
        &self,
        conversations: &Conversations,
        deliver: &mut dyn FnMut(Self::Piece) -> std::io::Result<()>,
    ) -> std::io::Result<()> {
        let _ = (conversations, deliver);
        Ok(())
    }
}

/// A way to end a run from outside: from another thread, or from within a view.
///
/// Clones cancel the same run.
#[derive(Clone, Debug, Default)]
pub struct Cancellation(Arc<AtomicBool>);

impl Cancellation {
    /// Ends the run at the next batch; [`analyse`] then returns [`Error::Cancelled`].
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether [`Cancellation::cancel`] was called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Analyses a rotated set. Pieces reach `accept` in capture order, one at a time and each with the batch that it was made of; an error of
/// `accept` ends the run as [`Error::Output`].
///
/// With one thread, or one file that fits into one batch, all work happens on the calling thread. With more, workers run in the rayon pool
/// that the caller is in, or in one made for this run. The results do not depend on the number. Neither [`View::digest`] nor `accept` may use rayon: see there.
///
/// # Errors
/// When the input cannot be read or is no capture, when `accept` fails, or on cancellation. Damage inside a capture is no error: it is
/// noted in the report.
///
/// # Panics
/// Only if `view` or `accept` panic: their panic comes through, after every worker has stopped.
pub fn analyse<V, A>(
    sources: Vec<Source>,
    threads: NonZeroUsize,
    view: &V,
    accept: A,
    cancellation: &Cancellation,
) -> Result<Report, Error>
where
    V: View,
    A: FnMut(V::Piece, &AnalysedBatch<'_>) -> std::io::Result<()> + Send,
{
    let interests = view.interests().completed();
    let mut diagnoser = interests.diagnoses.clone().map(Diagnoser::new);
    let mut accept = accept;
    let accept = |piece: V::Piece, batch: &AnalysedBatch<'_>| {
        if let Some(diagnoser) = &mut diagnoser {
            diagnoser.pass(batch.previous_time, batch.batch.first_frame, &batch.batch.frames);
            diagnoser.take(batch.findings, batch.messages, batch.ordinary);
        }
        accept(piece, batch).map_err(Error::Output)
    };
    let (mut accept, mut remains, mut tally) = drive(sources, threads, view, accept, cancellation)?;
    let words = ending::last_words(&mut remains, &interests, &mut tally);
    let (streams, services) = ending::chronicles(&mut remains, threads);
    let conversations = ending::conversations(&mut remains, &tally, interests.look_at_streams());
    ending::view(view, &interests, threads, &conversations, &mut tally, &words, &mut accept)?;
    let summary = interests.summary.then(|| ConversationSummary::new(&conversations));
    let fragments = (remains.fragments.incomplete(UDP), remains.fragments.has_ipv6());
    let diagnoser = diagnoser.map(|diagnoser| diagnoser.told_of(fragments, conversations.udp_ends()));
    let has_forgotten = remains.forgotten.count() > 0;
    let mut report = compose::report(remains, &tally, summary);
    if let Some(diagnoser) = diagnoser {
        parallel::beside(
            threads,
            move || drop(conversations),
            || {
                compose::diagnose(
                    diagnoser,
                    &streams,
                    services,
                    threads,
                    &tally,
                    (&mut report, has_forgotten),
                );
            },
        );
    }
    Ok(report)
}

/// Protocol number of UDP.
const UDP: u8 = 17;

/// Analyses all frames; what is left is to be done at the end.
fn drive<V, A>(
    sources: Vec<Source>,
    threads: NonZeroUsize,
    view: &V,
    accept: A,
    cancellation: &Cancellation,
) -> Result<(A, Remains, Tally), Error>
where
    V: View,
    A: FnMut(V::Piece, &AnalysedBatch<'_>) -> Result<(), Error> + Send,
{
    let reader = CaptureReader::open(sources)?;
    let count = if reader.fits_a_batch() { 1 } else { threads.get() };
    let shared = Shared::new(reader, view, accept, cancellation);
    let total = Mutex::new(Tally::default());
    let worker = || {
        let _guard = StopOnPanic(&shared);
        let tally = work(&shared);
        total.lock().unwrap_or_else(PoisonError::into_inner).merge(tally);
    };
    run_workers(count, &worker);
    let total = total.into_inner().unwrap_or_else(PoisonError::into_inner);
    let (accept, remains) = shared.finish()?;
    Ok((accept, remains, total))
}

/// Runs `count` workers at a time, as far as threads are to be had: one worker alone is enough to finish the work.
fn run_workers(count: usize, worker: &(impl Fn() + Sync)) {
    if count <= 1 {
        return worker();
    }
    if rayon::current_thread_index().is_some() {
        return rayon::scope(|scope| {
            for _ in 0..count {
                scope.spawn(|_| worker());
            }
        });
    }
    match rayon::ThreadPoolBuilder::new().num_threads(count).build() {
        Ok(pool) => pool.scope(|scope| {
            for _ in 0..count {
                scope.spawn(|_| worker());
            }
        }),
        Err(_) => worker(), // no threads to be had: the calling thread does it all
    }
}

//! The library's face: an analysis in a few lines, of files, streams and bytes, or of frames pushed one by one.
//!
//! [`Analyzer`] holds the options and the rules; [`Analyzer::run`] reads captures to their end, [`Analyzer::live`] takes frames as they come.
//! Both tell an [`Observer`] what happens, in capture order, and end with the same [`Report`]. Everything here runs serially, under the
//! engine's last gate: what nobody wants to see costs nothing.

mod desk;
mod live;
mod observer;
mod rule;

pub use live::{Frame, Live};
pub use observer::{Observer, Wants};
pub use rule::{Found, Rule};

use std::num::NonZeroUsize;
use std::sync::Arc;

use super::{Cancellation, Interests, View, drive};
use crate::capture::Source;
use crate::expert::{KindSet, Severity};
use crate::field::AnalysedBatch;
use crate::model::{Error, Span};
use crate::protocol::tls::keys::Secrets;
use crate::report::Report;
use desk::Desk;

/// Options and rules of an analysis.
///
/// ```
/// use netanalyze_core::{Analyzer, Finding, Severity};
///
/// # fn main() -> Result<(), netanalyze_core::Error> {
/// # let capture = concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus/captures/connection-refused.pcap");
/// let mut told = Vec::new();
/// let report = Analyzer::new().min_severity(Severity::Warn).threads(4).run([capture], &mut |finding: &Finding| {
///     told.push(format!("frame {}: {}", finding.frame, finding.message()));
///     Ok(())
/// })?;
/// assert!(told[0].ends_with("connection refused: the server answers the SYN with a reset"));
/// assert!(report.capture.packets > 0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "nothing happens before `run` or `live`"]
pub struct Analyzer {
    threads: NonZeroUsize,
    desk: Desk,
}

impl Default for Analyzer {
    fn default() -> Self {
        Analyzer { threads: NonZeroUsize::MIN, desk: Desk::default() }
    }
}

impl Analyzer {
    /// One thread, every finding, silences above one second, no rules.
    pub fn new() -> Self {
        Analyzer::default()
    }

    /// On how many threads captures are analysed; 0 counts as 1. Results never depend on it. Observer and rules are always called one at a
    /// time and in order, but not always from the calling thread. A live analysis stays on the caller's thread.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = NonZeroUsize::new(threads).unwrap_or(NonZeroUsize::MIN);
        self
    }

    /// Silence within a conversation that is worth a finding.
    pub fn gap(mut self, gap: Span) -> Self {
        self.desk.gap = gap;
        self
    }

    /// Memory that the analysis may take, in bytes, about; at least 64 MiB are taken, and the default is 1 GiB. Above it the conversations
    /// that were quiet for longest are forgotten: their findings so far stay, nothing is told about them when the capture ends, a later
    /// packet of theirs begins a new conversation, and a note of the report counts them.
    pub fn memory_limit(mut self, bytes: u64) -> Self {
        self.desk.memory_limit = bytes;
        self
    }

    /// Tells the observer only findings of at least this severity, of rules too. Ordinary closing counts as chat.
    pub fn min_severity(mut self, severity: Severity) -> Self {
        self.desk.kinds = KindSet(self.desk.kinds.0 & KindSet::at_least(severity).0);
        self.desk.min_severity = severity;
        self
    }

    /// Of the catalogue's kinds, tells the observer only these. The report counts all.
    pub fn kinds(mut self, kinds: KindSet) -> Self {
        self.desk.kinds = KindSet(self.desk.kinds.0 & kinds.0);
        self
    }

    /// Adds a rule with findings of its own; rules are asked in the order in which they were added.
    pub fn rule(mut self, rule: impl Rule + 'static) -> Self {
        self.desk.rules.push(Box::new(rule));
        self
    }

    /// Secrets that open TLS connections, beside those that captures hold themselves.
    pub fn key_log(mut self, secrets: Secrets) -> Self {
        self.desk.key_log = Some(Arc::new(secrets));
        self
    }

    /// Lets `cancellation` end the analysis, which then returns [`Error::Cancelled`].
    pub fn cancellation(mut self, cancellation: &Cancellation) -> Self {
        self.desk.cancellation = cancellation.clone();
        self
    }

    /// Analyses captures as one, in the order given, and tells `observer` what it wants to know: a closure that takes a [`Finding`], or
    /// any [`Observer`]. A source is a path, or made by [`Source::bytes`] or [`Source::reader`].
    ///
    /// With one thread all work happens on the calling thread. With more, workers run in the rayon pool that the caller is in, or in one
    /// made for this run. Neither the observer nor a rule may use rayon: a task that it waits for may wait for the observer.
    ///
    /// # Errors
    /// When a source cannot be read or is no capture, on cancellation, and whatever the observer returns. Nothing is told after an error.
    /// Damage inside a capture is no error: the report has a note on it.
    ///
    /// # Panics
    /// Only if the observer, a rule or a source panics: that panic comes through. Nothing of this run is left for a later one.
    ///
    /// [`Finding`]: crate::expert::Finding
    pub fn run<O>(
        self,
        sources: impl IntoIterator<Item: Into<Source>>,
        observer: &mut O,
    ) -> Result<Report, Error>
    where
        O: Observer + Send + ?Sized,
    {
        let Analyzer { threads, mut desk } = self;
        desk.threads = threads;
        let sources = sources.into_iter().map(Into::into).collect();
        let wants = observer.wants();
        let cancellation = desk.cancellation.clone();
        let view = Watch(desk.interests(wants));
        let accept = |(), batch: &AnalysedBatch<'_>| desk.batch(batch, wants, observer);
        let (_, remains, tally) = drive(sources, threads, &view, accept, &cancellation)?;
        desk.end(remains, tally, wants, observer)
    }

    /// Begins an analysis of frames that are pushed one by one. The number of threads does not matter to it.
    pub fn live(self) -> Live {
        Live::new(self.desk)
    }
}

/// The view behind an observer: all is told at the last gate, nothing is made of a batch before.
struct Watch(Interests);

impl View for Watch {
    type Piece = ();

    fn interests(&self) -> Interests {
        self.0.clone()
    }

    fn digest(&self, _: &AnalysedBatch<'_>) {}
}

const fn goes_to_another_thread<T: Send>() {}
const fn is_shared_by_threads<T: Sync>() {}

/// What embedding programs keep, send and share.
const _: () = {
    goes_to_another_thread::<Analyzer>();
    goes_to_another_thread::<Live>();
    goes_to_another_thread::<Source>();
    goes_to_another_thread::<Report>();
    is_shared_by_threads::<Report>();
    goes_to_another_thread::<crate::expert::Finding>();
    is_shared_by_threads::<crate::expert::Finding>();
    goes_to_another_thread::<crate::conversation::Conversation>();
    is_shared_by_threads::<crate::conversation::Conversation>();
    goes_to_another_thread::<crate::conversation::Conversations>();
    is_shared_by_threads::<crate::conversation::Conversations>();
    goes_to_another_thread::<Cancellation>();
    is_shared_by_threads::<Cancellation>();
    goes_to_another_thread::<crate::field::Selection>();
    is_shared_by_threads::<crate::field::Selection>();
    goes_to_another_thread::<Error>();
    is_shared_by_threads::<Error>();
};

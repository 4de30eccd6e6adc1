//! What all workers share: the reader, the gates, and how a run ends early.

use std::sync::{Arc, Mutex, PoisonError};

use super::control::Control;
use super::gate::{Gate, Poison};
use super::{Cancellation, Depth, Interests, View};
use crate::capture::{Batch, CaptureFacts, CaptureReader, EmbeddedSecrets};
use crate::conversation::{
    Announcements, ConversationRef, Forgotten, KeyHasher, Numbering, Protocol, SHARDS, Shard,
};
use crate::model::limits::MAX_SECRETS;
use crate::model::{Error, Note, NoteKind, Span, Timestamp};
use crate::packet::fragment::FragmentTable;
use crate::protocol::eap::Sessions;
use crate::protocol::tls::keys::Secrets;

/// Times around a batch that its frames' relative times need.
#[derive(Clone, Copy, Debug)]
pub(super) struct BatchTimes {
    pub(super) capture_start: Timestamp,
    pub(super) previous: Timestamp,
}

impl BatchTimes {
    /// The times around a batch. `so_far` are those around the next one; there are none before the first batch.
    pub(super) fn around(batch: &Batch, so_far: &mut Option<BatchTimes>) -> BatchTimes {
        let first = batch.frames.first().map_or(Timestamp(0), |f| f.time);
        let times = so_far.unwrap_or(BatchTimes { capture_start: first, previous: first });
        let last = batch.frames.last().map_or(times.previous, |f| f.time);
        *so_far = Some(BatchTimes { previous: last, ..times });
        times
    }
}

/// Stream numbers of both protocols.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    pub(super) tcp: Numbering,
    pub(super) udp: Numbering,
    pub(super) announcements: Announcements,
    pub(super) control: Control,
    pub(super) eap: Sessions,
}

impl Numbers {
    /// The stream number of a conversation.
    pub(super) fn stream(&self, protocol: Option<Protocol>, reference: ConversationRef) -> Option<u32> {
        match protocol {
            Some(Protocol::Udp) => self.udp.stream(reference),
            Some(Protocol::Tcp) | None => self.tcp.stream(reference),
        }
    }
}

/// The reading end: batches get their order here, so it is a plain lock and no gate.
pub(super) struct Reading {
    pub(super) reader: CaptureReader,
    times: Option<BatchTimes>,
    ended: bool,
    secrets: SecretsSoFar,
}

/// Secrets of TLS connections: those that were given, and those of the capture as far as it was read.
#[derive(Default)]
pub(super) struct SecretsSoFar {
    known: Option<Arc<Secrets>>,
    notes: Vec<Note>,
}

impl SecretsSoFar {
    /// Adds those that stand in a batch. Behind the next reading of the capture nobody else changes them, so that all batches see the same.
    fn with(&mut self, batch: &Batch, file: impl Fn() -> Option<String>) -> Option<Arc<Secrets>> {
        for embedded in &batch.secrets {
            if embedded.kind != EmbeddedSecrets::TLS_KEY_LOG {
                continue;
            }
            let known = Arc::make_mut(self.known.get_or_insert_default());
            let learned = known.learn(&embedded.bytes, embedded.before);
            let (count, kind, message) = match learned.first_bad {
                Some((line, reason)) => {
                    let text = format!(
                        "decryption secrets in the capture: line {line} is no line of a key log ({reason})"
                    );
                    (learned.bad, NoteKind::BadBlock, text)
                }
                None if learned.left_out > 0 => {
                    let text = format!(
                        "more than {MAX_SECRETS} secrets of TLS connections: later ones are not used"
                    );
                    (learned.left_out, NoteKind::LimitReached, text)
                }
                None => continue,
            };
            match self.notes.iter_mut().find(|note| note.kind == kind) {
                Some(note) => note.count = note.count.saturating_add(count),
                None => self.notes.push(Note {
                    kind,
                    file: file(),
                    offset: None,
                    frame: Some(embedded.before.0),
                    count,
                    message,
                }),
            }
        }
        self.known.clone()
    }
}

/// Everything that the workers of one run share.
pub(super) struct Shared<'r, V: View, A> {
    pub(super) view: &'r V,
    pub(super) interests: Interests,
    cancellation: &'r Cancellation,
    pub(super) hasher: KeyHasher,
    reading: Mutex<Reading>,
    pub(super) fragments: Gate<FragmentTable>,
    pub(super) shards: Vec<Gate<Shard>>,
    pub(super) numbers: Gate<Numbers>,
    pub(super) output: Gate<A>,
    pub(super) poison: Poison,
    failure: Mutex<Option<Error>>,
}

/// What is left when all frames were analysed.
pub(super) struct Remains {
    pub(super) facts: CaptureFacts,
    pub(super) notes: Vec<Note>,
    pub(super) fragments: FragmentTable,
    pub(super) numbers: Numbers,
    pub(super) shards: Vec<Shard>,
    pub(super) capture_start: Timestamp,
    /// Silence that is worth a finding.
    pub(super) gap: Span,
    /// What the memory limit cost.
    pub(super) forgotten: Forgotten,
    /// How many secrets of TLS connections were given, if any were, and applications decoded.
    pub(super) given_secrets: Option<usize>,
}

/// What all shards have forgotten.
pub(super) fn forgotten(shards: &[Shard]) -> Forgotten {
    shards.iter().map(Shard::forgotten).fold(Forgotten::default(), Forgotten::and)
}

impl<'r, V: View, A> Shared<'r, V, A> {
    pub(super) fn new(reader: CaptureReader, view: &'r V, accept: A, cancellation: &'r Cancellation) -> Self {
        let hasher = KeyHasher::default();
        let interests = view.interests().completed();
        let shard = |number| Gate::new(Shard::new(number as u8, hasher.clone(), interests.terms()));
        let shards = (0..SHARDS).map(shard).collect();
        Shared {
            view,
            cancellation,
            hasher,
            reading: Mutex::new(Reading {
                reader,
                times: None,
                ended: false,
                secrets: SecretsSoFar { known: interests.key_log.clone(), notes: Vec::new() },
            }),
            fragments: Gate::new(FragmentTable::default()),
            shards,
            numbers: Gate::new(Numbers::default()),
            output: Gate::new(accept),
            poison: Poison::default(),
            failure: Mutex::new(None),
            interests,
        }
    }

    /// Reads the next batch; `None` when there is none, or the run was stopped. With it come the secrets known by its end.
    pub(super) fn read(&self, batch: &mut Batch) -> Option<(BatchTimes, Option<Arc<Secrets>>)> {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        if reading.ended || self.poison.is_set() {
            return None;
        }
        if self.cancellation.is_cancelled() {
            drop(reading);
            self.fail(Error::Cancelled);
            return None;
        }
        match reading.reader.next_batch(batch) {
            Ok(true) => {
                let Reading { reader, times, secrets, .. } = &mut *reading;
                let secrets = secrets.with(batch, || reader.input_name());
                Some((BatchTimes::around(batch, times), secrets))
            }
            Ok(false) => {
                reading.ended = true;
                None
            }
            Err(error) => {
                reading.ended = true;
                drop(reading);
                self.fail(error);
                None
            }
        }
    }

    /// Ends the run with an error; the first one counts.
    pub(super) fn fail(&self, error: Error) {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        self.stop();
    }

    /// Ends the run: every wait at every gate returns.
    pub(super) fn stop(&self) {
        self.poison.set();
        self.fragments.wake();
        self.shards.iter().for_each(Gate::wake);
        self.numbers.wake();
        self.output.wake();
    }

    /// What is left once all workers are done, or why the run ended early.
    pub(super) fn finish(self) -> Result<(A, Remains), Error> {
        if let Some(error) = self.failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(error);
        }
        let reading = self.reading.into_inner().unwrap_or_else(PoisonError::into_inner);
        let (facts, mut notes) = reading.reader.finish();
        notes.extend(reading.secrets.notes);
        let shards: Vec<Shard> = self.shards.into_iter().map(Gate::into_inner).collect();
        let remains = Remains {
            gap: self.interests.gap,
            forgotten: forgotten(&shards),
            given_secrets: self
                .interests
                .key_log
                .as_ref()
                .filter(|_| self.interests.applications != Depth::None)
                .map(|secrets| secrets.len()),
            capture_start: reading.times.map_or(Timestamp(0), |times| times.capture_start),
            facts,
            notes,
            fragments: self.fragments.into_inner(),
            numbers: self.numbers.into_inner(),
            shards,
        };
        Ok((self.output.into_inner(), remains))
    }
}

/// Stops the run if its holder is dropped by a panic.
pub(super) struct StopOnPanic<'s, 'r, V: View, A>(pub(super) &'s Shared<'r, V, A>);

impl<V: View, A> Drop for StopOnPanic<'_, '_, V, A> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop();
        }
    }
}

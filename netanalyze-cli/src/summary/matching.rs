//! The report of what matches `--filter`: packets, their protocols, findings about them, transactions that they are part of.

use netanalyze_core::Filter;
use netanalyze_core::engine::{Interests, View};
use netanalyze_core::expert::{KINDS, Thresholds};
use netanalyze_core::field::{AnalysedBatch, Row, Selection, fields};
use netanalyze_core::model::Timestamp;
use netanalyze_core::packet::Protocol;
use netanalyze_core::report::{Report, TransactionSummary};
use schemars::JsonSchema;
use serde::Serialize;

use crate::config::Analysis;
use crate::diagnoses;
use crate::exit::Failure;
use crate::pick::{Look, Looked, Picked, Runs};
use crate::transactions;

/// What matches, of the capture.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub(crate) struct Matching {
    /// The filter.
    pub(super) filter: String,
    /// Packets that match.
    pub(super) packets: u64,
    /// Their bytes on the wire.
    pub(super) wire_bytes: u64,
    /// Their bytes that were captured.
    pub(super) captured_bytes: u64,
    /// Time of the earliest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) earliest: Option<Timestamp>,
    /// Time of the latest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) latest: Option<Timestamp>,
    /// TCP conversations with packets that match.
    pub(super) tcp_streams: u64,
    /// UDP conversations with packets that match.
    pub(super) udp_streams: u64,
}

/// Tests frames, and tells the protocols of those that match.
pub(crate) struct Sorting<'f> {
    look: Look<'f>,
    /// A field for each protocol.
    protocols: Selection,
}

/// What a batch has of it: what matches, and packets and bytes of each protocol.
pub(crate) struct Sorted {
    looked: Looked,
    protocols: Vec<[u64; 2]>,
}

impl<'f> Sorting<'f> {
    pub(crate) fn new(filter: &'f Filter, analysis: &Analysis) -> Result<Self, Failure> {
        let mut interests = transactions::interests(analysis.interests());
        interests.kinds.0 |= analysis.kinds.0;
        let is_field = |protocol: &&Protocol| fields().any(|field| field.name == protocol.name());
        let names = Protocol::ALL.iter().filter(is_field).map(|protocol| protocol.name());
        let protocols = Selection::new(names).map_err(|error| Failure::Usage(error.to_string()))?;
        interests.rows |= protocols.needs_layers();
        Ok(Sorting { look: Look::new(Some(filter), true, interests), protocols })
    }
}

impl View for Sorting<'_> {
    type Piece = Sorted;

    fn interests(&self) -> Interests {
        self.look.interests()
    }

    fn digest(&self, batch: &AnalysedBatch<'_>) -> Sorted {
        let looked = self.look.digest(batch);
        let (mut row, mut protocols) = (Row::default(), vec![[0; 2]; self.protocols.fields().count()]);
        for frame in batch.frames().filter(|frame| looked.matches(frame.index)) {
            self.protocols.read(&frame, &mut row);
            for ([packets, bytes], cell) in protocols.iter_mut().zip(row.cells()) {
                if !cell.is_empty() {
                    *packets += 1;
                    *bytes += u64::from(frame.raw.wire_len);
                }
            }
        }
        Sorted { looked, protocols }
    }
}

/// Adds up what matches, in capture order.
pub(crate) struct Sum {
    matching: Matching,
    protocols: Vec<[u64; 2]>,
    /// Of each kind: findings, conversations, the first one's frame.
    kinds: Vec<[u64; 3]>,
    transactions: TransactionSummary,
    thresholds: Thresholds,
    picked: Picked,
    pub(crate) runs: Runs,
}

impl Sum {
    pub(crate) fn new(filter: &Filter, analysis: &Analysis) -> Self {
        Sum {
            matching: Matching { filter: filter.expression().to_owned(), ..Matching::default() },
            protocols: Vec::new(),
            kinds: vec![[0; 3]; KINDS.len()],
            transactions: TransactionSummary::default(),
            thresholds: analysis.thresholds,
            picked: Picked::new(analysis.kinds),
            runs: Runs::default(),
        }
    }

    /// Adds the next batch.
    pub(crate) fn add(&mut self, sorted: &Sorted, batch: &AnalysedBatch<'_>) {
        let matching = &mut self.matching;
        for (index, frame) in batch.batch.frames.iter().enumerate() {
            if sorted.looked.matches(index) {
                matching.packets += 1;
                matching.wire_bytes += u64::from(frame.wire_len);
                matching.captured_bytes += u64::from(frame.captured);
                // Frames without a time do not count, as in the capture's own.
                if frame.time != Timestamp::default() {
                    matching.earliest =
                        Some(matching.earliest.map_or(frame.time, |time| time.min(frame.time)));
                    matching.latest = matching.latest.max(Some(frame.time));
                }
            }
        }
        self.protocols.resize(sorted.protocols.len(), [0; 2]);
        for (sum, add) in self.protocols.iter_mut().zip(&sorted.protocols) {
            *sum = [sum[0] + add[0], sum[1] + add[1]];
        }
        self.runs.take(&sorted.looked, batch);
        for finding in self.picked.pick(&sorted.looked, batch) {
            if let Some([count, conversations, first]) = self.kinds.get_mut(usize::from(finding.kind.0)) {
                if *count == 0 || finding.frame.0 < *first {
                    *first = finding.frame.0;
                }
                *count += 1;
                *conversations += u64::from(finding.first_of_conversation);
            }
        }
        for met in batch.messages.iter().filter(|met| transactions::matches(met, &self.runs)) {
            self.transactions.add(&met.message, &self.thresholds);
        }
    }

    /// The report of the whole capture, as far as it matches. Tables of conversations are left out.
    pub(crate) fn report(&self, whole: &Report, sorting: &Sorting<'_>) -> (Report, Matching) {
        let mut report = whole.clone();
        report.conversations = None;
        report.diagnoses.retain(|diagnosis| diagnoses::matches(diagnosis, &self.picked, &self.runs));
        report.transactions = self.transactions;
        report.protocols.retain_mut(|row| {
            let place = sorting.protocols.fields().position(|field| field.name == row.protocol);
            let sum = place.and_then(|place| self.protocols.get(place)).copied().unwrap_or_default();
            [row.packets, row.wire_bytes] = sum;
            row.packets > 0
        });
        report.findings_by_kind.retain_mut(|row| {
            let kinds = KINDS.iter().zip(&self.kinds);
            let sum = kinds.filter(|(kind, _)| kind.id == row.id).map(|(_, sum)| *sum).next();
            [row.count, row.conversations, row.first_frame] = sum.unwrap_or_default();
            row.count > 0
        });
        let [tcp_streams, udp_streams] = self.runs.conversations();
        (report, Matching { tcp_streams, udp_streams, ..self.matching.clone() })
    }
}

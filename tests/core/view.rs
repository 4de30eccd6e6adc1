//! Views that the tests look through.

use std::num::NonZeroUsize;
use std::sync::Arc;

use netanalyze_core::capture::Source;
use netanalyze_core::conversation::{ConversationRef, Conversations, Protocol};
use netanalyze_core::engine::{Cancellation, Depth, Interests, View, analyse};
use netanalyze_core::expert::Finding;
use netanalyze_core::field::{AnalysedBatch, Row, Selection, fields};
use netanalyze_core::model::Error;
use netanalyze_core::report::Report;

use crate::wire::Pcap;

/// Rows of chosen fields; cells as tshark prints them. Where findings are asked for, each batch ends with a row a finding.
pub(crate) struct Rows {
    selection: Selection,
    findings: bool,
}

impl Rows {
    pub(crate) fn new<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        Rows { selection: Selection::new(names).unwrap(), findings: false }
    }

    pub(crate) fn with_findings(self) -> Self {
        Rows { findings: true, ..self }
    }
}

impl View for Rows {
    type Piece = Vec<Vec<String>>;

    fn interests(&self) -> Interests {
        let applications = if self.selection.needs_messages() { Depth::All } else { Depth::Findings };
        let rows = self.selection.needs_layers();
        // Whatever holds of rows and findings holds of causes.
        let diagnoses = self.findings.then(Arc::default);
        Interests { rows, applications, diagnoses, ..Interests::default() }
    }

    fn digest(&self, batch: &AnalysedBatch<'_>) -> Self::Piece {
        let mut row = Row::default();
        let cell = |values: &Vec<_>| values.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let mut rows: Vec<Vec<String>> = Vec::new();
        for frame in batch.frames() {
            self.selection.read(&frame, &mut row);
            rows.push(row.cells().iter().map(cell).collect());
        }
        if self.findings {
            rows.extend(batch.findings.iter().map(|f| {
                vec![
                    f.kind().id.to_owned(),
                    f.frame.to_string(),
                    format!("{:?} {} {:?} {}", f.stream, f.message(), f.detail, f.first_of_conversation),
                ]
            }));
        }
        rows
    }
}

/// Runs an analysis and gathers its rows.
pub(crate) fn run(
    sources: Vec<Source>,
    threads: usize,
    view: &Rows,
) -> Result<(Vec<Vec<String>>, Report), Error> {
    let mut rows = Vec::new();
    let accept = |piece: Vec<Vec<String>>, _: &AnalysedBatch<'_>| {
        rows.extend(piece);
        Ok(())
    };
    let report =
        analyse(sources, NonZeroUsize::new(threads).unwrap(), view, accept, &Cancellation::default())?;
    Ok((rows, report))
}

/// The rows of one capture, a text a row, cells separated by spaces and empty ones as `.`.
pub(crate) fn texts(capture: &Pcap, fields: &str) -> Vec<String> {
    let (rows, _) = run(vec![capture.source()], 3, &Rows::new(fields.split(' '))).unwrap();
    let text = |cell: &String| if cell.is_empty() { ".".to_owned() } else { cell.clone() };
    rows.iter().map(|row| row.iter().map(text).collect::<Vec<_>>().join(" ")).collect()
}

/// Everything that an analysis tells, as lines: frames with all their fields if rows are wanted, findings, conversations if there are books.
pub(crate) struct Everything {
    selection: Selection,
    interests: Interests,
}

impl Everything {
    pub(crate) fn new(interests: Interests) -> Self {
        // Rows tell every message, too.
        let applications = if interests.rows { Depth::All } else { interests.applications };
        let interests = Interests { applications, ..interests };
        Everything { selection: Selection::new(fields().map(|field| field.name)).unwrap(), interests }
    }

    /// The lines of a capture, the report last.
    pub(crate) fn of(&self, sources: Vec<Source>, threads: usize) -> Result<Vec<String>, Error> {
        let mut lines = Vec::new();
        let accept = |mut piece: Vec<String>, _: &AnalysedBatch<'_>| {
            lines.append(&mut piece);
            Ok(())
        };
        let threads = NonZeroUsize::new(threads).unwrap();
        let report = analyse(sources, threads, self, accept, &Cancellation::default())?;
        lines.push(format!("{report:?}"));
        Ok(lines)
    }
}

impl View for Everything {
    type Piece = Vec<String>;

    fn interests(&self) -> Interests {
        self.interests.clone()
    }

    fn digest(&self, batch: &AnalysedBatch<'_>) -> Vec<String> {
        let (mut row, mut lines) = (Row::default(), Vec::new());
        for frame in batch.frames().filter(|_| self.interests.rows) {
            self.selection.read(&frame, &mut row);
            lines.push(format!("frame {:?}", row.cells()));
        }
        // Where a conversation is kept is nobody's business.
        let plain = |finding: &Finding| Finding { conversation: ConversationRef::NONE, ..finding.clone() };
        lines.extend(batch.findings.iter().map(|finding| format!("finding {:?}", plain(finding))));
        lines
    }

    fn ending(
        &self,
        conversations: &Conversations,
        deliver: &mut dyn FnMut(Vec<String>) -> std::io::Result<()>,
    ) -> std::io::Result<()> {
        if self.interests.books {
            for protocol in [Protocol::Tcp, Protocol::Udp] {
                let kept = conversations.iter().filter(|of| of.protocol == protocol).count() as u64;
                // Some numbers belong to nothing that has packets of its own.
                let given = u64::from(conversations.count(protocol));
                assert!(kept + conversations.forgotten(protocol) <= given, "{protocol:?}");
            }
        }
        deliver(conversations.iter().map(|conversation| format!("{conversation:?}")).collect())
    }
}

//! Runs what the configuration asks for: the view through the engine, the pieces to the output, the gate at the end.

use std::io;

use netanalyze_core::Filter;
use netanalyze_core::engine::{Cancellation, Interests, View, analyse};
use netanalyze_core::expert::{Finding, KindSet, kind_by_id};
use netanalyze_core::field::AnalysedBatch;
use netanalyze_core::report::Report;

use crate::args::Format;
use crate::catalogue;
use crate::config::{Analysis, Config, Gate, Show, Task};
use crate::diagnoses;
use crate::exit::{Failure, Outcome, say};
use crate::export;
use crate::findings;
use crate::follow;
use crate::output::Output;
use crate::packets;
use crate::pick::{Look, Looked, Picked, Runs};
use crate::render::Palette;
use crate::schema;
use crate::streams;
use crate::summary;
use crate::table::Listing;
use crate::transactions::{self, Dns, Http, Rows, Tls, Transactions};

/// A view whose pieces are text that is written as it comes.
pub(crate) trait Streamed: View<Piece = Vec<u8>> {
    /// What stands in front.
    fn head(&self) -> Vec<u8>;

    /// What stands between two pieces that are not empty.
    fn joint(&self) -> &'static [u8] {
        b""
    }

    /// What stands at the end, `written` telling whether any piece was not empty.
    fn tail(&self, report: &Report, written: bool) -> io::Result<Vec<u8>>;
}

/// Runs it.
pub(crate) fn run(config: Config) -> Result<Outcome, Failure> {
    let Config { task, format, output, colour } = config;
    let analysis = match task {
        Task::Explain(kinds, rules) => {
            return print(output.as_deref(), catalogue::explain(&kinds, &rules, format, colour));
        }
        Task::ListThresholds => return print(output.as_deref(), catalogue::list_thresholds(format)),
        Task::ListFields => return print(output.as_deref(), catalogue::list_fields(format)),
        Task::Schema(shown) => return print(output.as_deref(), schema::emit(shown, format == Format::Jsonl)),
        Task::Analyse(analysis) => analysis,
    };
    if let Some(path) = output.as_deref().filter(|path| analysis.inputs.contains(path)) {
        return Err(Failure::Usage(format!(
            "the output {} is one of the files to read; choose another name",
            path.display()
        )));
    }
    let mut out = Output::open(output.as_deref())?;
    if analysis.gate != Gate::Open {
        out.outlive_reader();
    }
    let report = show(&analysis, format, Palette::new(colour), &mut out)?;
    out.finish()?;
    Ok(if trips(&analysis, &report) { Outcome::GateTripped } else { Outcome::Done })
}

/// Whether `--fail-on` found what it was asked for.
fn trips(analysis: &Analysis, report: &Report) -> bool {
    match analysis.gate {
        Gate::Open => false,
        Gate::Findings(kinds) => {
            let ids = report.findings_by_kind.iter().filter_map(|count| kind_by_id(count.id));
            ids.into_iter().any(|id| kinds.contains(id))
        }
        Gate::Diagnoses(least) => {
            let shown = diagnoses::Chosen::of(report, analysis.min_confidence, false).shown;
            shown.iter().any(|diagnosis| diagnosis.severity >= least)
        }
    }
}

fn print(path: Option<&std::path::Path>, text: io::Result<Vec<u8>>) -> Result<Outcome, Failure> {
    let mut out = Output::open(path)?;
    let text = text.map_err(|error| out.failure(error))?;
    out.write(&text)?;
    out.finish().map(|()| Outcome::Done)
}

fn show(analysis: &Analysis, format: Format, palette: Palette, out: &mut Output) -> Result<Report, Failure> {
    match &analysis.show {
        Show::Report => {
            let (report, text) = match &analysis.filter {
                None => {
                    let report = collect(analysis, &summary::Counts::new(analysis.interests()), |()| ())?;
                    let text = summary::render(&report, None, analysis, format, palette);
                    (report, text)
                }
                Some(filter) => {
                    let (sorting, mut sum) =
                        (summary::Sorting::new(filter, analysis)?, summary::Sum::new(filter, analysis));
                    let report = run_view(analysis, &sorting, |sorted, batch| {
                        sum.add(&sorted, batch);
                        Ok(())
                    })?;
                    tell_joined(&sum.runs);
                    let (of_matches, matching) = sum.report(&report, &sorting);
                    let text = summary::render(&of_matches, Some(&matching), analysis, format, palette);
                    (report, text)
                }
            };
            let text = text.map_err(|error| out.failure(error))?;
            out.write(&text)?;
            Ok(report)
        }
        Show::Diagnoses { all } => {
            let (report, of) = match &analysis.filter {
                None => (collect(analysis, &diagnoses::view(analysis), |()| ())?, None),
                Some(filter) => {
                    let mut matched = diagnoses::Matched::default();
                    let look = diagnoses::look(filter, analysis);
                    let report = run_view(analysis, &look, |looked, batch| {
                        matched.take(&looked, batch);
                        Ok(())
                    })?;
                    tell_joined(&matched.runs);
                    let of_matches = matched.narrow(&report);
                    (report, Some(of_matches))
                }
            };
            let text = diagnoses::render(&report, of.as_ref(), analysis, *all, format, palette);
            let text = text.map_err(|error| out.failure(error))?;
            out.write(&text)?;
            if format == Format::Csv {
                report.quality.iter().for_each(|gate| say(&format!("note: {} {}", gate.code, gate.summary)));
                notes_aside(&report);
            }
            Ok(report)
        }
        Show::Findings { all: false } if format == Format::Text => {
            let view = findings::Folding::new(analysis);
            let mut folded = findings::Folded::default();
            let report = match &analysis.filter {
                None => collect(analysis, &view, |piece| folded.add(piece, &view))?,
                Some(filter) => {
                    let look = look_for(filter, false, view.interests());
                    let mut picked = Picked::new(analysis.kinds);
                    let accept = |looked: Looked, batch: &AnalysedBatch<'_>| {
                        let found = picked.pick(&looked, batch);
                        folded.add(view.digest(&with_findings(batch, &found)), &view);
                        Ok(())
                    };
                    run_view(analysis, &look, accept)?
                }
            };
            out.write(&folded.render(&report, analysis, palette))?;
            Ok(report)
        }
        Show::Findings { .. } => {
            let view = findings::Lines::new(analysis, format, palette);
            let report = match &analysis.filter {
                None => stream(analysis, &view, out)?,
                Some(filter) => {
                    let look = look_for(filter, false, view.interests());
                    let mut picked = Picked::new(analysis.kinds);
                    stream_made(analysis, &view, &look, out, |looked, batch| {
                        let found = picked.pick(&looked, batch);
                        view.digest(&with_findings(batch, &found))
                    })?
                }
            };
            if format == Format::Csv {
                notes_aside(&report);
            }
            Ok(report)
        }
        Show::Streams { order, limit } => {
            let filter = analysis.filter.as_ref();
            let view = streams::Streams::new(order.as_ref(), *limit, format, filter, analysis.interests());
            let report = stream(analysis, &view, out)?;
            if matches!(format, Format::Text | Format::Csv) {
                notes_aside(&report);
            }
            Ok(report)
        }
        Show::Packets { columns, guard } => {
            let filter = analysis.filter.as_ref();
            let view = packets::Rows::new(columns, format, *guard, filter, analysis.interests());
            let report = stream(analysis, &view, out)?;
            if matches!(format, Format::Text | Format::Csv) {
                notes_aside(&report);
            }
            Ok(report)
        }
        Show::Transactions(which) => {
            let report = match which {
                Transactions::Dns => rows::<Dns>(analysis, format, out)?,
                Transactions::Tls => rows::<Tls>(analysis, format, out)?,
                Transactions::Http => rows::<Http>(analysis, format, out)?,
            };
            if matches!(format, Format::Text | Format::Csv) {
                notes_aside(&report);
            }
            Ok(report)
        }
        Show::Export(export) => {
            let report = export::run(analysis, export, out)?;
            notes_aside(&report);
            Ok(report)
        }
        Show::Follow(conversation) => {
            let report = follow::run(analysis, *conversation, format, out)?;
            if format == Format::Text {
                notes_aside(&report);
            }
            Ok(report)
        }
    }
}

/// A view that tests frames, for another view that shows findings and wants this.
fn look_for(filter: &Filter, conversations: bool, mut shown: Interests) -> Look<'_> {
    if filter.needs_findings() {
        shown.kinds = KindSet::ALL;
    }
    Look::new(Some(filter), conversations, shown)
}

/// Notes on standard error, where the data has no place for them.
fn notes_aside(report: &Report) {
    for note in &report.notes {
        say(&format!("note: {}", summary::note_line(note)));
    }
}

/// Runs a view whose pieces are added up.
fn collect<V: View>(
    analysis: &Analysis,
    view: &V,
    mut add: impl FnMut(V::Piece) + Send,
) -> Result<Report, Failure> {
    run_view(analysis, view, |piece, _| {
        add(piece);
        Ok(())
    })
}

fn run_view<V: View>(
    analysis: &Analysis,
    view: &V,
    accept: impl FnMut(V::Piece, &AnalysedBatch<'_>) -> io::Result<()> + Send,
) -> Result<Report, Failure> {
    Ok(analyse(analysis.inputs.sources(), analysis.threads, view, accept, &Cancellation::default())?)
}

/// The batch as if it had only these findings.
fn with_findings<'b>(batch: &AnalysedBatch<'b>, findings: &'b [Finding]) -> AnalysedBatch<'b> {
    let mut picked = *batch;
    picked.findings = findings;
    picked
}

/// Says what a limit on marks cost.
fn tell_joined(runs: &Runs) {
    if runs.joined() > 0 {
        say(&format!(
            "note: matches are too many to be kept apart: what lies between {} of them in their conversations counts as matching",
            runs.joined()
        ));
    }
}

/// Lists transactions, written as they become known. As in [`stream`], nothing is written before the first batch was read.
fn rows<R: Rows>(analysis: &Analysis, format: Format, out: &mut Output) -> Result<Report, Failure> {
    let (mut table, mut listing) = (R::default(), Listing::<R>::new(format));
    let mut capture_start = netanalyze_core::model::Timestamp::default();
    let writer = out.writer();
    let mut runs = Runs::default();
    let filter = analysis.filter.as_ref();
    let accept = |looked: Looked, batch: &AnalysedBatch<'_>| {
        capture_start = batch.capture_start;
        if filter.is_some() {
            runs.take(&looked, batch);
        }
        table.rows(batch, &mut |row| match filter {
            Some(_) if !transactions::matches(R::met(row), &runs) => Ok(()),
            _ => listing.push(row, batch.capture_start),
        })?;
        writer.write_all(&listing.take())
    };
    let look = Look::new(filter, filter.is_some(), transactions::interests(analysis.interests()));
    let report =
        analyse(analysis.inputs.sources(), analysis.threads, &look, accept, &Cancellation::default());
    tell_joined(&runs);
    let report = match report {
        Err(netanalyze_core::model::Error::Output(error)) => return Err(out.failure(error)),
        other => other?,
    };
    let mut list = |row: &R::Row<'_>| match filter {
        Some(_) if !transactions::matches(R::met(row), &runs) => Ok(()),
        _ => listing.push(row, capture_start),
    };
    table.finish(&mut list).map_err(|error| out.failure(error))?;
    let rest = listing.finish(&report).map_err(|error| out.failure(error))?;
    out.write(&rest)?;
    Ok(report)
}

/// Runs a view whose pieces are written at once. Nothing is written before the first batch was read, so that an input that cannot be
/// read leaves no half of an answer.
fn stream<V: Streamed>(analysis: &Analysis, view: &V, out: &mut Output) -> Result<Report, Failure> {
    stream_made(analysis, view, view, out, |piece, _| piece)
}

/// The same, where the pieces are made of those of another view, in capture order.
fn stream_made<S: Streamed, V: View>(
    analysis: &Analysis,
    view: &S,
    worked: &V,
    out: &mut Output,
    mut make: impl FnMut(V::Piece, &AnalysedBatch<'_>) -> Vec<u8> + Send,
) -> Result<Report, Failure> {
    let (mut begun, mut written) = (false, false);
    let writer = out.writer();
    let accept = |piece: V::Piece, batch: &AnalysedBatch<'_>| {
        let piece = make(piece, batch);
        if !begun {
            begun = true;
            writer.write_all(&view.head())?;
        }
        if piece.is_empty() {
            return Ok(());
        }
        if written {
            writer.write_all(view.joint())?;
        }
        written = true;
        writer.write_all(&piece)
    };
    let report =
        analyse(analysis.inputs.sources(), analysis.threads, worked, accept, &Cancellation::default());
    let report = match report {
        Err(netanalyze_core::model::Error::Output(error)) => return Err(out.failure(error)),
        other => other?,
    };
    if !begun {
        out.write(&view.head())?;
    }
    let tail = view.tail(&report, written).map_err(|error| out.failure(error))?;
    out.write(&tail)?;
    Ok(report)
}

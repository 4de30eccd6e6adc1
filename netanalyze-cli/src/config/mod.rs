//! Arguments checked against each other and the world: what is left can be run.

mod value;

use std::ffi::OsStr;
use std::io::IsTerminal;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use netanalyze_core::Filter;
use netanalyze_core::capture::FileFormat;
use netanalyze_core::diagnosis::{self, Confidence, Rule, rule_by_code, rules};
use netanalyze_core::engine::{Depth, Interests};
use netanalyze_core::expert::{KINDS, KindId, KindSet, Severity, Thresholds, kind_by_id};
use netanalyze_core::field::{Selection, fields, suggest};
use netanalyze_core::model::Span;
use netanalyze_core::model::limits::DEFAULT_MEMORY_LIMIT;
use netanalyze_core::protocol::tls::keys::Secrets;

use crate::args::{Args, Color, Format, WriteFormat};
use crate::diagnoses;
use crate::exit::{Failure, say};
use crate::export::{Around, Export, Target};
use crate::follow::{Follow, Side, Spelling};
use crate::input::Inputs;
use crate::packets::Columns;
use crate::schema::Shown;
use crate::streams::Order;
use crate::transactions::Transactions;
use value::{conversation, key_log, memory_limit, seconds};

/// A run to be made.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) task: Task,
    pub(crate) format: Format,
    pub(crate) output: Option<PathBuf>,
    pub(crate) colour: bool,
}

/// What the run does.
#[derive(Debug)]
pub(crate) enum Task {
    /// Says something that needs no capture.
    Explain(Vec<KindId>, Vec<&'static Rule>),
    /// Lists the field registry.
    ListFields,
    /// Lists the thresholds of diagnoses.
    ListThresholds,
    /// Prints the schema of an output.
    Schema(Shown),
    /// Analyses captures.
    Analyse(Box<Analysis>),
}

/// An analysis to be made.
#[derive(Debug)]
pub(crate) struct Analysis {
    pub(crate) inputs: Inputs,
    pub(crate) show: Show,
    /// Which packets are shown.
    pub(crate) filter: Option<Filter>,
    /// Kinds of finding that are shown.
    pub(crate) kinds: KindSet,
    pub(crate) min_severity: Severity,
    /// What makes the run fail.
    pub(crate) gate: Gate,
    /// Least sure diagnoses that are shown.
    pub(crate) min_confidence: Confidence,
    /// What decides about them.
    pub(crate) limits: Arc<diagnosis::Thresholds>,
    pub(crate) gap: Span,
    pub(crate) thresholds: Thresholds,
    pub(crate) memory_limit: u64,
    /// Secrets that were given.
    pub(crate) key_log: Option<Arc<Secrets>>,
    pub(crate) threads: NonZeroUsize,
}

/// `--fail-on`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    /// There is none.
    Open,
    /// A finding of these kinds trips it.
    Findings(KindSet),
    /// A diagnosis of at least this severity, of those that are shown.
    Diagnoses(diagnosis::Severity),
}

impl Analysis {
    /// What every view wants; each adds what it needs.
    pub(crate) fn interests(&self) -> Interests {
        let Analysis { gap, thresholds, memory_limit, .. } = *self;
        // A gate looks at what was found, whatever is shown.
        let finds = matches!(self.show, Show::Report | Show::Findings { .. } | Show::Diagnoses { .. })
            || self.gate != Gate::Open;
        let applications = if finds { Depth::Findings } else { Depth::None };
        let mut kinds = KindSet::NONE;
        let mut rows = false;
        let mut applications = applications;
        if let Some(filter) = &self.filter {
            rows = filter.needs_layers();
            if filter.needs_findings() {
                kinds = KindSet::ALL;
                applications = applications.max(Depth::Findings);
            }
            if filter.needs_messages() {
                applications = Depth::All;
            }
        }
        let key_log = self.key_log.clone();
        let books = false;
        let diagnoses = self.show.judges().then(|| Arc::clone(&self.limits));
        Interests {
            kinds,
            rows,
            gap,
            thresholds,
            memory_limit,
            applications,
            key_log,
            books,
            diagnoses,
            ..Interests::default()
        }
    }
}

/// The view.
#[derive(Debug)]
pub(crate) enum Show {
    /// The summary.
    Report,
    /// Findings; unfolded in text if `all`.
    Findings { all: bool },
    /// Causes; in text those that others explain, too, if `all`.
    Diagnoses { all: bool },
    /// Rows of conversations, at most so many.
    Streams { order: Option<Order>, limit: Option<usize> },
    /// Rows of packets.
    Packets { columns: Columns, guard: bool },
    /// Rows of transactions.
    Transactions(Transactions),
    /// Packets as a capture.
    Export(Export),
    /// A conversation's payload.
    Follow(Follow),
}

impl Show {
    /// Whether it shows diagnoses.
    fn judges(&self) -> bool {
        matches!(self, Show::Report | Show::Diagnoses { .. })
    }
}

impl Config {
    /// Checks the arguments.
    pub(crate) fn new(args: Args) -> Result<Self, Failure> {
        let colour = match args.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                let terminal = args.output.is_none() && std::io::stdout().is_terminal();
                let (no_color, term) = (std::env::var_os("NO_COLOR"), std::env::var_os("TERM"));
                auto_colour(terminal, no_color.as_deref(), term.as_deref())
            }
        };
        let output = args.output.as_ref().or(args.write.as_ref());
        let (format, output) = (args.format, output.filter(|path| path.as_os_str() != "-").cloned());
        let task = match &args.explain {
            Some(id) => to_explain(id)?,
            None if args.list_fields => Task::ListFields,
            None if args.list_thresholds => Task::ListThresholds,
            None => match args.schema {
                Some(shown) => schema(shown, args.format)?,
                None => Task::Analyse(Box::new(analysis(args)?)),
            },
        };
        Ok(Config { task, format, output, colour })
    }
}

/// Whether `--color auto` colours. NO_COLOR counts when it is not empty (no-color.org).
fn auto_colour(terminal: bool, no_color: Option<&OsStr>, term: Option<&OsStr>) -> bool {
    terminal && no_color.is_none_or(OsStr::is_empty) && term.is_none_or(|term| term != "dumb")
}

fn schema(shown: Shown, format: Format) -> Result<Task, Failure> {
    if format == Format::Csv {
        let why = "--schema tells of JSON, and with --format jsonl of JSON lines; CSV has no schema";
        return Err(Failure::Usage(why.to_owned()));
    }
    Ok(Task::Schema(shown))
}

fn to_explain(id: &str) -> Result<Task, Failure> {
    if id == "all" {
        return Ok(Task::Explain(KindId::all().collect(), rules().collect()));
    }
    if let Some(kind) = kind_by_id(id) {
        return Ok(Task::Explain(vec![kind], Vec::new()));
    }
    if let Some(rule) = rule_by_code(id) {
        return Ok(Task::Explain(Vec::new(), vec![rule]));
    }
    let names = rules().flat_map(|rule| [rule.code, rule.name]);
    let near = suggest(id, KINDS.iter().map(|kind| kind.id).chain(names), 3);
    let hint = if near.is_empty() {
        "`--explain all` explains every one".to_owned()
    } else {
        format!("did you mean {}?", near.join(" or "))
    };
    Err(Failure::Usage(format!("no rule and no kind of finding is called {id:?}; {hint}")))
}

fn analysis(args: Args) -> Result<Analysis, Failure> {
    if let Some(view) = view_without_findings(&args)
        && args.min_severity.is_some()
        && (args.fail_on.is_none() || args.diagnoses)
    {
        let gate =
            if args.diagnoses { "; --min-confidence chooses diagnoses" } else { ", or give --fail-on" };
        return Err(Failure::Usage(format!(
            "--min-severity chooses findings, and {view} lists none: leave it out{gate}"
        )));
    }
    let min_severity = args.min_severity.map_or(Severity::Note, Severity::from);
    let filter = args.filter.as_deref().map(Filter::compile).transpose().map_err(Failure::Filter)?;
    if let Some(remark) = filter.as_ref().and_then(Filter::remark) {
        say(remark);
    }
    let show = if args.findings {
        Show::Findings { all: args.all }
    } else if args.diagnoses {
        Show::Diagnoses { all: args.all }
    } else if args.packets {
        Show::Packets { columns: columns(args.fields.as_deref(), args.format)?, guard: args.csv_safe }
    } else if args.streams {
        let order = args.sort.as_deref().map(Order::new).transpose()?;
        Show::Streams { order, limit: args.limit.map(|limit| limit as usize) }
    } else if args.dns {
        Show::Transactions(Transactions::Dns)
    } else if args.tls {
        Show::Transactions(Transactions::Tls)
    } else if args.http {
        Show::Transactions(Transactions::Http)
    } else if let Some(path) = &args.write {
        Show::Export(export(path, &args)?)
    } else if let Some(name) = &args.follow {
        Show::Follow(follow(name, &args)?)
    } else {
        Show::Report
    };
    let gate = match args.fail_on {
        None => Gate::Open,
        Some(word) if show.judges() => Gate::Diagnoses(word.into()),
        Some(word) => Gate::Findings(KindSet::at_least(Severity::from(word).max(min_severity))),
    };
    let limits = Arc::new(diagnoses::set(&args.threshold)?);
    let threads = match args.threads {
        Some(threads) => NonZeroUsize::new(usize::from(threads)),
        None => std::thread::available_parallelism().ok(),
    };
    let thresholds = thresholds(&args)?;
    let mut inputs = Inputs::new(args.captures, args.sort_captures)?;
    if let Some(path) = &args.keylog {
        inputs.read_beside(path.clone());
    }
    Ok(Analysis {
        inputs,
        show,
        filter,
        kinds: KindSet::at_least(min_severity),
        min_severity,
        gate,
        min_confidence: args.min_confidence.map_or(Confidence::Medium, Confidence::from),
        limits,
        gap: seconds("--gap", &args.gap)?,
        thresholds,
        memory_limit: args.memory_limit.as_deref().map_or(Ok(DEFAULT_MEMORY_LIMIT), memory_limit)?,
        key_log: args.keylog.as_deref().map(key_log).transpose()?.flatten(),
        threads: threads.unwrap_or(NonZeroUsize::MIN),
    })
}

fn view_without_findings(args: &Args) -> Option<&'static str> {
    let views = [
        (args.diagnoses, "--diagnoses"),
        (args.packets, "--packets"),
        (args.streams, "--streams"),
        (args.dns, "--dns"),
        (args.tls, "--tls"),
        (args.http, "--http"),
        (args.follow.is_some(), "--follow"),
        (args.write.is_some() && !args.annotate, "-w"),
    ];
    views.into_iter().find_map(|(chosen, name)| chosen.then_some(name))
}

fn export(path: &Path, args: &Args) -> Result<Export, Failure> {
    let usage = |message: &str| Err(Failure::Usage(message.to_owned()));
    let format = args.write_format.map(|format| match format {
        WriteFormat::Pcapng => FileFormat::Pcapng,
        WriteFormat::Pcap => FileFormat::Pcap,
    });
    let target = Target::of(path, format).map_err(Failure::Usage)?;
    if args.annotate && target.format == FileFormat::Pcap {
        return usage("--annotate writes comments, for which pcap has no place: write pcapng");
    }
    let around = match (args.write_streams, args.write_context) {
        (true, _) => Around::Conversation,
        (false, Some(packets)) if packets > 0 => Around::Packets(packets),
        _ => Around::Nothing,
    };
    if (args.write_streams || args.write_context.is_some()) && args.filter.is_none() {
        return usage("--write-context and --write-streams go around what --filter chooses: give one");
    }
    if path.as_os_str() == "-" && std::io::stdout().is_terminal() {
        return usage("-w - would send a capture to the terminal: redirect it, or name a file");
    }
    Ok(Export { target, annotate: args.annotate, around })
}

fn follow(name: &str, args: &Args) -> Result<Follow, Failure> {
    let (protocol, stream) = conversation(name)?;
    let usage = |message: &str| Err(Failure::Usage(message.to_owned()));
    match (args.format, args.follow_format) {
        (Format::Csv, _) => {
            return usage(
                "--follow has no CSV: what was said is no table; --format jsonl has a line for each run of bytes",
            );
        }
        (Format::Json | Format::Jsonl, Some(_)) => {
            return usage(
                "--follow-format is for text: JSON carries the bytes in base64; leave one of the two out",
            );
        }
        (Format::Text, Some(Spelling::Raw))
            if std::io::stdout().is_terminal() && to_standard_output(args) =>
        {
            return usage(
                "--follow-format raw would send the conversation's bytes to the terminal as they are; redirect them, or give -o FILE",
            );
        }
        _ => {}
    }
    let (spelling, side) =
        (args.follow_format.unwrap_or(Spelling::Ascii), args.follow_direction.unwrap_or(Side::Both));
    Ok(Follow { protocol, stream, spelling, side })
}

fn to_standard_output(args: &Args) -> bool {
    args.output.as_deref().is_none_or(|path| path.as_os_str() == "-")
}

fn columns(names: Option<&[String]>, format: Format) -> Result<Columns, Failure> {
    let Some(names) = names else {
        return Columns::default_for(format).map_err(|error| Failure::Usage(error.to_string()));
    };
    let names: Vec<&str> = names.iter().map(|name| name.trim()).collect();
    if names.iter().all(|name| name.is_empty()) {
        return Err(Failure::Usage(
            "--fields names no field; `netanalyze --list-fields` lists them".to_owned(),
        ));
    }
    if names.contains(&"") {
        return Err(Failure::Usage(format!(
            "--fields {:?} has an empty name: one comma stands between two fields",
            names.join(",")
        )));
    }
    Selection::new(names).map(Columns::Fields).map_err(|error| {
        let near = suggest(&error.name, fields().map(|field| field.name), 3);
        let hint = if near.is_empty() {
            "`netanalyze --list-fields` lists all".to_owned()
        } else {
            format!("did you mean {}? `netanalyze --list-fields` lists all", near.join(" or "))
        };
        Failure::Usage(format!("no field is called {:?}; {hint}", error.name))
    })
}

/// What counts as slow.
fn thresholds(args: &Args) -> Result<Thresholds, Failure> {
    let mut thresholds = Thresholds::default();
    for (option, text, threshold) in [
        ("--dns-slow", &args.dns_slow, &mut thresholds.dns_slow),
        ("--dns-timeout", &args.dns_timeout, &mut thresholds.dns_timeout),
        ("--tls-slow", &args.tls_slow, &mut thresholds.tls_slow),
        ("--http-slow", &args.http_slow, &mut thresholds.http_slow),
    ] {
        if let Some(text) = text {
            *threshold = seconds(option, text)?;
        }
    }
    Ok(thresholds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_on_terminals_that_want_them() {
        let os = |text: &'static str| Some(OsStr::new(text));
        for (terminal, no_color, term, colour) in [
            (true, None, os("xterm"), true),
            (true, os(""), None, true),
            (true, os("1"), os("xterm"), false),
            (true, None, os("dumb"), false),
            (false, None, os("xterm"), false),
        ] {
            assert_eq!(auto_colour(terminal, no_color, term), colour);
        }
    }

    #[test]
    fn default_fields_exist() {
        for format in [Format::Text, Format::Json, Format::Jsonl, Format::Csv] {
            assert!(columns(None, format).is_ok());
        }
    }
}

//! Arguments checked against each other and the world: what is left can be run.

use std::ffi::OsStr;
use std::io::{IsTerminal, Read};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use netanalyze_core::Filter;
use netanalyze_core::capture::FileFormat;
use netanalyze_core::conversation::Protocol;
use netanalyze_core::diagnosis::{self, Confidence, Rule, rule_by_code, rules};
use netanalyze_core::engine::{Depth, Interests};
use netanalyze_core::expert::{KINDS, KindId, KindSet, Severity, Thresholds, kind_by_id};
use netanalyze_core::field::{Selection, fields, suggest};
use netanalyze_core::model::limits::{
    DEFAULT_MEMORY_LIMIT, MAX_KEY_LOG_BYTES, MAX_SECRETS, MIN_MEMORY_LIMIT,
};
use netanalyze_core::model::{Error, FrameNumber, Span};
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

/// Reads a key log. What is to be said of it goes to standard error: the rest is used. Nothing comes of one without secrets, as a program
/// leaves it that met no TLS.
fn key_log(path: &Path) -> Result<Option<Arc<Secrets>>, Failure> {
    let name = path.display();
    let text = key_log_text(path).map_err(|source| Error::Read { name: name.to_string(), source })?;
    let mut secrets = Secrets::default();
    let learned = secrets.learn(&text, FrameNumber(0));
    if let Some((line, reason)) = learned.first_bad {
        let more = match learned.bad {
            1 => String::new(),
            bad => format!(", nor are {} more", bad - 1),
        };
        say(&format!("{name}: line {line} is no line of a key log ({reason}){more}"));
    }
    if learned.left_out > 0 {
        say(&format!("{name}: {} secrets are beyond the {MAX_SECRETS} that are kept", learned.left_out));
    }
    if !secrets.is_empty() {
        return Ok(Some(Arc::new(secrets)));
    }
    let nothing = format!("{name} holds no secrets of TLS connections");
    if learned.bad > 0 {
        return Err(Failure::Usage(nothing));
    }
    say(&format!("{nothing}: nothing is decrypted"));
    Ok(None)
}

/// The lines of a key log, as far as they are read.
fn key_log_text(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let mut rest = std::fs::File::open(path)?.take(MAX_KEY_LOG_BYTES + 1);
    rest.read_to_end(&mut text)?;
    if text.len() as u64 > MAX_KEY_LOG_BYTES {
        let whole = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        // Without the end of any line it is one, which is none of a key log.
        text.truncate(if whole == 0 { text.len() } else { whole });
        say(&format!("{}: only the first {} MiB are read", path.display(), MAX_KEY_LOG_BYTES >> 20));
    }
    Ok(text)
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

/// `N`, `tcp:N` or `udp:N`.
fn conversation(name: &str) -> Result<(Protocol, u64), Failure> {
    let (protocol, number) = match name.split_once(':') {
        None => (Some(Protocol::Tcp), name),
        Some(("tcp", number)) => (Some(Protocol::Tcp), number),
        Some(("udp", number)) => (Some(Protocol::Udp), number),
        Some((_, number)) => (None, number),
    };
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    match (protocol, number.parse()) {
        (Some(protocol), Ok(stream)) if digits => Ok((protocol, stream)),
        _ => Err(Failure::Usage(format!(
            "--follow {name:?} names no conversation: give the number that Wireshark has for it, e.g. 0, tcp:0 or udp:0"
        ))),
    }
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

/// The longest time that an option takes: nine digits on either side of the point.
const MOST_SECONDS: &str = "999999999.999999999";

/// Seconds with up to nine decimals, above 0.
fn seconds(option: &str, text: &str) -> Result<Span, Failure> {
    let wrong = || {
        Failure::Usage(format!(
            "{option} {text:?} cannot be used: give seconds in plain digits, above 0 and at most {MOST_SECONDS}, e.g. 0.5"
        ))
    };
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() + decimals.len() == 0
        || !digits(whole)
        || !digits(decimals)
        || whole.len() > 9
        || decimals.len() > 9
    {
        return Err(wrong());
    }
    let number = |part: &str| if part.is_empty() { Ok(0) } else { part.parse::<i64>().map_err(|_| wrong()) };
    let ns = number(whole)? * 1_000_000_000 + number(&format!("{decimals:0<9}"))?;
    if ns == 0 { Err(wrong()) } else { Ok(Span(ns)) }
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

/// Bytes, or thousands (of 1024), millions or more of them by a letter.
fn memory_limit(text: &str) -> Result<u64, Failure> {
    let wrong = |why: &str| {
        Failure::Usage(format!("--memory-limit {text:?} cannot be used: {why}, e.g. 256M, 1.5G or 4G"))
    };
    let upper = text.to_ascii_uppercase();
    let number = upper.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match upper.get(number.len()..).unwrap_or_default() {
        "" | "B" => 1.0,
        "K" | "KB" | "KIB" => 1024.0,
        "M" | "MB" | "MIB" => 1024.0 * 1024.0,
        "G" | "GB" | "GIB" => 1024.0 * 1024.0 * 1024.0,
        "T" | "TB" | "TIB" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return Err(wrong("the unit is one of K, M, G and T")),
    };
    let plain = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let bytes = number.parse::<f64>().ok().filter(|_| plain).map(|number| number * unit);
    let bytes = bytes.ok_or_else(|| wrong("give a size"))?;
    // Saturates: nobody has that much.
    let bytes = bytes as u64;
    if bytes < MIN_MEMORY_LIMIT { Err(wrong("64M is the least")) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    #[test]
    fn reads_memory_limits() {
        let mib = 1 << 20;
        for (text, bytes) in [
            ("64M", 64 * mib),
            ("256m", 256 * mib),
            ("256MiB", 256 * mib),
            ("1G", 1024 * mib),
            ("1.5g", 1536 * mib),
            ("2T", 2 << 40),
            ("67108864", 64 * mib),
            ("99999999999999999999T", u64::MAX),
        ] {
            assert_eq!(memory_limit(text).unwrap(), bytes, "{text}");
        }
        for text in ["", "M", "63M", "0", "-1G", "1e9", "1 G", "inf", "nan", "1GG", "256X", "1..5G", "١G"] {
            assert!(memory_limit(text).is_err(), "{text}");
        }
    }

    use super::*;

    #[test]
    fn reads_names_of_conversations() {
        for (name, protocol, stream) in [
            ("0", Protocol::Tcp, 0),
            ("tcp:17", Protocol::Tcp, 17),
            ("udp:4294967295", Protocol::Udp, 4_294_967_295),
            ("4294967296", Protocol::Tcp, 4_294_967_296),
            ("007", Protocol::Tcp, 7),
        ] {
            assert_eq!(conversation(name).unwrap(), (protocol, stream), "{name}");
        }
        for name in [
            "",
            "tcp",
            "tcp:",
            "udp:-1",
            "+1",
            "TCP:1",
            "sctp:1",
            "1:2",
            "99999999999999999999",
            "1.5",
            "udp:1:2",
        ] {
            assert!(conversation(name).is_err(), "{name}");
        }
    }

    #[test]
    fn reads_seconds_exactly() {
        for (text, ns) in
            [("1", 1_000_000_000), ("0.2", 200_000_000), (".000000001", 1), ("12.", 12_000_000_000)]
        {
            assert_eq!(seconds("--gap", text).unwrap(), Span(ns), "{text}");
        }
        for text in ["", ".", "0", "-1", "1e3", "1,5", "NaN", "9999999999", "0.0000000001"] {
            assert!(seconds("--gap", text).is_err(), "{text}");
        }
        assert_eq!(seconds("--gap", MOST_SECONDS).unwrap(), Span(999_999_999_999_999_999));
    }

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

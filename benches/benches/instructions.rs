//! Instructions of every path on one thread, counted by callgrind, and held against `benches/baseline.tsv`.
//!
//! `cargo bench -p netanalyze-benches --bench instructions` checks; behind `--`, `--update` writes the baseline anew, `--spread 5` says how much
//! the counts differ from run to run, and `--only PATH` does it for some paths only.
//!
//! A runner of our own rather than gungraun or iai-callgrind: those keep their baselines under `target`, a committed one with notes would have
//! to be built beside them, and their runner, which must match the crate to the letter, takes a fresh machine minutes to build. What is left
//! of the task is one call of valgrind.

mod paths;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Parser;
use netanalyze_benches::baseline::{self, Baseline};
use netanalyze_benches::compare::process::said;
use paths::{PATHS, Path, Work, prepare};

/// Packets of a capture: a few seconds a path under valgrind.
const PACKETS: u64 = 40_000;

/// The baseline, from the root of the repository.
const FILE: &str = "benches/baseline.tsv";

/// Count instructions and hold them against the baseline.
#[derive(Parser)]
struct Arguments {
    /// Write the baseline anew, and print what changed.
    #[arg(long)]
    update: bool,
    /// With --update: why a path may cost more than before.
    #[arg(long, value_name = "PATH=WHY", requires = "update")]
    note: Vec<String>,
    /// Measure so often, and print how much the counts differ.
    #[arg(long, conflicts_with = "update")]
    spread: Option<usize>,
    /// Only this path; may be given more than once.
    #[arg(long, conflicts_with = "update")]
    only: Vec<String>,
    /// Run a path once: what valgrind is given to run.
    #[arg(long, hide = true)]
    run: Option<String>,
    /// Comes from cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if let Some(name) = &arguments.run {
        return run(name);
    }
    let mut out = std::io::stdout().lock();
    let paths: Vec<_> = PATHS
        .iter()
        .filter(|path| arguments.only.is_empty() || arguments.only.contains(&path.name()))
        .collect();
    if paths.is_empty() {
        bail!("no such path; there are {}", PATHS.map(Path::name).join(", "));
    }
    if let Some(rounds) = arguments.spread {
        for path in paths {
            let counts =
                (0..rounds.max(2)).map(|_| Ok(count(*path)?.instructions)).collect::<Result<Vec<_>>>()?;
            let (least, most) = (counts.iter().min().copied(), counts.iter().max().copied());
            let (least, most) = (least.unwrap_or_default(), most.unwrap_or_default());
            writeln!(
                out,
                "{:28} {least:>12} to {most:>12}: {:.3} %",
                path.name(),
                100.0 * baseline::change(least, most)
            )?;
        }
        return Ok(());
    }
    let mut measured = BTreeMap::new();
    let mut old = read_baseline()?;
    for path in &paths {
        let Counted { instructions, elements } = count(**path)?;
        let before = old.get(&path.name()).map(|figure| figure.instructions);
        let change = before.map_or("new".to_owned(), |before| {
            format!("{:+.2} %", 100.0 * baseline::change(before, instructions))
        });
        let each = instructions / elements.max(1);
        writeln!(out, "{:28} {instructions:>12} instructions, {each:>5} each: {change}", path.name())?;
        measured.insert(path.name(), instructions);
    }
    if arguments.update {
        let notes = arguments.note.iter().map(|note| {
            let (path, why) = note.split_once('=').context("a note is PATH=WHY")?;
            Ok((path.to_owned(), why.to_owned()))
        });
        let new = baseline::update(&old, &measured, &notes.collect::<Result<_>>()?)?;
        std::fs::write(root().join(FILE), baseline::render(&new, &format!("Made with {}", made_with())))?;
        writeln!(out, "written: {FILE}")?;
        return Ok(());
    }
    if !arguments.only.is_empty() {
        old.retain(|path, _| measured.contains_key(path));
    }
    let judgement = baseline::judge(previous().as_ref(), &old, &measured);
    for hint in &judgement.hints {
        writeln!(out, "note: {hint}")?;
    }
    for wrong in &judgement.wrong {
        writeln!(out, "error: {wrong}")?;
    }
    if !judgement.wrong.is_empty() {
        let text = std::fs::read_to_string(root().join(FILE)).unwrap_or_default();
        writeln!(out, "measured with: {}\nbaseline: {}", made_with(), text.lines().next().unwrap_or("none"))?;
        std::process::exit(1);
    }
    Ok(())
}

fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn made_with() -> String {
    let line =
        |program| said(program, &["--version"]).and_then(|text| text.lines().next().map(str::to_owned));
    let lines = [line("rustc"), line("valgrind")];
    format!("{} for {}.", lines.map(Option::unwrap_or_default).join(" and "), std::env::consts::ARCH)
}

fn read_baseline() -> Result<Baseline> {
    match std::fs::read_to_string(root().join(FILE)) {
        Ok(text) => baseline::parse(&text),
        Err(_) => Ok(Baseline::new()),
    }
}

/// The baseline before the one at hand: the last commit's if that differs, else the one before the commit that last changed it. `None`
/// without history.
fn previous() -> Option<Baseline> {
    let git = |arguments: &[&str]| -> Option<String> {
        let output = Command::new("git").current_dir(root()).args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let at = |commit: &str| git(&["show", &format!("{commit}:{FILE}")]);
    let now = std::fs::read_to_string(root().join(FILE)).ok()?;
    let text = match at("HEAD") {
        Some(head) if head != now => head,
        _ => {
            let commits = git(&["log", "-n", "2", "--format=%H", "--", FILE])?;
            at(commits.lines().nth(1)?)?
        }
    };
    baseline::parse(&text).ok()
}

/// What valgrind and the run under it say.
struct Counted {
    instructions: u64,
    elements: u64,
}

/// Counts the instructions of a path in a process of its own.
fn count(path: Path) -> Result<Counted> {
    let file = std::env::temp_dir().join(format!("netanalyze-callgrind-{}", std::process::id()));
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--toggle-collect=*instructions*measured*"])
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(std::env::current_exe()?)
        .args(["--run", &path.name()])
        .output()
        .context("cannot run valgrind (on Debian: apt-get install valgrind)")?;
    let text = std::fs::read_to_string(&file).unwrap_or_default();
    let _ = std::fs::remove_file(&file);
    if !output.status.success() {
        bail!("{}: {}", path.name(), String::from_utf8_lossy(&output.stderr));
    }
    let instructions = baseline::callgrind_total(&text).filter(|count| *count > 0);
    let instructions = instructions.with_context(|| format!("{}: nothing was counted", path.name()))?;
    let elements =
        String::from_utf8_lossy(&output.stdout).split_whitespace().next().and_then(|n| n.parse().ok());
    Ok(Counted { instructions, elements: elements.context("the run did not say how much it did")? })
}

fn run(name: &str) -> Result<()> {
    let path = PATHS.into_iter().find(|path| path.name() == name).context("no such path")?;
    let mut work = prepare(path, PACKETS)?;
    if measured(&mut work)? == 0 {
        bail!("{name} did nothing");
    }
    writeln!(std::io::stdout(), "{} elements, {} bytes", work.elements, work.bytes)?;
    Ok(())
}

/// Callgrind counts what happens in here. Never inlined, so that it can be told by its name.
#[inline(never)]
fn measured(work: &mut Work) -> std::io::Result<u64> {
    black_box((work.run)())
}

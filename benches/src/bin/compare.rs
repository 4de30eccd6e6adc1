//! `compare file CAPTURE`: netanalyze and its peers on one capture. `compare shapes`: adverse shapes at two sizes.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Args, Parser, Subcommand};
use netanalyze_benches::compare::contest::{self, Subject};
use netanalyze_benches::compare::{machine, scaling};
use netanalyze_benches::shape::Shape;

/// Compare netanalyze with other tools, interleaved and on the same capture.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// netanalyze and every installed peer on one capture.
    #[command(args_override_self = true)]
    File {
        /// The capture.
        capture: String,
        /// Rounds of the fast commands.
        #[arg(long, default_value_t = 9)]
        rounds: usize,
        /// Rounds of tcptrace and tshark, which take long; 0 leaves them out.
        #[arg(long, default_value_t = 1)]
        slow_rounds: usize,
        /// What the capture is, for the heading [default: the name of the file].
        #[arg(long)]
        about: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// Time and memory a packet of adverse shapes, at two sizes.
    #[command(args_override_self = true)]
    Shapes {
        /// Packets of the small captures.
        #[arg(long, default_value_t = 1_000_000)]
        small: u64,
        /// Packets of the large captures.
        #[arg(long, default_value_t = 10_000_000)]
        large: u64,
        /// Rounds.
        #[arg(long, default_value_t = 3)]
        rounds: usize,
        /// Shapes, separated by commas [default: all adverse ones].
        #[arg(long, value_delimiter = ',')]
        only: Vec<String>,
        /// Where captures are made, and removed again: two at a time, up to 2 GB together.
        #[arg(long, default_value_os_t = std::env::temp_dir())]
        temp: PathBuf,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Args)]
struct Common {
    /// The command to measure [default: the one beside this program].
    #[arg(long)]
    netanalyze: Option<PathBuf>,
    /// Write DIR/DATE-NAME.md instead of standard output, e.g. benches/results.
    #[arg(long)]
    results: Option<PathBuf>,
    /// NAME of the result.
    #[arg(long)]
    name: Option<String>,
}

impl Common {
    fn netanalyze(&self) -> Result<String> {
        let path = self.netanalyze.clone().map_or_else(|| beside("netanalyze"), Ok)?;
        if !path.is_file() {
            bail!("{} is not there: cargo build --release", path.display());
        }
        Ok(path.display().to_string())
    }

    fn publish(&self, usual: &str, text: &str) -> Result<()> {
        let Some(directory) = &self.results else {
            return Ok(std::io::stdout().lock().write_all(text.as_bytes())?);
        };
        std::fs::create_dir_all(directory)?;
        let name = self.name.as_deref().unwrap_or(usual);
        let path = directory.join(format!("{}-{name}.md", machine::today()));
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        writeln!(std::io::stderr(), "written: {}", path.display())?;
        Ok(())
    }
}

/// A program in the directory of this one.
fn beside(name: &str) -> Result<PathBuf> {
    Ok(std::env::current_exe()?.with_file_name(name))
}

fn main() -> Result<()> {
    match Arguments::parse().what {
        What::File { capture, rounds, slow_rounds, about, common } => {
            let netanalyze = common.netanalyze()?;
            let stem =
                Path::new(&capture).file_stem().map_or("capture".into(), |stem| stem.to_string_lossy());
            let bytes = contest::warm(Path::new(&capture))?;
            let packets = contest::packets(&netanalyze, &capture)?;
            let entries = contest::entries(&netanalyze, &capture, slow_rounds > 0);
            let records = contest::run(&entries, rounds, slow_rounds);
            let about = about.as_deref().unwrap_or(&stem);
            let subject = Subject { about, bytes, packets, rounds: (rounds, slow_rounds) };
            common.publish(&stem, &contest::table(&subject, &entries, &records))
        }
        What::Shapes { small, large, rounds, only, temp, common } => {
            let mut shapes = Vec::new();
            for name in &only {
                let shape = Shape::ALL.into_iter().find(|shape| shape.name() == name);
                shapes.push(shape.with_context(|| format!("no shape {name}"))?);
            }
            if shapes.is_empty() {
                shapes.extend(scaling::SHAPES);
            }
            let trial = scaling::Trial {
                netanalyze: common.netanalyze()?,
                make_capture: beside("make-capture")?.display().to_string(),
                directory: temp,
                sizes: [small, large],
                rounds: rounds.max(1),
            };
            common.publish("shapes", &scaling::run(&trial, &shapes)?)
        }
    }
}

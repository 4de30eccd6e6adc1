//! Writes a large capture from a seed: `make-capture OUT.pcap --bytes 1G --seed 7 --shape mixed`.

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use netanalyze_benches::shape::{self, Shape};
use std::fs::File;
use std::io::{BufWriter, Write};

/// Write a large seeded capture.
#[derive(Parser)]
struct Arguments {
    /// The file to write; `-` is standard output.
    out: String,
    /// How large, with K, M or G for powers of 1024.
    #[arg(long, default_value = "1G", value_parser = size)]
    bytes: u64,
    /// The same seed gives the same bytes.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// What the capture is like.
    #[arg(long, value_enum, default_value_t = Choice::Mixed)]
    shape: Choice,
}

#[derive(Clone, Copy, ValueEnum)]
enum Choice {
    Mixed,
    SynFlood,
    Elephant,
    Interleaved,
    OutOfOrder,
    Fragments,
    Tiny,
}

fn size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(['K', 'M', 'G']);
    let unit = match &text[digits.len()..] {
        "" => 1u64,
        "K" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        _ => return Err("one of K, M, G at most".to_owned()),
    };
    let number: u64 = digits.parse().map_err(|_| "a whole number with K, M or G".to_owned())?;
    number.checked_mul(unit).ok_or_else(|| "too large".to_owned())
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let out: Box<dyn Write> = if arguments.out == "-" {
        Box::new(std::io::stdout().lock())
    } else {
        Box::new(File::create(&arguments.out).with_context(|| format!("cannot create {}", arguments.out))?)
    };
    let shape = match arguments.shape {
        Choice::Mixed => Shape::Mixed,
        Choice::SynFlood => Shape::SynFlood,
        Choice::Elephant => Shape::Elephant,
        Choice::Interleaved => Shape::Interleaved,
        Choice::OutOfOrder => Shape::OutOfOrder,
        Choice::Fragments => Shape::Fragments,
        Choice::Tiny => Shape::Tiny,
    };
    let done = shape::write(BufWriter::with_capacity(1 << 20, out), shape, arguments.bytes, arguments.seed)
        .with_context(|| format!("cannot write {}", arguments.out))?;
    let mut err = std::io::stderr().lock();
    writeln!(err, "{} bytes, {} frames, {} conversations", done.bytes, done.frames, done.conversations)?;
    Ok(())
}

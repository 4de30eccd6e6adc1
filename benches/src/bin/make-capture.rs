//! Writes a large capture from a seed: `make-capture OUT.pcap --bytes 1G --seed 7 --shape mixed`.

use anyhow::{Context, Result};
use clap::{Parser, builder::PossibleValuesParser, builder::TypedValueParser};
use netanalyze_benches::encode::Extent;
use netanalyze_benches::shape::{self, Plan, Shape};
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
    /// How many packets, instead of a size, with K, M or G for powers of 1000.
    #[arg(long, conflicts_with = "bytes", value_parser = count)]
    packets: Option<u64>,
    /// The same seed gives the same bytes.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// What the capture is like.
    #[arg(long, default_value = "mixed", value_parser = shapes())]
    shape: Shape,
    /// Conversations that run at once, with K, M or G for powers of 1000 [default: the shape's own number].
    #[arg(long, value_parser = connections)]
    connections: Option<u64>,
    /// Keep so many bytes of each frame, as `tcpdump -s` does: many packets in a small file.
    #[arg(long)]
    snap: Option<usize>,
}

fn shapes() -> impl TypedValueParser<Value = Shape> {
    PossibleValuesParser::new(Shape::ALL.map(Shape::name))
        .try_map(|name| Shape::ALL.into_iter().find(|shape| shape.name() == name).ok_or("no such shape"))
}

/// Every conversation takes memory while the capture is made.
fn connections(text: &str) -> Result<u64, String> {
    const MOST: u64 = 16_000_000;
    count(text).and_then(|n| if n > MOST { Err(format!("at most {MOST} at once")) } else { Ok(n) })
}

fn size(text: &str) -> Result<u64, String> {
    scaled(text, 1 << 10)
}

fn count(text: &str) -> Result<u64, String> {
    scaled(text, 1_000)
}

fn scaled(text: &str, base: u64) -> Result<u64, String> {
    let digits = text.trim_end_matches(['K', 'M', 'G']);
    let unit = match &text[digits.len()..] {
        "" => 1u64,
        "K" => base,
        "M" => base.pow(2),
        "G" => base.pow(3),
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
    let plan = Plan {
        shape: arguments.shape,
        extent: arguments.packets.map_or(Extent::Bytes(arguments.bytes), Extent::Packets),
        connections: arguments
            .connections
            .map(|connections| usize::try_from(connections).unwrap_or(usize::MAX)),
        snap: arguments.snap,
        seed: arguments.seed,
    };
    let done = shape::write(BufWriter::with_capacity(1 << 20, out), &plan)
        .with_context(|| format!("cannot write {}", arguments.out))?;
    let mut err = std::io::stderr().lock();
    writeln!(err, "{} bytes, {} frames, {} conversations", done.bytes, done.frames, done.conversations)?;
    Ok(())
}

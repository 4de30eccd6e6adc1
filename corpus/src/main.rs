//! `netanalyze-corpus write DIR`: writes every capture to `DIR/captures`, the manifest to `DIR/manifest.tsv`, and
//! what every conversation is in the end to `DIR/conversations.tsv`.
//!
//! `netanalyze-corpus write-large DIR [CONNECTIONS [SEED]]`: makes `DIR/large-CONNECTIONS-SEED.pcap` and a table of its conversations
//! beside it; 3,000 connections from seed 1 if nothing else is said.

use netanalyze_corpus::capture::CONVERSATION_COLUMNS;
use netanalyze_corpus::file::pcap::Pcap;
use std::io::{Error, ErrorKind, Result};
use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "usage: netanalyze-corpus write DIR | write-large DIR [CONNECTIONS [SEED]]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["--help" | "-h" | "help", ..] = words[..] {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("netanalyze-corpus: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(words: &[&str]) -> Result<()> {
    match *words {
        ["write", directory] => write(Path::new(directory)),
        ["write-large", directory] => write_large(Path::new(directory), 3_000, 1),
        ["write-large", directory, connections] => write_large(Path::new(directory), number(connections)?, 1),
        ["write-large", directory, connections, seed] => {
            write_large(Path::new(directory), number(connections)?, number(seed)?)
        }
        _ => Err(usage()),
    }
}

fn usage() -> Error {
    Error::new(ErrorKind::InvalidInput, USAGE)
}

fn number(text: &str) -> Result<u64> {
    text.replace('_', "").parse().map_err(|_| usage())
}

fn write(directory: &Path) -> Result<()> {
    let captures = netanalyze_corpus::all();
    let folder = directory.join("captures");
    std::fs::create_dir_all(&folder)?;
    for capture in &captures {
        std::fs::write(folder.join(capture.file), &capture.bytes)?;
    }
    std::fs::write(directory.join("manifest.tsv"), netanalyze_corpus::manifest(&captures))?;
    std::fs::write(directory.join("conversations.tsv"), netanalyze_corpus::conversation_table(&captures))
}

fn write_large(directory: &Path, connections: u64, seed: u64) -> Result<()> {
    let large = netanalyze_corpus::large::large(seed, usize::try_from(connections).map_err(|_| usage())?);
    let name = format!("large-{connections}-{seed}.pcap");
    std::fs::create_dir_all(directory)?;
    std::fs::write(directory.join(&name), Pcap::default().write(&large.frames))?;
    let mut table = String::from(CONVERSATION_COLUMNS);
    for conversation in &large.conversations {
        table.push_str(&format!("{name}\t{}\n", conversation.line()));
    }
    std::fs::write(directory.join(format!("{name}.tsv")), table)
}

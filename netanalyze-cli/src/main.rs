//! The `netanalyze` command: packet captures in, what is wrong with the network out.
//!
//! Arguments are parsed into a plain struct (`args`), checked against the world (`config`), run, rendered, and turned into an exit
//! status. Data goes to standard output, everything else to standard error.

mod args;
mod catalogue;
mod config;
mod diagnoses;
mod exit;
mod export;
mod findings;
mod follow;
mod help;
mod input;
mod output;
mod packets;
mod pick;
mod render;
mod run;
mod schema;
mod streams;
mod summary;
mod table;
mod transactions;

use clap::Parser;

fn main() -> std::process::ExitCode {
    let args = args::Args::parse();
    exit::status(config::Config::new(args).and_then(run::run))
}

//! The bytes as they are.

use std::io;

use netanalyze_core::report::Report;
use netanalyze_core::tcp::reassembly::{Chunk, Counters};

use super::Scribe;
use super::tape::{Parties, Speaker};
use super::text::gap_words;
use crate::exit::say;

/// Gaps that are told one by one; the rest is counted.
const MOST_GAPS: u64 = 20;

/// Bytes to the output, gaps to standard error.
#[derive(Debug, Default)]
pub(super) struct Bytes {
    gaps: u64,
}

impl Scribe for Bytes {
    fn head(&mut self, _: &Parties, _: &mut Vec<u8>) -> io::Result<()> {
        Ok(())
    }

    fn chunk(&mut self, speaker: Speaker, chunk: &Chunk<'_>, out: &mut Vec<u8>) -> io::Result<()> {
        match *chunk {
            Chunk::Data { bytes, .. } => out.extend_from_slice(bytes),
            Chunk::Gap { offset, len, why, before } => {
                self.gaps += 1;
                if self.gaps <= MOST_GAPS {
                    say(&format!(
                        "note: {} at offset {offset}: {}",
                        speaker.name(),
                        gap_words(len, why, before)
                    ));
                }
            }
        }
        Ok(())
    }

    fn tail(&mut self, _: &[Counters; 2], _: &Report, _: &mut Vec<u8>) -> io::Result<()> {
        if self.gaps > MOST_GAPS {
            say(&format!("note: and {} more gaps", self.gaps - MOST_GAPS));
        }
        Ok(())
    }
}

//! The captures of a run: names on the command line, standard input, order.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use netanalyze_core::capture::{Batch, CaptureReader, Source};
use netanalyze_core::model::{Error, Timestamp};

use crate::exit::Failure;

/// The captures of a rotated set, in order.
#[derive(Debug)]
pub(crate) struct Inputs {
    paths: Vec<PathBuf>,
}

fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == "-"
}

impl Inputs {
    /// Checks the names, and sorts the captures by the time of their first packets if asked to.
    pub(crate) fn new(mut paths: Vec<PathBuf>, sort: bool) -> Result<Self, Failure> {
        let usage = |message: &str| Err(Failure::Usage(message.to_owned()));
        match paths.iter().filter(|path| is_standard_input(path)).count() {
            0 => {}
            1 if sort && paths.len() > 1 => {
                return usage("--sort-captures cannot look into standard input: name files only");
            }
            1 if std::io::stdin().is_terminal() => {
                return usage(
                    "standard input is a terminal; pipe a capture into it, e.g. `tcpdump -w - | netanalyze -`",
                );
            }
            1 => {}
            _ => return usage("standard input (-) can be read only once"),
        }
        if sort && paths.len() > 1 {
            let mut timed = Vec::with_capacity(paths.len());
            for path in paths {
                // What a pipe gave away to the look at its first packet would be missing from the analysis.
                if std::fs::metadata(&path).is_ok_and(|facts| !facts.is_file() && !facts.is_dir()) {
                    return usage(&format!(
                        "--sort-captures cannot look into {}, which can be read only once: name regular files only",
                        path.display()
                    ));
                }
                timed.push((first_time(&path)?, path));
            }
            // Captures without packets have no place in time: last. Equal times keep the order given.
            timed.sort_by_key(|(time, _)| (time.is_none(), *time));
            paths = timed.into_iter().map(|(_, path)| path).collect();
        }
        Ok(Inputs { paths })
    }

    /// The names in order, as they were given.
    pub(crate) fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// What the library reads.
    pub(crate) fn sources(&self) -> Vec<Source> {
        let source = |path: &PathBuf| {
            if is_standard_input(path) {
                Source::Stream { name: "-".to_owned(), reader: Box::new(std::io::stdin()) }
            } else {
                Source::File(path.clone())
            }
        };
        self.paths.iter().map(source).collect()
    }

    /// Whether a file is one of the inputs, under whatever name.
    pub(crate) fn contains(&self, file: &Path) -> bool {
        self.paths.iter().filter(|path| !is_standard_input(path)).any(|path| same_file(path, file))
    }
}

/// Time of a capture's first packet that has one; `None` if it holds no packet.
fn first_time(path: &Path) -> Result<Option<Timestamp>, Failure> {
    let mut batch = Batch::default();
    let peeked = CaptureReader::open(vec![Source::File(path.to_owned())])
        .and_then(|mut reader| reader.next_batch(&mut batch));
    match peeked {
        Ok(_) => Ok(batch.frames.iter().map(|frame| frame.time).find(|&time| time != Timestamp::default())),
        // An empty file of a set gets its note, and anything else its error, when its turn comes.
        Err(Error::NotACapture { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(unix)]
fn same_file(a: &Path, b: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (std::fs::metadata(a), std::fs::metadata(b)) {
        (Ok(a), Ok(b)) => (a.dev(), a.ino()) == (b.dev(), b.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn same_file(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
}

//! The captures of a run: names on the command line, standard input, order.

use std::fs::File;
use std::io::{IsTerminal, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use netanalyze_core::capture::{Batch, CaptureReader, Source};
use netanalyze_core::model::{Error, Timestamp};

use crate::exit::Failure;
use crate::render::shell_word;

/// The captures of a rotated set, in order.
#[derive(Debug)]
pub(crate) struct Inputs {
    paths: Vec<PathBuf>,
    /// What else is read.
    beside: Vec<PathBuf>,
    /// Copies of those that can be read only once.
    copies: Vec<Option<File>>,
}

fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Asks for more room in the pipe at standard input, if it is one: with what a pipe holds at first, its writer and the reader here wait for each other all the
/// time. Without leave for it all works as well, only slower.
fn widen_standard_input() {
    #[cfg(target_os = "linux")]
    {
        /// What any user may ask for.
        const ROOM: usize = 1 << 20;
        let _ = rustix::pipe::fcntl_setpipe_size(std::io::stdin(), ROOM);
    }
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
        Ok(Inputs { paths, beside: Vec::new(), copies: Vec::new() })
    }

    /// The names as words of a shell's command.
    pub(crate) fn words(&self) -> String {
        let words = self.paths.iter().map(|path| shell_word(&path.display().to_string()));
        words.collect::<Vec<_>>().join(" ")
    }

    /// What the library reads.
    pub(crate) fn sources(&self) -> Vec<Source> {
        let source = |(at, path): (usize, &PathBuf)| {
            let name = path.display().to_string();
            match self.copies.get(at).and_then(Option::as_ref) {
                Some(copy) => {
                    Source::Stream { name, reader: Box::new(Again { copy: copy.try_clone(), at: 0 }) }
                }
                None if is_standard_input(path) => {
                    widen_standard_input();
                    Source::Stream { name, reader: Box::new(std::io::stdin()) }
                }
                None => Source::File(path.clone()),
            }
        };
        self.paths.iter().enumerate().map(source).collect()
    }

    /// The same, to be read as often as wanted: standard input and pipes are copied to temporary files, which are gone with it.
    pub(crate) fn kept(&self) -> Result<Inputs, Failure> {
        let copies = self.paths.iter().map(|path| {
            let mut reader: Box<dyn Read> = if is_standard_input(path) {
                Box::new(std::io::stdin())
            } else if std::fs::metadata(path).is_ok_and(|facts| !facts.is_file() && !facts.is_dir()) {
                Box::new(File::open(path).map_err(|source| read_error(path, source))?)
            } else {
                return Ok(None);
            };
            let place = std::env::temp_dir();
            let failure = |error| {
                Failure::Output(format!("a copy of {} in {}", path.display(), place.display()), error)
            };
            let mut copy = tempfile::tempfile_in(&place).map_err(failure)?;
            std::io::copy(&mut reader, &mut copy).map_err(failure)?;
            Ok(Some(copy))
        });
        let (paths, beside) = (self.paths.clone(), self.beside.clone());
        Ok(Inputs { paths, beside, copies: copies.collect::<Result<_, Failure>>()? })
    }

    /// Remembers a file that is read beside the captures.
    pub(crate) fn read_beside(&mut self, path: PathBuf) {
        self.beside.push(path);
    }

    /// Whether a file is one of the inputs, under whatever name, or what standard input reads.
    pub(crate) fn contains(&self, file: &Path) -> bool {
        if !std::fs::metadata(file).is_ok_and(|facts| facts.is_file()) {
            return false;
        }
        let place = |path: &PathBuf| if is_standard_input(path) { "/dev/stdin".into() } else { path.clone() };
        self.paths.iter().map(place).chain(self.beside.iter().cloned()).any(|path| same_file(&path, file))
    }
}

fn read_error(path: &Path, source: std::io::Error) -> Failure {
    Failure::Analysis(Error::Read { name: path.display().to_string(), source })
}

/// A copy, read from its beginning.
struct Again {
    copy: std::io::Result<File>,
    at: u64,
}

impl Read for Again {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let copy = self.copy.as_mut().map_err(|error| std::io::Error::from(error.kind()))?;
        copy.seek(SeekFrom::Start(self.at))?;
        let read = copy.read(into)?;
        self.at += read as u64;
        Ok(read)
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

//! Where the data goes: standard output, or a file that appears only when it is complete.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::exit::Failure;

/// The run's output.
pub(crate) struct Output {
    writer: Box<dyn Write + Send>,
    /// What messages call it.
    name: String,
    pending: Option<Pending>,
}

/// A writer that goes on as if nothing had happened when its reader has gone.
struct Unattended {
    writer: Box<dyn Write + Send>,
    closed: bool,
}

impl Unattended {
    fn attempt<T>(
        &mut self,
        otherwise: T,
        act: impl FnOnce(&mut dyn Write) -> io::Result<T>,
    ) -> io::Result<T> {
        if self.closed {
            return Ok(otherwise);
        }
        match act(&mut *self.writer) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(otherwise)
            }
            result => result,
        }
    }
}

impl Write for Unattended {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.attempt(bytes.len(), |writer| writer.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.attempt((), |writer| writer.flush())
    }
}

/// A temporary file that takes its final name on success and vanishes otherwise.
struct Pending {
    temporary: PathBuf,
    target: PathBuf,
}

impl Drop for Pending {
    fn drop(&mut self) {
        // Nothing is there any more after the renaming; if removal fails there is nobody who could do better.
        let _ = fs::remove_file(&self.temporary);
    }
}

impl Output {
    /// Opens the output. A regular file is written under a temporary name beside it; devices and pipes are written directly.
    pub(crate) fn open(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path else {
            let name = "standard output".to_owned();
            return Ok(Output { writer: Box::new(io::stdout()), name, pending: None });
        };
        let name = path.display().to_string();
        match open_file(path) {
            Ok((file, pending)) => Ok(Output { writer: Box::new(file), name, pending }),
            Err(error) => Err(Failure::Output(name, error)),
        }
    }

    /// Lets a run whose exit status matters go on when whoever read its output has seen enough.
    pub(crate) fn outlive_reader(&mut self) {
        let writer = std::mem::replace(&mut self.writer, Box::new(io::sink()));
        self.writer = Box::new(Unattended { writer, closed: false });
    }

    /// Completes the output: only now the file has its name.
    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        let result = self.writer.flush().and_then(|()| {
            drop(std::mem::replace(&mut self.writer, Box::new(io::sink())));
            match self.pending.take() {
                Some(pending) => fs::rename(&pending.temporary, &pending.target),
                None => Ok(()),
            }
        });
        result.map_err(|error| Failure::Output(self.name, error))
    }

    /// Writes all of it.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.writer.write_all(bytes).map_err(|error| Failure::Output(self.name.clone(), error))
    }

    /// What messages call it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The writer, for the engine.
    pub(crate) fn writer(&mut self) -> &mut (dyn Write + Send) {
        &mut *self.writer
    }

    /// The failure for an error of that writer.
    pub(crate) fn failure(&self, error: io::Error) -> Failure {
        Failure::Output(self.name.clone(), error)
    }
}

fn open_file(path: &Path) -> io::Result<(File, Option<Pending>)> {
    let existing = match fs::metadata(path) {
        Ok(metadata) => Some(metadata),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    if let Some(metadata) = &existing {
        if metadata.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory"));
        }
        if !metadata.is_file() {
            return File::options().write(true).open(path).map(|file| (file, None));
        }
    }
    // Through a symbolic link the file behind it is replaced, not the link.
    let target = if existing.is_some() { path.canonicalize()? } else { path.to_owned() };
    let Some(base) = target.file_name() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it names no file"));
    };
    for attempt in 0..100 {
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(base);
        hidden.push(format!(".{}-{attempt}.tmp", std::process::id()));
        let temporary = target.with_file_name(hidden);
        match File::options().write(true).create_new(true).open(&temporary) {
            Ok(file) => {
                let pending = Pending { temporary, target };
                if let Some(metadata) = existing {
                    file.set_permissions(metadata.permissions())?;
                }
                return Ok((file, Some(pending)));
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(io::ErrorKind::AlreadyExists, "its temporary names are taken"))
}

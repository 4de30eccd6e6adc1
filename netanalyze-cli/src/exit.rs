//! How a run ends: exit status, and the message for what went wrong.

use std::io::{self, Write};
use std::process::ExitCode;

use netanalyze_core::filter::FilterError;
use netanalyze_core::model::Error;

use crate::render::escape;

/// A run that came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Status 0.
    Done,
    /// Status 1: `--fail-on` found what it was asked for.
    GateTripped,
}

/// Why a run could not come to its end.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The arguments make no sense together with the world.
    Usage(String),
    /// The filter is none.
    Filter(FilterError),
    /// The input cannot be analysed, or the analysis could not deliver.
    Analysis(Error),
    /// The output cannot be written. The first part says which.
    Output(String, io::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Analysis(error)
    }
}

/// Turns the result of a run into the exit status; says on standard error what went wrong. A closed pipe is no error: whoever read the
/// output has seen enough. (With `--fail-on` the run outlives its reader, and no such error comes here.)
pub(crate) fn status(result: Result<Outcome, Failure>) -> ExitCode {
    let message = match result {
        Ok(Outcome::Done) => return ExitCode::SUCCESS,
        Ok(Outcome::GateTripped) => return ExitCode::from(1),
        Err(Failure::Analysis(Error::Output(error)) | Failure::Output(_, error))
            if error.kind() == io::ErrorKind::BrokenPipe =>
        {
            return ExitCode::SUCCESS;
        }
        Err(Failure::Usage(message)) => message,
        Err(Failure::Filter(error)) => {
            // Its lines belong below each other.
            let text = error.to_string();
            let mut lines = text.lines();
            say(&format!("--filter: {}", lines.next().unwrap_or_default()));
            lines.for_each(say_line);
            return ExitCode::from(2);
        }
        Err(Failure::Analysis(error)) => error.to_string(),
        Err(Failure::Output(name, error)) => format!("cannot write {name}: {error}"),
    };
    say(&message);
    ExitCode::from(2)
}

/// A line on standard error. If that is closed there is nobody to tell.
pub(crate) fn say(message: &str) {
    let _ = writeln!(io::stderr(), "netanalyze: {}", escape(message));
}

/// A further line of such a message.
fn say_line(line: &str) {
    let _ = writeln!(io::stderr(), "{}", escape(line));
}

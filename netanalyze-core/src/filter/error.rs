//! Why an expression is no filter.

use std::fmt;
use std::ops::Range;

/// An expression that cannot be compiled: what is wrong, and where.
///
/// Its display takes three lines: the message, the expression, and a mark below what the message is about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FilterError {
    /// What is wrong, in words, with what may have been meant.
    pub message: String,
    /// The bytes of the expression that it is about; empty at the expression's end.
    pub at: Range<usize>,
    /// The expression.
    pub expression: String,
}

/// Characters of the expression that are shown on either side of where the message is about, and of that itself.
const AROUND: usize = 60;

impl FilterError {
    /// The expression as one line that characters can be counted in, with a mark below the part that the message is about. Of a long expression
    /// only what is near that.
    fn lines(&self) -> (String, String) {
        let before = self.expression.char_indices().take_while(|&(at, _)| at < self.at.start).count();
        let inside = self.expression.char_indices().filter(|(at, _)| self.at.contains(at)).count();
        let left_out = before.saturating_sub(AROUND);
        let mut rest = self.expression.chars().skip(left_out);
        let mut line = if left_out > 0 { "… ".to_owned() } else { String::new() };
        let blanks = line.chars().count() + before - left_out;
        line.extend(rest.by_ref().take(before - left_out + inside.min(AROUND) + AROUND).map(shown));
        if rest.next().is_some() {
            line.push_str(" …");
        }
        let mark = "~".repeat(inside.min(AROUND).saturating_sub(1));
        (line, format!("{}^{mark}", " ".repeat(blanks)))
    }
}

/// Line ends and other control characters would make the mark point elsewhere.
fn shown(c: char) -> char {
    if c.is_control() { ' ' } else { c }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, mark) = self.lines();
        write!(f, "{}\n    {line}\n    {mark}", self.message)
    }
}

impl std::error::Error for FilterError {}

/// What is wrong, before it is known of which expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) at: Range<usize>,
    pub(super) message: String,
}

impl Fault {
    pub(super) fn new(at: Range<usize>, message: impl Into<String>) -> Self {
        Fault { at, message: message.into() }
    }

    pub(super) fn of(self, expression: &str) -> FilterError {
        FilterError { message: self.message, at: self.at, expression: expression.to_owned() }
    }
}

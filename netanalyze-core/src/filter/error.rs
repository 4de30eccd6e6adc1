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

impl FilterError {
    /// The expression as one line that characters can be counted in.
    fn line(&self) -> String {
        self.expression.chars().map(shown).collect()
    }

    /// A line with a mark below the part that the message is about.
    fn mark(&self) -> String {
        let before = self.expression.char_indices().take_while(|&(at, _)| at < self.at.start).count();
        let inside = self.expression.char_indices().filter(|(at, _)| self.at.contains(at)).count();
        format!("{:before$}^{:~<rest$}", "", "", rest = inside.saturating_sub(1))
    }
}

/// Line ends and other control characters would make the mark point elsewhere.
fn shown(c: char) -> char {
    if c.is_control() { ' ' } else { c }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n    {}\n    {}", self.message, self.line(), self.mark())
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

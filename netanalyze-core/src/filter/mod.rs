//! Display filters in the language of Wireshark 4.0.
//!
//! Owns: the way from an expression to whether it holds for a frame. Reads: values of fields, and only of those that the expression names.
//! Emits: yes or no, or a [`FilterError`] that says what is wrong and where. Rules: wireshark-filter(4) of Wireshark 4.0, and what tshark
//! 4.0.17 does where that is silent. Costs, a frame: linear in what the frame holds and in the expression's length. Expressions are untrusted
//! like captures: length, depth, regular expressions and combinations of values are bounded (`model/limits.rs`).
//!
//! An expression is split into tokens (`lexer`), read (`grammar`, `ast`), checked and compiled (`compile`, `function`, with
//! `types`, `literal`, `names` and `pattern`), and asked of every frame (`evaluate`, `atom`).
//!
//! What is different: dates without an offset are in UTC, not in local time; names of hosts, and of most values, are not known; regular
//! expressions have neither look-around nor back-references; a literal may be larger than its field can be. Functions and slices may be tested
//! for membership, too.

mod ast;
mod atom;
mod compile;
mod error;
#[cfg(test)]
mod error_tests;
mod evaluate;
mod function;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzz;
mod grammar;
mod lexer;
mod literal;
mod names;
mod part;
mod pattern;
#[cfg(test)]
mod tests;
mod types;

pub use error::FilterError;

use crate::field::{AnalysedFrame, Field, Row, Selection};

/// A display filter.
///
/// ```
/// use netanalyze_core::Filter;
///
/// let filter = Filter::compile("tcp.port in {80, 8000..8999} and not tcp.analysis.retransmission")?;
/// assert_eq!(filter.fields().map(|field| field.name).collect::<Vec<_>>(), ["tcp.port", "tcp.analysis.retransmission"]);
///
/// let error = Filter::compile("tcp.analysis.retransmision").unwrap_err();
/// assert_eq!(error.at, 0..26);
/// assert!(error.message.contains("did you mean tcp.analysis.retransmission"));
/// # Ok::<(), netanalyze_core::filter::FilterError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Filter {
    expression: String,
    test: evaluate::Test,
    selection: Selection,
    alias: bool,
}

impl Filter {
    /// Compiles an expression, e.g. `ip.addr == 10.0.0.0/8 and tcp.analysis.flags`.
    ///
    /// # Errors
    /// If it is none of the language, names a field that does not exist, or compares what cannot be compared.
    pub fn compile(expression: &str) -> Result<Self, FilterError> {
        let mut compiler = compile::Compiler::default();
        let test = grammar::parse(expression).and_then(|parsed| compiler.test(&parsed));
        let test = test.map_err(|fault| fault.of(expression))?;
        let selection = Selection::of(compiler.columns, compiler.layers);
        Ok(Filter { expression: expression.to_owned(), test, selection, alias: compiler.alias })
    }

    /// The expression that it was made of.
    #[must_use]
    pub fn expression(&self) -> &str {
        &self.expression
    }

    /// The fields that it names, in the order of their first mention.
    pub fn fields(&self) -> impl Iterator<Item = &'static Field> + '_ {
        self.selection.fields()
    }

    /// Whether it needs verdicts of packets ([`Interests::rows`](crate::engine::Interests::rows)).
    #[must_use]
    pub fn needs_layers(&self) -> bool {
        self.selection.needs_layers()
    }

    /// Whether it needs what applications say ([`Depth::All`](crate::engine::Depth::All)).
    #[must_use]
    pub fn needs_messages(&self) -> bool {
        self.selection.needs_messages()
    }

    /// Whether it needs findings of every kind of packet ([`Interests::kinds`](crate::engine::Interests::kinds)).
    #[must_use]
    pub fn needs_findings(&self) -> bool {
        self.selection.needs_findings()
    }

    /// What users should know of it: that a name was read as something else.
    #[must_use]
    pub fn remark(&self) -> Option<&'static str> {
        self.alias
            .then_some("tcp.analysis.reset is no field of Wireshark's; it is read as tcp.flags.reset == 1")
    }

    /// Whether values of [`Filter::fields`] match, given as a row of them.
    #[cfg(any(test, feature = "fuzzing"))]
    fn holds(&self, row: &Row) -> bool {
        self.test.holds(row)
    }

    /// Whether a frame matches. `row` is room for its values, which is used again from frame to frame.
    #[must_use]
    pub fn matches(&self, frame: &AnalysedFrame<'_>, row: &mut Row) -> bool {
        self.selection.read(frame, row);
        self.test.holds(row)
    }
}

//! What an expression says, before anybody asked whether it makes sense.

use std::ops::Range;

/// Where something stands in the expression, in bytes.
pub(super) type Place = Range<usize>;

/// A logical expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expr {
    /// True if one is.
    Or(Vec<Expr>),
    /// True if all are.
    And(Vec<Expr>),
    /// True if it is not.
    Not(Box<Expr>),
    /// An operand alone: a field that is there, or a result that is not zero.
    Alone(Operand),
    /// Comparisons, one behind the other: `a < b < c` means `a < b and b < c`.
    Compare {
        /// How many values must do, if the expression says it.
        quantifier: Option<Quantifier>,
        /// The first operand.
        first: Operand,
        /// What it is compared with, and so on. Never empty.
        rest: Vec<(Relation, Operand)>,
    },
    /// A test for membership.
    Within {
        /// How many values must do, if the expression says it.
        quantifier: Option<Quantifier>,
        /// What is looked for.
        operand: Operand,
        /// The set: values, and ranges with both ends.
        set: Vec<(Operand, Option<Operand>)>,
    },
}

/// How many of a field's values must do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quantifier {
    /// One.
    Any,
    /// All there are.
    All,
}

/// What two values may be to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    /// `==`, and `===` with [`Quantifier::All`].
    Equal(Quantifier),
    /// `!=`, and `!==` or `~=` with [`Quantifier::Any`].
    NotEqual(Quantifier),
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `contains`
    Contains,
    /// `matches` or `~`
    Matches,
}

impl Relation {
    /// How many values must do unless the expression says otherwise.
    pub(super) fn quantifier(self) -> Quantifier {
        match self {
            Relation::Equal(quantifier) | Relation::NotEqual(quantifier) => quantifier,
            _ => Quantifier::Any,
        }
    }
}

/// An operator of arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arithmetic {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Remainder,
    /// `&`
    BitAnd,
}

/// A function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    /// `len`: bytes of a text or of bytes.
    Len,
    /// `lower`
    Lower,
    /// `upper`
    Upper,
    /// `count`: how often a field occurs.
    Count,
    /// `string`: numbers and addresses as text.
    Text,
    /// `min`
    Min,
    /// `max`
    Max,
    /// `abs`
    Abs,
}

/// Every function with its name.
pub(super) const FUNCTIONS: [(&str, Function); 8] = [
    ("len", Function::Len),
    ("lower", Function::Lower),
    ("upper", Function::Upper),
    ("count", Function::Count),
    ("string", Function::Text),
    ("min", Function::Min),
    ("max", Function::Max),
    ("abs", Function::Abs),
];

/// A part of something: of bytes in a slice, of layers in a layer selector. Below zero it counts from the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// `[start:length]`, `[:length]`, `[index]`
    Length(i32, i32),
    /// `[first-last]`, both inclusive.
    Between(i32, i32),
    /// `[start:]`
    From(i32),
}

/// What can be compared.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Operand {
    /// What it is.
    pub(super) kind: OperandKind,
    /// Where it stands.
    pub(super) at: Place,
    /// Levels of operands in it.
    pub(super) height: usize,
}

/// Kinds of [`Operand`].
#[derive(Clone, Debug, PartialEq)]
pub(super) enum OperandKind {
    /// A word: a field's name, or a value without quotes. One that begins with a dot is a field's name, one that begins with a colon never.
    Word(String),
    /// A field of certain layers: `ip.src#2`.
    Layered(String, Vec<Part>),
    /// A text in double quotes, and whether it was raw.
    Text(Vec<u8>),
    /// A character in single quotes.
    Char(u8),
    /// Parts of an operand's bytes.
    Slice(Box<Operand>, Vec<Part>),
    /// A function's result.
    Call(Function, Vec<Operand>),
    /// A result of arithmetic.
    Arithmetic(Arithmetic, Box<Operand>, Box<Operand>),
    /// The negative of a value.
    Negative(Box<Operand>),
}

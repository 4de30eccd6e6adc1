//! An expression to a program: names become columns, values get types, and what makes no sense is refused.

use super::ast::{Arithmetic, Expr, Operand, OperandKind, Part, Place, Quantifier, Relation};
use super::atom::Atom;
use super::error::Fault;
use super::evaluate::{Term, Test};
use super::names::named_value;
use super::pattern::regex;
use super::types::{Type, Written};
use crate::field::{Column, Field, field_by_name, fields, suggest};

/// What people expect that there is, what they mean, and what is said of it.
const ALIAS: (&str, &str) = ("tcp.analysis.reset", "tcp.flags.reset");

/// What is collected on the way.
#[derive(Debug, Default)]
pub(super) struct Compiler {
    /// What each column reads.
    pub(super) columns: Vec<Column>,
    /// Whether the layer of a value matters.
    pub(super) layers: bool,
    /// Whether the alias was used.
    pub(super) alias: bool,
}

pub(super) type Checked<T> = Result<T, Fault>;

/// A name resolved, or not.
pub(super) enum Named {
    Field(&'static Field),
    Value,
}

impl Compiler {
    /// Compiles an expression.
    pub(super) fn test(&mut self, expr: &Expr) -> Checked<Test> {
        Ok(match expr {
            Expr::Or(all) => Test::Or(all.iter().map(|e| self.test(e)).collect::<Checked<_>>()?),
            Expr::And(all) => Test::And(all.iter().map(|e| self.test(e)).collect::<Checked<_>>()?),
            Expr::Not(inner) => Test::Not(Box::new(self.test(inner)?)),
            Expr::Alone(operand) => self.alone(operand)?,
            Expr::Compare { quantifier, first, rest } => {
                let mut all = Vec::new();
                let mut left = first;
                for (relation, right) in rest {
                    all.push(self.compare(*quantifier, left, *relation, right)?);
                    left = right;
                }
                match all.len() {
                    1 => all.remove(0),
                    _ => Test::And(all),
                }
            }
            Expr::Within { quantifier, operand, set } => {
                let (term, kind) = self.left(operand, "in")?;
                comparable(operand, kind)?;
                let mut entries = Vec::new();
                for (low, high) in set {
                    let high = high.as_ref().map(|high| self.right(operand, kind, high)).transpose()?;
                    entries.push((self.right(operand, kind, low)?, high));
                }
                Test::Within { all: *quantifier == Some(Quantifier::All), term, set: entries }
            }
        })
    }

    fn alone(&mut self, operand: &Operand) -> Checked<Test> {
        match &operand.kind {
            OperandKind::Word(word) if word == ALIAS.0 => {
                let term = self.operand(operand)?.map(|(term, _)| term);
                let term = term.ok_or_else(|| unknown(word, &operand.at))?;
                let one = Term::Constant(Atom::Integer(1));
                Ok(Test::Compare {
                    relation: Relation::Equal(Quantifier::Any),
                    all: false,
                    left: term,
                    right: one,
                })
            }
            OperandKind::Word(word) | OperandKind::Layered(word, _) => match named(word) {
                Named::Field(field) => {
                    let layers = self.layers_of(operand);
                    Ok(Test::Exists(Term::Column { column: self.column(Column::values(field)), layers }))
                }
                Named::Value => Err(unknown(word, &operand.at)),
            },
            OperandKind::Call(..) => Err(Fault::new(
                operand.at.clone(),
                "a function is always there; compare its result with something",
            )),
            OperandKind::Text(_) | OperandKind::Char(_) => Err(Fault::new(
                operand.at.clone(),
                "a value alone is no test; name a field to compare it with",
            )),
            OperandKind::Slice(..) => Ok(Test::Exists(self.left(operand, "")?.0)),
            OperandKind::Arithmetic(..) | OperandKind::Negative(_) => {
                Ok(Test::Nonzero(self.left(operand, "")?.0))
            }
        }
    }

    fn compare(
        &mut self,
        quantifier: Option<Quantifier>,
        left: &Operand,
        relation: Relation,
        right: &Operand,
    ) -> Checked<Test> {
        let all = quantifier.unwrap_or(relation.quantifier()) == Quantifier::All;
        let (term, kind) = self.left(left, sign(relation))?;
        comparable(left, kind)?;
        match relation {
            Relation::Contains | Relation::Matches if !kind.can_be_searched() => {
                let message = format!(
                    "{} cannot look into this: it is {}, neither text nor bytes{}",
                    sign(relation),
                    kind.name(),
                    as_text(kind)
                );
                Err(Fault::new(left.at.clone(), message))
            }
            Relation::Matches => {
                let OperandKind::Text(pattern) = &right.kind else {
                    return Err(Fault::new(
                        right.at.clone(),
                        "matches wants a regular expression in double quotes",
                    ));
                };
                let regex = regex(pattern).map_err(|why| Fault::new(right.at.clone(), why))?;
                Ok(Test::Matches { all, term, regex })
            }
            Relation::Contains => {
                let inside = if kind == Type::Ether { Type::Bytes } else { kind };
                let right = self.right_of(left, inside, right, true)?;
                Ok(Test::Contains { all, left: term, right })
            }
            _ => Ok(Test::Compare { relation, all, left: term, right: self.right(left, kind, right)? }),
        }
    }

    /// The operand before an operator, which says what the others must be.
    fn left(&mut self, operand: &Operand, operator: &str) -> Checked<(Term, Type)> {
        if let Some(found) = self.operand(operand)? {
            return Ok(found);
        }
        match &operand.kind {
            OperandKind::Word(word) if is_like_a_name(word) => Err(unknown(word, &operand.at)),
            _ if operator.is_empty() => Err(Fault::new(operand.at.clone(), "there is no field in this")),
            _ => Err(Fault::new(
                operand.at.clone(),
                format!("on the left side of {operator} stands a field or a function, not a value"),
            )),
        }
    }

    /// The operand behind an operator, to go with the one before it.
    fn right(&mut self, left: &Operand, kind: Type, right: &Operand) -> Checked<Term> {
        self.right_of(left, kind, right, false)
    }

    fn right_of(&mut self, left: &Operand, kind: Type, right: &Operand, contained: bool) -> Checked<Term> {
        match self.operand(right)? {
            Some((term, found)) if found.goes_with(kind) => Ok(term),
            Some((_, found)) => {
                let message =
                    format!("this is {}, but what it is compared with is {}", found.name(), kind.name());
                Err(Fault::new(right.at.clone(), message))
            }
            None => self.constant(field_of(left), kind, right, contained),
        }
    }

    /// The operand, if it holds a field or a function.
    pub(super) fn operand(&mut self, operand: &Operand) -> Checked<Option<(Term, Type)>> {
        Ok(Some(match &operand.kind {
            OperandKind::Text(_) | OperandKind::Char(_) => return Ok(None),
            OperandKind::Word(word) | OperandKind::Layered(word, _) => match named(word) {
                Named::Field(field) => {
                    let kind = Type::of(field.kind);
                    let column = match kind {
                        Type::Protocol => match Column::bytes(field) {
                            Some(column) => column,
                            None => {
                                let message = format!(
                                    "the bytes of {} are not kept; it can only be there or not there",
                                    field.name
                                );
                                return Err(Fault::new(operand.at.clone(), message));
                            }
                        },
                        _ => Column::values(field),
                    };
                    self.alias |= word == ALIAS.0;
                    let layers = self.layers_of(operand);
                    (Term::Column { column: self.column(column), layers }, kind)
                }
                Named::Value if matches!(operand.kind, OperandKind::Layered(..)) || word.starts_with('.') => {
                    return Err(unknown(word, &operand.at));
                }
                Named::Value => return Ok(None),
            },
            OperandKind::Slice(inner, parts) => {
                let Some((term, kind)) = self.operand(inner)? else {
                    return Err(match &inner.kind {
                        OperandKind::Word(word) => unknown(word, &inner.at),
                        _ => Fault::new(inner.at.clone(), "a part can be taken of fields only"),
                    });
                };
                if !kind.can_be_sliced() {
                    let message =
                        format!("this is {}; a part can be taken of text, bytes and addresses", kind.name());
                    return Err(Fault::new(inner.at.clone(), message));
                }
                (Term::Slice(Box::new(term), parts.clone()), Type::Bytes)
            }
            OperandKind::Negative(inner) => {
                let Some((term, kind)) = self.operand(inner)? else { return Ok(None) };
                let kind = result(Arithmetic::Subtract, kind, inner)?;
                (Term::Negative(Box::new(term)), kind)
            }
            OperandKind::Arithmetic(operator, left, right) => {
                let (one, other) = (self.operand(left)?, self.operand(right)?);
                let (left_term, right_term, kind) = match (one, other) {
                    (None, None) => return Ok(None),
                    (Some((term, kind)), None) => {
                        result(*operator, kind, left)?;
                        let constant = self.constant(None, signed(kind), right, false)?;
                        (term, constant, kind)
                    }
                    (None, Some((term, kind))) => {
                        result(*operator, kind, right)?;
                        (self.constant(None, signed(kind), left, false)?, term, kind)
                    }
                    (Some((one, kind)), Some((other, other_kind))) => {
                        result(*operator, kind, left)?;
                        if !kind.goes_with(other_kind) {
                            let message = format!(
                                "this is {}, but the other side is {}",
                                other_kind.name(),
                                kind.name()
                            );
                            return Err(Fault::new(right.at.clone(), message));
                        }
                        (one, other, kind)
                    }
                };
                let kind = result(*operator, kind, operand)?;
                (Term::Binary(*operator, Box::new(left_term), Box::new(right_term)), kind)
            }
            OperandKind::Call(function, arguments) => self.call(*function, arguments, &operand.at)?,
        }))
    }

    /// A value, or arithmetic with values only.
    pub(super) fn constant(
        &mut self,
        field: Option<&str>,
        kind: Type,
        operand: &Operand,
        contained: bool,
    ) -> Checked<Term> {
        let (written, negative) = match &operand.kind {
            OperandKind::Word(word) => (Written::Word(word), false),
            OperandKind::Text(text) => (Written::Text(text), false),
            &OperandKind::Char(c) => (Written::Char(c), false),
            OperandKind::Negative(inner) => match &inner.kind {
                OperandKind::Word(word) => (Written::Word(word), true),
                _ => {
                    let inner = self.constant(field, signed(kind), inner, false)?;
                    result(Arithmetic::Subtract, kind, operand)?;
                    return Ok(Term::Negative(Box::new(inner)));
                }
            },
            OperandKind::Arithmetic(operator, left, right) => {
                result(*operator, kind, operand)?;
                let (left, right) = (
                    self.constant(field, signed(kind), left, false)?,
                    self.constant(field, signed(kind), right, false)?,
                );
                return Ok(Term::Binary(*operator, Box::new(left), Box::new(right)));
            }
            OperandKind::Layered(word, _) => return Err(unknown(word, &operand.at)),
            OperandKind::Slice(..) | OperandKind::Call(..) => {
                return Err(Fault::new(operand.at.clone(), "there is no field in this"));
            }
        };
        if let Some(value) = field.and_then(|field| named_value(field, written)) {
            return Ok(Term::Constant(Atom::Integer(value.into())));
        }
        kind.read(written, negative, contained).map(Term::Constant).map_err(|why| {
            let near = match written {
                Written::Word(word) if is_like_a_name(word) => near(word),
                _ => String::new(),
            };
            Fault::new(operand.at.clone(), why + &near)
        })
    }

    pub(super) fn column(&mut self, wanted: Column) -> usize {
        match self.columns.iter().position(|column| *column == wanted) {
            Some(column) => column,
            None => {
                self.columns.push(wanted);
                self.columns.len() - 1
            }
        }
    }

    pub(super) fn layers_of(&mut self, operand: &Operand) -> Option<Vec<Part>> {
        match &operand.kind {
            OperandKind::Layered(_, layers) => {
                self.layers = true;
                Some(layers.clone())
            }
            _ => None,
        }
    }
}

/// What a word names. A dot before it says that it is a field, a colon that it is none.
pub(super) fn named(word: &str) -> Named {
    let name = word.strip_prefix('.').unwrap_or(word);
    let name = if name == ALIAS.0 { ALIAS.1 } else { name };
    field_by_name(name).map_or(Named::Value, Named::Field)
}

/// The name of a field whose values have names.
fn field_of(operand: &Operand) -> Option<&str> {
    match &operand.kind {
        OperandKind::Word(word) | OperandKind::Layered(word, _) => {
            Some(word.strip_prefix('.').unwrap_or(word))
        }
        _ => None,
    }
}

/// Whether somebody may have meant a field.
pub(super) fn is_like_a_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '.') && !word.contains(':')
}

pub(super) fn unknown(word: &str, at: &Place) -> Fault {
    if !is_like_a_name(word) {
        return Fault::new(at.clone(), format!("{word} is no field; a value alone is no test"));
    }
    let keyword = match &*word.to_ascii_lowercase() {
        "and" | "or" | "not" => {
            format!("; operators are written in small letters: {}", word.to_ascii_lowercase())
        }
        _ => near(word),
    };
    Fault::new(at.clone(), format!("no field is called {word:?}{keyword}"))
}

/// What may have been meant.
fn near(word: &str) -> String {
    let near = suggest(word, fields().map(|field| field.name), 3);
    if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(" or ")) }
}

/// Values of fields are without sign, results of arithmetic are not.
pub(super) fn signed(kind: Type) -> Type {
    if kind == Type::Unsigned { Type::Signed } else { kind }
}

fn result(operator: Arithmetic, kind: Type, operand: &Operand) -> Checked<Type> {
    kind.after(operator).ok_or_else(|| {
        let sign = match operator {
            Arithmetic::Add => "+",
            Arithmetic::Subtract => "-",
            Arithmetic::Multiply => "*",
            Arithmetic::Divide => "/",
            Arithmetic::Remainder => "%",
            Arithmetic::BitAnd => "&",
        };
        Fault::new(operand.at.clone(), format!("this is {}; {sign} cannot be used with that", kind.name()))
    })
}

pub(super) fn comparable(operand: &Operand, kind: Type) -> Checked<()> {
    if kind != Type::Label {
        return Ok(());
    }
    Err(Fault::new(
        operand.at.clone(),
        "this is only there or not there, and has no value to compare; name it alone",
    ))
}

fn sign(relation: Relation) -> &'static str {
    match relation {
        Relation::Equal(Quantifier::Any) => "==",
        Relation::Equal(Quantifier::All) => "===",
        Relation::NotEqual(Quantifier::All) => "!=",
        Relation::NotEqual(Quantifier::Any) => "!==",
        Relation::Greater => ">",
        Relation::GreaterOrEqual => ">=",
        Relation::Less => "<",
        Relation::LessOrEqual => "<=",
        Relation::Contains => "contains",
        Relation::Matches => "matches",
    }
}

fn as_text(kind: Type) -> &'static str {
    match kind {
        Type::Unsigned | Type::Signed | Type::Double | Type::Ipv4 | Type::Ipv6 => {
            "; string(…) makes text of it"
        }
        _ => "",
    }
}

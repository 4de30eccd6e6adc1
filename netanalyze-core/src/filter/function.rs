//! Functions: what they take, and what they give.

use super::ast::{Function, Operand, OperandKind, Place};
use super::compile::{Checked, Compiler, Named, comparable, is_like_a_name, named, signed, unknown};
use super::error::Fault;
use super::evaluate::Term;
use super::types::Type;
use crate::field::Column;

impl Compiler {
    /// A call of a function, and its type.
    pub(super) fn call(
        &mut self,
        function: Function,
        arguments: &[Operand],
        at: &Place,
    ) -> Checked<(Term, Type)> {
        if let Function::Min | Function::Max = function {
            return self.extreme(function == Function::Max, arguments, at);
        }
        let [argument] = arguments else {
            return Err(Fault::new(
                at.clone(),
                format!("this function takes one field, not {}", arguments.len()),
            ));
        };
        if function == Function::Count
            && let OperandKind::Word(word) | OperandKind::Layered(word, _) = &argument.kind
            && let Named::Field(field) = named(word)
        {
            let layers = self.layers_of(argument);
            let term = Term::Column { column: self.column(Column::values(field)), layers };
            return Ok((Term::Count(Box::new(term)), Type::Signed));
        }
        let Some((term, kind)) = self.operand(argument)? else {
            return Err(match &argument.kind {
                OperandKind::Word(word) if is_like_a_name(word) => unknown(word, &argument.at),
                _ => Fault::new(argument.at.clone(), "a function takes a field, not a value"),
            });
        };
        let term = Box::new(term);
        let wrong = |wanted: &str| {
            Err(Fault::new(
                argument.at.clone(),
                format!("this is {}; the function takes {wanted}", kind.name()),
            ))
        };
        Ok(match function {
            Function::Count => return Err(Fault::new(argument.at.clone(), "count() takes a field")),
            Function::Len if kind.can_be_sliced() => (Term::Len(term), Type::Signed),
            Function::Len => return wrong("text, bytes, a protocol or an address"),
            Function::Lower if kind == Type::Text => (Term::Lower(term), Type::Text),
            Function::Upper if kind == Type::Text => (Term::Upper(term), Type::Text),
            Function::Lower | Function::Upper => return wrong("text"),
            Function::Text
                if matches!(
                    kind,
                    Type::Unsigned | Type::Signed | Type::Double | Type::Ipv4 | Type::Ipv6 | Type::Ether
                ) =>
            {
                (Term::Text(term, kind == Type::Ether), Type::Text)
            }
            Function::Text => return wrong("numbers and addresses"),
            Function::Abs if matches!(kind, Type::Unsigned | Type::Signed | Type::Double | Type::Time) => {
                (Term::Abs(term), signed(kind))
            }
            Function::Abs => return wrong("numbers and durations"),
            Function::Min | Function::Max => return wrong("several fields"),
        })
    }

    /// `min` and `max`: arguments of one type, a field among them.
    fn extreme(&mut self, greatest: bool, arguments: &[Operand], at: &Place) -> Checked<(Term, Type)> {
        let found: Vec<_> =
            arguments.iter().map(|argument| self.operand(argument)).collect::<Checked<_>>()?;
        let Some((first, kind)) =
            arguments.iter().zip(&found).find_map(|(a, f)| f.as_ref().map(|(_, kind)| (a, *kind)))
        else {
            return Err(Fault::new(at.clone(), "min() and max() take at least one field"));
        };
        comparable(first, kind)?;
        let mut terms = Vec::new();
        for (argument, found) in arguments.iter().zip(found) {
            terms.push(match found {
                Some((term, other)) if other.goes_with(kind) => term,
                Some((_, other)) => {
                    let message =
                        format!("this is {}, but another argument is {}", other.name(), kind.name());
                    return Err(Fault::new(argument.at.clone(), message));
                }
                None => self.constant(None, signed(kind), argument, false)?,
            });
        }
        Ok((Term::Extreme { greatest, terms }, kind))
    }
}

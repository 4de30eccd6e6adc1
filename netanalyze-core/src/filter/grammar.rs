//! Tokens to an expression.
//!
//! Precedence as Wireshark 4.0, loosest first: `or`, `and`, `not`, comparisons, `&`, `+ -`, `* / %`, the sign. Parentheses group what is true
//! or false, braces what has a value. The parser goes one call deeper for each bracket, sign and `not` only; how deep an expression may nest,
//! operators of arithmetic in a row included, is capped, so that neither this nor anything after it can run out of stack.

use std::ops::Range;

use super::ast::{Arithmetic, Expr, FUNCTIONS, Operand, OperandKind, Quantifier};
use super::error::Fault;
use super::lexer::{Token, tokens};
use crate::model::limits::{MAX_FILTER_BYTES, MAX_FILTER_DEPTH};

/// Reads an expression.
pub(super) fn parse(expression: &str) -> Result<Expr, Fault> {
    if expression.len() > MAX_FILTER_BYTES {
        let place = expression.len()..expression.len();
        return Err(Fault::new(place, format!("the filter is longer than {MAX_FILTER_BYTES} bytes")));
    }
    let tokens = tokens(expression)?;
    let mut parser = Parser { tokens: &tokens, next: 0, depth: 0, end: expression.len() };
    if tokens.is_empty() {
        return Err(Fault::new(parser.place(), "the filter is empty"));
    }
    let found = parser.or()?;
    match parser.peek() {
        None => Ok(found),
        Some(_) => Err(parser.unexpected()),
    }
}

struct Parser<'t> {
    tokens: &'t [(Token, Range<usize>)],
    next: usize,
    depth: usize,
    /// Length of the expression.
    end: usize,
}

type Parsed<T> = Result<T, Fault>;

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(token, _)| token)
    }

    /// Place of the next token; the end if there is none.
    fn place(&self) -> Range<usize> {
        self.tokens.get(self.next).map_or(self.end..self.end, |(_, place)| place.clone())
    }

    fn take(&mut self, wanted: &Token) -> bool {
        let is = self.peek() == Some(wanted);
        self.next += usize::from(is);
        is
    }

    fn expect(&mut self, wanted: &Token, what: &str) -> Parsed<()> {
        if self.take(wanted) { Ok(()) } else { Err(self.wanted(what)) }
    }

    fn wanted(&self, what: &str) -> Fault {
        match self.peek() {
            None => Fault::new(self.place(), format!("the filter ends where {what} is wanted")),
            Some(_) => Fault::new(self.place(), format!("{what} is wanted here")),
        }
    }

    /// What stands behind a complete test.
    fn unexpected(&self) -> Fault {
        let why = match self.peek() {
            Some(Token::Close) => "this parenthesis was never opened",
            Some(Token::CloseBrace) => "this brace was never opened",
            Some(Token::Comma | Token::DotDot) => "this belongs into a set: in {80, 8000..8999}",
            Some(Token::Slice(_) | Token::Layers(_)) => "this belongs directly behind a field",
            Some(Token::Relation(_)) => {
                "this has nothing to compare: what is in parentheses is true or false; braces group values"
            }
            _ => "an operator is missing before this: and, or, or a comparison",
        };
        Fault::new(self.place(), why)
    }

    fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= MAX_FILTER_DEPTH {
            return Err(too_deep(self.place()));
        }
        self.depth += 1;
        let found = inner(self);
        self.depth -= 1;
        found
    }

    fn or(&mut self) -> Parsed<Expr> {
        let mut all = vec![self.and()?];
        while self.take(&Token::Or) {
            all.push(self.and()?);
        }
        Ok(one_or(all, Expr::Or))
    }

    fn and(&mut self) -> Parsed<Expr> {
        let mut all = vec![self.not()?];
        while self.take(&Token::And) {
            all.push(self.not()?);
        }
        Ok(one_or(all, Expr::And))
    }

    fn not(&mut self) -> Parsed<Expr> {
        if self.take(&Token::Not) {
            return self.deeper(|p| Ok(Expr::Not(Box::new(p.not()?))));
        }
        if self.take(&Token::Open) {
            return self.deeper(|p| {
                let inner = p.or()?;
                p.expect(&Token::Close, "a closing parenthesis")?;
                Ok(inner)
            });
        }
        self.test()
    }

    fn test(&mut self) -> Parsed<Expr> {
        let quantifier = match self.peek() {
            Some(&Token::Quantifier(quantifier)) => {
                self.next += 1;
                Some(quantifier)
            }
            _ => None,
        };
        let first = self.operand()?;
        let mut rest = Vec::new();
        while let Some(&Token::Relation(relation)) = self.peek() {
            self.next += 1;
            rest.push((relation, self.operand()?));
        }
        if !rest.is_empty() {
            return Ok(Expr::Compare { quantifier, first, rest });
        }
        match self.peek() {
            Some(Token::In) => {
                self.next += 1;
                self.within(quantifier, first)
            }
            Some(Token::Not) if matches!(self.tokens.get(self.next + 1), Some((Token::In, _))) => {
                self.next += 2;
                // Whatever the quantifier: no value lies in the set.
                Ok(Expr::Not(Box::new(self.within(None, first)?)))
            }
            _ if quantifier.is_some() => Err(self.wanted("a comparison")),
            _ => Ok(Expr::Alone(first)),
        }
    }

    fn within(&mut self, quantifier: Option<Quantifier>, operand: Operand) -> Parsed<Expr> {
        self.expect(&Token::OpenBrace, "a set in braces")?;
        let mut set = Vec::new();
        loop {
            let low = self.operand()?;
            let high = if self.take(&Token::DotDot) { Some(self.operand()?) } else { None };
            set.push((low, high));
            if self.take(&Token::CloseBrace) {
                return Ok(Expr::Within { quantifier, operand, set });
            }
            self.expect(&Token::Comma, "a comma or the set's closing brace")?;
        }
    }

    fn operand(&mut self) -> Parsed<Operand> {
        self.deeper(|p| p.chain(&[Arithmetic::BitAnd], |p| p.sum()))
    }

    fn sum(&mut self) -> Parsed<Operand> {
        self.chain(&[Arithmetic::Add, Arithmetic::Subtract], |p| p.product())
    }

    fn product(&mut self) -> Parsed<Operand> {
        self.chain(&[Arithmetic::Multiply, Arithmetic::Divide, Arithmetic::Remainder], |p| p.signed())
    }

    /// Operands with operators of the same rank between them, the left ones first.
    fn chain(
        &mut self,
        operators: &[Arithmetic],
        operand: impl Fn(&mut Self) -> Parsed<Operand>,
    ) -> Parsed<Operand> {
        let mut left = operand(self)?;
        while let Some(&Token::Arithmetic(operator)) = self.peek() {
            if !operators.contains(&operator) {
                break;
            }
            self.next += 1;
            let right = operand(self)?;
            let (at, height) = (left.at.start..right.at.end, left.height.max(right.height));
            left = above(OperandKind::Arithmetic(operator, Box::new(left), Box::new(right)), at, height)?;
        }
        Ok(left)
    }

    fn signed(&mut self) -> Parsed<Operand> {
        let start = self.place().start;
        if self.take(&Token::Arithmetic(Arithmetic::Subtract)) {
            let inner = self.deeper(Self::signed)?;
            let (at, height) = (start..inner.at.end, inner.height);
            return above(OperandKind::Negative(Box::new(inner)), at, height);
        }
        if self.take(&Token::Arithmetic(Arithmetic::Add)) {
            return self.deeper(Self::signed);
        }
        let mut operand = self.value()?;
        while let Some(Token::Slice(parts)) = self.peek() {
            let (at, height) = (operand.at.start..self.place().end, operand.height);
            operand = above(OperandKind::Slice(Box::new(operand), parts.clone()), at, height)?;
            self.next += 1;
        }
        Ok(operand)
    }

    fn value(&mut self) -> Parsed<Operand> {
        let mut at = self.place();
        let kind = match self.peek() {
            Some(Token::Word(word)) => {
                let word = word.clone();
                match self.tokens.get(self.next + 1) {
                    Some((Token::Open, _)) => return self.call(&word, at),
                    Some((Token::Layers(layers), place)) => {
                        at.end = place.end;
                        self.next += 1;
                        OperandKind::Layered(word, layers.clone())
                    }
                    _ => OperandKind::Word(word),
                }
            }
            Some(Token::Text(text)) => OperandKind::Text(text.clone()),
            Some(&Token::Char(c)) => OperandKind::Char(c),
            Some(Token::OpenBrace) => {
                self.next += 1;
                let mut inner = self.operand()?;
                inner.at = at.start..self.place().end;
                self.expect(&Token::CloseBrace, "a closing brace")?;
                return Ok(inner);
            }
            Some(Token::Open) => {
                let why = "parentheses cannot group values; braces do: {1 + 2}";
                return Err(Fault::new(at, why));
            }
            _ => return Err(self.wanted("a field or a value")),
        };
        self.next += 1;
        Ok(Operand { kind, at, height: 1 })
    }

    fn call(&mut self, name: &str, at: Range<usize>) -> Parsed<Operand> {
        let Some(&(_, function)) = FUNCTIONS.iter().find(|(known, _)| *known == name) else {
            let names = FUNCTIONS.map(|(name, _)| name).join(", ");
            return Err(Fault::new(at, format!("no function is called {name:?}; there are {names}")));
        };
        self.next += 2;
        let mut arguments = Vec::new();
        if !matches!(self.peek(), Some(Token::Close)) {
            arguments.push(self.operand()?);
            while self.take(&Token::Comma) {
                arguments.push(self.operand()?);
            }
        }
        let end = self.place().end;
        self.expect(&Token::Close, "a closing parenthesis")?;
        let height = arguments.iter().map(|argument| argument.height).max().unwrap_or(0);
        above(OperandKind::Call(function, arguments), at.start..end, height)
    }
}

fn too_deep(at: Range<usize>) -> Fault {
    Fault::new(at, format!("the filter nests deeper than {MAX_FILTER_DEPTH} levels"))
}

/// An operand above others of this height.
fn above(kind: OperandKind, at: Range<usize>, height: usize) -> Parsed<Operand> {
    if height >= MAX_FILTER_DEPTH {
        return Err(too_deep(at));
    }
    Ok(Operand { kind, at, height: height + 1 })
}

/// The only one as it is.
fn one_or(mut all: Vec<Expr>, many: fn(Vec<Expr>) -> Expr) -> Expr {
    match all.pop() {
        Some(only) if all.is_empty() => only,
        Some(last) => {
            all.push(last);
            many(all)
        }
        None => many(all),
    }
}

//! A compiled filter, asked of the values of one frame.
//!
//! Every operand hands its values on one by one, so that nothing is allocated but what functions and slices make. Where two operands with
//! several values meet, orders are decided by the least and the greatest of each and equality by sorting, so that the time is not the product
//! of both; combinations that arithmetic or `contains` have to make are limited to [`MAX_FILTER_PAIRS`].

use std::cmp::Ordering;

use regex::bytes::Regex;

use super::ast::{Arithmetic, Part, Relation};
use super::atom::{Atom, changed};
use crate::field::Row;
use crate::model::limits::MAX_FILTER_PAIRS;

/// Something with values.
#[derive(Clone, Debug)]
pub(super) enum Term {
    Column {
        column: usize,
        layers: Option<Vec<Part>>,
    },
    Constant(Atom<'static>),
    Slice(Box<Term>, Vec<Part>),
    Binary(Arithmetic, Box<Term>, Box<Term>),
    Negative(Box<Term>),
    Len(Box<Term>),
    Lower(Box<Term>),
    Upper(Box<Term>),
    Count(Box<Term>),
    /// As text; with colons if it is an Ethernet address.
    Text(Box<Term>, bool),
    Abs(Box<Term>),
    Extreme {
        greatest: bool,
        terms: Vec<Term>,
    },
}

/// Something that is true or false.
#[derive(Clone, Debug)]
pub(super) enum Test {
    Or(Vec<Test>),
    And(Vec<Test>),
    Not(Box<Test>),
    Exists(Term),
    Nonzero(Term),
    Compare { relation: Relation, all: bool, left: Term, right: Term },
    Contains { all: bool, left: Term, right: Term },
    Matches { all: bool, term: Term, regex: Regex },
    Within { all: bool, term: Term, set: Vec<(Term, Option<Term>)> },
}

impl Test {
    /// Whether it holds for a frame with these values.
    pub(super) fn holds(&self, row: &Row) -> bool {
        match self {
            Test::Or(all) => all.iter().any(|test| test.holds(row)),
            Test::And(all) => all.iter().all(|test| test.holds(row)),
            Test::Not(test) => !test.holds(row),
            Test::Exists(term) => term.exists(row),
            Test::Nonzero(term) => term.some(row, false, &mut |value| !value.is_zero()),
            Test::Compare { relation, all, left, right } => compare(*relation, *all, left, right, row),
            Test::Contains { all, left, right } => {
                let mut pairs = 0;
                left.some(row, *all, &mut |value| {
                    right.some(row, *all, &mut |part| {
                        pairs += 1;
                        pairs <= MAX_FILTER_PAIRS && value.has(&part)
                    })
                })
            }
            Test::Matches { all, term, regex } => {
                term.some(row, *all, &mut |value| regex.is_match(&value.bytes()))
            }
            // As Wireshark 4.0 has it: `all` asks for one element of the set that every value lies in.
            Test::Within { all: true, term, set } => {
                set.iter().any(|entry| term.some(row, true, &mut |value| is_within(&value, entry, row)))
            }
            Test::Within { all: false, term, set } => {
                term.some(row, false, &mut |value| set.iter().any(|entry| is_within(&value, entry, row)))
            }
        }
    }
}

fn is_within(value: &Atom<'_>, (low, high): &(Term, Option<Term>), row: &Row) -> bool {
    let Some(high) = high else {
        return low.some(row, false, &mut |low| value.order(&low) == Some(Ordering::Equal));
    };
    let above = low.some(row, false, &mut |low| value.order(&low).is_some_and(Ordering::is_ge));
    above && high.some(row, false, &mut |high| value.order(&high).is_some_and(Ordering::is_le))
}

/// Whether two terms are to each other what is asked: some of their values, or all. Without values on one side nothing is.
fn compare(relation: Relation, all: bool, left: &Term, right: &Term, row: &Row) -> bool {
    let holds = |a: &Atom<'_>, b: &Atom<'_>| a.order(b).is_some_and(|order| is_so(relation, order));
    if let Term::Constant(constant) = right {
        return left.some(row, all, &mut |value| holds(&value, constant));
    }
    let (mut left, mut right) = (left.values(row), right.values(row));
    if left.is_empty() || right.is_empty() {
        return false;
    }
    if left.len() == 1 || right.len() == 1 {
        let mut pairs = left.iter().flat_map(|a| right.iter().map(move |b| (a, b)));
        return if all { pairs.all(|(a, b)| holds(a, b)) } else { pairs.any(|(a, b)| holds(a, b)) };
    }
    let order = |a: &Atom<'_>, b: &Atom<'_>| a.order(b).unwrap_or(Ordering::Equal);
    left.sort_by(order);
    right.sort_by(order);
    let (Some(least), Some(greatest), Some(other_least), Some(other_greatest)) =
        (left.first(), left.last(), right.first(), right.last())
    else {
        return false;
    };
    match relation {
        // All are equal if there is but one value; all differ if no two are equal.
        Relation::Equal(_) if all => holds(least, other_greatest) && holds(greatest, other_least),
        Relation::NotEqual(_) if !all => {
            !(least.order(other_greatest) == Some(Ordering::Equal)
                && greatest.order(other_least) == Some(Ordering::Equal))
        }
        Relation::Equal(_) => meet(&left, &right),
        Relation::NotEqual(_) => !meet(&left, &right),
        Relation::Greater | Relation::GreaterOrEqual if all => holds(least, other_greatest),
        Relation::Greater | Relation::GreaterOrEqual => holds(greatest, other_least),
        _ if all => holds(greatest, other_least),
        _ => holds(least, other_greatest),
    }
}

/// Whether two sorted lists have a value in common.
fn meet(left: &[Atom<'_>], right: &[Atom<'_>]) -> bool {
    let (mut left, mut right) = (left.iter().peekable(), right.iter().peekable());
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        match a.order(b) {
            Some(Ordering::Equal) => return true,
            Some(Ordering::Less) | None => _ = left.next(),
            Some(Ordering::Greater) => _ = right.next(),
        }
    }
    false
}

fn is_so(relation: Relation, order: Ordering) -> bool {
    match relation {
        Relation::Equal(_) => order.is_eq(),
        Relation::NotEqual(_) => order.is_ne(),
        Relation::Greater => order.is_gt(),
        Relation::GreaterOrEqual => order.is_ge(),
        Relation::Less => order.is_lt(),
        Relation::LessOrEqual => order.is_le(),
        Relation::Contains | Relation::Matches => false,
    }
}

impl Term {
    /// Whether it has a value.
    fn exists(&self, row: &Row) -> bool {
        match self {
            Term::Column { column, layers: None } => {
                row.cells().get(*column).is_some_and(|cell| !cell.is_empty())
            }
            _ => self.some(row, false, &mut |_| true),
        }
    }

    /// Whether a test holds for one of the values; or, with `all`, for all of them and there is one.
    fn some<'r>(&'r self, row: &'r Row, all: bool, test: &mut dyn FnMut(Atom<'r>) -> bool) -> bool {
        let mut found = false;
        self.each(row, &mut |value| {
            found = test(value);
            found == all
        });
        found
    }

    /// All values.
    fn values<'r>(&'r self, row: &'r Row) -> Vec<Atom<'r>> {
        let mut found = Vec::new();
        self.each(row, &mut |value| {
            found.push(value);
            true
        });
        found
    }

    /// Hands over the values one by one, as long as more are wanted.
    fn each<'r>(&'r self, row: &'r Row, take: &mut dyn FnMut(Atom<'r>) -> bool) {
        match self {
            Term::Constant(value) => _ = take(value.borrowed()),
            Term::Column { column, layers } => column_values(row, *column, layers.as_deref(), take),
            Term::Slice(term, parts) => {
                term.each(row, &mut |value| value.slice(parts).is_none_or(&mut *take))
            }
            Term::Negative(term) => {
                let zero = Atom::Integer(0);
                term.each(row, &mut |value| {
                    let negative = match value {
                        Atom::Double(number) => Some(Atom::Double(-number)),
                        Atom::Time(ns) => ns.checked_neg().map(Atom::Time),
                        other => zero.with(Arithmetic::Subtract, &other),
                    };
                    negative.is_none_or(&mut *take)
                });
            }
            Term::Binary(operator, left, right) => {
                let mut pairs = 0;
                let mut more = true;
                left.each(row, &mut |a| {
                    right.each(row, &mut |b| {
                        pairs += 1;
                        more = pairs <= MAX_FILTER_PAIRS && a.with(*operator, &b).is_none_or(&mut *take);
                        more
                    });
                    more
                });
            }
            Term::Len(term) => term.each(row, &mut |value| take(Atom::Integer(value.len() as i128))),
            Term::Lower(term) => {
                term.each(row, &mut |value| take(changed(value.bytes().to_ascii_lowercase())))
            }
            Term::Upper(term) => {
                term.each(row, &mut |value| take(changed(value.bytes().to_ascii_uppercase())))
            }
            Term::Text(term, colons) => {
                term.each(row, &mut |value| take(changed(value.text(*colons).into_bytes())))
            }
            Term::Count(term) => {
                let mut count = 0;
                match &**term {
                    Term::Column { column, layers: None } => {
                        count = row.cells().get(*column).map_or(0, Vec::len)
                    }
                    term => term.each(row, &mut |_| {
                        count += 1;
                        true
                    }),
                }
                // A field that is not there is not counted either: as Wireshark 4.0.
                if count > 0 {
                    take(Atom::Integer(count as i128));
                }
            }
            Term::Abs(term) => term.each(row, &mut |value| match value {
                Atom::Integer(number) => take(Atom::Integer(number.saturating_abs())),
                Atom::Double(number) => take(Atom::Double(number.abs())),
                Atom::Time(ns) => take(Atom::Time(ns.saturating_abs())),
                _ => true,
            }),
            Term::Extreme { greatest, terms } => {
                let wanted = if *greatest { Ordering::Greater } else { Ordering::Less };
                let mut best: Option<Atom<'r>> = None;
                for term in terms {
                    term.each(row, &mut |value| {
                        if best.as_ref().is_none_or(|best| value.order(best) == Some(wanted)) {
                            best = Some(value);
                        }
                        true
                    });
                }
                if let Some(best) = best {
                    take(best);
                }
            }
        }
    }
}

fn column_values<'r>(
    row: &'r Row,
    column: usize,
    wanted: Option<&[Part]>,
    take: &mut dyn FnMut(Atom<'r>) -> bool,
) {
    let Some(cell) = row.cells().get(column) else { return };
    let layers = row.layers().get(column).map_or(&[][..], Vec::as_slice);
    let count = layers.iter().copied().max().unwrap_or(0);
    for (place, value) in cell.iter().enumerate() {
        if let Some(parts) = wanted {
            let layer = layers.get(place).copied().unwrap_or(1);
            if !parts.iter().any(|part| part.has_layer(layer, count)) {
                continue;
            }
        }
        if !take(Atom::of(value)) {
            return;
        }
    }
}

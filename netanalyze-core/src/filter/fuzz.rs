//! What fuzzing asserts of display filters: compiling an expression never panics nor runs out of stack, an error points into the
//! expression and can be shown, and what compiles can be asked of any values, with the same answer twice, the opposite of its negation, and none that
//! depends on parentheses around it.
//!
//! The body of the fuzz target `filter`: a byte that chooses the values, then an expression. Run once on the tables of the unit tests.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::missing_panics_doc)]

use super::Filter;
use crate::field::{FieldType, Row, Value};
use crate::model::limits::{MAX_FILTER_BYTES, MAX_FILTER_DEPTH};
use crate::model::{Span, Timestamp};

/// Values of a type that a frame could have.
fn values(kind: FieldType, is_bytes: bool, seed: u8) -> Vec<Value> {
    let number = u64::from(seed).wrapping_mul(0x0101_0101_0101_0101);
    let bytes = vec![seed; usize::from(seed % 32)];
    let one = match kind {
        FieldType::Protocol if is_bytes => Value::Layer(bytes.into(), usize::from(seed % 16)),
        FieldType::None | FieldType::Protocol => Value::Present,
        FieldType::Boolean => Value::Bool(seed & 1 == 1),
        FieldType::Unsigned | FieldType::FrameNumber => Value::Unsigned(number),
        FieldType::Signed => Value::Signed(number.cast_signed()),
        FieldType::AbsoluteTime => Value::Date(Timestamp(number.cast_signed())),
        FieldType::RelativeTime => Value::Time(Span(number.cast_signed())),
        FieldType::Double => Value::Millis(Span(number.cast_signed())),
        FieldType::Ipv4 => Value::Address([seed; 4].into()),
        FieldType::Ipv6 => Value::Address([seed; 16].into()),
        FieldType::Ether => Value::Ether([seed; 6]),
        FieldType::Bytes => Value::Raw(bytes.into()),
        FieldType::Text => Value::Bytes(bytes.into()),
    };
    // None, one, or several, not all of which are the same.
    match seed % 4 {
        0 => Vec::new(),
        1 => vec![one],
        _ => vec![one.clone(), one],
    }
}

/// The body.
pub fn filter(data: &[u8]) {
    let Some((&seed, expression)) = data.split_first() else { return };
    let Ok(expression) = std::str::from_utf8(expression) else { return };
    let filter = match Filter::compile(expression) {
        Ok(filter) => filter,
        Err(error) => {
            assert!(error.at.start <= error.at.end && error.at.end <= expression.len(), "{error:?}");
            assert!(expression.get(error.at.clone()).is_some(), "{error:?} splits a character");
            assert!(!error.message.is_empty() && !error.message.contains('\n'), "{error:?}");
            assert_eq!(error.to_string().lines().count(), 3, "{error:?}");
            return;
        }
    };
    let cells = || {
        filter
            .selection
            .columns()
            .zip(filter.fields())
            .map(|((_, is_bytes), field)| values(field.kind, is_bytes, seed))
    };
    let row = Row::of(cells().collect());
    let answer = filter.holds(&row);
    assert_eq!(filter.holds(&row), answer, "{expression:?} changes its mind");
    if expression.len() + 6 > MAX_FILTER_BYTES {
        return;
    }
    for (around, wanted) in [(format!("!({expression})"), !answer), (format!("({expression})"), answer)] {
        match Filter::compile(&around) {
            Ok(filter) => assert_eq!(filter.holds(&row), wanted, "{around:?}"),
            Err(error) => assert!(error.message.contains(&MAX_FILTER_DEPTH.to_string()), "{error:?}"),
        }
    }
}

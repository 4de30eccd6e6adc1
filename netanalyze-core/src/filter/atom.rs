//! Single values, and what can be done with them.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::ast::{Arithmetic, Part};
use crate::field::Value;

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Atom<'r> {
    Integer(i128),
    Double(f64),
    /// Nanoseconds, of a duration or since the epoch.
    Time(i64),
    /// An address with the number of leading bits that count.
    Ipv4(u32, u8),
    Ipv6(u128, u8),
    Bytes(Cow<'r, [u8]>),
    /// The bytes of a protocol, and how many of them are its header.
    Layer(&'r [u8], usize),
}

/// Bytes that were made.
pub(super) fn changed<'r>(bytes: Vec<u8>) -> Atom<'r> {
    Atom::Bytes(Cow::Owned(bytes))
}

impl<'r> Atom<'r> {
    /// A field's value.
    pub(super) fn of(value: &'r Value) -> Self {
        match value {
            Value::Present => Atom::Integer(1),
            Value::Unsigned(number) | Value::Hex(number, _) => Atom::Integer((*number).into()),
            Value::Signed(number) => Atom::Integer((*number).into()),
            Value::Bool(truth) => Atom::Integer((*truth).into()),
            Value::Time(span) => Atom::Time(span.0),
            Value::Date(time) => Atom::Time(time.0),
            Value::Millis(span) => Atom::Double(span.0 as f64 / 1e6),
            Value::Address(IpAddr::V4(address)) => Atom::Ipv4((*address).into(), 32),
            Value::Address(IpAddr::V6(address)) => Atom::Ipv6((*address).into(), 128),
            Value::Ether(address) => Atom::Bytes(Cow::Borrowed(address)),
            Value::Text(text) => Atom::Bytes(Cow::Borrowed(text.as_bytes())),
            Value::Bytes(bytes) | Value::Raw(bytes) => Atom::Bytes(Cow::Borrowed(bytes)),
            Value::Layer(bytes, header) => Atom::Layer(bytes, *header),
        }
    }

    pub(super) fn borrowed(&'r self) -> Atom<'r> {
        match self {
            Atom::Bytes(bytes) => Atom::Bytes(Cow::Borrowed(bytes)),
            other => other.clone(),
        }
    }

    /// The bytes that searches look into.
    pub(super) fn bytes(&self) -> Cow<'_, [u8]> {
        match self {
            Atom::Bytes(bytes) => Cow::Borrowed(bytes),
            Atom::Layer(bytes, _) => Cow::Borrowed(bytes),
            Atom::Ipv4(address, _) => Cow::Owned(address.to_be_bytes().to_vec()),
            Atom::Ipv6(address, _) => Cow::Owned(address.to_be_bytes().to_vec()),
            Atom::Integer(_) | Atom::Double(_) | Atom::Time(_) => Cow::Borrowed(&[]),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Atom::Layer(_, header) => *header,
            other => other.bytes().len(),
        }
    }

    /// Parts of its bytes, one behind the other; `None` if one of them is not there. Of a protocol only the header counts.
    pub(super) fn slice(&self, parts: &[Part]) -> Option<Atom<'r>> {
        let bytes = self.bytes();
        let bytes = bytes.get(..self.len()).unwrap_or(&bytes);
        let mut found = Vec::new();
        for part in parts {
            found.extend_from_slice(bytes.get(part.of(bytes.len())?)?);
        }
        Some(changed(found))
    }

    /// Whether another's bytes are in its own. No bytes are in nothing.
    pub(super) fn has(&self, part: &Atom<'_>) -> bool {
        let part = part.bytes();
        !part.is_empty() && memchr::memmem::find(&self.bytes(), &part).is_some()
    }

    pub(super) fn is_zero(&self) -> bool {
        match self {
            Atom::Integer(number) => *number == 0,
            Atom::Double(number) => *number == 0.0,
            Atom::Time(ns) => *ns == 0,
            other => other.bytes().iter().all(|&byte| byte == 0),
        }
    }

    /// How it compares with another of the same type. Addresses compare in the bits that count in both.
    pub(super) fn order(&self, other: &Atom<'_>) -> Option<Ordering> {
        match (self, other) {
            (Atom::Integer(a), Atom::Integer(b)) => Some(a.cmp(b)),
            (Atom::Double(a), Atom::Double(b)) => a.partial_cmp(b),
            (Atom::Time(a), Atom::Time(b)) => Some(a.cmp(b)),
            (Atom::Ipv4(a, bits), Atom::Ipv4(b, other_bits)) => {
                let shift = 32 - u32::from(*bits.min(other_bits));
                let leading = |address: u32| address.checked_shr(shift).unwrap_or(0);
                Some(leading(*a).cmp(&leading(*b)))
            }
            (Atom::Ipv6(a, bits), Atom::Ipv6(b, other_bits)) => {
                let shift = 128 - u32::from(*bits.min(other_bits));
                let leading = |address: u128| address.checked_shr(shift).unwrap_or(0);
                Some(leading(*a).cmp(&leading(*b)))
            }
            (Atom::Bytes(_) | Atom::Layer(..), Atom::Bytes(_) | Atom::Layer(..)) => {
                Some(self.bytes().cmp(&other.bytes()))
            }
            _ => None,
        }
    }

    /// The result of arithmetic; `None` where there is none, as for a division by zero.
    pub(super) fn with(&self, operator: Arithmetic, other: &Atom<'_>) -> Option<Atom<'r>> {
        use Arithmetic::{Add, BitAnd, Divide, Multiply, Remainder, Subtract};
        Some(match (self, other) {
            (&Atom::Integer(a), &Atom::Integer(b)) => Atom::Integer(match operator {
                Add => a.checked_add(b)?,
                Subtract => a.checked_sub(b)?,
                Multiply => a.checked_mul(b)?,
                Divide => a.checked_div(b)?,
                Remainder => a.checked_rem(b)?,
                BitAnd => a & b,
            }),
            (&Atom::Double(a), &Atom::Double(b)) => Atom::Double(match operator {
                Add => a + b,
                Subtract => a - b,
                Multiply => a * b,
                Divide if b != 0.0 => a / b,
                Remainder if b != 0.0 => a % b,
                _ => return None,
            }),
            (&Atom::Time(a), &Atom::Time(b)) => Atom::Time(match operator {
                Add => a.checked_add(b)?,
                Subtract => a.checked_sub(b)?,
                _ => return None,
            }),
            (&Atom::Ipv4(a, bits), &Atom::Ipv4(b, _)) if operator == BitAnd => Atom::Ipv4(a & b, bits),
            (&Atom::Ipv6(a, bits), &Atom::Ipv6(b, _)) if operator == BitAnd => Atom::Ipv6(a & b, bits),
            (Atom::Bytes(a), Atom::Bytes(b)) if operator == BitAnd => {
                changed(a.iter().zip(b.iter()).map(|(a, b)| a & b).collect())
            }
            _ => return None,
        })
    }

    /// As text, which `string` makes.
    pub(super) fn text(&self, colons: bool) -> String {
        match self {
            Atom::Integer(number) => number.to_string(),
            Atom::Double(number) => number.to_string(),
            Atom::Ipv4(address, _) => Ipv4Addr::from(*address).to_string(),
            Atom::Ipv6(address, _) => Ipv6Addr::from(*address).to_string(),
            Atom::Bytes(bytes) if colons => {
                bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
            }
            other => String::from_utf8_lossy(&other.bytes()).into_owned(),
        }
    }
}

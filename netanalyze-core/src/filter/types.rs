//! Types of operands, and which of them go together.

use std::borrow::Cow;

use super::ast::Arithmetic;
use super::atom::Atom;
use super::literal;
use crate::field::FieldType;

/// What an operand's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    /// Nothing but there or not there.
    Label,
    Boolean,
    /// A number without sign, as a field has it.
    Unsigned,
    Signed,
    Double,
    /// A duration.
    Time,
    Date,
    Ipv4,
    Ipv6,
    Ether,
    Bytes,
    /// The bytes of a protocol.
    Protocol,
    Text,
}

impl Type {
    pub(super) fn of(kind: FieldType) -> Self {
        match kind {
            FieldType::None => Type::Label,
            FieldType::Protocol => Type::Protocol,
            FieldType::Boolean => Type::Boolean,
            FieldType::Unsigned | FieldType::FrameNumber => Type::Unsigned,
            FieldType::Signed => Type::Signed,
            FieldType::AbsoluteTime => Type::Date,
            FieldType::RelativeTime => Type::Time,
            FieldType::Double => Type::Double,
            FieldType::Ipv4 => Type::Ipv4,
            FieldType::Ipv6 => Type::Ipv6,
            FieldType::Ether => Type::Ether,
            FieldType::Bytes => Type::Bytes,
            FieldType::Text => Type::Text,
        }
    }

    /// With article, for messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Type::Label => "only there or not there",
            Type::Boolean => "true or false",
            Type::Unsigned | Type::Signed => "an integer",
            Type::Double => "a number",
            Type::Time => "a duration",
            Type::Date => "a date",
            Type::Ipv4 => "an IPv4 address",
            Type::Ipv6 => "an IPv6 address",
            Type::Ether => "an Ethernet address",
            Type::Bytes => "bytes",
            Type::Protocol => "a protocol's bytes",
            Type::Text => "text",
        }
    }

    fn is_integer(self) -> bool {
        matches!(self, Type::Unsigned | Type::Signed)
    }

    pub(super) fn is_bytes(self) -> bool {
        matches!(self, Type::Ether | Type::Bytes | Type::Protocol)
    }

    /// Whether values of both can be compared.
    pub(super) fn goes_with(self, other: Type) -> bool {
        let same =
            self == other || self.is_integer() && other.is_integer() || self.is_bytes() && other.is_bytes();
        same && self != Type::Label
    }

    /// Whether it has bytes that parts can be taken of.
    pub(super) fn can_be_sliced(self) -> bool {
        self.is_bytes() || matches!(self, Type::Text | Type::Ipv4 | Type::Ipv6)
    }

    /// Whether `contains` and `matches` can look into it.
    pub(super) fn can_be_searched(self) -> bool {
        self.is_bytes() || self == Type::Text
    }

    /// Type of what an operator makes of it; `None` if the operator is not for it.
    pub(super) fn after(self, operator: Arithmetic) -> Option<Type> {
        match (operator, self) {
            (_, Type::Unsigned | Type::Signed) => Some(Type::Signed),
            (Arithmetic::BitAnd, Type::Ipv4 | Type::Ipv6 | Type::Ether | Type::Bytes) => Some(self),
            (Arithmetic::Add | Arithmetic::Subtract, Type::Time) => Some(Type::Time),
            (Arithmetic::BitAnd, _) => None,
            (_, Type::Double) => Some(Type::Double),
            _ => None,
        }
    }
}

/// What stands where a value is wanted.
#[derive(Clone, Copy, Debug)]
pub(super) enum Written<'e> {
    Word(&'e str),
    Text(&'e [u8]),
    Char(u8),
}

impl Type {
    /// Reads a value of this type, negated if a sign stands before it. `contained`: it is looked for inside, so that fewer bytes will do.
    pub(super) fn read(
        self,
        written: Written<'_>,
        negative: bool,
        contained: bool,
    ) -> Result<Atom<'static>, String> {
        let shown = match written {
            Written::Word(word) => format!("{}{word}", if negative { "-" } else { "" }),
            Written::Text(text) => format!("{:?}", String::from_utf8_lossy(text)),
            Written::Char(c) => format!("'{}'", c.escape_ascii()),
        };
        let no = |wanted: &str| Err(format!("{shown} is not {wanted}"));
        let bytes = |bytes: Vec<u8>| Atom::Bytes(Cow::Owned(bytes));
        match (self, written) {
            (_, Written::Text(_) | Written::Char(_)) if negative => no("a number"),
            (Type::Text, Written::Word(_)) => Ok(bytes(shown.into_bytes())),
            (Type::Text | Type::Bytes | Type::Protocol, Written::Text(text)) => Ok(bytes(text.to_vec())),
            (Type::Text | Type::Bytes | Type::Protocol, Written::Char(c)) => Ok(bytes(vec![c])),
            (Type::Date, Written::Text(text)) => {
                let found = std::str::from_utf8(text).ok().and_then(literal::date);
                found.map(Atom::Time).ok_or_else(|| format!("{shown} is not {DATE}"))
            }
            (Type::Unsigned | Type::Signed, Written::Char(c)) => Ok(Atom::Integer(c.into())),
            (_, Written::Text(_) | Written::Char(_)) => {
                no(&format!("{}; only text, bytes and dates stand in quotes", self.name()))
            }
            (_, Written::Word(word)) => self.word(word, negative, contained, &shown),
        }
    }

    fn word(self, word: &str, negative: bool, contained: bool, shown: &str) -> Result<Atom<'static>, String> {
        let no = |wanted: &str| Err(format!("{shown} is not {wanted}"));
        let found = match self {
            Type::Boolean => match word {
                "True" | "TRUE" => Some(Atom::Integer(1)),
                "False" | "FALSE" => Some(Atom::Integer(0)),
                _ => match literal::unsigned(word) {
                    Some(number) => Some(Atom::Integer((number != 0).into())),
                    None => return no("true or false: give True, False, 1 or 0"),
                },
            },
            Type::Unsigned | Type::Signed => literal::unsigned(word).map(|number| {
                let number = i128::from(number);
                Atom::Integer(match (negative, self) {
                    (false, _) => number,
                    // As Wireshark 4.0: it wraps, and is greater than all that the field can be.
                    (true, Type::Unsigned) => i128::from(u64::MAX) + 1 - number,
                    (true, _) => -number,
                })
            }),
            Type::Double => {
                literal::double(word).map(|number| Atom::Double(if negative { -number } else { number }))
            }
            Type::Time => literal::seconds(word).map(|ns| Atom::Time(if negative { -ns } else { ns })),
            Type::Date => {
                let seconds = literal::seconds(word).map(|ns| if negative { -ns } else { ns });
                match literal::date(word).filter(|_| !negative).or(seconds) {
                    Some(ns) => Some(Atom::Time(ns)),
                    None => return no(DATE),
                }
            }
            _ if negative => None,
            Type::Ipv4 => Some(literal::ipv4(word).map(|(address, bits)| Atom::Ipv4(address, bits))?),
            Type::Ipv6 => Some(literal::ipv6(word).map(|(address, bits)| Atom::Ipv6(address, bits))?),
            Type::Ether | Type::Bytes | Type::Protocol => {
                let found = match word.strip_prefix("0x") {
                    Some(_) => literal::unsigned(word)
                        .and_then(|byte| u8::try_from(byte).ok())
                        .map(|byte| vec![byte]),
                    None => literal::bytes(word.strip_prefix(':').unwrap_or(word)),
                };
                let Some(bytes) = found else {
                    return no(
                        "bytes in hexadecimal, like 16:03, or one like 0x16; text stands in double quotes",
                    );
                };
                if self == Type::Ether && !contained && bytes.len() != 6 {
                    return no("an Ethernet address, which has six bytes");
                }
                Some(Atom::Bytes(Cow::Owned(bytes)))
            }
            Type::Label | Type::Text => None,
        };
        found.ok_or_else(|| match self {
            Type::Time => {
                format!("{shown} is not a duration: give seconds with at most nine decimals, e.g. 0.25")
            }
            _ => format!("{shown} is not {}", self.name()),
        })
    }
}

const DATE: &str = "a date: give \"2011-07-04 12:34:56\" or \"Nov 12, 1999 08:55:44.123\", in UTC";

//! Values of fields, and how tshark prints them.

use std::fmt;
use std::net::IpAddr;

use crate::model::{Span, Timestamp};

/// One occurrence of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// The field is there; it has no value.
    Present,
    /// A number, printed in decimal.
    Unsigned(u64),
    /// A number that can be negative.
    Signed(i64),
    /// A number printed in hexadecimal with this many digits.
    Hex(u64, u8),
    /// True or false, printed as 1 or 0.
    Bool(bool),
    /// Seconds with nine decimals.
    Time(Span),
    /// Milliseconds as a number with decimals.
    Millis(Span),
    /// A network address.
    Address(IpAddr),
    /// An Ethernet address.
    Ether([u8; 6]),
    /// Text of our own making, never bytes from a packet.
    Text(&'static str),
    /// A date and time, printed in UTC.
    Date(Timestamp),
    /// Bytes, printed in hexadecimal.
    Raw(Box<[u8]>),
    /// The bytes of a protocol, and how many of them are its header; printed like [`Value::Present`].
    Layer(Box<[u8]>, usize),
    /// Text from a packet, printed with what is no UTF-8 replaced and control characters escaped.
    Bytes(Box<[u8]>),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Present | Value::Layer(..) => f.write_str("1"),
            Value::Unsigned(n) => n.fmt(f),
            Value::Signed(n) => n.fmt(f),
            Value::Hex(n, digits) => write!(f, "0x{n:0width$x}", width = usize::from(*digits)),
            Value::Bool(b) => f.write_str(if *b { "1" } else { "0" }),
            Value::Time(span) => span.fmt(f),
            Value::Millis(span) => millis(*span, f),
            Value::Address(address) => address.fmt(f),
            Value::Ether([a, b, c, d, e, g]) => write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}"),
            Value::Text(text) => f.write_str(text),
            Value::Date(time) => date(*time, f),
            Value::Raw(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
            Value::Bytes(bytes) => escaped(f, bytes),
        }
    }
}

/// Writes text from a packet: control characters as C does it, as tshark prints them.
fn escaped(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    let text = String::from_utf8_lossy(bytes);
    let mut rest: &str = &text;
    while let Some(at) = rest.find(|c: char| c.is_control()) {
        let (plain, special) = rest.split_at(at);
        f.write_str(plain)?;
        let mut chars = special.chars();
        match chars.next() {
            Some('\n') => f.write_str("\\n")?,
            Some('\r') => f.write_str("\\r")?,
            Some('\t') => f.write_str("\\t")?,
            Some(control) => write!(f, "\\x{:02x}", u32::from(control))?,
            None => {}
        }
        rest = chars.as_str();
    }
    f.write_str(rest)
}

/// As C's `%.15g` prints milliseconds. Up to 15 digits that is exact.
fn millis(span: Span, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (sign, ns) = (if span.0 < 0 { "-" } else { "" }, span.0.unsigned_abs());
    if (1..100).contains(&ns) {
        let (digit, rest, exponent) = if ns < 10 { (ns, 0, 6) } else { (ns / 10, ns % 10, 5) };
        return match rest {
            0 => write!(f, "{sign}{digit}e-0{exponent}"),
            _ => write!(f, "{sign}{digit}.{rest}e-0{exponent}"),
        };
    }
    let digits = ns.checked_ilog10().map_or(1, |log| log + 1);
    let unit = 10u64.pow(digits.saturating_sub(15));
    let ns = ns.saturating_add(unit / 2) / unit * unit;
    let (whole, mut rest, mut width) = (ns / 1_000_000, ns % 1_000_000, 6);
    if rest == 0 {
        return write!(f, "{sign}{whole}");
    }
    while rest % 10 == 0 {
        (rest, width) = (rest / 10, width - 1);
    }
    write!(f, "{sign}{whole}.{rest:0width$}")
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// As tshark prints `frame.time` where the local time is UTC.
fn date(time: Timestamp, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (seconds, ns) = (time.0.div_euclid(1_000_000_000), time.0.rem_euclid(1_000_000_000));
    let (days, clock) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Years are counted from March, so that a leap day ends one; 146,097 days are 400 years of the Gregorian calendar.
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (year, month) = (era * 400 + year + i64::from(month >= 10), (month + 2) % 12);
    let name = MONTHS.get(month as usize).copied().unwrap_or_default();
    let (hour, minute, second) = (clock / 3_600, clock / 60 % 60, clock % 60);
    write!(f, "{name} {day:2}, {year} {hour:02}:{minute:02}:{second:02}.{ns:09} UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_tshark_does() {
        for (value, text) in [
            (Value::Present, "1"),
            (Value::Unsigned(1460), "1460"),
            (Value::Signed(-2), "-2"),
            (Value::Hex(0x12, 4), "0x0012"),
            (Value::Bool(false), "0"),
            (Value::Time(Span(1_500)), "0.000001500"),
            (Value::Millis(Span(0)), "0"),
            (Value::Millis(Span(11_000_000)), "11"),
            (Value::Millis(Span(-989_000_000)), "-989"),
            (Value::Millis(Span(1_234_560)), "1.23456"),
            (Value::Millis(Span(40_001)), "0.040001"),
            (Value::Millis(Span(100)), "0.0001"),
            (Value::Millis(Span(99)), "9.9e-05"),
            (Value::Millis(Span(20)), "2e-05"),
            (Value::Millis(Span(-7)), "-7e-06"),
            (Value::Millis(Span(1_234_567_890_123_456)), "1234567890.12346"),
            (Value::Address("2001:db8::1".parse().unwrap()), "2001:db8::1"),
            (Value::Date(Timestamp(0)), "Jan  1, 1970 00:00:00.000000000 UTC"),
            (Value::Date(Timestamp(1_078_099_199_000_000_001)), "Feb 29, 2004 23:59:59.000000001 UTC"),
            (Value::Date(Timestamp(1_078_099_200_000_000_000)), "Mar  1, 2004 00:00:00.000000000 UTC"),
            (Value::Date(Timestamp(4_107_542_399_999_999_999)), "Feb 28, 2100 23:59:59.999999999 UTC"),
            (Value::Date(Timestamp(-1)), "Dec 31, 1969 23:59:59.999999999 UTC"),
            (Value::Raw([0x0a, 0xff].into()), "0aff"),
            (Value::Layer([0x0a].into(), 1), "1"),
            (Value::Ether([0, 1, 2, 0xaa, 0xbb, 0xcc]), "00:01:02:aa:bb:cc"),
            (Value::Bytes(b"a,\r\n\x1b[\xc3\xa4".as_slice().into()), "a,\\r\\n\\x1b[ä"),
            (Value::Bytes(b"a\xff".as_slice().into()), "a\u{fffd}"),
        ] {
            assert_eq!(value.to_string(), text);
        }
    }
}

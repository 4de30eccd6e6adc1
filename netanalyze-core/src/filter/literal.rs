//! Values as they are written.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Decimal, hexadecimal (0x), octal (0) or binary (0b) digits.
pub(super) fn unsigned(text: &str) -> Option<u64> {
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (text.get(2..)?, 16),
        [b'0', b'b' | b'B', ..] => (text.get(2..)?, 2),
        [b'0', _, ..] => (text.get(1..)?, 8),
        _ => (text, 10),
    };
    // Rust's own parser would take a sign.
    if !digits.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return None;
    }
    u64::from_str_radix(digits, radix).ok()
}

/// Seconds with at most nine decimals, in nanoseconds.
pub(super) fn seconds(text: &str) -> Option<i64> {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |text| (true, text));
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(decimals) || decimals.len() > 9 {
        return None;
    }
    let ns = whole
        .parse::<i64>()
        .ok()?
        .checked_mul(1_000_000_000)?
        .checked_add(format!("{decimals:0<9}").parse().ok()?)?;
    Some(if negative { -ns } else { ns })
}

/// A number with decimals.
pub(super) fn double(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    text.parse().ok().filter(|_| plain)
}

/// An IPv4 address with the number of its leading bits that count.
pub(super) fn ipv4(text: &str) -> Result<(u32, u8), String> {
    let (address, bits) = network(text, 32)?;
    let address: Ipv4Addr = address
        .parse()
        .map_err(|_| format!("{text:?} is no IPv4 address; names of hosts are not looked up"))?;
    Ok((address.into(), bits))
}

/// An IPv6 address with the number of its leading bits that count.
pub(super) fn ipv6(text: &str) -> Result<(u128, u8), String> {
    let (address, bits) = network(text, 128)?;
    let address: Ipv6Addr = address
        .parse()
        .map_err(|_| format!("{text:?} is no IPv6 address; names of hosts are not looked up"))?;
    Ok((address.into(), bits))
}

fn network(text: &str, most: u8) -> Result<(&str, u8), String> {
    let Some((address, bits)) = text.split_once('/') else { return Ok((text, most)) };
    match bits.parse() {
        Ok(bits) if bits <= most => Ok((address, bits)),
        _ => Err(format!("a network has a prefix of at most {most} bits, not {bits}")),
    }
}

/// Bytes in hexadecimal: two digits each, with or without `:`, `-` or `.` between them, or one digit alone; with dots also four each.
pub(super) fn bytes(text: &str) -> Option<Vec<u8>> {
    let mut found = Vec::new();
    let separator = text.chars().find(|c| ":-.".contains(*c));
    let groups: Vec<&str> = match separator {
        Some(separator) => text.split(separator).collect(),
        None => vec![text],
    };
    for group in &groups {
        if !group.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        match group.len() {
            1 => found.push(u8::from_str_radix(group, 16).ok()?),
            len if len > 0 && len % 2 == 0 && (len <= 4 || groups.len() == 1) => {
                let pairs = group.as_bytes().chunks(2).filter_map(|pair| std::str::from_utf8(pair).ok());
                for pair in pairs {
                    found.push(u8::from_str_radix(pair, 16).ok()?);
                }
            }
            _ => return None,
        }
    }
    Some(found)
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A date and time, in nanoseconds since the epoch: ISO 8601, the time and its parts optional, or `Sep 26, 2004 23:18:04.954975`. Without an
/// offset it is UTC: whose local time it would be, an analysis must not depend on.
pub(super) fn date(text: &str) -> Option<i64> {
    let text = text.trim();
    let (day, time) =
        if text.starts_with(|c: char| c.is_ascii_alphabetic()) { named_month(text)? } else { iso(text)? };
    day.checked_mul(86_400_000_000_000)?.checked_add(time)
}

/// Days since the epoch, and nanoseconds.
fn iso(text: &str) -> Option<(i64, i64)> {
    let (date, rest) = text.split_at_checked(10)?;
    let mut parts = date.split('-');
    let day = days(parts.next()?, number(parts.next()?, 2)?, number(parts.next()?, 2)?)?;
    if parts.next().is_some() {
        return None;
    }
    if rest.is_empty() {
        return Some((day, 0));
    }
    let rest = rest.strip_prefix('T').unwrap_or(rest).trim_start();
    let zone = rest.find(['Z', '+', '-']).unwrap_or(rest.len());
    let (clock, zone) = rest.split_at_checked(zone)?;
    Some((day, time(clock.trim_end(), false)? - offset(zone)?))
}

fn named_month(text: &str) -> Option<(i64, i64)> {
    let text = text.strip_suffix("UTC").unwrap_or(text);
    let mut words = text.split_whitespace();
    let name = words.next()?;
    let month = MONTHS.iter().position(|month| *month == name)? as i64 + 1;
    let day = words.next()?.strip_suffix(',')?;
    let date = days(words.next()?, month, number(day, day.len().min(2))?)?;
    let found = (date, time(words.next()?, true)?);
    words.next().is_none().then_some(found)
}

/// `hh:mm`, `hh:mm:ss` or with decimals, in nanoseconds.
fn time(text: &str, with_seconds: bool) -> Option<i64> {
    let mut parts = text.splitn(3, ':');
    let (hours, minutes) = (number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    let ns = match parts.next() {
        Some(part) => {
            seconds(part).filter(|_| part.split('.').next().is_some_and(|whole| whole.len() == 2))?
        }
        None if with_seconds => return None,
        None => 0,
    };
    // A leap second is possible.
    if hours > 23 || minutes > 59 || ns >= 61_000_000_000 {
        return None;
    }
    Some((hours * 3_600 + minutes * 60) * 1_000_000_000 + ns)
}

/// `Z`, or hours and minutes before or behind UTC.
fn offset(text: &str) -> Option<i64> {
    let sign = match text.as_bytes() {
        [] | [b'Z'] => return Some(0),
        [b'+', ..] => 1,
        _ => -1,
    };
    let digits: String = text.chars().skip(1).filter(|&c| c != ':').collect();
    let (hours, minutes) = match digits.len() {
        2 => (number(&digits, 2)?, 0),
        4 => (number(digits.get(..2)?, 2)?, number(digits.get(2..)?, 2)?),
        _ => return None,
    };
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3_600 + minutes * 60) * 1_000_000_000)
}

fn number(text: &str, len: usize) -> Option<i64> {
    if text.len() != len || !text.bytes().all(|b| b.is_ascii_digit()) { None } else { text.parse().ok() }
}

/// Days from 1970-01-01 to a day of the Gregorian calendar; `None` if there is no such day.
fn days(year: &str, month: i64, day: i64) -> Option<i64> {
    let year = number(year, 4)?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let month = usize::try_from(month).ok()?.checked_sub(1)?;
    let length = *lengths.get(month)?;
    if !(1..=length).contains(&day) {
        return None;
    }
    let before = year - 1;
    let to_year = before * 365 + before / 4 - before / 100 + before / 400 - 719_162;
    Some(to_year + lengths.iter().take(month).sum::<i64>() + day - 1)
}

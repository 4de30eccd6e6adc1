//! Numbers into byte buffers without the formatting machinery: rows of millions of packets go through here.
//!
//! Digits are made eight at a time in one register, and appended as arrays of a fixed length of which the unused end is taken back: a copy
//! whose length the compiler knows costs a store, one whose length it does not know costs a call.

/// Appends the first `used` bytes of an array.
#[inline]
fn push_front<const N: usize>(out: &mut Vec<u8>, bytes: [u8; N], used: usize) {
    let end = out.len() + used.min(N);
    out.extend_from_slice(&bytes);
    out.truncate(end);
}

/// The eight decimal digits of a number below 10^8 with leading zeros, one a byte and not yet text, the highest in the lowest byte.
///
/// Four digits in each half, then two in each quarter, then one in each byte: all parts are divided at once, by multiplying with the
/// rounded inverse.
#[inline]
fn digits(number: u32) -> u64 {
    const HUNDREDS: u64 = 0x7f | 0x7f << 32;
    const TENS: u64 = 0xf | 0xf << 16 | 0xf << 32 | 0xf << 48;
    let fours = u64::from(number / 10_000) | u64::from(number % 10_000) << 32;
    let high = ((fours * 10_486) >> 20) & HUNDREDS;
    let twos = high | (fours - high * 100) << 16;
    let high = ((twos * 103) >> 10) & TENS;
    high | (twos - high * 10) << 8
}

/// Turns digits into text.
const ZEROS: u64 = 0x3030_3030_3030_3030;

/// What eight digits hold.
const EIGHT: u64 = 100_000_000;

/// Appends a number in decimal.
#[inline]
pub(crate) fn push_unsigned(out: &mut Vec<u8>, number: u64) {
    if number >= EIGHT {
        return push_long(out, number);
    }
    let digits = digits(number as u32);
    // Zero has one digit.
    let leading = (digits.trailing_zeros() / 8).min(7);
    let text = (digits | ZEROS) >> (8 * leading);
    push_front(out, text.to_le_bytes(), 8 - leading as usize);
}

/// Appends a number that can be negative in decimal.
#[inline]
pub(crate) fn push_signed(out: &mut Vec<u8>, number: i64) {
    if number < 0 {
        out.push(b'-');
    }
    push_unsigned(out, number.unsigned_abs());
}

#[cold]
fn push_long(out: &mut Vec<u8>, number: u64) {
    push_unsigned(out, number / EIGHT);
    out.extend_from_slice(&(digits((number % EIGHT) as u32) | ZEROS).to_le_bytes());
}

/// Appends a number in hexadecimal after 0x, with at least `digits` digits.
#[inline]
pub(crate) fn push_hex(out: &mut Vec<u8>, number: u64, digits: u8) {
    let needed = (64 - number.leading_zeros()).div_ceil(4).max(u32::from(digits).clamp(1, 16));
    let mut text = [b'0', b'x', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    for (place, digit) in (0..needed).rev().zip(text.iter_mut().skip(2)) {
        *digit = hex_digit((number >> (4 * place)) as u8);
    }
    push_front(out, text, 2 + needed as usize);
}

/// Appends an Ethernet address.
#[inline]
pub(crate) fn push_ether(out: &mut Vec<u8>, address: [u8; 6]) {
    let mut text = [b':'; 18];
    for (place, octet) in text.chunks_exact_mut(3).zip(address) {
        if let [high, low, _] = place {
            (*high, *low) = (hex_digit(octet >> 4), hex_digit(octet));
        }
    }
    push_front(out, text, 17);
}

/// The digit of the lower four bits.
#[inline]
fn hex_digit(bits: u8) -> u8 {
    match bits & 15 {
        digit @ 0..=9 => b'0' + digit,
        letter => b'a' + (letter - 10),
    }
}

/// Appends nanoseconds as seconds with nine decimals.
#[inline]
pub(crate) fn push_seconds(out: &mut Vec<u8>, ns: i64) {
    if ns < 0 {
        out.push(b'-');
    }
    let abs = ns.unsigned_abs();
    push_unsigned(out, abs / 1_000_000_000);
    let rest = (abs % 1_000_000_000) as u32;
    let (first, others) = (rest / EIGHT as u32, digits(rest % EIGHT as u32) | ZEROS);
    let [a, b, c, d, e, f, g, h] = others.to_le_bytes();
    out.extend_from_slice(&[b'.', b'0' + first as u8, a, b, c, d, e, f, g, h]);
}

/// The text of each octet with a dot behind it, and how long that is.
const OCTETS: [([u8; 4], u8); 256] = {
    let mut table = [([0; 4], 0); 256];
    let mut octet = 0;
    while octet < 256 {
        let (a, b, c) =
            (b'0' + (octet / 100) as u8, b'0' + (octet / 10 % 10) as u8, b'0' + (octet % 10) as u8);
        table[octet] = match octet {
            0..10 => ([c, b'.', 0, 0], 2),
            10..100 => ([b, c, b'.', 0], 3),
            _ => ([a, b, c, b'.'], 4),
        };
        octet += 1;
    }
    table
};

/// Appends an IPv4 address in dotted decimal.
#[inline]
pub(crate) fn push_ipv4(out: &mut Vec<u8>, address: std::net::Ipv4Addr) {
    let (mut text, mut length) = (0_u128, 0);
    for octet in address.octets() {
        let (octet, long) = OCTETS[usize::from(octet)];
        text |= u128::from(u32::from_le_bytes(octet)) << (8 * length);
        length += usize::from(long);
    }
    push_front(out, text.to_le_bytes(), length - 1);
}

#[cfg(test)]
mod tests {
    use super::*;
    use netanalyze_core::field::Value;
    use netanalyze_core::model::Span;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn agrees_with_the_formatting_machinery() {
        let powers = (0..20).map(|power| 10_u64.pow(power));
        let edges = powers.flat_map(|power| [power - 1, power, power + 1, power.saturating_mul(7)]);
        for number in (0..100_000).chain(edges).chain([u64::from(u32::MAX), u64::MAX]) {
            assert_eq!(text(|out| push_unsigned(out, number)), number.to_string());
        }
        for number in [0, -1, 1, i64::MIN, i64::MAX] {
            assert_eq!(text(|out| push_signed(out, number)), number.to_string());
        }
        for ns in [
            0,
            1,
            -1,
            99_999_999,
            100_000_000,
            999_999_999,
            1_000_000_000,
            -1_500_000_000,
            i64::MAX,
            i64::MIN,
        ] {
            assert_eq!(text(|out| push_seconds(out, ns)), Span(ns).to_string());
        }
        for (number, digits) in [(0, 0), (0, 4), (0x12, 4), (0xabcde, 4), (u64::MAX, 2), (9, 255)] {
            let expected = Value::Hex(number, digits.min(16)).to_string();
            assert_eq!(text(|out| push_hex(out, number, digits)), expected);
        }
        let ether = [0, 1, 0x2f, 0xa0, 0xff, 9];
        assert_eq!(text(|out| push_ether(out, ether)), Value::Ether(ether).to_string());
        for octet in 0..=u8::MAX {
            let address = std::net::Ipv4Addr::new(octet, 255 - octet, octet / 2, octet);
            assert_eq!(text(|out| push_ipv4(out, address)), address.to_string());
        }
    }
}

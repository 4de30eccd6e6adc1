//! Numbers into byte buffers without the formatting machinery: rows of millions of packets go through here.

/// Appends a number in decimal.
#[inline]
pub(crate) fn push_unsigned(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0_u8; 20];
    let mut start = digits.len();
    for place in digits.iter_mut().rev() {
        *place = b'0' + (number % 10) as u8;
        number /= 10;
        start -= 1;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(start..).unwrap_or_default());
}

/// Appends a number in hexadecimal after 0x, with at least `digits` digits.
#[inline]
pub(crate) fn push_hex(out: &mut Vec<u8>, number: u64, digits: u8) {
    let needed = (64 - number.leading_zeros()).div_ceil(4);
    out.extend_from_slice(b"0x");
    for place in (0..needed.max(u32::from(digits).clamp(1, 16))).rev() {
        out.push(hex_digit((number >> (4 * place)) as u8));
    }
}

/// Appends an Ethernet address.
#[inline]
pub(crate) fn push_ether(out: &mut Vec<u8>, address: [u8; 6]) {
    for (place, octet) in address.into_iter().enumerate() {
        if place > 0 {
            out.push(b':');
        }
        out.extend_from_slice(&[hex_digit(octet >> 4), hex_digit(octet)]);
    }
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
    let mut decimals = *b".000000000";
    let mut rest = abs % 1_000_000_000;
    for place in decimals.iter_mut().skip(1).rev() {
        *place = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    out.extend_from_slice(&decimals);
}

/// Appends an IPv4 address in dotted decimal.
#[inline]
pub(crate) fn push_ipv4(out: &mut Vec<u8>, address: std::net::Ipv4Addr) {
    for (place, octet) in address.octets().into_iter().enumerate() {
        if place > 0 {
            out.push(b'.');
        }
        push_unsigned(out, u64::from(octet));
    }
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
        for number in [0, 9, 10, 99, 100, 65_535, u64::from(u32::MAX), u64::MAX] {
            assert_eq!(text(|out| push_unsigned(out, number)), number.to_string());
        }
        for ns in [0, 1, -1, 999_999_999, 1_000_000_000, -1_500_000_000, i64::MAX, i64::MIN] {
            assert_eq!(text(|out| push_seconds(out, ns)), Span(ns).to_string());
        }
        for (number, digits) in [(0, 0), (0, 4), (0x12, 4), (0xabcde, 4), (u64::MAX, 2), (9, 255)] {
            let expected = Value::Hex(number, digits.min(16)).to_string();
            assert_eq!(text(|out| push_hex(out, number, digits)), expected);
        }
        let ether = [0, 1, 0x2f, 0xa0, 0xff, 9];
        assert_eq!(text(|out| push_ether(out, ether)), Value::Ether(ether).to_string());
        for address in ["0.0.0.0", "10.20.30.255"] {
            assert_eq!(text(|out| push_ipv4(out, address.parse().unwrap())), address);
        }
    }
}

//! Serial arithmetic on 32-bit sequence numbers (RFC 1982, RFC 9293 §3.4).
//!
//! Order is only defined for numbers less than 2^31 apart and is not transitive: never sort by it. At a distance of exactly 2^31 both
//! [`before`] and [`after`] hold, as in Wireshark 4.0, whose verdicts these functions serve.

/// `a` precedes `b`.
#[inline]
#[must_use]
pub fn before(a: u32, b: u32) -> bool {
    a.wrapping_sub(b).cast_signed() < 0
}

/// `a` follows `b`.
#[inline]
#[must_use]
pub fn after(a: u32, b: u32) -> bool {
    b.wrapping_sub(a).cast_signed() < 0
}

/// `a` precedes or equals `b`.
#[inline]
#[must_use]
pub fn at_or_before(a: u32, b: u32) -> bool {
    a.wrapping_sub(b).cast_signed() <= 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_around_the_wrap() {
        for (a, b, is_before, is_after) in [
            (0, 0, false, false),
            (0, 1, true, false),
            (u32::MAX, 0, true, false),
            (5, u32::MAX - 5, false, true),
            (0x7fff_ffff, 0x8000_0000, true, false),
            (0, 0x7fff_ffff, true, false),
            (0, 0x8000_0001, false, true),
            // Exactly half the circle apart: both, by definition of the contract.
            (0, 0x8000_0000, true, true),
            (0x8000_0000, 0, true, true),
        ] {
            assert_eq!(before(a, b), is_before, "before({a:#x}, {b:#x})");
            assert_eq!(after(a, b), is_after, "after({a:#x}, {b:#x})");
            assert_eq!(at_or_before(a, b), a == b || is_before, "at_or_before({a:#x}, {b:#x})");
        }
    }
}

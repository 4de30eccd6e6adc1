//! Options of pcapng blocks, and what interfaces say of their clocks.
//!
//! Walked by hand: pcap-file 2.0.0 refuses a whole block for one bad option. Rules: draft-ietf-opsawg-pcapng, section 3.5 and 4.2.

/// Walks the options of a block; ends at `opt_endofopt`, at the end of the block, or at the first option that does not fit.
pub(super) struct Options<'a> {
    rest: &'a [u8],
    big: bool,
    /// An option claimed more bytes than the block holds.
    pub(super) broken: bool,
}

impl<'a> Options<'a> {
    pub(super) fn new(rest: &'a [u8], big: bool) -> Self {
        Options { rest, big, broken: false }
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (&[a, b, c, d], rest) = self.rest.split_first_chunk::<4>()?;
        let half = |two: [u8; 2]| if self.big { u16::from_be_bytes(two) } else { u16::from_le_bytes(two) };
        let (code, length) = (half([a, b]), usize::from(half([c, d])));
        if code == 0 {
            self.rest = &[];
            return None;
        }
        let Some(value) = rest.get(..length) else {
            self.rest = &[];
            self.broken = true;
            return None;
        };
        // Writers that leave out the last padding exist; nothing is lost by accepting it.
        self.rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((code, value))
    }
}

/// A 64-bit option value; `None` if it has another length.
pub(super) fn word64(value: &[u8], big: bool) -> Option<u64> {
    let bytes: [u8; 8] = value.try_into().ok()?;
    Some(if big { u64::from_be_bytes(bytes) } else { u64::from_le_bytes(bytes) })
}

/// How an interface's time stamps turn into nanoseconds: `if_tsresol` and `if_tsoffset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clock {
    scale: Scale,
    offset_ns: i128,
    /// `offset_ns` where it fits, for the quick path.
    quick_offset: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scale {
    /// Units of 1 ns or more: nanoseconds in one.
    Multiply(u64),
    /// Decimal units under 1 ns: units in one.
    Divide(u64),
    /// Binary units: 2 to this power in a second.
    Shift(u8),
    /// A resolution so fine that 64 bits of it are under a nanosecond.
    Vanishing,
}

impl Default for Clock {
    /// Microseconds since the epoch, the format's default.
    fn default() -> Self {
        Clock { scale: Scale::Multiply(1000), offset_ns: 0, quick_offset: 0 }
    }
}

impl Clock {
    /// Sets the resolution from `if_tsresol`: the top bit says binary, the rest is the negative exponent.
    pub(super) fn set_resolution(&mut self, resolution: u8) {
        let exponent = resolution & 0x7f;
        self.scale = match (resolution & 0x80 != 0, exponent) {
            (true, _) => Scale::Shift(exponent),
            (false, 0..=9) => Scale::Multiply(10_u64.pow(9 - u32::from(exponent))),
            (false, 10..=28) => Scale::Divide(10_u64.pow(u32::from(exponent) - 9)),
            (false, _) => Scale::Vanishing,
        };
    }

    /// Sets `if_tsoffset`, in seconds.
    pub(super) fn set_offset(&mut self, seconds: i64) {
        self.offset_ns = i128::from(seconds) * 1_000_000_000;
        self.quick_offset = i64::try_from(self.offset_ns).unwrap_or(0);
    }

    /// Units a second; saturates.
    pub(super) fn units_per_second(self) -> u64 {
        match self.scale {
            Scale::Multiply(nanoseconds) => 1_000_000_000 / nanoseconds.max(1),
            Scale::Divide(units) => units.saturating_mul(1_000_000_000),
            Scale::Shift(power) => 1_u64.checked_shl(u32::from(power)).unwrap_or(u64::MAX),
            Scale::Vanishing => u64::MAX,
        }
    }

    /// Nanoseconds since the epoch, rounded down as Wireshark does; `Err` holds the nearest time that fits if it does not.
    #[inline(always)]
    pub(super) fn nanoseconds(&self, units: u64) -> Result<i64, i64> {
        if let Scale::Multiply(factor) = self.scale
            && let Some(scaled) = units.checked_mul(factor)
            && let Ok(scaled) = i64::try_from(scaled)
            && let Some(time) = scaled.checked_add(self.quick_offset)
            && i128::from(self.quick_offset) == self.offset_ns
        {
            return Ok(time);
        }
        self.nanoseconds_exactly(units)
    }

    #[cold]
    fn nanoseconds_exactly(&self, units: u64) -> Result<i64, i64> {
        let scaled = match self.scale {
            Scale::Multiply(factor) => u128::from(units) * u128::from(factor),
            Scale::Divide(divisor) => u128::from(units / divisor.max(1)),
            Scale::Shift(power) => (u128::from(units) * 1_000_000_000) >> power,
            Scale::Vanishing => 0,
        };
        let time = i128::try_from(scaled).unwrap_or(i128::MAX).saturating_add(self.offset_ns);
        i64::try_from(time).map_err(|_| if time < 0 { i64::MIN } else { i64::MAX })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolutions_turn_into_nanoseconds() {
        // Third of a second after an instant, in every unit; values as tshark 4.0.17 shows them.
        for (resolution, units, want, per_second) in [
            (0, 1_700_000_000, 1_700_000_000_000_000_000, 1),
            (3, 1_700_000_000_333, 1_700_000_000_333_000_000, 1000),
            (6, 1_700_000_000_333_333, 1_700_000_000_333_333_000, 1_000_000),
            (9, 1_700_000_000_333_333_333, 1_700_000_000_333_333_333, 1_000_000_000),
            (10, 17_000_000_003_333_333_333, 1_700_000_000_333_333_333, 10_000_000_000),
            (12, 3_333_333_333_333, 3_333_333_333, 1_000_000_000_000),
            (19, 10_000_000_000_000_000_000, 1_000_000_000, 10_000_000_000_000_000_000),
            (127, u64::MAX, 0, u64::MAX),
            (0x80, 1_700_000_000, 1_700_000_000_000_000_000, 1),
            (0x8a, 1_740_800_000_341, 1_700_000_000_333_007_812, 1024),
            (0x9e, 1_825_361_101_157_913_941, 1_700_000_000_333_333_333, 1 << 30),
            (0xa0, 7_301_444_404_631_655_765, 1_700_000_000_333_333_333, 1 << 32),
            (0xbf, 1 << 62, 500_000_000, 1 << 63),
            (0xff, u64::MAX, 0, u64::MAX),
        ] {
            let mut clock = Clock::default();
            clock.set_resolution(resolution);
            assert_eq!(clock.nanoseconds(units), Ok(want), "{resolution:#x}");
            assert_eq!(clock.units_per_second(), per_second, "{resolution:#x}");
        }
    }

    #[test]
    fn offsets_are_added_and_times_out_of_range_are_clamped() {
        let mut clock = Clock::default();
        clock.set_offset(-100);
        assert_eq!(clock.nanoseconds(1_700_000_000_000_000), Ok(1_699_999_900_000_000_000));
        clock.set_offset(i64::MAX);
        assert_eq!(clock.nanoseconds(0), Err(i64::MAX));
        clock.set_offset(i64::MIN);
        assert_eq!(clock.nanoseconds(u64::MAX), Err(i64::MIN));
        clock.set_offset(0);
        assert_eq!(clock.nanoseconds(u64::MAX), Err(i64::MAX));
        // The sum fits although the parts do not.
        clock.set_offset(-18_446_744_073_709);
        assert_eq!(clock.nanoseconds(u64::MAX), Ok(551_615_000));
    }

    #[test]
    fn options_end_where_they_should() {
        let options = |bytes: &[u8], big: bool| {
            let mut options = Options::new(bytes, big);
            let codes: Vec<(u16, usize)> =
                options.by_ref().map(|(code, value)| (code, value.len())).collect();
            (codes, options.broken)
        };
        assert_eq!(options(&[0, 1, 0, 3, 65, 66, 67, 0, 0, 0, 0, 0, 9, 9], true), (vec![(1, 3)], false));
        assert_eq!(options(&[1, 0, 3, 0, 65, 66, 67, 0], false), (vec![(1, 3)], false));
        assert_eq!(options(&[1, 0, 3, 0, 65, 66, 67], false), (vec![(1, 3)], false));
        assert_eq!(options(&[1, 0, 4, 0, 65, 66, 67], false), (vec![], true));
        assert_eq!(options(&[1, 0, 4], false), (vec![], false));
    }
}

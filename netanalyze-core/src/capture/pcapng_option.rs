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

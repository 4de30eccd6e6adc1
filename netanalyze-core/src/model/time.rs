//! Packet time: nanoseconds since the epoch, and differences of it. The machine's clock is never read.

use std::fmt;

use serde::{Serialize, Serializer};

/// A packet's time stamp in nanoseconds since 1970-01-01 00:00:00 UTC.
///
/// Covers the years 1677 to 2262; capture times outside are clamped to that range by the readers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub i64);

/// A signed difference of two [`Timestamp`]s in nanoseconds. Serialised as that number; keys end in `_ns`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Span(pub i64);

/// Times of packets that several queues or processors capture differ by less: one that is older than the one before it by more tells of a clock that was set back.
pub(crate) const DISORDER: Span = Span(1_000_000);

impl Timestamp {
    /// `self − earlier`; saturates at the ends of the range.
    #[inline]
    #[must_use]
    pub fn since(self, earlier: Timestamp) -> Span {
        // A branch that is never taken, where saturating costs every packet some instructions.
        match self.0.checked_sub(earlier.0) {
            Some(span) => Span(span),
            None => Timestamp::beyond(self, earlier),
        }
    }

    /// The same; `None` if `self` is the earlier one, as where a clock was set back.
    #[must_use]
    pub fn after(self, earlier: Timestamp) -> Option<Span> {
        Some(self.since(earlier)).filter(|span| span.0 >= 0)
    }

    #[cold]
    #[inline(never)]
    fn beyond(self, earlier: Timestamp) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Span {
    /// The difference as Wireshark's expert compares it: a backwards step counts as a huge time.
    #[must_use]
    pub fn unsigned(self) -> u64 {
        self.0.cast_unsigned()
    }

    /// The difference in seconds, for arithmetic that tolerates rounding.
    #[must_use]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

/// Seconds with nine decimals, as tshark prints `frame.time_epoch`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_seconds(f, self.0)
    }
}

/// Seconds with nine decimals, as tshark prints `tcp.time_delta`.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_seconds(f, self.0)
    }
}

/// Absolute times are strings: as numbers of nanoseconds they are too large for many JSON readers.
impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Timestamp {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "An absolute time: seconds since 1970-01-01 00:00:00 UTC with nine decimals.",
            "type": "string",
            "pattern": r"^-?[0-9]+\.[0-9]{9}$",
        })
    }
}

fn write_seconds(f: &mut fmt::Formatter<'_>, ns: i64) -> fmt::Result {
    let sign = if ns < 0 { "-" } else { "" };
    let abs = ns.unsigned_abs();
    write!(f, "{sign}{}.{:09}", abs / 1_000_000_000, abs % 1_000_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_nine_decimals_and_the_sign_of_small_negatives() {
        assert_eq!(Timestamp(1_700_000_000_123_456_789).to_string(), "1700000000.123456789");
        assert_eq!(Span(-1).to_string(), "-0.000000001");
        assert_eq!(Span(0).to_string(), "0.000000000");
    }

    #[test]
    fn a_backwards_step_is_huge_when_unsigned() {
        assert!(Timestamp(5).since(Timestamp(6)).unsigned() > 1 << 62);
        assert_eq!(Timestamp(i64::MAX).since(Timestamp(i64::MIN)), Span(i64::MAX));
    }
}

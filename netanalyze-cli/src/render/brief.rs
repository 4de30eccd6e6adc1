//! Figures with as many digits as count, for narrow columns.

use netanalyze_core::model::Span;

/// Seconds with three decimals.
pub(crate) fn seconds(span: Span) -> String {
    let sign = if span.0 < 0 { "-" } else { "" };
    let ms = span.0.unsigned_abs() / 1_000_000;
    format!("{sign}{}.{:03}", ms / 1000, ms % 1000)
}

/// Three digits that count, in the unit that fits.
pub(crate) fn brief(span: Span) -> String {
    let us = span.0.max(0) as f64 / 1e3;
    match us {
        0.0 => "0".to_owned(),
        us if us < 999.5 => format!("{} µs", digits(us)),
        us if us < 999_500.0 => format!("{} ms", digits(us / 1e3)),
        us => format!("{} s", digits(us / 1e6)),
    }
}

pub(crate) fn milliseconds(span: Span) -> String {
    digits(span.0.max(0) as f64 / 1e6)
}

/// A number with three digits that count, but no decimals beyond the third.
pub(crate) fn digits(value: f64) -> String {
    let decimals = match value {
        v if v >= 99.95 => 0,
        v if v >= 9.995 => 1,
        v if v >= 0.9995 => 2,
        _ => 3,
    };
    format!("{value:.decimals$}")
}

/// A count of bytes with at most three digits that count.
pub(crate) fn short(bytes: u64) -> String {
    let value = bytes as f64;
    match value {
        v if v < 999.5 => bytes.to_string(),
        v if v < 999.5e3 => format!("{}k", digits(v / 1e3)),
        v if v < 999.5e6 => format!("{}M", digits(v / 1e6)),
        v if v < 999.5e9 => format!("{}G", digits(v / 1e9)),
        v => format!("{}T", digits(v / 1e12)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_stay_short() {
        for (ns, start, duration) in [
            (0, "0.000", "0"),
            (400, "0.000", "0.400 µs"),
            (12_345, "0.000", "12.3 µs"),
            (999_600, "0.000", "1.00 ms"),
            (84_159_760_000, "84.159", "84.2 s"),
            (86_400_000_000_000, "86400.000", "86400 s"),
        ] {
            assert_eq!((seconds(Span(ns)).as_str(), brief(Span(ns)).as_str()), (start, duration));
        }
        assert_eq!(seconds(Span(-1_500_000_000)), "-1.500");
        for (bytes, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1.00k"),
            (31_800, "31.8k"),
            (999_600, "1.00M"),
            (u64::MAX, "18446744T"),
        ] {
            assert_eq!(short(bytes), text);
        }
    }
}

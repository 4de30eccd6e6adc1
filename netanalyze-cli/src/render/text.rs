//! Text for people: colours, units, wrapping.

use std::fmt;

use anstyle::{AnsiColor, Style};
use netanalyze_core::diagnosis;
use netanalyze_core::expert::Severity;
use netanalyze_core::model::{Span, Timestamp, escape};

/// Colours of severities, or none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Palette {
    on: bool,
}

impl Palette {
    /// With colours or without.
    pub(crate) fn new(on: bool) -> Self {
        Palette { on }
    }

    /// The severity's word, padded to the longest.
    pub(crate) fn severity(self, severity: Severity) -> String {
        let style = match severity {
            _ if !self.on => return format!("{:<5}", severity.name()),
            Severity::Error => Style::new().bold().fg_color(Some(AnsiColor::Red.into())),
            Severity::Warn => Style::new().fg_color(Some(AnsiColor::Yellow.into())),
            Severity::Note => Style::new().fg_color(Some(AnsiColor::Cyan.into())),
            Severity::Chat => Style::new().dimmed(),
        };
        format!("{style}{:<5}{style:#}", severity.name())
    }

    /// The same of a diagnosis, whose words are of the same lengths.
    pub(crate) fn cause(self, severity: diagnosis::Severity) -> String {
        let style = match severity {
            _ if !self.on => return format!("{:<5}", severity.name()),
            diagnosis::Severity::Error => return self.severity(Severity::Error),
            diagnosis::Severity::Warn => return self.severity(Severity::Warn),
            diagnosis::Severity::Note => return self.severity(Severity::Note),
            diagnosis::Severity::Info => Style::new().dimmed(),
        };
        format!("{style}{:<5}{style:#}", severity.name())
    }
}

/// A number with its thousands set apart.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number with its noun.
pub(crate) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { many })
}

/// A value in the decimal unit that a person would choose, three significant digits.
fn scaled(f: &mut fmt::Formatter<'_>, value: f64, unit: &str) -> fmt::Result {
    let (value, prefix) = match value {
        v if v >= 999.5e9 => (v / 1e12, "T"),
        v if v >= 999.5e6 => (v / 1e9, "G"),
        v if v >= 999.5e3 => (v / 1e6, "M"),
        v if v >= 999.5 => (v / 1e3, "k"),
        v => (v, ""),
    };
    let decimals = match value {
        _ if value.fract() == 0.0 => 0,
        v if v >= 99.95 => 0,
        v if v >= 9.995 => 1,
        _ => 2,
    };
    write!(f, "{value:.decimals$} {prefix}{unit}")
}

/// A size or rate: `size(3_500_000_000.0, "B")` is `3.50 GB`.
pub(crate) fn size(value: f64, unit: &str) -> String {
    struct Scaled<'a>(f64, &'a str);
    impl fmt::Display for Scaled<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            scaled(f, self.0, self.1)
        }
    }
    Scaled(value, unit).to_string()
}

/// A duration in words: milliseconds below a second, then seconds, then days, hours, minutes and seconds.
pub(crate) fn span_words(span: Span) -> String {
    let ns = span.0.unsigned_abs();
    let seconds = ns / 1_000_000_000;
    if ns == 0 {
        return "0 s".to_owned();
    }
    if seconds < 1 {
        return format!("{} ms", trimmed(ns as f64 / 1e6));
    }
    if seconds < 60 {
        return format!("{} s", trimmed(ns as f64 / 1e9));
    }
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    let mut words = Vec::new();
    for (number, unit) in [(days, "d"), (hours, "h"), (minutes, "min"), (seconds % 60, "s")] {
        if number > 0 {
            words.push(format!("{number} {unit}"));
        }
    }
    words.join(" ")
}

fn trimmed(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A time in UTC, with as many decimals as it has.
pub(crate) fn utc(time: Timestamp) -> String {
    match jiff::Timestamp::from_nanosecond(i128::from(time.0)) {
        Ok(at) => at.to_string().replacen('T', " ", 1).replacen('Z', " UTC", 1),
        Err(_) => format!("{time} s since 1970"),
    }
}

/// A word that a shell reads back as it is.
pub(crate) fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:@%+,=~".contains(c);
    if !word.is_empty() && !word.starts_with(['-', '~', '=']) && word.chars().all(plain) {
        return word.to_owned();
    }
    let word = if word.starts_with('-') && word != "-" { format!("./{word}") } else { word.to_owned() };
    if word.chars().all(plain) && !word.starts_with(['~', '=']) {
        return word;
    }
    format!("'{}'", escape(&word).replace('\'', "'\\''"))
}

/// Text broken into lines of at most `width` characters where words allow it.
pub(crate) fn wrapped(text: &str, width: usize) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut column = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > width {
            out.push('\n');
            column = 0;
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_easily() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (5_886_530, "5,886,530")] {
            assert_eq!(grouped(number), text);
        }
        for (value, text) in
            [(0.0, "0 B"), (999.0, "999 B"), (1_536.0, "1.54 kB"), (3.8e9, "3.80 GB"), (999_700.0, "1.00 MB")]
        {
            assert_eq!(size(value, "B"), text);
        }
        assert_eq!(counted(1, "packet", "packets"), "1 packet");
        assert_eq!(counted(1_234, "packet", "packets"), "1,234 packets");
    }

    #[test]
    fn times_read_easily() {
        for (ns, text) in [
            (0, "0 s"),
            (1_500, "0.002 ms"),
            (250_000_000, "250 ms"),
            (12_345_678_900, "12.346 s"),
            (61_000_000_000, "1 min 1 s"),
            (90_000_000_000_000, "1 d 1 h"),
        ] {
            assert_eq!(span_words(Span(ns)), text);
        }
        assert_eq!(utc(Timestamp(1_700_000_000_123_456_789)), "2023-11-14 22:13:20.123456789 UTC");
        assert_eq!(utc(Timestamp(i64::MIN)), "1677-09-21 00:12:43.145224192 UTC");
    }

    #[test]
    fn words_survive_a_shell() {
        for (word, quoted) in [
            ("a/b-c.pcap", "a/b-c.pcap"),
            ("a b", "'a b'"),
            ("it's", "'it'\\''s'"),
            ("-x", "./-x"),
            ("-", "-"),
            ("$(reboot)", "'$(reboot)'"),
        ] {
            assert_eq!(shell_word(word), quoted, "{word}");
        }
    }

    #[test]
    fn colours_only_where_wanted() {
        assert_eq!(Palette::new(false).severity(Severity::Note), "note ");
        assert_eq!(Palette::new(false).cause(diagnosis::Severity::Info), "info ");
        let same = Palette::new(true).severity(Severity::Warn);
        assert_eq!(Palette::new(true).cause(diagnosis::Severity::Warn), same);
        let red = Palette::new(true).severity(Severity::Error);
        assert!(red.starts_with('\u{1b}') && red.contains("error") && red.ends_with('m'));
    }

    #[test]
    fn wraps_between_words() {
        assert_eq!(wrapped("aa bb  cc dddddd", 5), "aa bb\ncc\ndddddd");
    }
}

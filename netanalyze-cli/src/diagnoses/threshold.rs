//! `--threshold NAME=VALUE`: values in the unit that the threshold counts in.

use netanalyze_core::diagnosis::{Limit, Thresholds, Unit};
use netanalyze_core::field::suggest;

use crate::exit::Failure;

/// Units of time, and how many nanoseconds they have.
const UNITS: [(&str, u64); 6] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("min", 60_000_000_000),
];

/// Sets what the arguments say; of several for one threshold the last counts.
pub(crate) fn set(arguments: &[String]) -> Result<Thresholds, Failure> {
    let mut thresholds = Thresholds::default();
    for argument in arguments {
        let (limit, value) = parsed(argument).map_err(Failure::Usage)?;
        thresholds.set(limit, value);
    }
    Ok(thresholds)
}

fn parsed(argument: &str) -> Result<(Limit, u64), String> {
    let (name, value) = argument.split_once('=').unwrap_or((argument, ""));
    let Some(limit) = Limit::by_name(name) else {
        let near = suggest(name, Limit::ALL.iter().map(|limit| limit.name()), 3);
        let hint =
            if near.is_empty() { String::new() } else { format!("did you mean {}? ", near.join(" or ")) };
        return Err(format!(
            "no threshold is called {name:?}; {hint}`netanalyze --list-thresholds` lists all"
        ));
    };
    let (value, example) = match limit.unit() {
        Unit::Time => (time(value), "a time above 0 with its unit, e.g. 300ms, 2.5s or 2min"),
        Unit::Count => (count(value), "a number above 0, e.g. 3"),
        Unit::PerMille => (share(value), "a share of at most 100% with one decimal at most, e.g. 5% or 2.5%"),
    };
    let wrong = || format!("--threshold {argument:?} cannot be used: {name} is {example}");
    value.map(|value| (limit, value)).ok_or_else(wrong)
}

/// A number of `one`s with as many decimals as that allows.
fn decimal(text: &str, one: u64) -> Option<u64> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit()) && part.len() <= 18;
    if whole.len() + decimals.len() == 0 || !is_number(whole) || !is_number(decimals) {
        return None;
    }
    let number = |part: &str| if part.is_empty() { Some(0) } else { part.parse::<u64>().ok() };
    let part = u128::from(number(decimals)?) * u128::from(one);
    let places = 10_u128.pow(u32::try_from(decimals.len()).ok()?);
    if !part.is_multiple_of(places) {
        return None;
    }
    number(whole)?.checked_mul(one)?.checked_add(u64::try_from(part / places).ok()?)
}

fn time(text: &str) -> Option<u64> {
    let number = text.trim_end_matches(|c: char| c.is_alphabetic());
    let unit = text.get(number.len()..)?;
    let &(_, one) = UNITS.iter().find(|(name, _)| *name == unit)?;
    let ns = decimal(number, one)?;
    (ns > 0 && i64::try_from(ns).is_ok()).then_some(ns)
}

fn count(text: &str) -> Option<u64> {
    decimal(text, 1).filter(|&count| count > 0)
}

fn share(text: &str) -> Option<u64> {
    decimal(text.strip_suffix('%')?, 10).filter(|&per_mille| per_mille <= 1000)
}

/// The value of a threshold unless somebody chose another, as the option takes it.
pub(crate) fn default_words(limit: Limit) -> String {
    let value = limit.default_value();
    match limit.unit() {
        Unit::Count => value.to_string(),
        Unit::PerMille if value.is_multiple_of(10) => format!("{}%", value / 10),
        Unit::PerMille => format!("{}.{}%", value / 10, value % 10),
        Unit::Time => {
            let whole = UNITS
                .iter()
                .rev()
                .filter(|(name, _)| *name != "min")
                .find(|(_, one)| value.is_multiple_of(*one));
            whole.map_or_else(String::new, |(name, one)| format!("{}{name}", value / one))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_the_unit_of_their_threshold() {
        for (argument, limit, value) in [
            ("syn-wait=300ms", Limit::SynWait, 300_000_000),
            ("syn-wait=2.5s", Limit::SynWait, 2_500_000_000),
            ("syn-wait=1min", Limit::SynWait, 60_000_000_000),
            ("syn-wait=.5ms", Limit::SynWait, 500_000),
            ("syn-wait=7us", Limit::SynWait, 7_000),
            ("syn-attempts=12", Limit::SynAttempts, 12),
            ("loss-rate=2.5%", Limit::LossRate, 25),
            ("loss-rate=0%", Limit::LossRate, 0),
            ("loss-rate=100.0%", Limit::LossRate, 1000),
        ] {
            assert_eq!(parsed(argument), Ok((limit, value)), "{argument}");
        }
        for argument in [
            "syn-wait",
            "syn-wait=",
            "syn-wait=3",
            "syn-wait=0s",
            "syn-wait=-1s",
            "syn-wait=1h",
            "syn-wait=1e3s",
            "syn-wait=0.5ns",
            "syn-wait=99999999999999s",
            "syn-attempts=0",
            "syn-attempts=2.5",
            "syn-attempts=2s",
            "loss-rate=0.01%",
            "loss-rate=101%",
            "loss-rate=5",
        ] {
            let message = parsed(argument).unwrap_err();
            assert!(message.contains("cannot be used") && message.contains("e.g."), "{message}");
        }
    }

    #[test]
    fn unknown_names_get_suggestions() {
        let message = parsed("syn-wiat=3s").unwrap_err();
        assert!(
            message.contains("did you mean syn-wait") && message.contains("--list-thresholds"),
            "{message}"
        );
        assert!(parsed("=3s").unwrap_err().contains("--list-thresholds"));
    }

    #[test]
    fn defaults_read_back() {
        for &limit in Limit::ALL {
            let argument = format!("{}={}", limit.name(), default_words(limit));
            assert_eq!(parsed(&argument), Ok((limit, limit.default_value())), "{argument}");
        }
    }

    #[test]
    fn the_last_counts() {
        let arguments = ["syn-attempts=3", "stall=1s", "syn-attempts=4"].map(str::to_owned);
        let thresholds = set(&arguments).unwrap_or_else(|_| panic!());
        assert_eq!((thresholds.get(Limit::SynAttempts), thresholds.get(Limit::Stall)), (4, 1_000_000_000));
    }
}

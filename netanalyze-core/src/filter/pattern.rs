//! Regular expressions of `matches`: linear in what they look into, and bounded in size.

use regex::bytes::{Regex, RegexBuilder};

use crate::model::limits::MAX_REGEX_BYTES;

/// A regular expression on bytes, whose letters match in both cases, as Wireshark 4.0 has it.
pub(super) fn regex(pattern: &[u8]) -> Result<Regex, String> {
    let Ok(pattern) = std::str::from_utf8(pattern) else {
        return Err("a regular expression is text; write a byte as \\\\xff".to_owned());
    };
    let built = RegexBuilder::new(pattern)
        .case_insensitive(true)
        .unicode(false)
        .size_limit(MAX_REGEX_BYTES)
        .dfa_size_limit(MAX_REGEX_BYTES)
        .build();
    built.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "the regular expression is too large".to_owned(),
        error => {
            // The last line says what is wrong; those before show where, within the pattern.
            let text = error.to_string();
            let why = text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            format!("the regular expression cannot be used: {why}")
        }
    })
}

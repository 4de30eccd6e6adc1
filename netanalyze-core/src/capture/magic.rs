//! What an input is if it is no capture that we read, and what to do about it.
//!
//! Owns sentences only; they follow the input's name.

/// Says what `head`, the first bytes of an input, seems to be.
pub(super) fn describe(head: &[u8]) -> String {
    if head.is_empty() {
        return "is empty".to_owned();
    }
    "is no capture that netanalyze reads".to_owned()
}

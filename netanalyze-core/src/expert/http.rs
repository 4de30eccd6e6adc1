//! Findings of HTTP.

use std::fmt;

use serde::Serialize;

use super::application::Found;
use super::thresholds::Thresholds;
use crate::protocol::message::Message;

/// Figures of a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct HttpDetail {}

impl fmt::Display for HttpDetail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("")
    }
}

/// The findings of a message.
pub(crate) fn findings(message: &Message, thresholds: &Thresholds, found: Found<'_>) {
    let _ = (message, thresholds, found);
}

//! Findings of DNS.

use super::Kind;

/// In the order in which one frame's are listed.
pub(super) const KINDS: [Kind; 0] = [];

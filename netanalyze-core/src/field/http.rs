//! Fields of HTTP.

use super::registry::Field;

/// The fields.
pub(super) const FIELDS: &[Field] = &[];

//! Fields of DNS.

use super::registry::Field;

/// The fields.
pub(super) const FIELDS: &[Field] = &[];

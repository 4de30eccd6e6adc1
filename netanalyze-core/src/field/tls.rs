//! Fields of TLS.

use super::registry::Field;

/// The fields.
pub(super) const FIELDS: &[Field] = &[];

//! Keys of TLS connections: where they come from, and how records are opened with them.
//!
//! Owns: the key log of `SSLKEYLOGFILE` and of decryption secrets in a capture (`keylog`, `secrets`), the way from secrets to keys
//! (`schedule`), the cipher suites with an AEAD (`suite`), and the opening of one direction's records (`opener`). Secrets and keys are
//! never shown: their types print nothing of them.
//!
//! Rules: RFC 5246, 5288, 6655, 7905 (TLS 1.2), RFC 8446 (TLS 1.3), RFC 9850 (key log). The ciphers and hashes are RustCrypto's.
//! Stops at the plain text of a record.

pub(crate) mod aead;
pub(crate) mod decryption;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzz;
pub(crate) mod keylog;
pub(crate) mod opener;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod sample;
pub(crate) mod schedule;
pub mod secrets;
pub(crate) mod suite;

pub use secrets::Secrets;

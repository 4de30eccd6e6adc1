//! TLS.

/// TLS records and handshake messages that one frame completed.
#[derive(Clone, Debug)]
pub struct TlsMessage {}

/// What became of a TLS handshake.
#[derive(Clone, Debug)]
pub struct Handshake {}

//! TLS.

mod code;
mod hello;

pub use code::{CipherSuite, ContentType, ExtensionType, Group, HandshakeType, Version, is_grease};
pub use hello::{ClientHello, Extension, ServerHello};

/// TLS records and handshake messages that one frame completed.
#[derive(Clone, Debug)]
pub struct TlsMessage {}

/// What became of a TLS handshake.
#[derive(Clone, Debug)]
pub struct Handshake {}

//! TLS: records, handshake messages, certificates, alerts, and what became of each handshake (RFC 8446, RFC 5246).

mod alert;
pub(crate) mod carried;
mod certificate;
mod code;
mod content;
mod delivery;
mod ending;
mod fault;
mod handshake;
mod hello;
pub mod keys;
mod message;
mod opened;
mod progress;
mod record;
pub(crate) mod recordless;
mod ssl2;
mod stream;
mod transaction;

#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzz;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod unfinished_tests;

pub use alert::{Alert, AlertDescription, AlertLevel};
pub use certificate::{Certificate, Chain, ChainOrder};
pub use code::{CipherSuite, ContentType, ExtensionType, Group, HandshakeType, Version, is_grease};
pub use fault::Fault;
pub use handshake::{Fragment, Raw};
pub use hello::{ClientHello, Extension, ServerHello};
pub use message::{HandshakeMessage, Hello, TlsMessage, Who};
pub use record::{Record, Ssl2ClientHello, accepts, begins_with_text, looks_like_tls};
pub use stream::{Stream, plain_text};
pub use transaction::{Handshake, Outcome, QuicClose, Resumption, Stage, Unacknowledged};

pub(crate) use message::capped;

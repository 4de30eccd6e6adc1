//! HTTP/1.x (RFC 9112), in clear or inside TLS, and SSDP.
//!
//! Owns: heads and where bodies end (`head`, `body`), a connection's messages and exchanges (`stream`, `exchange`), and SSDP's datagrams
//! (`ssdp`). Reads: bytes in order. Emits: [`HttpMessage`]s for fields, and one [`Exchange`] for each request.

mod body;
mod exchange;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzz;
mod head;
mod http2;
mod known;
mod look;
mod matching;
mod message;
mod method;
mod ssdp;
mod stream;

pub(crate) use exchange::EVENT_STREAM;
pub use exchange::{Disorder, Exchange, Outcome, Request, Response};
pub use head::{Head, Header, Headers, StartLine};
pub use http2::Http2;
pub use look::{Look, looks_like_http};
pub use message::{Answered, HttpMessage, Oddities};
pub use method::Method;
pub use ssdp::{SSDP_PORT, Ssdp};
pub use stream::Stream;

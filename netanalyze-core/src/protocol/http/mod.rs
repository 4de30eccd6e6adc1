//! HTTP/1.x.

mod look;
mod method;

pub use look::{Look, looks_like_http};
pub use method::Method;

/// A request or a response.
#[derive(Clone, Debug)]
pub struct HttpMessage {}

/// What became of a request.
#[derive(Clone, Debug)]
pub struct Exchange {}

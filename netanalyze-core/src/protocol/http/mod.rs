//! HTTP/1.x.

/// A request or a response.
#[derive(Clone, Debug)]
pub struct HttpMessage {}

/// What became of a request.
#[derive(Clone, Debug)]
pub struct Exchange {}

//! What counts as slow.

use crate::model::Span;

/// Thresholds of findings. Each is printed with the findings that it makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Thresholds {
    /// A DNS answer that takes at least so long is slow.
    pub dns_slow: Span,
    /// A DNS query that has no answer after so long is one without.
    pub dns_timeout: Span,
    /// A TLS handshake whose server takes at least so long for its hello is slow.
    pub tls_slow: Span,
    /// An HTTP response whose first byte takes at least so long is slow.
    pub http_slow: Span,
}

impl Default for Thresholds {
    fn default() -> Self {
        Thresholds {
            dns_slow: Span(500_000_000),
            // What resolv.conf(5) waits before it asks again.
            dns_timeout: Span(5_000_000_000),
            tls_slow: Span(1_000_000_000),
            http_slow: Span(1_000_000_000),
        }
    }
}

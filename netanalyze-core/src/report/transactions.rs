//! How many lookups, TLS handshakes and requests there were, and how many of them failed.

use serde::Serialize;

use crate::expert::Thresholds;
use crate::protocol::dns::{self, Lookup, Rcode};
use crate::protocol::http::{self, Exchange};
use crate::protocol::message::Message;
use crate::protocol::stream::Closing;
use crate::protocol::tls::{self, Handshake};

/// Transactions of one protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TransactionCount {
    /// All.
    pub count: u64,
    /// Those that failed. What only the capture's end cut off did not.
    pub failed: u64,
}

/// Transactions by protocol; nothing is counted where applications are not decoded
/// ([`Interests::applications`](crate::engine::Interests::applications)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct TransactionSummary {
    /// Lookups; failed without an answer, or with a response code that is an error, such as NXDOMAIN.
    pub dns: TransactionCount,
    /// TLS handshakes; failed if nothing could be said over the connection.
    pub tls: TransactionCount,
    /// HTTP requests; failed without a whole response, or with a status of 400 or above.
    pub http: TransactionCount,
}

impl TransactionCount {
    fn add(&mut self, failed: bool) {
        self.count += 1;
        self.failed += u64::from(failed);
    }

    fn merge(&mut self, other: TransactionCount) {
        self.count += other.count;
        self.failed += other.failed;
    }
}

impl TransactionSummary {
    /// Counts a transaction; single messages are none.
    pub fn add(&mut self, message: &Message, thresholds: &Thresholds) {
        match message {
            Message::Lookup(lookup) => self.dns.add(lookup_failed(lookup, thresholds)),
            Message::Handshake(handshake) => self.tls.add(handshake_failed(handshake)),
            Message::Exchange(exchange) => self.http.add(exchange_failed(exchange)),
            Message::Dns(_) | Message::Group(_) | Message::Tls(_) | Message::Http(_) | Message::Quic => {}
        }
    }

    /// Adds what another worker counted.
    pub(crate) fn merge(&mut self, other: TransactionSummary) {
        self.dns.merge(other.dns);
        self.tls.merge(other.tls);
        self.http.merge(other.http);
    }
}

fn lookup_failed(lookup: &Lookup, thresholds: &Thresholds) -> bool {
    match lookup.outcome {
        dns::Outcome::Answered => lookup.rcode.is_some_and(|rcode| rcode != Rcode::NOERROR),
        dns::Outcome::Unanswered => lookup.closed || lookup.waited >= Some(thresholds.dns_timeout),
        dns::Outcome::Mismatched(_) => true,
        dns::Outcome::Multicast
        | dns::Outcome::Unasked
        | dns::Outcome::Forgotten
        | dns::Outcome::NotCaptured => false,
    }
}

fn handshake_failed(handshake: &Handshake) -> bool {
    !handshake.outcome.is_success()
        && !matches!(handshake.outcome, tls::Outcome::Cut | tls::Outcome::Abandoned(_))
}

fn exchange_failed(exchange: &Exchange) -> bool {
    match exchange.outcome {
        http::Outcome::Unanswered(how) | http::Outcome::Incomplete(how) => how != Closing::CaptureEnd,
        _ => exchange.status().is_some_and(|status| status >= 400),
    }
}

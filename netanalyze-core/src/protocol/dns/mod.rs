//! DNS.

/// A DNS message, with what it means for its transaction.
#[derive(Clone, Debug)]
pub struct DnsMessage {}

/// What became of a DNS query.
#[derive(Clone, Debug)]
pub struct Lookup {}

//! Findings: what Wireshark's expert would flag, and what it should.
//!
//! Owns: the catalogue of kinds, and how verdicts become findings. Reads: verdicts and the compact packets behind them. Emits: [`Finding`]s.
//! A finding is a fact about a frame; causes are another floor's business.

mod application;
mod catalogue;
mod dns;
mod ending;
mod finding;
mod http;
mod icmp;
mod message;
mod severity;
mod tcp;
mod thresholds;
mod tls;
mod tls_detail;

pub(crate) use application::application_findings;
pub use catalogue::{KINDS, Kind, KindId, KindSet, kind_by_id};
pub use dns::{DnsDetail, DnsTrouble};
pub use ending::EndingDetail;
pub(crate) use ending::{Ending, ending_findings, ending_flags, ending_kinds, endings};
pub use finding::{Detail, Finding, Party, ResetDetail};
pub(crate) use http::CHAT;
pub use http::HttpDetail;
pub use icmp::IcmpDetail;
pub(crate) use icmp::{
    DUPLICATE_ADDRESS, ECHO_DUPLICATE, ECHO_UNANSWERED, NEIGHBOUR_UNANSWERED, trouble_kind,
};
pub(crate) use message::Seconds;
pub use severity::{Group, Severity};
pub(crate) use tcp::{Context, TCP_KINDS, accusable, tcp_findings, tcp_kinds};
pub use thresholds::Thresholds;
pub(crate) use tls_detail::Utc;
pub use tls_detail::{How, TlsDetail, TlsMatter};

//! Findings of ICMP, ICMPv6, neighbour discovery and ARP.

use std::fmt;
use std::net::IpAddr;

use serde::Serialize;

use super::catalogue::{KindId, kind};
use super::message::Seconds;
use crate::model::{FrameNumber, Span};
use crate::protocol::icmp::{Conflict, EchoReply, Hardware, Ping, Question, Trouble};

const PORT_UNREACHABLE: KindId = kind("netanalyze.icmp.port_unreachable");
const HOST_UNREACHABLE: KindId = kind("netanalyze.icmp.host_unreachable");
const PROHIBITED: KindId = kind("netanalyze.icmp.prohibited");
const OTHER: KindId = kind("netanalyze.icmp.error");
const PACKET_TOO_BIG: KindId = kind("netanalyze.icmp.packet_too_big");
const TIME_EXCEEDED: KindId = kind("netanalyze.icmp.time_exceeded");
const REASSEMBLY_TIME_EXCEEDED: KindId = kind("netanalyze.icmp.reassembly_time_exceeded");
const REDIRECT: KindId = kind("netanalyze.icmp.redirect");
/// Echo requests without reply.
pub(crate) const ECHO_UNANSWERED: KindId = kind("netanalyze.icmp.echo_unanswered");
/// A second reply.
pub(crate) const ECHO_DUPLICATE: KindId = kind("netanalyze.icmp.echo_duplicate");
/// A question for a hardware address without answer.
pub(crate) const NEIGHBOUR_UNANSWERED: KindId = kind("netanalyze.neighbour.unanswered");
/// Two hosts with one address.
pub(crate) const DUPLICATE_ADDRESS: KindId = kind("netanalyze.neighbour.duplicate_address");

/// The kind of an error message's finding.
pub(crate) fn trouble_kind(trouble: &Trouble) -> KindId {
    match trouble {
        Trouble::PortUnreachable {} => PORT_UNREACHABLE,
        Trouble::NetworkUnreachable {} | Trouble::HostUnreachable {} => HOST_UNREACHABLE,
        Trouble::Prohibited {} => PROHIBITED,
        Trouble::TooBig { .. } => PACKET_TOO_BIG,
        Trouble::TimeExceeded {} => TIME_EXCEEDED,
        Trouble::ReassemblyTimeExceeded {} => REASSEMBLY_TIME_EXCEEDED,
        Trouble::Redirect { .. } => REDIRECT,
        Trouble::ProtocolUnreachable {}
        | Trouble::Unreachable {}
        | Trouble::ParameterProblem { .. }
        | Trouble::SourceQuench {} => OTHER,
    }
}

/// Figures of a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
#[non_exhaustive]
pub enum IcmpDetail {
    /// An error message.
    Error {
        /// Who reports it: the hop, the firewall, the host.
        reporter: IpAddr,
        /// Type of the message.
        icmp_type: u8,
        /// Code of the message.
        icmp_code: u8,
        /// Protocol of the quoted packet, as IP numbers them; `None` if none was quoted.
        quoted_protocol: Option<u8>,
        /// What it reports.
        #[serde(flatten)]
        trouble: Trouble,
    },
    /// Echo requests without reply.
    Unanswered {
        /// Identifier of the requests.
        identifier: u16,
        /// All requests.
        requests: u64,
        /// Those without reply.
        lost: u64,
        /// Times from request to reply, the shortest and the longest.
        #[serde(rename = "rtt_min_ns")]
        rtt_min: Option<Span>,
        /// The longest.
        #[serde(rename = "rtt_max_ns")]
        rtt_max: Option<Span>,
    },
    /// A second reply to an echo request.
    Duplicate {
        /// Identifier of the request.
        identifier: u16,
        /// Its sequence number.
        sequence: u16,
        /// Its frame.
        request_frame: FrameNumber,
        /// Time since then.
        #[serde(rename = "rtt_ns")]
        rtt: Span,
    },
    /// A question for a hardware address without answer.
    NoNeighbour {
        /// The address whose owner is asked for.
        target: IpAddr,
        /// How often it was asked.
        requests: u64,
        /// From the first to the last time.
        #[serde(rename = "asked_for_ns")]
        asked_for: Span,
    },
    /// Two hosts claim one address.
    Conflict {
        /// The address.
        address: IpAddr,
        /// Who claims it.
        hardware: Hardware,
        /// Who claimed it before.
        earlier_hardware: Hardware,
        /// In which frame.
        earlier_frame: FrameNumber,
    },
}

impl IcmpDetail {
    /// Of requests that were lost.
    pub(crate) fn unanswered(ping: &Ping) -> Self {
        IcmpDetail::Unanswered {
            identifier: ping.ident,
            requests: ping.sent,
            lost: ping.lost,
            rtt_min: ping.rtt.map(|(least, _)| least),
            rtt_max: ping.rtt.map(|(_, most)| most),
        }
    }

    /// Of a second reply.
    pub(crate) fn duplicate(identifier: u16, sequence: u16, reply: &EchoReply) -> Self {
        IcmpDetail::Duplicate { identifier, sequence, request_frame: reply.request, rtt: reply.rtt }
    }

    /// Of a question without answer.
    pub(crate) fn no_neighbour(question: &Question) -> Self {
        IcmpDetail::NoNeighbour {
            target: question.target,
            requests: question.requests,
            asked_for: question.lasted,
        }
    }

    /// Of an address with two owners.
    pub(crate) fn conflict(conflict: &Conflict) -> Self {
        IcmpDetail::Conflict {
            address: conflict.address,
            hardware: conflict.hardware,
            earlier_hardware: conflict.earlier,
            earlier_frame: conflict.earlier_frame,
        }
    }
}

/// IP's number of TCP.
const TCP: u8 = 6;

impl fmt::Display for IcmpDetail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IcmpDetail::Error { reporter, icmp_type, icmp_code, quoted_protocol, trouble } => {
                write!(f, "{reporter} reports: ")?;
                report(f, trouble, *quoted_protocol)?;
                write!(f, " (type {icmp_type}, code {icmp_code})")
            }
            IcmpDetail::Unanswered { identifier, requests, lost, rtt_min, rtt_max } => {
                match (requests, lost) {
                    (1, _) => write!(f, "one echo request (id {identifier}) without a reply")?,
                    _ if lost == requests => {
                        write!(f, "none of {requests} echo requests (id {identifier}) got a reply")?;
                    }
                    _ => {
                        let percent = *lost as f64 * 100.0 / *requests as f64;
                        write!(
                            f,
                            "{lost} of {requests} echo requests (id {identifier}) without a reply, {percent:.1} %"
                        )?;
                    }
                }
                match (rtt_min, rtt_max) {
                    (Some(least), Some(most)) if least == most => {
                        write!(f, "; the reply took {}", Seconds(*least))
                    }
                    (Some(least), Some(most)) => {
                        write!(f, "; the others took {} to {}", Seconds(*least), Seconds(*most))
                    }
                    _ => Ok(()),
                }
            }
            IcmpDetail::Duplicate { identifier, sequence, request_frame, rtt } => write!(
                f,
                "another reply to echo request {sequence} (id {identifier}) of frame {request_frame}, after {}",
                Seconds(*rtt)
            ),
            IcmpDetail::NoNeighbour { target, requests: 1, .. } => {
                write!(f, "asked who has {target}, and nobody answered")
            }
            IcmpDetail::NoNeighbour { target, requests, asked_for } => write!(
                f,
                "asked {requests} times within {} who has {target}, and nobody answered",
                Seconds(*asked_for)
            ),
            IcmpDetail::Conflict { address, hardware, earlier_hardware, earlier_frame } => write!(
                f,
                "{address} is claimed by {hardware}, but in frame {earlier_frame} by {earlier_hardware}"
            ),
        }
    }
}

/// What an error says of the packet that it quotes.
fn report(f: &mut fmt::Formatter<'_>, trouble: &Trouble, protocol: Option<u8>) -> fmt::Result {
    let words = match trouble {
        Trouble::NetworkUnreachable {} => "no route to the destination's network",
        Trouble::HostUnreachable {} => "the destination host cannot be reached",
        Trouble::ProtocolUnreachable {} => "the destination does not know the protocol",
        Trouble::PortUnreachable {} if protocol == Some(TCP) => {
            "port unreachable, which to TCP mostly a firewall answers"
        }
        Trouble::PortUnreachable {} => "nobody listens on the port",
        Trouble::Prohibited {} => "administratively prohibited, a firewall or policy rejects it",
        Trouble::Unreachable {} => "the destination cannot be reached",
        Trouble::TooBig { mtu: 0 } => "the packet is too large for the next link, of unknown MTU",
        Trouble::TooBig { mtu } => {
            return write!(f, "the packet is too large for the next link, whose MTU is {mtu} bytes");
        }
        Trouble::TimeExceeded {} => "the hop limit was used up here",
        Trouble::ReassemblyTimeExceeded {} => "not all fragments came in time",
        Trouble::Redirect { gateway } => return write!(f, "{gateway} is the better first hop"),
        Trouble::ParameterProblem { pointer } => {
            return write!(f, "byte {pointer} of the packet cannot be processed");
        }
        Trouble::SourceQuench {} => "please send less",
    };
    f.write_str(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(trouble: Trouble, quoted_protocol: Option<u8>) -> IcmpDetail {
        let reporter = "192.0.2.1".parse().unwrap();
        IcmpDetail::Error { reporter, icmp_type: 3, icmp_code: 4, quoted_protocol, trouble }
    }

    #[test]
    fn sentences_say_who_reports_what() {
        let port = Trouble::PortUnreachable {};
        assert_eq!(
            error(port, Some(17)).to_string(),
            "192.0.2.1 reports: nobody listens on the port (type 3, code 4)"
        );
        assert!(error(port, Some(6)).to_string().contains("firewall"));
        for (mtu, words) in [(1_400, "whose MTU is 1400 bytes"), (0, "of unknown MTU")] {
            assert!(error(Trouble::TooBig { mtu }, None).to_string().contains(words));
        }
    }

    #[test]
    fn losses_are_said_with_their_part() {
        let words = |requests, lost, rtt: Option<(i64, i64)>| {
            let detail = IcmpDetail::Unanswered {
                identifier: 7,
                requests,
                lost,
                rtt_min: rtt.map(|rtt| Span(rtt.0)),
                rtt_max: rtt.map(|rtt| Span(rtt.1)),
            };
            detail.to_string()
        };
        assert_eq!(words(1, 1, None), "one echo request (id 7) without a reply");
        assert_eq!(words(3, 3, None), "none of 3 echo requests (id 7) got a reply");
        assert_eq!(
            words(8, 1, Some((10_000_000, 20_000_000))),
            "1 of 8 echo requests (id 7) without a reply, 12.5 %; the others took 10.0 ms to 20.0 ms"
        );
        assert!(words(2, 1, Some((5, 5))).ends_with("; the reply took 0.01 µs"));
    }
}

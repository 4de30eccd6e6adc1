//! The table of all fields.

use super::analysed::{AnalysedFrame, EchoAnswer};
use super::tcp::TcpLayer;
use super::{dns, dns_record, expert, frame, http, icmp, network, protocol, tcp, tcp_analysis, tls};
use crate::conversation::Met;
use crate::expert::Finding;
use crate::field::Value;
use crate::packet::{Protocol, Transport};
use crate::protocol::message::Message;

/// A field's type, in Wireshark's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// There or not there.
    None,
    /// A protocol: there or not there; in display filters its bytes.
    Protocol,
    /// True or false.
    Boolean,
    /// Unsigned integer.
    Unsigned,
    /// Signed integer.
    Signed,
    /// Number of a frame.
    FrameNumber,
    /// Seconds since the epoch.
    AbsoluteTime,
    /// A duration in seconds.
    RelativeTime,
    /// A number with decimals.
    Double,
    /// IPv4 address.
    Ipv4,
    /// IPv6 address.
    Ipv6,
    /// Ethernet address.
    Ether,
    /// Bytes.
    Bytes,
    /// Text.
    Text,
}

impl FieldType {
    /// As `--list-fields` shows it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            FieldType::None => "present",
            FieldType::Protocol => "protocol",
            FieldType::Boolean => "boolean",
            FieldType::Unsigned => "unsigned",
            FieldType::Signed => "signed",
            FieldType::FrameNumber => "frame",
            FieldType::AbsoluteTime => "time",
            FieldType::RelativeTime => "duration",
            FieldType::Double => "double",
            FieldType::Ipv4 => "ipv4",
            FieldType::Ipv6 => "ipv6",
            FieldType::Ether => "ether",
            FieldType::Bytes => "bytes",
            FieldType::Text => "text",
        }
    }
}

/// A function that reads a field of the frame.
pub(super) type FrameRead = fn(&AnalysedFrame<'_>, &mut Vec<Value>);
/// A function that reads a field from the bytes of a layer.
pub(super) type BytesRead = fn(&[u8], &mut Vec<Value>);
/// A function that reads a field of a TCP header.
pub(super) type TcpRead = fn(&TcpLayer<'_>, &mut Vec<Value>);
/// A function that reads a field of a UDP header with its stream.
pub(super) type UdpRead = fn(&Transport<'_>, Option<u32>, &mut Vec<Value>);
/// A function that reads a field of a reply to an echo request.
pub(super) type AnswerRead = fn(&EchoAnswer, &mut Vec<Value>);

/// A function that reads a field of an application's message.
pub(super) type MessageRead = fn(&Message, &mut Vec<Value>);

/// A function that reads a field of a message and where it was met.
pub(super) type MetRead = fn(&Met, &mut Vec<Value>);

/// A function that reads a field of what is wrong.
pub(super) type FindingRead = fn(&Finding, &mut Vec<Value>);

/// Where decoding stopped.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The frame was not captured further.
    Cut,
    /// A layer contradicts itself, or ends too early.
    Malformed,
}

/// Where values of a field come from: a function of one layer that appends what it finds.
#[derive(Clone, Copy)]
pub(super) enum Source {
    Frame(FrameRead),
    Ethernet(BytesRead),
    Vlan(BytesRead),
    Ipv4(BytesRead),
    Ipv6(BytesRead),
    AnyIp(BytesRead),
    Tcp(TcpRead),
    Udp(UdpRead),
    Icmp(BytesRead),
    Icmpv6(BytesRead),
    IcmpAnswer(AnswerRead),
    Icmpv6Answer(AnswerRead),
    Arp(BytesRead),
    Message(MessageRead),
    Met(MetRead),
    /// A layer of which only the name matters.
    Other(Protocol),
    /// All bytes of a layer.
    Whole(Protocol),
    Finding(FindingRead),
    Stop(Stop),
}

/// A field that packets can have.
#[derive(Clone, Copy)]
pub struct Field {
    /// Wireshark's display-filter name.
    pub name: &'static str,
    /// Type.
    pub kind: FieldType,
    /// What it means, in a few words.
    pub meaning: &'static str,
    pub(super) source: Source,
}

impl std::fmt::Debug for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Field").field("name", &self.name).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// Every field, by layer.
pub fn fields() -> impl Iterator<Item = &'static Field> {
    let protocols = [dns::FIELDS, dns_record::FIELDS, tls::FIELDS, http::FIELDS];
    let layers = [frame::FIELDS, network::FIELDS, icmp::FIELDS, tcp::FIELDS, tcp_analysis::FIELDS];
    let others = [protocol::FIELDS, expert::FIELDS];
    layers.into_iter().chain(protocols).chain(others).flatten()
}

/// The field of a given name.
#[must_use]
pub fn field_by_name(name: &str) -> Option<&'static Field> {
    fields().find(|field| field.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_lower_case_and_explained() {
        let mut names: Vec<_> = fields().map(|f| f.name).collect();
        for field in fields() {
            assert!(!field.meaning.is_empty(), "{}", field.name);
            assert!(
                field.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c))
            );
            assert_eq!(field_by_name(field.name).map(|f| f.name), Some(field.name));
        }
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}

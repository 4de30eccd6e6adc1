//! Findings of a caller's own.

use super::Wants;
use crate::conversation::{Conversation, ConversationRef, Protocol};
use crate::expert::{Detail, Finding, Kind, KindId};
use crate::field::{AnalysedFrame, TransportVerdict};
use crate::model::{Endpoint, FrameNumber, Timestamp};
use crate::packet::{Layer, Sink, Transport, dissect, dissect_datagram};

/// Makes findings of a kind of its own. It is called serially and in capture order, before the observer, whatever the number of threads.
///
/// A rule sees all packets, all findings of the catalogue (also those that the observer is not told) and all conversations, as far as it
/// wants; never findings of rules. What it keeps between calls is memory that it must bound itself.
///
/// ```
/// use netanalyze_core::{Analyzer, Conversation, Finding, Found, Kind, Rule, Severity, Wants};
///
/// static CLEAR_TEXT: Kind = Kind::custom("example.clear_text", Severity::Warn, "Web traffic in clear text");
///
/// struct ClearText;
///
/// impl Rule for ClearText {
///     fn wants(&self) -> Wants {
///         Wants::CONVERSATIONS
///     }
///
///     fn conversation(&mut self, conversation: &Conversation, found: &mut Found<'_>) {
///         if conversation.server.port() == 80 {
///             found.in_conversation(conversation, &CLEAR_TEXT, format!("{} speaks HTTP", conversation.server));
///         }
///     }
/// }
///
/// # fn main() -> Result<(), netanalyze_core::Error> {
/// # let capture = concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus/captures/http-exchange.pcap");
/// let mut told = Vec::new();
/// let report = Analyzer::new().rule(ClearText).run([capture], &mut |finding: &Finding| {
///     told.push(finding.kind().id);
///     Ok(())
/// })?;
/// assert!(told.contains(&"example.clear_text"));
/// assert_eq!(report.findings_by_kind.last().map(|row| row.id), Some("example.clear_text"));
/// # Ok(())
/// # }
/// ```
pub trait Rule: Send {
    /// What it wants to see: asked with every batch or frame.
    fn wants(&self) -> Wants;

    /// A packet.
    fn packet(&mut self, packet: &AnalysedFrame<'_>, found: &mut Found<'_>) {
        let _ = (packet, found);
    }

    /// A finding of the catalogue.
    fn finding(&mut self, finding: &Finding, found: &mut Found<'_>) {
        let _ = (finding, found);
    }

    /// A conversation as it is at the end, if it has packets of its own.
    fn conversation(&mut self, conversation: &Conversation, found: &mut Found<'_>) {
        let _ = (conversation, found);
    }
}

/// Takes a rule's findings.
#[derive(Debug)]
pub struct Found<'f> {
    pub(super) findings: &'f mut Vec<Finding>,
    pub(super) known_at: FrameNumber,
}

impl Found<'_> {
    /// Finds something in a packet. Endpoints and stream are those of its first TCP or UDP header; without any there is no stream.
    pub fn in_packet(
        &mut self,
        packet: &AnalysedFrame<'_>,
        kind: &'static Kind,
        message: impl Into<Box<str>>,
    ) {
        let mut first = FirstTransport { packet, slot: packet.first_slot(), ordinal: 0, found: None };
        dissect(packet.link(), packet.bytes(), packet.raw.wire_len, &mut first);
        let about = first.found.unwrap_or(About {
            ordinal: 0,
            protocol: None,
            stream: None,
            source: Endpoint::from(([0; 4], 0)),
            destination: Endpoint::from(([0; 4], 0)),
        });
        self.add(packet.number(), packet.raw.time, about, kind, message.into());
    }

    /// Finds something where another finding was.
    pub fn beside(&mut self, finding: &Finding, kind: &'static Kind, message: impl Into<Box<str>>) {
        let &Finding { ordinal, protocol, stream, source, destination, .. } = finding;
        let about = About { ordinal, protocol, stream, source, destination };
        self.add(finding.frame, finding.time, about, kind, message.into());
    }

    /// Finds something about a whole conversation; the finding's frame is its first.
    pub fn in_conversation(
        &mut self,
        conversation: &Conversation,
        kind: &'static Kind,
        message: impl Into<Box<str>>,
    ) {
        let about = About {
            ordinal: 0,
            protocol: Some(conversation.protocol),
            stream: Some(conversation.stream),
            source: conversation.client,
            destination: conversation.server,
        };
        self.add(conversation.first_frame, conversation.start, about, kind, message.into());
    }

    fn add(
        &mut self,
        frame: FrameNumber,
        time: Timestamp,
        about: About,
        kind: &'static Kind,
        message: Box<str>,
    ) {
        self.findings.push(Finding {
            kind: KindId::CUSTOM,
            frame,
            known_at: self.known_at,
            ordinal: about.ordinal,
            time,
            protocol: about.protocol,
            stream: about.stream,
            source: about.source,
            destination: about.destination,
            detail: Detail::Custom { kind, message },
            first_of_conversation: false, // known when it is counted
            conversation: ConversationRef::NONE,
        });
    }
}

/// Whom a finding is about.
#[derive(Clone, Copy, Debug)]
struct About {
    ordinal: u16,
    protocol: Option<Protocol>,
    stream: Option<u32>,
    source: Endpoint,
    destination: Endpoint,
}

/// Looks for the first transport header of a frame, in completed datagrams too.
struct FirstTransport<'p, 'b> {
    packet: &'p AnalysedFrame<'b>,
    slot: u32,
    ordinal: u16,
    found: Option<About>,
}

impl FirstTransport<'_, '_> {
    fn take(&mut self, protocol: Protocol, transport: &Transport<'_>) {
        let Some(&[s0, s1, d0, d1]) = transport.bytes.first_chunk::<4>() else { return };
        let stream = match self.packet.transport(self.slot) {
            Some(TransportVerdict::Tcp(stream, _) | TransportVerdict::Udp(stream)) => *stream,
            None => None,
        };
        self.found.get_or_insert(About {
            ordinal: self.ordinal,
            protocol: Some(protocol),
            stream,
            source: Endpoint::new(transport.source, u16::from_be_bytes([s0, s1])),
            destination: Endpoint::new(transport.destination, u16::from_be_bytes([d0, d1])),
        });
    }
}

impl<'a> Sink<'a> for FirstTransport<'_, '_> {
    fn layer(&mut self, layer: Layer<'a>) {
        if self.found.is_some() {
            return;
        }
        match layer {
            Layer::Tcp(transport) => self.take(Protocol::Tcp, &transport),
            Layer::Udp(transport) => self.take(Protocol::Udp, &transport),
            Layer::Fragment(_) => {
                if let Some(completed) = self.packet.datagram(self.ordinal) {
                    let ordinal = self.ordinal.saturating_add(1);
                    let mut inner = FirstTransport { ordinal, slot: completed.first_slot, ..*self };
                    dissect_datagram(&completed.datagram, &mut inner);
                    self.found = inner.found;
                }
            }
            _ => {}
        }
        self.ordinal = self.ordinal.saturating_add(1);
    }
}

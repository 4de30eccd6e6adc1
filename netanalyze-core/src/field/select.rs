//! A choice of fields, and the rows that it gives.

use super::analysed::{AnalysedFrame, TransportVerdict};
use super::registry::{
    AnswerRead, BytesRead, Field, FrameRead, MessageRead, Source, TcpRead, UdpRead, field_by_name,
};
use super::tcp::TcpLayer;
use super::value::Value;
use super::walk::{Visitor, walk};
use crate::packet::Layer;

/// A name that no field has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown field {name:?}")]
pub struct UnknownField {
    /// The name.
    pub name: String,
}

/// Fields in the order of their columns.
#[derive(Clone, Debug)]
pub struct Selection {
    fields: Vec<&'static Field>,
    readers: Box<Readers>,
    /// Whether a field needs more than the frame's record.
    needs_layers: bool,
    /// Whether a field needs what applications say.
    needs_messages: bool,
}

/// The functions that a layer's fields are read with, each with its column: a layer asks only those that are for it.
#[derive(Clone, Default)]
struct Readers {
    frame: Columns<FrameRead>,
    ethernet: Columns<BytesRead>,
    vlan: Columns<BytesRead>,
    ipv4: Columns<BytesRead>,
    ipv6: Columns<BytesRead>,
    tcp: Columns<TcpRead>,
    udp: Columns<UdpRead>,
    icmp: Columns<BytesRead>,
    icmpv6: Columns<BytesRead>,
    icmp_answer: Columns<AnswerRead>,
    icmpv6_answer: Columns<AnswerRead>,
    arp: Columns<BytesRead>,
    message: Columns<MessageRead>,
}

type Columns<F> = Vec<(usize, F)>;

impl Readers {
    fn new(fields: &[&'static Field]) -> Self {
        let mut readers = Readers::default();
        for (column, field) in fields.iter().enumerate() {
            match field.source {
                Source::Frame(read) => readers.frame.push((column, read)),
                Source::Ethernet(read) => readers.ethernet.push((column, read)),
                Source::Vlan(read) => readers.vlan.push((column, read)),
                Source::Ipv4(read) => readers.ipv4.push((column, read)),
                Source::Ipv6(read) => readers.ipv6.push((column, read)),
                Source::AnyIp(read) => {
                    readers.ipv4.push((column, read));
                    readers.ipv6.push((column, read));
                }
                Source::Tcp(read) => readers.tcp.push((column, read)),
                Source::Udp(read) => readers.udp.push((column, read)),
                Source::Icmp(read) => readers.icmp.push((column, read)),
                Source::Icmpv6(read) => readers.icmpv6.push((column, read)),
                Source::IcmpAnswer(read) => readers.icmp_answer.push((column, read)),
                Source::Icmpv6Answer(read) => readers.icmpv6_answer.push((column, read)),
                Source::Arp(read) => readers.arp.push((column, read)),
                Source::Message(read) => readers.message.push((column, read)),
            }
        }
        readers
    }
}

impl std::fmt::Debug for Readers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Readers").finish_non_exhaustive()
    }
}

/// Cells of one frame: every occurrence of each field, in the order of the layers.
#[derive(Clone, Debug, Default)]
pub struct Row {
    cells: Vec<Vec<Value>>,
}

impl Row {
    /// Cells in column order; an empty one means that the frame does not have the field.
    #[must_use]
    pub fn cells(&self) -> &[Vec<Value>] {
        &self.cells
    }
}

impl Selection {
    /// Chooses fields by name.
    ///
    /// # Errors
    /// If a name is not in the registry.
    pub fn new<'n>(names: impl IntoIterator<Item = &'n str>) -> Result<Self, UnknownField> {
        let find = |name: &'n str| field_by_name(name).ok_or_else(|| UnknownField { name: name.to_owned() });
        let fields: Vec<_> = names.into_iter().map(find).collect::<Result<_, _>>()?;
        let needs_layers = fields.iter().any(|f| !matches!(f.source, Source::Frame(_) | Source::Message(_)));
        let needs_messages = fields.iter().any(|f| matches!(f.source, Source::Message(_)));
        Ok(Selection { readers: Box::new(Readers::new(&fields)), fields, needs_layers, needs_messages })
    }

    /// Whether the verdicts of packets are needed.
    #[must_use]
    pub fn needs_layers(&self) -> bool {
        self.needs_layers
    }

    /// Whether what applications say is needed.
    #[must_use]
    pub fn needs_messages(&self) -> bool {
        self.needs_messages
    }

    /// The chosen fields.
    pub fn fields(&self) -> impl Iterator<Item = &'static Field> + '_ {
        self.fields.iter().copied()
    }

    /// Fills `row` with a frame's cells.
    pub fn read(&self, frame: &AnalysedFrame<'_>, row: &mut Row) {
        row.cells.iter_mut().for_each(Vec::clear);
        row.cells.resize(self.fields.len(), Vec::new());
        each(&self.readers.frame, &mut row.cells, |read, cell| read(frame, cell));
        for met in frame.messages().iter().filter(|met| !met.aside) {
            each(&self.readers.message, &mut row.cells, |read, cell| read(&met.message, cell));
        }
        if self.needs_layers {
            walk(frame, &mut FieldVisitor { frame, readers: &self.readers, cells: &mut row.cells });
        }
    }
}

/// Reads each of a layer's fields into its column.
#[inline]
fn each<F: Copy>(readers: &[(usize, F)], cells: &mut [Vec<Value>], mut call: impl FnMut(F, &mut Vec<Value>)) {
    for &(column, read) in readers {
        if let Some(cell) = cells.get_mut(column) {
            call(read, cell);
        }
    }
}

/// Reads the fields of each layer.
struct FieldVisitor<'s, 'b> {
    frame: &'s AnalysedFrame<'b>,
    readers: &'s Readers,
    cells: &'s mut [Vec<Value>],
}

impl FieldVisitor<'_, '_> {
    fn bytes(&mut self, readers: &[(usize, BytesRead)], bytes: &[u8]) {
        each(readers, self.cells, |read, cell| read(bytes, cell));
    }

    fn answer(&mut self, readers: &[(usize, AnswerRead)], ordinal: u16) {
        if let Some(answer) = self.frame.echo_answer(ordinal).filter(|_| !readers.is_empty()) {
            each(readers, self.cells, |read, cell| read(answer, cell));
        }
    }
}

impl<'b> Visitor<'b> for FieldVisitor<'_, 'b> {
    #[inline]
    fn layer(&mut self, layer: &Layer<'b>, ordinal: u16, found: Option<&'b TransportVerdict>) {
        let readers = self.readers;
        match *layer {
            Layer::Tcp(ref transport) if !readers.tcp.is_empty() => {
                let layer = TcpLayer::new(transport, found);
                each(&readers.tcp, self.cells, |read, cell| read(&layer, cell));
            }
            Layer::Udp(ref transport) => {
                let stream = match found {
                    Some(TransportVerdict::Udp(stream)) => *stream,
                    _ => None,
                };
                each(&readers.udp, self.cells, |read, cell| read(transport, stream, cell));
            }
            Layer::Ethernet(header) => self.bytes(&readers.ethernet, header),
            Layer::Vlan(header) => self.bytes(&readers.vlan, header),
            Layer::Ipv4(header) => self.bytes(&readers.ipv4, header),
            Layer::Ipv6(header) => self.bytes(&readers.ipv6, header),
            Layer::Icmp(ref message) => {
                self.bytes(&readers.icmp, message.bytes);
                self.answer(&readers.icmp_answer, ordinal);
            }
            Layer::Icmpv6(ref message) => {
                self.bytes(&readers.icmpv6, message.bytes);
                self.answer(&readers.icmpv6_answer, ordinal);
            }
            Layer::Arp(packet) => self.bytes(&readers.arp, packet),
            _ => {}
        }
    }
}

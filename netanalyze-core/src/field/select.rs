//! A choice of fields, and the rows that it gives.

use super::analysed::{AnalysedFrame, TransportVerdict};
use super::protocol::bytes_of;
use super::registry::{
    AnswerRead, BytesRead, Field, FindingRead, FrameRead, MessageRead, MetRead, Source, Stop, TcpRead,
    UdpRead, field_by_name,
};
use super::tcp::TcpLayer;
use super::value::Value;
use super::walk::{Visitor, walk};
use crate::packet::{Layer, Protocol};
use crate::protocol::message::Message;

/// A name that no field has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown field {name:?}")]
pub struct UnknownField {
    /// The name.
    pub name: String,
}

/// A field, and what is wanted of it.
#[derive(Clone, Copy)]
pub(crate) struct Column {
    field: &'static Field,
    source: Source,
    bytes: bool,
}

impl Column {
    /// The field's values; of a protocol, whether it is there.
    pub(crate) fn values(field: &'static Field) -> Self {
        Column { field, source: field.source, bytes: false }
    }

    /// The bytes of a protocol, if they are kept.
    pub(crate) fn bytes(field: &'static Field) -> Option<Self> {
        bytes_of(field.name).map(|source| Column { field, source, bytes: true })
    }
}

impl PartialEq for Column {
    fn eq(&self, other: &Self) -> bool {
        self.field.name == other.field.name && self.bytes == other.bytes
    }
}

impl std::fmt::Debug for Column {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Column").field("field", &self.field.name).field("bytes", &self.bytes).finish()
    }
}

/// Fields in the order of their columns.
#[derive(Clone, Debug)]
pub struct Selection {
    fields: Vec<&'static Field>,
    /// Whether the column is a protocol's bytes.
    #[cfg(any(test, feature = "fuzzing"))]
    bytes: Vec<bool>,
    readers: Box<Readers>,
    /// Whether rows say of which layer each value is.
    numbers_layers: bool,
    /// Whether a field needs more than the frame's record.
    needs_layers: bool,
    /// Whether a field needs what applications say.
    needs_messages: bool,
    /// Whether a field needs what is wrong.
    needs_findings: bool,
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
    met: Columns<MetRead>,
    other: Columns<Protocol>,
    whole: Columns<Protocol>,
    finding: Columns<FindingRead>,
    stop: Columns<Stop>,
}

type Columns<F> = Vec<(usize, F)>;

impl Readers {
    fn new(sources: &[Source]) -> Self {
        let mut readers = Readers::default();
        for (column, source) in sources.iter().enumerate() {
            match *source {
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
                Source::Met(read) => readers.met.push((column, read)),
                Source::Other(protocol) => readers.other.push((column, protocol)),
                Source::Whole(protocol) => readers.whole.push((column, protocol)),
                Source::Finding(read) => readers.finding.push((column, read)),
                Source::Stop(stop) => readers.stop.push((column, stop)),
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
    /// Of each value the number of its layer among those of its protocol, from 1; empty unless the selection asks.
    layers: Vec<Vec<u16>>,
}

impl Row {
    /// Cells in column order; an empty one means that the frame does not have the field.
    #[must_use]
    pub fn cells(&self) -> &[Vec<Value>] {
        &self.cells
    }

    /// A row with these cells, each value of it of the layer that it has by its place.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn of(cells: Vec<Vec<Value>>) -> Self {
        let layers = cells.iter().map(|cell| (1..).take(cell.len()).collect()).collect();
        Row { cells, layers }
    }

    pub(crate) fn layers(&self) -> &[Vec<u16>] {
        &self.layers
    }

    /// Reads each of a layer's fields into its column.
    #[inline]
    fn each<F: Copy>(
        &mut self,
        readers: &[(usize, F)],
        layer: u16,
        mut call: impl FnMut(F, &mut Vec<Value>),
    ) {
        for &(column, read) in readers {
            let Some(cell) = self.cells.get_mut(column) else { continue };
            call(read, cell);
            if let Some(layers) = self.layers.get_mut(column) {
                layers.resize(cell.len(), layer);
            }
        }
    }
}

impl Selection {
    /// Chooses fields by name.
    ///
    /// # Errors
    /// If a name is not in the registry.
    pub fn new<'n>(names: impl IntoIterator<Item = &'n str>) -> Result<Self, UnknownField> {
        let find = |name: &'n str| field_by_name(name).ok_or_else(|| UnknownField { name: name.to_owned() });
        let columns = names.into_iter().map(find).map(|field| field.map(Column::values));
        Ok(Selection::of(columns.collect::<Result<_, _>>()?, false))
    }

    /// Chooses columns.
    pub(crate) fn of(columns: Vec<Column>, numbers_layers: bool) -> Self {
        let sources: Vec<_> = columns.iter().map(|column| column.source).collect();
        let fields = columns.iter().map(|column| column.field).collect();
        let is_aside = |source: &Source| {
            matches!(source, Source::Frame(_) | Source::Message(_) | Source::Met(_) | Source::Finding(_))
        };
        let needs_layers = !sources.iter().all(is_aside);
        let needs_messages = sources.iter().any(|s| matches!(s, Source::Message(_) | Source::Met(_)));
        let needs_findings = sources.iter().any(|s| matches!(s, Source::Finding(_)));
        let readers = Box::new(Readers::new(&sources));
        Selection {
            fields,
            #[cfg(any(test, feature = "fuzzing"))]
            bytes: columns.iter().map(|column| column.bytes).collect(),
            readers,
            numbers_layers,
            needs_layers,
            needs_messages,
            needs_findings,
        }
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

    /// Whether findings are needed, of every kind that Wireshark has.
    #[must_use]
    pub fn needs_findings(&self) -> bool {
        self.needs_findings
    }

    /// The chosen fields.
    pub fn fields(&self) -> impl Iterator<Item = &'static Field> + '_ {
        self.fields.iter().copied()
    }

    /// Name of each column, and whether it is a protocol's bytes.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn columns(&self) -> impl Iterator<Item = (&'static str, bool)> + '_ {
        self.fields.iter().zip(&self.bytes).map(|(field, &bytes)| (field.name, bytes))
    }

    /// Fills `row` with a frame's cells.
    pub fn read(&self, frame: &AnalysedFrame<'_>, row: &mut Row) {
        row.cells.iter_mut().for_each(Vec::clear);
        row.cells.resize(self.fields.len(), Vec::new());
        row.layers.iter_mut().for_each(Vec::clear);
        row.layers.resize(if self.numbers_layers { self.fields.len() } else { 0 }, Vec::new());
        row.each(&self.readers.frame, 1, |read, cell| read(frame, cell));
        let mut counts = [0; 4];
        for met in frame.messages().iter().filter(|met| !met.aside && !met.message.is_transaction()) {
            let layer = count(&mut counts, message_kind(&met.message));
            row.each(&self.readers.message, layer, |read, cell| read(&met.message, cell));
            row.each(&self.readers.met, layer, |read, cell| read(met, cell));
        }
        if self.needs_findings {
            for (place, finding) in frame.findings().iter().enumerate() {
                let layer = u16::try_from(place + 1).unwrap_or(u16::MAX);
                row.each(&self.readers.finding, layer, |read, cell| read(finding, cell));
            }
        }
        if self.needs_layers {
            walk(frame, &mut FieldVisitor { frame, readers: &self.readers, row, counts: [0; 16] });
        }
    }
}

/// Counts one more of a kind; the place of each among its like.
fn count(counts: &mut [u16], kind: usize) -> u16 {
    counts.get_mut(kind).map_or(1, |count| {
        *count = count.saturating_add(1);
        *count
    })
}

fn message_kind(message: &Message) -> usize {
    match message {
        Message::Dns(_) => 0,
        Message::Tls(_) => 1,
        Message::Http(_) => 2,
        // Lookups, handshakes and exchanges are no messages.
        _ => 3,
    }
}

/// Reads the fields of each layer.
struct FieldVisitor<'s, 'b> {
    frame: &'s AnalysedFrame<'b>,
    readers: &'s Readers,
    row: &'s mut Row,
    /// Layers so far, by protocol.
    counts: [u16; 16],
}

impl<'b> FieldVisitor<'_, 'b> {
    fn bytes(&mut self, readers: &[(usize, BytesRead)], layer: u16, bytes: &[u8]) {
        self.row.each(readers, layer, |read, cell| read(bytes, cell));
    }

    fn answer(&mut self, readers: &[(usize, AnswerRead)], layer: u16, ordinal: u16) {
        if let Some(answer) = self.frame.echo_answer(ordinal).filter(|_| !readers.is_empty()) {
            self.row.each(readers, layer, |read, cell| read(answer, cell));
        }
    }

    /// All bytes of a layer, for columns that want them.
    #[cold]
    fn whole(&mut self, layer: &Layer<'b>, number: u16) {
        let Some((protocol, bytes, header)) = whole(layer, self.frame.bytes()) else { return };
        self.row.each(&self.readers.whole, number, |wanted, cell| {
            if wanted == protocol {
                cell.push(Value::Layer(bytes.into(), header.min(bytes.len())));
            }
        });
    }
}

/// The bytes of a layer from its header on, as many as were captured, and the length of the header.
fn whole<'b>(layer: &Layer<'b>, frame: &'b [u8]) -> Option<(Protocol, &'b [u8], usize)> {
    Some(match *layer {
        Layer::Ethernet(header) => (Protocol::Ethernet, with_rest(header, frame), 14),
        Layer::Vlan(header) => (Protocol::Vlan, with_rest(header, frame), 4),
        Layer::Ipv4(header) => {
            let total = header.get(2..4).map_or(0, |len| usize::from(u16::from_be_bytes([len[0], len[1]])));
            let bytes = with_rest(header, frame);
            (Protocol::Ipv4, bytes.get(..total).filter(|_| total > 0).unwrap_or(bytes), header.len())
        }
        Layer::Ipv6(header) => (Protocol::Ipv6, with_rest(header, frame), header.len()),
        Layer::Tcp(t) => (
            Protocol::Tcp,
            t.bytes,
            t.bytes.get(12).map_or(usize::MAX, |offset| usize::from(offset >> 4) * 4),
        ),
        Layer::Udp(t) => (Protocol::Udp, t.bytes, 8),
        Layer::Icmp(t) => (Protocol::Icmp, t.bytes, usize::MAX),
        Layer::Icmpv6(t) => (Protocol::Icmpv6, t.bytes, usize::MAX),
        Layer::Arp(packet) => (Protocol::Arp, packet, 28),
        _ => return None,
    })
}

/// A header with what follows it in its frame; the header alone if it is of a datagram put together from fragments.
fn with_rest<'b>(header: &'b [u8], frame: &'b [u8]) -> &'b [u8] {
    let at = (header.as_ptr() as usize).checked_sub(frame.as_ptr() as usize);
    at.filter(|at| at + header.len() <= frame.len()).and_then(|at| frame.get(at..)).unwrap_or(header)
}

impl<'b> Visitor<'b> for FieldVisitor<'_, 'b> {
    #[inline]
    fn layer(&mut self, layer: &Layer<'b>, ordinal: u16, found: Option<&'b TransportVerdict>) {
        let readers = self.readers;
        let number = count(&mut self.counts, kind(layer));
        if !readers.whole.is_empty() {
            self.whole(layer, number);
        }
        match *layer {
            Layer::Tcp(ref transport) if !readers.tcp.is_empty() => {
                let layer = TcpLayer::new(transport, found);
                self.row.each(&readers.tcp, number, |read, cell| read(&layer, cell));
            }
            Layer::Udp(ref transport) => {
                let stream = match found {
                    Some(TransportVerdict::Udp(stream)) => *stream,
                    _ => None,
                };
                self.row.each(&readers.udp, number, |read, cell| read(transport, stream, cell));
            }
            Layer::Ethernet(header) => self.bytes(&readers.ethernet, number, header),
            Layer::Vlan(header) => self.bytes(&readers.vlan, number, header),
            Layer::Ipv4(header) => self.bytes(&readers.ipv4, number, header),
            Layer::Ipv6(header) => self.bytes(&readers.ipv6, number, header),
            Layer::Icmp(ref message) => {
                self.bytes(&readers.icmp, number, message.bytes);
                self.answer(&readers.icmp_answer, number, ordinal);
            }
            Layer::Icmpv6(ref message) => {
                self.bytes(&readers.icmpv6, number, message.bytes);
                self.answer(&readers.icmpv6_answer, number, ordinal);
            }
            Layer::Arp(packet) => self.bytes(&readers.arp, number, packet),
            Layer::Other(protocol) => self.row.each(&readers.other, number, |wanted, cell| {
                if wanted == protocol {
                    cell.push(Value::Present);
                }
            }),
            Layer::Cut(_) => self.stop(Stop::Cut),
            Layer::Malformed(_) => self.stop(Stop::Malformed),
            _ => {}
        }
    }
}

impl FieldVisitor<'_, '_> {
    fn stop(&mut self, stop: Stop) {
        self.row.each(&self.readers.stop, 1, |wanted, cell| {
            if wanted == stop {
                cell.push(Value::Present);
            }
        });
    }
}

/// What layers are counted by. Those without fields of their own are counted together.
fn kind(layer: &Layer<'_>) -> usize {
    match layer {
        Layer::Ethernet(_) => 0,
        Layer::Vlan(_) => 1,
        Layer::Ipv4(_) => 2,
        Layer::Ipv6(_) => 3,
        Layer::Tcp(_) => 4,
        Layer::Udp(_) => 5,
        Layer::Icmp(_) => 6,
        Layer::Icmpv6(_) => 7,
        Layer::Arp(_) => 8,
        _ => 15,
    }
}

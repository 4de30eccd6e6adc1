//! A choice of fields, and the rows that it gives.

use super::analysed::{AnalysedFrame, TransportVerdict};
use super::registry::{Field, Source, field_by_name};
use super::tcp::TcpLayer;
use super::value::Value;
use super::walk::{Visitor, walk};
use crate::packet::{Layer, Transport};

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
    /// Whether a field needs more than the frame's record.
    needs_layers: bool,
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
        let needs_layers = fields.iter().any(|f| !matches!(f.source, Source::Frame(_)));
        Ok(Selection { fields, needs_layers })
    }

    /// Whether the verdicts of packets are needed.
    #[must_use]
    pub fn needs_layers(&self) -> bool {
        self.needs_layers
    }

    /// The chosen fields.
    pub fn fields(&self) -> impl Iterator<Item = &'static Field> + '_ {
        self.fields.iter().copied()
    }

    /// Fills `row` with a frame's cells.
    pub fn read(&self, frame: &AnalysedFrame<'_>, row: &mut Row) {
        row.cells.iter_mut().for_each(Vec::clear);
        row.cells.resize(self.fields.len(), Vec::new());
        for (field, cell) in self.fields.iter().zip(&mut row.cells) {
            if let Source::Frame(read) = field.source {
                read(frame, cell);
            }
        }
        if self.needs_layers {
            walk(frame, &mut FieldVisitor { fields: &self.fields, cells: &mut row.cells });
        }
    }
}

/// Reads the fields of each layer.
struct FieldVisitor<'s> {
    fields: &'s [&'static Field],
    cells: &'s mut [Vec<Value>],
}

impl FieldVisitor<'_> {
    fn each(&mut self, mut read: impl FnMut(Source, &mut Vec<Value>)) {
        for (field, cell) in self.fields.iter().zip(self.cells.iter_mut()) {
            read(field.source, cell);
        }
    }

    fn tcp(&mut self, transport: Transport<'_>, found: Option<&TransportVerdict>) {
        let layer = TcpLayer::new(transport, found);
        self.each(|source, cell| {
            if let Source::Tcp(read) = source {
                read(&layer, cell);
            }
        });
    }

    fn udp(&mut self, transport: &Transport<'_>, found: Option<&TransportVerdict>) {
        let stream = match found {
            Some(TransportVerdict::Udp(stream)) => *stream,
            _ => None,
        };
        self.each(|source, cell| {
            if let Source::Udp(read) = source {
                read(transport, stream, cell);
            }
        });
    }
}

impl<'b> Visitor<'b> for FieldVisitor<'_> {
    fn layer(&mut self, layer: &Layer<'b>, _: u16, found: Option<&'b TransportVerdict>) {
        match *layer {
            Layer::Tcp(transport) => self.tcp(transport, found),
            Layer::Udp(ref transport) => self.udp(transport, found),
            Layer::Ethernet(header) => self.each(|source, cell| {
                if let Source::Ethernet(read) = source {
                    read(header, cell);
                }
            }),
            Layer::Vlan(header) => self.each(|source, cell| {
                if let Source::Vlan(read) = source {
                    read(header, cell);
                }
            }),
            Layer::Ipv4(header) => self.each(|source, cell| {
                if let Source::Ipv4(read) | Source::AnyIp(read) = source {
                    read(header, cell);
                }
            }),
            Layer::Ipv6(header) => self.each(|source, cell| {
                if let Source::Ipv6(read) | Source::AnyIp(read) = source {
                    read(header, cell);
                }
            }),
            Layer::Icmp(message) => self.each(|source, cell| {
                if let Source::Icmp(read) = source {
                    read(message.bytes, cell);
                }
            }),
            Layer::Icmpv6(message) => self.each(|source, cell| {
                if let Source::Icmpv6(read) = source {
                    read(message.bytes, cell);
                }
            }),
            _ => {}
        }
    }
}

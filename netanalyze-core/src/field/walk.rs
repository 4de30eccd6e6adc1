//! A second walk through the layers of an analysed frame, each transport header with what the analysis made of it.
//!
//! Slots count transport headers in the order in which the engine met them: a frame's own one after the other, those of a completed datagram
//! from the datagram's first slot on. Whoever decodes a frame again in the same order finds the same slots.

use super::analysed::{AnalysedFrame, TransportVerdict};
use crate::packet::{Layer, Sink, dissect, dissect_datagram};

/// Takes the layers of a frame, outermost first. The layers of a datagram stand in the place of the fragment that completed it.
pub(super) trait Visitor<'b> {
    /// One layer at its position among the frame's; with a transport header comes what became of it.
    fn layer(&mut self, layer: &Layer<'b>, ordinal: u16, found: Option<&'b TransportVerdict>);
}

/// Decodes the frame again.
pub(super) fn walk<'b>(frame: &AnalysedFrame<'b>, visitor: &mut impl Visitor<'b>) {
    let mut sink = WalkSink { frame, visitor, slot: frame.first_slot(), ordinal: 0 };
    dissect(frame.link(), frame.bytes(), frame.raw.wire_len, &mut sink);
}

struct WalkSink<'s, 'b, V> {
    frame: &'s AnalysedFrame<'b>,
    visitor: &'s mut V,
    slot: u32,
    ordinal: u16,
}

impl<'b, V: Visitor<'b>> WalkSink<'_, 'b, V> {
    /// The datagram that a fragment completed shows its layers in this frame.
    fn completed(&mut self) {
        let Some(completed) = self.frame.datagram(self.ordinal) else { return };
        let mut inner = WalkSink {
            frame: self.frame,
            visitor: &mut *self.visitor,
            slot: completed.first_slot,
            ordinal: self.ordinal.saturating_add(1),
        };
        dissect_datagram(&completed.datagram, &mut inner);
    }
}

impl<'b, V: Visitor<'b>> Sink<'b> for WalkSink<'_, 'b, V> {
    #[inline]
    fn layer(&mut self, layer: Layer<'b>) {
        match layer {
            Layer::Tcp(_) | Layer::Udp(_) => {
                let found = self.frame.transport(self.slot);
                self.slot = self.slot.saturating_add(1);
                self.visitor.layer(&layer, self.ordinal, found);
            }
            Layer::Fragment(_) => self.completed(),
            // Where decoding stopped is no layer.
            Layer::Cut(_) | Layer::Malformed(_) | Layer::TooDeep => {
                return self.visitor.layer(&layer, self.ordinal, None);
            }
            _ => self.visitor.layer(&layer, self.ordinal, None),
        }
        self.ordinal = self.ordinal.saturating_add(1);
    }
}

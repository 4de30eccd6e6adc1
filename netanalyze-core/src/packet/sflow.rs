//! sFlow version 5 (sflow.org): the headers of sampled packets. Wireshark counts them as quoted: they make streams, but no analysis.

use super::dissect::Decoder;
use super::window::Window;
use super::{Origin, Protocol, Sink};

impl<'a, S: Sink<'a>> Decoder<'_, S> {
    /// A datagram of samples.
    pub(super) fn sflow(&mut self, window: Window<'a>) {
        self.other(Protocol::Sflow);
        let (Some(5), Some(family)) = (window.be32(0), window.be32(4)) else { return };
        let header = if family == 2 { 40 } else { 28 };
        let Some(samples) = window.be32(header - 4) else {
            return self.short(Protocol::Sflow, window, header);
        };
        self.quoted(Origin::QuotedIcmpv6, |d| {
            d.records(samples, window.after(header), |d, kind, sample| match kind {
                1 => d.flow_sample(sample, 28),
                3 => d.flow_sample(sample, 40),
                _ => {}
            });
        });
    }

    /// A flow sample, plain or expanded: its records, counted at `at`.
    fn flow_sample(&mut self, window: Window<'a>, at: usize) {
        let Some(records) = window.be32(at) else { return self.short(Protocol::Sflow, window, at + 4) };
        self.records(records, window.after(at + 4), |d, kind, record| {
            if kind == 1 {
                d.sampled_header(record);
            }
        });
    }

    /// A raw packet header: link protocol, length on the wire, bytes stripped, bytes here.
    fn sampled_header(&mut self, window: Window<'a>) {
        let (Some(link), Some(wire), Some(len)) = (window.be32(0), window.be32(4), window.be32(12)) else {
            return self.short(Protocol::Sflow, window, 16);
        };
        let header = Window::new(window.after(16).limit(len).bytes(), wire);
        match link {
            1 => self.ethernet_inner(header),
            11 => self.ipv4_inner(header),
            12 => self.ipv6_inner(header),
            _ => {}
        }
    }

    /// `count` records of kind, length and content.
    fn records(
        &mut self,
        count: u32,
        mut window: Window<'a>,
        mut each: impl FnMut(&mut Self, u32, Window<'a>),
    ) {
        for _ in 0..count {
            let (Some(kind), Some(len)) = (window.be32(0), window.be32(4)) else {
                return self.short(Protocol::Sflow, window, 8);
            };
            window = window.after(8);
            each(self, kind, window.limit(len));
            window = window.after(len as usize);
        }
    }
}

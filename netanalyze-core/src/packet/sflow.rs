//! sFlow version 5 (sflow.org): the headers of sampled packets. Wireshark counts them as quoted: they make streams, but no analysis.

use super::dissect::Decoder;
use super::window::Window;
use super::{Origin, Protocol, Sink};

impl<'a, S: Sink<'a>> Decoder<'_, S> {
    /// A datagram of samples.
    pub(super) fn sflow(&mut self, window: Window<'a>) {
        self.other(Protocol::Sflow);
        let (Some(5), Some(family @ (1 | 2))) = (window.be32(0), window.be32(4)) else { return };
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
        let Some(header) = window.get(16, len as usize) else {
            return self.short(Protocol::Sflow, window, 16 + len as usize);
        };
        let header = Window::new(header, wire);
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

#[cfg(test)]
mod tests {
    use super::super::sample::{cat, eth, tcp4, tcp6, trace_tunnel};

    fn words(numbers: &[u32]) -> Vec<u8> {
        numbers.iter().flat_map(|n| n.to_be_bytes()).collect()
    }

    /// A raw packet header record.
    fn record(link: u32, header: &[u8]) -> Vec<u8> {
        let len = header.len() as u32;
        cat(&[&words(&[1, 16 + len, link, len + 100, 0, len]), header])
    }

    fn sample(kind: u32, records: &[Vec<u8>]) -> Vec<u8> {
        let before = if kind == 1 { 7 } else { 10 };
        let body = cat(&[&vec![0; before * 4], &words(&[records.len() as u32]), &records.concat()]);
        cat(&[&words(&[kind, body.len() as u32]), &body])
    }

    #[test]
    fn sampled_headers_count_as_quoted() {
        let records =
            [record(1, &eth(0x0800, &tcp4())), cat(&[&words(&[1001, 4]), &[0; 4]]), record(12, &tcp6())];
        let plain = "sflow eth ip quoted-tcp/24 ipv6 quoted-tcp/24";
        for kind in [1, 3] {
            let one = cat(&[&words(&[5, 1, 9, 0, 1, 1, 1]), &sample(kind, &records)]);
            assert_eq!(trace_tunnel(6343, &one), plain);
        }
        let two = cat(&[
            &words(&[5, 2, 9, 9, 9, 9, 0, 1, 1, 2]),
            &sample(1, &records),
            &sample(2, &[]),
            &sample(1, &[]),
        ]);
        assert_eq!(trace_tunnel(6343, &two), plain);
        assert_eq!(trace_tunnel(6343, &words(&[4, 1, 9, 0, 1, 1, 1])), "sflow");
        assert_eq!(trace_tunnel(6343, &words(&[5, 1, 9, 0, 1, 1, u32::MAX])), "sflow malformed(sflow)");
    }
}

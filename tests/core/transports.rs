//! The transport headers of analysed frames: the same as the fields say, wherever they are found.

use std::num::NonZeroUsize;

use netanalyze_core::capture::Source;
use netanalyze_core::conversation::Protocol;
use netanalyze_core::engine::{Cancellation, Interests, View, analyse};
use netanalyze_core::expert::KindSet;
use netanalyze_core::field::{AnalysedBatch, AnalysedFrame, Row, Selection, TransportLayer, Value};
use netanalyze_core::packet::Origin;

use crate::golden::{corpus, manifest};

/// A function of a batch as a view of rows.
struct Look<F>(F);

impl<T: Send, F: Fn(&AnalysedBatch<'_>) -> Vec<T> + Sync> View for Look<F> {
    type Piece = Vec<T>;

    fn interests(&self) -> Interests {
        Interests { kinds: KindSet::NONE, rows: true, ..Interests::default() }
    }

    fn digest(&self, batch: &AnalysedBatch<'_>) -> Vec<T> {
        self.0(batch)
    }
}

fn look<T: Send>(name: &str, at: impl Fn(&AnalysedBatch<'_>) -> Vec<T> + Sync) -> Vec<T> {
    let mut all = Vec::new();
    let accept = |mut piece: Vec<T>, _: &AnalysedBatch<'_>| {
        all.append(&mut piece);
        Ok(())
    };
    let source = Source::File(corpus().join("captures").join(name));
    let _ = analyse(vec![source], NonZeroUsize::MIN, &Look(at), accept, &Cancellation::default());
    all
}

fn layers<'b>(frame: &AnalysedFrame<'b>) -> Vec<TransportLayer<'b>> {
    let mut layers = Vec::new();
    frame.transports(&mut |layer| layers.push(layer));
    layers
}

const FIELDS: [&str; 6] =
    ["tcp.stream", "udp.stream", "tcp.len", "tcp.srcport", "udp.dstport", "tcp.analysis.bytes_in_flight"];

fn numbers(values: impl Iterator<Item = Option<u64>>) -> Vec<Value> {
    values.flatten().map(Value::Unsigned).collect()
}

#[test]
fn headers_of_every_capture_are_those_of_the_fields() {
    let mut found = 0;
    for entry in manifest() {
        let headers = look(&entry.name, |batch| {
            let (selection, mut row, mut counts) =
                (Selection::new(FIELDS).unwrap(), Row::default(), Vec::new());
            for frame in batch.frames() {
                selection.read(&frame, &mut row);
                let layers = layers(&frame);
                let tcp = || layers.iter().filter(|l| l.protocol == Protocol::Tcp);
                let udp = || layers.iter().filter(|l| l.protocol == Protocol::Udp);
                let whole = |l: &&TransportLayer<'_>| l.verdict.is_some_and(|v| v.shown.len);
                // Of a header that claims fewer than 20 bytes Wireshark shows a length; there is no payload for anybody, though.
                let bogus = tcp().any(|l| l.bytes().get(12).is_some_and(|offset| offset >> 4 < 5));
                let expected = [
                    numbers(tcp().map(|l| l.stream.map(u64::from))),
                    numbers(udp().map(|l| l.stream.map(u64::from))),
                    numbers(tcp().filter(whole).map(|l| Some(u64::from(l.payload_len())))),
                    numbers(tcp().map(|l| Some(u64::from(l.source.port())))),
                    numbers(udp().map(|l| Some(u64::from(l.destination.port())))),
                ];
                for ((cell, expected), field) in row.cells().iter().zip(expected).zip(FIELDS) {
                    if bogus && field == "tcp.len" {
                        continue;
                    }
                    assert_eq!(*cell, expected, "{} frame {}: {field}", entry.name, frame.number());
                }
                let in_flight = tcp().filter_map(|l| l.verdict.filter(|v| v.shown.analysis)?.analysis);
                let in_flight = in_flight.filter(|a| a.bytes_in_flight > 0).count();
                assert_eq!(row.cells()[5].len(), in_flight, "{} frame {}", entry.name, frame.number());
                assert!(layers.iter().all(|l| l.payload().len() <= l.payload_len() as usize));
                assert!(layers.windows(2).all(|pair| pair[0].ordinal < pair[1].ordinal));
                counts.push(layers.len());
            }
            counts
        });
        found += headers.iter().sum::<usize>();
    }
    assert!(found > 3_000, "{found}");
}

#[test]
fn frames_of_a_conversation_are_those_that_hold_its_headers() {
    let mut conversations = 0;
    for entry in manifest() {
        let counts = look(&entry.name, |batch| {
            let mut frames: std::collections::BTreeMap<_, Vec<u32>> = std::collections::BTreeMap::new();
            for frame in batch.frames() {
                for layer in layers(&frame) {
                    let Some(stream) = layer.stream else { continue };
                    let frames = frames.entry((layer.protocol, stream)).or_default();
                    if frames.last() != Some(&(frame.index as u32)) {
                        frames.push(frame.index as u32);
                    }
                }
            }
            for (&(protocol, stream), frames) in &frames {
                assert_eq!(batch.frames_of(protocol, stream), *frames, "{} {stream}", entry.name);
            }
            assert!(batch.frames_of(Protocol::Tcp, u32::MAX).is_empty());
            vec![frames.len()]
        });
        conversations += counts.iter().sum::<usize>();
    }
    assert!(conversations > 200, "{conversations}");
}

/// What a capture's headers are, in words.
fn words(name: &str) -> Vec<String> {
    look(name, |batch| {
        let word = |layer: TransportLayer<'_>| {
            let origin =
                if layer.origin == Origin::Packet { String::new() } else { format!(" {:?}", layer.origin) };
            format!(
                "{} {} {}→{} {}/{}{origin}",
                layer.frame,
                layer.protocol.name(),
                layer.source,
                layer.destination,
                layer.payload().len(),
                layer.payload_len()
            )
        };
        batch.frames().flat_map(|frame| layers(&frame)).map(word).collect()
    })
}

#[test]
fn headers_are_found_in_datagrams_tunnels_and_errors() {
    for (name, expected) in [
        ("fragments-ipv4.pcap", "6 tcp 10.0.0.2:53000→192.0.2.80:5800 1600/1600"),
        ("tunnel-vxlan.pcap", "4 udp 203.0.113.1:49152→203.0.113.2:4789 140/140"),
        ("tunnel-vxlan.pcap", "4 tcp 10.0.0.2:54000→192.0.2.80:80 78/78"),
        ("snaplen-96.pcap", "5 tcp 192.0.2.80:80→10.0.0.2:49001 30/1200"),
        ("fragments-ipv4-cut.pcap", "4 tcp 10.0.0.2:53020→192.0.2.80:5800 146/556 Fragment"),
        ("icmp-unreachable.pcap", "2 tcp 10.0.0.2:50010→192.0.2.80:443 0/0 QuotedIcmp"),
    ] {
        let words = words(name);
        assert!(words.iter().any(|word| word == expected), "{name}: {words:#?}");
    }
}

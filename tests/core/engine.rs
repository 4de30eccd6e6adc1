//! The engine: any number of workers, any pool, early ends of every kind. Nothing may hang, and results never depend on threads.

use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc;
use std::time::Duration;

use netanalyze_core::capture::Source;
use netanalyze_core::engine::{Cancellation, Interests, View, analyse};
use netanalyze_core::field::AnalysedBatch;
use netanalyze_core::model::Error;
use netanalyze_core::model::limits::BATCH_BYTES;

use crate::view::{Rows, run};
use crate::wire::{ACK, FIN, PSH, Pcap, SYN, ipv4, segment, tcp, udp};

/// Runs `test` elsewhere and fails if it never ends. The time is only a guard: no result depends on it.
pub(crate) fn ends<T: Send + 'static>(test: impl FnOnce() -> T + Send + 'static) -> T {
    let (tell, told) = mpsc::channel();
    let runner = std::thread::spawn(move || {
        let result = test();
        tell.send(()).unwrap();
        result
    });
    match told.recv_timeout(Duration::from_secs(300)) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("the engine hangs"),
        _ => runner.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
    }
}

fn threads(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).unwrap()
}

/// Conversations that begin, lose segments, repeat them and end all over the capture, UDP and fragments among them.
pub(crate) fn busy_capture(batches: usize) -> Pcap {
    let mut pcap = Pcap::new();
    let mut time = 1_000_000_000;
    let mut round = 0u32;
    while pcap.0.len() < batches * BATCH_BYTES {
        let client = ([10, 0, (round >> 8) as u8, round as u8].into(), 40_000);
        let server = ([10, 1, 0, (round % 7) as u8].into(), 80);
        let isn = round.wrapping_mul(0x9e37_79b9);
        let mut send = |frame: Vec<u8>| {
            time += 1_000;
            pcap.frame(time, &frame);
        };
        send(tcp(client, server, (isn, 0), SYN, &[]));
        send(tcp(server, client, (5, isn.wrapping_add(1)), SYN | ACK, &[]));
        send(tcp(client, server, (isn.wrapping_add(1), 6), ACK, &[]));
        for i in 0..40u32 {
            let seq = isn.wrapping_add(1 + i * 1000);
            // Every tenth is missing, every seventh comes twice.
            if i % 10 != 9 {
                send(tcp(client, server, (seq, 6), ACK | PSH, &[7; 1000]));
            }
            if i % 7 == 6 {
                send(tcp(client, server, (seq, 6), ACK, &[7; 1000]));
            }
            send(tcp(server, client, (6, seq), ACK, &[]));
        }
        send(udp((client.0, 53), server, &[0; 30]));
        let datagram = segment((40_001, 80), (isn, 0), SYN, &[1; 28]);
        send(ipv4(client.0, server.0, 6, round as u16, 0x2000, &datagram[..24]));
        send(ipv4(client.0, server.0, 6, round as u16, 3, &datagram[24..]));
        send(tcp(client, server, (isn.wrapping_add(40_001), 6), ACK | FIN, &[]));
        // A conversation that lives through the whole capture.
        send(tcp(([10, 9, 9, 9].into(), 1), server, (round * 100, 1), ACK, &[1; 100]));
        round += 1;
    }
    pcap
}

const COLUMNS: &str = "frame.number frame.time_relative frame.time_delta tcp.stream udp.stream tcp.seq tcp.ack tcp.len \
    tcp.completeness tcp.analysis.flags tcp.analysis.bytes_in_flight tcp.analysis.ack_rtt tcp.analysis.rto_frame \
    tcp.time_delta tcp.analysis.duplicate_ack_num";

fn everything(pcap: &Pcap, threads: usize) -> (Vec<Vec<String>>, String) {
    let view = Rows::new(COLUMNS.split_whitespace()).with_findings();
    let (rows, report) = run(vec![pcap.source()], threads, &view).unwrap();
    (rows, format!("{report:?}"))
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let capture = busy_capture(20);
    let (rows, report) = everything(&capture, 1);
    assert!(rows.len() > 20_000, "{} rows", rows.len());
    let flagged = rows.iter().filter(|row| row.get(9).is_some_and(|cell| !cell.is_empty())).count();
    assert!(flagged > 2_000, "{flagged} frames flagged");
    // Two, odd, more than there are cores, more than there are batches.
    for threads in [2, 3, 8, 40] {
        let capture = capture.clone();
        let (other_rows, other_report) = ends(move || everything(&capture, threads));
        let difference = rows.iter().zip(&other_rows).position(|(a, b)| a != b);
        assert_eq!(difference, None, "row that differs on {threads} threads");
        assert_eq!(rows.len(), other_rows.len());
        assert_eq!(report, other_report, "{threads} threads");
    }
}

#[test]
fn one_worker_of_eight_started_is_enough() {
    let capture = busy_capture(5);
    let expected = everything(&capture, 1);
    let found = ends(move || {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        pool.install(|| everything(&capture, 8))
    });
    assert!(found == expected);
}

#[test]
fn runs_inside_a_caller_s_pool() {
    let capture = busy_capture(5);
    let expected = Arc::new(everything(&capture, 1));
    ends(move || {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        assert!(pool.install(|| everything(&capture, 4)) == *expected, "from install");
        // Several analyses as tasks of one scope, more workers than the pool has threads.
        pool.scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|_| assert!(everything(&capture, 4) == *expected, "from a scope's task"));
            }
        });
        let (a, b) = pool.install(|| rayon::join(|| everything(&capture, 2), || everything(&capture, 3)));
        assert!(a == *expected && b == *expected, "from both sides of a join");
    });
}

/// Delivers each batch's number, and does something at one of them.
struct At<F> {
    batch: u64,
    act: F,
}

impl<F: Fn() + Sync> View for At<F> {
    type Piece = u64;

    fn interests(&self) -> Interests {
        Interests::default()
    }

    fn digest(&self, batch: &AnalysedBatch<'_>) -> u64 {
        if batch.batch.number == self.batch {
            (self.act)();
        }
        batch.batch.number
    }
}

/// Runs `analyse` on a given number of threads: of its own pool, and of a caller's pool of that size.
fn on_every_pool(test: impl Fn(usize) + Send + Sync + 'static) {
    ends(move || {
        for count in [1, 2, 8] {
            test(count);
            let pool = rayon::ThreadPoolBuilder::new().num_threads(count).build().unwrap();
            pool.install(|| test(8));
        }
    });
}

fn message(panic: &(dyn std::any::Any + Send)) -> &str {
    panic.downcast_ref::<&str>().copied().unwrap_or_default()
}

#[test]
fn a_panic_of_the_view_comes_through() {
    let capture = busy_capture(6);
    for at in [0, 1, 4] {
        let capture = capture.clone();
        on_every_pool(move |count| {
            let view = At { batch: at, act: || panic!("view") };
            let run = || {
                analyse(
                    vec![capture.source()],
                    threads(count),
                    &view,
                    |_, _: &AnalysedBatch<'_>| Ok(()),
                    &Cancellation::default(),
                )
            };
            let result = catch_unwind(AssertUnwindSafe(run));
            assert_eq!(message(&*result.unwrap_err()), "view");
        });
    }
}

#[test]
fn a_panic_of_the_consumer_comes_through() {
    let capture = busy_capture(6);
    for at in [0, 1, 4] {
        let capture = capture.clone();
        on_every_pool(move |count| {
            let view = At { batch: u64::MAX, act: || () };
            let mut seen = Vec::new();
            let accept = |number, _: &AnalysedBatch<'_>| {
                seen.push(number);
                assert_ne!(number, at, "on purpose");
                Ok(())
            };
            let run =
                || analyse(vec![capture.source()], threads(count), &view, accept, &Cancellation::default());
            let panic = catch_unwind(AssertUnwindSafe(run)).unwrap_err();
            assert!(panic.downcast_ref::<String>().is_some_and(|text| text.contains("on purpose")));
            assert_eq!(seen, (0..=at).collect::<Vec<_>>(), "in order, and nothing after the panic");
        });
    }
}

/// Gives a capture's bytes, and at some byte does something else.
struct Faulty<F> {
    bytes: io::Cursor<Vec<u8>>,
    at: u64,
    act: F,
}

impl<F: FnMut() -> io::Result<usize>> Read for Faulty<F> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.bytes.position() >= self.at { (self.act)() } else { self.bytes.read(into) }
    }
}

fn faulty(pcap: &Pcap, act: impl FnMut() -> io::Result<usize> + Send + 'static) -> Source {
    let at = pcap.0.len() as u64 / 2;
    Source::Stream {
        name: "faulty".to_owned(),
        reader: Box::new(Faulty { bytes: io::Cursor::new(pcap.0.clone()), at, act }),
    }
}

#[test]
fn a_panic_or_an_error_of_the_input_comes_through() {
    let capture = busy_capture(6);
    on_every_pool(move |count| {
        let view = At { batch: u64::MAX, act: || () };
        let source = faulty(&capture, || panic!("read"));
        let run = || {
            analyse(
                vec![source],
                threads(count),
                &view,
                |_, _: &AnalysedBatch<'_>| Ok(()),
                &Cancellation::default(),
            )
        };
        assert_eq!(message(&*catch_unwind(AssertUnwindSafe(run)).unwrap_err()), "read");

        let source = faulty(&capture, || Err(io::Error::other("unplugged")));
        let result = analyse(
            vec![source],
            threads(count),
            &view,
            |_, _: &AnalysedBatch<'_>| Ok(()),
            &Cancellation::default(),
        );
        assert!(
            matches!(&result, Err(Error::Read { name, source }) if name == "faulty" && source.to_string() == "unplugged"),
            "{result:?}"
        );
    });
}

#[test]
fn an_error_of_the_consumer_ends_the_run_at_once() {
    let capture = busy_capture(6);
    for at in [0, 1, 5] {
        let capture = capture.clone();
        on_every_pool(move |count| {
            let view = At { batch: u64::MAX, act: || () };
            let mut seen = Vec::new();
            let accept = |number, _: &AnalysedBatch<'_>| {
                seen.push(number);
                if number == at { Err(io::Error::other("full")) } else { Ok(()) }
            };
            let result =
                analyse(vec![capture.source()], threads(count), &view, accept, &Cancellation::default());
            assert!(
                matches!(&result, Err(Error::Output(error)) if error.to_string() == "full"),
                "{result:?}"
            );
            assert_eq!(seen, (0..=at).collect::<Vec<_>>(), "in order, and nothing after the error");
        });
    }
}

#[test]
fn cancelled_before_the_start_nothing_is_delivered() {
    let capture = busy_capture(3);
    on_every_pool(move |count| {
        let cancellation = Cancellation::default();
        cancellation.cancel();
        let view = At { batch: 0, act: || panic!("nothing to digest") };
        let result = analyse(
            vec![capture.source()],
            threads(count),
            &view,
            |_, _: &AnalysedBatch<'_>| Ok(()),
            &cancellation,
        );
        assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
    });
}

#[test]
fn cancelled_from_within_a_view() {
    let capture = busy_capture(20);
    for at in [0, 1, 3, 7] {
        let capture = capture.clone();
        on_every_pool(move |count| {
            let cancellation = Cancellation::default();
            let view = At { batch: at, act: || cancellation.cancel() };
            let mut seen = Vec::new();
            let accept = |number, _: &AnalysedBatch<'_>| {
                seen.push(number);
                Ok(())
            };
            let result = analyse(vec![capture.source()], threads(count), &view, accept, &cancellation);
            assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
            assert!(seen.len() < 20, "all was delivered");
            assert_eq!(seen, (0..seen.len() as u64).collect::<Vec<_>>());
        });
    }
}

/// A capture without end: only a cancellation ends its analysis.
fn endless() -> Source {
    let mut header = Pcap::new();
    let start = header.0.clone();
    header.0.clear();
    let frames = header.frame(
        1_000_000_000,
        &tcp(([10, 0, 0, 1].into(), 1), ([10, 0, 0, 2].into(), 2), (1, 1), ACK, &[0; 1000]),
    );
    let frames = frames.0.repeat(64);
    let mut at = 0;
    let endless = std::iter::repeat_with(move || {
        at = (at + 1) % frames.len();
        frames[(at + frames.len() - 1) % frames.len()]
    });
    Source::Stream { name: "endless".to_owned(), reader: Box::new(Bytes(start.into_iter().chain(endless))) }
}

struct Bytes<I>(I);

impl<I: Iterator<Item = u8>> Read for Bytes<I> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        Ok(into.iter_mut().zip(&mut self.0).map(|(to, from)| *to = from).count())
    }
}

#[test]
fn cancelled_from_another_thread() {
    for count in [1, 2, 8] {
        ends(move || {
            let cancellation = Arc::new(Cancellation::default());
            let delivered = Arc::new(AtomicUsize::new(0));
            let other = {
                let (cancellation, delivered) = (cancellation.clone(), delivered.clone());
                std::thread::spawn(move || {
                    while delivered.load(SeqCst) < 3 {
                        std::thread::yield_now();
                    }
                    cancellation.cancel();
                })
            };
            let view = At { batch: u64::MAX, act: || () };
            let accept = |_, _: &AnalysedBatch<'_>| {
                delivered.fetch_add(1, SeqCst);
                Ok(())
            };
            let result = analyse(vec![endless()], threads(count), &view, accept, &cancellation);
            assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
            other.join().unwrap();
        });
    }
}

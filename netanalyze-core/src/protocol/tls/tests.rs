//! Whole handshakes through the decoder, from records made by hand: what becomes of them, and what is shown of each record.

use super::{
    Alert, AlertDescription, AlertLevel, CipherSuite, Fault, Group, Handshake, Outcome, Resumption, Stage,
    Stream, TlsMessage, Version, Who,
};
use crate::model::{Span, Timestamp};
use crate::protocol::message::Message;
use crate::protocol::stream::{Closing, Flow, StreamDecoder};
use crate::protocol::testing::{self, C, Drive, S};

fn flow() -> Flow {
    Flow { syn: Some(Timestamp(0)), established: Some(Timestamp(500_000)), ..testing::flow(443) }
}

pub(super) fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    [&[kind, 3, 3], &(content.len() as u16).to_be_bytes()[..], content].concat()
}

pub(super) fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = (body.len() as u32).to_be_bytes();
    [&[kind, a, b, c], body].concat()
}

pub(super) fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &(content.len() as u16).to_be_bytes(), content].concat()
}

pub(super) fn client_hello(session_id: &[u8], extensions: &[Vec<u8>]) -> Vec<u8> {
    let name = extension(0, &[&[0, 7, 0, 0, 4][..], b"a.io"].concat());
    let list = [name, extensions.concat()].concat();
    let id = [&[session_id.len() as u8], session_id].concat();
    let fixed = [&[3, 3][..], &[1; 32], &id, &[0, 4, 0x13, 0x01, 0xc0, 0x2f, 1, 0]].concat();
    record(22, &message(1, &[&fixed[..], &(list.len() as u16).to_be_bytes(), &list].concat()))
}

pub(super) fn server_hello(
    version: u16,
    random: &[u8; 32],
    session_id: &[u8],
    cipher: u16,
    extensions: &[Vec<u8>],
) -> Vec<u8> {
    let list = extensions.concat();
    let id = [&[session_id.len() as u8], session_id].concat();
    let [v, c] = [version, cipher].map(u16::to_be_bytes);
    let fixed = [&v[..], random, &id, &c, &[0]].concat();
    message(2, &[&fixed[..], &(list.len() as u16).to_be_bytes(), &list].concat())
}

pub(super) fn hello12(session_id: &[u8]) -> Vec<u8> {
    server_hello(0x0303, &[2; 32], session_id, 0xc02f, &[])
}

pub(super) fn hello13() -> Vec<u8> {
    let extensions = [extension(43, &[3, 4]), extension(51, &[0, 29, 0, 1, 9])];
    record(22, &server_hello(0x0303, &[2; 32], &[], 0x1301, &extensions))
}

pub(super) fn drive() -> Drive<Stream> {
    Drive::new(Stream::new(&flow()))
}

pub(super) fn said(drive: &mut Drive<Stream>) -> (Vec<TlsMessage>, Vec<Handshake>) {
    let (mut messages, mut rows) = (Vec::new(), Vec::new());
    for (_, message) in drive.said() {
        match message {
            Message::Tls(tls) => messages.push(*tls),
            Message::Handshake(row) => rows.push(*row),
            other => panic!("{other:?}"),
        }
    }
    (messages, rows)
}

pub(super) fn only(drive: &mut Drive<Stream>) -> Handshake {
    let (_, mut rows) = said(drive);
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows.remove(0)
}

pub(super) const CCS: &[u8] = &[20, 3, 3, 0, 1, 1];

/// Encrypted content, as random as it looks.
pub(super) fn sealed(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 37 + 201) as u8 | 0x80).collect()
}

/// A whole handshake of TLS 1.2 up to the client's Finished.
fn full12(drive: &mut Drive<Stream>) {
    drive.feed(C, &client_hello(&[], &[]));
    let exchange = message(12, &[&[3, 0, 23, 1], &[4u8; 40][..]].concat());
    let flight = [hello12(&[8; 32]), exchange, message(14, &[])].concat();
    drive.feed(S, &record(22, &flight));
    drive.feed(C, &[record(22, &message(16, &[1; 20])), CCS.to_vec(), record(22, &sealed(40))].concat());
}

#[test]
fn a_full_handshake_of_tls_12() {
    let mut drive = drive();
    full12(&mut drive);
    drive.feed(S, &[CCS.to_vec(), record(22, &sealed(40))].concat());
    assert!(said(&mut drive).1.is_empty());
    drive.feed(C, &record(23, &sealed(100)));
    let row = only(&mut drive);
    assert_eq!((row.outcome, row.stage), (Outcome::Completed, Stage::Finished));
    assert_eq!(row.server_name.as_deref(), Some(&b"a.io"[..]));
    assert_eq!((row.version, row.cipher), (Some(Version::TLS12), Some(CipherSuite(0xc02f))));
    assert_eq!(row.group, Some(Group(23)));
    let millis = |n: i64| Some(Span(n * 1_000_000));
    assert_eq!((row.hello_time(), row.handshake_time(), row.data_time()), (millis(1), millis(3), millis(4)));
    assert_eq!(row.tcp_connect(), Some(Span(500_000)));
    // What follows is of no interest any more.
    drive.feed(S, &record(23, &sealed(100)));
    drive.close(S, Closing::Fin);
    drive.close(C, Closing::Fin);
    assert!(said(&mut drive).1.is_empty());
    assert_eq!(drive.decoder.heap(), 0);
    assert!(size_of::<Stream>() <= 200, "{} bytes", size_of::<Stream>());
}

#[test]
fn nothing_encrypted_is_read_as_plain() {
    let mut drive = drive();
    full12(&mut drive);
    let kinds = |messages: &[TlsMessage]| -> Vec<u8> {
        messages.iter().flat_map(|m| m.handshakes.iter().map(|h| h.kind.0)).collect()
    };
    assert_eq!(kinds(&said(&mut drive).0), [1, 2, 12, 14, 16]);
    // Encrypted content that looks like a ClientHello, in a later frame than ChangeCipherSpec and in the same.
    let fake = record(22, &message(1, &[3; 60]));
    drive.feed(C, &fake);
    drive.feed(S, &[CCS.to_vec(), record(22, &sealed(40))].concat());
    drive.feed(S, &fake);
    assert!(kinds(&said(&mut drive).0).is_empty());
    // An encrypted alert has no level.
    drive.feed(S, &record(21, &sealed(26)));
    assert!(said(&mut drive).0.iter().all(|m| m.alert.is_none()));
}

#[test]
fn a_session_is_resumed_by_id_or_ticket() {
    for (id, ticket, how) in [
        (&[7u8; 32][..], &b""[..], Resumption::SessionId),
        (&[7; 32], b"ticket", Resumption::Ticket),
        (&[], b"ticket", Resumption::Ticket),
    ] {
        let mut drive = drive();
        drive.feed(C, &client_hello(id, &[extension(35, ticket)]));
        drive.feed(S, &[record(22, &hello12(id)), CCS.to_vec(), record(22, &sealed(40))].concat());
        drive.feed(C, &[CCS.to_vec(), record(22, &sealed(40)), record(23, &sealed(50))].concat());
        let row = only(&mut drive);
        assert_eq!((row.outcome, row.resumption), (Outcome::Resumed, Some(how)), "{id:?} {ticket:?}");
    }
}

/// Up to the server's flight.
pub(super) fn begun13(drive: &mut Drive<Stream>) {
    drive.feed(C, &client_hello(&[], &[extension(43, &[2, 3, 4])]));
    drive.feed(S, &[hello13(), CCS.to_vec(), record(23, &sealed(700))].concat());
}

#[test]
fn a_full_handshake_of_tls_13() {
    let mut drive = drive();
    begun13(&mut drive);
    drive.feed(C, &[CCS.to_vec(), record(23, &sealed(53))].concat());
    drive.feed(C, &record(23, &sealed(100)));
    assert!(said(&mut drive).1.is_empty(), "the server may still reject");
    drive.feed(S, &record(23, &sealed(250)));
    let row = only(&mut drive);
    assert_eq!((row.outcome, row.version), (Outcome::Completed, Some(Version::TLS13)));
    assert_eq!(row.finished.map(|m| m.frame.0), Some(3));
    assert_eq!(row.first_data.map(|m| m.frame.0), Some(4));
}

#[test]
fn records_of_tls_13_hide_their_type() {
    let mut drive = drive();
    begun13(&mut drive);
    drive.feed(S, &[&[23, 3, 3, 0, 30][..], &sealed(10)].concat());
    drive.feed(S, &sealed(20));
    let shown: Vec<_> = said(&mut drive)
        .0
        .iter()
        .filter_map(|m| Some((m.record?.content_type.0, m.opaque, m.record?.len)))
        .collect();
    assert_eq!(shown[..1], [(22, false, shown[0].2)]);
    assert_eq!(shown[2..], [(20, false, 1), (23, true, 700), (23, true, 30)]);
}

#[test]
fn a_retry_is_counted_and_costs_no_row() {
    let retry = [
        0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2,
        0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
    ];
    let extensions = [extension(43, &[3, 4]), extension(51, &[0, 24])];
    let mut drive = drive();
    drive.feed(C, &client_hello(&[], &[]));
    drive.feed(S, &record(22, &server_hello(0x0303, &retry, &[], 0x1301, &extensions)));
    drive.feed(C, &[CCS.to_vec(), client_hello(&[], &[])].concat());
    drive.feed(S, &[hello13(), record(23, &sealed(700))].concat());
    drive.feed(C, &[record(23, &sealed(53)), record(23, &sealed(90))].concat());
    drive.feed(S, &record(23, &sealed(90)));
    let row = only(&mut drive);
    assert_eq!((row.outcome, row.retries, row.group), (Outcome::Completed, 1, Some(Group(29))));
    assert_eq!(row.client_hello.map(|m| m.frame.0), Some(1));
}

#[test]
fn an_alert_says_who_failed_and_why() {
    let mut drive = drive();
    drive.out.every = false;
    drive.feed(C, &client_hello(&[], &[]));
    drive.feed(S, &record(21, &[2, 70]));
    let (messages, rows) = said(&mut drive);
    let alert = Alert { level: AlertLevel::FATAL, description: AlertDescription::PROTOCOL_VERSION };
    assert_eq!(messages.len(), 1);
    assert_eq!(
        (messages[0].alert, messages[0].fatal, messages[0].by),
        (Some(alert), true, Some(Who::Server))
    );
    assert_eq!(messages[0].server_name.as_deref(), Some(&b"a.io"[..]));
    assert_eq!((rows[0].outcome, rows[0].fatal_alert()), (Outcome::Failed(Who::Server), Some(alert)));
    // What the client says afterwards is no second failure.
    drive.feed(C, &record(21, &[2, 50]));
    assert!(said(&mut drive).0.is_empty());
}

#[test]
fn a_record_of_the_size_of_an_alert_rejects() {
    let mut server = drive();
    begun13(&mut server);
    server.feed(C, &[CCS.to_vec(), record(23, &sealed(53)), record(23, &sealed(100))].concat());
    server.feed(S, &record(23, &sealed(19)));
    server.close(S, Closing::Fin);
    assert_eq!(only(&mut server).outcome, Outcome::Rejected(Who::Server));

    let mut client = drive();
    begun13(&mut client);
    client.feed(C, &[CCS.to_vec(), record(23, &sealed(19))].concat());
    client.close(C, Closing::Fin);
    assert_eq!(only(&mut client).outcome, Outcome::Rejected(Who::Client));

    // A refusal is prompt: what comes later closes a connection that nobody used.
    for (wait, expected) in [(2_990, Outcome::Rejected(Who::Server)), (3_000, Outcome::Completed)] {
        for request in [None, Some(100)] {
            let mut late = drive();
            begun13(&mut late);
            late.feed(C, &[CCS.to_vec(), record(23, &sealed(53))].concat());
            request.iter().for_each(|&len| late.feed(C, &record(23, &sealed(len))));
            late.now.time.0 += wait * 1_000_000;
            late.feed(S, &record(23, &sealed(19)));
            late.close(S, Closing::Fin);
            assert_eq!(only(&mut late).outcome, expected, "{wait} {request:?}");
        }
    }

    // Who has nothing to say closes with close_notify, which has the same size.
    let mut idle = drive();
    begun13(&mut idle);
    idle.feed(C, &[CCS.to_vec(), record(23, &sealed(53)), record(23, &sealed(19))].concat());
    idle.feed(S, &record(23, &sealed(19)));
    idle.close(S, Closing::Fin);
    assert_eq!(only(&mut idle).outcome, Outcome::Completed);
}

#[test]
fn an_encrypted_alert_of_tls_12_rejects_before_both_finished() {
    let alert = record(21, &sealed(26));
    let through = [CCS.to_vec(), record(22, &sealed(40))].concat();
    for (flight, expected) in [
        ([CCS, &alert].concat(), Outcome::Rejected(Who::Server)),
        ([&through[..], &alert].concat(), Outcome::Completed),
    ] {
        let mut drive = drive();
        full12(&mut drive);
        drive.feed(S, &flight);
        drive.close(S, Closing::Fin);
        assert_eq!(only(&mut drive).outcome, expected);
    }
    // A resumed session, of which the client's Finished is still to come.
    let mut resumed = drive();
    resumed.feed(C, &client_hello(&[9; 32], &[]));
    resumed.feed(S, &[&record(22, &hello12(&[9; 32]))[..], &through, &alert].concat());
    resumed.close(S, Closing::Fin);
    assert_eq!(only(&mut resumed).outcome, Outcome::Rejected(Who::Server));
}

#[test]
fn ends_without_an_alert() {
    use Closing::{CaptureEnd, Fin, Reset};
    let second = 1_000;
    for (from, how, wait, expected) in [
        (S, Reset, 1, Outcome::Reset(Some(Who::Server))),
        (S, Fin, 1, Outcome::Closed(Who::Server)),
        (C, Reset, 1, Outcome::Reset(Some(Who::Client))),
        (S, Fin, 4 * second, Outcome::Closed(Who::Server)),
        (C, Fin, 4 * second, Outcome::Silent(Some(Who::Server))),
        (C, CaptureEnd, 4 * second, Outcome::Silent(Some(Who::Server))),
        (C, CaptureEnd, second, Outcome::Cut),
    ] {
        let mut drive = drive();
        drive.feed(C, &client_hello(&[], &[]));
        drive.now.time.0 += wait * 1_000_000;
        drive.close(from, how);
        let row = only(&mut drive);
        assert_eq!((row.outcome, row.stage), (expected, Stage::ClientHello), "{from:?} {how:?} {wait}");
    }
}

#[test]
fn text_in_place_of_an_answer() {
    let mut drive = drive();
    drive.feed(C, &client_hello(&[], &[]));
    drive.feed(S, b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n");
    let row = only(&mut drive);
    assert_eq!(row.outcome, Outcome::PlainText(Who::Server));
    assert_eq!(row.text.as_deref(), Some(&b"HTTP/1.1 400 Bad Request"[..]));
}

#[test]
fn weak_parameters_and_garbage_are_faults() {
    let mut drive = drive();
    drive.out.every = false;
    drive.feed(C, &client_hello(&[], &[]));
    drive.feed(S, &record(22, &server_hello(0x0301, &[2; 32], &[], 0x0005, &[])));
    drive.feed(S, &[0x99; 40]);
    let (messages, _) = said(&mut drive);
    let faults: Vec<_> = messages.into_iter().flat_map(|m| m.faults).collect();
    let expected =
        [Fault::WeakVersion(Version::TLS10), Fault::WeakCipher(CipherSuite(5)), Fault::UnknownRecord];
    assert_eq!(faults, expected);
}

/// However the bytes are cut into segments, the row says the same but for frames and times.
#[test]
fn segments_do_not_matter() {
    let server =
        [record(22, &hello12(&[8; 32])), record(22, &message(11, &[0; 3])), record(22, &message(14, &[]))];
    let server = server.concat();
    let client = client_hello(&[], &[]);
    let rest = [record(22, &message(16, &[1; 20])), CCS.to_vec(), record(22, &sealed(40))].concat();
    let last = [CCS.to_vec(), record(22, &sealed(40)), record(23, &sealed(90))].concat();
    for size in 1..client.len() {
        let mut drive = drive();
        for (from, bytes) in [(C, &client), (S, &server), (C, &rest), (S, &last)] {
            bytes.chunks(size).for_each(|piece| drive.feed(from, piece));
        }
        let (messages, rows) = said(&mut drive);
        assert_eq!(rows.len(), 1, "pieces of {size}");
        assert_eq!(rows[0].outcome, Outcome::Completed, "pieces of {size}");
        let types: Vec<_> = messages.iter().filter_map(|m| Some(m.record?.content_type.0)).collect();
        assert_eq!(types, [22, 22, 22, 22, 22, 20, 22, 20, 22, 23], "pieces of {size}");
    }
}

#[test]
fn what_is_lost_is_not_put_together() {
    let mut drive = drive();
    drive.feed(C, &client_hello(&[], &[]));
    let certificate = message(11, &[0; 300]);
    drive.feed(S, &[record(22, &hello12(&[])), record(22, &certificate[..100])].concat());
    drive.lost(S);
    let next = record(22, &message(14, &[]));
    assert!(drive.decoder.begins_message(S, &next));
    assert!(!drive.decoder.begins_message(S, &certificate[100..]));
    assert!(!drive.decoder.begins_message(S, &[23, 3, 3, 0xff, 0xff, 1]));
    drive.feed(S, &next);
    drive.close(C, Closing::CaptureEnd);
    let (messages, rows) = said(&mut drive);
    let kinds: Vec<_> = messages.iter().flat_map(|m| m.handshakes.iter().map(|h| h.kind.0)).collect();
    assert_eq!(kinds, [1, 2, 14]);
    assert!(rows[0].gaps);
}

#[test]
fn cut_segments_say_what_they_can() {
    let hello = client_hello(&[], &[extension(16, b"\0\x03\x02h2")]);
    let mut named = 0;
    for len in 0..hello.len() {
        let mut drive = drive();
        let now = drive.now;
        drive.decoder.decode_cut(C, &hello[..len], (hello.len() - len) as u32, now, &mut drive.out);
        let (messages, _) = said(&mut drive);
        assert_eq!(messages.len(), usize::from(len >= 5), "{len}");
        let hello = messages.iter().flat_map(|m| &m.handshakes).find_map(|h| h.hello.as_ref());
        named += usize::from(hello.is_some_and(|h| h.server_name.is_some()));
    }
    assert!(named > 5, "{named}");
}

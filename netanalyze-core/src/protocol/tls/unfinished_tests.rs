//! Handshakes that come to nothing, or whose end was not captured: who is said to owe what, and when nothing is said.

use super::tests::{
    CCS, begun13, client_hello, drive, extension, hello12, hello13, message, only, record, said, sealed,
    server_hello,
};
use super::{CipherSuite, Outcome, Resumption, ServerHello, Stage, Stream, Version, Who};
use crate::protocol::message::Limit;
use crate::protocol::stream::{Closing, StreamDecoder};
use crate::protocol::testing::{C, Drive, S};

const LONG: i64 = 5_000_000_000;

/// Ends a handshake five seconds after its last bytes.
fn ended(mut drive: Drive<Stream>, how: Closing, by: crate::model::Direction) -> Outcome {
    drive.now.time.0 += LONG;
    drive.close(by, how);
    only(&mut drive).outcome
}

#[test]
fn one_side_alone_accuses_nobody() {
    use Closing::{CaptureEnd, Fin, Reset};
    for how in [Fin, Reset, CaptureEnd] {
        for wait in [0, LONG] {
            // The server's side: its hello and data, and what has the size of an alert.
            let mut server = drive();
            server.feed(S, &[hello13(), CCS.to_vec(), record(23, &sealed(700))].concat());
            server.feed(S, &[record(23, &sealed(250)), record(23, &sealed(19))].concat());
            server.now.time.0 += wait;
            server.close(S, how);
            let row = only(&mut server);
            assert_eq!(
                (row.outcome, row.gaps, row.stage),
                (Outcome::Cut, true, Stage::ServerHello),
                "{how:?}"
            );
            // The client's: its hello alone, and with what may be its Finished, or an alert.
            for rest in [vec![], [CCS.to_vec(), record(23, &sealed(53))].concat(), record(23, &sealed(19))] {
                let mut client = drive();
                client.feed(C, &client_hello(&[], &[extension(43, &[2, 3, 4])]));
                client.feed(C, &rest);
                client.now.time.0 += wait;
                client.decoder.misses(S);
                client.close(C, how);
                let row = only(&mut client);
                assert_eq!((row.outcome, row.gaps), (Outcome::Cut, true), "{how:?} {rest:?}");
            }
        }
    }
    // Up to TLS 1.2 a client that sends data has heard the server's Finished.
    let mut old = drive();
    old.feed(C, &client_hello(&[], &[]));
    old.feed(C, &[CCS.to_vec(), record(22, &sealed(40)), record(23, &sealed(50))].concat());
    assert_eq!(only(&mut old).outcome, Outcome::Completed);
}

#[test]
fn what_both_sides_show_is_an_end_without_every_byte() {
    // What is missing of the client behind its hello does not change that the server hung up instead of an answer.
    let mut server = drive();
    server.feed(C, &client_hello(&[], &[]));
    server.decoder.misses(C);
    server.close(S, Closing::Reset);
    assert_eq!(only(&mut server).outcome, Outcome::Reset(Some(Who::Server)));
    // The ServerHello is missing, and both sides go on.
    let mut both = drive();
    both.feed(C, &client_hello(&[], &[extension(43, &[2, 3, 4])]));
    both.lost(S);
    both.feed(S, &record(23, &sealed(700)));
    assert!(said(&mut both).1.is_empty(), "that is no data yet");
    both.feed(C, &[CCS.to_vec(), record(23, &sealed(53)), record(23, &sealed(90))].concat());
    both.feed(S, &record(23, &sealed(90)));
    assert_eq!(only(&mut both).outcome, Outcome::Completed);
}

#[test]
fn a_stall_is_held_against_whoever_owes() {
    let server = Outcome::Silent(Some(Who::Server));
    let flight = |pieces: &[&[u8]]| {
        let mut drive = drive();
        drive.feed(C, &client_hello(&[], &[extension(43, &[2, 3, 4])]));
        drive.feed(S, &[hello13(), CCS.to_vec()].concat());
        pieces.iter().for_each(|piece| drive.feed(S, piece));
        drive
    };
    let [extensions, certificate, finished] = [40, 900, 53].map(|len| record(23, &sealed(len)));
    for (pieces, expected) in [
        (&[][..], server),
        (&[&certificate[..300]], server),
        (&[&extensions, &certificate[..300]], server),
        (&[&certificate[..300], &certificate[300..]], Outcome::Silent(None)),
        (&[&extensions, &certificate], Outcome::Silent(None)),
        // EncryptedExtensions may have any size.
        (&[&finished], Outcome::Silent(None)),
        (&[&extensions, &certificate, &finished], Outcome::Silent(Some(Who::Client))),
    ] {
        assert_eq!(ended(flight(pieces), Closing::CaptureEnd, C), expected, "{}", pieces.len());
    }
    // Who hangs up after a long wait is not the one who failed.
    assert_eq!(ended(flight(&[&certificate[..300]]), Closing::Reset, C), server);
    assert_eq!(ended(flight(&[&certificate]), Closing::Fin, S), Outcome::Silent(None));
    assert_eq!(ended(flight(&[&certificate[..300]]), Closing::Fin, S), Outcome::Closed(Who::Server));
}

#[test]
fn a_server_hello_that_overtook_the_client_hello_is_its_answer() {
    let [certificate, done] = [message(11, &[0; 3]), message(14, &[])].map(|message| record(22, &message));
    let server = [record(22, &hello12(&[8; 32])), certificate, done].concat();
    let client = [record(22, &message(16, &[1; 20])), CCS.to_vec(), record(22, &sealed(40))].concat();
    let changed = [CCS.to_vec(), record(22, &sealed(40))].concat();
    let run = |between: &[u8]| {
        let mut drive = drive();
        drive.feed(S, &server);
        drive.feed(C, between);
        drive.feed(C, &client_hello(&[], &[]));
        drive.feed(C, &client);
        drive.feed(S, &changed);
        drive.feed(C, &record(23, &sealed(50)));
        drive
    };
    let row = only(&mut run(&[]));
    assert_eq!((row.outcome, row.stage, row.gaps), (Outcome::Completed, Stage::Finished, false));
    assert_eq!((row.version, row.hello_time()), (Some(Version::TLS12), None));
    assert!(row.client_hello.unwrap().frame > row.server_hello.unwrap().frame);
    assert!(row.handshake_time().is_some() && row.version_offered.is_some());
    // Behind anything else of the client it begins another handshake.
    let (_, rows) = said(&mut run(&record(22, &message(16, &[1; 20]))));
    assert_eq!(rows.first().unwrap().outcome, Outcome::Cut);
}

#[test]
fn up_to_tls_12_the_server_owes_until_server_hello_done() {
    let [certificate, done] = [message(11, &[0; 3]), message(14, &[])].map(|message| record(22, &message));
    let hello = record(22, &hello12(&[8; 32]));
    let client = [record(22, &message(16, &[1; 20])), CCS.to_vec(), record(22, &sealed(40))].concat();
    for (flight, rest, debtor) in [
        ([&hello[..], &certificate].concat(), &b""[..], Who::Server),
        ([&hello[..], &certificate, &done].concat(), b"", Who::Client),
        ([&hello[..], &certificate, &done].concat(), &client, Who::Server),
        // A resumed session: the server is through first.
        ([&hello[..], CCS, &record(22, &sealed(40))].concat(), b"", Who::Client),
    ] {
        let mut drive = drive();
        drive.feed(C, &client_hello(&[], &[]));
        drive.feed(S, &flight);
        drive.feed(C, rest);
        assert_eq!(ended(drive, Closing::CaptureEnd, C), Outcome::Silent(Some(debtor)));
    }
}

#[test]
fn a_cut_server_hello_tells_its_version_by_its_suite() {
    let extensions = [extension(51, &[0, 29, 0, 2, 9, 9]), extension(43, &[3, 4])];
    for (suite, version) in
        [(0x1301, Some(Version::TLS13)), (0x1305, Some(Version::TLS13)), (0xc02f, Some(Version::TLS12))]
    {
        let whole = server_hello(0x0303, &[2; 32], &[7; 32], suite, &extensions);
        let body = &whole[4..];
        assert_eq!(ServerHello::parse(body).unwrap().true_version(), Some(Version::TLS13));
        // Version, random, session id with its length; then the suite.
        let at = 2 + 32 + 33;
        for len in 2..body.len() {
            let hello = ServerHello::parse(&body[..len]).unwrap();
            let expected = match len {
                _ if hello.complete => Some(Version::TLS12),
                _ if len < at + 2 => None,
                _ if len >= body.len() => Some(Version::TLS13),
                _ => version,
            };
            assert_eq!(hello.true_version(), expected, "{suite:#x} cut at {len}");
            assert_eq!(hello.version, Version::TLS12, "fields are as Wireshark has them");
        }
        let mut drive = drive();
        drive.feed(C, &client_hello(&[7; 32], &[]));
        let record = record(22, &whole);
        let now = drive.now;
        drive.decoder.decode_cut(S, &record[..90], (record.len() - 90) as u32, now, &mut drive.out);
        drive.now.time.0 += LONG;
        drive.close(S, Closing::Fin);
        let row = only(&mut drive);
        assert_eq!((row.version, row.cipher), (version, Some(CipherSuite(suite))));
        let resumption = (version == Some(Version::TLS12)).then_some(Resumption::SessionId);
        assert_eq!((row.resumption, row.outcome), (resumption, Outcome::Cut));
    }
}

#[test]
fn a_message_over_the_cap_is_counted() {
    let mut drive = drive();
    drive.feed(C, &client_hello(&[], &[]));
    let long = [&[11, 2, 0, 0][..], &[b'a'; 16_000]].concat();
    drive.feed(S, &record(22, &long));
    // The rest of it is no message, whatever it looks like.
    for _ in 0..7 {
        drive.feed(S, &record(22, &[11; 16_000]));
    }
    drive.feed(S, &record(22, &[&[11; 3_072][..], &message(14, &[])].concat()));
    assert_eq!(drive.out.take_hits(), [Limit::TlsMessage]);
    drive.close(S, Closing::Fin);
    let (messages, rows) = said(&mut drive);
    assert_eq!((rows[0].outcome, rows[0].left_out, rows[0].gaps), (Outcome::Cut, 1, false));
    let kinds: Vec<_> = messages.iter().flat_map(|m| m.handshakes.iter().map(|h| h.kind.0)).collect();
    assert_eq!(kinds, [1, 14]);
    // What is encrypted may look like it.
    let mut drive = self::drive();
    begun13(&mut drive);
    drive.feed(S, &record(22, &long));
    assert!(drive.out.take_hits().is_empty());
}

use super::super::super::case::Case;
use super::super::super::object::Confidence::{self, High, Low, Medium};
use super::super::super::object::Severity;
use super::super::tests::{OPEN, Step, scene, stream};
use super::*;
use crate::conversation::{Census, Services};
use crate::model::{Direction, FrameNumber, Timestamp};
use crate::protocol::stream::Moment;
use crate::protocol::tls::Who::{Client, Server};
use crate::protocol::tls::{
    Alert, AlertDescription, AlertLevel, Certificate, Chain, QuicClose, Unacknowledged, Version, Who,
};

/// Frame and milliseconds behind the ClientHello, which comes a year into the validity of [`certificate`].
fn at(frame: u64, ms: i64) -> Moment {
    Moment { frame: FrameNumber(frame), time: Timestamp((YEAR * 1_000 + ms) * 1_000_000) }
}

const YEAR: i64 = 31_536_000;

fn certificate(name: &str, years: i64) -> Certificate {
    Certificate {
        subject: format!("CN={name}").into_bytes().into(),
        issuer: b"CN=An authority"[..].into(),
        names: [name.as_bytes().into()].into(),
        addresses: Box::default(),
        names_left_out: 0,
        not_before: 0,
        not_after: years * YEAR,
        key: "RSA",
        key_bits: 2_048,
        signature: "sha256WithRSAEncryption",
        self_signed: false,
        authority: false,
    }
}

/// A handshake of www.example that came so far and ended so.
fn row(outcome: Outcome, stage: Stage, end: i64) -> Handshake {
    let mut row = Handshake::new(Direction::AtoB, None, None);
    (row.outcome, row.stage, row.end) = (outcome, stage, at(9, end));
    row.client_hello = Some(at(4, 0));
    row.server_hello = (stage >= Stage::ServerHello).then(|| at(6, 20));
    row.finished = (stage == Stage::Finished).then(|| at(8, 40));
    row.server_name = Some(b"www.example"[..].into());
    row
}

fn alert(by: Who, code: u8, stage: Stage) -> Handshake {
    let mut row = row(Outcome::Failed(by), stage, 60);
    let alert = Alert { level: AlertLevel::FATAL, description: AlertDescription(code) };
    row.alerts.push((by, at(7, 50), alert));
    row
}

fn with(mut row: Handshake, name: &str, years: i64) -> Handshake {
    let certificates = [certificate(name, years)].into();
    row.server_chain = Some(Box::new(Chain { certificates, sent: 1, stapled: false }));
    row
}

fn case_of(handshake: &Handshake) -> Option<Case> {
    let end = |text: &str| text.parse::<Endpoint>().unwrap();
    let ends = Ends {
        client: end("10.0.0.1:50000"),
        server: end("10.0.0.2:443"),
        protocol: Protocol::Tcp,
        stream: Some(0),
    };
    judge(&Row { handshake, ends }, &Thresholds::default())
}

fn code(handshake: &Handshake) -> Option<(&'static str, Confidence)> {
    case_of(handshake).map(|case| (case.code, case.confidence))
}

use Stage::{ClientHello, Finished, ServerHello};

#[test]
fn alerts_say_what_it_is() {
    for (by, number, stage, expected) in [
        (Server, 70, ClientHello, Some(("TLS-01", High))),
        (Client, 70, ServerHello, Some(("TLS-01", High))),
        (Server, 40, ClientHello, Some(("TLS-02", High))),
        (Server, 71, ClientHello, Some(("TLS-02", High))),
        (Server, 40, ServerHello, None),
        (Server, 112, ClientHello, Some(("TLS-05", High))),
        (Client, 45, ServerHello, Some(("TLS-03", High))),
        (Client, 48, ServerHello, Some(("TLS-04", High))),
        (Client, 42, ServerHello, Some(("TLS-04", High))),
        (Client, 48, ClientHello, None),
        (Server, 116, Finished, Some(("TLS-09", Medium))),
        (Server, 120, ClientHello, None),
        (Server, 80, ClientHello, None),
    ] {
        assert_eq!(code(&alert(by, number, stage)), expected, "{number} of {by:?}");
    }
    let mut asked = alert(Server, 40, ServerHello);
    asked.client_certificate_requested = true;
    assert_eq!(code(&asked), Some(("TLS-09", Medium)));
    let mut partial = alert(Server, 70, ClientHello);
    partial.gaps = true;
    assert_eq!(code(&partial), Some(("TLS-01", Low)));
    partial.version_offered = Some(Version::TLS10);
    assert!(case_of(&partial).unwrap().sentence.contains("TLS 1.0"));
}

#[test]
fn the_certificate_tells_more_than_the_alert() {
    let says = |number, name: &str, years| code(&with(alert(Client, number, ServerHello), name, years));
    assert_eq!(says(46, "www.example", 2), Some(("TLS-04", High)));
    assert_eq!(says(46, "www.example", 0), Some(("TLS-03", High)), "it expired");
    assert_eq!(says(42, "other.example", 2), Some(("TLS-05", Medium)), "of another name");
    assert_eq!(says(48, "other.example", 0), Some(("TLS-04", High)), "the issuer comes first");
    assert_eq!(says(45, "www.example", 0), Some(("TLS-03", High)));
    let mut hidden = with(alert(Client, 42, ServerHello), "other.example", 2);
    hidden.ech = true;
    assert_eq!(code(&hidden), Some(("TLS-04", High)), "the name that was meant is hidden");
}

#[test]
fn clients_that_leave_without_a_word() {
    let done = |end: i64, data: bool| {
        let mut row = row(Outcome::Completed, Finished, end);
        row.first_data = data.then(|| at(9, end));
        row
    };
    assert_eq!(code(&with(done(41, false), "other.example", 2)), Some(("TLS-05", Medium)));
    assert_eq!(code(&with(done(41, false), "www.example", 0)), Some(("TLS-03", Medium)));
    assert_eq!(code(&with(done(41, false), "www.example", 2)), None);
    assert_eq!(code(&with(done(90_000, false), "other.example", 2)), None, "it left later");
    assert_eq!(code(&with(done(41, true), "other.example", 2)), None, "it accepted that");
    let old = case_of(&with(done(41, true), "www.example", 0)).unwrap();
    assert_eq!((old.code, old.severity, old.confidence), ("TLS-03", Severity::Note, Medium));
    // A certificate of the future: the capture's clock is wrong, more likely.
    let mut future = with(done(41, false), "www.example", 9);
    future.server_chain.as_mut().unwrap().certificates[0].not_before = 2 * YEAR;
    assert_eq!(code(&future), Some(("TLS-03", Low)));
}

#[test]
fn ends_silence_and_text() {
    for (outcome, stage, end, expected) in [
        (Outcome::Reset(Some(Server)), ClientHello, 20, Some(("TLS-06", Medium))),
        (Outcome::Closed(Server), ClientHello, 20, Some(("TLS-06", Medium))),
        (Outcome::Closed(Server), ClientHello, 2_500, Some(("TLS-06", Low))),
        (Outcome::Reset(Some(Client)), ClientHello, 20, None),
        (Outcome::Reset(None), ClientHello, 20, None),
        (Outcome::Closed(Server), ServerHello, 20, None),
        (Outcome::Silent(Some(Server)), ClientHello, 3_000, Some(("TLS-07", Medium))),
        (Outcome::Silent(Some(Server)), ServerHello, 9_000, None),
        (Outcome::Silent(Some(Client)), ServerHello, 9_000, None),
        (Outcome::Undelivered(Server), ServerHello, 9_000, None),
        (Outcome::Rejected(Server), Finished, 60, Some(("TLS-09", Medium))),
        // The client had said neither who it is nor that it is done.
        (Outcome::Rejected(Server), ServerHello, 60, Some(("TLS-09", Low))),
        (Outcome::Rejected(Client), ServerHello, 60, Some(("TLS-09", Medium))),
        (Outcome::Rejected(Client), Finished, 600_000, None),
        (Outcome::PlainText(Server), ClientHello, 20, Some(("TLS-08", High))),
        (Outcome::Completed, Finished, 60, None),
        (Outcome::Resumed, Finished, 60, None),
        (Outcome::Abandoned(Client), ClientHello, 60, None),
        (Outcome::Cut, ClientHello, 60, None),
    ] {
        assert_eq!(code(&row(outcome, stage, end)), expected, "{outcome:?} {stage:?} {end}");
    }
    let mut lost = row(Outcome::Undelivered(Client), ClientHello, 9_000);
    lost.unacknowledged = Some(Unacknowledged { bytes: 517, times: 5 });
    assert_eq!(code(&lost), Some(("TLS-07", Low)), "the path is to blame");
    // Nobody waits for months: a capture of two parts.
    let apart = case_of(&row(Outcome::Silent(Some(Server)), ClientHello, 9_000_000_000)).unwrap();
    assert_eq!(apart.lost, GIVES_UP);
    // QUIC has no connection behind which a silent server could be.
    let mut quic = row(Outcome::Silent(Some(Server)), ClientHello, 9_000);
    quic.quic = Some(1);
    assert_eq!(code(&quic), None);
    let mut refused = alert(Server, 40, ClientHello);
    refused.quic = Some(1);
    refused.close =
        Some(Box::new(QuicClose { by: Server, application: false, code: 0x128, reason: Box::default() }));
    assert_eq!(code(&refused), Some(("TLS-02", High)));
}

#[test]
fn bytes_that_nobody_understands_are_an_answer() {
    let hello: Step = (50, '>', "A", 1, 500, 1);
    let ended = |answer: u32| {
        let said: Step = (90, '<', "A", 1, answer, 501);
        let steps = [&OPEN[..], &[hello, said, (91, '<', "FA", 1 + answer, 0, 501)]].concat();
        stream(0, "10.0.0.2:443", &steps, |_| 64)
    };
    let judged = |streams: &[Stream], services| {
        let case = case_of(&row(Outcome::Closed(Server), ClientHello, 20));
        let own = Handshakes { cases: case.into_iter().collect(), ..Handshakes::default() };
        let mut cases = Vec::new();
        let none = BTreeMap::new();
        scene(streams, services, (&none, 60_000), |scene| own.look(scene, &mut cases));
        cases.iter().map(|case| (case.code, case.confidence)).collect::<Vec<_>>()
    };
    for (answer, expected) in [(0, Medium), (1, Low), (30, Low)] {
        assert_eq!(judged(&[ended(answer)], Services::default()), [("TLS-06", expected)], "{answer}");
        // The same of a stream of which only the server's sum is left; of one among several it says nothing.
        let left = |streams: u32| {
            let mut census = Census::default();
            (0..streams).map(|at| ended(if at == 0 { answer } else { 0 })).for_each(|one| {
                census.add(&one.key, &one.chronicle.brief(), usize::MAX);
            });
            census.finish()
        };
        assert_eq!(judged(&[], left(1)), [("TLS-06", expected)], "{answer}");
        assert_eq!(judged(&[], left(2)), [("TLS-06", Medium)], "{answer}");
    }
    // Nothing of the server's was captured.
    let unheard = stream(0, "10.0.0.2:443", &[OPEN[0], hello], |_| 64);
    assert_eq!(judged(&[unheard], Services::default()), []);
}

#[test]
fn handshakes_that_the_end_cut_off_are_counted() {
    let end = |text: &str| text.parse::<Endpoint>().unwrap();
    let (thresholds, mut all) = (Thresholds::default(), Handshakes::default());
    for (outcome, stage) in [
        (Outcome::Cut, ClientHello),
        (Outcome::Cut, ServerHello),
        (Outcome::Reset(Some(Server)), ClientHello),
    ] {
        let met = Met {
            frame: FrameNumber(9),
            time: at(9, 2_000).time,
            ordinal: 0,
            protocol: Protocol::Tcp,
            stream: Some(0),
            source: end("10.0.0.1:50000"),
            destination: end("10.0.0.2:443"),
            conversation: crate::conversation::ConversationRef::NONE,
            message: crate::protocol::message::Message::Quic,
            aside: false,
        };
        all.take(&met, &row(outcome, stage, 2_000), &thresholds);
    }
    let (icmp, unresolved) = Default::default();
    for (ms, expected) in [(2_000, 1), (9_000, 0)] {
        let breaks = vec![at(9, ms).time];
        let scene = Scene::new(&thresholds, &[], Default::default(), (&icmp, &unresolved), breaks);
        assert_eq!(all.waiting(&scene), expected);
    }
}

#[test]
fn an_alert_alone_shows_that_the_server_speaks_tls() {
    let text = row(Outcome::PlainText(Client), Stage::Nothing, 0);
    let ends = |text: &str| text.parse::<Endpoint>().unwrap();
    let (icmp, unresolved) = Default::default();
    let thresholds = Thresholds::default();
    for alerted in [false, true] {
        let mut all = Handshakes::default();
        let case = case_of(&text).unwrap();
        all.texts.push(case);
        if alerted {
            all.servers.insert(ends("10.0.0.2:443"), 0);
            let alert = Alert { level: AlertLevel::FATAL, description: AlertDescription(70) };
            all.alerts.insert(0, (FrameNumber(6), alert));
        }
        let breaks = vec![at(9, 60_000).time];
        let scene = Scene::new(&thresholds, &[], Default::default(), (&icmp, &unresolved), breaks);
        let mut cases = Vec::new();
        all.look(&scene, &mut cases);
        let shown = cases.iter().flat_map(|case| &case.evidence).any(|one| one.frame.0 == 6);
        assert_eq!((cases.len(), shown), (usize::from(alerted), alerted));
    }
}

#[test]
fn a_certificate_that_cannot_be_read_was_not_judged() {
    let refused = |code: u8, version, readable: bool| {
        let mut row = alert(Client, code, Stage::ServerHello);
        row.version = version;
        let row = if readable { with(row, "www.example", 2) } else { row };
        case_of(&row).map(|case| (case.code, case.confidence))
    };
    assert_eq!(refused(42, Some(Version::TLS12), true), Some(("TLS-04", High)));
    assert_eq!(refused(42, Some(Version::TLS12), false), Some(("TLS-04", Low)));
    assert_eq!(
        refused(48, Some(Version::TLS12), false),
        Some(("TLS-04", High)),
        "the alert says what was missing"
    );
    assert_eq!(refused(42, Some(Version::TLS13), false), Some(("TLS-04", High)), "nobody else can read it");
}

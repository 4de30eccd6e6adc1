//! Findings of TLS: handshakes that failed, and how; certificates that peers should not accept; what is weak.
//!
//! Severity is what it does to the user: an error where a connection came to nothing, a warning where it may, a note where it works but should be
//! known.

use super::application::Found;
use super::catalogue::{KindId, kind};
use super::finding::Detail;
use super::thresholds::Thresholds;
use super::tls_detail::{How, TlsDetail, TlsMatter};
use crate::model;
use crate::protocol::message::Message;
use crate::protocol::tls::{
    Alert, AlertDescription, Fault, Handshake, Outcome, QuicClose, TlsMessage, Unacknowledged, Version, Who,
};

const ALERT: KindId = kind("netanalyze.tls_alert");
const UNANSWERED: KindId = kind("netanalyze.tls_unanswered");
const QUIC_UNANSWERED: KindId = kind("netanalyze.quic_unanswered");
const QUIC_CLOSED: KindId = kind("netanalyze.quic_closed");
const RESET: KindId = kind("netanalyze.tls_reset");
const CLOSED: KindId = kind("netanalyze.tls_closed");
const REJECTED: KindId = kind("netanalyze.tls_rejected");
const TEXT_ANSWER: KindId = kind("netanalyze.tls_text_answer");
const TEXT: KindId = kind("netanalyze.tls_plain_text");
const EXPIRED: KindId = kind("netanalyze.certificate_expired");
const NOT_YET_VALID: KindId = kind("netanalyze.certificate_not_yet_valid");
const OTHER_HOST: KindId = kind("netanalyze.certificate_other_host");
const CHAIN: KindId = kind("netanalyze.certificate_chain");
const SELF_SIGNED: KindId = kind("netanalyze.certificate_self_signed");
const WEAK_CERTIFICATE: KindId = kind("netanalyze.certificate_weak");
const WEAK_VERSION: KindId = kind("netanalyze.tls_weak_version");
const WEAK_CIPHER: KindId = kind("netanalyze.tls_weak_cipher");
const SLOW: KindId = kind("netanalyze.tls_slow");
const RECORD_LENGTH: KindId = kind("tls.record.length.invalid");
const UNKNOWN_RECORD: KindId = kind("tls.ignored_unknown_record");

/// The findings of a message.
pub(crate) fn findings(message: &Message, thresholds: &Thresholds, found: Found<'_>) {
    match message {
        Message::Tls(tls) => of_message(tls, found),
        Message::Handshake(handshake) => of_handshake(handshake, thresholds, found),
        _ => {}
    }
}

fn of_message(tls: &TlsMessage, found: Found<'_>) {
    let by = tls.by.unwrap_or(Who::Server);
    let mut say = |kind, matter: TlsMatter| {
        found(kind, None, &|| detail(tls.server_name.as_deref(), &matter));
    };
    if let (Some(alert), true) = (tls.alert, tls.fatal) {
        say(ALERT, alert_matter(by, alert));
    }
    for fault in &tls.faults {
        let (kind, matter) = of_fault(fault, by);
        say(kind, matter);
    }
}

fn of_fault(fault: &Fault, by: Who) -> (KindId, TlsMatter) {
    let certificate =
        |subject: &[u8], weakness| TlsMatter::Certificate { by, subject: shown(subject), weakness };
    match fault {
        Fault::UnknownRecord => (UNKNOWN_RECORD, TlsMatter::Nothing {}),
        Fault::RecordLength(length) => (RECORD_LENGTH, TlsMatter::Record { length: *length }),
        Fault::WeakVersion(version) => {
            let (version, weakness) = (Some(version.to_string().into()), version_weakness(*version));
            (WEAK_VERSION, TlsMatter::Negotiated { version, cipher_suite: None, weakness })
        }
        Fault::WeakCipher(cipher) => {
            let cipher_suite = Some(cipher.to_string().into());
            let weakness = cipher.weakness().unwrap_or_default();
            (WEAK_CIPHER, TlsMatter::Negotiated { version: None, cipher_suite, weakness })
        }
        Fault::Expired { subject, not_after } => {
            (EXPIRED, TlsMatter::Expired { by, subject: shown(subject), not_after: *not_after })
        }
        Fault::NotYetValid { subject, not_before } => {
            (NOT_YET_VALID, TlsMatter::NotYetValid { by, subject: shown(subject), not_before: *not_before })
        }
        Fault::OtherHost { first_name, names } => {
            (OTHER_HOST, TlsMatter::OtherHost { first_name: shown(first_name), names: *names })
        }
        Fault::SelfSigned { subject } => (SELF_SIGNED, certificate(subject, "no issuer but itself")),
        Fault::BrokenChain { sent, issuer } => {
            (CHAIN, TlsMatter::Chain { by, certificates: *sent, missing_issuer: shown(issuer) })
        }
        Fault::WeakCertificate { subject, why } => (WEAK_CERTIFICATE, certificate(subject, why)),
    }
}

fn of_handshake(handshake: &Handshake, thresholds: &Thresholds, found: Found<'_>) {
    let after = handshake.end.time.since(handshake.start().time);
    let (stage, retries) = (handshake.stage, handshake.retries);
    let ending = |how, by| TlsMatter::Ending { how, by, stage, after, retries };
    let mut say = |kind, at, matter: TlsMatter| {
        found(kind, at, &|| detail(handshake.server_name.as_deref(), &matter));
    };
    match handshake.outcome {
        Outcome::Closed(_) | Outcome::Failed(_) if let Some(close) = &handshake.close => {
            let QuicClose { by, application, code, .. } = **close;
            let (name, reason) = (close.name(), shown(&close.reason));
            say(QUIC_CLOSED, None, TlsMatter::QuicClose { by, application, code, name, reason, stage });
        }
        Outcome::Reset(by) => say(RESET, None, ending(How::Reset, by)),
        Outcome::Closed(by) => say(CLOSED, None, ending(How::Closed, Some(by))),
        Outcome::Silent(by) => {
            let kind = if handshake.quic.is_some() { QUIC_UNANSWERED } else { UNANSWERED };
            say(kind, Some(handshake.start()), ending(How::Silent, by));
        }
        Outcome::Undelivered(by) => {
            let at = if by == Who::Client { handshake.start() } else { handshake.latest() };
            let Unacknowledged { bytes, times } = handshake.unacknowledged.unwrap_or_default();
            say(
                UNANSWERED,
                Some(at),
                TlsMatter::Undelivered { how: How::Undelivered, by, stage, bytes, times, after },
            );
        }
        Outcome::Rejected(by) => say(REJECTED, None, ending(How::Rejected, Some(by))),
        Outcome::PlainText(by) => {
            let text = shown(handshake.text.as_deref().unwrap_or_default());
            let kind = if handshake.client_hello.is_some() { TEXT_ANSWER } else { TEXT };
            // HTTP has a finding of its own for it: http.tls_port.
            if kind != TEXT || !text.contains("HTTP/") {
                say(kind, None, TlsMatter::Text { by, text });
            }
        }
        Outcome::Failed(_) => {
            // A fatal alert is told with its record; a warning may have been the reason, too.
            let tls13 = handshake.version.is_some_and(Version::is_tls13);
            if let Some(&(by, at, alert)) = handshake.alerts.last().filter(|(_, _, a)| !a.is_fatal(tls13)) {
                say(ALERT, Some(at), alert_matter(by, alert));
            }
        }
        _ => {}
    }
    if let (Some(hello), Some(at)) = (handshake.hello_time(), handshake.server_hello) {
        let threshold = thresholds.tls_slow;
        if hello >= threshold {
            say(SLOW, Some(at), TlsMatter::Slow { hello, threshold, retries });
        }
    }
}

fn alert_matter(by: Who, alert: Alert) -> TlsMatter {
    let AlertDescription(description) = alert.description;
    TlsMatter::Alert { by, description, alert: alert.description.name().unwrap_or_default() }
}

fn detail(server_name: Option<&[u8]>, matter: &TlsMatter) -> Detail {
    Detail::Tls(Box::new(TlsDetail { server_name: server_name.map(shown), matter: matter.clone() }))
}

fn version_weakness(version: Version) -> &'static str {
    if version <= Version::SSL3 { "RFC 7568 forbids it" } else { "RFC 8996 forbids it" }
}

fn shown(bytes: &[u8]) -> Box<str> {
    model::shown(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_no_harm() {
        let fault = Fault::SelfSigned { subject: b"CN=\x1b[2J\xff\xe2\x80\xae".as_slice().into() };
        let (_, matter) = of_fault(&fault, Who::Server);
        let Detail::Tls(detail) = detail(Some(b"a\x07\xfe"), &matter) else { unreachable!() };
        let sentence = detail.to_string();
        assert!(sentence.contains(r#"certificate "CN=\u{1b}[2J\xff\u{202e}""#), "{sentence}");
        assert!(sentence.ends_with(r#"(server name "a\u{7}\xfe")"#), "{sentence}");
    }
}

//! What a handshake that failed amounts to.

use super::super::super::case::Case;
use super::super::super::object::{Confidence, Severity};
use super::super::super::thresholds::{Limit, Thresholds};
use super::super::span;
use super::row::Row;
use super::{AT_ONCE, GIVES_UP, LEFT};
use crate::model::{FrameNumber, Span, shown};
use crate::protocol::stream::Moment;
use crate::protocol::tls::{Alert, AlertDescription, ChainOrder, Outcome, Stage, Version, Who};

pub(super) fn judge(row: &Row<'_>, thresholds: &Thresholds) -> Option<Case> {
    let handshake = row.handshake;
    let case = match handshake.outcome {
        Outcome::Failed(by) => {
            let &(_, at, alert) = handshake.alerts.last()?;
            row.alerted(by, at, alert)
        }
        Outcome::Completed | Outcome::Resumed => row.accepted(),
        Outcome::Rejected(by) => row.rejected(by),
        Outcome::Reset(Some(Who::Server)) | Outcome::Closed(Who::Server)
            if handshake.stage == Stage::ClientHello && handshake.quic.is_none() =>
        {
            Some(row.ended())
        }
        Outcome::Reset(Some(Who::Client)) | Outcome::Closed(Who::Client)
            if handshake.stage == Stage::ServerHello =>
        {
            row.refused_silently()
        }
        Outcome::Silent(Some(Who::Server)) | Outcome::Undelivered(Who::Client)
            if handshake.stage == Stage::ClientHello && handshake.quic.is_none() =>
        {
            row.silent(thresholds)
        }
        Outcome::PlainText(by) => Some(row.text(by)),
        _ => None,
    }?;
    let case = if case.rival.is_some() { case } else { rivalled(case) };
    Some(if handshake.gaps {
        case.at_most(Confidence::Low, "part of the handshake was not captured")
    } else {
        case
    })
}

/// What looks most like it, where the rule alone says that.
fn rivalled(case: Case) -> Case {
    match case.code {
        "TLS-03" => case.rival(
            "a clock that is wrong: the client's, or that of the capture",
            "both clocks, and the validity of what the server shows now",
        ),
        "TLS-05" => {
            case.rival("a name that leads to the wrong server", "the address that the DNS should give")
        }
        _ => case.rival(
            "a device on the way that answers for the server",
            "the same handshake over another path, or from the server itself",
        ),
    }
}

impl Row<'_> {
    /// One side says with an alert why it gives up.
    fn alerted(&self, by: Who, at: Moment, alert: Alert) -> Option<Case> {
        let before_answer = self.handshake.stage <= Stage::Retry;
        let sees_certificate = by == Who::Client && self.handshake.stage >= Stage::ServerHello;
        let server = self.ends.server;
        let told = format!("alert {alert} of {}", by.words());
        let case = |code| self.case(code, at).shows(at.frame, told.clone(), "no alert");
        Some(match alert.description.0 {
            70 => self.versions(case("TLS-01"), by),
            40 | 47 | 71 if by == Who::Server && before_answer => case("TLS-02")
                .says(
                    format!("{server} refused the handshake of {}{} with {alert}: {}", self.client(), self.asked(), self.offer()),
                    format!("{server} refuses handshakes with {alert}"),
                )
                .because("that the negotiation failed is sure; which parameter it was is not")
                .rival("a server that does not know the name", "whether the same client succeeds with another name"),
            112 if by == Who::Server => {
                let mut case = case("TLS-05").says(
                    format!("{server} does not know the name that {} asks for{}", self.client(), self.named()),
                    format!("{server} does not know the name that clients ask for{}", self.named()),
                );
                case.confidence = Confidence::High;
                case.because("the alert says so")
            }
            116 | 40 | 42..=46 | 48
                if by == Who::Server
                    && (alert.description.0 == 116 || self.handshake.client_certificate_requested) =>
            {
                case("TLS-09")
                    .says(
                        format!("{server} refused the certificate of a client, or the lack of one, with {alert} ({})", self.client()),
                        format!("{server} refuses certificates of clients, or the lack of them"),
                    )
                    .because("the server had asked for a certificate of the client")
                    .rival("parameters that do not suit the server", "the server's log")
            }
            42..=46 | 48 if sees_certificate => self.distrusted(alert, case),
            _ => return None,
        })
    }

    fn versions(&self, case: Case, by: Who) -> Case {
        let server = self.ends.server;
        let offered = match self.handshake.version_offered {
            Some(version) if by == Who::Server => format!(": its highest version is {version}"),
            _ => String::new(),
        };
        let chosen = self.handshake.version.filter(|_| by == Who::Client);
        let chosen = chosen.map_or_else(String::new, |version| format!(": {server} chose {version}"));
        let who = if by == Who::Server {
            format!("{server} refused {}", self.client())
        } else {
            format!("{} refused {server}", self.client())
        };
        case.says(
            format!("{who} because they share no version of TLS{offered}{chosen}"),
            format!("{server} shares no version of TLS with its clients"),
        )
    }

    /// The client's alert about the certificate: what can be seen of the certificate tells more than the alert does.
    fn distrusted(&self, alert: Alert, case: impl Fn(&'static str) -> Case) -> Case {
        let (server, client) = (self.ends.server, self.client());
        let out_of_date = self.out_of_date();
        if alert.description.0 == 45 || out_of_date.is_some() && alert.description.0 != 48 {
            let case = case("TLS-03");
            let gist = match &out_of_date {
                Some(what) => format!("clients refuse {server}: {what}"),
                None => format!("clients say that the certificate of {server} has expired"),
            };
            return match out_of_date {
                Some(what) => case.says(format!("{client} refused {server}: {what}"), gist),
                None => case
                    .says(format!("{client} says that the certificate of {server} has expired"), gist)
                    .because("the client's alert says so; the certificate itself cannot be read")
                    .rival("a client whose clock is wrong", "the clock of the client"),
            };
        }
        let mismatch = self.other_name().filter(|_| matches!(alert.description.0, 42 | 46));
        if let Some(what) = mismatch {
            return case("TLS-05").says(
                format!("{client} refused {server} with {alert}: {what}"),
                format!("{server} shows a certificate that is not for {}", self.name()),
            );
        }
        let chain = self.handshake.server_chain.as_deref();
        let why = match chain.map(crate::protocol::tls::Chain::order) {
            Some(ChainOrder::SelfSigned) => ": it signed itself",
            Some(ChainOrder::Alone) => ": its issuer's certificate was not sent with it",
            Some(ChainOrder::Broken) => ": the certificates that came do not make a chain",
            _ => "",
        };
        // TLS 1.3 encrypts it; and unknown_ca (48) says of itself that trust is what was missing.
        let in_clear = self.handshake.version.is_some_and(|version| version <= Version::TLS12);
        let unreadable =
            in_clear && alert.description.0 != 48 && chain.is_none_or(|chain| chain.certificates.is_empty());
        let case = case("TLS-04").says(
            format!("{client} does not trust the certificate of {server}, alert {alert}{why}"),
            format!("clients do not trust the certificate of {server}, alert {alert}{why}"),
        );
        if unreadable {
            return case
                .at_most(
                    Confidence::Low,
                    "the certificate cannot be decoded, or was not captured: nothing shows that trust was the matter",
                )
                .rival(
                    "a certificate that is malformed, or was damaged on the way",
                    "the file that the server reads it from",
                );
        }
        case.rival(
            "a device on the way that answers with a certificate of its own",
            "the issuer that the client sees, and the one that the server has",
        )
    }

    /// The client accepted it. That its time is over is true nonetheless.
    fn accepted(&self) -> Option<Case> {
        if self.handshake.first_data.is_none()
            && self.handshake.finished.is_some_and(|at| at.frame < self.handshake.end.frame)
        {
            return self.refused_silently();
        }
        let what = self.out_of_date()?;
        let end = self.handshake.finished.unwrap_or(self.handshake.end);
        let server = self.ends.server;
        let case = self
            .case("TLS-03", end)
            .says(
                format!("{what}; {} accepted it all the same", self.client()),
                format!("the certificate of {server} is out of date; clients accept it all the same"),
            )
            .severity(Severity::Note)
            .costs(Span(0))
            .against("the handshake succeeded");
        let case = case.at_most(Confidence::Medium, "no client minded; the clock of the capture decides");
        Some(self.doubted(case))
    }

    /// The client left after it had seen the certificate, and did not say why in clear: if there is something wrong with that, it is the reason.
    fn refused_silently(&self) -> Option<Case> {
        if !self.ends_at_once() {
            return None;
        }
        let (server, client) = (self.ends.server, self.client());
        let end = self.handshake.end;
        let left = |code| {
            self.case(code, end).shows(end.frame, "the client ends the connection", "application data")
        };
        let (case, what) = match (self.out_of_date(), self.other_name()) {
            (Some(what), _) => (left("TLS-03"), what),
            (None, Some(what)) => (left("TLS-05"), what),
            _ => return None,
        };
        let finished = self.handshake.finished.map_or(FrameNumber(0), |finished| finished.frame);
        let case =
            case.shows(finished, "the last message of the handshake", "application data behind it").says(
                format!("{client} left {server} and sent nothing: {what}"),
                format!("clients leave {server}: {what}"),
            );
        Some(self.doubted(case.at_most(Confidence::Medium, LEFT)))
    }

    /// Nobody says that the certificate is out of date. If it is from the future, the capture's clock is wrong, more likely.
    fn doubted(&self, case: Case) -> Case {
        let at = self.handshake.latest().time.0.div_euclid(1_000_000_000);
        if self.server_certificate().is_some_and(|own| at < own.not_before) {
            case.at_most(Confidence::Low, "the capture's clock is wrong, more likely")
        } else {
            case
        }
    }

    fn rejected(&self, by: Who) -> Option<Case> {
        let server = self.ends.server;
        if by == Who::Client
            && let Some(case) = self.refused_silently()
        {
            return Some(case);
        }
        if !self.ends_at_once() {
            return None;
        }
        let case = self.case("TLS-09", self.handshake.end).shows(
            self.handshake.end.frame,
            "the end of the connection",
            "application data",
        );
        let finished = self.handshake.finished.map_or(FrameNumber(0), |finished| finished.frame);
        let case = case.shows(finished, "the client's last message of the handshake", "application data");
        Some(match by {
            // A server that objects before the client has said its last has not judged any certificate of it.
            Who::Server if self.handshake.finished.is_none() => case
                .says(
                    format!("{server} ended the handshake of {} with an encrypted alert, before the client's last message", self.client()),
                    format!("{server} ends handshakes with an encrypted alert"),
                )
                .at_most(Confidence::Low, "the client had not finished: it is no answer to a certificate of the client")
                .rival("something that the client sent in its ClientHello, or twice", "the server's log"),
            Who::Server => case
                .says(
                    format!("{server} ended the handshake of {} with an encrypted alert, after the client's last message: it refuses the client's certificate, or the lack of one", self.client()),
                    format!("{server} ends handshakes with an encrypted alert: it refuses certificates of clients, or the lack of them"),
                )
                .rival("another fault that only the server's log tells", "the alert, read with the session's secrets"),
            Who::Client => case
                .says(
                    format!("{} ended the handshake with {server} with an encrypted alert: it refuses the server's certificate", self.client()),
                    format!("clients end handshakes with {server} with an encrypted alert: they refuse its certificate"),
                )
                .rival("a client that only looked, and closed", "the alert, read with the session's secrets"),
        })
    }

    fn ended(&self) -> Case {
        let (handshake, server) = (self.handshake, self.ends.server);
        let end = handshake.end;
        let waited = end.time.since(handshake.start().time);
        let how = if matches!(handshake.outcome, Outcome::Reset(_)) { "reset" } else { "closed" };
        let case = self
            .case("TLS-06", end)
            .says(
                format!(
                    "{server} {how} the connection of {} {} after its ClientHello{}, without an answer",
                    self.client(),
                    span(waited),
                    self.asked()
                ),
                format!("{server} ends connections right after the ClientHello"),
            )
            .shows(end.frame, format!("the server {how} the connection"), "ServerHello, or an alert")
            .rival(
                "a device on the way that objects to the name",
                "the same ClientHello with another name, or over another path",
            );
        if waited > AT_ONCE {
            case.at_most(Confidence::Low, "it took the server too long to be an answer")
        } else {
            case
        }
    }

    fn silent(&self, thresholds: &Thresholds) -> Option<Case> {
        let (handshake, server) = (self.handshake, self.ends.server);
        let hello = handshake.client_hello?;
        let waited = handshake.end.time.since(hello.time).min(GIVES_UP);
        if waited < thresholds.span(Limit::TlsSilence) {
            return None;
        }
        let case = self
            .case("TLS-07", handshake.end)
            .says(
                format!(
                    "{server} did not answer the ClientHello of {}{} for {}",
                    self.client(),
                    self.asked(),
                    span(waited)
                ),
                format!("{server} does not answer ClientHellos"),
            )
            .costs(waited)
            .by(&[Limit::TlsSilence]);
        Some(match handshake.unacknowledged {
            Some(lacking) => case
                .against(format!(
                    "{} bytes of the ClientHello were never acknowledged: it did not arrive",
                    lacking.bytes
                ))
                .at_most(Confidence::Low, "loss on the path explains it as well")
                .rival("a path that loses large packets, or all", "whether small packets still go through"),
            None => case
                .because("the ClientHello was acknowledged, by the host or by something before it, and not answered")
                .rival("a device on the way that swallows the answer", "a capture at the server"),
        })
    }

    fn text(&self, by: Who) -> Case {
        let (handshake, server) = (self.handshake, self.ends.server);
        let quoted =
            handshake.text.as_deref().map_or_else(String::new, |text| format!(": \"{}\"", shown(text)));
        let end = handshake.end;
        let sentence = match by {
            Who::Client => {
                format!("{} speaks plain text to {server}, which speaks TLS{quoted}", self.client())
            }
            Who::Server => {
                format!("{} speaks TLS to {server}, which speaks plain text{quoted}", self.client())
            }
        };
        let gist = match by {
            Who::Client => format!("clients speak plain text to {server}, which speaks TLS"),
            Who::Server => format!("{server} speaks plain text to clients that speak TLS"),
        };
        self.case("TLS-08", end)
            .says(sentence, gist)
            .shows(end.frame, format!("plain text of {}{quoted}", by.words()), "a record of TLS")
            .rival("a proxy that ends TLS before this server", "the port that clients should use")
    }
}

const _: () =
    assert!(AlertDescription::PROTOCOL_VERSION.0 == 70 && AlertDescription::UNRECOGNIZED_NAME.0 == 112);

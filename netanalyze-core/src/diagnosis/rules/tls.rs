//! Handshakes of TLS that failed: TLS-01 … -09.
//!
//! Takes what became of each handshake. Of those that succeeded only a count stays, by server; of the others a case each, up to a cap. What an alert or a
//! certificate tells exactly is not told again by a vaguer rule.

use std::collections::{BTreeMap, BTreeSet};

use super::super::case::Case;
use super::super::object::{Confidence, Ends, Severity};
use super::super::scene::Scene;
use super::super::thresholds::{Limit, Thresholds};
use super::span;
use crate::conversation::{Met, Protocol};
use crate::expert::Utc;
use crate::model::limits::{MAX_DIAGNOSED, MAX_SERVICES};
use crate::model::{Endpoint, FrameNumber, Span, shown};
use crate::protocol::stream::Moment;
use crate::protocol::tls::{
    Alert, AlertDescription, Certificate, ChainOrder, Handshake, Outcome, Stage, Who,
};

/// An end so soon behind the ClientHello is an answer to it.
const AT_ONCE: Span = Span(1_000_000_000);

/// Why such a case is not surer; it is none at all if the capture ended, and not the connection.
const LEFT: &str = "the client did not say in clear why it left";

/// See the head of the module.
#[derive(Debug, Default)]
pub(in crate::diagnosis) struct Handshakes {
    /// Handshakes that came to a ServerHello, by server: how many of them succeeded.
    servers: BTreeMap<Endpoint, u64>,
    cases: Vec<Case>,
    /// Text where TLS was expected by the port alone: wrong only if the server does speak TLS.
    texts: Vec<Case>,
}

impl Handshakes {
    /// Takes a handshake that is over.
    pub(in crate::diagnosis) fn take(&mut self, met: &Met, handshake: &Handshake, thresholds: &Thresholds) {
        let ends =
            Ends { client: met.source, server: met.destination, protocol: met.protocol, stream: met.stream };
        let case = judge(&Row { handshake, ends }, thresholds);
        let known = self.servers.len() < MAX_SERVICES || self.servers.contains_key(&ends.server);
        if handshake.stage >= Stage::ServerHello && known {
            let is_success = handshake.outcome.is_success() && case.is_none();
            *self.servers.entry(ends.server).or_default() += u64::from(is_success);
        }
        let is_text = matches!(handshake.outcome, Outcome::PlainText(_)) && handshake.client_hello.is_none();
        let cases = if is_text { &mut self.texts } else { &mut self.cases };
        if cases.len() < MAX_DIAGNOSED {
            cases.extend(case);
        }
    }

    /// Says what it concludes.
    pub(in crate::diagnosis) fn look(self, scene: &Scene<'_>, cases: &mut Vec<Case>) {
        let Handshakes { servers, cases: own, texts } = self;
        // What the reset's shape alone suggests says less than that it follows a ClientHello.
        let ended: BTreeSet<u32> =
            own.iter().filter(|case| case.code == "TLS-06").filter_map(|case| case.ends.stream).collect();
        cases.retain(|case| {
            !matches!(case.code, "RST-02" | "RST-03")
                || case.ends.stream.is_none_or(|stream| !ended.contains(&stream))
        });
        let texts = texts.into_iter().filter(|case| servers.contains_key(&case.ends.server));
        cases.extend(own.into_iter().chain(texts).filter_map(|case| {
            let stream = case.ends.stream.filter(|_| case.ends.protocol == Protocol::Tcp);
            let stream = stream.and_then(|number| scene.stream(number));
            if matches!(case.code, "TLS-06" | "TLS-07") && stream.is_some_and(|stream| !stream.is_two_sided())
            {
                return None; // whatever the server said was not captured
            }
            if case.last >= scene.end && case.reasons.iter().any(|reason| reason == LEFT) {
                return None;
            }
            Some(match servers.get(&case.ends.server) {
                Some(&count) if count > 0 => {
                    let server = case.ends.server;
                    case.against(format!(
                        "{count} other handshake{} with {server} succeeded",
                        if count == 1 { "" } else { "s" }
                    ))
                }
                _ => case,
            })
        }));
    }
}

/// A handshake and whose it is.
struct Row<'h> {
    handshake: &'h Handshake,
    ends: Ends,
}

fn judge(row: &Row<'_>, thresholds: &Thresholds) -> Option<Case> {
    let handshake = row.handshake;
    let case = match handshake.outcome {
        Outcome::Failed(by) => {
            let &(_, at, alert) = handshake.alerts.last()?;
            row.alerted(by, at, alert)
        }
        Outcome::Completed | Outcome::Resumed => row.accepted(),
        Outcome::Rejected(by) => Some(row.rejected(by)),
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
    Some(if handshake.gaps {
        case.at_most(Confidence::Low, "part of the handshake was not captured")
    } else {
        case
    })
}

impl Row<'_> {
    /// A case whose evidence begins with the hellos.
    fn case(&self, code: &'static str, end: Moment) -> Case {
        let handshake = self.handshake;
        let start = handshake.start();
        let frame = |moment: Option<Moment>| moment.map_or(FrameNumber(0), |moment| moment.frame);
        let greeting = match self.name() {
            "" => "ClientHello, without a server name".to_owned(),
            name => format!("ClientHello, for {name}"),
        };
        let case = Case::new(code, self.ends, (start.time, end.time))
            .about(self.name().to_owned())
            .costs(end.time.since(handshake.syn.unwrap_or(start.time).min(start.time)));
        let case = case.shows(frame(handshake.client_hello), greeting, "a handshake that succeeds");
        case.shows(frame(handshake.server_hello), "ServerHello", "a handshake that succeeds")
    }

    /// The name that the client asked for, if it can be shown as it is.
    fn name(&self) -> &str {
        let name = self.handshake.server_name.as_deref().and_then(|name| std::str::from_utf8(name).ok());
        name.filter(|name| name.bytes().all(|byte| byte.is_ascii_graphic())).unwrap_or_default()
    }

    /// "for name", or nothing.
    fn asked(&self) -> String {
        if self.name().is_empty() { String::new() } else { format!(" for {}", self.name()) }
    }

    /// ", name", or nothing.
    fn named(&self) -> String {
        if self.name().is_empty() { String::new() } else { format!(", {}", self.name()) }
    }

    fn client(&self) -> std::net::IpAddr {
        self.ends.client.ip()
    }

    fn server_certificate(&self) -> Option<&Certificate> {
        self.handshake.server_chain.as_deref()?.own()
    }

    /// The server's certificate at its time: whether it has expired, or is not valid yet, in words.
    fn out_of_date(&self) -> Option<String> {
        let own = self.server_certificate()?;
        let at = self.handshake.latest().time;
        let seconds = at.0.div_euclid(1_000_000_000);
        if own.is_valid_at(at) {
            return None;
        }
        let (word, when) = if seconds > own.not_after {
            ("expired", own.not_after)
        } else {
            ("becomes valid only", own.not_before)
        };
        let days = seconds.abs_diff(when) / 86_400;
        let tense = if seconds > own.not_after { "before" } else { "after" };
        let subject = shown(&own.subject);
        Some(format!(
            "the certificate of {subject} {word} on {}, {days} days {tense} the handshake",
            Utc(when)
        ))
    }

    /// The certificate is for other names, in words.
    fn other_name(&self) -> Option<String> {
        let (own, name) = (self.server_certificate()?, self.name());
        let literal = name.parse::<std::net::IpAddr>().is_ok();
        if name.is_empty()
            || literal
            || self.handshake.ech
            || own.names_left_out > 0
            || own.is_for(name.as_bytes())
        {
            return None;
        }
        let first = own.names.first().map_or_else(|| shown(&own.subject), |first| shown(first));
        Some(format!("the certificate is for {first}, not for {name}"))
    }

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
            40 | 42..=46 | 48 | 116 if by == Who::Server && self.handshake.client_certificate_requested
                || by == Who::Server && alert.description.0 == 116 =>
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

    /// What the client offered, in words.
    fn offer(&self) -> String {
        let version =
            self.handshake.version_offered.map_or_else(String::new, |version| format!(" (up to {version})"));
        format!("nothing that the client offers{version} suits it")
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
        let case = case("TLS-04").says(
            format!("{client} does not trust the certificate of {server}, alert {alert}{why}"),
            format!("clients do not trust the certificate of {server}, alert {alert}{why}"),
        );
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
        Some(case.at_most(Confidence::Medium, "no client minded; the clock of the capture decides"))
    }

    /// The client left after it had seen the certificate, and did not say why in clear: if there is something wrong with that, it is the reason.
    fn refused_silently(&self) -> Option<Case> {
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
        Some(case.at_most(Confidence::Medium, LEFT))
    }

    fn rejected(&self, by: Who) -> Case {
        let server = self.ends.server;
        if by == Who::Client
            && let Some(case) = self.refused_silently()
        {
            return case;
        }
        let case = self.case("TLS-09", self.handshake.end).shows(
            self.handshake.end.frame,
            "the end of the connection",
            "application data",
        );
        let finished = self.handshake.finished.map_or(FrameNumber(0), |finished| finished.frame);
        let case = case.shows(finished, "the client's last message of the handshake", "application data");
        match by {
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
        }
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
        let waited = handshake.end.time.since(hello.time);
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
                .because("the ClientHello was acknowledged: the host is there, its program does not answer")
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
                format!("{} speaks TLS to {server}, which answers in plain text{quoted}", self.client())
            }
        };
        let gist = match by {
            Who::Client => format!("clients speak plain text to {server}, which speaks TLS"),
            Who::Server => format!("{server} answers in plain text to clients that speak TLS"),
        };
        self.case("TLS-08", end)
            .says(sentence, gist)
            .shows(end.frame, format!("plain text of {}{quoted}", by.words()), "a record of TLS")
            .rival("a proxy that ends TLS before this server", "the port that clients should use")
    }
}

const _: () =
    assert!(AlertDescription::PROTOCOL_VERSION.0 == 70 && AlertDescription::UNRECOGNIZED_NAME.0 == 112);

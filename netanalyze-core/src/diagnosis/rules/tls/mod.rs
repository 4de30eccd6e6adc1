//! Handshakes of TLS that failed: TLS-01 … -09.
//!
//! Takes what became of each handshake. Of those that succeeded only a count stays, by server; of the others a case each, up to a cap. What an alert or a
//! certificate tells exactly is not told again by a vaguer rule.

mod cases;
mod clear;
mod row;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use hashbrown::HashMap;

use super::super::case::Case;
use super::super::object::{Confidence, Ends};
use super::super::scene::{Scene, Stream};
use super::super::thresholds::{Limit, Thresholds};
use crate::conversation::{Met, Protocol};
use crate::model::limits::{MAX_DIAGNOSED, MAX_SERVICES};
use crate::model::{Endpoint, FrameNumber, Span, Timestamp};
use crate::protocol::http::Exchange;
use crate::protocol::tls::{Alert, Handshake, Outcome, Stage, Who};
use cases::judge;
use row::Row;

/// An end so soon behind the ClientHello is an answer to it.
const AT_ONCE: Span = Span(1_000_000_000);

/// Nobody waits longer for a ServerHello; a capture that goes on for longer tells no more.
const GIVES_UP: Span = Span(60_000_000_000);
/// Why such a case is not surer; it is none at all if the capture ended, and not the connection.
const LEFT: &str = "the client did not say in clear why it left";

/// Handshakes that came to a ServerHello, by server: how many of them succeeded. Nobody walks through it.
type Servers = HashMap<Endpoint, u64, foldhash::fast::RandomState>;

/// See the head of the module.
#[derive(Debug, Default)]
pub(in crate::diagnosis) struct Handshakes {
    servers: Servers,
    /// Handshakes that succeeded, by client.
    clients: BTreeMap<IpAddr, u64>,
    cases: Vec<Case>,
    /// Text where TLS was expected by the port alone: wrong only if the server does speak TLS.
    texts: Vec<Case>,
    clear: clear::Clear,
    /// Alerts that answered text, by TCP stream.
    alerts: BTreeMap<u32, (FrameNumber, Alert)>,
    /// ClientHellos that nothing had answered when the capture ended, or the connection was no longer looked at.
    open: Vec<(Ends, Timestamp)>,
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
            let client = ends.client.ip();
            if is_success && (self.clients.len() < MAX_SERVICES || self.clients.contains_key(&client)) {
                *self.clients.entry(client).or_default() += 1;
            }
        }
        if handshake.stage >= Stage::ServerHello {
            self.clear.spoken(&ends);
        }
        let is_open = handshake.stage == Stage::ClientHello
            && handshake.quic.is_none()
            && !handshake.gaps
            && matches!(
                handshake.outcome,
                Outcome::Cut | Outcome::Silent(Some(Who::Server)) | Outcome::Undelivered(Who::Client)
            );
        if let Some(hello) = handshake.client_hello.filter(|_| is_open && self.open.len() < MAX_DIAGNOSED) {
            self.open.push((ends, hello.time));
        }
        let is_text = matches!(handshake.outcome, Outcome::PlainText(_)) && handshake.client_hello.is_none();
        let cases = if is_text { &mut self.texts } else { &mut self.cases };
        if cases.len() < MAX_DIAGNOSED {
            cases.extend(case);
        }
    }

    /// Takes an exchange of HTTP, which may be one in clear with a server of TLS.
    pub(in crate::diagnosis) fn exchange(&mut self, met: &Met, exchange: &Exchange) {
        self.clear.take(met, exchange);
        let Some((at, alert)) = exchange.tls_alert else { return };
        // The alert alone shows what the server speaks.
        if self.servers.len() < MAX_SERVICES {
            self.servers.entry(met.destination).or_default();
        }
        if let Some(stream) = met.stream.filter(|_| self.alerts.len() < MAX_DIAGNOSED) {
            self.alerts.insert(stream, (at.frame, alert));
        }
    }

    /// Handshakes that the capture's end cut off before the server's silence could mean anything.
    pub(in crate::diagnosis) fn waiting(&self, scene: &Scene<'_>) -> u64 {
        let silence = scene.thresholds.span(Limit::TlsSilence);
        let waits = |(ends, hello): &&(Ends, Timestamp)| {
            let stream = ends.stream.and_then(|number| scene.stream(number));
            scene.until_end(*hello) < silence && stream.is_none_or(Stream::is_two_sided)
        };
        self.open.iter().filter(waits).count() as u64
    }

    /// Says what it concludes.
    pub(in crate::diagnosis) fn look(self, scene: &Scene<'_>, cases: &mut Vec<Case>) {
        let Handshakes { servers, clients, cases: own, texts, clear, alerts, open: _ } = self;
        // What the reset's shape alone suggests says less than that it follows a ClientHello.
        let ended: BTreeSet<u32> =
            own.iter().filter(|case| case.code == "TLS-06").filter_map(|case| case.ends.stream).collect();
        cases.retain(|case| {
            !matches!(case.code, "RST-02" | "RST-03")
                || case.ends.stream.is_none_or(|stream| !ended.contains(&stream))
        });
        let told: BTreeSet<u32> = own.iter().chain(&texts).filter_map(|case| case.ends.stream).collect();
        let asked = clear.cases(&servers, &told);
        let texts = texts.into_iter().filter(|case| servers.contains_key(&case.ends.server));
        cases.extend(own.into_iter().chain(texts).chain(asked).filter_map(|case| {
            let stream = case.ends.stream.filter(|_| case.ends.protocol == Protocol::Tcp);
            let stream = stream.and_then(|number| scene.stream(number));
            if matches!(case.code, "TLS-06" | "TLS-07") && stream.is_some_and(|stream| !stream.is_two_sided())
            {
                return None; // whatever the server said was not captured
            }
            // Whatever it was that the server sent, it was no TLS that is known; but it was an answer.
            let answered = |stream: &Stream| -> bool {
                stream.client().is_some_and(|client| stream.lane(client.reverse()).bytes() > 0)
            };
            let answered = match stream {
                Some(stream) => answered(stream),
                // Of one that closed well only what its server's are together is known: enough if it is the only one.
                None => {
                    let known = scene.services.get(&case.ends.server);
                    known.is_some_and(|known| known.opened == 1 && known.answered == 1)
                }
            };
            let case = if case.code == "TLS-06" && answered {
                case.at_most(
                    Confidence::Low,
                    "the server sent something before, which is not understood here",
                )
            } else {
                case
            };
            let case = match case.ends.stream.and_then(|stream| alerts.get(&stream)) {
                Some((frame, alert)) if case.code == "TLS-08" => case.shows(
                    *frame,
                    format!("alert {alert} of the server, a record of TLS"),
                    "an answer in text",
                ),
                _ => case,
            };
            let attempts = clients.get(&case.ends.client.ip()).copied().unwrap_or(0);
            let case = case.among(attempts);
            if case.code == "TLS-07" && scene.until_end(case.first) < scene.thresholds.span(Limit::TlsSilence)
            {
                return None; // another recording begins before it could be told
            }
            let case = if case.code == "TLS-07" && scene.has_front(case.ends.server) {
                case.at_most(
                    Confidence::Low,
                    "servers of other networks answer in the same time, over as many hops: something before them may acknowledge in their place",
                )
            } else {
                case
            };
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

//! Requests and responses of HTTP, in clear or decrypted: APP-01 and PERF-16.
//!
//! Takes exchanges as they become known. Of those that went well only counts stay, by server; details are kept, up to a cap, of those that were slow, failed,
//! or got no answer. What waited for its own backend is told of the backend, where the capture shows both legs.

mod gateway;
mod slow;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::net::IpAddr;

use hashbrown::{HashMap, HashSet};

use super::super::case::Case;
use super::super::object::Ends;
use super::super::ordinary::{Ordinary, Times};
use super::super::scene::{Scene, Stream};
use super::super::thresholds::{Limit, Thresholds};
use crate::conversation::{Met, Protocol};
use crate::model::limits::{MAX_DIAGNOSED, MAX_SERVICES};
use crate::model::{Endpoint, Span, Timestamp, shown};
use crate::protocol::http::{EVENT_STREAM, Exchange, Outcome};
use crate::protocol::stream::{Closing, Moment};

/// Requests that went before, among which those that a gateway made for another are sought.
const RECENT: usize = 64;
/// So long a request may wait for its answer before it is more than unfinished: usual timeouts of clients and gateways.
const PATIENCE: Span = Span(60_000_000_000);
/// Bytes of a target that are kept.
const TARGET: usize = 128;

/// An exchange that was slow, failed, or got no answer.
#[derive(Debug)]
struct Call {
    ends: Ends,
    asked: Moment,
    /// Last byte of the request.
    sent: Option<Moment>,
    /// First byte of the response.
    answered: Option<Moment>,
    status: Option<u16>,
    /// Method and target, as they are shown.
    what: Box<str>,
    /// Nothing says that the server waits on purpose.
    is_plain: bool,
    /// A request before it, on the same connection, had not been answered when it was sent.
    queued: bool,
    /// The gateway asked somebody else for the same meanwhile.
    forwarded: bool,
    /// The server reset the connection in place of an answer.
    reset: Option<Moment>,
    /// The capture ended before an answer came.
    is_open: bool,
}

/// An exchange that was seen lately.
#[derive(Debug)]
struct Seen {
    ends: Ends,
    asked: Timestamp,
    answered: Timestamp,
}

/// What is known of a server.
#[derive(Debug, Default)]
struct Server {
    requests: u64,
    slow: u64,
    /// It asks others in order to answer.
    is_gateway: bool,
    /// How many hosts had sent requests when it was found not to be one of them.
    no_client_among: usize,
}

/// See the head of the module.
#[derive(Debug, Default)]
pub(in crate::diagnosis) struct Exchanges {
    /// Nobody walks through this, nor through the hosts.
    servers: HashMap<Endpoint, Server, foldhash::fast::RandomState>,
    calls: Vec<Call>,
    recent: VecDeque<Seen>,
    /// Hosts that send requests.
    clients: HashSet<IpAddr, foldhash::fast::RandomState>,
    /// The one that was last added to them.
    latest_client: Option<IpAddr>,
    /// TCP streams that carry exchanges, a bit each.
    streams: Vec<u64>,
}

/// All that is wanted of an exchange that is said `now` if it went well; `None` if there may be more to tell of it.
pub(crate) fn in_brief(exchange: &Exchange, now: Timestamp, thresholds: &Thresholds) -> Option<Times> {
    let (request, response) = (exchange.request.as_ref()?, exchange.response.as_ref()?);
    let is_over = exchange.outcome == Outcome::Answered && response.end?.time == now;
    // 400 is what a server of TLS says to a request in clear.
    let went_well = exchange.status().is_some_and(|status| status < 500 && status != 400);
    if !is_over || !went_well || is_slow(exchange, thresholds) {
        return None;
    }
    Some(Times { asked: request.start.time, answered: response.start.time, done: now })
}

/// Whether its response began late.
fn is_slow(exchange: &Exchange, thresholds: &Thresholds) -> bool {
    let wait = exchange.first_byte().filter(|_| exchange.outcome != Outcome::Switched);
    wait.is_some_and(|wait| wait >= thresholds.span(Limit::Think))
}

/// Who asked whom.
fn ends(met: &Met) -> Ends {
    Ends { client: met.source, server: met.destination, protocol: met.protocol, stream: met.stream }
}

impl Exchanges {
    /// Takes an exchange that is over.
    pub(in crate::diagnosis) fn take(&mut self, met: &Met, exchange: &Exchange, thresholds: &Thresholds) {
        let Some(request) = exchange.request.as_ref() else { return };
        let ends = ends(met);
        let asked = request.start;
        let answered = exchange.response.as_ref().map(|response| response.start);
        let done = exchange.last().map_or(asked.time, |last| last.time);
        let same_stream =
            |seen: &&Seen| (seen.ends.protocol, seen.ends.stream) == (ends.protocol, ends.stream);
        let sent = request.end.unwrap_or(asked).time;
        let is_slow = is_slow(exchange, thresholds);
        let forwarded = self.count(ends, (asked.time, done), is_slow);
        let status = exchange.status();
        let is_unanswered = matches!(
            exchange.outcome,
            Outcome::Unanswered(Closing::Fin | Closing::Reset | Closing::CaptureEnd)
        );
        let is_kept = is_slow || is_unanswered || status.is_some_and(|status| status >= 500);
        if is_kept && self.calls.len() < MAX_DIAGNOSED {
            // An exchange that never ended is told last: those that were asked after it do not hold it up.
            let before = |seen: &&Seen| seen.asked <= asked.time;
            let queued =
                self.recent.iter().rev().filter(same_stream).filter(before).any(|seen| seen.answered > sent);
            let target = request.target();
            let what =
                format!("{} {}", shown(&request.method), shown(target.get(..TARGET).unwrap_or(target)));
            let streams_events = exchange
                .response
                .as_ref()
                .is_some_and(|response| response.content_type().starts_with(EVENT_STREAM));
            self.calls.push(Call {
                ends,
                asked,
                sent: request.end,
                answered,
                status,
                what: what.into(),
                is_plain: !streams_events && exchange.outcome != Outcome::Switched,
                queued,
                forwarded,
                reset: (exchange.outcome == Outcome::Unanswered(Closing::Reset)
                    && exchange.ended_by == Some(exchange.client.reverse()))
                .then_some(Moment { frame: met.frame, time: met.time }),
                is_open: exchange.outcome == Outcome::Unanswered(Closing::CaptureEnd),
            });
        }
        let answered = answered.map_or(done, |answered| answered.time);
        self.remember(Seen { ends, asked: asked.time, answered });
    }

    /// Takes an exchange that went well and is over: see [`in_brief`].
    pub(in crate::diagnosis) fn ordinary(&mut self, exchange: &Ordinary) {
        let &Ordinary { ends, times: Times { asked, answered, done }, .. } = exchange;
        self.count(ends, (asked, done), false);
        self.remember(Seen { ends, asked, answered });
    }

    /// Counts an exchange from its first byte to its last one. Says whether the server asked somebody else meanwhile.
    fn count(&mut self, ends: Ends, (asked, done): (Timestamp, Timestamp), is_slow: bool) -> bool {
        self.mark(ends);
        // What the server asked others for while this one waited.
        let inside = |seen: &Seen| {
            seen.ends.client.ip() == ends.server.ip()
                && seen.ends.server != ends.server
                && seen.asked >= asked
                && seen.asked <= done
        };
        let Exchanges { servers, clients, recent, latest_client, .. } = self;
        let forwards = |known: usize| {
            let may_be_gateway = clients.len() > known && clients.contains(&ends.server.ip());
            (may_be_gateway, may_be_gateway && recent.iter().any(inside))
        };
        let forwarded = if servers.len() < MAX_SERVICES || servers.contains_key(&ends.server) {
            let server = servers.entry(ends.server).or_default();
            let (may_be_gateway, forwarded) = forwards(server.no_client_among);
            if !may_be_gateway {
                server.no_client_among = clients.len();
            }
            server.requests += 1;
            server.slow += u64::from(is_slow);
            server.is_gateway |= forwarded;
            forwarded
        } else {
            forwards(0).1
        };
        let client = Some(ends.client.ip());
        if *latest_client != client && clients.len() < MAX_SERVICES {
            clients.insert(ends.client.ip());
            *latest_client = client;
        }
        forwarded
    }

    fn remember(&mut self, seen: Seen) {
        if self.recent.len() >= RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(seen);
    }

    /// Remembers that a stream carries exchanges.
    fn mark(&mut self, ends: Ends) {
        let Some(stream) = ends.stream.filter(|_| ends.protocol == Protocol::Tcp) else { return };
        let word = stream as usize / 64;
        if self.streams.len() <= word {
            self.streams.resize(word + 1, 0);
        }
        if let Some(word) = self.streams.get_mut(word) {
            *word |= 1 << (stream % 64);
        }
    }

    fn has(&self, ends: Ends) -> bool {
        ends.protocol == Protocol::Tcp
            && ends.stream.is_some_and(|stream| {
                self.streams.get(stream as usize / 64).is_some_and(|word| word & 1 << (stream % 64) != 0)
            })
    }

    /// Requests that the capture's end left without an answer. Who waited for a minute by then was not merely cut off.
    pub(in crate::diagnosis) fn waiting(&self, scene: &Scene<'_>) -> u64 {
        let is_watched = |ends: &Ends| {
            let stream = ends.stream.and_then(|number| scene.stream(number));
            ends.protocol == Protocol::Tcp && stream.is_none_or(Stream::is_two_sided)
        };
        let waits = |call: &&Call| {
            let sent = call.sent.filter(|_| call.is_open && call.answered.is_none());
            sent.is_some_and(|sent| scene.until_end(sent.time) < PATIENCE) && is_watched(&call.ends)
        };
        self.calls.iter().filter(waits).count() as u64
    }

    /// Says what it concludes, and takes back what others concluded without knowing the exchanges.
    pub(in crate::diagnosis) fn look(self, scene: &Scene<'_>, cases: &mut Vec<Case>) {
        cases.retain(|case| case.code != "PERF-16" || !self.has(case.ends));
        gateway::look(&self, scene, cases);
        slow::look(&self, scene, cases);
    }
}

//! Where the time of a request or a TLS handshake went, in the phases that `curl -w` tells: each from its own transaction, and the lookup and
//! the handshake before it from theirs.

use std::collections::VecDeque;

use hashbrown::HashMap;

use super::lookups::{Answered, Lookups, Resolution};
use crate::conversation::{Met, Protocol};
use crate::model::limits::MAX_JOINED_CONNECTIONS;
use crate::model::{Span, Timestamp};
use crate::protocol::dns::Lookup;
use crate::protocol::http::{Disorder, Exchange, Outcome};
use crate::protocol::message::Message;
use crate::protocol::tls::Handshake;

/// The phases; each is `None` if it did not happen, was not captured, or its end has an earlier time than its beginning. Only what came first in its connection has those that open it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Phases {
    /// The lookup of the server's address.
    pub resolution: Option<Resolution>,
    /// From the first SYN until the TCP handshake was complete.
    pub connect: Option<Span>,
    /// From the ClientHello until both sides were through.
    pub tls: Option<Span>,
    /// From the request's first byte to its last one.
    pub send: Option<Span>,
    /// From the request's last byte to the response's first one.
    pub first_byte: Option<Span>,
    /// From the response's first byte to its last one.
    pub transfer: Option<Span>,
    /// When the first of them began.
    pub start: Option<Timestamp>,
    /// From there to the end of the last.
    pub total: Option<Span>,
    /// Why a phase is not known both of whose ends are.
    pub disorder: Option<Disorder>,
}

impl Phases {
    /// How long the client waited for the address.
    #[must_use]
    pub fn dns(&self) -> Option<Span> {
        self.resolution.as_ref().map(Resolution::duration).filter(|&span| span >= Span(0))
    }

    /// Leaves out what ends before it begins, and says that the clock is to blame unless there is another reason.
    fn in_order(mut self, disorder: Option<Disorder>) -> Self {
        self.disorder = disorder;
        for span in [
            &mut self.connect,
            &mut self.tls,
            &mut self.send,
            &mut self.first_byte,
            &mut self.transfer,
            &mut self.total,
        ] {
            if span.is_some_and(|span| span < Span(0)) {
                *span = None;
                self.disorder.get_or_insert(Disorder::Clock);
            }
        }
        self
    }
}

/// What is remembered of a connection.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// A request of it came before: what opens it belongs to that.
    opened: bool,
    /// Its TLS handshake, which nothing has been counted to: when it began, how long it took.
    tls: Option<(Timestamp, Span)>,
}

/// Joins transactions of several conversations. Wants to see all of them, in the order in which they became known.
#[derive(Debug, Default)]
pub struct Joins {
    lookups: Lookups,
    connections: HashMap<(Protocol, u32), Known, foldhash::fast::RandomState>,
    /// The same, the oldest first.
    order: VecDeque<(Protocol, u32)>,
}

impl Joins {
    /// Takes a message, and says where the time went if it is a request or a TLS handshake.
    pub fn phases(&mut self, met: &Met) -> Option<Phases> {
        match &met.message {
            Message::Lookup(lookup) => {
                self.lookup(met, lookup);
                None
            }
            Message::Handshake(handshake) => Some(self.handshake(met, handshake)),
            Message::Exchange(exchange) => Some(self.exchange(met, exchange)),
            _ => None,
        }
    }

    fn lookup(&mut self, met: &Met, lookup: &Lookup) {
        let (Some(query), Some(response)) = (lookup.query, lookup.response) else { return };
        self.lookups.note(Answered {
            client: met.source.ip(),
            name: &lookup.name,
            asked: query.time,
            answered: response.time,
            frame: response.frame,
            addresses: &lookup.addresses,
        });
    }

    fn known(&mut self, met: &Met) -> Option<&mut Known> {
        let key = (met.protocol, met.stream?);
        if !self.connections.contains_key(&key) {
            if self.order.len() >= MAX_JOINED_CONNECTIONS
                && let Some(oldest) = self.order.pop_front()
            {
                self.connections.remove(&oldest);
            }
            self.order.push_back(key);
        }
        Some(self.connections.entry(key).or_default())
    }

    /// The lookup and the TCP handshake, with the time when the first of them began.
    fn opening(&self, met: &Met, syn: Option<Timestamp>, established: Option<Timestamp>) -> Phases {
        let Some(syn) = syn else { return Phases::default() };
        let resolution = self.lookups.find(met.source.ip(), met.destination.ip(), syn);
        let start = Some(resolution.as_ref().map_or(syn, |resolution| resolution.asked));
        let connect = established.map(|established| established.since(syn));
        Phases { resolution, connect, start, ..Phases::default() }
    }

    fn handshake(&mut self, met: &Met, handshake: &Handshake) -> Phases {
        let tls = handshake.handshake_time();
        let begun = handshake.client_hello.map(|moment| moment.time);
        let Some(known) = self.known(met) else { return Phases::default() };
        known.tls = begun.zip(tls);
        let opened = known.opened;
        let phases =
            if opened { Phases::default() } else { self.opening(met, handshake.syn, handshake.established) };
        let start = phases.start.or(begun);
        let end = handshake.finished.map(|moment| moment.time);
        let total = end.zip(start).map(|(end, start)| end.since(start));
        Phases { tls, start, total, ..phases }.in_order(None)
    }

    fn exchange(&mut self, met: &Met, exchange: &Exchange) -> Phases {
        let first = exchange.is_first();
        let mut known =
            self.connections.get(&met.stream.map_or((met.protocol, u32::MAX), |s| (met.protocol, s)));
        let before = known.take().copied().unwrap_or_default();
        // Only a connection that goes on as another protocol has more than one first request.
        if exchange.outcome == Outcome::Switched
            && let Some(known) = self.known(met)
        {
            *known = Known { opened: true, tls: None };
        }
        let phases = if first && !before.opened {
            self.opening(met, exchange.syn, exchange.established)
        } else {
            Phases::default()
        };
        let tls = before.tls.filter(|_| first);
        let request = exchange.request.as_ref();
        let start =
            phases.start.or(tls.map(|(begun, _)| begun)).or(request.map(|request| request.start.time));
        let end = exchange.response.as_ref().and_then(|response| response.end);
        Phases {
            tls: tls.map(|(_, span)| span),
            send: exchange.send(),
            first_byte: exchange.first_byte(),
            transfer: exchange.transfer(),
            start,
            total: end.zip(start).map(|(end, start)| end.time.since(start)),
            ..phases
        }
        .in_order(exchange.disorder())
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::conversation::ConversationRef;
    use crate::model::{Direction, FrameNumber};
    use crate::protocol::http::{Request, Response};
    use crate::protocol::stream::Moment;

    fn at(ms: i64) -> Moment {
        Moment { frame: FrameNumber(ms as u64 + 1), time: Timestamp(ms * 1_000_000) }
    }

    fn time(ms: i64) -> Option<Timestamp> {
        Some(at(ms).time)
    }

    fn met(stream: u32, server: &str, message: Message) -> Met {
        Met {
            frame: FrameNumber(1),
            time: Timestamp(0),
            ordinal: 0,
            protocol: Protocol::Tcp,
            stream: Some(stream),
            source: "10.0.0.1:50000".parse().unwrap(),
            destination: server.parse().unwrap(),
            conversation: ConversationRef::NONE,
            message,
            aside: false,
        }
    }

    /// A request and its answer: number in the connection, first and last byte of each.
    fn exchange(number: u32, [asked, sent, answered, done]: [i64; 4]) -> Exchange {
        let request = Request {
            method: Cow::Borrowed(b"GET"),
            texts: Default::default(),
            head_bytes: 20,
            body_bytes: Some(0),
            body_captured: None,
            start: at(asked),
            end: Some(at(sent)),
        };
        let response = Response {
            status: Some(200),
            reason: Default::default(),
            texts: Default::default(),
            head_bytes: 20,
            body_bytes: Some(0),
            body_captured: None,
            start: at(answered),
            end: Some(at(done)),
        };
        Exchange {
            client: Direction::AtoB,
            number,
            request: Some(request),
            response: Some(response),
            interim: 0,
            outcome: Outcome::Answered,
            ended_by: None,
            truncated: 0,
            syn: time(10),
            established: time(15),
            over_limit: false,
            tls_alert: None,
            place: 0,
        }
    }

    fn request(exchange: Exchange) -> Met {
        met(0, "192.0.2.1:80", Message::Exchange(Box::new(exchange)))
    }

    fn handshake(hello: i64, finished: Option<i64>) -> Met {
        let mut handshake = Handshake::new(Direction::AtoB, time(10), time(15));
        (handshake.client_hello, handshake.finished) = (Some(at(hello)), finished.map(at));
        met(0, "192.0.2.1:80", Message::Handshake(Box::new(handshake)))
    }

    /// Milliseconds of dns, connect, tls, send, first byte, transfer, total.
    fn ms(phases: &Phases) -> [Option<i64>; 7] {
        let Phases { connect, tls, send, first_byte, transfer, total, .. } = *phases;
        [phases.dns(), connect, tls, send, first_byte, transfer, total].map(|span| Some(span?.0 / 1_000_000))
    }

    #[test]
    fn only_the_first_request_opened_the_connection() {
        let mut joins = Joins::default();
        joins.lookups.note(Answered {
            client: "10.0.0.1".parse().unwrap(),
            name: b"a.example",
            asked: at(2).time,
            answered: at(9).time,
            frame: FrameNumber(3),
            addresses: &["192.0.2.1".parse().unwrap()],
        });
        let first = joins.phases(&request(exchange(1, [16, 17, 20, 24]))).unwrap();
        let [s, n] = [Some, |_| None];
        assert_eq!(ms(&first), [s(7), s(5), n(0), s(1), s(3), s(4), s(22)]);
        assert_eq!(first.resolution.unwrap().frame, FrameNumber(3));
        let second = joins.phases(&request(exchange(2, [30, 30, 31, 35]))).unwrap();
        assert_eq!(ms(&second), [n(0), n(0), n(0), s(0), s(1), s(4), s(5)]);
        // Not answered to its end: there is no total.
        let mut open = exchange(1, [16, 17, 20, 24]);
        open.response.as_mut().unwrap().end = None;
        assert_eq!(ms(&joins.phases(&request(open)).unwrap())[4..], [s(3), n(0), n(0)]);
    }

    #[test]
    fn no_phase_is_negative_and_the_reason_is_said() {
        let phases = |times| Joins::default().phases(&request(exchange(2, times))).unwrap();
        let [s, n] = [Some, |_| None];
        // Frames as their times are: the response was captured first.
        let first = phases([30, 31, 20, 21]);
        assert_eq!(ms(&first)[3..], [s(1), n(0), s(1), n(0)]);
        assert_eq!(first.disorder, Some(Disorder::Capture));
        // It began before the request's last byte.
        let early = phases([10, 30, 20, 35]);
        assert_eq!(ms(&early)[3..], [s(20), n(0), s(15), s(25)]);
        assert_eq!(early.disorder, Some(Disorder::Early));
        // The clock was set back while the request was sent.
        let mut back = exchange(2, [30, 20, 40, 50]);
        back.request.as_mut().unwrap().end.as_mut().unwrap().frame = FrameNumber(32);
        let back = Joins::default().phases(&request(back)).unwrap();
        assert_eq!(ms(&back)[3..], [n(0), s(20), s(10), s(20)]);
        assert_eq!(back.disorder, Some(Disorder::Clock));
        assert_eq!(phases([16, 17, 20, 24]).disorder, None);
        // A TCP handshake whose end has an earlier time than its SYN.
        let back = Exchange { syn: time(15), established: time(10), ..exchange(1, [16, 17, 20, 24]) };
        let back = Joins::default().phases(&request(back)).unwrap();
        assert_eq!((back.connect, back.disorder), (None, Some(Disorder::Clock)));
    }

    #[test]
    fn a_request_inside_tls_has_the_time_of_the_handshake() {
        let mut joins = Joins::default();
        let [s, n] = [Some, |_| None];
        let tls = joins.phases(&handshake(16, Some(26))).unwrap();
        assert_eq!(ms(&tls), [n(0), s(5), s(10), n(0), n(0), n(0), s(16)]);
        let first = joins.phases(&request(exchange(1, [27, 27, 30, 31]))).unwrap();
        assert_eq!(ms(&first), [n(0), s(5), s(10), s(0), s(3), s(1), s(21)]);
        let failed = joins.phases(&handshake(16, None)).unwrap();
        assert_eq!(ms(&failed), [n(0), s(5), n(0), n(0), n(0), n(0), n(0)]);
    }

    #[test]
    fn what_opened_a_tunnel_is_not_counted_again_inside_it() {
        let mut joins = Joins::default();
        let [s, n] = [Some, |_| None];
        let connect = Exchange { outcome: Outcome::Switched, ..exchange(1, [16, 16, 18, 18]) };
        assert_eq!(ms(&joins.phases(&request(connect)).unwrap())[1], s(5));
        let tls = joins.phases(&handshake(19, Some(25))).unwrap();
        assert_eq!(ms(&tls), [n(0), n(0), s(6), n(0), n(0), n(0), s(6)]);
        let inside = joins.phases(&request(exchange(1, [26, 26, 27, 28]))).unwrap();
        assert_eq!(ms(&inside), [n(0), n(0), s(6), s(0), s(1), s(1), s(9)]);
    }

    #[test]
    fn connections_beyond_the_limit_are_forgotten() {
        let mut joins = Joins::default();
        for stream in 0..MAX_JOINED_CONNECTIONS as u32 + 5 {
            joins.phases(&Met { stream: Some(stream), ..handshake(16, Some(26)) });
        }
        assert_eq!(
            (joins.connections.len(), joins.order.len()),
            (MAX_JOINED_CONNECTIONS, MAX_JOINED_CONNECTIONS)
        );
        let first = Met { stream: Some(4), ..request(exchange(1, [27, 27, 30, 31])) };
        assert_eq!(joins.phases(&first).unwrap().tls, None);
        let last = Met { stream: Some(5), ..request(exchange(1, [27, 27, 30, 31])) };
        assert!(joins.phases(&last).unwrap().tls.is_some());
    }
}

//! Requests in clear to a port that speaks TLS to others: TLS-08 on any port, told by what the server does elsewhere in the capture.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashSet;

use super::super::super::case::Case;
use super::super::super::object::Ends;
use super::Servers;
use crate::conversation::{Met, Protocol};
use crate::model::limits::{MAX_DIAGNOSED, MAX_SERVICES};
use crate::model::{Endpoint, FrameNumber, Timestamp};
use crate::protocol::http::Exchange;

/// Requests that are remembered of a server.
const SOME: usize = 4;

/// A request that was refused, or got no answer.
#[derive(Debug)]
struct Request {
    ends: Ends,
    frame: FrameNumber,
    time: Timestamp,
    answer: Option<(FrameNumber, Timestamp)>,
}

/// See the head of the module.
#[derive(Debug, Default)]
pub(super) struct Clear {
    requests: BTreeMap<Endpoint, Vec<Request>>,
    /// TCP streams with a handshake: what is said in them is not said in clear.
    spoken: HashSet<u32, foldhash::fast::RandomState>,
}

impl Clear {
    /// A stream speaks TLS.
    pub(super) fn spoken(&mut self, ends: &Ends) {
        if let Some(stream) = ends.stream.filter(|_| ends.protocol == Protocol::Tcp)
            && self.spoken.len() < MAX_DIAGNOSED
        {
            self.spoken.insert(stream);
        }
    }

    /// Takes an exchange that is over. A server of TLS refuses what it cannot read (400), or says nothing.
    pub(super) fn take(&mut self, met: &Met, exchange: &Exchange) {
        let Some(request) = exchange.request.as_ref() else { return };
        if !matches!(exchange.status(), None | Some(400)) || met.protocol != Protocol::Tcp {
            return;
        }
        let server = met.destination;
        if self.requests.len() >= MAX_SERVICES && !self.requests.contains_key(&server) {
            return;
        }
        let of_server = self.requests.entry(server).or_default();
        if of_server.len() < SOME {
            let ends = Ends { client: met.source, server, protocol: met.protocol, stream: met.stream };
            let answer =
                exchange.response.as_ref().map(|response| (response.start.frame, response.start.time));
            of_server.push(Request { ends, frame: request.start.frame, time: request.start.time, answer });
        }
    }

    /// What it concludes, for servers that completed or began handshakes; `told` are streams of which it was said already.
    pub(super) fn cases(&self, servers: &Servers, told: &BTreeSet<u32>) -> Vec<Case> {
        let is_new = |request: &&Request| {
            request
                .ends
                .stream
                .is_some_and(|stream| !told.contains(&stream) && !self.spoken.contains(&stream))
        };
        let speaks_tls = |(server, _): &(&Endpoint, &Vec<Request>)| servers.contains_key(*server);
        let requests = self.requests.iter().filter(speaks_tls).flat_map(|(_, requests)| requests);
        requests.filter(is_new).map(Request::case).collect()
    }
}

impl Request {
    fn case(&self) -> Case {
        let Ends { client, server, .. } = self.ends;
        let end = self.answer.map_or(self.time, |(_, time)| time);
        let case = Case::new("TLS-08", self.ends, (self.time, end))
            .says(
                format!("{} speaks plain HTTP to {server}, which speaks TLS", client.ip()),
                format!("clients speak plain text to {server}, which speaks TLS"),
            )
            .shows(self.frame, "a request in clear", "a record of TLS")
            .rival("a proxy that ends TLS before this server", "the port that clients should use");
        match self.answer {
            Some((frame, _)) => case.shows(frame, "status 400", "a ServerHello to a ClientHello"),
            None => case,
        }
    }
}

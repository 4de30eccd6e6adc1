//! Queries that nobody answered: DNS-02.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::super::super::case::Case;
use super::super::super::object::Confidence;
use super::super::{span, times};
use super::Names;
use super::cases::{FEW, asked, each, is_resolver};
use super::isolated::Isolated;
use super::lacks::Lacks;
use super::resolver::{Event, Resolver};
use crate::model::Endpoint;
use crate::protocol::dns::RecordType;

/// Why silence is not the server's.
fn nothing_came(client: IpAddr, others: usize) -> String {
    let whom = if others == 1 { "another host".to_owned() } else { format!("{others} other hosts") };
    format!(
        "from then on nothing came in for {client} from anybody, although it sent to {whom}, too: it has lost its connection, or the capture one direction"
    )
}

impl Names {
    /// Queries that a server left without an answer.
    pub(super) fn no_answers(
        &self,
        server: Endpoint,
        resolver: &Resolver,
        servers: &BTreeSet<IpAddr>,
        (lacks, isolated): (&Lacks, &Isolated),
    ) -> Vec<Case> {
        let events = &resolver.unanswered;
        let is_mute = resolver.answers == 0;
        if is_mute && lacks.one_sided {
            return Vec::new();
        }
        let (count, all, counted) = (events.count, resolver.asked, events.counted());
        let gist = if is_mute {
            format!("{server} answers no query at all ({counted} of them)")
        } else {
            format!(
                "{server} left {counted} of {all} queries without an answer until they were sent again, or for good"
            )
        };
        let asked_again = events.kept.iter().filter(|event| event.again).count();
        let is_asked_again = asked_again > 0;
        let of_kind = resolver.silent_kind();
        let rival = if of_kind.is_some() {
            (
                "a filter in front of the server that drops such queries",
                "a capture at the resolver: whether the query arrives",
            )
        } else {
            (
                "the answer is lost, not the query",
                "a capture at the resolver: whether the query arrives and an answer leaves",
            )
        };
        each(events, |event| {
            let client = event.ends.client.ip();
            let sentence = if event.answer.0 > 0 {
                format!(
                    "{client}'s query for {} got an answer of {server} only when it was sent again, after {}",
                    asked(event),
                    span(event.waited())
                )
            } else {
                let how = if event.queries > 1 {
                    format!("sent {}", times(event.queries.into()))
                } else if event.again {
                    "it got the name resolved later".to_owned()
                } else {
                    "sent once".to_owned()
                };
                format!("{server} did not answer {client}'s query for {} ({how})", asked(event))
            };
            let case = Case::new("DNS-02", event.ends, (event.asked, event.until))
                .says(sentence, gist.clone())
                .shows(event.query, format!("query for {} without an answer", asked(event)), "an answer")
                .rival(rival.0, rival.1);
            let case = if event.last_query == event.query {
                case
            } else {
                case.shows(event.last_query, "the same query again", "no need to ask again")
            };
            let case = case.shows(event.answer, "answer to the repeated query", "an answer to the first one");
            let case = match resolver.answers {
                0 => case.at_most(
                    Confidence::Medium,
                    format!(
                        "nothing of {server} was captured: a capture of one direction would show the same"
                    ),
                ),
                answers => match answers.saturating_sub(resolver.asked_again) {
                    0 => case,
                    others => case.against(format!("{server} answered {others} other queries")),
                },
            };
            let case = case.among(u64::from(self.answered.contains_key(&client)));
            let case = self.doubts(event, resolver, lacks, case);
            let case = match isolated.others(event) {
                Some(others) => case
                    .rival(
                        "the host's own connection, or half of the capture, is gone",
                        "whether it reaches anybody at that time",
                    )
                    .at_most(Confidence::Low, nothing_came(client, others)),
                None => case,
            };
            let case = if resolver.is_larger(event) {
                case.rival(
                    "a large answer in fragments, which are lost or filtered",
                    "the same query with less room for the answer: dig +bufsize=1232",
                )
                .at_most(
                    Confidence::Low,
                    format!(
                        "it allowed for an answer of {} bytes, and those that got one for {} at most: a large answer may have been sent in fragments and lost",
                        event.room, resolver.answered_room
                    ),
                )
            } else {
                case
            };
            let case = match of_kind {
                Some(kind) => case.because(format!(
                    "of all types only {kind} gets no answer, and never: loss does not choose by type"
                )),
                None => case,
            };
            let case = if is_mute && server.port() != 53 {
                case.at_most(Confidence::Low, "nothing shows that it is a name server")
            } else if is_mute && count < FEW && event.queries == 1 && self.answered.contains_key(&client) {
                case.at_most(
                Confidence::Low,
                "asked once or twice, and others answer: its address may be a mistake, or a damaged packet's",
            )
            } else if asked_again < FEW as usize && count >= FEW {
                case.at_most(Confidence::Medium, "few of them were asked again")
            } else if count == 1 && resolver.answers > 0 {
                case.less("it happened once")
            } else {
                case
            };
            let case = if event.kind == RecordType::ANY {
                case.at_most(
                    Confidence::Low,
                    "queries for records of any type come with forged senders more often than not",
                )
            } else if is_resolver(servers, client, server) {
                case.less("asked by a resolver, which has other servers to ask")
            } else {
                case
            };
            if is_asked_again {
                case
            } else if count < FEW || is_mute {
                case.at_most(
                    Confidence::Low,
                    "nobody asked again: the answer may just not have been captured",
                )
            } else {
                case.at_most(
                    Confidence::Medium,
                    "nobody asked again: the answers may just not have been captured",
                )
            }
        })
    }

    /// What the capture lacks, or holds damaged, may be what seems to be missing.
    fn doubts(&self, event: &Event, resolver: &Resolver, lacks: &Lacks, case: Case) -> Case {
        let was_answered = event.answer.0 > 0;
        let case = match self.watch.incomplete() {
            // Its client did wait, and ask again.
            Some(reason) if was_answered => case.at_most(Confidence::Medium, reason),
            Some(reason) => case.at_most(Confidence::Low, reason),
            None => case,
        };
        // Damaged headers look like those of fragments, too.
        let case = if lacks.has_part_of_answer(event) && self.watch.damaged() == 0 {
            case.at_most(
                Confidence::Low,
                "of a fragmented datagram of the server to this client a part is missing: the query may have been answered, and a fragment lost",
            )
        } else if lacks.may_hide_answer(event, resolver) {
            case.at_most(
                Confidence::Low,
                "it allowed for a large answer, and over IPv6 the capture holds only whole packets of TCP and UDP: it was filtered by port, it seems, and such a filter leaves out fragments, in which the answer may have come",
            )
        } else {
            case
        };
        match self.watch.damaged() {
            0 => case,
            more => case.at_most(
                Confidence::Medium,
                format!("{more} other DNS messages in the capture are damaged, and not counted: answers may be among them"),
            ),
        }
    }
}

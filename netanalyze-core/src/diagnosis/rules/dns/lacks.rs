//! What a capture lacks of name resolution: answers came, or were sent, that it does not hold, or not as they were sent.

use std::collections::BTreeSet;
use std::net::IpAddr;

use hashbrown::HashSet;

use super::hidden::Hidden;
use super::resolver::{Event, Resolver};
use crate::conversation::Met;
use crate::model::limits::MAX_SERVICES;
use crate::protocol::dns::{Lookup, Outcome};

/// So many are no accident.
const FEW: u64 = 3;

/// What is known of the whole capture.
#[derive(Debug, Default)]
pub(in crate::diagnosis) struct Lacks {
    /// One direction of many conversations is not in it.
    pub(in crate::diagnosis) one_sided: bool,
    /// Between which hosts, source first, fragmented datagrams stayed incomplete.
    pub(in crate::diagnosis) torn: BTreeSet<(IpAddr, IpAddr)>,
    /// Over IPv6 the capture holds nothing that a filter by port leaves out: neither messages of ICMPv6, without which no host is for long, nor fragments, which
    /// such filters do not look into.
    pub(in crate::diagnosis) by_port: bool,
    /// Where hosts may ask without being seen.
    pub(in crate::diagnosis) hidden: Hidden,
}

impl Lacks {
    /// A part of a datagram came from a server to who asked it.
    pub(super) fn has_part_of_answer(&self, event: &Event) -> bool {
        self.torn.contains(&(event.ends.server.ip(), event.ends.client.ip()))
    }

    /// The answer to a query may have come in fragments that a filter left out. Who asks again did not get it; and where small answers are missing, too, or
    /// those over TCP, it is not their size.
    pub(super) fn may_hide_answer(&self, event: &Event, resolver: &Resolver) -> bool {
        self.by_port
            && event.ends.server.ip().is_ipv6()
            && !event.again
            && event.allows_fragments()
            && resolver.unanswered.kept.iter().all(Event::allows_fragments)
    }
}

/// What lookups show of it.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// Hosts with right checksums.
    sound: HashSet<IpAddr, foldhash::fast::FixedState>,
    /// Messages with a wrong checksum, of such hosts.
    damaged: u64,
    /// Answers with their queries, and without.
    answered: u64,
    unasked: u64,
}

impl Watch {
    /// Takes a lookup; says whether it can be used.
    pub(super) fn take(&mut self, met: &Met, lookup: &Lookup) -> bool {
        // Its checksums are those of who sent it.
        let is_answer = matches!(lookup.outcome, Outcome::Unasked | Outcome::Mismatched(_));
        let sender = if is_answer { met.destination.ip() } else { met.source.ip() };
        self.note(sender, lookup)
    }

    pub(super) fn note(&mut self, sender: IpAddr, lookup: &Lookup) -> bool {
        if lookup.sums.right && self.sound.len() < MAX_SERVICES {
            self.sound.insert(sender);
        }
        // What was answered was understood.
        if lookup.sums.are_wrong() && lookup.outcome != Outcome::Answered && self.sound.contains(&sender) {
            self.damaged += 1;
            return false;
        }
        match lookup.outcome {
            Outcome::Answered => self.answered += 1,
            Outcome::Unasked => self.unasked += 1,
            _ => {}
        }
        true
    }

    /// Messages that were damaged, if those are no accident.
    pub(super) fn damaged(&self) -> u64 {
        if self.damaged >= FEW { self.damaged } else { 0 }
    }

    /// Whether a query with a wrong checksum was damaged, once all senders are known: its sender's address may be what was.
    pub(super) fn is_damaged(&self, sender: IpAddr) -> bool {
        self.damaged() > 0 || self.sound.contains(&sender)
    }

    /// Why many answers cannot be in the capture, if that is so: it has answers whose queries it lacks. Damage makes such answers, too.
    pub(super) fn incomplete(&self) -> Option<String> {
        let all = self.answered.saturating_add(self.unasked);
        let many = self.unasked >= FEW && self.unasked.saturating_mul(10) >= all;
        (many && self.damaged() == 0).then(|| {
            format!(
                "{} of {all} answers have no query in the capture: it lacks packets of the DNS, and the answers may be among them",
                self.unasked
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::dns::{Parsed, Service, Sums};

    #[test]
    fn a_wrong_checksum_is_damage_if_others_of_its_sender_are_right() {
        let query = [0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, b'a', 0, 0, 1, 0, 1];
        let mut lookup = Lookup::new(Service::Dns, false, &Parsed::new(&query).unwrap(), 0);
        let [a, b] = ["10.0.0.1", "10.0.0.2"].map(|text| text.parse::<IpAddr>().unwrap());
        let mut watch = Watch::default();
        let mut take = |host, right, wrong| {
            lookup.sums = Sums { right, wrong };
            watch.note(host, &lookup)
        };
        assert!(take(a, false, true), "nobody knows yet");
        assert!(take(a, true, false));
        assert!(!take(a, false, true));
        assert!(take(b, false, true), "all of its packets are so: it leaves the sums to its network card");
        assert!(take(a, true, true), "one copy was sound");
        assert!(!take(a, false, true));
        assert!(take(a, false, false), "without a sum");
        assert_eq!((watch.damaged, watch.damaged()), (2, 0));
        watch.damaged += 1;
        assert_eq!(watch.damaged(), 3);
    }
}

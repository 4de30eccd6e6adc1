//! Neighbours on a link: who asks for whose hardware address, and who claims to have an address (ARP, neighbour discovery).

use std::fmt;
use std::net::IpAddr;

use hashbrown::HashMap;
use serde::{Serialize, Serializer};

use crate::model::limits::{MAX_NEIGHBOURS, MAX_QUESTIONS};
use crate::model::{FrameNumber, Span, Timestamp};
use crate::protocol::stream::Moment;

type State = foldhash::fast::RandomState;

/// Two claims to one address within this time are a conflict: hosts defend theirs within seconds (RFC 5227 §2.4), and whoever takes an
/// address over from a failed host does not hear of it again.
const CONFLICT: Span = Span(60_000_000_000);

/// Requests that follow each other within this time are one question: hosts repeat them every second (RFC 4861 §10, RFC 1122 §2.3.2.1).
const REPEAT: Span = Span(5_000_000_000);

/// An Ethernet address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Hardware(pub [u8; 6]);

impl Hardware {
    /// Whether it is one that routers share: VRRP (RFC 9568 §7.3), HSRP, GLBP and CARP use them beside their own.
    #[must_use]
    pub fn is_shared(self) -> bool {
        matches!(
            self.0,
            [0, 0, 0x5e, 0, 1 | 2, _]
                | [0, 0, 0x0c, 7, 0xac, _]
                | [0, 0, 0x0c, 0x9f, 0xf0..=0xff, _]
                | [0, 5, 0x73, 0xa0, 0..=0x0f, _]
                | [0, 7, 0xb4, _, _, _]
        )
    }
}

impl fmt::Display for Hardware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Hardware {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Hardware".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "An Ethernet address.",
            "type": "string",
            "pattern": "^[0-9a-f]{2}(:[0-9a-f]{2}){5}$",
        })
    }
}

impl Serialize for Hardware {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What one message of ARP or neighbour discovery says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// The address that its sender claims as its own; none in a probe.
    pub claimed: Option<IpAddr>,
    /// The address whose owner is asked for.
    pub asked: Option<IpAddr>,
    /// Whom an answer is for.
    pub told: Option<IpAddr>,
    /// Hardware address of the sender.
    pub hardware: Option<Hardware>,
}

/// The latest claim to an address.
#[derive(Clone, Copy, Debug)]
struct Claim {
    hardware: Option<Hardware>,
    at: Moment,
    /// Whoever claims it was given answers, so that answers to it can be captured here.
    is_told: bool,
}

/// Two hosts claim one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The address.
    pub address: IpAddr,
    /// Who claims it now.
    pub hardware: Hardware,
    /// Who claimed it before.
    pub earlier: Hardware,
    /// In which frame.
    pub earlier_frame: FrameNumber,
}

/// A question that nobody answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// Who asks.
    pub asker: IpAddr,
    /// For whom.
    pub target: IpAddr,
    /// The first request.
    pub first: Moment,
    /// How often it was asked.
    pub requests: u64,
    /// From the first to the last request.
    pub lasted: Span,
}

/// What is known of the neighbours.
///
/// Behind a switch requests to all are captured, but not the answers to others. So a question counts as unanswered only if it was repeated, which
/// whoever has the answer does not do, or if other answers to the same host were captured.
#[derive(Debug, Default)]
pub struct Neighbours {
    claims: HashMap<IpAddr, Claim, State>,
    questions: HashMap<(IpAddr, IpAddr), Question, State>,
    ignored: u64,
}

impl Neighbours {
    /// Takes what a message says.
    pub fn take(&mut self, said: &Neighbour, now: Moment) -> Option<Conflict> {
        let conflict = said.claimed.and_then(|address| self.claim(address, said.hardware, now));
        if let Some(told) = said.told.and_then(|told| self.claims.get_mut(&told)) {
            told.is_told = true;
        }
        if let (Some(asker), Some(target)) = (said.claimed, said.asked) {
            self.ask(asker, target, now);
        }
        conflict
    }

    fn claim(&mut self, address: IpAddr, hardware: Option<Hardware>, at: Moment) -> Option<Conflict> {
        if self.claims.len() >= MAX_NEIGHBOURS && !self.claims.contains_key(&address) {
            self.ignored += 1;
            return None;
        }
        let first = Claim { hardware, at, is_told: false };
        let claim = self.claims.entry(address).or_insert(first);
        let before = std::mem::replace(claim, Claim { hardware: hardware.or(claim.hardware), at, ..*claim });
        let (hardware, earlier) = (hardware?, before.hardware?);
        let is_conflict = hardware != earlier
            && !hardware.is_shared()
            && !earlier.is_shared()
            && (Span(0)..=CONFLICT).contains(&at.time.since(before.at.time));
        is_conflict.then_some(Conflict { address, hardware, earlier, earlier_frame: before.at.frame })
    }

    fn ask(&mut self, asker: IpAddr, target: IpAddr, now: Moment) {
        let key = (asker, target);
        if self.questions.len() >= MAX_QUESTIONS && !self.questions.contains_key(&key) {
            self.ignored += 1;
            return;
        }
        let first = Question { asker, target, first: now, requests: 0, lasted: Span(0) };
        let question = self.questions.entry(key).or_insert(first);
        let last = Timestamp(question.first.time.0.saturating_add(question.lasted.0));
        let answered = self.claims.get(&target).is_some_and(|claim| claim.at.frame > question.first.frame);
        if answered || now.time.since(last) > REPEAT {
            *question = first;
        }
        question.requests += 1;
        question.lasted = now.time.since(question.first.time);
    }

    /// Questions that were never answered, in order of their first request; those asked less than `patience` before the end are left out.
    #[must_use]
    pub fn unanswered(&self, end: Timestamp, patience: Span) -> Vec<Question> {
        let is_open = |question: &&Question| {
            let claim = self.claims.get(&question.target);
            let is_told = self.claims.get(&question.asker).is_some_and(|asker| asker.is_told);
            claim.is_none_or(|claim| claim.at.frame < question.first.frame)
                && (question.requests > 1 || is_told)
                && end.since(question.first.time) >= patience
        };
        let mut open: Vec<Question> = self.questions.values().filter(is_open).copied().collect();
        open.sort_unstable_by_key(|question| (question.first.frame, question.asker, question.target));
        open
    }

    /// Claims and questions that were ignored because there were so many.
    #[must_use]
    pub fn ignored(&self) -> u64 {
        self.ignored
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn host(number: u8) -> IpAddr {
        Ipv4Addr::new(10, 0, 0, number).into()
    }

    fn at(frame: u64, seconds: i64) -> Moment {
        Moment { frame: FrameNumber(frame), time: Timestamp(seconds * 1_000_000_000) }
    }

    fn asks(asker: u8, target: u8) -> Neighbour {
        Neighbour {
            claimed: Some(host(asker)),
            asked: Some(host(target)),
            told: None,
            hardware: Some(Hardware([2, 0, 0, 0, 0, asker])),
        }
    }

    fn tells(owner: u8, asker: u8) -> Neighbour {
        Neighbour { asked: None, told: Some(host(asker)), ..asks(owner, 0) }
    }

    fn claims(address: u8, hardware: [u8; 6]) -> Neighbour {
        Neighbour {
            claimed: Some(host(address)),
            asked: None,
            told: None,
            hardware: Some(Hardware(hardware)),
        }
    }

    fn unanswered(neighbours: &Neighbours, end: i64) -> Vec<(IpAddr, u64, u64)> {
        let open = neighbours.unanswered(at(0, end).time, Span(1_000_000_000));
        open.iter().map(|q| (q.target, q.first.frame.0, q.requests)).collect()
    }

    #[test]
    fn a_repeated_question_without_answer_is_unanswered() {
        let mut neighbours = Neighbours::default();
        neighbours.take(&asks(1, 9), at(1, 0));
        assert_eq!(unanswered(&neighbours, 10), [], "the answer may have gone another way");
        neighbours.take(&asks(1, 9), at(2, 1));
        neighbours.take(&asks(1, 9), at(3, 2));
        assert_eq!(unanswered(&neighbours, 10), [(host(9), 1, 3)]);
        assert_eq!(unanswered(&neighbours, 0), [], "it is too early");
        neighbours.take(&asks(1, 9), at(4, 60));
        assert_eq!(unanswered(&neighbours, 70), [], "a new question, asked once");
        neighbours.take(&asks(1, 9), at(5, 61));
        neighbours.take(&claims(9, [2, 0, 0, 0, 0, 9]), at(6, 62));
        assert_eq!(unanswered(&neighbours, 70), [], "an answer, to whomever");
        neighbours.take(&asks(1, 9), at(7, 63));
        neighbours.take(&asks(1, 9), at(8, 64));
        assert_eq!(unanswered(&neighbours, 70), [(host(9), 7, 2)]);
    }

    #[test]
    fn one_question_is_enough_where_answers_are_captured() {
        let mut neighbours = Neighbours::default();
        neighbours.take(&asks(1, 8), at(1, 0));
        neighbours.take(&tells(8, 1), at(2, 0));
        neighbours.take(&asks(1, 9), at(3, 1));
        neighbours.take(&asks(2, 9), at(4, 1));
        assert_eq!(unanswered(&neighbours, 10), [(host(9), 3, 1)]);
        // A probe asks for nobody's sake.
        neighbours.take(&Neighbour { claimed: None, ..asks(0, 77) }, at(5, 2));
        assert_eq!(unanswered(&neighbours, 10).len(), 1);
    }

    #[test]
    fn two_claims_within_a_minute_are_a_conflict() {
        let (one, other) = ([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
        let mut neighbours = Neighbours::default();
        let mut take = |hardware, frame, seconds| {
            let conflict = neighbours.take(&claims(5, hardware), at(frame, seconds))?;
            assert_eq!((conflict.address, conflict.hardware), (host(5), Hardware(hardware)));
            Some(conflict.earlier_frame.0)
        };
        assert_eq!(take(one, 1, 0), None);
        assert_eq!(take(one, 2, 1), None);
        assert_eq!(take(other, 3, 61), Some(2));
        assert_eq!(take(one, 4, 62), Some(3));
        assert_eq!(take(other, 5, 123), None, "one took over from the other");
        assert_eq!(take(one, 6, 122), None, "time went backwards");
        for shared in [[0, 0, 0x5e, 0, 1, 7], [0, 0, 0x0c, 7, 0xac, 1], [0, 0, 0x0c, 0x9f, 0xf2, 1]] {
            assert_eq!(take(shared, 7, 123), None, "a virtual router");
        }
        assert_eq!(Hardware(other).to_string(), "02:00:00:00:00:02");
    }

    #[test]
    fn memory_is_bounded() {
        let mut neighbours = Neighbours::default();
        let count = MAX_NEIGHBOURS.max(MAX_QUESTIONS) as u32 + 50;
        for number in 0..count {
            let target = Ipv4Addr::from(number).into();
            let said = Neighbour { claimed: Some(target), asked: Some(target), told: None, hardware: None };
            neighbours.take(&said, at(u64::from(number), 0));
        }
        assert_eq!((neighbours.claims.len(), neighbours.questions.len()), (MAX_NEIGHBOURS, MAX_QUESTIONS));
        let over = |max: usize| u64::from(count) - max as u64;
        assert_eq!(neighbours.ignored(), over(MAX_NEIGHBOURS) + over(MAX_QUESTIONS));
    }
}

//! Whose trouble it is that many cases tell of: a server's, or that of a client which has it with many.
//!
//! A client is to blame only if hardly anything that it tries succeeds. Where it has the same trouble with many servers and others answer, each server is a
//! matter of its own; peers that come and go are told together, as a guess.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::case::Case;
use super::object::{Confidence, Scope};
use crate::model::{Endpoint, Timestamp};

/// Servers with which one client must have the same trouble for the trouble to be the client's.
const MANY: usize = 3;

/// Ports of servers that one client tries in vain: it scans.
const MANY_PORTS: usize = 16;

/// What makes cases one: rule, server, subject; and whether they are only guesses.
pub(super) type Key<'c> = (&'c str, Endpoint, String, bool);

/// Whether trouble of this sort with many servers can be its client's own. What a server says, or takes its time for, is the server's.
fn may_be_clients(code: &str) -> bool {
    let of_server =
        ["APP-", "DNS-01", "DNS-06", "DNS-13", "PERF-10", "PERF-16", "CONN-04", "CONN-06", "RST-05"];
    !of_server.iter().any(|prefix| code.starts_with(prefix))
}

/// What the cases of one client have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spread {
    /// Nothing: each server is a matter of its own.
    No,
    /// All or nearly all that the client tries fails: it is the client's.
    Client,
    /// Many servers, or many ports of one; whose doing it is, is not known.
    Many,
    /// Peers that come and go, of which others answer.
    Peers,
    /// Many servers at the same time, of which others answer, or the same ones at other times: what the ways to them share had a bad moment.
    Moment,
}

/// What a client's trouble with several servers amounts to.
pub(super) fn spread(cases: &[&Case]) -> Spread {
    let hosts: BTreeSet<IpAddr> = cases.iter().map(|case| case.ends.server.ip()).collect();
    let servers: BTreeSet<Endpoint> = cases.iter().map(|case| case.ends.server).collect();
    if !cases.iter().all(|case| may_be_clients(case.code)) {
        return Spread::No;
    }
    if hosts.len() < MANY {
        return if servers.len() >= MANY_PORTS { Spread::Many } else { Spread::No };
    }
    let Some(successes) = cases.iter().filter_map(|case| case.successes).max() else { return Spread::Many };
    let high = cases.iter().filter(|case| case.ends.server.port() >= 1024).count();
    if successes.saturating_mul(10) <= cases.len() as u64 {
        Spread::Client
    } else if cases.iter().all(|case| case.code.starts_with("TLS-")) {
        Spread::Many
    } else if high * 2 > cases.len() && cases.iter().all(|case| case.code.starts_with("CONN-")) {
        Spread::Peers
    } else if at_once(cases) {
        Spread::Moment
    } else {
        Spread::No
    }
}

/// Whether attempts to many hosts were waiting for an answer at the same time.
fn at_once(cases: &[&Case]) -> bool {
    let silent = cases.iter().filter(|case| case.code == "CONN-01");
    // Who ends at a moment still waits for what begins then.
    let mut events: Vec<(Timestamp, bool, IpAddr)> = silent
        .flat_map(|case| {
            let host = case.ends.server.ip();
            [(case.first, false, host), (case.last, true, host)]
        })
        .collect();
    events.sort_unstable();
    let mut waiting: BTreeMap<IpAddr, usize> = BTreeMap::new();
    events.into_iter().any(|(_, ends, host)| {
        let open = waiting.entry(host).or_default();
        *open = if ends { open.saturating_sub(1) } else { open.saturating_add(1) };
        if *open == 0 {
            waiting.remove(&host);
        }
        waiting.len() >= MANY
    })
}

/// Groups of a rule that all belong to one client, and to many servers, are one if the trouble can be the client's.
pub(super) fn by_client(groups: BTreeMap<Key<'_>, Vec<Case>>) -> Vec<(Scope, Vec<Case>)> {
    let mut of_rule: BTreeMap<(String, String, bool), Vec<Vec<Case>>> = BTreeMap::new();
    for ((code, _, subject, is_low), cases) in groups {
        of_rule.entry((code.to_owned(), subject, is_low)).or_default().push(cases);
    }
    let mut out = Vec::new();
    for (_, servers) in of_rule {
        // By client, to see whether one has the same trouble everywhere, or tries port after port.
        let mut of_client: BTreeMap<IpAddr, Vec<&Case>> = BTreeMap::new();
        for case in servers.iter().flatten() {
            of_client.entry(case.ends.client.ip()).or_default().push(case);
        }
        let spreads: BTreeMap<IpAddr, Spread> =
            of_client.iter().map(|(client, cases)| (*client, spread(cases))).collect();
        let is_mixed = of_client.len() > 1;
        let (joined, servers): (Vec<_>, Vec<_>) = servers.into_iter().partition(|cases| {
            let client = cases.first().map(|case| case.ends.client.ip());
            let alone = cases.iter().all(|case| Some(case.ends.client.ip()) == client);
            let spread = client.and_then(|client| spreads.get(&client)).copied().unwrap_or(Spread::No);
            // Where several clients have it with one server, it is that server's.
            alone && spread != Spread::No && (!is_mixed || cases.len() == 1)
        });
        let mut hosts: BTreeMap<IpAddr, Vec<Case>> = BTreeMap::new();
        for case in joined.into_iter().flatten() {
            hosts.entry(case.ends.client.ip()).or_default().push(case);
        }
        out.extend(hosts.into_values().map(|cases| (Scope::Host, cases)));
        for cases in servers {
            let scope = if cases.len() > 1 { Scope::Service } else { Scope::Conversation };
            out.push((scope, cases));
        }
    }
    out
}

/// How sure at least half of the cases are.
pub(super) fn common(cases: &[Case]) -> Confidence {
    let mut all: Vec<Confidence> = cases.iter().map(|case| case.confidence).collect();
    all.sort_unstable();
    all.get(all.len() / 2).copied().unwrap_or(Confidence::Low)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::Protocol;
    use crate::diagnosis::object::Ends;

    /// Cases of one client with so many servers, each of another host.
    fn cases(code: &'static str, servers: u8, port: u16, successes: Option<u64>) -> Vec<Case> {
        let end = |text: String| text.parse::<Endpoint>().unwrap();
        (1..=servers)
            .map(|n| {
                let ends = Ends {
                    client: end(format!("10.0.0.1:{}", 50_000 + u16::from(n))),
                    server: end(format!("192.0.2.{n}:{port}")),
                    protocol: Protocol::Tcp,
                    stream: Some(n.into()),
                };
                let time = Timestamp(10_000_000_000 * i64::from(n));
                Case { successes, ..Case::new(code, ends, (time, time)) }
            })
            .collect()
    }

    fn of(cases: &[Case]) -> Spread {
        spread(&cases.iter().collect::<Vec<_>>())
    }

    #[test]
    fn whose_trouble_it_is() {
        for (code, servers, port, successes, expected) in [
            ("CONN-01", 2, 443, Some(0), Spread::No),
            ("CONN-01", 3, 443, Some(0), Spread::Client),
            ("CONN-01", 10, 443, Some(1), Spread::Client),
            // Others answer: each server is a matter of its own, or a peer that is gone.
            ("CONN-01", 10, 443, Some(2), Spread::No),
            ("CONN-01", 10, 46_906, Some(60), Spread::Peers),
            ("DNS-02", 10, 53, Some(1), Spread::Client),
            ("DNS-02", 9, 53, Some(1), Spread::No),
            ("TLS-07", 9, 443, Some(5), Spread::Many),
            ("LOSS-03", 5, 443, None, Spread::Many),
            // What a server says, or takes its time for, is the server's.
            ("PERF-16", 9, 80, None, Spread::No),
            ("DNS-01", 9, 53, None, Spread::No),
        ] {
            assert_eq!(
                of(&cases(code, servers, port, successes)),
                expected,
                "{code} {servers} {successes:?}"
            );
        }
        let mut scan = cases("CONN-02", 20, 1, Some(0));
        for (port, case) in (1..).zip(&mut scan) {
            case.ends.server = format!("192.0.2.1:{port}").parse().unwrap();
        }
        assert_eq!(of(&scan), Spread::Many);
    }

    /// Scopes and how many cases each holds.
    fn joined(cases: Vec<Case>) -> Vec<(Scope, usize)> {
        let mut groups: BTreeMap<Key<'_>, Vec<Case>> = BTreeMap::new();
        for case in cases {
            let key = (case.code, case.ends.server, case.subject.clone(), false);
            groups.entry(key).or_default().push(case);
        }
        by_client(groups).into_iter().map(|(scope, cases)| (scope, cases.len())).collect()
    }

    #[test]
    fn a_client_is_blamed_only_if_nothing_succeeds() {
        let mine = |successes| cases("CONN-01", 4, 443, Some(successes));
        assert_eq!(joined(mine(0)), [(Scope::Host, 4)]);
        assert_eq!(joined(mine(9)), [(Scope::Conversation, 1); 4]);
        // Another client has it with one of these servers: that one's is the server's.
        let mut others = cases("CONN-01", 1, 443, Some(0));
        others[0].ends.client = "10.0.0.9:50000".parse().unwrap();
        let mut both = joined([mine(0), others.clone()].concat());
        both.sort_by_key(|(_, count)| *count);
        assert_eq!(both, [(Scope::Service, 2), (Scope::Host, 3)]);
        // Of a rule that tells of the server, no client is to blame.
        assert_eq!(joined(cases("DNS-01", 4, 53, None)), [(Scope::Conversation, 1); 4]);
    }

    #[test]
    fn what_fails_at_the_same_time_has_something_in_common() {
        let within = |servers: u8, code| {
            let mut cases = cases(code, servers, 443, Some(50));
            for (n, case) in cases.iter_mut().enumerate() {
                // Three attempts over nine seconds, each begun when the one before goes on.
                case.first = Timestamp(n as i64 * 2_000_000_000);
                case.last = Timestamp(case.first.0 + 9_000_000_000);
            }
            of(&cases)
        };
        assert_eq!(within(2, "CONN-01"), Spread::No);
        assert_eq!(within(3, "CONN-01"), Spread::Moment);
        assert_eq!(within(3, "CONN-02"), Spread::No, "a refusal is the server's");
        // One after the other.
        assert_eq!(of(&cases("CONN-01", 8, 443, Some(50))), Spread::No);
    }

    #[test]
    fn half_of_the_cases_must_be_so_sure() {
        use Confidence::{High, Low, Medium};
        for (all, expected) in [
            (&[High][..], High),
            (&[High, Medium], High),
            (&[High, Medium, Medium], Medium),
            (&[Low, Low, High], Low),
            (&[], Low),
        ] {
            let mut of = cases("CONN-01", all.len() as u8, 1, None);
            of.iter_mut().zip(all).for_each(|(case, sure)| case.confidence = *sure);
            assert_eq!(common(&of), expected, "{all:?}");
        }
    }
}

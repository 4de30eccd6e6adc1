//! From cases to diagnoses: equal ones become one, parents explain their children, and what cost most comes first.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::case::Case;
use super::object::{Confidence, Diagnosis, Ends, Evidence, Explained, Gate, Scope, Severity, Step, Used};
use super::spread::{Key, Spread, by_client, common, spread};
use super::thresholds::Thresholds;
use super::{MAX_ENDS, MAX_EVIDENCE, catalogue};
use crate::expert::Seconds;
use crate::model::{Endpoint, FrameNumber, Span};

/// What a child must share with its parent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Shared {
    /// The conversation.
    Stream,
    /// Both hosts.
    Hosts,
    /// The server and its port.
    Server,
    /// A host: the client of the one is the server of the other, as a proxy is.
    Proxy,
}

/// Which rules explain which others: where both hold, the second needs no cause of its own.
const EXPLAINS: &[(&str, &str, Shared)] = &[
    ("MTU-01", "LOSS-03", Shared::Hosts),
    ("MTU-01", "LOSS-10", Shared::Hosts),
    ("MTU-01", "TLS-07", Shared::Hosts),
    ("MTU-01", "PERF-16", Shared::Hosts),
    ("CONN-06", "CONN-01", Shared::Server),
    ("CONN-06", "APP-01", Shared::Proxy),
    ("CONN-01", "APP-01", Shared::Proxy),
    ("CONN-02", "APP-01", Shared::Proxy),
    ("CONN-03", "APP-01", Shared::Proxy),
    ("CONN-15", "APP-01", Shared::Proxy),
    ("RST-05", "LOSS-10", Shared::Stream),
    ("RST-05", "LOSS-03", Shared::Stream),
    ("RST-06", "TLS-06", Shared::Stream),
    ("RST-06", "RST-03", Shared::Stream),
    ("PERF-01", "PERF-16", Shared::Stream),
    ("PERF-01", "LOSS-03", Shared::Stream),
    ("LOSS-10", "TLS-07", Shared::Stream),
    ("TLS-01", "RST-02", Shared::Stream),
    ("TLS-01", "RST-03", Shared::Stream),
    ("TLS-02", "RST-02", Shared::Stream),
    ("TLS-02", "RST-03", Shared::Stream),
    ("TLS-03", "RST-02", Shared::Stream),
    ("TLS-03", "RST-03", Shared::Stream),
    ("TLS-04", "RST-02", Shared::Stream),
    ("TLS-04", "RST-03", Shared::Stream),
    ("TLS-05", "RST-02", Shared::Stream),
    ("TLS-05", "RST-03", Shared::Stream),
    ("TLS-06", "RST-02", Shared::Stream),
    ("TLS-06", "RST-03", Shared::Stream),
    ("TLS-07", "RST-02", Shared::Stream),
    ("TLS-07", "RST-03", Shared::Stream),
    ("TLS-08", "RST-02", Shared::Stream),
    ("TLS-08", "RST-03", Shared::Stream),
    ("TLS-09", "RST-02", Shared::Stream),
    ("TLS-09", "RST-03", Shared::Stream),
    ("DNS-02", "DNS-01", Shared::Proxy),
    ("DNS-02", "DNS-06", Shared::Proxy),
    ("DNS-01", "DNS-01", Shared::Proxy),
    ("DNS-06", "DNS-06", Shared::Proxy),
    ("RST-02", "APP-01", Shared::Proxy),
    ("RST-03", "APP-01", Shared::Proxy),
    ("PERF-16", "APP-01", Shared::Proxy),
    ("PERF-16", "PERF-16", Shared::Proxy),
    ("APP-01", "PERF-16", Shared::Stream),
    ("APP-01", "APP-01", Shared::Proxy),
];

/// Joins, explains and ranks.
pub(super) fn join(cases: Vec<Case>, gates: &[Gate], thresholds: &Thresholds) -> Vec<Diagnosis> {
    let mut groups: BTreeMap<Key<'_>, Vec<Case>> = BTreeMap::new();
    for case in cases {
        // What is hardly sure does not become surer beside what is.
        let is_low = case.confidence == Confidence::Low;
        let key = (case.code, case.ends.server, case.subject.clone(), is_low);
        groups.entry(key).or_default().push(case);
    }
    let mut diagnoses: Vec<Diagnosis> = by_client(groups)
        .into_iter()
        .map(|(scope, cases)| diagnosis(scope, &cases, thresholds))
        .map(|diagnosis| capped(diagnosis, gates))
        .collect();
    explain(&mut diagnoses);
    diagnoses.sort_by(|a, b| {
        b.lost_time
            .cmp(&a.lost_time)
            .then(b.severity.cmp(&a.severity))
            .then(b.count.cmp(&a.count))
            .then_with(|| (a.code, a.first).cmp(&(b.code, b.first)))
            .then_with(|| a.endpoints.first().map(|e| e.stream).cmp(&b.endpoints.first().map(|e| e.stream)))
    });
    diagnoses
}

/// One diagnosis of cases with the same rule.
fn diagnosis(scope: Scope, cases: &[Case], thresholds: &Thresholds) -> Diagnosis {
    // The surest case speaks for all, but not surer than half of them are; of equal ones the first.
    let surest = |best: Option<usize>, (at, case): (usize, &Case)| match best {
        Some(best) if cases.get(best).is_some_and(|known| known.confidence >= case.confidence) => Some(best),
        _ => Some(at),
    };
    let common = common(cases);
    let like_most = cases.iter().enumerate().filter(|(_, case)| case.confidence <= common);
    let speaker = like_most.fold(None, surest).unwrap_or(0);
    let fallback = || Case::new("?", NOBODY, Default::default());
    let example = cases.get(speaker).cloned().unwrap_or_else(fallback);
    let rule = catalogue::rule(example.code);
    let lost = lost(cases);
    let mut endpoints: Vec<Ends> = cases.iter().map(|case| case.ends).collect();
    endpoints.sort_by_key(|ends| (ends.protocol, ends.stream, ends.client));
    endpoints.dedup();
    let beyond = cases.iter().map(|case| case.beyond.0).fold(0, u64::saturating_add);
    let conversations = beyond.saturating_add(endpoints.len() as u64);
    endpoints.truncate(MAX_ENDS);
    let evidence = evidence(&example, cases);
    let mut used: Vec<Used> = Vec::new();
    for limit in cases.iter().flat_map(|case| case.used.iter()) {
        let shown = thresholds.used(*limit);
        if !used.contains(&shown) {
            used.push(shown);
        }
    }
    let mut confidence = example.confidence;
    let mut reasons = example.reasons.clone();
    if example.code == "MTU-01" && conversations >= 2 {
        confidence = confidence.raised();
        reasons = vec![format!("{conversations} conversations lose their large packets, and only those")];
    }
    let is_of_peers = scope == Scope::Host && spread(&cases.iter().collect::<Vec<_>>()) == Spread::Peers;
    let mut severity = cases.iter().map(|case| case.severity).max().unwrap_or(rule.severity);
    if is_of_peers {
        (confidence, severity) = (Confidence::Low, Severity::Note);
        reasons = vec!["other peers of the client answer: these may just be gone".to_owned()];
    }
    Diagnosis {
        code: rule.code,
        name: rule.name,
        title: rule.title,
        severity,
        confidence,
        confidence_reasons: reasons,
        scope,
        summary: summary(scope, &example, cases, conversations, lost),
        first: cases.iter().map(|case| case.first).min().unwrap_or_default(),
        last: cases.iter().map(|case| case.last).max().unwrap_or_default(),
        count: cases.iter().map(|case| case.count).fold(0, u64::saturating_add),
        lost_time: lost,
        filter: filter(&evidence),
        evidence,
        counter_evidence: example.counter.clone(),
        rival: example.rival.clone(),
        explains: Vec::new(),
        explained_by: None,
        thresholds: used,
        next: steps(rule, &example, endpoints.first()),
        references: rule.references,
        endpoints,
        conversations,
    }
}

/// What cases cost together. Who waits for several things side by side waits once: a client cannot lose more than the time from the first lookup or request to
/// the last answer, nor more than the time in which any of its connection attempts was open.
fn lost(cases: &[Case]) -> Span {
    if cases.iter().all(|case| case.code.starts_with("CONN-") || case.code == "TLS-07") {
        return side_by_side(cases);
    }
    let sum = cases.iter().map(|case| case.lost.0).fold(0, i64::saturating_add);
    let first = cases.iter().map(|case| case.first).min().unwrap_or_default();
    let last = cases.iter().map(|case| case.last).max().unwrap_or_default();
    let clients: BTreeSet<IpAddr> = cases.iter().map(|case| case.ends.client.ip()).collect();
    let most = last.since(first).0.max(0).saturating_mul(clients.len() as i64);
    let of_names = cases.iter().any(|case| case.code.starts_with("DNS-") || case.code == "PERF-16");
    Span(if of_names && most > 0 { sum.min(most) } else { sum })
}

/// Time in which clients waited: of each what its cases cover, from when they began.
fn side_by_side(cases: &[Case]) -> Span {
    let mut waits: Vec<(IpAddr, i64, i64)> = cases
        .iter()
        .map(|case| (case.ends.client.ip(), case.first.0, case.first.0.saturating_add(case.lost.0)))
        .collect();
    waits.sort_unstable();
    let mut sum: i64 = 0;
    let mut done: Option<(IpAddr, i64)> = None;
    for (client, from, until) in waits {
        let before = done.filter(|(known, _)| *known == client).map_or(i64::MIN, |(_, until)| until);
        sum = sum.saturating_add(until.saturating_sub(from.max(before)).max(0));
        done = Some((client, until.max(before)));
    }
    Span(sum)
}

/// Stands where nobody is.
const NOBODY: Ends = {
    const NOWHERE: Endpoint = Endpoint::V4(std::net::SocketAddrV4::new(std::net::Ipv4Addr::UNSPECIFIED, 0));
    Ends { client: NOWHERE, server: NOWHERE, protocol: crate::conversation::Protocol::Tcp, stream: None }
};

/// What happened: one case in its own words; of several what they have in common.
fn summary(scope: Scope, example: &Case, cases: &[Case], conversations: u64, lost: Span) -> String {
    if cases.len() == 1 {
        return example.sentence.clone();
    }
    let clients: BTreeSet<IpAddr> = cases.iter().map(|case| case.ends.client.ip()).collect();
    let servers: BTreeSet<IpAddr> = cases.iter().map(|case| case.ends.server.ip()).collect();
    let beyond = cases.iter().map(|case| case.beyond.1).fold(0, u64::saturating_add);
    let beyond = usize::try_from(beyond).unwrap_or(usize::MAX);
    let cost = if lost.0 > 0 { format!(", {} lost in all", Seconds(lost)) } else { String::new() };
    let many = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    if scope == Scope::Host {
        let all: Vec<&Case> = cases.iter().collect();
        let client = example.ends.client.ip();
        let blame = match spread(&all) {
            Spread::Peers => {
                let successes = cases.iter().filter_map(|case| case.successes).max().unwrap_or(0);
                return format!(
                    "{} of {} peers that {client} tried are not there; for one: {}",
                    servers.len(),
                    successes.saturating_add(servers.len() as u64),
                    example.sentence
                );
            }
            Spread::Client => match example.blame {
                Some(blame) if cases.iter().all(|case| case.blame == Some(blame)) => {
                    format!(", so look at {blame} first, which says so each time")
                }
                _ => ", so look at the client's side first".to_owned(),
            },
            Spread::Moment => {
                ", several at the same time, so look at what the ways to them share: the client's side, its uplink"
                    .to_owned()
            }
            _ => String::new(),
        };
        return format!(
            "{client} has this with {} ({}{cost}){blame}; for one: {}",
            many(servers.len(), "server"),
            many(usize::try_from(conversations).unwrap_or(usize::MAX), "conversation"),
            example.sentence
        );
    }
    format!(
        "{} ({} of {}{cost})",
        example.gist,
        many(usize::try_from(conversations).unwrap_or(usize::MAX), "conversation"),
        many(clients.len().saturating_add(beyond), "client")
    )
}

/// The frames: those of the case that speaks, then the first ones of the others.
fn evidence(example: &Case, cases: &[Case]) -> Vec<Evidence> {
    let mut all: Vec<Evidence> = example.evidence.clone();
    for round in 0..MAX_EVIDENCE {
        for case in cases {
            if let Some(one) = case.evidence.get(round)
                && all.len() < MAX_EVIDENCE
                && !all.iter().any(|known| known.frame == one.frame)
            {
                all.push(one.clone());
            }
        }
    }
    all.sort();
    all.dedup_by_key(|one| one.frame);
    all.truncate(MAX_EVIDENCE);
    all
}

/// A filter that shows these frames.
fn filter(evidence: &[Evidence]) -> String {
    let frames: Vec<String> = evidence.iter().map(|one| one.frame.to_string()).collect();
    match &frames[..] {
        [] => String::new(),
        [one] => format!("frame.number == {one}"),
        many => format!("frame.number in {{{}}}", many.join(", ")),
    }
}

/// The rule's commands with the names of those they are about.
fn steps(rule: &catalogue::Rule, example: &Case, ends: Option<&Ends>) -> Vec<Step> {
    let ends = ends.copied().unwrap_or(example.ends);
    let stream = ends.stream.map_or_else(String::new, |stream| stream.to_string());
    rule.steps
        .iter()
        .map(|advice| Step {
            place: advice.place,
            command: advice
                .command
                .replace("{client}", &ends.client.ip().to_string())
                .replace("{server}", &ends.server.ip().to_string())
                .replace("{port}", &ends.server.port().to_string())
                .replace("{name}", shell_word(&example.subject))
                .replace("{stream}", &stream),
            why: advice.why,
        })
        .collect()
}

/// A name of a packet as a word of a command. Where a shell could take any of it for something else, or the command the whole for an option, a placeholder
/// stands: without some of its letters it would be another name.
fn shell_word(name: &str) -> &str {
    let harmless = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    let is_word = !name.is_empty() && name.len() <= 253 && name.chars().all(harmless);
    if is_word && !name.starts_with('-') { name } else { "NAME" }
}

/// Rules that rest on something that did not come. PERF-16 and APP-01 have an answer to show.
const ABSENCE: &[&str] = &["CONN-01", "CONN-06", "DNS-02", "TLS-06", "TLS-07"];

/// What gates of capture quality leave of a diagnosis' confidence.
fn capped(mut diagnosis: Diagnosis, gates: &[Gate]) -> Diagnosis {
    let rests_on_loss = diagnosis.code.starts_with("LOSS-") || diagnosis.code.starts_with("MTU-");
    let rests_on_absence = ABSENCE.contains(&diagnosis.code);
    let drops = gates.iter().any(|gate| gate.code == "Q-01");
    let is_capped = rests_on_loss && diagnosis.code != "MTU-02" || rests_on_absence;
    if is_capped && drops && diagnosis.confidence == super::Confidence::High {
        diagnosis.confidence = super::Confidence::Medium;
        let reason = if rests_on_absence {
            "the capture itself lacks packets (Q-01): what seems to be missing may be among them"
        } else {
            "the capture itself lacks packets (Q-01)"
        };
        diagnosis.confidence_reasons.push(reason.to_owned());
    }
    let copies = gates.iter().find(|gate| matches!(gate.code, "Q-02" | "Q-08"));
    let at_most = match diagnosis.code {
        "LOSS-02" | "LOSS-06" => super::Confidence::Low,
        // Only what the receiver confirms was sent twice, and not merely captured twice.
        "LOSS-05" if diagnosis.confidence < super::Confidence::High => super::Confidence::Low,
        _ => super::Confidence::Medium,
    };
    let passes_for = match diagnosis.code {
        "DNS-02" => Some("queries that got no answer, or were sent again"),
        code => code.starts_with("LOSS-").then_some("retransmissions"),
    };
    if let (Some(gate), Some(what)) = (copies.filter(|_| diagnosis.confidence > at_most), passes_for) {
        diagnosis.confidence = at_most;
        let reason =
            format!("packets were captured more than once ({}): some copies may pass for {what}", gate.code);
        diagnosis.confidence_reasons.push(reason);
    }
    diagnosis
}

/// Marks what others explain.
fn explain(diagnoses: &mut [Diagnosis]) {
    // By rule and by what is shared: many diagnoses must not be compared with each other.
    let mut known: BTreeMap<(&str, Shared), BTreeMap<String, Vec<usize>>> = BTreeMap::new();
    for (at, parent) in diagnoses.iter().enumerate() {
        if parent.confidence == super::Confidence::Low {
            continue;
        }
        for &(_, _, shared) in EXPLAINS.iter().filter(|(code, ..)| *code == parent.code) {
            let of_rule = known.entry((parent.code, shared)).or_default();
            for ends in &parent.endpoints {
                of_rule.entry(shared.of_parent(ends)).or_default().push(at);
            }
        }
    }
    let codes: Vec<&'static str> = diagnoses.iter().map(|diagnosis| diagnosis.code).collect();
    // What a proxy waited for happened while it was waited for.
    let meet =
        |a: usize, b: &Diagnosis| diagnoses.get(a).is_some_and(|a| a.first <= b.last && b.first <= a.last);
    let mut explained: Vec<(usize, usize)> = Vec::new();
    for (place, child) in diagnoses.iter().enumerate() {
        let by = EXPLAINS.iter().filter(|(_, code, _)| *code == child.code).find_map(|(code, _, shared)| {
            let of_rule = known.get(&(*code, *shared))?;
            // The front begins before its backend and ends behind it, so that two never explain each other.
            let within = |at: usize| {
                let parent = diagnoses.get(at);
                parent.is_some_and(|parent| parent.first > child.first && parent.last <= child.last)
            };
            let fits = |at: usize| {
                at != place
                    && (*shared != Shared::Proxy || meet(at, child))
                    && (*code != child.code || within(at))
            };
            let parent =
                |ends: &Ends| of_rule.get(&shared.of_child(ends))?.iter().copied().find(|&at| fits(at));
            let mut parents = child.endpoints.iter().map(parent);
            let first = parents.next()??;
            parents.all(|parent| parent.is_some()).then_some(first)
        });
        explained.extend(by.map(|parent| (parent, place)));
    }
    for (parent, child) in explained {
        let (Some(by), Some(code)) = (codes.get(parent), codes.get(child)) else { continue };
        let count = diagnoses.get(child).map_or(0, |diagnosis| diagnosis.conversations);
        if let Some(diagnosis) = diagnoses.get_mut(child) {
            diagnosis.explained_by = Some(by);
        }
        if let Some(diagnosis) = diagnoses.get_mut(parent) {
            match diagnosis.explains.iter_mut().find(|known| known.code == *code) {
                Some(known) => known.count = known.count.saturating_add(count),
                None => diagnosis.explains.push(Explained { code, count }),
            }
        }
    }
}

impl Shared {
    /// What a parent offers to share.
    fn of_parent(self, ends: &Ends) -> String {
        match self {
            Shared::Stream => format!("{} {:?}", ends.protocol.name(), ends.stream),
            Shared::Hosts => format!("{} {}", ends.client.ip(), ends.server.ip()),
            Shared::Server => ends.server.to_string(),
            Shared::Proxy => ends.client.ip().to_string(),
        }
    }

    /// What a child must share.
    fn of_child(self, ends: &Ends) -> String {
        match self {
            Shared::Proxy => ends.server.ip().to_string(),
            _ => self.of_parent(ends),
        }
    }
}

/// Frames of a gate, as many as are shown.
pub(super) fn some_frames(frames: impl Iterator<Item = FrameNumber>) -> Vec<FrameNumber> {
    let mut some: Vec<FrameNumber> = frames.take(MAX_EVIDENCE * 8).collect();
    some.sort_unstable();
    some.dedup();
    some.truncate(MAX_EVIDENCE);
    some
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_in_commands_as_they_are_or_not_at_all() {
        for name in ["www.example", "_ldap._tcp.example", "2001:db8::1", "x--y.example"] {
            assert_eq!(shell_word(name), name);
        }
        for name in [
            "",
            "a;reboot.test",
            "@1.2.3.4.test",
            "$(id).test",
            "a b.c.test",
            "-f.test",
            "a\nb",
            "\u{e9}.test",
        ] {
            assert_eq!(shell_word(name), "NAME", "{name}");
        }
        assert_eq!(shell_word(&"a".repeat(254)), "NAME");
    }

    #[test]
    fn a_capture_that_lacks_packets_says_of_no_absence_for_sure() {
        let end = |text: &str| text.parse::<Endpoint>().unwrap();
        let ends = Ends { client: end("10.0.0.1:50000"), server: end("192.0.2.1:443"), ..NOBODY };
        let thresholds = Thresholds::default();
        let capped_to = |code, gate_code| {
            let case = Case { confidence: Confidence::High, ..Case::new(code, ends, Default::default()) };
            let gate = Gate {
                code: gate_code,
                name: "",
                title: "",
                summary: String::new(),
                count: 1,
                frames: Vec::new(),
                effect: "",
                thresholds: Vec::new(),
                next: Vec::new(),
            };
            join(vec![case], &[gate], &thresholds).remove(0).confidence
        };
        for code in ABSENCE.iter().copied().chain(["LOSS-03"]) {
            assert_eq!(capped_to(code, "Q-01"), Confidence::Medium, "{code}");
            assert_eq!(capped_to(code, "Q-09"), Confidence::High, "{code}");
        }
        for code in ["CONN-02", "PERF-16", "DNS-13"] {
            assert_eq!(capped_to(code, "Q-01"), Confidence::High, "{code}");
        }
        for gate in ["Q-02", "Q-08"] {
            assert_eq!(capped_to("DNS-02", gate), Confidence::Medium, "{gate}");
            assert_eq!(capped_to("DNS-13", gate), Confidence::High, "{gate}");
        }
    }

    #[test]
    fn who_waits_side_by_side_waits_once() {
        let end = |text: &str| text.parse::<Endpoint>().unwrap();
        let case = |code, client: &str, from: i64, lost: i64| {
            let ends = Ends { client: end(client), server: end("192.0.2.1:443"), ..NOBODY };
            let at = |ms: i64| crate::model::Timestamp(ms * 1_000_000);
            Case::new(code, ends, (at(from), at(from + 1))).costs(Span(lost * 1_000_000))
        };
        let [a, b] = ["10.0.0.1:50000", "10.0.0.2:50000"];
        let sum = |cases: &[Case]| lost(cases).0 / 1_000_000;
        assert_eq!(sum(&[case("CONN-01", a, 0, 12), case("CONN-01", a, 2, 12)]), 14);
        assert_eq!(
            sum(&[case("CONN-01", a, 0, 12), case("CONN-01", a, 2, 3), case("CONN-01", a, 20, 5)]),
            17
        );
        assert_eq!(sum(&[case("CONN-01", a, 0, 12), case("CONN-01", b, 2, 12)]), 24);
        assert_eq!(sum(&[case("TLS-07", a, 0, 12), case("TLS-07", a, 2, 12)]), 14);
        // What one conversation lost to loss is that conversation's.
        assert_eq!(sum(&[case("LOSS-03", a, 0, 12), case("LOSS-03", a, 2, 12)]), 24);
    }
}

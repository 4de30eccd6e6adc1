//! The rule book: one row a rule. `--explain`, the README's table and every diagnosis come from it.
//!
//! Codes and names are public and frozen. Gates of capture quality (`Q-…`) stand here, too: they are explained like rules.

mod application;
mod connect;
mod dns;
mod flow;
mod loss;
mod mtu;
mod quality;
mod reset;
mod tls;

use super::object::{Confidence, Severity};
use super::thresholds::Limit;

/// A rule.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Code: family and number, e.g. `CONN-01`.
    pub code: &'static str,
    /// Name, in lower case with hyphens.
    pub name: &'static str,
    /// A few words.
    pub title: &'static str,
    /// What it usually is.
    pub severity: Severity,
    /// Where its confidence starts.
    pub confidence: Confidence,
    /// What it means for those who use the network, and why it comes about.
    pub meaning: &'static str,
    /// What must be seen on the wire.
    pub evidence: &'static str,
    /// What looks alike, and how it is told apart or what it costs in confidence.
    pub confounders: &'static str,
    /// The thresholds that it compares with.
    pub thresholds: &'static [Limit],
    /// What to run next.
    pub steps: &'static [Advice],
    /// Where it comes from.
    pub references: &'static [&'static str],
}

/// A command to run next. `{client}`, `{server}`, `{port}`, `{name}` and `{stream}` stand for what the diagnosis at hand is about.
#[derive(Clone, Copy, Debug)]
pub struct Advice {
    /// Where to run it.
    pub place: &'static str,
    /// The command.
    pub command: &'static str,
    /// What it tells.
    pub why: &'static str,
}

const fn advice(place: &'static str, command: &'static str, why: &'static str) -> Advice {
    Advice { place, command, why }
}

/// Rules of all families, in the order of their codes.
const FAMILIES: [&[Rule]; 9] = [
    quality::RULES,
    connect::RULES,
    loss::RULES,
    flow::RULES,
    reset::RULES,
    mtu::RULES,
    dns::RULES,
    tls::RULES,
    application::RULES,
];

/// Every rule.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    FAMILIES.iter().flat_map(|family| family.iter())
}

/// The rule of a code or a name.
#[must_use]
pub fn rule_by_code(code: &str) -> Option<&'static Rule> {
    rules().find(|rule| rule.code.eq_ignore_ascii_case(code) || rule.name.eq_ignore_ascii_case(code))
}

/// The rule of a code that stands in this library.
pub(super) fn rule(code: &'static str) -> &'static Rule {
    // A test holds every code that rules use to the catalogue.
    rules().find(|rule| rule.code == code).unwrap_or(const { &UNKNOWN })
}

/// Stands for a rule that nobody has, which does not happen.
const UNKNOWN: Rule = Rule {
    code: "?",
    name: "?",
    title: "?",
    severity: Severity::Info,
    confidence: Confidence::Low,
    meaning: "",
    evidence: "",
    confounders: "",
    thresholds: &[],
    steps: &[],
    references: &[],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_whole_and_of_its_own() {
        let (mut codes, mut names) = (Vec::new(), Vec::new());
        for rule in rules() {
            let [family, number] = rule.code.split('-').collect::<Vec<_>>()[..] else {
                panic!("{}", rule.code)
            };
            assert!(family.bytes().all(|b| b.is_ascii_uppercase()) && number.len() == 2, "{}", rule.code);
            assert!(
                rule.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-' || b.is_ascii_digit()),
                "{}",
                rule.name
            );
            for text in [rule.title, rule.meaning, rule.evidence, rule.confounders] {
                assert!(!text.is_empty() && text == text.trim(), "{}", rule.code);
            }
            assert!(!rule.steps.is_empty() && !rule.references.is_empty(), "{}", rule.code);
            for step in rule.steps {
                assert!(
                    !step.place.is_empty() && !step.command.is_empty() && !step.why.is_empty(),
                    "{}",
                    rule.code
                );
                for (at, _) in step.command.match_indices('{') {
                    let known = ["{client}", "{server}", "{port}", "{name}", "{stream}"];
                    let rest = &step.command[at..];
                    assert!(known.iter().any(|name| rest.starts_with(name)), "{}: {rest}", rule.code);
                }
            }
            codes.push(rule.code);
            names.push(rule.name);
        }
        for mut of in [codes, names] {
            let count = of.len();
            of.sort_unstable();
            of.dedup();
            assert_eq!(of.len(), count);
        }
    }

    /// Codes and names are public: options, reports and gates use them. None may change, go, or be used for something else.
    const FROZEN: &[(&str, &str)] = &[
        ("Q-01", "capture-drops"),
        ("Q-02", "duplicates"),
        ("Q-03", "segmentation-offload"),
        ("Q-04", "cut-packets"),
        ("Q-05", "mid-stream"),
        ("Q-06", "one-sided"),
        ("Q-07", "times"),
        ("Q-08", "several-interfaces"),
        ("Q-09", "tunnels"),
        ("Q-10", "checksums-of-offload"),
        ("Q-11", "damaged-file"),
        ("Q-12", "capture-ends-too-soon"),
        ("CONN-01", "syn-unanswered"),
        ("CONN-02", "connection-refused"),
        ("CONN-03", "rejected-by-filter"),
        ("CONN-04", "reset-by-middlebox"),
        ("CONN-06", "accept-queue-full"),
        ("CONN-15", "host-unreachable"),
        ("LOSS-01", "loss-limits-throughput"),
        ("LOSS-02", "loss-side"),
        ("LOSS-03", "timeouts-dominate"),
        ("LOSS-05", "spurious-retransmissions"),
        ("LOSS-06", "reordering"),
        ("LOSS-10", "path-death"),
        ("PERF-01", "receiver-not-reading"),
        ("PERF-02", "receive-window-limited"),
        ("PERF-03", "window-ceiling"),
        ("PERF-10", "nagle-delayed-ack"),
        ("PERF-16", "slow-server"),
        ("RST-02", "closed-with-unread-data"),
        ("RST-03", "local-abort"),
        ("RST-05", "idle-timeout"),
        ("RST-06", "injected-reset"),
        ("MTU-01", "path-mtu-black-hole"),
        ("MTU-02", "path-mtu-discovery"),
        ("DNS-01", "slow-resolver"),
        ("DNS-02", "query-timeout"),
        ("DNS-06", "resolver-failure"),
        ("DNS-13", "name-does-not-exist"),
        ("TLS-01", "tls-version-mismatch"),
        ("TLS-02", "tls-no-common-parameters"),
        ("TLS-03", "certificate-out-of-date"),
        ("TLS-04", "certificate-not-trusted"),
        ("TLS-05", "server-name-mismatch"),
        ("TLS-06", "ended-after-client-hello"),
        ("TLS-07", "silence-after-client-hello"),
        ("TLS-08", "plain-text-and-tls"),
        ("TLS-09", "encrypted-rejection"),
        ("APP-01", "gateway-error"),
    ];

    #[test]
    fn codes_and_names_are_frozen_and_in_order() {
        let now: Vec<_> = rules().map(|rule| (rule.code, rule.name)).collect();
        assert_eq!(now, FROZEN);
        assert_eq!(rule_by_code("conn-01").map(|rule| rule.name), Some("syn-unanswered"));
        assert_eq!(rule_by_code("syn-unanswered").map(|rule| rule.code), Some("CONN-01"));
        assert_eq!(rule_by_code("SYN-Unanswered").map(|rule| rule.code), Some("CONN-01"));
        assert!(rule_by_code("CONN-99").is_none());
    }
}

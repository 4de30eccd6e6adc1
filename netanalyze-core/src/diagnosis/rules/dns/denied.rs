//! Names that do not exist: DNS-13. Most of them nobody needs; those are told as guesses at most.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::super::super::case::Case;
use super::super::super::object::Confidence;
use super::super::super::scene::Scene;
use super::cases::is_resolver;
use super::hidden::Opened;
use super::known::first_label;
use super::lacks::Lacks;
use super::{Names, TIMEOUT, Unresolved, shown_name};
use crate::model::Endpoint;
use crate::protocol::dns::RecordType;

/// Beyond so many names that do not exist a client's names are told together.
const MANY_NAMES: usize = 8;

/// Names whose absence surprises nobody.
pub(super) fn is_ordinary(name: &[u8], kind: RecordType) -> Option<&'static str> {
    let lower = name.to_ascii_lowercase();
    let labels: Vec<&[u8]> = lower.split(|&byte| byte == b'.').filter(|label| !label.is_empty()).collect();
    let (Some(&first), Some(&last)) = (labels.first(), labels.last()) else {
        return Some("programs ask for such names without being told to");
    };
    let has = |sought: &[&[u8]]| labels.iter().any(|label| sought.contains(label));
    // RFC 6761, RFC 6762, RFC 8375, and what routers hand out besides.
    let is_private = PRIVATE.contains(&last) || lower.ends_with(b".home.arpa");
    let numbers = labels.iter().take(4).filter(|label| label.iter().all(u8::is_ascii_digit)).count();
    let nibbles = labels.iter().filter(|label| label.len() == 1).count();
    // A name that is whole goes on: what the search list added to it.
    let ends = |at: usize| labels.get(at).is_some_and(|label| TOP_LEVEL.contains(label));
    let is_continued = (1..labels.len().saturating_sub(2)).any(ends);
    let original = name.split(|&byte| byte == b'.').next().unwrap_or_default();
    if lower.ends_with(b".local") {
        Some("such names are sought by multicast")
    } else if kind == RecordType::PTR || lower.ends_with(b".arpa") {
        Some("addresses without a name are ordinary")
    } else if numbers == 4 || nibbles >= 16 || has(LISTS) {
        Some("lists of addresses and names answer this for all that is not on them")
    } else if labels.iter().any(|label| label.starts_with(b"_")) {
        Some("programs look for services in this way that need not be there")
    } else if matches!(first, b"wpad" | b"isatap") || labels.len() < 2 || is_private {
        Some("programs ask for such names without being told to")
    } else if is_continued {
        Some("a whole name with a suffix of the search list behind it")
    } else if first.contains(&b'*') {
        Some("a pattern, and no name")
    } else if original.iter().any(u8::is_ascii_uppercase) && !original.iter().any(u8::is_ascii_lowercase) {
        Some("computers seek their own names like this")
    } else if kind == RecordType::TXT {
        Some("programs that ask for text often only look whether there is any")
    } else {
        None
    }
}

/// Domains that are no part of the public tree, or must not be.
const PRIVATE: &[&[u8]] = &[
    b"lan",
    b"home",
    b"localdomain",
    b"localhost",
    b"internal",
    b"intranet",
    b"private",
    b"corp",
    b"workgroup",
    b"fritz",
    b"router",
    b"dhcp",
    b"invalid",
    b"onion",
];

/// Labels of lists that answer whether something is on them.
const LISTS: &[&[u8]] = &[
    b"dnsbl",
    b"rbl",
    b"surbl",
    b"uribl",
    b"spamhaus",
    b"spamcop",
    b"sorbs",
    b"njabl",
    b"dnswl",
    b"mailspike",
    b"senderbase",
    b"barracudacentral",
    b"sophosxl",
    b"avts",
    b"avqs",
    b"cymru",
    b"blacklist",
    b"bl",
];

/// Ends of names that are whole.
const TOP_LEVEL: &[&[u8]] = &[b"com", b"net", b"org", b"edu", b"gov", b"info"];

/// Whether a browser may have made up a name, to see whether resolvers lie: it asks for three at once, of 7 to 15 letters.
fn is_probe(name: &Unresolved, all: &[&Unresolved]) -> bool {
    let looks = |name: &[u8]| {
        let label = name.split(|&byte| byte == b'.').next().unwrap_or_default();
        (7..=15).contains(&label.len()) && label.iter().all(u8::is_ascii_lowercase)
    };
    let beside =
        |other: &&&Unresolved| looks(&other.name) && other.first.since(name.first).0.abs() <= TIMEOUT.0 / 5;
    looks(&name.name) && all.iter().filter(beside).count() >= 3
}

impl Names {
    /// Why a client may get a name where nobody sees it.
    fn elsewhere(&self, lacks: &Lacks, opened: &Opened, name: &Unresolved) -> Option<String> {
        let client = name.ends.client.ip();
        if let Some(way) = lacks.hidden.way(client) {
            return Some(format!("{way}, where it can ask for names without being seen"));
        }
        let host = self.given.stranger(opened, client, name.last)?;
        Some(format!(
            "it connects to {host} soon after, an address that no answer in the capture gave it: it may ask elsewhere, too"
        ))
    }

    pub(super) fn names_denied(
        &self,
        scene: &Scene<'_>,
        denied: &[&Unresolved],
        servers: &BTreeSet<IpAddr>,
        lacks: &Lacks,
    ) -> Vec<Case> {
        let mut by_client: BTreeMap<(IpAddr, Endpoint), Vec<&Unresolved>> = BTreeMap::new();
        for &name in denied {
            by_client.entry((name.ends.client.ip(), name.ends.server)).or_default().push(name);
        }
        let mut cases = Vec::new();
        let opened = if denied.is_empty() { return cases } else { Opened::new(scene) };
        for ((client, server), names) in by_client {
            let surprising = names.iter().filter(|name| is_ordinary(&name.name, name.kind).is_none()).count();
            let together = surprising > MANY_NAMES;
            for &name in &names {
                let shown = shown_name(&name.name);
                let gist = if together {
                    format!("{client} asks {server} for names that do not exist")
                } else {
                    format!("{shown} does not exist, says {server}")
                };
                let is_cut = scene.until_end(name.last) < TIMEOUT;
                let elsewhere = self.elsewhere(lacks, &opened, name);
                let afterwards =
                    if is_cut || elsewhere.is_some() { "" } else { ", and does not get it from elsewhere" };
                let mut case = Case::new("DNS-13", name.ends, (name.first, name.last))
                    .says(
                        format!("{client} asks for {shown}, which does not exist, says {server}{afterwards}"),
                        gist,
                    )
                    .costs(name.waited)
                    .times(name.count)
                    .about(if together { "" } else { &*shown })
                    .rival(
                        "a server that does not know the zone, while another one does",
                        "whether the resolvers that other hosts use know the name",
                    );
                for &(query, answer) in &name.frames {
                    case = case
                        .shows(query, format!("query for {} {shown}", name.kind), "a name that exists")
                        .shows(answer, "answer: no such name", "records");
                }
                if let Some(reason) = is_ordinary(&name.name, name.kind) {
                    case = case.at_most(Confidence::Low, reason);
                } else if is_resolver(servers, client, server) {
                    case = case.at_most(Confidence::Low, "asked by a resolver on behalf of somebody else");
                } else if self.local.contains(&first_label(&name.name)) {
                    case = case.at_most(
                        Confidence::Low,
                        "a name of the local network: it is sought by multicast, too",
                    );
                } else if is_probe(name, &names) {
                    case = case.at_most(
                        Confidence::Low,
                        "browsers make such names up, to see whether resolvers lie",
                    );
                } else if is_cut {
                    case = case.at_most(
                        Confidence::Medium,
                        "the capture ends before the client would try elsewhere",
                    );
                } else if let Some(reason) = elsewhere {
                    case = case.at_most(Confidence::Medium, reason).rival(
                        "a view of the zone that only those see who ask another way",
                        "what the resolvers say that the client has beside this one",
                    );
                }
                cases.push(case);
            }
        }
        cases
    }
}

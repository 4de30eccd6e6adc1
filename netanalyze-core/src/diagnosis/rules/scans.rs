//! Who looks for what is there: refusals that nobody needs to mend.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::super::case::Case;
use super::super::object::Severity;
use super::super::scene::Scene;
use crate::model::Endpoint;

/// Makes refusals notes that scanners ran into.
pub(super) fn look(scene: &Scene<'_>, cases: &mut [Case]) {
    sweeps(cases);
    probes(scene, cases);
}

/// A closed port that a scanner finds is nobody's trouble, whatever the SYN looks like by which it found this one.
fn probes(scene: &Scene<'_>, cases: &mut [Case]) {
    let is_probe = |case: &Case| {
        let stream = case.ends.stream.and_then(|number| scene.stream(number));
        stream.is_some_and(|stream| stream.chronicle.opening.is_probe)
    };
    let refused = |case: &&mut Case| case.code == "CONN-02";
    let mut scanners: BTreeSet<IpAddr> = BTreeSet::new();
    for case in cases.iter_mut().filter(refused).filter(|case| is_probe(case)) {
        scanners.insert(case.ends.client.ip());
    }
    for case in cases.iter_mut().filter(refused) {
        let client = case.ends.client.ip();
        let why = if is_probe(case) {
            "the SYN is that of a scanner: a small window, without any option of systems".to_owned()
        } else if scanners.contains(&client) {
            format!("{client} sends SYNs of a scanner, too: it looks for what is there")
        } else {
            continue;
        };
        case.severity = case.severity.min(Severity::Note);
        case.counter.push(why);
    }
}

/// Who is refused by many hosts, or at many ports, looks for what is there: nothing fails that anybody needed.
fn sweeps(cases: &mut [Case]) {
    const HOSTS: usize = 3;
    const SERVERS: usize = 4;
    const PORTS: usize = 16;
    let mut tried: BTreeMap<IpAddr, BTreeSet<Endpoint>> = BTreeMap::new();
    for case in cases.iter().filter(|case| case.code == "CONN-02") {
        tried.entry(case.ends.client.ip()).or_default().insert(case.ends.server);
    }
    // Once for every client: a scanner has as many cases as servers.
    let sweepers: BTreeMap<IpAddr, String> = tried
        .into_iter()
        .filter_map(|(client, servers)| {
            let ports = servers.len();
            let hosts = servers.iter().map(Endpoint::ip).collect::<BTreeSet<_>>().len();
            let sweeps = hosts >= HOSTS && ports >= SERVERS || ports >= PORTS;
            sweeps.then(|| {
                let why = format!(
                    "{client} was refused at {ports} ports of {hosts} hosts: it may be looking for what is there"
                );
                (client, why)
            })
        })
        .collect();
    for case in cases.iter_mut().filter(|case| case.code == "CONN-02") {
        if let Some(why) = sweepers.get(&case.ends.client.ip()) {
            case.severity = case.severity.min(Severity::Note);
            case.counter.push(why.clone());
        }
    }
}

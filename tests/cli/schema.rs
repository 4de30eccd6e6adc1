//! The schemas that `--schema` prints, held against what every view writes about every capture of the corpus.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use boon::{Compiler, SchemaIndex, Schemas};
use netanalyze_core::diagnosis::{Limit, rules};
use netanalyze_core::expert::KINDS;
use netanalyze_core::field::fields;
use netanalyze_core::report::SCHEMA_VERSION;
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value, json};

use crate::support::*;

/// JSON in which no key comes twice in an object: most readers take the last one and say nothing.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Strict;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Strict, E> {
        Ok(Strict(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Strict, E> {
        Ok(Strict(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Strict, E> {
        Ok(Strict(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Strict, E> {
        Ok(Strict(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Strict, E> {
        Ok(Strict(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Strict, E> {
        Ok(Strict(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Strict, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(value)) = seq.next_element()? {
            list.push(value);
        }
        Ok(Strict(list.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Strict, A::Error> {
        let mut map = Map::new();
        while let Some((key, Strict(value))) = entries.next_entry::<String, Strict>()? {
            if map.contains_key(&key) {
                return Err(de::Error::custom(format!("the key {key:?} comes twice")));
            }
            map.insert(key, value);
        }
        Ok(Strict(map.into()))
    }
}

#[track_caller]
fn parse(text: &str) -> Value {
    let Strict(value) = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    value
}

/// A schema as the command prints it.
struct Schema {
    document: Value,
    schemas: Schemas,
    index: SchemaIndex,
}

impl Schema {
    fn of(view: &str, format: &str) -> Self {
        let document = run(&["--schema", view, "--format", format]).json();
        let id = document["$id"].as_str().unwrap().to_owned();
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.add_resource(&id, document.clone()).unwrap();
        // This also holds the schema itself against the draft that it names.
        let index = compiler.compile(&id, &mut schemas).unwrap_or_else(|error| panic!("{view}: {error:#}"));
        Schema { document, schemas, index }
    }

    fn takes(&self, value: &Value) -> bool {
        self.schemas.validate(value, self.index).is_ok()
    }

    #[track_caller]
    fn check(&self, value: &Value, of: &str) {
        if let Err(error) = self.schemas.validate(value, self.index) {
            panic!("{of}: {error:#}\n{value}");
        }
    }

    /// Every key that it knows, by the way to it. `*` stands for the places of a list; the ways of JSON lines begin with their type.
    fn keys(&self) -> BTreeSet<String> {
        let mut keys = BTreeSet::new();
        match self.document.get("oneOf") {
            Some(lines) => {
                for line in lines.as_array().unwrap() {
                    let word = line["properties"]["type"]["const"].as_str().unwrap();
                    self.collect(line, word, &mut keys);
                }
            }
            None => self.collect(&self.document, "", &mut keys),
        }
        keys
    }

    fn collect(&self, schema: &Value, way: &str, keys: &mut BTreeSet<String>) {
        if let Some(to) = schema.get("$ref").and_then(Value::as_str) {
            self.collect(self.document.pointer(to.strip_prefix('#').unwrap()).unwrap(), way, keys);
        }
        for key in ["anyOf", "oneOf", "allOf"] {
            for one in schema.get(key).and_then(Value::as_array).into_iter().flatten() {
                self.collect(one, way, keys);
            }
        }
        for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let way = format!("{way}/{name}");
            keys.insert(way.clone());
            self.collect(property, &way, keys);
        }
        if let Some(items) = schema.get("items") {
            self.collect(items, &format!("{way}/*"), keys);
        }
    }
}

/// The keys of a value, in the same spelling.
fn keys_of(value: &Value, way: &str, keys: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                let way = format!("{way}/{name}");
                keys_of(value, &way, keys);
                keys.insert(way);
            }
        }
        Value::Array(list) => list.iter().for_each(|value| keys_of(value, &format!("{way}/*"), keys)),
        _ => {}
    }
}

/// Every capture of the corpus, and those recorded in real networks, with the secrets of those that have some.
fn captures() -> Vec<(String, Option<String>)> {
    let corpus = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../corpus");
    let mut captures = Vec::new();
    for folder in ["captures", "recorded"] {
        for entry in std::fs::read_dir(corpus.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.to_str().unwrap().contains(".pcap") {
                let keys = path.with_extension("keys");
                captures
                    .push((path.display().to_string(), keys.exists().then(|| keys.display().to_string())));
            }
        }
    }
    captures.sort();
    assert!(captures.len() > 240);
    captures
}

/// What a view writes of a capture; `None` if it cannot be read, or has no such conversation.
fn output(capture: &(String, Option<String>), arguments: &[&str], format: &str) -> Option<String> {
    let mut all = vec![capture.0.as_str(), "--threads", "1", "--format", format];
    all.extend(arguments);
    all.extend(capture.1.iter().flat_map(|keys| ["--keylog", keys]));
    let run = run(&all);
    if run.status == 2 {
        assert!(run.stdout.is_empty(), "{}", run.command);
        return None;
    }
    Some(String::from_utf8(run.status(0).stdout).unwrap())
}

/// Arguments, and on which captures they are tried.
struct Try<'a> {
    arguments: &'a [&'a str],
    every: usize,
}

/// On all.
fn always<'a>(arguments: &'a [&'a str]) -> Try<'a> {
    Try { arguments, every: 1 }
}

/// On some.
fn sometimes<'a>(arguments: &'a [&'a str]) -> Try<'a> {
    Try { arguments, every: 7 }
}

/// Holds the view's output on all captures against its schemas: each is taken, refused with a key too many and with a value of another
/// type, and shows each key somewhere, but for those of `never`, ends of ways with the reason.
#[track_caller]
fn view_is_described(view: &str, runs: &[Try<'_>], never: &[(&str, &str)]) {
    let captures = captures();
    for format in ["json", "jsonl"] {
        let schema = Schema::of(view, format);
        let mut met = BTreeSet::new();
        // A few values of each type of line are changed in every place.
        let mut changed = BTreeMap::<String, u32>::new();
        for (place, capture) in captures.iter().enumerate() {
            for &Try { arguments, .. } in runs.iter().filter(|run| place % run.every == 0) {
                let Some(text) = output(capture, arguments, format) else { continue };
                let of = format!("{} {arguments:?} {format}", capture.0);
                let values: Vec<Value> = match format {
                    "json" => vec![parse(&text)],
                    _ => text.lines().map(parse).collect(),
                };
                for value in &values {
                    schema.check(value, &of);
                    let word = if format == "jsonl" { value["type"].as_str().unwrap() } else { "" };
                    keys_of(value, word, &mut met);
                    let times = changed.entry(word.to_owned()).or_default();
                    if *times < 20 && text.len() < 20_000 {
                        *times += 1;
                        changes_are_refused(&schema, value, &of);
                    }
                }
                if format == "jsonl" {
                    let (first, last) = (&values[0], values.last().unwrap());
                    assert_eq!((&first["type"], &first["view"]), (&json!("header"), &json!(view)), "{of}");
                    assert_eq!(last["type"], "summary", "{of}");
                }
            }
        }
        let known = schema.keys();
        let strange: Vec<_> = met.difference(&known).collect();
        assert!(strange.is_empty(), "{view} {format}: {strange:?}");
        let excused = |way: &str| never.iter().any(|(end, _)| way.ends_with(end));
        let missing: Vec<_> = known.difference(&met).filter(|way| !excused(way)).collect();
        assert!(missing.is_empty(), "{view} {format}: no capture shows {missing:#?}");
        for (end, reason) in never {
            let shown = met.iter().find(|way| way.ends_with(end));
            assert!(shown.is_none(), "{view} {format}: {shown:?} is shown, although {reason}");
        }
    }
}

/// Changes a value in every place, one at a time.
fn changes_are_refused(schema: &Schema, value: &Value, of: &str) {
    let mut places = Vec::new();
    pointers(value, String::new(), &mut places);
    for place in places {
        let mut changed = value.clone();
        let here = changed.pointer_mut(&place).unwrap();
        // Nothing is an object in a list's list.
        *here = json!([[{}]]);
        assert!(!schema.takes(&changed), "{of}: {place:?} can be anything");
        let here = changed.pointer_mut(&place).unwrap();
        here.clone_from(value.pointer(&place).unwrap());
        if let Some(object) = here.as_object_mut() {
            object.insert("no_such_key".to_owned(), json!(1));
            assert!(!schema.takes(&changed), "{of}: {place:?} takes any key");
        }
    }
}

fn pointers(value: &Value, way: String, places: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                pointers(value, format!("{way}/{name}"), places);
            }
        }
        Value::Array(list) => {
            // The first of a list is like the others.
            list.iter().take(1).for_each(|value| pointers(value, format!("{way}/0"), places));
        }
        _ => {}
    }
    places.push(way);
}

const FILTER: &str = "tcp.len > 0 or dns or arp";

#[test]
fn the_report_is_described() {
    let few = "no capture of the corpus has more ends in a state than are usual";
    view_is_described(
        "report",
        &[always(&["--min-severity", "chat"]), sometimes(&["--filter", FILTER])],
        &[("most_at", few), ("most_at/address", few), ("most_at/ends", few)],
    );
}

#[test]
fn diagnoses_are_described() {
    view_is_described(
        "diagnoses",
        &[
            always(&["--diagnoses", "--min-confidence", "low"]),
            sometimes(&["--diagnoses", "--filter", FILTER]),
        ],
        &[],
    );
}

#[test]
fn findings_are_described() {
    let certificates = "no capture of the corpus shows such a certificate";
    let weak = "no capture of the corpus negotiates a weak cipher suite";
    view_is_described(
        "findings",
        &[
            always(&["--findings", "--min-severity", "chat"]),
            sometimes(&["--findings", "--filter", FILTER]),
            // Nothing is found to be slow that is not looked for.
            sometimes(&["--findings", "--tls-slow", "0.000001", "--dns-slow", "0.000001"]),
        ],
        &[
            ("/certificates", certificates),
            ("/missing_issuer", certificates),
            ("/not_before", certificates),
            ("/cipher_suite", weak),
            ("/unacknowledged_bytes", "no capture of the corpus has a handshake whose bytes are lost"),
            ("/times_sent", "no capture of the corpus has a handshake whose bytes are lost"),
            ("/length", "no capture of the corpus has a record of a length that TLS forbids"),
        ],
    );
}

#[test]
fn packets_are_described() {
    let all: Vec<_> = fields().map(|field| field.name).collect();
    let mut never: Vec<_> = RARE_FIELDS.iter().map(|name| (*name, "it was in no capture")).collect();
    never.extend(RARE_PROTOCOLS.iter().map(|name| (*name, "it was in no capture")));
    let ways: Vec<_> = never.iter().map(|(name, reason)| (format!("/{name}"), *reason)).collect();
    let never: Vec<_> = ways.iter().map(|(way, reason)| (way.as_str(), *reason)).collect();
    view_is_described(
        "packets",
        &[always(&["--packets", "--fields", &all.join(",")]), sometimes(&["--packets", "--filter", FILTER])],
        &never,
    );
}

/// Protocols that the corpus has no packet of. All are the same to the schema: there or not there.
const RARE_PROTOCOLS: &[&str] = &[
    "arcnet",
    "ayiya",
    "cfp",
    "cmd",
    "dccp",
    "eapol",
    "eigrp",
    "esp",
    "etag",
    "fddi",
    "fr",
    "gtpprime",
    "hsr",
    "ieee8021ah",
    "ieee8021cb",
    "igmp",
    "ipnet",
    "ipoib",
    "ipx",
    "isl",
    "juniper",
    "lldp",
    "macsec",
    "pgm",
    "pim",
    "pktap",
    "pppoed",
    "prism",
    "rsvp",
    "sctp",
    "sflow",
    "slow",
    "stp",
    "tr",
    "trill",
    "vntag",
    "vrrp",
    "wlan",
    "wlancap",
];

/// Other fields of which the corpus has none: headers and records that are read like those that it has.
const RARE_FIELDS: &[&str] = &[
    "dns.dname",
    "dns.opt.client.addr6",
    "dns.spf",
    "http.accept_encoding",
    "http.accept_language",
    "http.authorization",
    "http.cache_control",
    "http.content_encoding",
    "http.date",
    "http.last_modified",
    "http.proxy_authorization",
    "http.referer",
    "http.set_cookie",
    "http.www_authenticate",
    "http.x_forwarded_for",
    "tls.ignored_unknown_record",
    "tls.record.length.invalid",
];

#[test]
fn streams_are_described() {
    view_is_described(
        "streams",
        &[always(&["--streams"]), sometimes(&["--streams", "--filter", FILTER, "--sort", "bytes"])],
        &[],
    );
}

#[test]
fn lookups_are_described() {
    view_is_described("dns", &[always(&["--dns"]), sometimes(&["--dns", "--filter", FILTER])], &[]);
}

#[test]
fn handshakes_are_described() {
    view_is_described("tls", &[always(&["--tls"]), sometimes(&["--tls", "--filter", FILTER])], &[]);
}

#[test]
fn requests_are_described() {
    view_is_described("http", &[always(&["--http"]), sometimes(&["--http", "--filter", FILTER])], &[]);
}

#[test]
fn conversations_are_described() {
    view_is_described("follow", &[always(&["--follow", "tcp:0"]), sometimes(&["--follow", "udp:0"])], &[]);
}

/// What needs no capture.
#[test]
fn lists_are_described() {
    for (view, arguments, rows) in [
        ("kinds", vec!["--explain", "all"], KINDS.len() + rules().count()),
        ("fields", vec!["--list-fields"], fields().count()),
        ("thresholds", vec!["--list-thresholds"], Limit::ALL.len()),
    ] {
        let mut shown = BTreeSet::new();
        let schema = Schema::of(view, "json");
        let object = parse(&run(&[&arguments[..], &["--format", "json"]].concat()).text());
        schema.check(&object, view);
        changes_are_refused(&schema, &object, view);
        keys_of(&object, "", &mut shown);
        assert_eq!(shown, schema.keys());
        let schema = Schema::of(view, "jsonl");
        let text = run(&[&arguments[..], &["--format", "jsonl"]].concat()).text();
        assert_eq!(text.lines().count(), rows + 1);
        for line in text.lines().map(parse) {
            schema.check(&line, view);
        }
    }
}

/// Keys do not mean two things: the figures of a finding stand beside its common keys.
#[test]
fn figures_have_names_of_their_own() {
    let schema = Schema::of("findings", "jsonl");
    let lines = schema.document["oneOf"].as_array().unwrap();
    let finding = lines.iter().find(|line| line["properties"]["type"]["const"] == "finding").unwrap();
    let common = finding["properties"].as_object().unwrap();
    let mut figures = BTreeSet::new();
    for alternative in finding["anyOf"].as_array().unwrap() {
        schema.collect(alternative, "", &mut figures);
    }
    assert!(figures.contains("/rto_ns") && figures.contains("/record_type"), "{figures:?}");
    for name in common.keys() {
        assert!(!figures.contains(&format!("/{name}")), "{name}");
    }
}

#[test]
fn schemas_say_what_they_are() {
    let rows = ["packets", "streams", "dns", "tls", "http", "follow"];
    for view in ["report", "findings", "diagnoses", "kinds", "fields", "thresholds"].into_iter().chain(rows) {
        for format in ["json", "jsonl"] {
            let Schema { document, .. } = Schema::of(view, format);
            assert_eq!(document["$schema"], "https://json-schema.org/draft/2020-12/schema");
            assert_eq!(document["$id"], format!("urn:netanalyze:{SCHEMA_VERSION}:{view}:{format}"));
            assert!(document["title"].as_str().unwrap().contains(view));
            let version = match format {
                "json" => &document["properties"]["schema_version"]["const"],
                _ => &document["oneOf"][0]["properties"]["schema_version"]["const"],
            };
            assert_eq!(*version, SCHEMA_VERSION);
            described(&document, view);
        }
    }
    // Text is what JSON is described in, too.
    assert_eq!(run(&["--schema", "dns"]).text(), run(&["--schema", "dns", "--format", "json"]).text());
    assert!(run(&["--schema", "dns", "--format", "csv"]).failure().contains("CSV has no schema"));
    for arguments in
        [&["--schema", "dns", "x.pcap"][..], &["--schema", "dns", "--findings"], &["--schema", "nothing"]]
    {
        assert_eq!(run(arguments).status, 2, "{arguments:?}");
    }
}

/// Every property has a description, which is plain text.
fn described(schema: &Value, of: &str) {
    match schema {
        Value::Object(map) => {
            for (name, property) in map.get("properties").and_then(Value::as_object).into_iter().flatten() {
                let text = property["description"].as_str().unwrap_or_default();
                assert!(!text.is_empty(), "{of}: {name} is not described");
                assert!(!text.contains(['\n']) && !text.contains("[`"), "{of}: {name}: {text}");
            }
            map.values().for_each(|value| described(value, of));
        }
        Value::Array(list) => list.iter().for_each(|value| described(value, of)),
        _ => {}
    }
}

//! Fields of DNS records: what their data say, and the options of EDNS.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Value;
use super::dns::{Out, field, hex, number, parsed, string, text};
use super::registry::{Field, FieldType, Source};
use crate::protocol::dns::{
    Edns, Rdata, Record, RecordType, Service, ServiceParameter, Soa, shown_ascii, shown_text,
};
use crate::protocol::message::Message;

/// Every record of all sections.
pub(super) fn each_record(message: &Message, out: Out<'_>, read: fn(&Record<'_>, Service, Out<'_>)) {
    if let Some((parsed, service)) = parsed(message) {
        parsed.records().for_each(|record| read(&record, service, out));
    }
}

/// The types that a name has, as a record that denies others lists them (RFC 4034 §4.1.2, RFC 5155 §3.2); Wireshark shows them like those of
/// records.
pub(super) fn listed_types(record: &Record<'_>, out: Out<'_>) {
    let skip_string = |at: usize| record.data.get(at).map(|&len| at + 1 + usize::from(len));
    let start = match record.kind {
        RecordType::NSEC => record.name_at(0).map(|(_, at)| at),
        RecordType::NSEC3 => skip_string(4).and_then(skip_string),
        _ => None,
    };
    let mut windows = start.and_then(|start| record.data.get(start..)).unwrap_or_default();
    while let Some((&[window, len], rest)) = windows.split_first_chunk() {
        let Some((bits, behind)) = rest.split_at_checked(usize::from(len)) else { return };
        for (place, byte) in (0u64..).zip(bits) {
            let set = (0..8).filter(|bit| byte & 0x80 >> bit != 0);
            out.extend(set.map(|bit| number(u64::from(window) * 256 + place * 8 + bit)));
        }
        windows = behind;
    }
}

/// What the data of each record say.
fn data(message: &Message, out: Out<'_>, read: fn(RecordType, Rdata<'_>, Out<'_>)) {
    if let Some((parsed, _)) = parsed(message) {
        parsed.records().filter(|r| !r.data.is_empty()).for_each(|r| read(r.kind, r.rdata(), out));
    }
}

/// The one name that records of a type have.
fn name(message: &Message, out: Out<'_>, wanted: RecordType) {
    let Some((parsed, _)) = parsed(message) else { return };
    for record in parsed.records().filter(|r| r.kind == wanted && !r.data.is_empty()) {
        if let Rdata::Name(name) = record.rdata() {
            out.push(text(&name));
        }
    }
}

fn soa(message: &Message, out: Out<'_>, read: fn(&Soa) -> Value) {
    let Some((parsed, _)) = parsed(message) else { return };
    for record in parsed.records() {
        if let Rdata::Soa(soa) = record.rdata() {
            out.push(read(&soa));
        }
    }
}

/// Bytes of the data of records of a type, from an offset on.
fn raw(message: &Message, out: Out<'_>, wanted: RecordType, read: fn(&[u8]) -> Option<Value>) {
    let Some((parsed, _)) = parsed(message) else { return };
    out.extend(parsed.records().filter(|r| r.kind == wanted).filter_map(|r| read(r.data)));
}

fn byte(bytes: &[u8], at: usize) -> Option<Value> {
    bytes.get(at).map(|&b| number(b))
}

fn word(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|&b| u64::from(u16::from_be_bytes(b)))
}

/// A string up to the first NUL, where Wireshark's end.
fn ascii(bytes: &[u8]) -> Value {
    string(shown_ascii(bytes.split(|&b| b == 0).next().unwrap_or_default()))
}

/// Bytes in hexadecimal, as tshark prints them.
fn bytes(bytes: &[u8]) -> Value {
    if bytes.is_empty() {
        return Value::Text("<MISSING>");
    }
    string(bytes.iter().map(|b| format!("{b:02x}")).collect())
}

/// Parameters of services with a key.
fn parameter(message: &Message, out: Out<'_>, key: u16, read: fn(&[u8], Out<'_>)) {
    parameters(message, |p| {
        if p.key == key {
            read(p.value, out);
        }
    });
}

fn parameters(message: &Message, mut read: impl FnMut(ServiceParameter<'_>)) {
    let Some((parsed, _)) = parsed(message) else { return };
    for record in parsed.records() {
        if let Rdata::Service { parameters, .. } = record.rdata() {
            parameters.for_each(&mut read);
        }
    }
}

/// In mDNS the size stands where the class has a flag (RFC 6762 §10.2).
fn udp_size(message: &Message, out: Out<'_>) {
    let Some((parsed, service)) = parsed(message) else { return };
    let sizes = parsed.records().filter_map(|r| Edns::of(&r)).map(|e| e.udp_size);
    out.extend(sizes.map(|n| if service == Service::Mdns { hex(n & 0x7fff, 4) } else { number(n) }));
}

fn edns(message: &Message, out: Out<'_>, read: fn(&Edns<'_>) -> Value) {
    let Some((parsed, _)) = parsed(message) else { return };
    out.extend(parsed.records().filter_map(|r| Edns::of(&r)).map(|e| read(&e)));
}

/// A value of each option, or of those with a code.
fn option(message: &Message, out: Out<'_>, code: Option<u16>, read: fn(u16, &[u8]) -> Option<Value>) {
    let Some((parsed, _)) = parsed(message) else { return };
    for edns in parsed.records().filter_map(|r| Edns::of(&r)) {
        let wanted = edns.options().filter(|o| code.is_none_or(|code| code == o.code));
        out.extend(wanted.filter_map(|o| read(o.code, o.data)));
    }
}

/// The address of a client subnet (RFC 7871 §6), filled with zeros.
fn subnet(data: &[u8], family: u64) -> Option<Value> {
    if word(data, 0) != Some(family) {
        return None;
    }
    let mut address = [0; 16];
    let given = data.get(4..)?;
    address.iter_mut().zip(given).for_each(|(to, from)| *to = *from);
    let [a, b, c, d, ..] = address;
    let address = match family {
        1 => IpAddr::from(Ipv4Addr::from([a, b, c, d])),
        _ => IpAddr::from(Ipv6Addr::from(address)),
    };
    Some(Value::Address(address))
}

/// The parts of an SRV record's owner: service, protocol, and the rest.
fn owner(message: &Message, out: Out<'_>, part: usize) {
    let Some((parsed, _)) = parsed(message) else { return };
    for record in parsed.records().filter(|r| r.kind == RecordType::SRV) {
        let name = record.name.shown();
        out.extend(name.splitn(3, '.').nth(part).map(|part| string(part.to_owned())));
    }
}

const COOKIE: Option<u16> = Some(10);
const SUBNET: Option<u16> = Some(8);
const ERROR: Option<u16> = Some(15);

/// The fields.
pub(super) const FIELDS: &[Field] = &[
    field!("dns.a" Ipv4 "IPv4 address", |m, out| data(m, out, |_, d, out| if let Rdata::A(a) = d { out.push(Value::Address(a.into())) })),
    field!("dns.aaaa" Ipv6 "IPv6 address", |m, out| data(m, out, |_, d, out| if let Rdata::Aaaa(a) = d { out.push(Value::Address(a.into())) })),
    field!("dns.cname" Text "The true name", |m, out| name(m, out, RecordType::CNAME)),
    field!("dns.dname" Text "The true name of a subtree", |m, out| name(m, out, RecordType::DNAME)),
    field!("dns.ns" Text "Name server", |m, out| name(m, out, RecordType::NS)),
    field!("dns.ptr.domain_name" Text "Name that is pointed to", |m, out| name(m, out, RecordType::PTR)),
    field!("dns.mx.preference" Unsigned "Preference of a mail server", |m, out| data(m, out, |_, d, out| if let Rdata::Mx { preference, .. } = d { out.push(number(preference)) })),
    field!("dns.mx.mail_exchange" Text "Mail server", |m, out| data(m, out, |_, d, out| if let Rdata::Mx { exchange, .. } = d { out.push(text(&exchange)) })),
    field!("dns.srv.service" Text "Service in an SRV record's name", |m, out| owner(m, out, 0)),
    field!("dns.srv.proto" Text "Protocol in an SRV record's name", |m, out| owner(m, out, 1)),
    field!("dns.srv.name" Text "Domain in an SRV record's name", |m, out| owner(m, out, 2)),
    field!("dns.srv.priority" Unsigned "Priority of a service", |m, out| data(m, out, |_, d, out| if let Rdata::Srv { priority, .. } = d { out.push(number(priority)) })),
    field!("dns.srv.weight" Unsigned "Weight of a service", |m, out| data(m, out, |_, d, out| if let Rdata::Srv { weight, .. } = d { out.push(number(weight)) })),
    field!("dns.srv.port" Unsigned "Port of a service", |m, out| data(m, out, |_, d, out| if let Rdata::Srv { port, .. } = d { out.push(number(port)) })),
    field!("dns.srv.target" Text "Host of a service", |m, out| data(m, out, |_, d, out| if let Rdata::Srv { target, .. } = d { out.push(text(&target)) })),
    field!("dns.txt.length" Unsigned "Length of a text", |m, out| data(m, out, |kind, d, out| if let (RecordType::TXT, Rdata::Txt(strings)) = (kind, d) { out.extend(strings.map(|s| number(s.len() as u64))) })),
    field!("dns.txt" Text "Text", |m, out| data(m, out, |kind, d, out| if let (RecordType::TXT, Rdata::Txt(strings)) = (kind, d) { out.extend(strings.map(ascii)) })),
    field!("dns.spf" Text "Sender policy", |m, out| data(m, out, |kind, d, out| if let (RecordType::SPF, Rdata::Txt(strings)) = (kind, d) { out.extend(strings.map(ascii)) })),
    field!("dns.soa.mname" Text "Primary name server", |m, out| soa(m, out, |s| text(&s.primary))),
    field!("dns.soa.rname" Text "Mailbox of who is responsible", |m, out| soa(m, out, |s| text(&s.mailbox))),
    field!("dns.soa.serial_number" Unsigned "Version of a zone", |m, out| soa(m, out, |s| number(s.serial))),
    field!("dns.soa.refresh_interval" Unsigned "Seconds between looks for a new version", |m, out| soa(m, out, |s| number(s.refresh))),
    field!("dns.soa.retry_interval" Unsigned "Seconds after a look that failed", |m, out| soa(m, out, |s| number(s.retry))),
    field!("dns.soa.expire_limit" Unsigned "Seconds that an old version is used", |m, out| soa(m, out, |s| number(s.expire))),
    field!("dns.soa.minimum_ttl" Unsigned "Seconds that an absence may be cached", |m, out| soa(m, out, |s| number(s.minimum))),
    field!("dns.svcb.svcpriority" Unsigned "Priority of a service binding", |m, out| data(m, out, |_, d, out| if let Rdata::Service { priority, .. } = d { out.push(number(priority)) })),
    field!("dns.svcb.targetname" Text "Host of a service binding", |m, out| data(m, out, |_, d, out| if let Rdata::Service { target, .. } = d { out.push(text(&target)) })),
    field!("dns.svcb.svcparam.key" Unsigned "Key of a service parameter", |m, out| parameters(m, |p| out.push(number(p.key)))),
    field!("dns.svcb.svcparam.value.length" Unsigned "Length of a service parameter", |m, out| parameters(m, |p| out.push(number(p.value.len() as u64)))),
    field!("dns.svcb.svcparam.alpn" Text "Protocol that a service speaks", |m, out| parameter(m, out, 1, |mut value, out| {
        while let Some((&len, rest)) = value.split_first() {
            let Some((protocol, behind)) = rest.split_at_checked(usize::from(len)) else { return };
            out.push(string(shown_text(protocol)));
            value = behind;
        }
    })),
    field!("dns.svcb.svcparam.port" Unsigned "Port of a service", |m, out| parameter(m, out, 3, |value, out| out.extend(word(value, 0).map(number)))),
    field!("dns.svcb.svcparam.ipv4hint.ip" Ipv4 "IPv4 address of a service", |m, out| parameter(m, out, 4, |value, out| {
        out.extend(value.as_chunks().0.iter().map(|&a: &[u8; 4]| Value::Address(a.into())));
    })),
    field!("dns.svcb.svcparam.ipv6hint.ip" Ipv6 "IPv6 address of a service", |m, out| parameter(m, out, 6, |value, out| {
        out.extend(value.as_chunks().0.iter().map(|&a: &[u8; 16]| Value::Address(a.into())));
    })),
    field!("dns.caa.flags" Unsigned "Flags of a CAA record", |m, out| data(m, out, |_, d, out| if let Rdata::Caa { flags, .. } = d { out.push(hex(flags, 2)) })),
    field!("dns.caa.tag" Text "What a CAA record is about", |m, out| data(m, out, |_, d, out| if let Rdata::Caa { tag, .. } = d { out.push(string(shown_ascii(tag))) })),
    field!("dns.caa.value" Text "What a CAA record says", |m, out| data(m, out, |_, d, out| if let Rdata::Caa { value, .. } = d { out.push(string(shown_ascii(value))) })),
    field!("dns.ds.key_id" Unsigned "Tag of a zone's key", |m, out| raw(m, out, RecordType::DS, |d| word(d, 0).map(|tag| hex(tag, 4)))),
    field!("dns.ds.algorithm" Unsigned "Algorithm of a zone's key", |m, out| raw(m, out, RecordType::DS, |d| byte(d, 2))),
    field!("dns.ds.digest_type" Unsigned "Kind of a digest", |m, out| raw(m, out, RecordType::DS, |d| byte(d, 3))),
    field!("dns.rrsig.type_covered" Unsigned "Type of the records that are signed", |m, out| raw(m, out, RecordType::RRSIG, |d| word(d, 0).map(number))),
    field!("dns.rrsig.algorithm" Unsigned "Algorithm of a signature", |m, out| raw(m, out, RecordType::RRSIG, |d| byte(d, 2))),
    field!("dns.rrsig.key_tag" Unsigned "Tag of the key that signed", |m, out| raw(m, out, RecordType::RRSIG, |d| word(d, 16).map(number))),
    field!("dns.dnskey.flags" Unsigned "Flags of a zone's key", |m, out| raw(m, out, RecordType::DNSKEY, |d| word(d, 0).map(|flags| hex(flags, 4)))),
    field!("dns.dnskey.algorithm" Unsigned "Algorithm of a zone's key", |m, out| raw(m, out, RecordType::DNSKEY, |d| byte(d, 3))),
    field!("dns.rr.udp_payload_size" Unsigned "EDNS: the largest datagram that is taken", udp_size),
    field!("dns.resp.ext_rcode" Unsigned "EDNS: higher bits of the response code", |m, out| edns(m, out, |e| hex(e.extended_rcode, 2))),
    field!("dns.resp.edns0_version" Unsigned "EDNS: version", |m, out| edns(m, out, |e| number(e.version))),
    field!("dns.resp.z" Unsigned "EDNS: flags", |m, out| edns(m, out, |e| hex(e.flags, 4))),
    field!("dns.resp.z.do" Boolean "EDNS: signatures are wanted", |m, out| edns(m, out, |e| Value::Bool(e.dnssec_ok()))),
    field!("dns.opt.code" Unsigned "Code of an option", |m, out| option(m, out, None, |code, _| Some(number(code)))),
    field!("dns.opt.len" Unsigned "Length of an option", |m, out| option(m, out, None, |_, d| Some(number(d.len() as u64)))),
    field!("dns.opt.data" Text "Bytes of an option", |m, out| option(m, out, None, |_, d| Some(bytes(d)))),
    field!("dns.opt.client.addr4" Ipv4 "Subnet of the client", |m, out| option(m, out, SUBNET, |_, d| subnet(d, 1))),
    field!("dns.opt.client.addr6" Ipv6 "Subnet of the client", |m, out| option(m, out, SUBNET, |_, d| subnet(d, 2))),
    field!("dns.opt.client.netmask" Unsigned "Bits of the client's subnet", |m, out| option(m, out, SUBNET, |_, d| byte(d, 2))),
    field!("dns.opt.cookie.client" Text "Cookie of the client", |m, out| option(m, out, COOKIE, |_, d| d.get(..8).map(bytes))),
    field!("dns.opt.cookie.server" Text "Cookie of the server", |m, out| option(m, out, COOKIE, |_, d| d.get(8..).map(bytes))),
    field!("dns.opt.ext_error.info_code" Unsigned "Code of an extended error", |m, out| option(m, out, ERROR, |_, d| word(d, 0).map(number))),
    field!("dns.opt.ext_error.extra_text" Text "Text of an extended error", |m, out| option(m, out, ERROR, |_, d| d.get(2..).filter(|d| !d.is_empty()).map(|d| string(shown_text(d))))),
];

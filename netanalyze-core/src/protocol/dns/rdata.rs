//! What the data of common records mean.

use std::net::{Ipv4Addr, Ipv6Addr};

use nom::IResult;
use nom::Parser;
use nom::bytes::complete::take;
use nom::multi::length_data;
use nom::number::complete::{be_u8, be_u16, be_u32};

use super::code::RecordType;
use super::name::Name;
use super::record::Record;

/// A zone's start (RFC 1035 §3.3.13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Soa {
    /// The primary server.
    pub primary: Name,
    /// The mailbox of who is responsible.
    pub mailbox: Name,
    /// Version of the zone.
    pub serial: u32,
    /// Seconds between looks for a new version.
    pub refresh: u32,
    /// Seconds before another look after one failed.
    pub retry: u32,
    /// Seconds after which an old version is no longer used.
    pub expire: u32,
    /// Seconds that a name's absence may be cached (RFC 2308 §4).
    pub minimum: u32,
}

/// The data of a record.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::large_enum_variant)] // one at a time, never kept
pub enum Rdata<'m> {
    /// A.
    A(Ipv4Addr),
    /// AAAA.
    Aaaa(Ipv6Addr),
    /// A single name: CNAME, NS, PTR, DNAME.
    Name(Name),
    /// MX.
    Mx {
        /// The lowest is tried first.
        preference: u16,
        /// The server.
        exchange: Name,
    },
    /// SRV (RFC 2782).
    Srv {
        /// The lowest is tried first.
        priority: u16,
        /// Share among those of equal priority.
        weight: u16,
        /// The port.
        port: u16,
        /// The host.
        target: Name,
    },
    /// SOA.
    Soa(Soa),
    /// TXT and SPF.
    Txt(CharacterStrings<'m>),
    /// SVCB and HTTPS (RFC 9460 §2.2).
    Service {
        /// 0: another name for this one.
        priority: u16,
        /// Where the service is; the root is the owner itself.
        target: Name,
        /// How it wants to be spoken to.
        parameters: ServiceParameters<'m>,
    },
    /// CAA (RFC 8659 §4.1).
    Caa {
        /// Bit 7: issuers who do not understand the tag must not issue.
        flags: u8,
        /// What kind of value.
        tag: &'m [u8],
        /// The value.
        value: &'m [u8],
    },
    /// Options of EDNS: see [`Edns`](super::Edns).
    Opt(&'m [u8]),
    /// Of another type, or not what its type says.
    Other(&'m [u8]),
}

impl<'m> Rdata<'m> {
    pub(super) fn of(record: &Record<'m>) -> Self {
        read(record, record.data).unwrap_or(Rdata::Other(record.data))
    }
}

pub(super) fn read<'m>(record: &Record<'m>, data: &'m [u8]) -> Option<Rdata<'m>> {
    let name_at = |offset| record.name_at(offset);
    Some(match record.kind {
        RecordType::A => Rdata::A(Ipv4Addr::from(*data.first_chunk::<4>()?)),
        RecordType::AAAA => Rdata::Aaaa(Ipv6Addr::from(*data.first_chunk::<16>()?)),
        RecordType::CNAME | RecordType::NS | RecordType::PTR | RecordType::DNAME => {
            Rdata::Name(name_at(0)?.0)
        }
        RecordType::MX => Rdata::Mx { preference: words::<1>(data)?[0], exchange: name_at(2)?.0 },
        RecordType::SRV => {
            let [priority, weight, port] = words(data)?;
            Rdata::Srv { priority, weight, port, target: name_at(6)?.0 }
        }
        RecordType::SOA => {
            let (primary, at) = name_at(0)?;
            let (mailbox, at) = name_at(at)?;
            let (_, (serial, refresh, retry, expire, minimum)) = five(data.get(at..)?).ok()?;
            Rdata::Soa(Soa { primary, mailbox, serial, refresh, retry, expire, minimum })
        }
        RecordType::TXT | RecordType::SPF => Rdata::Txt(CharacterStrings { rest: data }),
        RecordType::SVCB | RecordType::HTTPS => {
            let (target, at) = name_at(2)?;
            let parameters = ServiceParameters { rest: data.get(at..)? };
            Rdata::Service { priority: words::<1>(data)?[0], target, parameters }
        }
        RecordType::CAA => {
            let (value, (flags, tag)) = caa(data).ok()?;
            Rdata::Caa { flags, tag, value }
        }
        RecordType::OPT => Rdata::Opt(data),
        _ => return None,
    })
}

fn words<const N: usize>(data: &[u8]) -> Option<[u16; N]> {
    let mut words = [0; N];
    let mut rest = data;
    for word in &mut words {
        (rest, *word) = be_u16::<_, nom::error::Error<&[u8]>>(rest).ok()?;
    }
    Some(words)
}

fn five(data: &[u8]) -> IResult<&[u8], (u32, u32, u32, u32, u32)> {
    (be_u32, be_u32, be_u32, be_u32, be_u32).parse(data)
}

fn caa(data: &[u8]) -> IResult<&[u8], (u8, &[u8])> {
    (be_u8, length_data(be_u8)).parse(data)
}

/// Strings with a length byte each (RFC 1035 §3.3), up to the first that is not whole.
#[derive(Clone, Copy, Debug)]
pub struct CharacterStrings<'m> {
    rest: &'m [u8],
}

impl<'m> Iterator for CharacterStrings<'m> {
    type Item = &'m [u8];

    fn next(&mut self) -> Option<&'m [u8]> {
        let (rest, text) = string(self.rest).ok()?;
        self.rest = rest;
        Some(text)
    }
}

pub(super) fn string(data: &[u8]) -> IResult<&[u8], &[u8]> {
    length_data(be_u8).parse(data)
}

/// A parameter of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceParameter<'m> {
    /// Which one (RFC 9460 §14.3.2): 1 ALPN, 3 port, 4 and 6 addresses, 5 ECH.
    pub key: u16,
    /// Its value.
    pub value: &'m [u8],
}

/// The parameters of a service, up to the first that is not whole.
#[derive(Clone, Copy, Debug)]
pub struct ServiceParameters<'m> {
    rest: &'m [u8],
}

impl<'m> Iterator for ServiceParameters<'m> {
    type Item = ServiceParameter<'m>;

    fn next(&mut self) -> Option<ServiceParameter<'m>> {
        let (rest, (key, value)) = key_and_value(self.rest).ok()?;
        self.rest = rest;
        Some(ServiceParameter { key, value })
    }
}

/// A number, a length, and as many bytes: parameters of services, options of EDNS.
pub(super) fn key_and_value(data: &[u8]) -> IResult<&[u8], (u16, &[u8])> {
    let (rest, (key, len)) = (be_u16, be_u16).parse(data)?;
    let (rest, value) = take(len).parse(rest)?;
    Ok((rest, (key, value)))
}

//! Where a record's data break off.
//!
//! Wireshark 4.0 reads what a type's data should be, even beyond the length that the record gives, and gives up the whole message where the
//! message ends before. Whoever wants its verdicts has to know when.

use nom::bytes::complete::take;
use nom::error::Error;
use nom::multi::length_data;
use nom::number::complete::{be_u8, be_u16, be_u32};
use nom::{IResult, Parser};

use super::code::RecordType;
use super::rdata::{key_and_value, read, string};
use super::record::Record;

/// Whether the data are what their type says, or could be if the bytes behind them were theirs.
pub(super) fn is_sound(record: &Record<'_>) -> bool {
    let (len, rest) = (record.data.len(), record.rest());
    if len == 0 {
        return true;
    }
    let name_at = |offset| record.name_at(offset).is_some();
    match record.kind {
        RecordType::A
        | RecordType::AAAA
        | RecordType::CNAME
        | RecordType::NS
        | RecordType::PTR
        | RecordType::DNAME
        | RecordType::MX
        | RecordType::SRV
        | RecordType::SOA
        | RecordType::CAA => read(record, rest).is_some(),
        RecordType::TXT | RecordType::SPF => each(rest, len, string),
        RecordType::OPT => each(rest, len, key_and_value),
        RecordType::SVCB | RecordType::HTTPS => match record.name_at(2) {
            Some((_, at)) => {
                rest.get(at..).is_some_and(|parameters| each(parameters, len.saturating_sub(at), parameter))
            }
            None => false,
        },
        RecordType::RRSIG => rest.len() >= 18 && name_at(18),
        RecordType::DNSKEY | RecordType::CDNSKEY | RecordType::DS | RecordType::CDS => rest.len() >= 4,
        RecordType::TLSA => rest.len() >= 3,
        RecordType::SSHFP => rest.len() >= 2,
        RecordType::NSEC => match record.name_at(0) {
            Some((_, at)) => {
                rest.get(at..).is_some_and(|windows| each(windows, len.saturating_sub(at), window))
            }
            None => false,
        },
        RecordType::HINFO => (string, string).parse(rest).is_ok(),
        RecordType::NAPTR => match naptr(rest) {
            Ok((behind, _)) => name_at(rest.len() - behind.len()),
            Err(_) => false,
        },
        _ => true,
    }
}

/// Reads one part after the other until `len` bytes are used up.
fn each<'m, T>(rest: &'m [u8], len: usize, part: impl Fn(&'m [u8]) -> IResult<&'m [u8], T>) -> bool {
    let (end, mut left) = (rest.len().saturating_sub(len), rest);
    while left.len() > end {
        match part(left) {
            Ok((behind, _)) => left = behind,
            Err(_) => return false,
        }
    }
    true
}

/// A window of a bitmap of types (RFC 4034 §4.1.2).
fn window(data: &[u8]) -> IResult<&[u8], (u8, &[u8])> {
    (be_u8, length_data(be_u8)).parse(data)
}

#[allow(clippy::type_complexity)] // what nom gives
fn naptr(data: &[u8]) -> IResult<&[u8], (u32, &[u8], &[u8], &[u8])> {
    (be_u32, string, string, string).parse(data)
}

/// A parameter of a service; of some keys Wireshark 4.0 heeds what their values should be, not their length.
fn parameter(data: &[u8]) -> IResult<&[u8], ()> {
    let (rest, (key, len)) = (be_u16, be_u16).parse(data)?;
    let len = usize::from(len);
    let used = match key {
        // Protocols with a length each.
        1 => {
            let (end, mut left) = (rest.len().saturating_sub(len), rest);
            while left.len() > end {
                (left, _) = string(left)?;
            }
            rest.len() - left.len()
        }
        // A port.
        3 => 2,
        // Keys, addresses.
        0 => len.next_multiple_of(2),
        4 => len.next_multiple_of(4),
        6 => len.next_multiple_of(16),
        _ => len,
    };
    let (rest, _) = take::<_, _, Error<&[u8]>>(used).parse(rest)?;
    Ok((rest, ()))
}

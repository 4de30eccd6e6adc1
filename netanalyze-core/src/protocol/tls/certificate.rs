//! Certificates that an end of a handshake shows: whom they name, how long they are valid, and whether they make a chain (RFC 5280, RFC 9525).
//!
//! Up to TLS 1.2 they cross the network in clear; of TLS 1.3 only with its keys. tls-parser splits the list, x509-parser reads the certificates.
//! Nothing is verified: signatures and trust are the peer's business, and its alerts tell.

use std::net::IpAddr;

use tls_parser::{TlsMessageHandshake, parse_tls_handshake_msg_certificate};
use x509_parser::certificate::{X509Certificate, X509CertificateParser};
use x509_parser::extensions::{BasicConstraints, GeneralName, SubjectAlternativeName};
use x509_parser::nom::Parser;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::X509Name;

use crate::model::Timestamp;
use crate::model::limits::{MAX_CERTIFICATE_NAMES, MAX_CERTIFICATES, MAX_NAME_BYTES};

/// What one end showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// The certificates that can be read, the end's own first.
    pub certificates: Box<[Certificate]>,
    /// How many were sent.
    pub sent: usize,
    /// An OCSP response came with the first one (TLS 1.3).
    pub stapled: bool,
}

/// A certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The subject's distinguished name, as "CN=…, O=…", in the order of the certificate.
    pub subject: Box<[u8]>,
    /// The issuer's.
    pub issuer: Box<[u8]>,
    /// Host names of the subject: of the extension, or, where it has none, the common name (RFC 2818 §3.1).
    pub names: Box<[Box<[u8]>]>,
    /// Addresses of the subject.
    pub addresses: Box<[IpAddr]>,
    /// Names and addresses beyond the limit that were left out.
    pub names_left_out: usize,
    /// First second of its validity, since 1970.
    pub not_before: i64,
    /// Last second of its validity, since 1970.
    pub not_after: i64,
    /// Algorithm of the key.
    pub key: &'static str,
    /// Bits of the key; 0 if unknown.
    pub key_bits: u32,
    /// Algorithm of the signature; empty if unknown.
    pub signature: &'static str,
    /// Subject and issuer are the same.
    pub self_signed: bool,
    /// It may sign others.
    pub authority: bool,
}

/// Whether certificates follow each other as RFC 5246 §7.4.2 asks: each signed by the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChainOrder {
    /// Each is issued by the next.
    Whole,
    /// One certificate that another issued, and that other is not there.
    Alone,
    /// One certificate that issued itself.
    SelfSigned,
    /// Some certificate is not issued by the next one.
    Broken,
}

impl Chain {
    /// Reads the body of a certificate message of TLS up to 1.2; `None` if it holds no certificate that can be read.
    #[must_use]
    pub fn parse(body: &[u8]) -> Option<Self> {
        let (_, message) = parse_tls_handshake_msg_certificate(body).ok()?;
        let TlsMessageHandshake::Certificate(list) = message else { return None };
        Chain::of(list.cert_chain.iter().map(|raw| raw.data), false)
    }

    /// Reads the body of a certificate message of TLS 1.3 (RFC 8446 §4.4.2).
    #[must_use]
    pub fn parse_tls13(body: &[u8]) -> Option<Self> {
        let (&context, rest) = body.split_first()?;
        let rest = rest.get(usize::from(context)..)?;
        let (list, _) = block24(rest)?;
        let (mut entries, mut rest, mut stapled) = (Vec::new(), list, false);
        while let Some((der, after)) = block24(rest) {
            let Some((&len, after)) = after.split_first_chunk() else { break };
            let Some((extensions, after)) = after.split_at_checked(usize::from(u16::from_be_bytes(len)))
            else {
                break;
            };
            // status_request is extension 5.
            stapled |= entries.is_empty() && extensions.starts_with(&[0, 5]);
            entries.push(der);
            rest = after;
        }
        Chain::of(entries.into_iter(), stapled)
    }

    fn of<'a>(list: impl Iterator<Item = &'a [u8]>, stapled: bool) -> Option<Self> {
        let mut sent = 0;
        let mut certificates = Vec::new();
        for der in list {
            sent += 1;
            if certificates.len() < MAX_CERTIFICATES {
                certificates.extend(Certificate::parse(der));
            }
        }
        let certificates = certificates.into_boxed_slice();
        (!certificates.is_empty()).then_some(Chain { certificates, sent, stapled })
    }

    /// The end's own certificate.
    #[must_use]
    pub fn own(&self) -> Option<&Certificate> {
        self.certificates.first()
    }

    /// How the certificates follow each other.
    #[must_use]
    pub fn order(&self) -> ChainOrder {
        match &*self.certificates {
            [only] if only.self_signed => ChainOrder::SelfSigned,
            [_] if self.sent == 1 => ChainOrder::Alone,
            all if is_ordered(all) => ChainOrder::Whole,
            _ => ChainOrder::Broken,
        }
    }
}

/// Whether each certificate is issued by the next.
fn is_ordered(certificates: &[Certificate]) -> bool {
    certificates.iter().zip(certificates.iter().skip(1)).all(|(one, next)| one.issuer == next.subject)
}

impl Certificate {
    /// Reads one certificate in DER; `None` if it is none.
    #[must_use]
    pub fn parse(der: &[u8]) -> Option<Self> {
        // Extensions are parsed one by one: one that cannot be read must not lose the others.
        let (_, x509) = X509CertificateParser::new().with_deep_parse_extensions(false).parse(der).ok()?;
        let (key, key_bits) = key(&x509);
        let mut certificate = Certificate {
            subject: distinguished(&x509.subject),
            issuer: distinguished(&x509.issuer),
            names: Box::default(),
            addresses: Box::default(),
            names_left_out: 0,
            not_before: x509.validity.not_before.timestamp(),
            not_after: x509.validity.not_after.timestamp(),
            key,
            key_bits,
            signature: signature(x509.signature_algorithm.algorithm.as_bytes()),
            self_signed: x509.subject.as_raw() == x509.issuer.as_raw(),
            authority: false,
        };
        certificate.see_extensions(&x509);
        Some(certificate)
    }

    fn see_extensions(&mut self, x509: &X509Certificate<'_>) {
        let (mut names, mut addresses, mut left_out) = (Vec::new(), Vec::new(), 0);
        for extension in x509.extensions() {
            match extension.oid.as_bytes() {
                // basicConstraints and subjectAltName: 2.5.29.19 and .17.
                [0x55, 0x1d, 19] => {
                    let constraints = BasicConstraints::from_der(extension.value);
                    self.authority = constraints.is_ok_and(|(_, c)| c.ca);
                }
                [0x55, 0x1d, 17] => {
                    let Ok((_, found)) = SubjectAlternativeName::from_der(extension.value) else { continue };
                    for name in found.general_names {
                        let full = names.len() + addresses.len() >= MAX_CERTIFICATE_NAMES;
                        match name {
                            GeneralName::DNSName(_) | GeneralName::IPAddress(_) if full => left_out += 1,
                            GeneralName::DNSName(name) => names.push(capped(name.as_bytes())),
                            GeneralName::IPAddress(bytes) => addresses.extend(address(bytes)),
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        if names.is_empty() && addresses.is_empty() {
            names.extend(x509.subject.iter_common_name().map(|name| capped(name.as_slice())));
        }
        (self.names, self.addresses) = (names.into_boxed_slice(), addresses.into_boxed_slice());
        self.names_left_out = left_out;
    }

    /// Whether it is valid at a time, by its dates.
    #[must_use]
    pub fn is_valid_at(&self, time: Timestamp) -> bool {
        (self.not_before..=self.not_after).contains(&time.0.div_euclid(1_000_000_000))
    }

    /// Whether it names a host (RFC 9525 §6.3): case does not matter, and a star stands for the whole of the first label.
    #[must_use]
    pub fn is_for(&self, host: &[u8]) -> bool {
        let host = host.strip_suffix(b".").unwrap_or(host);
        self.names.iter().any(|name| {
            name.eq_ignore_ascii_case(host)
                || name.strip_prefix(b"*").is_some_and(|parent| {
                    let dot = host.iter().position(|&b| b == b'.');
                    dot.and_then(|dot| host.get(dot..))
                        .is_some_and(|rest| rest.eq_ignore_ascii_case(parent) && !host.starts_with(b"."))
                })
        })
    }
}

/// A length of three bytes, so many bytes, and what follows them.
fn block24(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&[a, b, c], rest) = bytes.split_first_chunk::<3>()?;
    rest.split_at_checked(u32::from_be_bytes([0, a, b, c]) as usize)
}

fn capped(name: &[u8]) -> Box<[u8]> {
    name.get(..MAX_NAME_BYTES).unwrap_or(name).into()
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Some(IpAddr::from(v4));
    }
    <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from)
}

fn distinguished(name: &X509Name<'_>) -> Box<[u8]> {
    let mut text = Vec::new();
    for attribute in name.iter_attributes() {
        // Attributes of X.520, 2.5.4.n, and two others that are in use.
        let word = match attribute.attr_type().as_bytes() {
            [0x55, 4, 3] => "CN",
            [0x55, 4, 4] => "SN",
            [0x55, 4, 5] => "serialNumber",
            [0x55, 4, 6] => "C",
            [0x55, 4, 7] => "L",
            [0x55, 4, 8] => "ST",
            [0x55, 4, 9] => "street",
            [0x55, 4, 10] => "O",
            [0x55, 4, 11] => "OU",
            [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25] => "DC",
            [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1] => "emailAddress",
            _ => continue,
        };
        if !text.is_empty() {
            text.extend_from_slice(b", ");
        }
        text.extend_from_slice(word.as_bytes());
        text.push(b'=');
        text.extend_from_slice(attribute.as_slice());
        if text.len() > MAX_NAME_BYTES {
            break;
        }
    }
    text.truncate(MAX_NAME_BYTES);
    text.into_boxed_slice()
}

fn key(x509: &X509Certificate<'_>) -> (&'static str, u32) {
    let info = x509.public_key();
    let bits = |bits: usize| u32::try_from(bits).unwrap_or(0);
    // Ed25519 and Ed448: RFC 8410 §3.
    match info.algorithm.algorithm.as_bytes() {
        [0x2b, 0x65, 0x70] => return ("Ed25519", 256),
        [0x2b, 0x65, 0x71] => return ("Ed448", 448),
        _ => {}
    }
    match info.parsed() {
        Ok(PublicKey::RSA(key)) => ("RSA", bits(key.key_size())),
        // A P-521 point has 66 bytes a coordinate.
        Ok(PublicKey::EC(point)) => {
            ("EC", if point.key_size() == 528 { 521 } else { bits(point.key_size()) })
        }
        Ok(PublicKey::DSA(key)) => ("DSA", bits(key.len().saturating_sub(1) * 8)),
        Ok(PublicKey::GostR3410(_) | PublicKey::GostR3410_2012(_)) => ("GOST", 0),
        _ => ("", 0),
    }
}

/// Names of signature algorithms by their object identifiers (RFC 8017 appendix A.2, RFC 5758 §3, RFC 8410).
fn signature(oid: &[u8]) -> &'static str {
    match oid {
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, last] => match last {
            2 => "md2WithRSAEncryption",
            4 => "md5WithRSAEncryption",
            5 => "sha1WithRSAEncryption",
            10 => "RSASSA-PSS",
            11 => "sha256WithRSAEncryption",
            12 => "sha384WithRSAEncryption",
            13 => "sha512WithRSAEncryption",
            14 => "sha224WithRSAEncryption",
            _ => "",
        },
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1] => "ecdsa-with-SHA1",
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, last] => match last {
            1 => "ecdsa-with-SHA224",
            2 => "ecdsa-with-SHA256",
            3 => "ecdsa-with-SHA384",
            4 => "ecdsa-with-SHA512",
            _ => "",
        },
        [0x2a, 0x86, 0x48, 0xce, 0x38, 4, 3] => "dsa-with-SHA1",
        [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, 2] => "dsa-with-SHA256",
        [0x2b, 0x65, 0x70] => "Ed25519",
        [0x2b, 0x65, 0x71] => "Ed448",
        [0x2b, 0x0e, 3, 2, 29] => "sha1WithRSA",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &[u8] = include_bytes!("samples/root.der");
    const HOST: &[u8] = include_bytes!("samples/host.der");
    const WEAK: &[u8] = include_bytes!("samples/weak.der");

    const YEAR_2024: i64 = 1_704_067_200;
    const YEAR_2025: i64 = 1_735_689_600;

    fn block(bytes: &[u8]) -> Vec<u8> {
        let [_, a, b, c] = (bytes.len() as u32).to_be_bytes();
        [&[a, b, c], bytes].concat()
    }

    fn list(certificates: &[&[u8]]) -> Vec<u8> {
        block(&certificates.iter().flat_map(|c| block(c)).collect::<Vec<_>>())
    }

    #[test]
    fn says_whose_it_is_and_until_when() {
        let host = Certificate::parse(HOST).unwrap();
        assert_eq!((&*host.subject, &*host.issuer), (&b"CN=Host"[..], &b"O=Example, CN=Root"[..]));
        assert_eq!((host.not_before, host.not_after), (YEAR_2024, YEAR_2025));
        assert_eq!((host.key, host.key_bits, host.signature), ("EC", 521, "ecdsa-with-SHA256"));
        assert!(!host.self_signed && !host.authority && host.weakness().is_none());
        let addresses: Vec<String> = host.addresses.iter().map(ToString::to_string).collect();
        assert_eq!(addresses, ["192.0.2.1", "2001:db8::1"]);
        let second = |s: i64| Timestamp(s * 1_000_000_000);
        assert!(host.is_valid_at(second(YEAR_2024)) && host.is_valid_at(second(YEAR_2025)));
        assert!(!host.is_valid_at(Timestamp(YEAR_2024 * 1_000_000_000 - 1)));
        assert!(!host.is_valid_at(second(YEAR_2025 + 1)));

        let root = Certificate::parse(ROOT).unwrap();
        assert!(root.self_signed && root.authority);
        assert_eq!((root.key, root.key_bits), ("EC", 256));

        let weak = Certificate::parse(WEAK).unwrap();
        assert_eq!((weak.key, weak.key_bits, weak.signature), ("RSA", 1024, "sha1WithRSAEncryption"));
        assert_eq!(weak.weakness(), Some("a key of less than 2,048 bits"));
        assert_eq!(&*weak.subject, b"C=XX, O=Old, CN=old.test");
    }

    #[test]
    fn knows_the_hosts_that_it_names() {
        let host = Certificate::parse(HOST).unwrap();
        for (name, named) in [
            (&b"example.test"[..], true),
            (b"EXAMPLE.test.", true),
            (b"www.shop.example.test", true),
            (b"shop.example.test", false),
            (b"a.b.shop.example.test", false),
            (b".shop.example.test", false),
            (b"www.example.test", false),
            (b"Host", false),
            (b"", false),
        ] {
            assert_eq!(host.is_for(name), named, "{}", name.escape_ascii());
        }
        // Without the extension the common name counts.
        assert!(Certificate::parse(WEAK).unwrap().is_for(b"old.test"));
    }

    #[test]
    fn tells_whether_certificates_make_a_chain() {
        for (certificates, order) in [
            (&[HOST, ROOT][..], ChainOrder::Whole),
            (&[HOST], ChainOrder::Alone),
            (&[ROOT], ChainOrder::SelfSigned),
            (&[HOST, WEAK], ChainOrder::Broken),
            (&[ROOT, HOST], ChainOrder::Broken),
        ] {
            let chain = Chain::parse(&list(certificates)).unwrap();
            assert_eq!((chain.order(), chain.sent), (order, certificates.len()));
        }
        assert_eq!(Chain::parse(&list(&[])), None);
        assert_eq!(Chain::parse(&list(&[b"nonsense"])), None);
    }

    #[test]
    fn reads_the_form_of_tls_13() {
        let stapled = [&block(HOST)[..], &[0, 5, 0, 5, 0, 1, 1], &block(ROOT), &[0, 0]].concat();
        let chain = Chain::parse_tls13(&[&[2, 7, 7][..], &block(&stapled)].concat()).unwrap();
        assert_eq!((chain.sent, chain.stapled, chain.order()), (2, true, ChainOrder::Whole));
        let plain = [&block(HOST)[..], &[0, 0]].concat();
        let chain = Chain::parse_tls13(&[&[0][..], &block(&plain)].concat()).unwrap();
        assert!(!chain.stapled && chain.own().is_some());
    }

    #[test]
    fn says_what_is_wrong() {
        use super::super::Fault;
        let now = Timestamp(1_720_000_000_000_000_000);
        let good = Chain::parse(&list(&[HOST, ROOT])).unwrap();
        assert_eq!(good.faults(now, Some(b"example.test")), []);
        assert_eq!(good.faults(now, None), []);
        let other = Fault::OtherHost { first_name: (*b"example.test").into(), names: 4 };
        assert_eq!(good.faults(now, Some(b"other.test")), [other]);
        let late = good.faults(Timestamp(i64::MAX), None);
        assert!(
            late.iter().all(|f| matches!(f, Fault::Expired { not_after: YEAR_2025, .. })) && late.len() == 2
        );
        let early = good.faults(Timestamp(0), None);
        assert!(early.iter().all(|f| matches!(f, Fault::NotYetValid { not_before: YEAR_2024, .. })));
        let alone = Chain::parse(&list(&[HOST])).unwrap();
        let missing = Fault::BrokenChain { sent: 1, issuer: (*b"O=Example, CN=Root").into() };
        assert_eq!(alone.faults(now, None), [missing]);
        let own = Chain::parse(&list(&[ROOT])).unwrap();
        assert_eq!(own.faults(now, None), [Fault::SelfSigned { subject: (*b"O=Example, CN=Root").into() }]);
    }

    #[test]
    fn damage_is_no_certificate() {
        for len in 0..HOST.len() {
            assert_eq!(Certificate::parse(&HOST[..len]), None, "cut at {len}");
        }
        for at in 0..HOST.len() {
            for change in [0x01, 0x80, 0xff] {
                let mut der = HOST.to_vec();
                der[at] ^= change;
                let _ = Certificate::parse(&der);
            }
        }
        let body = list(&[HOST, ROOT]);
        (0..body.len()).for_each(|len| _ = (Chain::parse(&body[..len]), Chain::parse_tls13(&body[..len])));
    }
}

//! What is wrong with a message, where no alert says so.

use super::certificate::{Chain, ChainOrder};
use super::code::{CipherSuite, Version};
use crate::model::Timestamp;

/// Something wrong with a message or with what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Bytes that are no record follow records of the same session.
    UnknownRecord,
    /// A record that is empty though its type allows none, or longer than allowed.
    RecordLength(u16),
    /// A version below TLS 1.2 was negotiated.
    WeakVersion(Version),
    /// A cipher suite was negotiated that gives little security.
    WeakCipher(CipherSuite),
    /// The certificate's time is over: subject, and the last second of its validity.
    Expired {
        /// Whose it is.
        subject: Box<[u8]>,
        /// Seconds since 1970.
        not_after: i64,
    },
    /// The certificate's time has not come.
    NotYetValid {
        /// Whose it is.
        subject: Box<[u8]>,
        /// Seconds since 1970.
        not_before: i64,
    },
    /// The certificate does not name the host that the client asked for.
    OtherHost {
        /// The first name in it; empty if it has none.
        first_name: Box<[u8]>,
        /// How many names and addresses it has.
        names: usize,
    },
    /// The certificate was issued by its own subject.
    SelfSigned {
        /// Whose it is.
        subject: Box<[u8]>,
    },
    /// No certificate of the issuer came with it, or certificates do not follow each other.
    BrokenChain {
        /// How many certificates came.
        sent: usize,
        /// The issuer that is missing after the first certificates that do follow each other.
        issuer: Box<[u8]>,
    },
    /// The certificate's key or signature can be forged today.
    WeakCertificate {
        /// Whose it is.
        subject: Box<[u8]>,
        /// What is weak.
        why: &'static str,
    },
}

impl Chain {
    /// What is wrong with the certificates that an end shows at a time. `host` is the name that the client asked for, if these are the server's.
    #[must_use]
    pub fn faults(&self, at: Timestamp, host: Option<&[u8]>) -> Vec<Fault> {
        let mut faults = Vec::new();
        // A certificate of an authority can have expired, too. Each is named once.
        let seconds = at.0.div_euclid(1_000_000_000);
        for certificate in &self.certificates {
            let subject = || certificate.subject.clone();
            if seconds > certificate.not_after {
                faults.push(Fault::Expired { subject: subject(), not_after: certificate.not_after });
            } else if seconds < certificate.not_before {
                faults.push(Fault::NotYetValid { subject: subject(), not_before: certificate.not_before });
            }
        }
        let Some(own) = self.own() else { return faults };
        if let Some(host) = host.filter(|host| !own.is_for(host)) {
            // A name beyond the limit may be the one.
            if own.names_left_out == 0 && !host.is_empty() {
                let first_name = own.names.first().cloned().unwrap_or_default();
                faults.push(Fault::OtherHost { first_name, names: own.names.len() + own.addresses.len() });
            }
        }
        match self.order() {
            ChainOrder::Whole => {}
            ChainOrder::SelfSigned => faults.push(Fault::SelfSigned { subject: own.subject.clone() }),
            ChainOrder::Alone | ChainOrder::Broken => {
                let next = self.certificates.iter().skip(1);
                let broken =
                    self.certificates.iter().zip(next).find(|(one, next)| one.issuer != next.subject);
                let issuer = broken.map_or(&own.issuer, |(one, _)| &one.issuer).clone();
                faults.push(Fault::BrokenChain { sent: self.sent, issuer });
            }
        }
        if let Some(why) = own.weakness() {
            faults.push(Fault::WeakCertificate { subject: own.subject.clone(), why });
        }
        faults
    }
}

impl super::certificate::Certificate {
    /// Why nobody should rely on it, if so: RSA below 2,048 bits or a signature with MD5 or SHA-1 (RFC 9325 §4.5, §4.2.2; RFC 9155).
    #[must_use]
    pub fn weakness(&self) -> Option<&'static str> {
        match (self.key, self.key_bits, self.signature) {
            ("RSA" | "DSA", 1..2_048, _) => Some("a key of less than 2,048 bits"),
            // What an authority signs itself is trusted for being known, not for its signature.
            _ if self.self_signed => None,
            (_, _, "md2WithRSAEncryption" | "md5WithRSAEncryption") => Some("a signature with MD5"),
            (_, _, "sha1WithRSAEncryption" | "sha1WithRSA" | "ecdsa-with-SHA1" | "dsa-with-SHA1") => {
                Some("a signature with SHA-1")
            }
            _ => None,
        }
    }
}

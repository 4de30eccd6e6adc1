//! Numbers of DNS with names: opcodes, response codes, record types (IANA "Domain Name System (DNS) Parameters").

use std::fmt;

use serde::{Serialize, Serializer};

/// A number with names for some values.
macro_rules! code {
    ($(#[$doc:meta])* $name:ident($number:ident) $unknown:literal { $($(#[$vdoc:meta])* $constant:ident = $value:literal $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub $number);

        impl $name {
            $($(#[$vdoc])* pub const $constant: $name = $name($value);)*

            /// Its name, if it has one.
            #[must_use]
            pub fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some($text),)*
                    _ => None,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.name() {
                    Some(name) => f.write_str(name),
                    None => write!(f, concat!($unknown, "{}"), self.0),
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }
    };
}

code! {
    /// What kind of query (RFC 6895 §2.2).
    Opcode(u8) "OPCODE" {
        /// An ordinary query.
        QUERY = 0 "QUERY",
        /// An inverse query, obsolete.
        IQUERY = 1 "IQUERY",
        /// A server's status.
        STATUS = 2 "STATUS",
        /// A zone changed (RFC 1996).
        NOTIFY = 4 "NOTIFY",
        /// A dynamic update (RFC 2136).
        UPDATE = 5 "UPDATE",
        /// Stateful operations (RFC 8490).
        DSO = 6 "DSO",
    }
}

code! {
    /// How a query ended (RFC 6895 §2.3), with the higher bits that EDNS adds.
    Rcode(u16) "RCODE" {
        /// No error.
        NOERROR = 0 "NOERROR",
        /// The server did not understand the query.
        FORMERR = 1 "FORMERR",
        /// The server failed.
        SERVFAIL = 2 "SERVFAIL",
        /// The name does not exist.
        NXDOMAIN = 3 "NXDOMAIN",
        /// The server does not know this kind of query.
        NOTIMP = 4 "NOTIMP",
        /// The server does not want to answer.
        REFUSED = 5 "REFUSED",
        /// A name exists that should not.
        YXDOMAIN = 6 "YXDOMAIN",
        /// A record set exists that should not.
        YXRRSET = 7 "YXRRSET",
        /// A record set that should exist does not.
        NXRRSET = 8 "NXRRSET",
        /// Not authoritative, or not authorized.
        NOTAUTH = 9 "NOTAUTH",
        /// A name is not in the zone.
        NOTZONE = 10 "NOTZONE",
        /// The kind of stateful operation is not known.
        DSOTYPENI = 11 "DSOTYPENI",
        /// The server does not know this version of EDNS, or the signature is bad.
        BADVERS = 16 "BADVERS",
        /// The key is not known.
        BADKEY = 17 "BADKEY",
        /// The signature is out of its time.
        BADTIME = 18 "BADTIME",
        /// Bad mode of key exchange.
        BADMODE = 19 "BADMODE",
        /// The key name exists.
        BADNAME = 20 "BADNAME",
        /// The algorithm is not supported.
        BADALG = 21 "BADALG",
        /// Bad truncation.
        BADTRUNC = 22 "BADTRUNC",
        /// Bad or missing cookie (RFC 7873).
        BADCOOKIE = 23 "BADCOOKIE",
    }
}

code! {
    /// Type of a record, or what a question asks for.
    RecordType(u16) "TYPE" {
        /// IPv4 address.
        A = 1 "A",
        /// Name server.
        NS = 2 "NS",
        /// The true name.
        CNAME = 5 "CNAME",
        /// Start of a zone.
        SOA = 6 "SOA",
        /// A name that this name points to.
        PTR = 12 "PTR",
        /// Host information.
        HINFO = 13 "HINFO",
        /// Mail server.
        MX = 15 "MX",
        /// Text.
        TXT = 16 "TXT",
        /// IPv6 address.
        AAAA = 28 "AAAA",
        /// Where a service is.
        SRV = 33 "SRV",
        /// Rewriting rules.
        NAPTR = 35 "NAPTR",
        /// A name for a whole subtree.
        DNAME = 39 "DNAME",
        /// EDNS (RFC 6891).
        OPT = 41 "OPT",
        /// Digest of a zone's key.
        DS = 43 "DS",
        /// Fingerprint of an SSH key.
        SSHFP = 44 "SSHFP",
        /// Signature.
        RRSIG = 46 "RRSIG",
        /// The next name of a zone.
        NSEC = 47 "NSEC",
        /// A zone's key.
        DNSKEY = 48 "DNSKEY",
        /// The next hashed name of a zone.
        NSEC3 = 50 "NSEC3",
        /// Parameters of hashed names.
        NSEC3PARAM = 51 "NSEC3PARAM",
        /// A TLS server's certificate.
        TLSA = 52 "TLSA",
        /// Child copy of DS.
        CDS = 59 "CDS",
        /// Child copy of DNSKEY.
        CDNSKEY = 60 "CDNSKEY",
        /// OpenPGP key.
        OPENPGPKEY = 61 "OPENPGPKEY",
        /// Where a service is and how it wants to be spoken to (RFC 9460).
        SVCB = 64 "SVCB",
        /// The same for HTTPS.
        HTTPS = 65 "HTTPS",
        /// Sender policy.
        SPF = 99 "SPF",
        /// Key exchange for signatures.
        TKEY = 249 "TKEY",
        /// Signature of a message.
        TSIG = 250 "TSIG",
        /// The changes of a zone.
        IXFR = 251 "IXFR",
        /// A whole zone.
        AXFR = 252 "AXFR",
        /// Whatever there is.
        ANY = 255 "ANY",
        /// A URI.
        URI = 256 "URI",
        /// Who may issue certificates.
        CAA = 257 "CAA",
    }
}

impl RecordType {
    /// A zone in many messages (RFC 5936, RFC 1995).
    #[must_use]
    pub fn is_transfer(self) -> bool {
        matches!(self, RecordType::AXFR | RecordType::IXFR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_without_a_name_show_themselves() {
        assert_eq!(RecordType::HTTPS.to_string(), "HTTPS");
        assert_eq!(RecordType(65_280).to_string(), "TYPE65280");
        assert_eq!(Rcode(3).to_string(), "NXDOMAIN");
        assert_eq!(Rcode(12).to_string(), "RCODE12");
        assert_eq!(Opcode(9).to_string(), "OPCODE9");
    }
}

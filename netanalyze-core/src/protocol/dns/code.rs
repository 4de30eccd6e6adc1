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

        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "description": concat!("A name as IANA lists it, or ", $unknown, " and a number."),
                    "type": "string",
                })
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
        /// A mailbox, obsolete (RFC 1035 §3.3.3), like the three after it.
        MB = 7 "MB",
        /// A mail group.
        MG = 8 "MG",
        /// Another name of a mailbox.
        MR = 9 "MR",
        /// Any bytes (RFC 1035 §3.3.10).
        NULL = 10 "NULL",
        /// Services of a host.
        WKS = 11 "WKS",
        /// A name that this name points to.
        PTR = 12 "PTR",
        /// Host information.
        HINFO = 13 "HINFO",
        /// Who looks after a mailbox.
        MINFO = 14 "MINFO",
        /// Mail server.
        MX = 15 "MX",
        /// Text.
        TXT = 16 "TXT",
        /// Who is responsible (RFC 1183).
        RP = 17 "RP",
        /// A cell's database of AFS (RFC 5864).
        AFSDB = 18 "AFSDB",
        /// Address of X.25.
        X25 = 19 "X25",
        /// Address of ISDN.
        ISDN = 20 "ISDN",
        /// The way to a host without an address of its own.
        RT = 21 "RT",
        /// Signature, before RRSIG; today of messages (RFC 2931).
        SIG = 24 "SIG",
        /// Key, before DNSKEY.
        KEY = 25 "KEY",
        /// Geographical position, obsolete.
        GPOS = 27 "GPOS",
        /// IPv6 address.
        AAAA = 28 "AAAA",
        /// Where a host stands on Earth (RFC 1876).
        LOC = 29 "LOC",
        /// The next name of a zone, before NSEC.
        NXT = 30 "NXT",
        /// Where a service is.
        SRV = 33 "SRV",
        /// Rewriting rules.
        NAPTR = 35 "NAPTR",
        /// Who exchanges keys for a host (RFC 2230).
        KX = 36 "KX",
        /// Certificate (RFC 4398).
        CERT = 37 "CERT",
        /// Part of an IPv6 address, obsolete.
        A6 = 38 "A6",
        /// A name for a whole subtree.
        DNAME = 39 "DNAME",
        /// EDNS (RFC 6891).
        OPT = 41 "OPT",
        /// Lists of address prefixes (RFC 3123).
        APL = 42 "APL",
        /// Digest of a zone's key.
        DS = 43 "DS",
        /// Fingerprint of an SSH key.
        SSHFP = 44 "SSHFP",
        /// Key for IPsec (RFC 4025).
        IPSECKEY = 45 "IPSECKEY",
        /// Signature.
        RRSIG = 46 "RRSIG",
        /// The next name of a zone.
        NSEC = 47 "NSEC",
        /// A zone's key.
        DNSKEY = 48 "DNSKEY",
        /// Whose lease a name is (RFC 4701).
        DHCID = 49 "DHCID",
        /// The next hashed name of a zone.
        NSEC3 = 50 "NSEC3",
        /// Parameters of hashed names.
        NSEC3PARAM = 51 "NSEC3PARAM",
        /// A TLS server's certificate.
        TLSA = 52 "TLSA",
        /// Certificate of a mailbox (RFC 8162).
        SMIMEA = 53 "SMIMEA",
        /// Identity of a host (RFC 8005).
        HIP = 55 "HIP",
        /// Child copy of DS.
        CDS = 59 "CDS",
        /// Child copy of DNSKEY.
        CDNSKEY = 60 "CDNSKEY",
        /// OpenPGP key.
        OPENPGPKEY = 61 "OPENPGPKEY",
        /// What the parent should copy of a zone (RFC 7477).
        CSYNC = 62 "CSYNC",
        /// Digest of a zone (RFC 8976).
        ZONEMD = 63 "ZONEMD",
        /// Where a service is and how it wants to be spoken to (RFC 9460).
        SVCB = 64 "SVCB",
        /// The same for HTTPS.
        HTTPS = 65 "HTTPS",
        /// Sender policy.
        SPF = 99 "SPF",
        /// Address of 48 bits (RFC 7043).
        EUI48 = 108 "EUI48",
        /// Address of 64 bits.
        EUI64 = 109 "EUI64",
        /// Key exchange for signatures.
        TKEY = 249 "TKEY",
        /// Signature of a message.
        TSIG = 250 "TSIG",
        /// The changes of a zone.
        IXFR = 251 "IXFR",
        /// A whole zone.
        AXFR = 252 "AXFR",
        /// Everything about mailboxes, obsolete.
        MAILB = 253 "MAILB",
        /// Mail servers, obsolete.
        MAILA = 254 "MAILA",
        /// Whatever there is.
        ANY = 255 "ANY",
        /// A URI.
        URI = 256 "URI",
        /// Who may issue certificates.
        CAA = 257 "CAA",
        /// The way to an AMT relay (RFC 8777).
        AMTRELAY = 260 "AMTRELAY",
        /// Digest of a zone's key elsewhere than in its parent, obsolete.
        DLV = 32_769 "DLV",
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
        for (number, name) in
            [(10, "NULL"), (24, "SIG"), (29, "LOC"), (37, "CERT"), (63, "ZONEMD"), (32_769, "DLV")]
        {
            assert_eq!(RecordType(number).to_string(), name);
        }
        assert_eq!(RecordType(65_280).to_string(), "TYPE65280");
        assert_eq!(Rcode(3).to_string(), "NXDOMAIN");
        assert_eq!(Rcode(12).to_string(), "RCODE12");
        assert_eq!(Opcode(9).to_string(), "OPCODE9");
    }
}

//! Code points of TLS as newtypes: unknown values survive to the output. Names are those of the IANA registries.

use std::fmt;

/// A protocol version as it stands in messages (RFC 8446 §4.1.2, drafts too).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Version(pub u16);

impl Version {
    /// SSL 2.0, as an SSL 2.0 ClientHello gives it (its version word is 2).
    pub const SSL2: Version = Version(0x0002);
    /// SSL 3.0.
    pub const SSL3: Version = Version(0x0300);
    /// TLS 1.0.
    pub const TLS10: Version = Version(0x0301);
    /// TLS 1.1.
    pub const TLS11: Version = Version(0x0302);
    /// TLS 1.2.
    pub const TLS12: Version = Version(0x0303);
    /// TLS 1.3.
    pub const TLS13: Version = Version(0x0304);
    /// GB/T 38636 (TLCP).
    pub const TLCP: Version = Version(0x0101);

    /// TLS 1.3 or a draft of it, Facebook's included.
    #[must_use]
    pub fn is_tls13(self) -> bool {
        self == Version::TLS13 || matches!(self.0 >> 8, 0x7f | 0xfb)
    }

    /// Older than TLS 1.2: must not be negotiated (RFC 8996; RFC 7568 for SSL 3.0).
    #[must_use]
    pub fn is_weak(self) -> bool {
        self == Version::SSL2 || (Version::SSL3..Version::TLS12).contains(&self)
    }

    /// A value of GREASE (RFC 8701), which means nothing.
    #[must_use]
    pub fn is_grease(self) -> bool {
        is_grease(self.0)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0x0002 => f.write_str("SSL 2.0"),
            0x0101 => f.write_str("TLCP"),
            0x0300 => f.write_str("SSL 3.0"),
            minor @ 0x0301..=0x0304 => write!(f, "TLS 1.{}", minor - 0x0301),
            draft @ 0x7f00..=0x7fff => write!(f, "TLS 1.3 (draft {})", draft & 0xff),
            draft @ 0xfb00..=0xfbff => write!(f, "TLS 1.3 (Facebook's draft {})", draft & 0xff),
            other => write!(f, "version 0x{other:04x}"),
        }
    }
}

/// Whether a value is one of those that RFC 8701 reserves to keep peers tolerant.
#[must_use]
pub fn is_grease(value: u16) -> bool {
    let [high, low] = value.to_be_bytes();
    high == low && low & 0x0f == 0x0a
}

/// Type of a record (RFC 8446 §5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ContentType(pub u8);

impl ContentType {
    /// change_cipher_spec.
    pub const CHANGE_CIPHER_SPEC: ContentType = ContentType(20);
    /// alert.
    pub const ALERT: ContentType = ContentType(21);
    /// handshake.
    pub const HANDSHAKE: ContentType = ContentType(22);
    /// application_data.
    pub const APPLICATION_DATA: ContentType = ContentType(23);
    /// heartbeat (RFC 6520).
    pub const HEARTBEAT: ContentType = ContentType(24);
    /// tls12_cid (RFC 9146); Wireshark 4.0 takes it for a record of TLS, too.
    pub const CONNECTION_ID: ContentType = ContentType(25);

    /// A type that records have.
    #[must_use]
    pub fn is_known(self) -> bool {
        matches!(self.0, 20..=25)
    }
}

/// Type of a handshake message (RFC 8446 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HandshakeType(pub u8);

impl HandshakeType {
    /// hello_request (TLS 1.2).
    pub const HELLO_REQUEST: HandshakeType = HandshakeType(0);
    /// client_hello.
    pub const CLIENT_HELLO: HandshakeType = HandshakeType(1);
    /// server_hello; a HelloRetryRequest, too.
    pub const SERVER_HELLO: HandshakeType = HandshakeType(2);
    /// new_session_ticket.
    pub const NEW_SESSION_TICKET: HandshakeType = HandshakeType(4);
    /// hello_retry_request of drafts of TLS 1.3.
    pub const HELLO_RETRY_REQUEST: HandshakeType = HandshakeType(6);
    /// end_of_early_data.
    pub const END_OF_EARLY_DATA: HandshakeType = HandshakeType(5);
    /// encrypted_extensions.
    pub const ENCRYPTED_EXTENSIONS: HandshakeType = HandshakeType(8);
    /// certificate.
    pub const CERTIFICATE: HandshakeType = HandshakeType(11);
    /// server_key_exchange (TLS 1.2).
    pub const SERVER_KEY_EXCHANGE: HandshakeType = HandshakeType(12);
    /// certificate_request.
    pub const CERTIFICATE_REQUEST: HandshakeType = HandshakeType(13);
    /// server_hello_done (TLS 1.2).
    pub const SERVER_HELLO_DONE: HandshakeType = HandshakeType(14);
    /// certificate_verify.
    pub const CERTIFICATE_VERIFY: HandshakeType = HandshakeType(15);
    /// client_key_exchange (TLS 1.2).
    pub const CLIENT_KEY_EXCHANGE: HandshakeType = HandshakeType(16);
    /// finished.
    pub const FINISHED: HandshakeType = HandshakeType(20);
    /// certificate_status (RFC 6066 §8).
    pub const CERTIFICATE_STATUS: HandshakeType = HandshakeType(22);
    /// key_update.
    pub const KEY_UPDATE: HandshakeType = HandshakeType(24);

    /// A type that Wireshark 4.0 has a name for; with any other a record counts as encrypted.
    #[must_use]
    pub fn is_named(self) -> bool {
        matches!(self.0, 0..=6 | 8 | 11..=16 | 20..=25 | 67)
    }
}

/// Type of an extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ExtensionType(pub u16);

impl ExtensionType {
    /// server_name (RFC 6066 §3).
    pub const SERVER_NAME: ExtensionType = ExtensionType(0);
    /// status_request (RFC 6066 §8).
    pub const STATUS_REQUEST: ExtensionType = ExtensionType(5);
    /// supported_groups (RFC 8446 §4.2.7).
    pub const SUPPORTED_GROUPS: ExtensionType = ExtensionType(10);
    /// signature_algorithms (RFC 8446 §4.2.3).
    pub const SIGNATURE_ALGORITHMS: ExtensionType = ExtensionType(13);
    /// application_layer_protocol_negotiation (RFC 7301).
    pub const ALPN: ExtensionType = ExtensionType(16);
    /// extended_master_secret (RFC 7627).
    pub const EXTENDED_MASTER_SECRET: ExtensionType = ExtensionType(23);
    /// session_ticket (RFC 5077).
    pub const SESSION_TICKET: ExtensionType = ExtensionType(35);
    /// pre_shared_key (RFC 8446 §4.2.11).
    pub const PRE_SHARED_KEY: ExtensionType = ExtensionType(41);
    /// early_data (RFC 8446 §4.2.10).
    pub const EARLY_DATA: ExtensionType = ExtensionType(42);
    /// supported_versions (RFC 8446 §4.2.1).
    pub const SUPPORTED_VERSIONS: ExtensionType = ExtensionType(43);
    /// key_share (RFC 8446 §4.2.8).
    pub const KEY_SHARE: ExtensionType = ExtensionType(51);
    /// key_share of drafts up to 22.
    pub const KEY_SHARE_OLD: ExtensionType = ExtensionType(40);
    /// quic_transport_parameters (RFC 9001 §8.2).
    pub const QUIC_TRANSPORT_PARAMETERS: ExtensionType = ExtensionType(57);
    /// encrypted_client_hello (RFC 9849).
    pub const ENCRYPTED_CLIENT_HELLO: ExtensionType = ExtensionType(0xfe0d);
    /// encrypted_server_name, the draft before encrypted_client_hello.
    pub const ENCRYPTED_SERVER_NAME: ExtensionType = ExtensionType(0xffce);
}

/// A cipher suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct CipherSuite(pub u16);

impl fmt::Display for CipherSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match tls_parser::TlsCipherSuite::from_id(self.0) {
            Some(known) => f.write_str(known.name),
            None => write!(f, "cipher suite 0x{:04x}", self.0),
        }
    }
}

impl CipherSuite {
    /// Why the suite must not be used any more, if so: no encryption or authentication, keys that can be searched, RC4 (RFC 7465), blocks of 64
    /// bits (RFC 9325 §4.1).
    #[must_use]
    pub fn weakness(self) -> Option<&'static str> {
        use tls_parser::{TlsCipherAu as Au, TlsCipherEnc as Enc, TlsCipherMac as Mac};
        let suite = tls_parser::TlsCipherSuite::from_id(self.0)?;
        if matches!(self.0, 0x00ff | 0x5600) {
            return None; // Signals, no suites (RFC 5746, RFC 7507).
        }
        match suite.enc {
            // TLS_SHA256_SHA256 and TLS_SHA384_SHA384 (RFC 9150) authenticate, but do not encrypt either.
            Enc::Null => Some("no encryption"),
            _ if suite.name.contains("EXPORT") => Some("export grade"),
            _ if suite.au == Au::Null || suite.name.contains("_anon_") => Some("no authentication"),
            Enc::Rc4 => Some("RC4"),
            Enc::Rc2 => Some("RC2"),
            Enc::Des => Some("DES"),
            Enc::TripleDes => Some("3DES"),
            Enc::Idea => Some("IDEA"),
            _ if suite.mac == Mac::HmacMd5 => Some("MD5"),
            _ => None,
        }
    }
}

/// A group for the key exchange (RFC 8446 §4.2.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Group(pub u16);

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.0 {
            14 => "sect571r1",
            19 => "secp192r1",
            21 => "secp224r1",
            22 => "secp256k1",
            23 => "secp256r1",
            24 => "secp384r1",
            25 => "secp521r1",
            26 => "brainpoolP256r1",
            27 => "brainpoolP384r1",
            28 => "brainpoolP512r1",
            29 => "x25519",
            30 => "x448",
            31 => "brainpoolP256r1tls13",
            32 => "brainpoolP384r1tls13",
            33 => "brainpoolP512r1tls13",
            41 => "curveSM2",
            256 => "ffdhe2048",
            257 => "ffdhe3072",
            258 => "ffdhe4096",
            259 => "ffdhe6144",
            260 => "ffdhe8192",
            0x0200 => "MLKEM512",
            0x0201 => "MLKEM768",
            0x0202 => "MLKEM1024",
            0x11eb => "SecP256r1MLKEM768",
            0x11ec => "X25519MLKEM768",
            0x11ed => "SecP384r1MLKEM1024",
            0x6399 => "X25519Kyber768Draft00",
            other => return write!(f, "group 0x{other:04x}"),
        };
        f.write_str(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_versions_and_knows_drafts() {
        let named =
            [0x0002u16, 0x0300, 0x0301, 0x0303, 0x0304, 0x7f1c, 0x1a1a].map(|v| Version(v).to_string());
        assert_eq!(named[..4], ["SSL 2.0", "SSL 3.0", "TLS 1.0", "TLS 1.2"]);
        assert_eq!(named[4..], ["TLS 1.3", "TLS 1.3 (draft 28)", "version 0x1a1a"]);
        assert!(Version(0x7f17).is_tls13() && Version(0xfb1a).is_tls13() && Version::TLS13.is_tls13());
        assert!(!Version::TLS12.is_tls13() && !Version(0x1a1a).is_tls13());
        assert!(Version::TLS11.is_weak() && Version::SSL2.is_weak() && !Version::TLS12.is_weak());
        assert!(is_grease(0x0a0a) && is_grease(0xfafa) && !is_grease(0x0a1a) && !is_grease(0x1301));
    }

    #[test]
    fn says_why_a_suite_is_weak() {
        for (suite, why) in [
            (0x0000, Some("no encryption")),
            (0x0002, Some("no encryption")),
            (0x0003, Some("export grade")),
            (0x0004, Some("RC4")),
            (0x0005, Some("RC4")),
            (0x000a, Some("3DES")),
            (0x0034, Some("no authentication")),
            (0x002f, None),
            (0x00ff, None),
            (0x1301, None),
            (0x1303, None),
            (0x5600, None),
            (0xc02f, None),
            (0xc018, Some("no authentication")),
            (0xfefe, None),
        ] {
            assert_eq!(CipherSuite(suite).weakness(), why, "{}", CipherSuite(suite));
        }
        assert_eq!(CipherSuite(0x1302).to_string(), "TLS_AES_256_GCM_SHA384");
        assert_eq!(CipherSuite(0xeeee).to_string(), "cipher suite 0xeeee");
    }
}

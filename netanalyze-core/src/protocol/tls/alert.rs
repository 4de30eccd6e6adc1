//! Alerts (RFC 8446 §6, RFC 5246 §7.2).

use std::fmt;

/// What an alert says. Only where it is not encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alert {
    /// How bad it is.
    pub level: AlertLevel,
    /// What happened.
    pub description: AlertDescription,
}

impl Alert {
    /// The alert of bytes that begin with a record of nothing but one in clear (RFC 8446 section 5.1), as far as it is a known one.
    pub(crate) fn of_record(bytes: &[u8]) -> Option<Alert> {
        match *bytes {
            [21, 3, 0..=4, 0, 2, level @ 1..=2, description, ..] => {
                Some(Alert { level: AlertLevel(level), description: AlertDescription(description) })
            }
            _ => None,
        }
    }
}

/// Level of an alert. TLS 1.3 ignores it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlertLevel(pub u8);

impl AlertLevel {
    /// The handshake or the connection goes on.
    pub const WARNING: AlertLevel = AlertLevel(1);
    /// The end.
    pub const FATAL: AlertLevel = AlertLevel(2);
}

impl fmt::Display for AlertLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            AlertLevel::WARNING => f.write_str("warning"),
            AlertLevel::FATAL => f.write_str("fatal"),
            AlertLevel(other) => write!(f, "level {other}"),
        }
    }
}

/// Description of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlertDescription(pub u8);

impl AlertDescription {
    /// The sender has no more to say.
    pub const CLOSE_NOTIFY: AlertDescription = AlertDescription(0);
    /// No common parameters; up to TLS 1.2 also a missing certificate of the client.
    pub const HANDSHAKE_FAILURE: AlertDescription = AlertDescription(40);
    /// No common version.
    pub const PROTOCOL_VERSION: AlertDescription = AlertDescription(70);
    /// The user gave up.
    pub const USER_CANCELED: AlertDescription = AlertDescription(90);
    /// No renegotiation.
    pub const NO_RENEGOTIATION: AlertDescription = AlertDescription(100);
    /// The server does not know the name in the ClientHello.
    pub const UNRECOGNIZED_NAME: AlertDescription = AlertDescription(112);

    /// The name in RFC 8446 §6 or RFC 5246 §7.2, if it has one.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            0 => "close_notify",
            10 => "unexpected_message",
            20 => "bad_record_mac",
            21 => "decryption_failed",
            22 => "record_overflow",
            30 => "decompression_failure",
            40 => "handshake_failure",
            41 => "no_certificate",
            42 => "bad_certificate",
            43 => "unsupported_certificate",
            44 => "certificate_revoked",
            45 => "certificate_expired",
            46 => "certificate_unknown",
            47 => "illegal_parameter",
            48 => "unknown_ca",
            49 => "access_denied",
            50 => "decode_error",
            51 => "decrypt_error",
            52 => "too_many_cids_requested",
            60 => "export_restriction",
            70 => "protocol_version",
            71 => "insufficient_security",
            80 => "internal_error",
            86 => "inappropriate_fallback",
            90 => "user_canceled",
            100 => "no_renegotiation",
            109 => "missing_extension",
            110 => "unsupported_extension",
            111 => "certificate_unobtainable",
            112 => "unrecognized_name",
            113 => "bad_certificate_status_response",
            114 => "bad_certificate_hash_value",
            115 => "unknown_psk_identity",
            116 => "certificate_required",
            120 => "no_application_protocol",
            121 => "ech_required",
            _ => return None,
        })
    }

    /// What it means for the person who reads it.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self.0 {
            10 => "a message came out of order, or the peer does not speak TLS",
            20 | 21 | 51 => {
                "a record or signature could not be verified: keys differ, or bytes were changed on the way"
            }
            22 => "a record is too large",
            40 => {
                "no common cipher suite, group or signature algorithm, or a certificate of the client is missing"
            }
            41 => "the client has no certificate",
            42 => "the certificate is damaged or its signature is wrong",
            43 => "the certificate is of a kind that is not supported",
            44 => "the certificate was revoked",
            45 => "the certificate has expired",
            46 => "the certificate is not acceptable",
            47 => "a value in the handshake is not allowed",
            48 => "the certificate's issuer is not trusted, or an intermediate certificate is missing",
            49 => "the certificate is valid, but access is denied",
            50 => "a message could not be decoded",
            70 => "no common protocol version",
            71 => "the offered cipher suites are too weak",
            80 => "an error of the sender that has nothing to do with the peer",
            86 => "the client fell back to an older version than both support",
            90 => "the handshake was cancelled",
            109 => "an extension that is needed is missing",
            110 => "an extension came that was not asked for",
            112 => "no host of the name that the client asked for",
            113 => "the stapled OCSP response is not acceptable",
            115 => "the pre-shared key is not known",
            116 => "a certificate of the client is required",
            120 => "no common application protocol (ALPN)",
            121 => "the encrypted ClientHello was rejected",
            _ => "",
        }
    }
}

impl fmt::Display for AlertDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "alert {}", self.0),
        }
    }
}

impl Alert {
    /// Reads the content of a record. Only two bytes are readable: more are encrypted, at least by 16 bytes of authentication. Levels and
    /// descriptions without a name are taken for encrypted, too, as Wireshark 4.0 does.
    #[must_use]
    pub fn parse(content: &[u8]) -> Option<Self> {
        let &[level, description] = content else { return None };
        let (level, description) = (AlertLevel(level), AlertDescription(description));
        (matches!(level.0, 1 | 2) && description.name().is_some()).then_some(Alert { level, description })
    }

    /// Whether it ends the connection (RFC 8446 §6: all do but close_notify and user_canceled, whatever their level).
    #[must_use]
    pub fn is_fatal(self, tls13: bool) -> bool {
        let harmless = [AlertDescription::CLOSE_NOTIFY, AlertDescription::USER_CANCELED];
        !harmless.contains(&self.description) && (tls13 || self.level == AlertLevel::FATAL)
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.description, self.description.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_two_bytes_with_names_are_an_alert() {
        let alert = Alert::parse(&[2, 40]).unwrap();
        assert_eq!(alert.to_string(), "handshake_failure (40)");
        assert!(alert.is_fatal(false) && alert.is_fatal(true));
        for content in [&[][..], &[2], &[2, 40, 0], &[3, 40], &[2, 200], &[0x5a; 26]] {
            assert_eq!(Alert::parse(content), None, "{content:?}");
        }
    }

    #[test]
    fn a_warning_ends_only_tls_13() {
        let unknown_name = Alert::parse(&[1, 112]).unwrap();
        assert!(!unknown_name.is_fatal(false) && unknown_name.is_fatal(true));
        let notify = Alert::parse(&[1, 0]).unwrap();
        assert!(!notify.is_fatal(false) && !notify.is_fatal(true));
        assert!(!Alert::parse(&[2, 0]).unwrap().is_fatal(false));
    }
}

//! The figures behind findings of TLS, and their sentences.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::model::Span;
use crate::protocol::tls::{AlertDescription, Stage, Who};

/// Figures of a finding. Names are as they stand in packets, with control characters escaped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct TlsDetail {
    /// The host name that the client asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_name: Option<Box<str>>,
    /// What it is about.
    #[serde(flatten)]
    pub matter: TlsMatter,
}

/// What a finding of TLS is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
#[non_exhaustive]
pub enum TlsMatter {
    /// An alert.
    Alert {
        /// Who sent it.
        by: Who,
        /// Its number.
        description: u8,
        /// Its name.
        alert: &'static str,
    },
    /// A handshake that came to nothing without an alert that can be read.
    Ending {
        /// How.
        how: How,
        /// Who ended it, or owed an answer.
        by: Option<Who>,
        /// How far it had come.
        stage: Stage,
        /// From its first message to its end.
        #[serde(rename = "after_ns")]
        after: Span,
        /// Round trips that a HelloRetryRequest cost.
        retries: u8,
    },
    /// A handshake that came to nothing because bytes of it did not arrive, as far as the capture shows.
    Undelivered {
        /// Tells it from other endings.
        how: How,
        /// Who sent them.
        by: Who,
        /// How far it had come.
        stage: Stage,
        /// How many were never acknowledged.
        #[serde(rename = "unacknowledged_bytes")]
        bytes: u64,
        /// How often the first of them was sent.
        #[serde(rename = "times_sent")]
        times: u32,
        /// From its first message to its end.
        #[serde(rename = "after_ns")]
        after: Span,
    },
    /// A CONNECTION_CLOSE of QUIC before the handshake was finished.
    QuicClose {
        /// Who sent it.
        by: Who,
        /// The code is the application's own.
        application: bool,
        /// The error code.
        code: u64,
        /// Its name; empty if it has none.
        #[serde(skip_serializing_if = "str::is_empty")]
        name: &'static str,
        /// The sender's words.
        #[serde(skip_serializing_if = "str::is_empty")]
        reason: Box<str>,
        /// How far it had come.
        stage: Stage,
    },
    /// Plain text in place of TLS.
    Text {
        /// Who spoke it.
        by: Who,
        /// Its first line.
        text: Box<str>,
    },
    /// A certificate whose validity is over.
    Expired {
        /// Who showed it.
        by: Who,
        /// Its subject.
        subject: Box<str>,
        /// Its last second, since 1970.
        #[serde(serialize_with = "epoch")]
        #[cfg_attr(feature = "schema", schemars(with = "crate::model::Timestamp"))]
        not_after: i64,
    },
    /// A certificate whose validity has not begun.
    NotYetValid {
        /// Who showed it.
        by: Who,
        /// Its subject.
        subject: Box<str>,
        /// Its first second, since 1970.
        #[serde(serialize_with = "epoch")]
        #[cfg_attr(feature = "schema", schemars(with = "crate::model::Timestamp"))]
        not_before: i64,
    },
    /// A certificate that gives little security.
    Certificate {
        /// Who showed it.
        by: Who,
        /// Its subject.
        subject: Box<str>,
        /// Why.
        weakness: &'static str,
    },
    /// A certificate for other hosts.
    OtherHost {
        /// The first name in it.
        first_name: Box<str>,
        /// How many it has.
        names: usize,
    },
    /// Certificates that make no chain.
    Chain {
        /// Who showed them.
        by: Who,
        /// How many.
        certificates: usize,
        /// The issuer whose certificate is missing.
        missing_issuer: Box<str>,
    },
    /// What was negotiated.
    Negotiated {
        /// The version.
        #[serde(skip_serializing_if = "Option::is_none")]
        version: Option<Box<str>>,
        /// The cipher suite.
        #[serde(skip_serializing_if = "Option::is_none")]
        cipher_suite: Option<Box<str>>,
        /// What is weak about it.
        weakness: &'static str,
    },
    /// A slow answer.
    Slow {
        /// From the ClientHello to the ServerHello.
        #[serde(rename = "hello_ns")]
        hello: Span,
        /// What counts as slow.
        #[serde(rename = "threshold_ns")]
        threshold: Span,
        /// Round trips that a HelloRetryRequest cost.
        retries: u8,
    },
    /// A record of a length that is not allowed.
    Record {
        /// Its length.
        length: u16,
    },
    /// Nothing more to say.
    Nothing {},
}

/// Serialises whole seconds since 1970 as time stamps are: what a certificate says can lie beyond what those reach.
fn epoch<S: Serializer>(seconds: &i64, s: S) -> Result<S::Ok, S::Error> {
    s.collect_str(&format_args!("{seconds}.000000000"))
}

/// How a handshake came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// By an RST.
    Reset,
    /// By a FIN.
    Closed,
    /// By an encrypted alert, as its size tells, and the end of the connection.
    Rejected,
    /// An answer never came.
    Silent,
    /// What was to be answered was never acknowledged.
    Undelivered,
}

/// A moment in seconds since 1970, as a date and a time of day (proleptic Gregorian calendar).
pub(crate) struct Utc(pub(crate) i64);

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, second) = (self.0.div_euclid(86_400), self.0.rem_euclid(86_400));
        // Years begin in March, so that the day that leap years add comes last; eras of 400 years all have the same days.
        let days = days.saturating_add(719_468);
        let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year_of_era = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month = (5 * day + 2) / 153;
        let day = day - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
    }
}

struct Milliseconds(Span);

impl fmt::Display for Milliseconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.0 >= 1_000_000_000 {
            return write!(f, "{:.3} s", self.0.as_secs_f64());
        }
        write!(f, "{:.1} ms", self.0.as_secs_f64() * 1e3)
    }
}

impl fmt::Display for TlsDetail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whose = |by: &Who| if *by == Who::Client { "the client's" } else { "the server's" };
        match &self.matter {
            TlsMatter::Alert { by, description, alert } => {
                let meaning = AlertDescription(*description).meaning();
                write!(f, "{} ended it with alert {alert} ({description})", by.words())?;
                if !meaning.is_empty() {
                    write!(f, ": {meaning}")?;
                }
            }
            TlsMatter::Ending { how, by, stage, after, retries } => {
                ending(f, *how, *by, *stage, *after)?;
                if *retries > 0 {
                    f.write_str(", after a HelloRetryRequest")?;
                }
            }
            TlsMatter::Undelivered { by, stage, bytes, times, after, .. } => {
                let (whose, bytes) = (whose(by), counted(*bytes, "byte"));
                let (at, after) = (after_what(*stage), Milliseconds(*after));
                let sent = if *times == 1 { "sent once".to_owned() } else { format!("sent {times} times") };
                write!(
                    f,
                    "the handshake went no further after {at} for {after}: {bytes} of {whose} flight, {sent}, never acknowledged"
                )?;
            }
            TlsMatter::QuicClose { by, application, code, name, reason, stage } => {
                let whose = if *application { "the application's " } else { "" };
                write!(f, "{} closed the connection after {} with {whose}", by.words(), after_what(*stage))?;
                match code {
                    // The lower byte is an alert (RFC 9001 section 4.8).
                    0x100..=0x1ff if !application => {
                        let alert = AlertDescription(*code as u8);
                        write!(f, "alert {} ({})", alert.name().unwrap_or("unknown"), alert.0)?;
                    }
                    _ if name.is_empty() => write!(f, "error {code:#x}")?,
                    _ => write!(f, "{name} ({code:#x})")?,
                }
                if !reason.is_empty() {
                    write!(f, ": \"{reason}\"")?;
                }
            }
            TlsMatter::Text { by, text } => write!(f, "{} speaks plain text: \"{text}\"", by.words())?,
            TlsMatter::Expired { by, subject, not_after } => {
                write!(f, "{} certificate \"{subject}\" expired on {}", whose(by), Utc(*not_after))?;
            }
            TlsMatter::NotYetValid { by, subject, not_before } => {
                write!(
                    f,
                    "{} certificate \"{subject}\" is valid only from {} on",
                    whose(by),
                    Utc(*not_before)
                )?;
            }
            TlsMatter::Certificate { by, subject, weakness } => {
                write!(f, "{} certificate \"{subject}\" has {weakness}", whose(by))?;
            }
            TlsMatter::OtherHost { first_name, names: 0 | 1 } => {
                write!(f, "the certificate is for \"{first_name}\"")?;
            }
            TlsMatter::OtherHost { first_name, names } => {
                write!(f, "the certificate is for \"{first_name}\" and {} others", names - 1)?;
            }
            TlsMatter::Chain { by, certificates, missing_issuer } => {
                let many = if *certificates == 1 { "certificate comes" } else { "certificates come" };
                write!(
                    f,
                    "{} {certificates} {many} without that of the issuer \"{missing_issuer}\"",
                    whose(by)
                )?;
            }
            TlsMatter::Negotiated { version, cipher_suite, weakness } => {
                let what = version.as_deref().or(cipher_suite.as_deref()).unwrap_or_default();
                write!(f, "{what} was negotiated: {weakness}")?;
            }
            TlsMatter::Slow { hello, threshold, retries } => {
                let (hello, threshold) = (Milliseconds(*hello), Milliseconds(*threshold));
                write!(f, "the ServerHello took {hello} (slow from {threshold} on)")?;
                if *retries > 0 {
                    write!(f, ", {retries} HelloRetryRequest included")?;
                }
            }
            TlsMatter::Record { length } => write!(f, "a record of {length} bytes, which is not allowed")?,
            TlsMatter::Nothing {} => f.write_str("bytes that are no TLS record follow TLS records")?,
        }
        match &self.server_name {
            Some(name) => write!(f, " (server name \"{name}\")"),
            None => Ok(()),
        }
    }
}

fn ending(f: &mut fmt::Formatter<'_>, how: How, by: Option<Who>, stage: Stage, after: Span) -> fmt::Result {
    let after = Milliseconds(after);
    let at = after_what(stage);
    let who = by.map_or("one side", Who::words);
    match how {
        How::Reset => write!(f, "{who} reset the connection after {at}, {after} after the handshake began"),
        How::Closed => write!(f, "{who} closed the connection after {at}, {after} after the handshake began"),
        How::Rejected => write!(
            f,
            "{who} sent what is an encrypted alert by its size after {at}, and the connection ended without data of its own"
        ),
        How::Silent if by.is_none() => {
            write!(
                f,
                "the handshake went no further after {at} for {after}, and encryption hides whose turn it was"
            )
        }
        How::Silent if stage == Stage::ServerHello && by == Some(Who::Server) => {
            write!(f, "the server did not complete its part of the handshake after {at} for {after}")
        }
        How::Silent | How::Undelivered => write!(f, "{who} sent nothing after {at} for {after}"),
    }
}

fn counted(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn after_what(stage: Stage) -> &'static str {
    match stage {
        Stage::Nothing => "its first record",
        Stage::ClientHello => "the ClientHello",
        Stage::Retry => "the HelloRetryRequest",
        Stage::ServerHello => "the ServerHello",
        Stage::Finished => "the Finished message",
    }
}

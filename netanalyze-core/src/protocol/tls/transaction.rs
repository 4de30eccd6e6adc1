//! What became of a handshake: one row of `--tls`.

use serde::Serialize;

use super::alert::Alert;
use super::certificate::Chain;
use super::code::{CipherSuite, Group, Version};
use super::message::Who;
use crate::model::{Direction, Span, Timestamp};
use crate::protocol::stream::Moment;

/// A handshake, from the ClientHello to the first application data or the end.
#[derive(Clone, Debug)]
pub struct Handshake {
    /// Direction of the client's bytes.
    pub client: Direction,
    /// The version of QUIC that carries it; `None` of TLS on TCP.
    pub quic: Option<u32>,
    /// How it ended.
    pub outcome: Outcome,
    /// How far it came.
    pub stage: Stage,
    /// What the outcome became known with.
    pub end: Moment,
    /// Time of the first SYN.
    pub syn: Option<Timestamp>,
    /// Time of the segment that completed the TCP handshake.
    pub established: Option<Timestamp>,
    /// The first ClientHello.
    pub client_hello: Option<Moment>,
    /// The ServerHello; not a HelloRetryRequest.
    pub server_hello: Option<Moment>,
    /// The last of both Finished messages. Of TLS 1.3 the client's, known by its size.
    pub finished: Option<Moment>,
    /// The first record of application data. Of TLS 1.3 the client's, because the server's tickets look the same.
    pub first_data: Option<Moment>,
    /// HelloRetryRequests: each cost a round trip.
    pub retries: u8,
    /// The host name that the client asked for; of an encrypted ClientHello the outer one.
    pub server_name: Option<Box<[u8]>>,
    /// An encrypted ClientHello, or GREASE in its place, was offered.
    pub ech: bool,
    /// Application protocols offered.
    pub alpn_offered: Box<[Box<[u8]>]>,
    /// The application protocol chosen; TLS 1.3 hides it.
    pub alpn: Option<Box<[u8]>>,
    /// The highest version offered.
    pub version_offered: Option<Version>,
    /// The version negotiated.
    pub version: Option<Version>,
    /// The cipher suite.
    pub cipher: Option<CipherSuite>,
    /// The group of the key exchange.
    pub group: Option<Group>,
    /// How a session was resumed, if one was.
    pub resumption: Option<Resumption>,
    /// The client sent data before the server's answer.
    pub early_data: bool,
    /// The server asked for a certificate of the client; TLS 1.3 hides it.
    pub client_certificate_requested: bool,
    /// What the server showed; TLS 1.3 hides it.
    pub server_chain: Option<Box<Chain>>,
    /// What the client showed; TLS 1.3 hides it.
    pub client_chain: Option<Box<Chain>>,
    /// An OCSP response was stapled; TLS 1.3 hides it.
    pub stapled: bool,
    /// Readable alerts: who sent it, with what, and what it says.
    pub alerts: Vec<(Who, Moment, Alert)>,
    /// The first line of the text that was there in place of TLS.
    pub text: Option<Box<[u8]>>,
    /// How QUIC says that one side closed it.
    pub close: Option<Box<QuicClose>>,
    /// Of [`Outcome::Undelivered`]: what was not acknowledged.
    pub unacknowledged: Option<Unacknowledged>,
    /// Alerts and messages that were left out because a limit was reached.
    pub left_out: u32,
    /// Bytes of it are missing in the capture.
    pub gaps: bool,
    /// Secrets are known of it, of use or not.
    pub has_secrets: bool,
    /// Secrets are known: what the connection carries is decoded.
    pub decrypted: bool,
}

/// How a handshake ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "by")]
#[non_exhaustive]
pub enum Outcome {
    /// With both sides' Finished, or application data.
    Completed,
    /// As `Completed`, with keys of an earlier session.
    Resumed,
    /// By a fatal alert of one side: the last of [`Handshake::alerts`].
    Failed(Who),
    /// By a record that is an alert by its size, and the end of the connection, before any application data of that side.
    Rejected(Who),
    /// One side reset the connection; which one is not known of a connection whose ends are not.
    Reset(Option<Who>),
    /// One side closed the connection.
    Closed(Who),
    /// One side owed an answer for three seconds or more, until the other gave up or the capture ended. Within the server's encrypted part
    /// of TLS 1.3 nobody can tell which one.
    Silent(Option<Who>),
    /// Bytes that one side sent were never acknowledged: nothing shows that the other side got them, so that it owes no answer.
    /// [`Handshake::unacknowledged`] says which.
    Undelivered(Who),
    /// One side gave it up without calling it an error, as QUIC has it where another connection is used instead.
    Abandoned(Who),
    /// One side spoke plain text.
    PlainText(Who),
    /// The capture ended meanwhile, or a new connection began on the same ports, or what was not captured may have decided it.
    Cut,
}

impl Outcome {
    /// Both sides can exchange application data.
    #[must_use]
    pub fn is_success(self) -> bool {
        matches!(self, Outcome::Completed | Outcome::Resumed)
    }
}

/// Bytes of one side of which no acknowledgement came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Unacknowledged {
    /// How many.
    pub bytes: u64,
    /// How often the first of them was sent.
    pub times: u32,
}

/// A CONNECTION_CLOSE frame of QUIC (RFC 9000 section 19.19).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct QuicClose {
    /// Who sent it.
    pub by: Who,
    /// The code is the application's own.
    pub application: bool,
    /// The error code.
    pub code: u64,
    /// The sender's words, at most as many as are kept of a name.
    pub reason: Box<[u8]>,
}

impl QuicClose {
    /// The transport's error without an error.
    pub const NO_ERROR: u64 = 0;
    /// Stands in Initial and Handshake packets for whatever error the application has (RFC 9000 section 10.2.3).
    pub const APPLICATION_ERROR: u64 = 0x0c;

    /// Nobody calls it an error of the connection.
    #[must_use]
    pub fn is_ordinary(&self) -> bool {
        self.application || matches!(self.code, Self::NO_ERROR | Self::APPLICATION_ERROR)
    }

    /// The name of the transport's error (RFC 9000 section 20.1, RFC 9368 section 10.2, RFC 9001 section 4.8); empty if it has none here.
    #[must_use]
    pub fn name(&self) -> &'static str {
        if self.application {
            return "";
        }
        match self.code {
            Self::NO_ERROR => "NO_ERROR",
            0x01 => "INTERNAL_ERROR",
            0x02 => "CONNECTION_REFUSED",
            0x03 => "FLOW_CONTROL_ERROR",
            0x04 => "STREAM_LIMIT_ERROR",
            0x05 => "STREAM_STATE_ERROR",
            0x06 => "FINAL_SIZE_ERROR",
            0x07 => "FRAME_ENCODING_ERROR",
            0x08 => "TRANSPORT_PARAMETER_ERROR",
            0x09 => "CONNECTION_ID_LIMIT_ERROR",
            0x0a => "PROTOCOL_VIOLATION",
            0x0b => "INVALID_TOKEN",
            Self::APPLICATION_ERROR => "APPLICATION_ERROR",
            0x0d => "CRYPTO_BUFFER_EXCEEDED",
            0x0e => "KEY_UPDATE_ERROR",
            0x0f => "AEAD_LIMIT_REACHED",
            0x10 => "NO_VIABLE_PATH",
            0x11 => "VERSION_NEGOTIATION_ERROR",
            0x100..=0x1ff => "CRYPTO_ERROR",
            _ => "",
        }
    }
}

/// How far a handshake came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Nothing of it was seen.
    Nothing,
    /// A ClientHello was sent.
    ClientHello,
    /// A HelloRetryRequest was sent.
    Retry,
    /// A ServerHello was sent.
    ServerHello,
    /// Both sides are through.
    Finished,
}

/// How a session was resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Resumption {
    /// The server echoed the session id (RFC 5246 §7.4.1.3).
    SessionId,
    /// With a ticket (RFC 5077).
    Ticket,
    /// With a pre-shared key (RFC 8446 §2.2); it may be an external one.
    Psk,
}

impl Handshake {
    /// A row about which nothing is known yet.
    #[must_use]
    pub fn new(client: Direction, syn: Option<Timestamp>, established: Option<Timestamp>) -> Self {
        Handshake {
            client,
            quic: None,
            outcome: Outcome::Cut,
            stage: Stage::Nothing,
            end: Moment::default(),
            syn,
            established,
            client_hello: None,
            server_hello: None,
            finished: None,
            first_data: None,
            retries: 0,
            server_name: None,
            ech: false,
            alpn_offered: Box::default(),
            alpn: None,
            version_offered: None,
            version: None,
            cipher: None,
            group: None,
            resumption: None,
            early_data: false,
            client_certificate_requested: false,
            server_chain: None,
            client_chain: None,
            stapled: false,
            alerts: Vec::new(),
            text: None,
            close: None,
            unacknowledged: None,
            left_out: 0,
            gaps: false,
            has_secrets: false,
            decrypted: false,
        }
    }

    /// Which end sends in a direction.
    #[must_use]
    pub fn who(&self, from: Direction) -> Who {
        if from == self.client { Who::Client } else { Who::Server }
    }

    /// The first moment of it that was captured.
    #[must_use]
    pub fn start(&self) -> Moment {
        self.client_hello.or(self.server_hello).unwrap_or(self.end)
    }

    /// The last hello of it that was captured.
    #[must_use]
    pub fn latest(&self) -> Moment {
        self.server_hello.or(self.client_hello).unwrap_or(self.end)
    }

    /// From the first SYN to the end of the TCP handshake.
    #[must_use]
    pub fn tcp_connect(&self) -> Option<Span> {
        Some(self.established?.since(self.syn?))
    }

    /// From the ClientHello to the ServerHello; unknown if the capture has them in the other order.
    #[must_use]
    pub fn hello_time(&self) -> Option<Span> {
        let time = self.server_hello?.time.since(self.client_hello?.time);
        (time >= Span(0)).then_some(time)
    }

    /// From the ClientHello until both sides are through.
    #[must_use]
    pub fn handshake_time(&self) -> Option<Span> {
        Some(self.finished?.time.since(self.client_hello?.time))
    }

    /// From the ClientHello to the first application data.
    #[must_use]
    pub fn data_time(&self) -> Option<Span> {
        Some(self.first_data?.time.since(self.client_hello?.time))
    }

    /// The alert that ended it.
    #[must_use]
    pub fn fatal_alert(&self) -> Option<Alert> {
        match self.outcome {
            Outcome::Failed(_) => self.alerts.last().map(|&(_, _, alert)| alert),
            _ => None,
        }
    }
}

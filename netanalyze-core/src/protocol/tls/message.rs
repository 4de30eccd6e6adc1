//! What a record says, owned: for fields, and for findings about single frames.

use super::alert::Alert;
use super::certificate::Chain;
use super::code::{CipherSuite, ContentType, ExtensionType, Group, HandshakeType, Version};
use super::fault::Fault;
use super::handshake::Raw;
use super::hello::{ClientHello, ServerHello};
use super::record::Record;
use crate::model::limits::{MAX_NAME_BYTES, MAX_OFFERS};

/// A record that a frame completed, with the handshake messages that ended in it. A frame may complete several.
#[derive(Clone, Debug, Default)]
pub struct TlsMessage {
    /// The record's header; `None` of an SSL 2.0 message, of QUIC, and of bytes that are no record.
    pub record: Option<Record>,
    /// It holds application data of TLS 1.3, or whatever else: its true type is encrypted.
    pub opaque: bool,
    /// That true type, where secrets opened it.
    pub inner: Option<ContentType>,
    /// Handshake messages that ended in it and are readable.
    pub handshakes: Vec<HandshakeMessage>,
    /// The alert, if readable.
    pub alert: Option<Alert>,
    /// That alert ends the connection.
    pub fatal: bool,
    /// Who sent it.
    pub by: Option<Who>,
    /// What is wrong with it.
    pub faults: Vec<Fault>,
    /// The name that the client asked for, where something is wrong.
    pub server_name: Option<Box<[u8]>>,
}

/// An end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Who {
    /// Who sent the ClientHello, or is the client by its port.
    Client,
    /// The other one.
    Server,
}

impl Who {
    /// The other end.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Who::Client => Who::Server,
            Who::Server => Who::Client,
        }
    }

    /// "the client" or "the server".
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Who::Client => "the client",
            Who::Server => "the server",
        }
    }
}

/// A handshake message that is readable.
#[derive(Clone, Debug)]
pub struct HandshakeMessage {
    /// Type.
    pub kind: HandshakeType,
    /// Bytes of its body.
    pub len: u32,
    /// What a hello says.
    pub hello: Option<Box<Hello>>,
    /// What certificates say.
    pub chain: Option<Box<Chain>>,
    /// Signature algorithms of other messages of TLS 1.2: what signed the key exchange or proves a certificate, or what is asked for.
    pub signature_algorithms: Vec<u16>,
}

impl HandshakeMessage {
    /// Keeps what a message says. Certificates are not read here.
    #[must_use]
    pub fn of(raw: Raw<'_>) -> Self {
        let hello = match raw.kind {
            HandshakeType::CLIENT_HELLO => ClientHello::parse(raw.body).map(|h| Hello::client(&h)),
            kind => ServerHello::parse_as(kind, raw.body).map(|h| Hello::server(&h)),
        };
        let len = u32::try_from(raw.body.len()).unwrap_or(u32::MAX);
        let signature_algorithms = match raw.kind {
            HandshakeType::SERVER_KEY_EXCHANGE => exchange_signature(raw.body).into_iter().collect(),
            HandshakeType::CERTIFICATE_VERIFY => signed(raw.body).into_iter().collect(),
            HandshakeType::CERTIFICATE_REQUEST => requested(raw.body).unwrap_or_default(),
            _ => Vec::new(),
        };
        HandshakeMessage {
            kind: raw.kind,
            len,
            hello: hello.map(Box::new),
            chain: None,
            signature_algorithms,
        }
    }
}

/// What a hello says, owned.
#[derive(Clone, Debug, Default)]
pub struct Hello {
    /// The version in its fixed part.
    pub version: Version,
    /// 32 bytes.
    pub random: Box<[u8]>,
    /// The session's id.
    pub session_id: Box<[u8]>,
    /// Suites offered, or the one chosen.
    pub ciphers: Box<[CipherSuite]>,
    /// Compression methods.
    pub compressions: Box<[u8]>,
    /// Extensions with their lengths.
    pub extensions: Box<[(ExtensionType, u16)]>,
    /// Host name.
    pub server_name: Option<Box<[u8]>>,
    /// Application protocols offered, or the one chosen.
    pub alpn: Box<[Box<[u8]>]>,
    /// Versions in the extension: all offered, or the one chosen.
    pub supported_versions: Box<[Version]>,
    /// Groups supported.
    pub groups: Box<[Group]>,
    /// Signature algorithms.
    pub signature_algorithms: Box<[u16]>,
    /// Groups of which keys are there.
    pub key_shares: Box<[Group]>,
    /// The group that a HelloRetryRequest asks for.
    pub retry_group: Option<Group>,
}

impl Hello {
    /// Keeps a ClientHello.
    #[must_use]
    pub fn client(hello: &ClientHello<'_>) -> Self {
        Hello {
            version: hello.version,
            random: hello.random.into(),
            session_id: hello.session_id.into(),
            ciphers: hello.ciphers.iter().copied().take(MAX_OFFERS).collect(),
            compressions: hello.compressions.into(),
            extensions: hello.extensions.iter().map(|e| (e.kind, e.len)).take(MAX_OFFERS).collect(),
            server_name: hello.server_name.map(capped),
            alpn: hello.alpn.iter().map(|name| capped(name)).take(MAX_OFFERS).collect(),
            supported_versions: hello.supported_versions.iter().copied().take(MAX_OFFERS).collect(),
            groups: hello.groups.iter().copied().take(MAX_OFFERS).collect(),
            signature_algorithms: hello.signature_algorithms.iter().copied().take(MAX_OFFERS).collect(),
            key_shares: hello.key_shares.iter().copied().take(MAX_OFFERS).collect(),
            retry_group: None,
        }
    }

    /// Keeps a ServerHello.
    #[must_use]
    pub fn server(hello: &ServerHello<'_>) -> Self {
        let versions = (hello.version != hello.legacy_version).then_some(hello.version);
        let (share, retry) = if hello.retry { (None, hello.key_share) } else { (hello.key_share, None) };
        Hello {
            version: hello.legacy_version,
            random: hello.random.into(),
            session_id: hello.session_id.into(),
            ciphers: hello.cipher.into_iter().collect(),
            compressions: hello.cipher.map(|_| hello.compression).into_iter().collect(),
            extensions: hello.extensions.iter().map(|e| (e.kind, e.len)).take(MAX_OFFERS).collect(),
            alpn: hello.alpn.map(capped).into_iter().collect(),
            supported_versions: versions.into_iter().collect(),
            key_shares: share.into_iter().collect(),
            retry_group: retry,
            ..Hello::default()
        }
    }
}

/// What signed a key exchange (RFC 8422 §5.4, RFC 5246 §7.4.3): behind a named curve and a point, or behind three numbers.
fn exchange_signature(body: &[u8]) -> Option<u16> {
    let curve = |body: &[u8]| match body {
        [3, _, _, point, rest @ ..] => signed(rest.get(usize::from(*point)..)?),
        _ => None,
    };
    let numbers = |body: &[u8]| {
        let skip = |rest: &'_ [u8]| -> Option<usize> {
            let (&len, rest) = rest.split_first_chunk()?;
            let len = usize::from(u16::from_be_bytes(len));
            (rest.len() >= len).then_some(len + 2)
        };
        let mut at = 0;
        for _ in 0..3 {
            at += skip(body.get(at..)?)?;
        }
        signed(body.get(at..)?)
    };
    curve(body).or_else(|| numbers(body))
}

/// The algorithm of a signature that takes all of some bytes. Before TLS 1.2 only its length stands there.
fn signed(bytes: &[u8]) -> Option<u16> {
    let (&[a, b, c, d], rest) = bytes.split_first_chunk()?;
    (usize::from(u16::from_be_bytes([c, d])) == rest.len()).then_some(u16::from_be_bytes([a, b]))
}

/// What a CertificateRequest asks for (RFC 5246 §7.4.4): types of certificates, algorithms, names of authorities. Before TLS 1.2 there are no
/// algorithms.
fn requested(body: &[u8]) -> Option<Vec<u16>> {
    let (&types, rest) = body.split_first()?;
    let (&len, rest) = rest.get(usize::from(types)..)?.split_first_chunk()?;
    let (algorithms, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(len)))?;
    let (&names, rest) = rest.split_first_chunk()?;
    let whole = usize::from(u16::from_be_bytes(names)) == rest.len() && algorithms.len().is_multiple_of(2);
    let words = algorithms.chunks_exact(2).filter_map(|pair| pair.first_chunk());
    whole.then(|| words.map(|&pair| u16::from_be_bytes(pair)).take(MAX_OFFERS).collect())
}

/// A name, or what is kept of one that is too long.
#[must_use]
pub(crate) fn capped(name: &[u8]) -> Box<[u8]> {
    name.get(..MAX_NAME_BYTES).unwrap_or(name).into()
}

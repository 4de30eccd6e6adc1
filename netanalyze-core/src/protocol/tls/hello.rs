//! ClientHello and ServerHello (RFC 8446 §4.1, RFC 5246 §7.4.1, RFC 6101 §5.6.1).
//!
//! Reads bodies of handshake messages, borrowed. The fixed part and the list of extensions are read here as far as they go, because a hello
//! that the snapshot length cut still says much, and so does one of a draft; tls-parser reads the contents of extensions, and tests hold the fixed
//! part to what it says.

use tls_parser::{TlsExtension, parse_tls_client_hello_extension};

use super::code::{CipherSuite, ExtensionType, Group, HandshakeType, Version};

/// The random of a HelloRetryRequest: SHA-256 of its name (RFC 8446 §4.1.3).
const RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2,
    0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// What a client offers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientHello<'a> {
    /// The version in the fixed part (`legacy_version`).
    pub version: Version,
    /// 32 bytes; fewer if cut.
    pub random: &'a [u8],
    /// At most 32 bytes unless damaged.
    pub session_id: &'a [u8],
    /// Cipher suites, the preferred first, signals and GREASE included.
    pub ciphers: Vec<CipherSuite>,
    /// Compression methods.
    pub compressions: &'a [u8],
    /// All extensions in their order.
    pub extensions: Vec<Extension<'a>>,
    /// `server_name`: the first host name, as it stands there. Of an encrypted ClientHello it is the outer one, of the provider.
    pub server_name: Option<&'a [u8]>,
    /// Application protocols offered (ALPN), the preferred first.
    pub alpn: Vec<&'a [u8]>,
    /// `supported_versions`, GREASE included; empty up to TLS 1.2.
    pub supported_versions: Vec<Version>,
    /// `supported_groups`.
    pub groups: Vec<Group>,
    /// `signature_algorithms`.
    pub signature_algorithms: Vec<u16>,
    /// Groups of `key_share`.
    pub key_shares: Vec<Group>,
    /// Pre-shared keys are offered: to resume a session of TLS 1.3, or external ones.
    pub psk: bool,
    /// Early data will follow.
    pub early_data: bool,
    /// A session ticket of TLS 1.2; empty if only support is announced.
    pub ticket: Option<&'a [u8]>,
    /// The client asks for an OCSP response.
    pub status_request: bool,
    /// An encrypted ClientHello (RFC 9849) or its older form is inside, or GREASE in its place.
    pub ech: bool,
    /// TLS 1.3 or a draft of it is offered.
    pub offers_tls13: bool,
    /// Every byte up to the end of the extensions was there.
    pub complete: bool,
    /// The highest of `supported_versions`, GREASE aside.
    pub(super) highest: Option<Version>,
}

/// What a server chose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerHello<'a> {
    /// The version in the fixed part.
    pub legacy_version: Version,
    /// The version negotiated: that of `supported_versions` if there, as TLS 1.3 has it.
    pub version: Version,
    /// 32 bytes; fewer if cut.
    pub random: &'a [u8],
    /// The session's id: the client's is echoed when a session of TLS 1.2 is resumed, and always by TLS 1.3.
    pub session_id: &'a [u8],
    /// The cipher suite; `None` if cut.
    pub cipher: Option<CipherSuite>,
    /// The compression method.
    pub compression: u8,
    /// All extensions in their order.
    pub extensions: Vec<Extension<'a>>,
    /// The application protocol chosen; TLS 1.3 says it encrypted.
    pub alpn: Option<&'a [u8]>,
    /// Group of the server's `key_share`, or the one that a HelloRetryRequest asks for.
    pub key_share: Option<Group>,
    /// A pre-shared key was accepted.
    pub psk: bool,
    /// A ticket will follow (TLS 1.2).
    pub ticket: bool,
    /// An OCSP response will follow (TLS 1.2).
    pub status_request: bool,
    /// The client is to try again with other parameters.
    pub retry: bool,
    /// Every byte up to the end of the extensions was there.
    pub complete: bool,
}

/// An extension of a hello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extension<'a> {
    /// Its type.
    pub kind: ExtensionType,
    /// Its content; cut if the hello was.
    pub content: &'a [u8],
    /// The length that it claims.
    pub len: u16,
    /// The whole of it with type and length, if it is complete.
    whole: Option<&'a [u8]>,
}

impl<'a> ClientHello<'a> {
    /// Reads the body of a ClientHello as far as it goes; `None` if not even a version is there.
    #[must_use]
    pub fn parse(body: &'a [u8]) -> Option<Self> {
        Self::parse_as(body, false)
    }

    /// As [`ClientHello::parse`]; if `brief`, without what takes a list to keep: all of those are empty.
    #[must_use]
    pub(super) fn parse_as(body: &'a [u8], brief: bool) -> Option<Self> {
        let mut rest = Cursor(body);
        let mut hello = ClientHello { version: Version(rest.u16()?), ..ClientHello::default() };
        hello.complete = hello.read(&mut rest, brief).is_some();
        Some(hello)
    }

    fn read(&mut self, rest: &mut Cursor<'a>, brief: bool) -> Option<()> {
        self.random = rest.take(32)?;
        self.session_id = rest.list8()?;
        let ciphers = usize::from(rest.u16()?);
        let there = rest.at_most(ciphers);
        if !brief {
            self.ciphers = words(there).map(CipherSuite).collect();
        }
        if there.len() < ciphers {
            return None;
        }
        self.compressions = rest.list8()?;
        rest.extensions(&mut |extension| {
            self.see(extension);
            if !brief {
                self.extensions.push(extension);
                self.see_list(extension);
            }
        })
    }

    /// What takes no list to keep.
    fn see(&mut self, extension: Extension<'a>) {
        match extension.kind {
            ExtensionType::SERVER_NAME => {
                if let Some(TlsExtension::SNI(names)) = extension.parsed() {
                    self.server_name = self.server_name.or(names.first().map(|&(_, name)| name));
                }
            }
            ExtensionType::PRE_SHARED_KEY => self.psk = true,
            ExtensionType::EARLY_DATA => self.early_data = true,
            ExtensionType::SUPPORTED_VERSIONS => {
                let versions = extension.content.get(1..).unwrap_or_default();
                self.offers_tls13 = words(versions).any(|version| Version(version).is_tls13());
                // A single version may stand there without the list's length.
                let list = if extension.content.len() == 2 { extension.content } else { versions };
                if extension.whole.is_some() && list.len().is_multiple_of(2) {
                    self.highest = highest(words(list).map(Version));
                }
            }
            ExtensionType::SESSION_TICKET => self.ticket = Some(extension.content),
            ExtensionType::STATUS_REQUEST => self.status_request = true,
            ExtensionType::ENCRYPTED_CLIENT_HELLO | ExtensionType::ENCRYPTED_SERVER_NAME => self.ech = true,
            _ => {}
        }
    }

    fn see_list(&mut self, extension: Extension<'a>) {
        match extension.kind {
            ExtensionType::KEY_SHARE | ExtensionType::KEY_SHARE_OLD => {
                self.key_shares = key_shares(extension.content);
            }
            ExtensionType::ALPN
            | ExtensionType::SUPPORTED_VERSIONS
            | ExtensionType::SUPPORTED_GROUPS
            | ExtensionType::SIGNATURE_ALGORITHMS => match extension.parsed() {
                Some(TlsExtension::ALPN(names)) => self.alpn = names,
                Some(TlsExtension::SupportedVersions(versions)) => {
                    self.supported_versions = versions.into_iter().map(|v| Version(v.0)).collect();
                }
                Some(TlsExtension::EllipticCurves(groups)) => {
                    self.groups = groups.into_iter().map(|g| Group(g.0)).collect();
                }
                Some(TlsExtension::SignatureAlgorithms(schemes)) => self.signature_algorithms = schemes,
                _ => {}
            },
            _ => {}
        }
    }

    /// The highest version that the client offers, GREASE aside.
    #[must_use]
    pub fn highest_version(&self) -> Version {
        self.highest.unwrap_or(self.version)
    }
}

/// The highest of some versions, GREASE aside.
fn highest(versions: impl Iterator<Item = Version>) -> Option<Version> {
    // Drafts count as TLS 1.3; a client that offers both offers the final one.
    let real = versions.filter(|v| !v.is_grease());
    real.max_by_key(|v| if v.is_tls13() { (Version::TLS13, *v == Version::TLS13) } else { (*v, true) })
}

impl<'a> ServerHello<'a> {
    /// Reads the body of a ServerHello, or of a HelloRetryRequest, as far as it goes; `None` if not even a version is there.
    #[must_use]
    pub fn parse(body: &'a [u8]) -> Option<Self> {
        let mut rest = Cursor(body);
        let version = Version(rest.u16()?);
        let mut hello = ServerHello { legacy_version: version, version, ..ServerHello::default() };
        hello.complete = hello.read(&mut rest).is_some();
        hello.retry = hello.random == RETRY;
        hello.see_extensions();
        Some(hello)
    }

    /// The version negotiated, as far as it is known of a hello that was cut before its extensions ended: there a suite of TLS 1.3 says it
    /// (RFC 8446 appendix B.4), or one of any other, or a version before TLS 1.2.
    #[must_use]
    pub fn true_version(&self) -> Option<Version> {
        let is_told = self.complete || self.version != Version::TLS12;
        match self.cipher {
            _ if is_told => Some(self.version),
            Some(CipherSuite(0x1301..=0x1305)) => Some(Version::TLS13),
            Some(_) => Some(self.version),
            None => None,
        }
    }

    /// Reads the body of a message of type 6, the HelloRetryRequest of drafts up to 21: a version, up to draft 18 nothing but extensions.
    #[must_use]
    pub fn parse_retry(body: &'a [u8]) -> Option<Self> {
        let mut rest = Cursor(body);
        let version = Version(rest.u16()?);
        let mut hello =
            ServerHello { legacy_version: version, version, retry: true, ..ServerHello::default() };
        if version.0 > 0x7f12 {
            hello.cipher = rest.u16().map(CipherSuite);
        }
        hello.complete = rest.extensions(&mut |extension| hello.extensions.push(extension)).is_some();
        hello.see_extensions();
        Some(hello)
    }

    /// Reads what a message of a type says, if it is a ServerHello of any kind.
    #[must_use]
    pub fn parse_as(kind: HandshakeType, body: &'a [u8]) -> Option<Self> {
        match kind {
            HandshakeType::SERVER_HELLO => ServerHello::parse(body),
            HandshakeType::HELLO_RETRY_REQUEST => ServerHello::parse_retry(body),
            _ => None,
        }
    }

    fn read(&mut self, rest: &mut Cursor<'a>) -> Option<()> {
        self.random = rest.take(32)?;
        // Drafts 18 to 21 of TLS 1.3 have neither session id nor compression method.
        let draft = self.legacy_version.is_tls13();
        if !draft {
            self.session_id = rest.list8()?;
        }
        self.cipher = Some(CipherSuite(rest.u16()?));
        if !draft {
            self.compression = rest.u8()?;
        }
        rest.extensions(&mut |extension| self.extensions.push(extension))
    }

    fn see_extensions(&mut self) {
        for extension in &self.extensions {
            match extension.kind {
                ExtensionType::PRE_SHARED_KEY => self.psk = true,
                ExtensionType::SESSION_TICKET => self.ticket = true,
                ExtensionType::STATUS_REQUEST => self.status_request = true,
                ExtensionType::KEY_SHARE | ExtensionType::KEY_SHARE_OLD => {
                    self.key_share = Cursor(extension.content).u16().map(Group);
                }
                ExtensionType::SUPPORTED_VERSIONS => {
                    self.version = Cursor(extension.content).u16().map_or(self.version, Version);
                }
                ExtensionType::ALPN => {
                    if let Some(TlsExtension::ALPN(names)) = extension.parsed() {
                        self.alpn = names.first().copied();
                    }
                }
                _ => {}
            }
        }
    }
}

impl<'a> Extension<'a> {
    fn parsed(&self) -> Option<TlsExtension<'a>> {
        parse_tls_client_hello_extension(self.whole?).ok().map(|(_, extension)| extension)
    }
}

/// The client's shares: group, length, key. Drafts and the final version have the same form.
fn key_shares(content: &[u8]) -> Vec<Group> {
    let mut groups = Vec::with_capacity(4);
    let mut rest = Cursor(content);
    let _length = rest.u16();
    while let Some(group) = rest.u16() {
        groups.push(Group(group));
        let Some(len) = rest.u16() else { break };
        if rest.take(usize::from(len)).is_none() {
            break;
        }
    }
    groups
}

fn words(bytes: &[u8]) -> impl ExactSizeIterator<Item = u16> + '_ {
    bytes.as_chunks().0.iter().map(|&pair| u16::from_be_bytes(pair))
}

/// What is left of a message.
#[derive(Clone, Copy)]
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn at_most(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        taken
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2)?.first_chunk().map(|&b| u16::from_be_bytes(b))
    }

    fn list8(&mut self) -> Option<&'a [u8]> {
        let len = self.u8()?;
        self.take(usize::from(len))
    }

    /// The list of extensions, which may be missing altogether (RFC 5246 §7.4.1.2). `None` if it is cut.
    fn extensions(&mut self, see: &mut dyn FnMut(Extension<'a>)) -> Option<()> {
        if self.0.is_empty() {
            return Some(());
        }
        let len = usize::from(self.u16()?);
        let cut = self.0.len() < len;
        let mut list = Cursor(self.at_most(len));
        while !list.0.is_empty() {
            let begin = list.0;
            let (kind, len) = (ExtensionType(list.u16()?), list.u16()?);
            let content = list.at_most(usize::from(len));
            let complete = content.len() == usize::from(len);
            let whole = begin.get(..usize::from(len).saturating_add(4)).filter(|_| complete);
            see(Extension { kind, content, len, whole });
            if !complete {
                return None;
            }
        }
        (!cut).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tls_parser::{
        TlsMessageHandshake, parse_tls_handshake_client_hello, parse_tls_handshake_msg_server_hello,
    };

    fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
        [&kind.to_be_bytes()[..], &(content.len() as u16).to_be_bytes(), content].concat()
    }

    /// A body with the given extensions.
    fn client(extensions: &[Vec<u8>]) -> Vec<u8> {
        let list = extensions.concat();
        [
            &[3, 3][..],
            &[7; 32],
            &[2, 0xaa, 0xbb],
            &[0, 6, 0x13, 0x01, 0xc0, 0x2f, 0x0a, 0x0a],
            &[1, 0],
            &(list.len() as u16).to_be_bytes(),
            &list,
        ]
        .concat()
    }

    fn full_client() -> Vec<u8> {
        client(&[
            extension(0x1a1a, &[]),
            extension(
                0,
                &[0, 14, 0, 0, 11, b'e', b'x', b'a', b'm', b'p', b'l', b'e', b'.', b'o', b'r', b'g'],
            ),
            extension(16, b"\0\x0c\x02h2\x08http/1.1"),
            extension(43, &[6, 0x2a, 0x2a, 3, 4, 3, 3]),
            extension(10, &[0, 4, 0, 29, 0, 23]),
            extension(13, &[0, 4, 4, 3, 8, 4]),
            extension(51, &[0, 9, 0x4a, 0x4a, 0, 1, 0, 0, 29, 0, 2, 9, 9]),
            extension(35, b"ticket"),
            extension(5, &[1, 0, 0, 0, 0]),
            extension(0xfe0d, &[0; 8]),
            extension(42, &[]),
            extension(41, &[0; 4]),
        ])
    }

    fn server(version: u16, random: [u8; 32], extensions: &[Vec<u8>]) -> Vec<u8> {
        let list = extensions.concat();
        let fixed = [&version.to_be_bytes()[..], &random, &[1, 0xcc, 0x13, 0x02, 0]].concat();
        [&fixed[..], &(list.len() as u16).to_be_bytes(), &list].concat()
    }

    #[test]
    fn reads_what_a_client_offers() {
        let body = full_client();
        let hello = ClientHello::parse(&body).unwrap();
        assert!(hello.complete && hello.psk && hello.early_data && hello.status_request && hello.ech);
        assert_eq!(hello.server_name, Some(&b"example.org"[..]));
        assert_eq!(hello.alpn, [&b"h2"[..], b"http/1.1"]);
        assert_eq!(hello.supported_versions, [Version(0x2a2a), Version::TLS13, Version::TLS12]);
        assert_eq!(hello.highest_version(), Version::TLS13);
        assert_eq!(hello.ciphers, [CipherSuite(0x1301), CipherSuite(0xc02f), CipherSuite(0x0a0a)]);
        assert_eq!((hello.session_id, hello.compressions), (&[0xaa, 0xbb][..], &[0][..]));
        assert_eq!(hello.groups, [Group(29), Group(23)]);
        assert_eq!(hello.signature_algorithms, [0x0403, 0x0804]);
        assert_eq!(hello.key_shares, [Group(0x4a4a), Group(29)]);
        assert_eq!(hello.ticket, Some(&b"ticket"[..]));
        assert_eq!(hello.extensions.len(), 12);
        let without_lists = ClientHello {
            ciphers: Vec::new(),
            extensions: Vec::new(),
            alpn: Vec::new(),
            supported_versions: Vec::new(),
            groups: Vec::new(),
            signature_algorithms: Vec::new(),
            key_shares: Vec::new(),
            ..hello
        };
        assert_eq!(ClientHello::parse_as(&body, true), Some(without_lists));
    }

    #[test]
    fn a_client_without_extensions_offers_its_version() {
        let mut body = client(&[]);
        body.truncate(body.len() - 2);
        let hello = ClientHello::parse(&body).unwrap();
        assert!(hello.complete && hello.extensions.is_empty());
        assert_eq!(hello.highest_version(), Version::TLS12);
        assert_eq!(hello.server_name, None);
    }

    #[test]
    fn every_cut_says_what_came_before_it() {
        let body = full_client();
        let mut named = 0;
        for len in 0..body.len() {
            let hello = ClientHello::parse(&body[..len]);
            assert_eq!(hello.is_some(), len >= 2);
            let Some(hello) = hello else { continue };
            // Without its list of extensions it is one of an old client.
            assert_eq!(hello.complete, len == 47, "at {len}");
            assert!(hello.server_name.is_none_or(|name| name == b"example.org"));
            named += usize::from(hello.server_name.is_some());
        }
        // Everything behind the name's extension: type and length at 49, GREASE first.
        assert_eq!(named, body.len() - (49 + 4 + 20));
    }

    #[test]
    fn agrees_with_tls_parser_on_fixed_parts() {
        let body = full_client();
        let (_, theirs) = parse_tls_handshake_client_hello(&body).unwrap();
        let ours = ClientHello::parse(&body).unwrap();
        assert_eq!((ours.version.0, ours.random), (theirs.version.0, theirs.random));
        assert_eq!(Some(ours.session_id), theirs.session_id);
        assert_eq!(
            ours.ciphers.iter().map(|c| c.0).collect::<Vec<_>>(),
            theirs.ciphers.iter().map(|c| c.0).collect::<Vec<_>>()
        );
        let list: Vec<u8> = ours.extensions.iter().flat_map(|e| e.whole.unwrap().to_vec()).collect();
        assert_eq!(Some(&list[..]), theirs.ext);

        for version in [0x0301, 0x0303] {
            let body = server(version, [5; 32], &[extension(0xff01, &[0])]);
            let Ok((_, TlsMessageHandshake::ServerHello(theirs))) =
                parse_tls_handshake_msg_server_hello(&body)
            else {
                panic!("not read")
            };
            let ours = ServerHello::parse(&body).unwrap();
            assert_eq!((ours.legacy_version.0, ours.random), (theirs.version.0, theirs.random));
            assert_eq!(Some(ours.session_id), theirs.session_id);
            assert_eq!(ours.cipher.map(|c| c.0), Some(theirs.cipher.0));
        }
    }

    #[test]
    fn the_true_version_stands_in_an_extension() {
        let shares = extension(51, &[0, 29, 0, 1, 9]);
        let body = server(0x0303, [5; 32], &[extension(43, &[3, 4]), shares, extension(41, &[0, 0])]);
        let hello = ServerHello::parse(&body).unwrap();
        assert_eq!((hello.legacy_version, hello.version), (Version::TLS12, Version::TLS13));
        assert_eq!(hello.cipher, Some(CipherSuite(0x1302)));
        assert_eq!(hello.key_share, Some(Group(29)));
        assert!(hello.psk && hello.complete && !hello.retry);
    }

    #[test]
    fn a_retry_is_known_by_its_random() {
        let body = server(0x0303, RETRY, &[extension(43, &[3, 4]), extension(51, &[0, 23])]);
        let hello = ServerHello::parse(&body).unwrap();
        assert!(hello.retry);
        assert_eq!(hello.key_share, Some(Group(23)));
        // A draft's own message: version, suite, extensions.
        let body = [&[0x7f, 0x14, 0x13, 0x01, 0, 6][..], &extension(40, &[0, 23])].concat();
        let hello = ServerHello::parse_as(HandshakeType::HELLO_RETRY_REQUEST, &body).unwrap();
        assert!(hello.retry && hello.version.is_tls13() && hello.complete);
        assert_eq!((hello.cipher, hello.key_share), (Some(CipherSuite(0x1301)), Some(Group(23))));
    }

    #[test]
    fn a_draft_has_no_session_id() {
        let list = extension(40, &[0, 29, 0, 0]);
        let body = [&[0x7f, 0x12][..], &[5; 32], &[0x13, 0x01, 0, 8], &list].concat();
        let hello = ServerHello::parse(&body).unwrap();
        assert_eq!(hello.cipher, Some(CipherSuite(0x1301)));
        assert!(hello.version.is_tls13() && hello.complete && hello.session_id.is_empty());
        assert_eq!(hello.key_share, Some(Group(29)));
    }

    #[test]
    fn every_cut_of_a_server_hello_is_read() {
        let body = server(0x0303, [5; 32], &[extension(43, &[3, 4]), extension(16, b"\0\x03\x02h2")]);
        for len in 0..=body.len() {
            let Some(hello) = ServerHello::parse(&body[..len]) else {
                assert!(len < 2);
                continue;
            };
            assert_eq!(hello.complete, len == body.len() || len == 39, "at {len}");
            assert_eq!(hello.alpn.is_some(), len == body.len());
        }
    }
}

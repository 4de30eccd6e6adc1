//! Rules of TLS.

use super::{Advice, Rule, advice};
use crate::diagnosis::object::{Confidence, Severity};
use crate::diagnosis::thresholds::Limit;

const SHOW: Advice = advice(
    "client",
    "openssl s_client -connect {server}:{port} -servername {name} -showcerts",
    "the certificates that the server presents, and what verification says",
);
const LOG: Advice = advice("server", "journalctl --since -1h", "what the server logged at the times given");

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "TLS-01",
        name: "tls-version-mismatch",
        title: "client and server share no TLS version",
        severity: Severity::Error,
        confidence: Confidence::High,
        meaning: "The client offers only versions that the server does not allow, or the other way round: usually an old client and a \
                  server whose old versions were switched off, or a new client and a server that was never updated. No handshake can \
                  succeed until one side changes.",
        evidence: "A protocol_version alert in clear right after the ClientHello, or a ServerHello with a version that the client did not \
                   offer and then gave up.",
        confounders: "Hardly any: the alert says it. Some servers send handshake_failure instead, which is TLS-02.",
        thresholds: &[],
        steps: &[
            advice(
                "client",
                "openssl s_client -connect {server}:{port} -servername {name} -tls1_2",
                "whether the server speaks TLS 1.2",
            ),
            advice(
                "client",
                "openssl s_client -connect {server}:{port} -servername {name} -tls1_3",
                "whether it speaks TLS 1.3",
            ),
            advice(
                "server",
                "grep -rniE 'ssl_?protocols?' /etc/nginx /etc/apache2 /etc/haproxy",
                "the versions that are switched on",
            ),
        ],
        references: &["RFC 8446 section 4.2.1", "RFC 8446 section 6.2", "RFC 8996"],
    },
    Rule {
        code: "TLS-02",
        name: "tls-no-common-parameters",
        title: "client and server share no cipher suite or group",
        severity: Severity::Error,
        confidence: Confidence::High,
        meaning: "The server refused the ClientHello, because none of the offered cipher suites, groups or signature algorithms suits it, \
                  or because it has no certificate of a kind that the client accepts. That the negotiation failed is sure; which of the \
                  lists it was must be tried out.",
        evidence: "A handshake_failure, insufficient_security or illegal_parameter alert in clear in answer to the ClientHello.",
        confounders: "Up to TLS 1.2 the same alert may mean that a client certificate is missing, but only after the server has asked for \
                      one. Some servers send it for an unknown name (TLS-05) or an old version (TLS-01).",
        thresholds: &[],
        steps: &[
            advice("client", "nmap --script ssl-enum-ciphers -p {port} {server}", "what the server accepts"),
            advice("capture", "netanalyze CAPTURE --tls", "what the client offers"),
            advice(
                "client",
                "openssl s_client -connect {server}:{port} -servername {name} -cipher ALL:@SECLEVEL=0",
                "whether it works if everything is offered",
            ),
        ],
        references: &["RFC 8446 section 4.1.1", "RFC 8446 section 6.2", "RFC 5246 section 7.2.2"],
    },
    Rule {
        code: "TLS-03",
        name: "certificate-out-of-date",
        title: "the certificate has expired or is not yet valid",
        severity: Severity::Error,
        confidence: Confidence::High,
        meaning: "The server presents a certificate whose validity ended before the capture, or begins after it, and clients that check \
                  refuse it. Usually its renewal failed, or the server was not reloaded after it.",
        evidence: "The validity in the server's certificate, where it is sent in clear (up to TLS 1.2), against the time of the packet; or \
                   the client's certificate_expired alert.",
        confounders: "The clock of the capturing machine decides: if it is wrong, so is this. A client may have a wrong clock of its own. \
                      In TLS 1.3 the certificate is encrypted, and only the alert tells.",
        thresholds: &[],
        steps: &[
            advice(
                "client",
                "echo | openssl s_client -connect {server}:{port} -servername {name} | openssl x509 -noout -dates -subject",
                "the validity of what is served now",
            ),
            advice(
                "server",
                "certbot certificates",
                "whether a renewed one lies there that is not in use yet",
            ),
            advice("client", "date -u", "whether the client's clock is right"),
        ],
        references: &["RFC 5280 section 4.1.2.5", "RFC 8446 section 6.2"],
    },
    Rule {
        code: "TLS-04",
        name: "certificate-not-trusted",
        title: "the client does not trust the certificate",
        severity: Severity::Error,
        confidence: Confidence::High,
        meaning: "The client received the server's certificate and refused it: its issuer is unknown, a certificate of the chain is \
                  missing, it was revoked, or something inspects TLS on the way with an authority that this client does not know.",
        evidence: "An alert of the client about the certificate (unknown_ca, bad_certificate, certificate_unknown, unsupported_certificate, \
                   certificate_revoked), in clear, after the server's certificates.",
        confounders: "Clients word their alerts differently: a wrong name often is bad_certificate or certificate_unknown, too (TLS-05). In \
                      TLS 1.3 many clients encrypt the alert, which is TLS-09. A certificate in clear that cannot be decoded, or was not captured, \
                      is no proof that trust was the matter: a guess, unless the alert is unknown_ca.",
        thresholds: &[],
        steps: &[
            SHOW,
            advice(
                "client",
                "openssl s_client -connect {server}:{port} -servername {name} -CAfile ROOT.pem",
                "whether it verifies with the authority that should have signed it",
            ),
            advice(
                "server",
                "openssl verify -untrusted CHAIN.pem CERT.pem",
                "whether the chain that the server sends is whole",
            ),
        ],
        references: &["RFC 8446 section 4.4.2", "RFC 8446 section 6.2", "RFC 5280 section 6.1"],
    },
    Rule {
        code: "TLS-05",
        name: "server-name-mismatch",
        title: "the server does not know the name, or its certificate is for another",
        severity: Severity::Error,
        confidence: Confidence::Medium,
        meaning: "The client asks for a server name that this server does not serve, or names none, and gets an unrecognized_name alert or \
                  the certificate of another name. A wrong address in the DNS, a name missing in the server's configuration, or a client \
                  too old to send the name.",
        evidence: "An unrecognized_name alert; or a certificate in clear none of whose names fits the one that the client asked for, and a \
                   client that gave up.",
        confounders: "As a warning the alert ends nothing, and many clients go on. With Encrypted Client Hello the name in clear is not the \
                      one that was meant. Servers on local networks often have certificates for no name at all, which their clients accept.",
        thresholds: &[],
        steps: &[
            SHOW,
            advice(
                "client",
                "openssl s_client -connect {server}:{port} -noservername",
                "the certificate that clients without a name get",
            ),
            advice("client", "dig {name}", "whether the name should lead to this server"),
        ],
        references: &["RFC 6066 section 3", "RFC 9525 section 6"],
    },
    Rule {
        code: "TLS-06",
        name: "ended-after-client-hello",
        title: "the connection ends right after the ClientHello",
        severity: Severity::Error,
        confidence: Confidence::Medium,
        meaning: "The TCP connection works, the client sends its ClientHello, and gets a reset or a FIN instead of an answer. A load \
                  balancer without a healthy server behind it, a port that does not speak TLS, a server that aborts, or a device on the way \
                  that objects to the name. Servers that merely share no parameters with the client send an alert.",
        evidence: "A ClientHello, and within a second a reset or a FIN of the server's side, without any record of TLS. Packets of both \
                   directions were captured.",
        confounders: "If the server sent something before that is no TLS, it did answer, and it is a guess; text is TLS-08. A reset with \
                      another TTL than the server's packets was forged (RST-06). An end after more than a second is a timeout of the \
                      server, or TLS-07, and a guess.",
        thresholds: &[],
        steps: &[
            advice(
                "client",
                "openssl s_client -connect {server}:{port} -servername other.example",
                "whether another name gets an answer: then the name decides",
            ),
            advice(
                "load balancer",
                "echo 'show stat' | socat stdio /run/haproxy/admin.sock",
                "whether a backend is healthy",
            ),
            LOG,
        ],
        references: &["RFC 8446 section 6", "RFC 3360"],
    },
    Rule {
        code: "TLS-07",
        name: "silence-after-client-hello",
        title: "no answer to the ClientHello",
        severity: Severity::Error,
        confidence: Confidence::Medium,
        meaning: "The TCP handshake succeeds, and the ClientHello gets no answer. If it is acknowledged, the server's program is stuck or \
                  overloaded; if it is not, something on the way drops it: by its size (MTU-01) or by its content.",
        evidence: "A ClientHello, no record of the server for a long time after it, and no end of the connection by the server; whether the \
                   bytes were acknowledged.",
        confounders: "A capture that ends too soon or shows one direction only. A ClientHello with a post-quantum key share takes two \
                      segments: if only such ones fail, look at MTU-01 and at old devices on the way. Where servers of several other networks are \
                      exactly as far, something before them may acknowledge in their place: a guess.",
        thresholds: &[Limit::TlsSilence],
        steps: &[
            advice(
                "client",
                "openssl s_client -connect {server}:{port} -servername {name} -groups X25519",
                "whether a ClientHello in one small segment gets through",
            ),
            advice(
                "client",
                "openssl s_client -connect {server}:{port} -servername other.example",
                "whether the name decides",
            ),
            advice("server", "ss -tnp 'sport = :{port}'", "a Recv-Q above zero: the program does not read"),
        ],
        references: &["RFC 8446 section 4.1.2", "RFC 2923 section 2.1"],
    },
    Rule {
        code: "TLS-08",
        name: "plain-text-and-tls",
        title: "one side speaks TLS, the other plain text",
        severity: Severity::Error,
        confidence: Confidence::High,
        meaning: "The client talks plain text to a port that expects TLS, or TLS to a port that expects plain text: http for https, the \
                  wrong port, a missing STARTTLS, a proxy that ends TLS already, or a PROXY protocol header that only one side knows of.",
        evidence: "The first bytes of one side are a TLS record, and those of the other are text of a plain protocol: a request, a status \
                   line, a banner.",
        confounders: "Hardly any: both sides' first bytes are in clear. Protocols that begin in plain text and turn to TLS later are \
                      recognised and do not count.",
        thresholds: &[],
        steps: &[
            advice("client", "openssl s_client -connect {server}:{port}", "whether the port speaks TLS"),
            advice("client", "curl -v http://{server}:{port}/", "whether it speaks plain HTTP"),
            advice("capture", "netanalyze CAPTURE --follow tcp:{stream}", "what both sides said"),
        ],
        references: &["RFC 8446 section 5.1", "RFC 9110 section 4.2.2"],
    },
    Rule {
        code: "TLS-09",
        name: "encrypted-rejection",
        title: "the handshake ends in an encrypted rejection",
        severity: Severity::Warn,
        confidence: Confidence::Medium,
        meaning: "The handshake seemed to succeed, and then one side sent one small encrypted record and closed: an alert whose text \
                  cannot be read. From the server, after the client's last message, it usually refuses the client's certificate, or the \
                  lack of one; from the client it refuses the server's certificate.",
        evidence: "A record just as long as an encrypted alert, then the end of the connection within a second of the handshake's last \
                   message, with no application data in either direction; from the server only behind the client's Finished. Or a readable \
                   alert of the server that says so, after it asked for a certificate.",
        confounders: "An alert of the server before the client's Finished answers no certificate of the client: it is a guess. A \
                      close_notify has the same length; but an orderly end comes after application data, or later. With the session's \
                      secrets (SSLKEYLOGFILE) the alert can be read.",
        thresholds: &[],
        steps: &[
            LOG,
            advice(
                "client",
                "openssl s_client -connect {server}:{port} -servername {name} -cert CLIENT.pem -key CLIENT.key",
                "whether a client certificate is asked for and accepted",
            ),
            advice(
                "client",
                "SSLKEYLOGFILE=keys.log curl -sv https://{name}:{port}/",
                "a capture with the secrets, in which the alert can be read (--keylog keys.log)",
            ),
        ],
        references: &["RFC 8446 section 5.2", "RFC 8446 section 6.2", "RFC 8446 section 4.4.2.4"],
    },
];

//! Fields of TLS. Each occurrence of a field stands for a record or a handshake message that ended in the frame.

use super::Value;
use super::registry::{Field, FieldType, Source};
use crate::protocol::message::Message;
use crate::protocol::tls::{
    CipherSuite, ContentType, Fault, Group, HandshakeMessage, Hello, Record, TlsMessage, Version,
};

/// The fields.
pub(super) const FIELDS: &[Field] = &[
    field("tls", FieldType::Protocol, "frame with a record or a message of TLS", |message, out| {
        if out.is_empty() && matches!(message, Message::Tls(_)) {
            out.push(Value::Present);
        }
    }),
    field("quic", FieldType::Protocol, "datagram of QUIC", |message, out| {
        if matches!(message, Message::Quic) {
            out.push(Value::Present);
        }
    }),
    field("tls.record.content_type", FieldType::Unsigned, "type of a record's content", |message, out| {
        record(message, out, |tls, record| match tls.inner {
            Some(inner) => number(inner.0, true),
            None => number(record.content_type.0, !tls.opaque),
        });
    }),
    field(
        "tls.record.opaque_type",
        FieldType::Unsigned,
        "type that TLS 1.3 shows outside",
        |message, out| {
            record(message, out, |tls, record| number(record.content_type.0, tls.opaque));
        },
    ),
    field("tls.record.version", FieldType::Unsigned, "version in a record's header", |message, out| {
        record(message, out, |_, record| Some(hex(record.version.0)));
    }),
    field("tls.record.length", FieldType::Unsigned, "bytes of a record's content", |message, out| {
        record(message, out, |_, record| Some(Value::Unsigned(record.len.into())));
    }),
    field("tls.change_cipher_spec", FieldType::None, "a ChangeCipherSpec message", |message, out| {
        let wanted = ContentType::CHANGE_CIPHER_SPEC;
        record(message, out, |_, record| (record.content_type == wanted).then_some(Value::Present));
    }),
    field("tls.app_data", FieldType::None, "encrypted application data", |message, out| {
        let wanted = ContentType::APPLICATION_DATA;
        record(message, out, |_, record| (record.content_type == wanted).then_some(Value::Present));
    }),
    field("tls.handshake.certificate", FieldType::None, "a certificate", |message, out| {
        each(message, out, |handshake, out| {
            let count = handshake.chain.as_ref().map_or(0, |chain| chain.sent);
            out.extend(std::iter::repeat_n(Value::Present, count));
        });
    }),
    field("tls.alert_message", FieldType::None, "an alert, readable or not", |message, out| {
        let wanted = ContentType::ALERT;
        record(message, out, |_, record| (record.content_type == wanted).then_some(Value::Present));
    }),
    field(
        "tls.alert_message.level",
        FieldType::Unsigned,
        "how bad it is: 1 warning, 2 fatal",
        |message, out| {
            out.extend(tls(message).and_then(|tls| number(tls.alert?.level.0, true)));
        },
    ),
    field("tls.alert_message.desc", FieldType::Unsigned, "what an alert says", |message, out| {
        out.extend(tls(message).and_then(|tls| number(tls.alert?.description.0, true)));
    }),
    field("tls.handshake.type", FieldType::Unsigned, "type of a handshake message", |message, out| {
        each(message, out, |handshake, out| out.push(Value::Unsigned(handshake.kind.0.into())));
    }),
    field("tls.handshake.length", FieldType::Unsigned, "bytes of a handshake message", |message, out| {
        each(message, out, |handshake, out| out.push(Value::Unsigned(handshake.len.into())));
    }),
    field("tls.handshake.version", FieldType::Unsigned, "version in a hello's fixed part", |message, out| {
        hello(message, out, |hello, out| out.push(hex(hello.version.0)));
    }),
    field(
        "tls.handshake.session_id_length",
        FieldType::Unsigned,
        "bytes of the session id in a hello",
        |message, out| {
            hello(message, out, |hello, out| out.push(Value::Unsigned(hello.session_id.len() as u64)))
        },
    ),
    field(
        "tls.handshake.ciphersuite",
        FieldType::Unsigned,
        "cipher suite offered or chosen",
        |message, out| {
            hello(message, out, |hello, out| out.extend(hello.ciphers.iter().map(|&CipherSuite(c)| hex(c))));
        },
    ),
    field(
        "tls.handshake.comp_method",
        FieldType::Unsigned,
        "compression offered or chosen",
        |message, out| {
            hello(message, out, |hello, out| {
                out.extend(hello.compressions.iter().map(|&c| Value::Unsigned(c.into())));
            });
        },
    ),
    field("tls.handshake.extension.type", FieldType::Unsigned, "type of an extension", |message, out| {
        hello(message, out, |hello, out| {
            out.extend(hello.extensions.iter().map(|(kind, _)| Value::Unsigned(kind.0.into())));
        });
    }),
    field("tls.handshake.extension.len", FieldType::Unsigned, "bytes of an extension", |message, out| {
        hello(message, out, |hello, out| {
            out.extend(hello.extensions.iter().map(|&(_, len)| Value::Unsigned(len.into())));
        });
    }),
    field(
        "tls.handshake.extensions_server_name",
        FieldType::Text,
        "host name that the client asks for",
        |message, out| {
            hello(message, out, |hello, out| out.extend(hello.server_name.clone().map(Value::Bytes)))
        },
    ),
    field(
        "tls.handshake.extensions_alpn_str",
        FieldType::Text,
        "application protocol offered or chosen",
        |message, out| {
            hello(message, out, |hello, out| out.extend(hello.alpn.iter().cloned().map(Value::Bytes)));
        },
    ),
    field(
        "tls.handshake.extensions.supported_version",
        FieldType::Unsigned,
        "version offered or chosen in an extension",
        |message, out| {
            hello(message, out, |hello, out| {
                out.extend(hello.supported_versions.iter().map(|&Version(v)| hex(v)));
            });
        },
    ),
    field(
        "tls.handshake.extensions_supported_group",
        FieldType::Unsigned,
        "group for the key exchange",
        |message, out| {
            hello(message, out, |hello, out| out.extend(hello.groups.iter().map(|&Group(g)| hex(g))))
        },
    ),
    field("tls.handshake.sig_hash_alg", FieldType::Unsigned, "signature algorithm", |message, out| {
        each(message, out, |handshake, out| {
            let offered = handshake.hello.iter().flat_map(|hello| &hello.signature_algorithms);
            out.extend(offered.chain(&handshake.signature_algorithms).map(|&scheme| hex(scheme)));
        });
    }),
    field(
        "tls.handshake.extensions_key_share_group",
        FieldType::Unsigned,
        "group of a key in a hello",
        |message, out| {
            hello(message, out, |hello, out| {
                out.extend(hello.key_shares.iter().map(|&Group(g)| Value::Unsigned(g.into())));
            });
        },
    ),
    field(
        "tls.handshake.extensions_key_share_selected_group",
        FieldType::Unsigned,
        "group that a HelloRetryRequest asks for",
        |message, out| {
            hello(message, out, |hello, out| {
                out.extend(hello.retry_group.map(|Group(g)| Value::Unsigned(g.into())));
            });
        },
    ),
    field("tls.ignored_unknown_record", FieldType::None, "bytes that are no record", |message, out| {
        out.extend(
            tls(message).filter(|tls| tls.faults.contains(&Fault::UnknownRecord)).map(|_| Value::Present),
        );
    }),
    field("tls.record.length.invalid", FieldType::None, "record too short or too long", |message, out| {
        let wrong = |tls: &&TlsMessage| tls.faults.iter().any(|f| matches!(f, Fault::RecordLength(_)));
        out.extend(tls(message).filter(wrong).map(|_| Value::Present));
    }),
];

const fn field(
    name: &'static str,
    kind: FieldType,
    meaning: &'static str,
    read: fn(&Message, &mut Vec<Value>),
) -> Field {
    Field { name, kind, meaning, source: Source::Message(read) }
}

fn hex(value: u16) -> Value {
    Value::Hex(value.into(), 4)
}

fn number(value: u8, wanted: bool) -> Option<Value> {
    wanted.then_some(Value::Unsigned(value.into()))
}

fn tls(message: &Message) -> Option<&TlsMessage> {
    match message {
        Message::Tls(tls) => Some(tls),
        _ => None,
    }
}

fn record(message: &Message, out: &mut Vec<Value>, read: impl Fn(&TlsMessage, &Record) -> Option<Value>) {
    out.extend(tls(message).and_then(|tls| read(tls, tls.record.as_ref()?)));
}

fn each(message: &Message, out: &mut Vec<Value>, read: fn(&HandshakeMessage, &mut Vec<Value>)) {
    for handshake in tls(message).iter().flat_map(|tls| &tls.handshakes) {
        read(handshake, out);
    }
}

fn hello(message: &Message, out: &mut Vec<Value>, read: impl Fn(&Hello, &mut Vec<Value>)) {
    for hello in tls(message).iter().flat_map(|tls| &tls.handshakes).filter_map(|h| h.hello.as_deref()) {
        read(hello, out);
    }
}

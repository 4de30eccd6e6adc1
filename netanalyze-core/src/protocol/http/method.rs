//! The methods that Wireshark 4.0 knows; other words at a line's beginning begin no request there.

use serde::Serialize;

/// A known request method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Method(&'static str);

/// RFC 9110 §9.3, WebDAV and its relatives, UPnP, Microsoft's RPC over HTTP.
const KNOWN: [&str; 45] = [
    "GET",
    "POST",
    "HEAD",
    "PUT",
    "OPTIONS",
    "CONNECT",
    "DELETE",
    "PATCH",
    "TRACE",
    "NOTIFY",
    "SUBSCRIBE",
    "UNSUBSCRIBE",
    "COPY",
    "LOCK",
    "MOVE",
    "POLL",
    "BCOPY",
    "BMOVE",
    "MKCOL",
    "LABEL",
    "MERGE",
    "SEARCH",
    "UNLOCK",
    "REPORT",
    "UPDATE",
    "BDELETE",
    "CHECKIN",
    "PROPFIND",
    "CHECKOUT",
    "CCM_POST",
    "PROPPATCH",
    "BPROPFIND",
    "BPROPPATCH",
    "UNCHECKOUT",
    "MKACTIVITY",
    "MKWORKSPACE",
    "RPC_CONNECT",
    "RPC_IN_DATA",
    "RPC_OUT_DATA",
    "VERSION-CONTROL",
    "BASELINE-CONTROL",
    "SSTP_DUPLEX_POST",
    "M-SEARCH",
    "M-POST",
    "M-GET",
];

impl Method {
    /// `HEAD`: the answer has no body (RFC 9110 §9.3.2).
    pub const HEAD: Method = Method("HEAD");
    /// `CONNECT`: after success the connection is a tunnel (RFC 9110 §9.3.6).
    pub const CONNECT: Method = Method("CONNECT");

    /// The method that a word is, case-sensitive.
    #[must_use]
    pub fn of(word: &[u8]) -> Option<Method> {
        KNOWN.iter().find(|known| known.as_bytes() == word).map(|known| Method(known))
    }

    /// Whether a word is a method.
    #[must_use]
    pub fn is_known(word: &[u8]) -> bool {
        Method::of(word).is_some()
    }

    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.0
    }

    /// Its body is a stream of messages that begins before the answer and hardly ever ends.
    #[must_use]
    pub fn opens_channel(self) -> bool {
        matches!(self.0, "RPC_CONNECT" | "RPC_IN_DATA" | "RPC_OUT_DATA" | "SSTP_DUPLEX_POST")
    }

    /// One of UPnP's messages that Wireshark calls notifications: not answered as requests are.
    #[must_use]
    pub fn is_notification(self) -> bool {
        matches!(self.0, "NOTIFY" | "SUBSCRIBE" | "UNSUBSCRIBE")
    }
}

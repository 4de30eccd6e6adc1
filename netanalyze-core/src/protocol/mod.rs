//! Application protocols: what their messages say.
//!
//! `dns`, `tls` and `http` decode messages and join them to transactions; `stream` is how they get their bytes, `message` what they
//! say, `recognise` tells which one a conversation speaks, `starttls` where dialogues turn to TLS. The others only change how conversations are told apart and numbered: data connections that FTP announces, the first messages of VNC and
//! SNMP, and the negotiation of SOCKS.

pub mod dns;
pub(crate) mod eap;
mod feed;
pub mod ftp;
pub mod http;
pub mod icmp;
pub mod message;
mod openvpn;
pub mod proxy;
pub mod quic;
pub mod recognise;
pub(crate) mod session;
pub mod snmp;
pub mod socks;
pub mod starttls;
pub mod stream;
#[cfg(any(test, feature = "fuzzing"))]
mod testing;
pub mod tls;
pub mod vnc;

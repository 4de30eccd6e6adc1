//! Application protocols: what their messages say.
//!
//! For now only what changes how conversations are told apart and numbered: data connections that FTP announces, the first messages of VNC and
//! SNMP, and the negotiation of SOCKS.

pub mod ftp;
pub mod snmp;
pub mod socks;
pub mod vnc;

//! Application protocols: what their messages say.
//!
//! For now only what changes how conversations are told apart: data connections that FTP announces, and the first messages of VNC and SNMP.

pub mod ftp;
pub mod snmp;
pub mod vnc;

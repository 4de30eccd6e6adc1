//! Application protocols: what their messages say.
//!
//! For now only what changes how conversations are told apart: data connections that FTP announces, and the version banner of VNC.

pub mod ftp;
pub mod vnc;

//! Offline analysis of packet captures.

pub mod capture;
pub mod conversation;
pub mod expert;
pub mod model;
pub mod packet;
pub mod tcp;

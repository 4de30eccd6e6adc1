//! Offline analysis of packet captures.

pub mod capture;
pub mod model;
pub mod packet;

//! Offline analysis of packet captures.

pub mod capture;
pub mod conversation;
pub mod engine;
pub mod expert;
pub mod field;
pub mod model;
pub mod packet;
pub mod protocol;
pub mod report;
pub mod tcp;

//! Datagrams of QUIC, as they come and under good protection.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| netanalyze_core::protocol::quic::fuzz::datagrams(data));

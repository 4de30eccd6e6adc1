//! TLS, from a script of what both sides send.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| netanalyze_core::protocol::tls::fuzz::tls(data));

//! Key logs, and TLS records under known keys.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| netanalyze_core::protocol::tls::keys::fuzz::secrets(data));

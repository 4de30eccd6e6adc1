//! DNS messages, and conversations made of them.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| netanalyze_core::protocol::dns::fuzz::dns(data));

//! HTTP, and dialogues that lead to other protocols, from a script of segments.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| netanalyze_core::protocol::http::fuzz::http(data));

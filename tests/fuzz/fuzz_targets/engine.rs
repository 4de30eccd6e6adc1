//! Everything at once: a capture through the whole engine.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| netanalyze_core::engine::fuzz::captures(data));

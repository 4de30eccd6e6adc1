//! Container formats, compression, damage.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| netanalyze_core::capture::fuzz::containers(data));

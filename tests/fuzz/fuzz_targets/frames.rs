//! Decoding of one frame of any link type.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| netanalyze_core::packet::fuzz::frames(data));

//! TCP reassembly, from a script of segments.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| netanalyze_core::tcp::reassembly::fuzz::reassembly(data));

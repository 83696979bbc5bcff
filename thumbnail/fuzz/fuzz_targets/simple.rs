#![no_main]
//! Tests PNMs and QOIs. The fuzzer makes everything after the magic bytes.

use libfuzzer_sys::fuzz_target;

fuzz_target!(init: thumbnail_fuzz::watch_own_panics(), |bytes: &[u8]| {
    let Some((&first, rest)) = bytes.split_first() else { return };
    let start: &[u8] = match first % 10 {
        0 => b"qoif\0\0\0\x10\0\0\0\x10",
        1 => b"P1\n",
        2 => b"P2\n",
        3 => b"P3\n16 16 255 ",
        4 => b"P4\n16 16 ",
        5 => b"P5\n16 16 ",
        6 => b"P6\n",
        7 => b"P7\nWIDTH 16\nHEIGHT 16\nDEPTH ",
        8 => b"P7\n",
        _ => b"qoif\0\0",
    };
    thumbnail_fuzz::check(&[start, rest].concat());
});

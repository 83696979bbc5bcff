#![no_main]
//! Tests TIFFs, whose directories and strips our own code reads.

use libfuzzer_sys::fuzz_target;

fuzz_target!(init: thumbnail_fuzz::watch_own_panics(), |bytes: &[u8]| {
    let Some((&first, rest)) = bytes.split_first() else { return };
    let start: &[u8] = match first % 4 {
        0 => b"II\x2a\0",
        1 => b"MM\0\x2a",
        2 => b"II\x2b\0\x08\0\0\0",
        // The directory follows immediately.
        _ => b"II\x2a\0\x08\0\0\0",
    };
    thumbnail_fuzz::check(&[start, rest].concat());
});

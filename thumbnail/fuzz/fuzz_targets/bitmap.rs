#![no_main]
//! Tests BMPs and icons, whose headers our own code reads. The fuzzer makes everything after the magic bytes.

use libfuzzer_sys::fuzz_target;

fuzz_target!(init: thumbnail_fuzz::watch_own_panics(), |bytes: &[u8]| {
    let Some((&first, rest)) = bytes.split_first() else { return };
    let start: &[u8] = match first % 4 {
        0 => b"BM\0\0\0\0\0\0\0\0",
        1 => b"\0\0\x01\0\x01\0",
        // An entry whose bitmap follows immediately.
        2 => b"\0\0\x01\0\x01\0\x10\x10\0\0\x01\0\x20\0\xff\xff\0\0\x16\0\0\0\x28\0\0\0",
        _ => b"BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0",
    };
    thumbnail_fuzz::check(&[start, rest].concat());
});

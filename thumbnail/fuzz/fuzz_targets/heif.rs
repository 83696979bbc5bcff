#![no_main]
//! Tests AVIF, and HEIC in builds with that feature. Real files in `corpus/heif` are the best start.

use libfuzzer_sys::fuzz_target;

fuzz_target!(init: thumbnail_fuzz::watch_own_panics(), |bytes: &[u8]| {
    if bytes.get(4..8) == Some(b"ftyp") {
        return thumbnail_fuzz::check(bytes);
    }
    let Some((&first, rest)) = bytes.split_first() else { return };
    let start: &[u8] = if first % 2 == 0 { b"\0\0\0\x10ftypavif\0\0\0\0" } else { b"\0\0\0\x10ftypheic\0\0\0\0" };
    thumbnail_fuzz::check(&[start, rest].concat());
});

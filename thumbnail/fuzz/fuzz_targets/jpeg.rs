#![no_main]
//! Tests JPEGs that begin with a start marker and have no end marker.

use libfuzzer_sys::fuzz_target;

fuzz_target!(init: thumbnail_fuzz::watch_own_panics(), |bytes: &[u8]| {
    let bytes = bytes.strip_suffix(b"\xff\xd9").unwrap_or(bytes);
    thumbnail_fuzz::check(&[b"\xff\xd8", bytes.strip_prefix(b"\xff\xd8").unwrap_or(bytes)].concat());
});

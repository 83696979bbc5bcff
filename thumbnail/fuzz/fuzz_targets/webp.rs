#![no_main]
//! Tests WebPs, and frames of lossy pictures, whose decoder is our own.

use libfuzzer_sys::fuzz_target;

fuzz_target!(init: thumbnail_fuzz::watch_own_panics(), |bytes: &[u8]| {
    if bytes.starts_with(b"RIFF") {
        return thumbnail_fuzz::check(bytes);
    }
    // The first byte limits the size, so that the fuzzer tries many frames instead of large ones.
    let Some((&first, frame)) = bytes.split_first() else { return };
    let mut frame = frame.to_vec();
    for edge in [7, 9] {
        if let Some(high) = frame.get_mut(edge) {
            *high &= first & 3;
        }
    }
    let length = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
    let chunk = [&b"WEBPVP8 "[..], &length(frame.len()), &frame].concat();
    // The file may claim to be longer than it is, because cut files are rejected for another reason.
    let missing = usize::from(first >> 2 & 1);
    thumbnail_fuzz::check(&[&b"RIFF"[..], &length(chunk.len() + missing), &chunk].concat());
});

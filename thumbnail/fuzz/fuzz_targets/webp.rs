#![no_main]
//! WebP: a file, or a lossy picture's frame, whose decoder is our own.

use libfuzzer_sys::fuzz_target;

fuzz_target!(init: thumbnail_fuzz::watch_own_panics(), |bytes: &[u8]| {
    if bytes.starts_with(b"RIFF") {
        return thumbnail_fuzz::check(bytes);
    }
    // The first byte says how large it is at most, so that time goes into many frames rather than into large ones.
    let Some((&first, frame)) = bytes.split_first() else { return };
    let mut frame = frame.to_vec();
    for edge in [7, 9] {
        if let Some(high) = frame.get_mut(edge) {
            *high &= first & 3;
        }
    }
    let length = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
    let chunk = [&b"WEBPVP8 "[..], &length(frame.len()), &frame].concat();
    // Said to be longer than it is, or not: what is missing is judged differently.
    let missing = usize::from(first >> 2 & 1);
    thumbnail_fuzz::check(&[&b"RIFF"[..], &length(chunk.len() + missing), &chunk].concat());
});

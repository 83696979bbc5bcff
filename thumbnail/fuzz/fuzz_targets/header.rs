#![no_main]
//! Tests the readers of headers and of Exif, which are our own. No pixel is decoded, so this is fast.

use libfuzzer_sys::fuzz_target;
use thumbnail::Options;

fuzz_target!(init: thumbnail_fuzz::watch_own_panics(), |bytes: &[u8]| {
    let Some((&first, rest)) = bytes.split_first() else { return };
    let start: &[u8] = match first % 12 {
        0 => b"\xff\xd8",
        1 => b"\xff\xd8\xff\xc0\0\x0b\x08\0\x10\0\x10\x01\x01\x11\0\xff\xda\0\x08\x01\x01\0\0\x3f\0\xff\xe1\x08\0Exif\0\0",
        2 => b"\x89PNG\r\n\x1a\n",
        3 => b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x10\0\0\0\x10\x08\x02\0\0\0\0\0\0\0\0\0\x40eXIf",
        4 => b"RIFF\xff\0\0\0WEBP",
        5 => b"RIFF\xff\0\0\0WEBPVP8X\x0a\0\0\0\x0a\0\0\0\x0f\0\0\x0f\0\0",
        6 => b"GIF89a\x10\0\x10\0\0\0\0",
        7 => b"II\x2a\0\x08\0\0\0",
        8 => b"MM\0\x2b\0\x08\0\0",
        9 => b"\0\0\x01\0\x02\0",
        10 => b"\0\0\0\x1cftypmif1\0\0\0\0",
        _ => b"",
    };
    let file = [start, rest].concat();
    if let Ok(needed) = thumbnail::memory_needed(&file, &Options::default()) {
        assert!(needed > file.len() as u64, "the source itself is part of it");
    }
});

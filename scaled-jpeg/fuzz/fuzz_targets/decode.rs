#![no_main]
//! Tests every scale. A file in memory and the same file in small pieces must result in the same picture.

use std::io::BufReader;

use libfuzzer_sys::fuzz_target;
use scaled_jpeg::{Decoder, Scale};

fuzz_target!(|bytes: &[u8]| {
    // The first byte chooses; the rest is the file.
    let Some((&choice, bytes)) = bytes.split_first() else { return };
    let scale = Scale::ALL[usize::from(choice & 7) % Scale::ALL.len()];
    let approximate = choice & 8 > 0;
    let Ok(decoder) = Decoder::from_slice(bytes) else { return };
    let header = decoder.header();
    let size = (u32::from(header.width), u32::from(header.height));
    if size.0 * size.1 > 1 << 18 {
        return;
    }
    let open = Decoder::new(bytes).is_ok_and(|decoder| decoder.header().height == 0);
    let whole = decoder.approximate(approximate).decode(scale);
    if let Ok(picture) = &whole {
        assert_eq!((picture.width, picture.height), scale.apply(size));
        assert_eq!(picture.data.len(), (picture.width * picture.height) as usize * picture.pixels.channels());
        assert!(picture.coverage.found <= picture.coverage.expected);
    }
    if !open {
        let reader = BufReader::with_capacity(1 + usize::from(choice >> 4), bytes);
        // A file in pieces that ends in a segment between scans cannot be decoded.
        if let Ok(pieces) = Decoder::new(reader).and_then(|decoder| decoder.approximate(approximate).decode(scale)) {
            let whole = whole.expect("what comes in pieces can be decoded");
            assert!(whole.coverage.found >= pieces.coverage.found);
            assert!(whole.coverage != pieces.coverage || whole.data == pieces.data);
        }
    }
});

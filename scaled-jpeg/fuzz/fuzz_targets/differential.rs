#![no_main]
//! Tests that this decoder accepts every file that another decoder accepts, with the same dimensions.

use libfuzzer_sys::fuzz_target;
use scaled_jpeg::{Decoder, Error, Scale};

fuzz_target!(|bytes: &[u8]| {
    let mut other = jpeg_decoder::Decoder::new(bytes);
    other.set_max_decoding_buffer_size(1 << 20);
    if other.read_info().is_err() {
        return;
    }
    let Some(info) = other.info() else { return };
    if u32::from(info.width) * u32::from(info.height) > 1 << 18 || other.decode().is_err() {
        return;
    }
    let decoder = match Decoder::from_slice(bytes) {
        // Lossless files.
        Err(Error::Unsupported(_)) => return,
        result => result.expect("it is no worse than the other decoder"),
    };
    let header = decoder.header();
    assert_eq!((header.width, header.height), (info.width, info.height));
    decoder.decode(Scale::Quarter).expect("it is no worse than the other decoder");
});

#![no_main]
//! Several places of a scan at once make the same picture as one at a time.

use libfuzzer_sys::fuzz_target;
use scaled_jpeg::{Decoder, Scale};

fuzz_target!(|bytes: &[u8]| {
    // The first byte chooses; the rest is the file.
    let Some((&choice, bytes)) = bytes.split_first() else { return };
    let scale = Scale::ALL[usize::from(choice & 7)];
    let Ok(decoder) = Decoder::from_slice(bytes) else { return };
    let header = decoder.header();
    if header.progressive || u32::from(header.width) * u32::from(header.height) > 1 << 18 {
        return;
    }
    let one = decoder.one_at_a_time().decode(scale);
    let several = Decoder::from_slice(bytes).expect("it was read before").several_at_once().decode(scale);
    assert_eq!(one.is_ok(), several.is_ok());
    if let (Ok(one), Ok(several)) = (one, several) {
        assert_eq!(one.coverage, several.coverage);
        assert!(one.data == several.data);
    }
});

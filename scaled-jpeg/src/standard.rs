//! The example Huffman tables of ITU-T T.81, annex K.3, which files without tables mean.

use crate::huffman::Spec;

/// Number 0 is for luminance, others for chrominance.
pub(crate) fn dc(number: u8) -> Spec {
    let counts = if number == 0 {
        [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0]
    } else {
        [0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0]
    };
    Spec { counts, symbols: (0..12).collect() }
}

/// Number 0 is for luminance, others for chrominance.
pub(crate) fn ac(number: u8) -> Spec {
    let (counts, first): (_, &[u8]) =
        if number == 0 { (LUMINANCE, &LUMINANCE_FIRST) } else { (CHROMINANCE, &CHROMINANCE_FIRST) };
    // The longest codes follow in ascending order: all symbols that have no shorter one.
    let all = (0..16_u8).flat_map(|run| (1..=10).map(move |size| run << 4 | size));
    let rest = all.filter(|symbol| !first.contains(symbol));
    Spec { counts, symbols: first.iter().copied().chain(rest).collect() }
}

const LUMINANCE: [u8; 16] = [0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 125];
const CHROMINANCE: [u8; 16] = [0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 119];

/// Symbols of codes of up to 15 bits.
const LUMINANCE_FIRST: [u8; 37] = [
    0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07, 0x22, 0x71, 0x14,
    0x32, 0x81, 0x91, 0xa1, 0x08, 0x23, 0x42, 0xb1, 0xc1, 0x15, 0x52, 0xd1, 0xf0, 0x24, 0x33, 0x62, 0x72, 0x82,
];
const CHROMINANCE_FIRST: [u8; 43] = [
    0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61, 0x71, 0x13, 0x22, 0x32,
    0x81, 0x08, 0x14, 0x42, 0x91, 0xa1, 0xb1, 0xc1, 0x09, 0x23, 0x33, 0x52, 0xf0, 0x15, 0x62, 0x72, 0xd1, 0x0a, 0x16,
    0x24, 0x34, 0xe1, 0x25, 0xf1,
];

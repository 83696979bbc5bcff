//! Checks that several places are decoded at once where they should be, which pictures alone do not show.

use std::cell::Cell;

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

use crate::{Decoder, Scale};

thread_local! {
    /// The number of calls of [`leap`](crate::walk::Scan::leap), and of MCUs that they decoded.
    static LEAPS: Cell<(u32, u32)> = const { Cell::new((0, 0)) };
}

/// Counts a leap over `mcus` MCUs.
pub(crate) fn count(mcus: u32) {
    LEAPS.set((LEAPS.get().0 + 1, LEAPS.get().1 + mcus));
}

/// Decodes a file both ways, compares the pictures, and returns the leaps.
fn leaps(file: &[u8], scale: Scale) -> (u32, u32) {
    let decoder = || Decoder::from_slice(file).unwrap();
    let expected = decoder().one_at_a_time().decode(scale).unwrap();
    LEAPS.set((0, 0));
    let picture = decoder().decode(scale).unwrap();
    assert!(picture.data == expected.data, "{scale:?}");
    assert_eq!(picture.coverage, expected.coverage);
    LEAPS.get()
}

/// A picture of 1600 × 1200 with slopes and texture, of which noise is a part.
fn file(noise: u32, change: impl Fn(&mut Encoder<&mut Vec<u8>>)) -> Vec<u8> {
    let (width, height) = (1600_u16, 1200_u16);
    let mut state = 0x9e37_79b9_u32;
    let mut pixels = Vec::new();
    for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
        let (u, v) = (f32::from(x) / 40.0, f32::from(y) / 30.0);
        let wave = 110.0 + 50.0 * (u + v.sin() * 2.0).sin() + 30.0 * (v - u / 3.0).cos();
        for channel in [0.0, 12.0, 31.0] {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            pixels.push((wave + channel + (state % (noise + 1)) as f32) as u8);
        }
    }
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, 90);
    change(&mut encoder);
    encoder.encode(&pixels, width, height, ColorType::Rgb).unwrap();
    file
}

#[test]
fn most_of_a_large_scan_is_decoded_at_several_places() {
    let all = [
        (SamplingFactor::F_1_1, 200 * 150),
        (SamplingFactor::F_2_1, 100 * 150),
        (SamplingFactor::F_1_2, 200 * 75),
        (SamplingFactor::F_2_2, 100 * 75),
        (SamplingFactor::F_4_1, 50 * 150),
    ];
    for (sampling, mcus) in all {
        for noise in [12, 60] {
            let file = file(noise, |encoder| encoder.set_sampling_factor(sampling));
            for scale in [Scale::Eighth, Scale::Quarter, Scale::ThreeEighths, Scale::Full] {
                // Blocks of few bits that are needed whole fill their records too soon.
                if noise == 12 && scale == Scale::Full {
                    continue;
                }
                let (_, leapt) = leaps(&file, scale);
                assert!(leapt > mcus / 2, "{sampling:?}, noise of {noise}, {scale:?}: {leapt} of {mcus}");
            }
        }
    }
}

#[test]
fn tables_of_the_file_and_long_restart_intervals_are_no_hindrance() {
    let optimised = file(40, |encoder| encoder.set_optimized_huffman_tables(true));
    assert!(leaps(&optimised, Scale::Quarter).1 > 200 * 150 / 2);
    let intervals = file(40, |encoder| {
        encoder.set_sampling_factor(SamplingFactor::F_2_2);
        encoder.set_restart_interval(400);
    });
    assert!(leaps(&intervals, Scale::Quarter).1 > 100 * 75 / 2);
    let short = file(40, |encoder| encoder.set_restart_interval(20));
    assert_eq!(leaps(&short, Scale::Quarter).1, 0);
}

#[test]
fn streams_that_never_meet_are_given_up() {
    // One code of eight zeros stands for a first coefficient that stays and for a block's end: at every byte an MCU may begin.
    let mut file = vec![0xff, 0xd8, 0xff, 0xdb, 0, 67, 0];
    file.extend([1; 64]);
    file.extend([0xff, 0xc0, 0, 17, 8, 0x0c, 0x80, 0x0c, 0x80, 3, 1, 0x22, 0, 2, 0x11, 0, 3, 0x11, 0]);
    for class in [0x00, 0x10] {
        file.extend([0xff, 0xc4, 0, 20, class, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    }
    file.extend([0xff, 0xda, 0, 12, 3, 1, 0, 2, 0, 3, 0, 0, 63, 0]);
    file.extend(vec![0; 12 * 200 * 200]);
    file.extend([0xff, 0xd9]);
    let (tries, leapt) = leaps(&file, Scale::Eighth);
    assert!((1..=8).contains(&tries) && leapt < 200 * 200 / 8, "{tries} times, {leapt} MCUs");
}

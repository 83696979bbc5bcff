//! Pictures of which most stands still: what does not change is not written again, and yet nothing stays behind.

use super::{super::*, play};

const EDGE: u32 = 64;

/// Writes an animation of opaque grey pictures, whose levels `frames` lists pixel by pixel.
fn write(format: Format, frames: &[Vec<u8>]) -> Vec<u8> {
    let encoding = Encoding { format, quality: 80, paletted: false };
    let fit = Fit { output: (EDGE, EDGE), scaled: (EDGE, EDGE) };
    let mut writer = writer(&fit, encoding, 0).unwrap();
    for levels in frames {
        let data = levels.iter().flat_map(|&level| [level; 3]).collect();
        writer.frame(&Picture { width: EDGE, height: EDGE, model: Model::Rgb, data }, 100).unwrap();
    }
    writer.finish().unwrap()
}

/// Returns the greatest difference between the means of blocks of 8 x 8 pixels, over the given columns of blocks.
fn difference(shown: &[u8], levels: &[u8], columns: std::ops::Range<usize>) -> f64 {
    let mean = |x: usize, y: usize, level: &dyn Fn(usize) -> u8| {
        let pixels = (0..64).map(|i| (y * 8 + i / 8) * EDGE as usize + x * 8 + i % 8);
        pixels.map(|pixel| f64::from(level(pixel))).sum::<f64>() / 64.0
    };
    let blocks = (0..8).flat_map(|y| columns.clone().map(move |x| (x, y)));
    let apart = blocks.map(|(x, y)| mean(x, y, &|i| shown[i * 4 + 1]) - mean(x, y, &|i| levels[i]));
    apart.map(f64::abs).fold(0.0, f64::max)
}

#[test]
fn pixels_that_stand_still_are_written_once() {
    let mut random = fastrand::Rng::with_seed(1);
    let still: Vec<u8> = (0..EDGE * EDGE).map(|_| random.u8(60..200)).collect();
    // Two columns of blocks far from each other change, so the rectangle around them is the whole picture.
    let moving = |frame: u8| {
        let pixels = still.iter().zip(0..).map(|(&level, i)| match i % EDGE / 8 {
            0 | 7 => 40 + 50 * frame,
            // Noise of less than the tolerance.
            _ => level + frame % 2,
        });
        pixels.collect::<Vec<u8>>()
    };
    let frames: Vec<_> = (0..4).map(moving).collect();
    for format in [Format::Gif, Format::Webp] {
        let (first, all) = (write(format, &frames[..1]).len(), write(format, &frames));
        assert!(all.len() < first + first / 3, "{format:?}: {first} bytes for one frame, {} for four", all.len());
        let (seen, _) = play(&all);
        assert_eq!(seen.len(), frames.len());
        let between = |picture: &[u8]| -> Vec<u8> {
            picture.chunks_exact(EDGE as usize * 4).flat_map(|row| row[8 * 4..56 * 4].to_vec()).collect()
        };
        for ((shown, _), levels) in seen.iter().zip(&frames) {
            assert!(between(shown) == between(&seen[0].0), "{format:?}");
            assert!(difference(shown, levels, 0..1) < 8.0 && difference(shown, levels, 7..8) < 8.0, "{format:?}");
        }
    }
}

#[test]
fn a_slow_fade_does_not_stay_behind() {
    // On the left every frame changes. The rest differs from the frame before by less than the tolerance.
    let fade = |frame: u8| (0..EDGE * EDGE).map(move |i| if i % EDGE < 8 { frame % 2 * 200 } else { 100 + frame });
    let frames: Vec<Vec<u8>> = (0..40).map(|frame| fade(frame).collect()).collect();
    for format in [Format::Gif, Format::Webp] {
        let (seen, _) = play(&write(format, &frames));
        assert_eq!(seen.len(), frames.len());
        for (number, ((shown, _), levels)) in seen.iter().zip(&frames).enumerate() {
            let apart = difference(shown, levels, 1..8);
            assert!(apart < 7.0, "{format:?}: frame {number} is {apart} levels apart");
        }
    }
}

#[test]
fn small_animations_of_noise_can_be_read_again() {
    let mut random = fastrand::Rng::with_seed(7);
    for format in [Format::Gif, Format::Webp].repeat(300) {
        let (width, height) = (random.u32(1..40), random.u32(1..40));
        let fit = Fit { output: (width, height), scaled: (width, height) };
        let encoding = Encoding { format, quality: random.u8(1..=100), paletted: false };
        let mut writer = writer(&fit, encoding, 0).unwrap();
        let mut data: Vec<u8> = (0..width * height * 4).map(|_| random.u8(..)).collect();
        let (is_opaque, frames) = (random.bool(), random.u32(1..6));
        for _ in 0..frames {
            for pixel in data.as_chunks_mut::<4>().0 {
                pixel[3] = if is_opaque || random.u8(..) > 30 { 255 } else { 0 };
            }
            writer.frame(&Picture { width, height, model: Model::Rgba, data: data.clone() }, 100).unwrap();
            for _ in 0..random.u32(0..20) {
                let changed = random.usize(..data.len());
                data[changed] = data[changed].wrapping_add(random.u8(..9));
            }
        }
        let (seen, _) = play(&writer.finish().unwrap());
        let what = format!("{format:?}, {frames} frames of {width} by {height}");
        assert_eq!(seen.iter().map(|(_, milliseconds)| milliseconds).sum::<u32>(), frames * 100, "{what}");
        if is_opaque {
            assert!(seen.iter().all(|(shown, _)| shown.iter().skip(3).step_by(4).all(|&alpha| alpha == 255)), "{what}");
        }
    }
}

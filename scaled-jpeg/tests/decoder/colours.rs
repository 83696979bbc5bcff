//! Checks pixels at every scale and in every form of file against the planes, which have tests of their own, converted to colours.

#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]

use scaled_jpeg::{Decoder, Pixels, Scale};

use crate::common::writer::{Form, Picture};

/// Chrominance that is a quarter as wide as luminance, as wide, finer, and half as wide and high; and four inks without an Adobe segment.
const FACTORS: [&[(usize, usize)]; 5] =
    [&[(4, 1), (1, 1), (1, 1)], &[(1, 1); 3], &[(1, 1), (2, 2), (2, 1)], &[(2, 2), (1, 1), (1, 1)], &[(1, 1); 4]];

/// Converts samples by the formula of JFIF, or inverts inks.
fn colours(samples: &[u8], pixels: Pixels) -> Vec<f64> {
    if pixels == Pixels::Cmyk {
        return samples.iter().map(|&sample| 255.0 - f64::from(sample)).collect();
    }
    let (y, cb, cr) = (f64::from(samples[0]), f64::from(samples[1]) - 128.0, f64::from(samples[2]) - 128.0);
    vec![y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb]
}

#[test]
fn pixels_are_the_planes_in_the_pictures_colours() {
    for (seed, factors) in FACTORS.into_iter().enumerate() {
        let picture = Picture::random(90, 70, factors, seed as u64 + 1);
        let (h_max, v_max) = (factors.iter().map(|f| f.0).max().unwrap(), factors.iter().map(|f| f.1).max().unwrap());
        let count = factors.len();
        let forms = [Form::sequential(count), Form::separate(count), Form::progressive(count)];
        for scale in Scale::ALL {
            let eighths = scale.eighths() as usize;
            let made =
                forms.each_ref().map(|form| Decoder::from_slice(&picture.write(form)).unwrap().decode(scale).unwrap());
            assert!(made.iter().all(|made| made.coverage.is_complete()));
            assert!(made.iter().all(|other| other.data == made[0].data), "{factors:?} at {scale:?}");
            let planes = Decoder::from_slice(&picture.write(&forms[0])).unwrap().decode_planes(scale).unwrap();
            let fits = |(plane, &(h, v)): (&scaled_jpeg::Plane, &(usize, usize))| {
                (h * plane.block.0, v * plane.block.1) == (h_max * eighths, v_max * eighths)
            };
            // At full size, coarser chrominance is filtered, which `planes.rs` tests.
            if scale == Scale::Full && !planes.iter().zip(factors).all(fits) {
                continue;
            }
            let nearest = |at: usize, from: usize, to: usize| (2 * at + 1) * from / (2 * to);
            let channels = made[0].pixels.channels();
            for (index, pixel) in made[0].data.chunks_exact(channels).enumerate() {
                let (x, y) = (index % made[0].width as usize, index / made[0].width as usize);
                let samples = planes.iter().zip(factors).map(|(plane, &(h, v))| {
                    let column = nearest(x, h * plane.block.0, h_max * eighths);
                    plane.data[nearest(y, v * plane.block.1, v_max * eighths) * plane.width + column]
                });
                let expected = colours(&samples.collect::<Vec<_>>(), made[0].pixels);
                for (&value, expected) in pixel.iter().zip(expected) {
                    let off = (f64::from(value) - expected.clamp(0.0, 255.0)).abs();
                    assert!(off <= 1.0, "{factors:?} at {scale:?}, {x}, {y}: {value} for {expected}");
                }
            }
        }
    }
}

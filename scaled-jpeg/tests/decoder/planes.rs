//! Compares samples with a transform in double precision. Its coefficients come from the tests' own writer or decoder.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss
)]

use std::{num::NonZero, path::Path, sync::Mutex};

use scaled_jpeg::{Decoder, Plane, Scale};

use crate::common::{
    corpus, error, reference,
    writer::{Form, Picture, Scan},
    zigzag,
};

/// The maximum error of a sample: half a level by rounding, and the error of single precision.
const TOLERANCE: f64 = 0.505;

fn planes(file: &[u8], scale: Scale) -> Vec<Plane> {
    Decoder::from_slice(file).unwrap().decode_planes(scale).unwrap()
}

/// Compares the samples of a file with the coefficients that it was written from.
#[track_caller]
fn check(picture: &Picture, form: &Form, what: &str) {
    let file = picture.write(form);
    let order = zigzag();
    for scale in Scale::ALL {
        let decoded = Decoder::from_slice(&file).unwrap().decode(scale).unwrap();
        assert!(decoded.coverage.is_complete(), "{what} at {scale:?}: {:?}", decoded.coverage);
        let size = (decoded.width, decoded.height);
        assert_eq!(size, scale.apply((picture.width as u32, picture.height as u32)), "{what}");
        assert_eq!(decoded.data.len(), (size.0 * size.1) as usize * decoded.pixels.channels(), "{what}");
        for (plane, component) in planes(&file, scale).iter().zip(&picture.components) {
            let blocks = (plane.width / plane.block.0, plane.height / plane.block.1);
            assert_eq!(blocks, component.blocks, "{what}");
            let error = error(plane, |column, row| {
                let mut natural = [0.0; 64];
                for (index, &value) in component.coefficients[row * component.padded + column].iter().enumerate() {
                    natural[order[index]] = f64::from(value) * f64::from(form.quantisers[index]);
                }
                natural
            });
            assert!(error <= TOLERANCE, "{what} at {scale:?}: {}x{} is {error} off", component.h, component.v);
        }
    }
}

/// Tests every pair of factors of luminance with chrominance of 1 × 1, and some that hardly exist.
fn factors() -> Vec<Vec<(usize, usize)>> {
    let mut all: Vec<_> = (1..=4).flat_map(|h| (1..=4).map(move |v| vec![(h, v), (1, 1), (1, 1)])).collect();
    all.extend([
        vec![(1, 1)],
        vec![(2, 2)],
        vec![(1, 1); 4],
        vec![(2, 2), (1, 1), (1, 1), (2, 2)],
        vec![(1, 1), (2, 2), (1, 2)],
        vec![(3, 2), (2, 1), (1, 2)],
        vec![(2, 3), (2, 2), (3, 1)],
        vec![(4, 4), (3, 3), (2, 1)],
        vec![(2, 2), (2, 1), (1, 2)],
        vec![(2, 2), (2, 2), (2, 2)],
    ]);
    all
}

#[test]
fn every_sampling_interleaved_or_not() {
    for (seed, factors) in (1..).zip(factors()) {
        let picture = Picture::random(117, 75, &factors, seed);
        check(&picture, &Form::sequential(factors.len()), &format!("{factors:?}"));
        check(&picture, &Form::separate(factors.len()), &format!("{factors:?}, separate scans"));
    }
}

#[test]
fn every_sampling_in_progressive_files() {
    for (seed, factors) in (1..).zip(factors()) {
        let picture = Picture::random(117, 75, &factors, seed);
        for (form, name) in
            [(Form::progressive(factors.len()), "progressive"), (Form::gradual(factors.len()), "gradual")]
        {
            check(&picture, &form, &format!("{factors:?}, {name}"));
        }
    }
}

#[test]
fn every_restart_interval_and_script() {
    let picture = Picture::random(203, 130, &[(2, 2), (1, 1), (1, 1)], 77);
    for interval in [0, 1, 2, 3, 7, 13, 26, 100, 1000] {
        let forms = [Form::sequential(3), Form::separate(3), Form::progressive(3), Form::spectral(3), Form::gradual(3)];
        for (index, form) in forms.into_iter().enumerate() {
            for (skewed, fill) in [(false, false), (true, false), (false, true)] {
                let form = Form { interval, skewed, fill, ..form.clone() };
                check(&picture, &form, &format!("form {index}, interval {interval}, skewed {skewed}, fill {fill}"));
            }
        }
    }
}

#[test]
fn components_in_two_scans() {
    let picture = Picture::random(99, 101, &[(2, 2), (2, 1), (1, 2)], 5);
    let scans = vec![Scan(vec![1, 2], 0, 63, 0, 0), Scan(vec![0], 0, 63, 0, 0)];
    check(&picture, &Form { scans, ..Form::sequential(3) }, "chrominance first");
}

#[test]
fn small_pictures_and_open_heights() {
    for (width, height) in [(1, 1), (8, 8), (9, 1), (16, 17), (1, 64)] {
        for (form, name) in [(Form::sequential(3), "sequential"), (Form::progressive(3), "progressive")] {
            let picture = Picture::random(width, height, &[(2, 2), (1, 1), (1, 1)], 3);
            check(&picture, &Form { open_height: true, ..form }, &format!("{width}x{height} {name}"));
        }
    }
}

/// Tests a scan of more data than fit into the window, with full blocks.
#[test]
fn a_long_scan() {
    let mut picture = Picture::random(1500, 900, &[(2, 1), (1, 1), (1, 1)], 9);
    for block in picture.components.iter_mut().flat_map(|component| &mut component.coefficients) {
        for (index, value) in block.iter_mut().enumerate().skip(1) {
            *value += 1 + index as i32 % 3;
        }
    }
    check(&picture, &Form::sequential(3), "sequential");
    check(&picture, &Form { skewed: true, ..Form::sequential(3) }, "sequential, skewed");
    check(&picture, &Form::progressive(3), "progressive");
}

/// Chrominance is transformed to the scale of luminance, except at full size.
#[test]
fn chrominance_is_not_upsampled() {
    let file = Picture::random(64, 64, &[(2, 1), (1, 1), (1, 1)], 1).write(&Form::sequential(3));
    // At an eighth, a sample covers two pixels if chrominance is coarser on one axis only.
    let expected = [(1, 1), (4, 2), (6, 3), (8, 4), (10, 5), (12, 6), (14, 7), (8, 8)];
    for (scale, chroma) in Scale::ALL.into_iter().zip(expected) {
        let planes = planes(&file, scale);
        let n = scale.eighths() as usize;
        assert_eq!((planes[0].block, planes[1].block, planes[2].block), ((n, n), chroma, chroma));
    }
}

/// At full size, a triangle filter scales planes to the picture. Here it is computed in double precision.
#[test]
fn planes_of_half_the_size_are_filtered() {
    for (factors, size) in [
        ([(2, 2), (1, 1), (1, 1)], (45, 37)),
        ([(2, 1), (1, 1), (1, 1)], (64, 20)),
        ([(1, 2), (1, 1), (1, 1)], (33, 40)),
        ([(2, 2), (2, 1), (1, 2)], (31, 35)),
        ([(1, 1), (2, 2), (2, 2)], (29, 50)),
    ] {
        for form in [Form::sequential(3), Form::separate(3), Form::progressive(3)] {
            let file = Picture::random(size.0, size.1, &factors, 6).write(&form);
            let made = Decoder::from_slice(&file).unwrap().decode(Scale::Full).unwrap();
            let planes = planes(&file, Scale::Full);
            let (h_max, v_max) = factors.iter().fold((1, 1), |max, f| (max.0.max(f.0), max.1.max(f.1)));
            for (at, pixel) in made.data.chunks(3).enumerate() {
                let (x, y) = (at % size.0, at / size.0);
                let sample = |channel: usize| {
                    let (plane, (h, v)) = (&planes[channel], factors[channel]);
                    let shown = ((size.0 * h).div_ceil(h_max), (size.1 * v).div_ceil(v_max));
                    // The position between two samples. The outermost samples are repeated.
                    let weights = |place: usize, factor: usize, max: usize, count: usize| {
                        let exact = (place as f64 + 0.5) * factor as f64 / max as f64 - 0.5;
                        let clamp = |index: f64| index.clamp(0.0, count as f64 - 1.0) as usize;
                        [
                            (clamp(exact.floor()), 1.0 - exact.rem_euclid(1.0)),
                            (clamp(exact.floor() + 1.0), exact.rem_euclid(1.0)),
                        ]
                    };
                    let mut sum = 0.0;
                    for (row, down) in weights(y, v, v_max, shown.1) {
                        for (column, across) in weights(x, h, h_max, shown.0) {
                            sum += down * across * f64::from(plane.data[row * plane.width + column]);
                        }
                    }
                    sum
                };
                let (y, cb, cr) = (sample(0), sample(1) - 128.0, sample(2) - 128.0);
                let exact = [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb];
                for (value, exact) in pixel.iter().zip(exact) {
                    let off = (f64::from(*value) - exact.clamp(0.0, 255.0)).abs();
                    assert!(off <= 2.5, "{factors:?}, pixel {at}: {off} off");
                }
            }
        }
    }
}

/// The last refinement may be omitted only if no sample changes by a level.
#[test]
fn an_approximate_progressive_picture_is_less_than_a_level_off() {
    let picture = Picture::random(203, 130, &[(2, 2), (1, 1), (1, 1)], 4);
    let file = picture.write(&Form { quantisers: [2; 64], ..Form::progressive(3) });
    let mut left_out = 0;
    for scale in Scale::ALL {
        let exact = planes(&file, scale);
        let approximate = Decoder::from_slice(&file).unwrap().approximate(true).decode_planes(scale).unwrap();
        for (exact, approximate) in exact.iter().zip(&approximate) {
            let worst = exact.data.iter().zip(&approximate.data).map(|(a, b)| a.abs_diff(*b)).max();
            // The difference is less than a level before rounding.
            assert!(worst <= Some(1), "{scale:?}: {worst:?}");
            left_out += u32::from(exact.data != approximate.data);
        }
    }
    assert!(left_out > 0, "nothing was left out: this test tests nothing");
}

#[test]
fn real_files() {
    let files = Mutex::new(corpus().into_iter());
    let check_all = || loop {
        let Some(path) = files.lock().unwrap().next() else { break };
        check_real_file(&path);
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, NonZero::get) {
            scope.spawn(check_all);
        }
    });
}

fn check_real_file(path: &Path) {
    let name = path.display();
    let file = std::fs::read(path).unwrap();
    let Some(reference) = reference::decode(&file) else { return };
    let Ok(decoder) = Decoder::from_slice(&file) else { return };
    // Decoders differ in how they decode damaged data.
    if !decoder.decode(Scale::Eighth).is_ok_and(|picture| picture.coverage.is_complete()) {
        println!("{name}: damaged");
        return;
    }
    for scale in Scale::ALL {
        for (plane, component) in planes(&file, scale).iter().zip(&reference.components) {
            let error = error(plane, |column, row| component.block(column, row));
            assert!(error <= TOLERANCE, "{name} at {scale:?} is {error} off");
        }
    }
    println!("{name}: good");
}

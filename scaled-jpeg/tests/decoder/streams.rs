//! Checks that decoding several places of a scan at once gives the same picture as decoding one place at a time.

#![allow(clippy::cast_possible_truncation)]

use std::io::BufReader;

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use scaled_jpeg::{Decoder, Scale};

use crate::common::{
    Random, corpus, photo,
    writer::{Form, Picture},
};

/// Decodes a file both ways, from memory and in pieces, and compares the pictures. `everywhere` ignores the usual limits.
fn compare(file: &[u8], scale: Scale, everywhere: bool, what: &str) {
    let Ok(decoder) = Decoder::from_slice(file) else { return };
    let one = decoder.one_at_a_time().decode(scale);
    let decoder = Decoder::from_slice(file).unwrap();
    let several = if everywhere { decoder.several_at_once() } else { decoder }.decode(scale);
    match (one, several) {
        (Ok(one), Ok(several)) => {
            assert_eq!(one.coverage, several.coverage, "{what}, {scale:?}");
            assert!(one.data == several.data, "{what}, {scale:?}");
        }
        (one, several) => assert_eq!(one.is_ok(), several.is_ok(), "{what}, {scale:?}"),
    }
    let pieces = || Decoder::new(BufReader::with_capacity(1000, file));
    let Ok(one) = pieces().unwrap().one_at_a_time().decode(scale) else { return };
    let decoder = pieces().unwrap();
    let decoder = if everywhere { decoder.several_at_once() } else { decoder };
    let several = decoder.decode(scale).unwrap();
    assert_eq!(one.coverage, several.coverage, "{what}, {scale:?}, in pieces");
    assert!(one.data == several.data, "{what}, {scale:?}, in pieces");
}

#[test]
fn corpus_files_are_the_same() {
    for path in corpus() {
        let file = std::fs::read(&path).unwrap();
        let name = path.display().to_string();
        for scale in [Scale::Eighth, Scale::Quarter, Scale::Full] {
            compare(&file, scale, false, &name);
        }
        compare(&file, Scale::ThreeEighths, true, &name);
    }
}

#[test]
fn files_of_every_sampling_are_the_same() {
    let factors: [&[(usize, usize)]; 9] = [
        &[(1, 1)],
        &[(1, 1); 3],
        &[(2, 2), (1, 1), (1, 1)],
        &[(2, 1), (1, 1), (1, 1)],
        &[(1, 2), (1, 1), (1, 1)],
        &[(4, 1), (1, 1), (1, 1)],
        &[(3, 1), (2, 1), (1, 1)],
        &[(1, 1), (2, 2), (1, 2)],
        &[(2, 2), (1, 1), (1, 1), (2, 2)],
    ];
    for (seed, factors) in factors.into_iter().enumerate() {
        let picture = Picture::random(350, 230, factors, seed as u64);
        for interval in [0, 7, 150] {
            for skewed in [false, true] {
                for base in [Form::sequential(factors.len()), Form::separate(factors.len())] {
                    let file = picture.write(&Form { interval, skewed, ..base });
                    for scale in Scale::ALL {
                        compare(&file, scale, true, &format!("{factors:?}, interval {interval}, skewed {skewed}"));
                    }
                }
            }
        }
    }
}

#[test]
fn damaged_files_are_the_same() {
    let mut random = Random(77);
    let samplings = [SamplingFactor::F_2_2, SamplingFactor::F_2_1, SamplingFactor::F_1_1];
    for round in 0..160 {
        let sampling = samplings[round % 3];
        let everywhere = round % 8 > 0;
        // With the usual limits, only large scans are decoded at several places.
        let (width, height) = if everywhere { (400, 300) } else { (1200, 900) };
        let interval = [0, 0, 300][round / 3 % 3];
        let sound = photo(width, height, [6, 60][round % 2], sampling, round % 5 == 0, interval);
        let mut file = sound.clone();
        let start = file.windows(2).position(|pair| pair == [0xff, 0xda]).unwrap() + 14;
        for _ in 0..=random.below(3) {
            let at = start + random.below((file.len() - start - 70) as u64) as usize;
            match random.below(6) {
                0 => file[at] ^= 1 << random.below(8),
                1 => drop(file.remove(at)),
                2 => file.insert(at, random.next() as u8),
                3 => file[at..at + 64].iter_mut().for_each(|byte| *byte = random.next() as u8),
                // Ones, which no code begins with.
                4 => file.splice(at..at + 4, [0xff, 0, 0xff, 0, 0xff, 0]).for_each(drop),
                _ => file.truncate(at + 66),
            }
        }
        for scale in [Scale::Eighth, Scale::Quarter, Scale::Half, Scale::Full] {
            compare(&file, scale, everywhere, &format!("round {round}"));
        }
    }
}

#[test]
fn files_in_which_streams_do_not_meet_are_the_same() {
    // Blocks whose codes all have the same length, and pictures of one colour, in which all blocks are alike.
    let picture = Picture::random(1400, 1100, &[(2, 2), (1, 1), (1, 1)], 5);
    let plain = picture.write(&Form::sequential(3));
    assert!(plain.len() > 1 << 20);
    let flat = photo(4000, 4000, 0, SamplingFactor::F_2_2, false, 0);
    let mut even = Vec::new();
    Encoder::new(&mut even, 50).encode(&vec![99; 6000 * 6000 * 3], 6000, 6000, ColorType::Rgb).unwrap();
    for (name, file) in [("plain", plain), ("flat", flat), ("even", even)] {
        for scale in [Scale::Eighth, Scale::Quarter, Scale::Full] {
            compare(&file, scale, false, name);
            compare(&file, scale, true, name);
        }
    }
}

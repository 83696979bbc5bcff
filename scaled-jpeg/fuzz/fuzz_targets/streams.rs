#![no_main]
//! Checks that decoding several places of a scan at once gives the same picture as decoding one place at a time.
//!
//! The target makes its files: streams need long valid scans, which the fuzzer does not find by itself. An input chooses a scale and one of
//! the files, and lists changes of its bytes.

#[path = "../../tests/common/mod.rs"]
mod common;

use std::sync::LazyLock;

use jpeg_encoder::SamplingFactor;
use libfuzzer_sys::fuzz_target;
use scaled_jpeg::{Decoder, Scale};

use common::{
    photo,
    writer::{Form, Picture},
};

/// Small files, which only [`Decoder::several_at_once`] decodes at several places.
static SMALL: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let mut files = Vec::new();
    let factors: [&[(usize, usize)]; 6] = [
        &[(1, 1)],
        &[(1, 1); 3],
        &[(2, 2), (1, 1), (1, 1)],
        &[(2, 1), (1, 1), (1, 1)],
        &[(3, 1), (2, 1), (1, 1)],
        &[(2, 2), (1, 1), (1, 1), (2, 2)],
    ];
    for (seed, factors) in factors.into_iter().enumerate() {
        let picture = Picture::random(150, 110, factors, seed as u64);
        for (interval, skewed) in [(0, false), (0, true), (40, true)] {
            for base in [Form::sequential(factors.len()), Form::separate(factors.len())] {
                files.push(picture.write(&Form { interval, skewed, ..base }));
            }
        }
    }
    for sampling in [SamplingFactor::F_1_1, SamplingFactor::F_2_1, SamplingFactor::F_2_2] {
        for (noise, optimised, interval) in [(6, false, 0), (6, true, 0), (60, false, 50), (200, true, 0)] {
            files.push(photo(300, 200, noise, sampling, optimised, interval));
        }
    }
    files
});

/// Large files, which every [`Decoder`] decodes at several places.
static LARGE: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    [SamplingFactor::F_2_2, SamplingFactor::F_1_1]
        .into_iter()
        .flat_map(|sampling| {
            [(6, true, 0), (60, false, 0), (60, true, 2000)]
                .map(|(noise, optimised, interval)| photo(1100, 900, noise, sampling, optimised, interval))
        })
        .collect()
});

/// Makes the changes that the input lists. Each has a kind, a place, a value, and for some kinds the new bytes.
fn change(file: &mut Vec<u8>, mut input: &[u8]) {
    while let Some((&[what, high, middle, low, value], rest)) = input.split_first_chunk() {
        input = rest;
        let header = file.windows(2).position(|pair| pair == [0xff, 0xda]).unwrap_or(0) + 14;
        let range = if what & 0x80 > 0 { header } else { file.len() };
        let at = u32::from_be_bytes([0, high, middle, low]) as usize % range.max(1);
        let end = file.len().min(at + 1 + usize::from(value));
        let new = rest.len().min(usize::from(value & 31));
        match what % 8 {
            _ if at >= file.len() => return,
            0 | 1 => file[at] ^= value,
            2 => drop(file.drain(at..end)),
            3 => file.insert(at, value),
            4 => file[at..end].fill(what << 1),
            5 => file.extend_from_within(at..end),
            6 => {
                input = &rest[new..];
                file.splice(at..end.min(at + new), rest[..new].iter().copied());
            }
            _ => file.truncate(file.len().saturating_sub(at / 16)),
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((&[choice, file], changes)) = input.split_first_chunk() else { return };
    let scale = Scale::ALL[usize::from(choice & 7)];
    // Seldom, because they take long.
    let is_usual = choice < 8;
    let files = if is_usual { &LARGE } else { &SMALL };
    let mut bytes = files[usize::from(file) % files.len()].clone();
    change(&mut bytes, changes);
    let Ok(decoder) = Decoder::from_slice(&bytes) else { return };
    let header = decoder.header();
    let most = if is_usual { 1 << 20 } else { 1 << 17 };
    if header.progressive || u32::from(header.width) * u32::from(header.height) > most {
        return;
    }
    let one = decoder.one_at_a_time().decode(scale);
    let decoder = Decoder::from_slice(&bytes).expect("it was read before");
    let several = if is_usual { decoder } else { decoder.several_at_once() }.decode(scale);
    assert_eq!(one.is_ok(), several.is_ok());
    if let (Ok(one), Ok(several)) = (one, several) {
        assert_eq!(one.coverage, several.coverage);
        assert!(one.data == several.data);
    }
});

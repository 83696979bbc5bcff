//! Damages files in one place, and checks that every picture shown is in its place and looks like the sound one.

#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use scaled_jpeg::{Decoder, Picture, Scale};

use crate::common::Random;

/// A kind of damage.
#[derive(Debug, Clone, Copy)]
enum Damage {
    BitFlipped,
    ByteLost,
    ByteInserted,
    Overwritten,
    MarkerRenumbered,
    MarkerLost,
}

const DAMAGES: [Damage; 6] = [
    Damage::BitFlipped,
    Damage::ByteLost,
    Damage::ByteInserted,
    Damage::Overwritten,
    Damage::MarkerRenumbered,
    Damage::MarkerLost,
];

impl Damage {
    /// Damages the data of the scans. Returns false if this kind of damage is not possible.
    fn apply(self, file: &mut Vec<u8>, random: &mut Random) -> bool {
        let start = file.windows(2).position(|pair| pair == [0xff, 0xda]).unwrap() + 14;
        let is_restart = |&at: &usize| file[at] == 0xff && (0xd0..=0xd7).contains(&file[at + 1]);
        let restarts: Vec<_> = (start..file.len() - 1).filter(is_restart).collect();
        let at = start + random.below((file.len() - start - 66) as u64) as usize;
        match self {
            Self::BitFlipped => file[at] ^= 1 << random.below(8),
            Self::ByteLost => drop(file.remove(at)),
            Self::ByteInserted => file.insert(at, random.next() as u8),
            Self::Overwritten => file[at..at + 64].iter_mut().for_each(|byte| *byte = random.next() as u8),
            Self::MarkerRenumbered | Self::MarkerLost if restarts.is_empty() => return false,
            Self::MarkerRenumbered => {
                let at = restarts[random.below(restarts.len() as u64) as usize];
                file[at + 1] = 0xd0 + (file[at + 1] - 0xd0 + 1 + random.below(7) as u8) % 8;
            }
            Self::MarkerLost => {
                let at = restarts[random.below(restarts.len() as u64) as usize];
                file.drain(at..at + 2);
            }
        }
        true
    }
}

/// Makes a picture without symmetry: slopes, edges, texture.
fn pixels(width: usize, height: usize) -> Vec<u8> {
    let mut data = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        for x in 0..width {
            let (u, v) = (x * 255 / width, y * 255 / height);
            let spot = if (x * 7 / width + y * 5 / height * 3).is_multiple_of(4) { 60 } else { 0 };
            let texture = (x * x / 11 + y * y / 7 + x * y / 13) % 29;
            data.extend([
                (u / 2 + spot + texture) as u8,
                (v / 2 + 64 + texture) as u8,
                ((u + v) / 3 + 20 + spot) as u8,
            ]);
        }
    }
    data
}

#[derive(Debug, Clone, Copy)]
struct Kind {
    /// The sampling of chrominance; `None` for grey.
    sampling: Option<SamplingFactor>,
    progressive: bool,
    /// The restart interval in MCUs; `usize::MAX` for a row.
    interval: usize,
    size: (usize, usize),
}

impl Kind {
    fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for sampling in [Some(SamplingFactor::F_2_2), Some(SamplingFactor::F_2_1), Some(SamplingFactor::F_1_1), None] {
            for progressive in [false, true] {
                for interval in [0, 7, usize::MAX] {
                    for size in [(200, 150), (640, 480)] {
                        all.push(Self { sampling, progressive, interval, size });
                    }
                }
            }
        }
        all
    }

    /// Returns the number of pixels of an MCU, across and down.
    fn mcu(self) -> (usize, usize) {
        match self.sampling {
            Some(SamplingFactor::F_2_2) => (16, 16),
            Some(SamplingFactor::F_2_1) => (16, 8),
            _ => (8, 8),
        }
    }

    fn encode(self) -> Vec<u8> {
        let (width, height) = self.size;
        let mut file = Vec::new();
        let mut encoder = Encoder::new(&mut file, 85);
        encoder.set_progressive(self.progressive);
        encoder.set_restart_interval(self.interval.min(width.div_ceil(self.mcu().0)) as u16);
        encoder.set_sampling_factor(self.sampling.unwrap_or(SamplingFactor::F_1_1));
        let rgb = pixels(width, height);
        let grey: Vec<u8> = rgb.iter().copied().skip(1).step_by(3).collect();
        let (data, colours) = if self.sampling.is_some() { (&rgb, ColorType::Rgb) } else { (&grey, ColorType::Luma) };
        encoder.encode(data, width as u16, height as u16, colours).unwrap();
        file
    }
}

#[test]
fn thousands_of_damaged_files_are_shown_in_place_or_not_at_all() {
    let folder = std::env::var("DAMAGE_OUT").ok();
    let mut random = Random(0x5eed);
    let (mut count, mut shown, mut worst, mut wrong) = (0, 0, (0.0_f64, 0.0_f64), Vec::new());
    for kind in Kind::all() {
        let file = kind.encode();
        let scale = if kind.size.0 > 300 { Scale::Half } else { Scale::Full };
        let sound = Decoder::from_slice(&file).unwrap().decode(scale).unwrap();
        assert!(sound.coverage.is_complete());
        for damage in DAMAGES {
            for seed in 0..10 {
                let mut damaged = file.clone();
                if !damage.apply(&mut damaged, &mut random) {
                    continue;
                }
                count += 1;
                let Ok(made) = Decoder::from_slice(&damaged).and_then(|decoder| decoder.decode(scale)) else {
                    continue;
                };
                if made.coverage.found * 10 < made.coverage.expected * 9 {
                    continue;
                }
                shown += 1;
                let name = format!(
                    "{:?}, progressive {}, interval {}, {damage:?}, {seed}",
                    kind.sampling, kind.progressive, kind.interval as u16
                );
                let (levels, texture) = compare(&made, &sound);
                // Damage can leave valid data of another picture, which no decoder notices: all later blocks are lighter or darker.
                let is_valid = kind.interval == 0 && made.coverage.is_complete();
                worst = (if is_valid { worst.0 } else { worst.0.max(levels) }, worst.1.max(texture));
                if texture > if kind.progressive { 8.0 } else { 5.0 } || !is_valid && levels > 9.0 {
                    wrong.push(format!("{name}: {levels:.1} levels, {texture:.1} of texture"));
                    if let Some(folder) = &folder {
                        std::fs::write(format!("{folder}/{}-{name}.jpg", kind.size.0), &damaged).unwrap();
                    }
                }
            }
        }
    }
    println!("{shown} of {count} files shown, at worst off by {:.1} levels and {:.1} of texture", worst.0, worst.1);
    assert!(count >= 2000 && shown > count / 2);
    assert!(wrong.is_empty(), "look at these (DAMAGE_OUT=folder):\n{}", wrong.join("\n"));
}

/// Returns the lightness of a pixel, for pictures that hardly show where a scan slipped or how light the rest should be.
const HARD: [fn(usize, usize) -> usize; 4] = [
    // A chain in front of a smooth wall.
    |x, y| {
        let ring = (x % 24).abs_diff(12).pow(2) + (y.abs_diff(60 + x / 10)).pow(2);
        if (60..140).contains(&ring) { 30 } else { 90 + y / 3 + x / 9 }
    },
    // A page of text.
    |x, y| if y % 18 < 9 && (x / 3 * 7 + y / 18 * 5 + x * y / 50) % 5 < 2 { 20 } else { 250 },
    // Horizontal stripes: whole rows are lighter or darker than the row above.
    |x, y| 60 + y * y / 9 % 110 + (x * x / 11 + y * 3) % 17,
    // Clouds.
    |x, y| 128 + (x * y / 190) % 64 + (x / 5 + y / 3) % 40,
];

#[test]
fn scans_that_slip_are_mended_well_or_not_at_all() {
    const SIZE: (usize, usize) = (320, 240);
    let mut random = Random(0x511b);
    let (mut mended, mut wrong) = (0, Vec::new());
    for (index, lightness) in HARD.iter().enumerate() {
        let grey: Vec<u8> = (0..SIZE.0 * SIZE.1).map(|at| lightness(at % SIZE.0, at / SIZE.0).min(255) as u8).collect();
        for quality in [60, 80, 95] {
            let mut file = Vec::new();
            let encoder = Encoder::new(&mut file, quality);
            encoder.encode(&grey, SIZE.0 as u16, SIZE.1 as u16, ColorType::Luma).unwrap();
            let sound = Decoder::from_slice(&file).unwrap().decode(Scale::Full).unwrap();
            for seed in 0..60 {
                let mut damaged = file.clone();
                assert!(Damage::Overwritten.apply(&mut damaged, &mut random));
                let Ok(made) = Decoder::from_slice(&damaged).and_then(|decoder| decoder.decode(Scale::Full)) else {
                    continue;
                };
                let is_shown = made.coverage.found * 10 >= made.coverage.expected * 9;
                // A complete picture had valid data in spite of the damage, which no decoder notices.
                if is_shown && !made.coverage.is_complete() {
                    mended += 1;
                    let (levels, _) = compare(&made, &sound);
                    if levels > 12.0 {
                        wrong.push(format!("picture {index}, quality {quality}, {seed}: {levels:.1} levels"));
                    }
                }
            }
        }
    }
    println!("{mended} files mended");
    assert!(mended >= 20, "{mended}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Returns the mean difference of samples, and the mean difference of the steps between neighbours, which do not depend on brightness.
fn compare(made: &Picture, sound: &Picture) -> (f64, f64) {
    let channels = made.pixels.channels();
    let mean = |off: u64| off as f64 / sound.data.len() as f64;
    let levels = made.data.iter().zip(&sound.data).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    let steps = |picture: &[u8], at: usize| i32::from(picture[at + channels]) - i32::from(picture[at]);
    let texture =
        (0..sound.data.len() - channels).map(|at| u64::from(steps(&made.data, at).abs_diff(steps(&sound.data, at))));
    (mean(levels), mean(texture.sum()))
}

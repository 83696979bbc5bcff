//! Paints a landscape of twelve megapixels as a JPEG: mountains, sky and water with the fine texture of a photo. Every run writes the
//! same bytes.
//!
//! `cargo run --release -p thumbnail --example sample -- FILE.jpg`
//!
//! `local/sample.jpg`, which `make run` uploads, is a thumbnail of it, 1200 pixels wide, by the example `thumbnail`.

use std::error::Error;

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

const WIDTH: usize = 4032;
const HEIGHT: usize = 3024;
/// The top of the lake, as a part of the picture's height.
const SHORE: f32 = 0.68;

type Colour = [f32; 3];

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: sample FILE.jpg")?;
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, 92);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder.encode(&paint(), u16::try_from(WIDTH)?, u16::try_from(HEIGHT)?, ColorType::Rgb)?;
    Ok(std::fs::write(path, file)?)
}

#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss
)]
fn paint() -> Vec<u8> {
    let shore = (SHORE * HEIGHT as f32) as usize;
    let mut above: Vec<Colour> = Vec::with_capacity(WIDTH * shore);
    for y in 0..shore {
        for x in 0..WIDTH {
            above.push(land(x as f32 / WIDTH as f32, y as f32 / HEIGHT as f32));
        }
    }
    let mut pixels = Vec::with_capacity(WIDTH * HEIGHT * 3);
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            let colour = if y < shore { above[y * WIDTH + x] } else { water(&above, shore, x, y) };
            // The grain of a sensor, stronger in the shadows.
            let light = (colour[0] + colour[1] + colour[2]) / 3.0;
            let grain = (hash(x as i32, y as i32, 99) - 0.5) * (0.030 - 0.018 * light);
            pixels.extend(colour.map(|channel| ((channel + grain).clamp(0.0, 1.0) * 255.0 + 0.5) as u8));
        }
    }
    pixels
}

/// Returns the colour of the lake: the mirror image of the land, broken by waves that grow towards the viewer.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn water(land: &[Colour], shore: usize, x: usize, y: usize) -> Colour {
    let depth = (y - shore) as f32 / (HEIGHT - shore) as f32;
    let (u, v) = (x as f32 / WIDTH as f32, y as f32 / HEIGHT as f32);
    let scale = 1.0 / (0.06 + depth);
    let wave = fractal(u * 14.0 * scale, (v - SHORE) * 260.0 * scale, 4, 7) - 0.5;
    let ripple = noise(u * 60.0 * scale, (v - SHORE) * 900.0 * scale, 8) - 0.5;
    let shift = (wave * 220.0 + ripple * 60.0) * depth.sqrt();
    let mirrored = (shore as f32 - 2.0 - (y - shore) as f32 * 1.6 + shift).clamp(0.0, shore as f32 - 1.0) as usize;
    let aside = (x as f32 + wave * 40.0 * depth).clamp(0.0, WIDTH as f32 - 1.0) as usize;
    let reflected = land[mirrored * WIDTH + aside];
    let deep = [0.05, 0.13, 0.17];
    let foam = (ripple + wave - 0.42).max(0.0) * 1.5 * depth;
    let mixed = mix(reflected, deep, 0.22 + 0.45 * depth);
    mixed.map(|channel| channel * (0.92 + 0.25 * wave) + foam)
}

/// A chain of mountains.
struct Ridge {
    /// The lowest and the highest place of its line, from the top, as parts of the picture's height.
    base: f32,
    height: f32,
    frequency: f32,
    seed: i32,
    rock: Colour,
    /// The amount of haze in front of it, of snow and of wood.
    haze: f32,
    snow: f32,
    wood: f32,
}

/// The ridges from front to back.
#[rustfmt::skip] // a table
const RIDGES: [Ridge; 4] = [
    Ridge { base: 0.70, height: 0.17, frequency: 2.1, seed: 41, rock: [0.10, 0.13, 0.07], haze: 0.05, snow: 0.0, wood: 1.0 },
    Ridge { base: 0.66, height: 0.30, frequency: 1.7, seed: 31, rock: [0.24, 0.22, 0.17], haze: 0.22, snow: 0.0, wood: 0.6 },
    Ridge { base: 0.60, height: 0.48, frequency: 1.3, seed: 21, rock: [0.36, 0.34, 0.34], haze: 0.42, snow: 0.9, wood: 0.0 },
    Ridge { base: 0.55, height: 0.44, frequency: 1.9, seed: 11, rock: [0.42, 0.43, 0.48], haze: 0.66, snow: 0.5, wood: 0.0 },
];

/// Returns the colour of the mountains or the sky.
fn land(u: f32, v: f32) -> Colour {
    let haze = [0.74, 0.78, 0.83];
    for ridge in &RIDGES {
        let top = ridge.top(u);
        if v >= top {
            return mix(ridge.surface(u, v, top), haze, ridge.haze * (1.15 - 0.3 * (v - top)));
        }
    }
    sky(u, v)
}

impl Ridge {
    /// Returns the place of its line at `u`, from the top, as a part of the picture's height.
    fn top(&self, u: f32) -> f32 {
        let x = u * self.frequency;
        let mut rise = ridged(x * 1.4, 0.3, 5, self.seed) * self.height;
        if self.wood > 0.5 {
            // Tree tops.
            rise += (noise(u * 420.0, 0.0, self.seed) * 0.6 + noise(u * 1400.0, 0.0, self.seed + 1) * 0.4) * 0.014;
        }
        self.base - rise
    }

    fn surface(&self, u: f32, v: f32, top: f32) -> Colour {
        let (x, y) = (u * self.frequency * 16.0, v * self.frequency * 14.0 + u * 2.0);
        let relief = fractal(x, y, 6, self.seed + 2);
        let beside = fractal(x + 0.11, y - 0.05, 6, self.seed + 2);
        // Lit from the right.
        let light = (0.72 + (relief - beside) * 7.0).clamp(0.18, 1.35);
        let fine = 0.82 + 0.36 * noise(u * 1900.0, v * 1500.0, self.seed + 3);
        let mut colour = self.rock.map(|channel| channel * (0.7 + 0.6 * relief));
        if self.wood > 0.0 {
            let cover = smooth((relief * 0.9 + (v - top) * 1.4 - 0.35) * 3.0) * self.wood;
            let tree = noise(u * 520.0, v * 420.0, self.seed + 4);
            colour = mix(colour, [0.05 + 0.10 * tree, 0.13 + 0.14 * tree, 0.05 + 0.04 * tree], cover);
        }
        if self.snow > 0.0 {
            let line = 0.16 + 0.22 * (relief - 0.5);
            let cover = smooth((line - (v - top)) * 9.0 + (beside - relief) * 3.0) * self.snow;
            colour = mix(colour, [0.93, 0.95, 0.99], cover);
        }
        colour.map(|channel| channel * light * fine)
    }
}

fn sky(u: f32, v: f32) -> Colour {
    let height = (v / SHORE).clamp(0.0, 1.0);
    let mut colour = mix([0.20, 0.42, 0.72], [0.80, 0.85, 0.88], height.powf(1.3));
    let sun = ((u - 0.78).powi(2) * 1.7 + (v - 0.14).powi(2)).sqrt();
    let glow = (-sun * 7.0).exp() * 0.75 + (1.0 - smooth((sun - 0.021) * 220.0)) * 0.6;
    colour = mix(colour, [1.0, 0.95, 0.82], glow.min(1.0));
    let stretch = 1.0 / (0.25 + (1.0 - height) * 0.9);
    let cloud = fractal(u * 5.0 + 3.0, v * 13.0 * stretch, 6, 5);
    let cover = smooth((cloud - 0.50) * 5.0) * (0.85 - 0.35 * height);
    let shade = fractal(u * 5.0 + 3.05, v * 13.0 * stretch + 0.12, 5, 5);
    let lit = (0.86 + (cloud - shade) * 1.6).clamp(0.55, 1.0);
    mix(colour, [lit, lit * 0.99, lit * 0.985], cover)
}

fn mix(a: Colour, b: Colour, part: f32) -> Colour {
    let part = part.clamp(0.0, 1.0);
    [0, 1, 2].map(|i| a[i] + (b[i] - a[i]) * part)
}

/// Eases `x` from 0 to 1, and limits it to that range.
fn smooth(x: f32) -> f32 {
    let x = x.clamp(0.0, 1.0);
    x * x * (3.0 - 2.0 * x)
}

/// Adds octaves of noise, from 0 to 1.
fn fractal(x: f32, y: f32, octaves: u8, seed: i32) -> f32 {
    octave_sum(x, y, octaves, |x, y, octave| noise(x, y, seed + octave * 17))
}

/// Adds octaves with sharp crests, from 0 to 1.
fn ridged(x: f32, y: f32, octaves: u8, seed: i32) -> f32 {
    octave_sum(x, y, octaves, |x, y, octave| {
        let crest = 1.0 - (2.0 * noise(x, y, seed + octave * 17) - 1.0).abs();
        crest * crest
    })
}

fn octave_sum(x: f32, y: f32, octaves: u8, layer: impl Fn(f32, f32, i32) -> f32) -> f32 {
    let (mut sum, mut weight, mut total, mut scale) = (0.0, 1.0, 0.0, 1.0);
    for octave in 0..octaves {
        sum += weight * layer(x * scale, y * scale, i32::from(octave));
        total += weight;
        weight *= 0.5;
        scale *= 2.03;
    }
    sum / total
}

/// Returns smooth noise from 0 to 1.
#[allow(clippy::cast_possible_truncation)]
fn noise(x: f32, y: f32, seed: i32) -> f32 {
    let (left, top) = (x.floor(), y.floor());
    let (fx, fy) = (smooth(x - left), smooth(y - top));
    let (ix, iy) = (left as i32, top as i32);
    let upper = hash(ix, iy, seed) * (1.0 - fx) + hash(ix + 1, iy, seed) * fx;
    let lower = hash(ix, iy + 1, seed) * (1.0 - fx) + hash(ix + 1, iy + 1, seed) * fx;
    upper * (1.0 - fy) + lower * fy
}

/// Returns a random number from 0 to 1 that depends only on the arguments.
#[allow(clippy::cast_precision_loss, clippy::cast_sign_loss)]
fn hash(x: i32, y: i32, seed: i32) -> f32 {
    let mut h = (x as u32).wrapping_mul(0x9e37_79b1)
        ^ (y as u32).wrapping_mul(0x85eb_ca77)
        ^ (seed as u32).wrapping_mul(0xc2b2_ae3d);
    h = (h ^ h >> 15).wrapping_mul(0x2c1b_3c6d);
    h = (h ^ h >> 12).wrapping_mul(0x297a_2d39);
    h ^= h >> 15;
    (h >> 8) as f32 / 16_777_216.0
}

//! Reduces pictures to palettes of at most 256 colours.
//!
//! A picture with few colours keeps them exactly. For other pictures, the set with the greatest spread of colours is split again
//! and again, two rounds of k-means refine the palette, and the pixels are dithered (Floyd–Steinberg, at a third of its strength).
//! The result is deterministic.

use crate::picture::{Model, Picture};

/// A colour: red, green, blue, alpha.
pub(crate) type Colour = [u8; 4];

/// A picture of indices into a palette.
pub(crate) struct Indexed {
    /// At most 256 colours, those that are not opaque first.
    pub(crate) palette: Vec<Colour>,
    pub(crate) indices: Vec<u8>,
}

/// Reduces a grey or RGB picture, with or without alpha, to at most `most` colours (2 to 256).
pub(crate) fn reduce(picture: &Picture, most: usize) -> Indexed {
    let pixels: Vec<Colour> =
        picture.data.chunks_exact(picture.model.channels()).map(|p| colour(picture.model, p)).collect();
    if let Some(palette) = exact(&pixels, most) {
        let indices = pixels
            .iter()
            .map(|pixel| index(palette.binary_search_by_key(&key(*pixel), |&colour| key(colour))))
            .collect();
        return Indexed { palette, indices };
    }
    // Fully transparent pixels have their own entry, without which a GIF could not be transparent.
    let clear = pixels.contains(&CLEAR);
    let groups = histogram(&pixels, picture.width as usize);
    let mut palette = settle(split(groups.clone(), most - usize::from(clear)), &groups);
    palette.extend(clear.then_some(CLEAR));
    palette.sort_by_key(|&colour| key(colour));
    palette.dedup();
    let indices = dither(&pixels, picture.width as usize, &palette);
    Indexed { palette, indices }
}

/// The part of a pixel's error that is passed on to its neighbours. With all of the error, plain areas become grainy. With this part,
/// plain areas stay plain, gradients show no steps, and SSIM is nearly as high as without dithering.
const DITHERING: f32 = 0.3;

/// All fully transparent pixels become this colour.
const CLEAR: Colour = [0; 4];

fn colour(model: Model, pixel: &[u8]) -> Colour {
    let colour = match (model, pixel) {
        (Model::Gray, &[v, ..]) => [v, v, v, 255],
        (Model::GrayAlpha, &[v, a, ..]) => [v, v, v, a],
        (Model::Rgb, &[r, g, b, ..]) => [r, g, b, 255],
        (_, &[r, g, b, a, ..]) => [r, g, b, a],
        _ => [0; 4],
    };
    if colour[3] == 0 { CLEAR } else { colour }
}

/// The key by which palettes are sorted, transparent colours first.
fn key([r, g, b, a]: Colour) -> (u8, [u8; 3]) {
    (a, [r, g, b])
}

fn index(found: Result<usize, usize>) -> u8 {
    found.map_or(0, |index| u8::try_from(index).unwrap_or(0))
}

/// Lists the colours of a picture; returns `None` if there are more than `most`.
fn exact(pixels: &[Colour], most: usize) -> Option<Vec<Colour>> {
    let mut palette: Vec<Colour> = Vec::with_capacity(most);
    let mut last = None;
    for pixel in pixels {
        if last == Some(pixel) {
            continue;
        }
        last = Some(pixel);
        if let Err(place) = palette.binary_search_by_key(&key(*pixel), |&colour| key(colour)) {
            if palette.len() == most {
                return None;
            }
            palette.insert(place, *pixel);
        }
    }
    Some(palette)
}

/// A group of pixels of nearly the same colour.
#[derive(Clone, Copy)]
struct Group {
    mean: [f32; 4],
    weight: f32,
}

/// Groups the visible pixels by the upper seven bits of each channel. With fewer bits, smooth areas would get too few colours.
#[allow(clippy::cast_possible_truncation)] // of what is rounded to eight bits
fn histogram(pixels: &[Colour], width: usize) -> Vec<Group> {
    const UPPER: u32 = 0xfefe_fefe;
    /// The difference from its neighbours at which a pixel has half the weight.
    const HALF: f64 = 16.0;
    /// The maximum number of pixels to sample, which represent the picture well and need little memory.
    const MOST: usize = 1 << 18;
    // An odd step, so that samples do not fall into the same columns of every row.
    let step = (pixels.len() / MOST) | 1;
    let mut counted: Vec<(u32, u32, f64)> = Vec::with_capacity(pixels.len() / step + 1);
    for (i, pixel) in pixels.iter().enumerate().filter(|&(_, pixel)| *pixel != CLEAR).step_by(step) {
        // Wrong colours are most visible in smooth areas.
        let from = |other: &Colour| pixel.iter().zip(other).map(|(a, b)| u32::from(a.abs_diff(*b))).sum::<u32>();
        let contrast = from(&pixels[i.saturating_sub(1)]) + from(&pixels[i.saturating_sub(width)]);
        let colour = u32::from_be_bytes(*pixel);
        counted.push((colour & UPPER, colour, HALF / (HALF + f64::from(contrast))));
    }
    counted.sort_unstable_by_key(|&(cell, ..)| cell);
    let group = |same: &[(u32, u32, f64)]| {
        let (mut sum, mut total) = ([0.0; 4], 0.0);
        for &(_, colour, weight) in same {
            for (sum, value) in sum.iter_mut().zip(colour.to_be_bytes()) {
                *sum += f64::from(value) * weight;
            }
            total += weight;
        }
        Group { mean: sum.map(|sum| (sum / total) as f32), weight: total as f32 }
    };
    counted.chunk_by(|a, b| a.0 == b.0).map(group).collect()
}

/// A set of groups, with their mean, the channel with the greatest spread, and that spread (the sum of squared differences).
struct Set {
    groups: Vec<Group>,
    mean: [f32; 4],
    axis: usize,
    spread: f32,
}

impl Set {
    fn new(groups: Vec<Group>) -> Self {
        let total: f32 = groups.iter().map(|group| group.weight).sum();
        let mut mean = [0.0; 4];
        for group in &groups {
            for (mean, value) in mean.iter_mut().zip(group.mean) {
                *mean += value * group.weight / total;
            }
        }
        let mut spreads = [0.0; 4];
        for group in &groups {
            for (channel, spread) in spreads.iter_mut().enumerate() {
                let difference = group.mean[channel] - mean[channel];
                *spread += group.weight * difference * difference;
            }
        }
        let axis = (0..4).max_by(|&a, &b| spreads[a].total_cmp(&spreads[b])).unwrap_or(0);
        Self { groups, mean, axis, spread: spreads[axis] }
    }
}

fn split(groups: Vec<Group>, most: usize) -> Vec<[f32; 4]> {
    let mut sets = vec![Set::new(groups)];
    while sets.len() < most {
        let widest = (0..sets.len()).max_by(|&a, &b| sets[a].spread.total_cmp(&sets[b].spread)).unwrap_or(0);
        let set = sets.swap_remove(widest);
        let (axis, mean) = (set.axis, set.mean);
        let (below, above): (Vec<_>, Vec<_>) = set.groups.iter().partition(|group| group.mean[axis] < mean[axis]);
        if below.is_empty() || above.is_empty() {
            sets.push(set);
            break;
        }
        sets.push(Set::new(below));
        sets.push(Set::new(above));
    }
    sets.into_iter().map(|set| set.mean).collect()
}

/// Runs two rounds of k-means: moves each colour to the mean of the groups that are nearest to it.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // between 0 and 255
fn settle(mut colours: Vec<[f32; 4]>, groups: &[Group]) -> Vec<Colour> {
    for _ in 0..2 {
        let mut nearest = Nearest::new(colours.clone());
        let mut sums = vec![([0.0; 4], 0.0); colours.len()];
        for group in groups {
            let (sum, weight) = &mut sums[usize::from(nearest.of(group.mean))];
            for (sum, value) in sum.iter_mut().zip(group.mean) {
                *sum += value * group.weight;
            }
            *weight += group.weight;
        }
        for (colour, (sum, weight)) in colours.iter_mut().zip(sums) {
            if weight > 0.0 {
                *colour = sum.map(|sum| sum / weight);
            }
        }
    }
    colours.into_iter().map(|colour| colour.map(|value| (value + 0.5) as u8)).collect()
}

/// Finds the nearest of up to 256 colours, which takes most of the time of this module.
///
/// Opaque colours are divided into cubes with edges of eight levels. For each cube, the palette entries that can be nearest to any
/// colour within it are computed once, when they are first needed. There are usually few.
struct Nearest {
    colours: Vec<[f32; 4]>,
    all: Vec<u8>,
    /// The candidates of each cube, by the upper five bits of red, green and blue; empty until they are needed.
    cubes: Vec<Vec<u8>>,
}

impl Nearest {
    fn new(colours: Vec<[f32; 4]>) -> Self {
        let all = (0..=255).take(colours.len()).collect();
        Self { colours, all, cubes: vec![Vec::new(); 1 << 15] }
    }

    /// Returns the index of the nearest colour, and the lowest index among equally near colours.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // between 0 and 255
    fn of(&mut self, to: [f32; 4]) -> u8 {
        let candidates = if to[3] < 254.5 {
            &self.all
        } else {
            let [r, g, b] = [to[0], to[1], to[2]].map(|value| usize::from(value as u8 >> 3));
            let cube = r << 10 | g << 5 | b;
            if self.cubes[cube].is_empty() {
                self.cubes[cube] = self.candidates([r, g, b]);
            }
            &self.cubes[cube]
        };
        let mut found = (f32::MAX, 0);
        for &index in candidates {
            let colour = self.colours[usize::from(index)];
            let distance = (0..4).map(|i| (to[i] - colour[i]) * (to[i] - colour[i])).sum();
            if distance < found.0 {
                found = (distance, index);
            }
        }
        found.1
    }

    /// Lists the colours whose distance to the nearest point of a cube is not greater than another colour's to the farthest point.
    #[allow(clippy::cast_precision_loss)] // at most 31
    fn candidates(&self, cube: [usize; 3]) -> Vec<u8> {
        let ends = cube.map(|part| (part as f32 * 8.0, part as f32 * 8.0 + 8.0));
        let reach = |colour: &[f32; 4]| {
            let alpha = (255.0 - colour[3]) * (255.0 - colour[3]);
            let (mut nearest, mut farthest) = (alpha, alpha);
            for (value, (low, high)) in colour.iter().zip(ends) {
                let near = value.clamp(low, high) - value;
                let far = (value - low).abs().max((value - high).abs());
                nearest += near * near;
                farthest += far * far;
            }
            (nearest, farthest)
        };
        let reaches: Vec<_> = self.colours.iter().map(reach).collect();
        let least = reaches.iter().map(|&(_, farthest)| farthest).fold(f32::MAX, f32::min);
        (0..=255).zip(reaches).filter(|(_, (nearest, _))| *nearest <= least).map(|(index, _)| index).collect()
    }
}

/// Replaces each pixel by the nearest colour, and passes the error on to its neighbours to the right and below.
fn dither(pixels: &[Colour], width: usize, palette: &[Colour]) -> Vec<u8> {
    let mut nearest = Nearest::new(palette.iter().map(|colour| colour.map(f32::from)).collect());
    let mut indices = Vec::with_capacity(pixels.len());
    // Each row has a margin of one pixel on both sides.
    let (mut errors, mut below) = (vec![[0.0_f32; 3]; width + 2], vec![[0.0_f32; 3]; width + 2]);
    for row in pixels.chunks_exact(width) {
        for (x, pixel) in row.iter().enumerate() {
            if *pixel == CLEAR {
                indices.push(0);
                continue;
            }
            let mut target = pixel.map(f32::from);
            let opaque = pixel[3] == 255;
            if opaque {
                for (value, error) in target.iter_mut().zip(errors[x + 1]) {
                    *value = (*value + error).clamp(0.0, 255.0);
                }
            }
            let index = nearest.of(target);
            indices.push(index);
            if opaque {
                let colour = nearest.colours[usize::from(index)];
                for channel in 0..3 {
                    let error = (target[channel] - colour[channel]) * DITHERING / 16.0;
                    errors[x + 2][channel] += error * 7.0;
                    below[x][channel] += error * 3.0;
                    below[x + 1][channel] += error * 5.0;
                    below[x + 2][channel] += error;
                }
            }
        }
        std::mem::swap(&mut errors, &mut below);
        below.fill([0.0; 3]);
    }
    indices
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_colours_are_kept_exactly() {
        let data = vec![1, 2, 3, 255, 9, 9, 9, 0, 7, 7, 7, 128, 1, 2, 3, 255];
        let indexed = reduce(&Picture { width: 2, height: 2, model: Model::Rgba, data }, 256);
        assert_eq!(indexed.palette, [[0; 4], [7, 7, 7, 128], [1, 2, 3, 255]]);
        assert_eq!(indexed.indices, [2, 0, 1, 2]);
    }

    #[test]
    fn transparency_survives_many_colours() {
        let data: Vec<u8> = (0..=255_u8)
            .flat_map(|y| (0..=255_u8).flat_map(move |x| [x, y, x ^ y, if x < 3 { 0 } else { 255 }]))
            .collect();
        let picture = Picture { width: 256, height: 256, model: Model::Rgba, data };
        let indexed = reduce(&picture, 256);
        assert!(indexed.palette.len() <= 256);
        assert_eq!(indexed.palette[0], CLEAR);
        for (i, &index) in indexed.indices.iter().enumerate() {
            assert_eq!(index == 0, i % 256 < 3, "pixel {i}");
        }
    }

    #[test]
    fn many_colours_come_near() {
        let data: Vec<u8> = (0..64_u8).flat_map(|y| (0..64_u8).flat_map(move |x| [x * 4, y * 4, 128])).collect();
        let picture = Picture { width: 64, height: 64, model: Model::Rgb, data };
        let indexed = reduce(&picture, 256);
        assert!(indexed.palette.len() <= 256);
        // Averaged over blocks of eight by eight, dithering gives back the colours.
        for block in 0..64 {
            let (left, top) = (block % 8 * 8, block / 8 * 8);
            for channel in 0..3 {
                let mean = |value: &dyn Fn(usize) -> u8| {
                    (0..64).map(|i| u32::from(value((top + i / 8) * 64 + left + i % 8))).sum::<u32>() / 64
                };
                let is = mean(&|at| indexed.palette[usize::from(indexed.indices[at])][channel]);
                let should = mean(&|at| picture.data[at * 3 + channel]);
                assert!(is.abs_diff(should) <= 4, "block {block}, channel {channel}: {is} for {should}");
            }
        }
    }

    #[test]
    fn smooth_pictures_get_as_many_colours_as_colourful_ones() {
        // All within 32 levels of each channel.
        let data: Vec<u8> = (0..64_u8)
            .flat_map(|y| (0..64_u8).flat_map(move |x| [100 + x / 2, 100 + y / 2, 100 + (x ^ y) / 2]))
            .collect();
        let indexed = reduce(&Picture { width: 64, height: 64, model: Model::Rgb, data }, 256);
        assert!(indexed.palette.len() > 200, "{} colours", indexed.palette.len());
    }

    #[test]
    fn a_plain_background_keeps_its_colour() {
        let mut data = [255, 254, 253].repeat(512 * 512);
        (0..3000_usize).for_each(|i| data[i] = u8::try_from(i * 31 % 251).unwrap());
        let indexed = reduce(&Picture { width: 512, height: 512, model: Model::Rgb, data }, 256);
        assert_eq!(indexed.palette[usize::from(indexed.indices[512 * 511])], [255, 254, 253, 255]);
    }

    #[test]
    #[allow(clippy::cast_precision_loss)] // a byte
    fn the_nearest_colour_is_found() {
        let mut state = 1_u32;
        let mut random = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as f32
        };
        let mut colours: Vec<[f32; 4]> = (0..250).map(|_| [random(), random(), random(), 255.0]).collect();
        colours.extend((0..6).map(|_| [random(), random(), random(), random()]));
        let mut nearest = Nearest::new(colours.clone());
        for i in 0..5000 {
            let to = [random(), random(), random(), if i % 10 == 0 { random() } else { 255.0 }];
            let distance = |colour: &[f32; 4]| colour.iter().zip(to).map(|(a, b)| (a - b) * (a - b)).sum::<f32>();
            let least = colours.iter().map(distance).fold(f32::MAX, f32::min);
            let found = distance(&colours[usize::from(nearest.of(to))]);
            assert!(found <= least, "{to:?}: {found} instead of {least}");
        }
    }
}

//! Reduces pictures to palettes of at most 256 colours.
//!
//! A picture with few colours keeps them exactly. For other pictures, the set with the greatest spread of colours is split again
//! and again, two rounds of k-means refine the palette, and the pixels are dithered (Floyd–Steinberg, at a third of its strength).
//! The result is deterministic.

mod nearest;

use nearest::Nearest;

use crate::picture::Picture;

/// A colour: red, green, blue, alpha.
pub(crate) type Colour = [u8; 4];

/// Reduces a grey or RGB picture, with or without alpha, to at most 256 colours, those that are not opaque first. Also returns the index
/// of each pixel.
pub(crate) fn reduce(picture: &Picture) -> (Vec<Colour>, Vec<u8>) {
    let channels = picture.model.channels();
    let colour = |pixel: &[u8]| picture.model.rgba(pixel);
    let visible = |colour: Colour| if colour[3] == 0 { CLEAR } else { colour };
    let pixels: Vec<Colour> = picture.data.chunks_exact(channels).map(colour).map(visible).collect();
    // Fully transparent pixels have their own entry, without which a GIF could not be transparent.
    let mut palette = Palette::new(&pixels, picture.width, 256, pixels.contains(&CLEAR));
    let indices = palette.index(&pixels, picture.width);
    (palette.colours, indices)
}

/// Returns the red, green and blue of each colour.
pub(crate) fn rgb(palette: &[Colour]) -> Vec<u8> {
    palette.iter().flat_map(|&[red, green, blue, _]| [red, green, blue]).collect()
}

/// Returns the index of the entry for fully transparent pixels; `None` if there is none.
pub(crate) fn clear_index(palette: &[Colour]) -> Option<u8> {
    palette.first().is_some_and(|colour| colour[3] == 0).then_some(0)
}

/// A palette that was chosen for one picture and can be reused for similar pictures.
pub(crate) struct Palette {
    /// At most 256; those that are not opaque come first.
    pub(crate) colours: Vec<Colour>,
    /// `None` if each colour of the picture has its own entry.
    nearest: Option<Nearest>,
}

impl Palette {
    /// Chooses at most `most` colours for a picture of `width`. `clear` adds an entry for fully transparent pixels, unless the picture's
    /// own colours fill the palette.
    pub(crate) fn new(pixels: &[Colour], width: u32, most: usize, clear: bool) -> Self {
        if let Some(mut colours) = exact(pixels, most) {
            if clear && colours.len() < most && colours.first() != Some(&CLEAR) {
                colours.insert(0, CLEAR);
            }
            return Self { colours, nearest: None };
        }
        let groups = histogram(pixels, width as usize);
        let mut colours = settle(split(groups.clone(), most - usize::from(clear)), &groups);
        colours.extend(clear.then_some(CLEAR));
        colours.sort_by_key(|&colour| key(colour));
        colours.dedup();
        let nearest = Nearest::new(colours.iter().map(|colour| colour.map(f32::from)).collect());
        Self { nearest: Some(nearest), colours }
    }

    /// Whether the colours fit `pixels` about as well as their own picture, for which [`Palette::error`] is `own_error`.
    pub(crate) fn serves(&mut self, pixels: &[Colour], own_error: f32) -> bool {
        /// The error of three and a half levels in each channel, which nobody sees.
        const UNSEEN: f32 = 36.0 * 36.0;
        self.error(pixels) <= 2.0 * own_error.max(UNSEEN)
    }

    /// Computes the mean fourth power of the distances between pixels and their nearest colours. The fourth power gives weight to a small
    /// area of a very different colour. If the palette was exact for its own picture, the error is either 0 or infinite.
    #[allow(clippy::cast_precision_loss)] // at most MOST
    pub(crate) fn error(&mut self, pixels: &[Colour]) -> f32 {
        /// The number of pixels that represent a picture well enough.
        const MOST: usize = 1 << 15;
        let Some(nearest) = &mut self.nearest else {
            let is_exact = pixels.chunk_by(|a, b| a == b).all(|run| self.position(run[0]).is_ok());
            return if is_exact { 0.0 } else { f32::INFINITY };
        };
        // An odd step visits other columns in each row.
        let step = (pixels.len() / MOST) | 1;
        let (mut sum, mut count) = (0.0, 0);
        for pixel in pixels.iter().step_by(step).filter(|pixel| **pixel != CLEAR) {
            let to = pixel.map(f32::from);
            let index = nearest.of(to);
            let colour = nearest.colours[usize::from(index)];
            let distance = to.iter().zip(colour).map(|(a, b)| (a - b) * (a - b)).sum::<f32>();
            sum += distance * distance;
            count += 1;
        }
        sum / count.max(1) as f32
    }

    /// Returns the index of a colour that has its own entry.
    fn position(&self, pixel: Colour) -> Result<usize, usize> {
        self.colours.binary_search_by_key(&key(pixel), |&colour| key(colour))
    }

    /// Returns the index of each pixel. Pixels are dithered, unless each colour has its own entry.
    #[allow(clippy::cast_possible_truncation)] // at most 256 colours
    pub(crate) fn index(&mut self, pixels: &[Colour], width: u32) -> Vec<u8> {
        match &mut self.nearest {
            Some(nearest) => dither(pixels, width as usize, nearest),
            None => pixels.iter().map(|&pixel| self.position(pixel).map_or(0, |index| index as u8)).collect(),
        }
    }
}

/// The part of a pixel's error that is passed on to its neighbours. With all of the error, plain areas become grainy. With this part,
/// plain areas stay plain, gradients show no steps, and SSIM is nearly as high as without dithering.
const DITHERING: f32 = 0.3;

/// All fully transparent pixels become this colour.
const CLEAR: Colour = [0; 4];

/// Returns the key by which palettes are sorted, transparent colours first.
fn key([r, g, b, a]: Colour) -> (u8, [u8; 3]) {
    (a, [r, g, b])
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

/// A set of groups: their mean, the channel with the greatest spread (the sum of squared differences from the mean), and that spread.
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

/// Divides groups into at most `most` sets, and returns the mean of each set.
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

/// Replaces each pixel by the nearest colour, and passes the error on to its neighbours to the right and below.
fn dither(pixels: &[Colour], width: usize, nearest: &mut Nearest) -> Vec<u8> {
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
    use crate::picture::Model;

    #[test]
    fn few_colours_are_kept_exactly() {
        let data = vec![1, 2, 3, 255, 9, 9, 9, 0, 7, 7, 7, 128, 1, 2, 3, 255];
        let (palette, indices) = reduce(&Picture { width: 2, height: 2, model: Model::Rgba, data });
        assert_eq!(palette, [[0; 4], [7, 7, 7, 128], [1, 2, 3, 255]]);
        assert_eq!(indices, [2, 0, 1, 2]);
    }

    #[test]
    fn transparency_survives_many_colours() {
        let data: Vec<u8> = (0..=255_u8)
            .flat_map(|y| (0..=255_u8).flat_map(move |x| [x, y, x ^ y, if x < 3 { 0 } else { 255 }]))
            .collect();
        let picture = Picture { width: 256, height: 256, model: Model::Rgba, data };
        let (palette, indices) = reduce(&picture);
        assert!(palette.len() <= 256);
        assert_eq!(palette[0], CLEAR);
        for (i, &index) in indices.iter().enumerate() {
            assert_eq!(index == 0, i % 256 < 3, "pixel {i}");
        }
    }

    #[test]
    fn many_colours_come_near() {
        let data: Vec<u8> = (0..64_u8).flat_map(|y| (0..64_u8).flat_map(move |x| [x * 4, y * 4, 128])).collect();
        let picture = Picture { width: 64, height: 64, model: Model::Rgb, data };
        let (palette, indices) = reduce(&picture);
        assert!(palette.len() <= 256);
        let shown = |at: usize| palette[usize::from(indices[at])];
        // Averaged over blocks of eight by eight, dithering gives back the colours.
        for block in 0..64 {
            let (left, top) = (block % 8 * 8, block / 8 * 8);
            for channel in 0..3 {
                let mean = |value: &dyn Fn(usize) -> u8| {
                    (0..64).map(|i| u32::from(value((top + i / 8) * 64 + left + i % 8))).sum::<u32>() / 64
                };
                let is = mean(&|at| shown(at)[channel]);
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
        let (palette, _) = reduce(&Picture { width: 64, height: 64, model: Model::Rgb, data });
        assert!(palette.len() > 200, "{} colours", palette.len());
    }

    #[test]
    fn a_plain_background_keeps_its_colour() {
        let mut data = [255, 254, 253].repeat(512 * 512);
        (0..3000_usize).for_each(|i| data[i] = u8::try_from(i * 31 % 251).unwrap());
        let (palette, indices) = reduce(&Picture { width: 512, height: 512, model: Model::Rgb, data });
        assert_eq!(palette[usize::from(indices[512 * 511])], [255, 254, 253, 255]);
    }

    #[test]
    fn a_palette_serves_similar_pictures_alone() {
        // Noise of one hue in more than 256 colours; `seed` changes its pixels and not their distribution.
        let noise = |seed: u64| -> Vec<Colour> {
            let mut random = fastrand::Rng::with_seed(seed);
            (0..1 << 16).map(|_| (random.u8(..), random.u8(..16))).map(|(v, tint)| [v, v, v / 2 + tint, 255]).collect()
        };
        let mut palette = Palette::new(&noise(0), 256, 256, true);
        let error = palette.error(&noise(0));
        assert!(palette.serves(&noise(0), error) && palette.serves(&noise(99), error));
        assert_eq!(palette.colours[0], CLEAR);
        let mut patched = noise(99);
        // One row in 256, in a colour that the palette does not have.
        patched[1 << 15..(1 << 15) + 256].fill([255, 0, 255, 255]);
        assert!(!palette.serves(&patched, error));
        let few = [[1, 2, 3, 255], [4, 5, 6, 255]];
        let mut exact = Palette::new(&few, 2, 256, true);
        assert_eq!(exact.colours, [CLEAR, few[0], few[1]]);
        assert!(exact.serves(&[few[1], CLEAR], 0.0) && !exact.serves(&[[1, 2, 4, 255]], 0.0));
    }
}

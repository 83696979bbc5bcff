//! Pictures of at most 256 colours.
//!
//! Where a picture has no more than that, nothing is lost. Else the colours are found by splitting, again and again, the
//! group whose colours differ most, and settled by two rounds of k-means; the pixels are then dithered (Floyd–Steinberg), by half.
//! The same picture always gives the same result.

use crate::picture::{Model, Picture};

/// A colour: red, green, blue, alpha.
pub(crate) type Colour = [u8; 4];

/// A picture by indices into a palette.
pub(crate) struct Indexed {
    /// At most 256; those that are not opaque come first.
    pub(crate) palette: Vec<Colour>,
    pub(crate) indices: Vec<u8>,
}

/// Brings a grey or RGB picture, with or without alpha, to at most `most` colours (2 to 256).
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
    // What cannot be seen keeps an entry to itself, or a GIF might have none.
    let clear = pixels.contains(&CLEAR);
    let groups = histogram(&pixels);
    let mut palette = settle(split(groups.clone(), most - usize::from(clear)), &groups);
    palette.extend(clear.then_some(CLEAR));
    palette.sort_by_key(|&colour| key(colour));
    palette.dedup();
    let indices = dither(&pixels, picture.width as usize, &palette);
    Indexed { palette, indices }
}

/// What a difference counts in red, green, blue and alpha: eyes see it best in green, and least in blue.
const WEIGHTS: [f32; 4] = [0.9, 1.1, 0.75, 1.0];

/// How much of a pixel's error is handed on. All of it would make every plain area grainy; with this much, by SSIM, pictures
/// come nearest to what they show.
const DITHERING: f32 = 0.5;

/// All that cannot be seen is the same.
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

/// Orders colours with the transparent ones first.
fn key([r, g, b, a]: Colour) -> (u8, [u8; 3]) {
    (a, [r, g, b])
}

fn index(found: Result<usize, usize>) -> u8 {
    found.map_or(0, |index| u8::try_from(index).unwrap_or(0))
}

/// The colours themselves, where they are few enough.
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

/// Pixels of nearly the same colour.
#[derive(Clone, Copy)]
struct Group {
    mean: [f32; 4],
    weight: f32,
}

/// Counts colours that can be seen by their upper bits: five of each colour, three of alpha.
#[allow(clippy::cast_precision_loss)] // sums of pixels of one thumbnail
fn histogram(pixels: &[Colour]) -> Vec<Group> {
    let mut cells = vec![[0_u64; 5]; 1 << 18];
    for &[r, g, b, a] in pixels.iter().filter(|&&pixel| pixel != CLEAR) {
        let cell =
            usize::from(r >> 3) << 13 | usize::from(g >> 3) << 8 | usize::from(b >> 3) << 3 | usize::from(a >> 5);
        for (sum, value) in cells[cell].iter_mut().zip([r, g, b, a, 1]) {
            *sum += u64::from(value);
        }
    }
    let group = |&[r, g, b, a, count]: &[u64; 5]| {
        let weight = count as f32;
        Group { mean: [r, g, b, a].map(|sum| sum as f32 / weight), weight }
    };
    cells.iter().filter(|cell| cell[4] > 0).map(group).collect()
}

/// A set of groups: their mean, and the axis along which they differ most with the sum of squared differences there.
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
                let difference = (group.mean[channel] - mean[channel]) * WEIGHTS[channel];
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

/// Moves each colour to the middle of the groups that are nearest to it, twice.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // between 0 and 255
fn settle(mut colours: Vec<[f32; 4]>, groups: &[Group]) -> Vec<Colour> {
    for _ in 0..2 {
        let nearest = Nearest::new(&colours);
        let mut sums = vec![([0.0; 4], 0.0); colours.len()];
        for group in groups {
            let (sum, weight) = &mut sums[nearest.of(group.mean)];
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

/// Finds the nearest of up to 256 colours: most of the work of all this, so that it is laid out for several at a time.
struct Nearest {
    /// Each channel of all colours, weighted; where there is none it is infinitely far.
    channels: [[f32; 256]; 4],
    count: usize,
}

impl Nearest {
    fn new(colours: &[[f32; 4]]) -> Self {
        let mut channels = [[f32::INFINITY; 256]; 4];
        for (index, colour) in colours.iter().enumerate() {
            for ((channel, value), weight) in channels.iter_mut().zip(colour).zip(WEIGHTS) {
                channel[index] = value * weight;
            }
        }
        Self { channels, count: colours.len() }
    }

    /// Its index, the first one's if several are as near.
    fn of(&self, to: [f32; 4]) -> usize {
        const LANES: usize = 8;
        let to: [f32; 4] = std::array::from_fn(|channel| to[channel] * WEIGHTS[channel]);
        let [r, g, b, a] = self.channels.each_ref().map(|channel| channel.as_chunks::<LANES>().0);
        let (mut distances, mut groups) = ([f32::MAX; LANES], [0_u32; LANES]);
        for (group, index) in (0..self.count.div_ceil(LANES)).zip(0_u32..) {
            for lane in 0..LANES {
                let square =
                    |channel: &[[f32; LANES]], to: f32| (channel[group][lane] - to) * (channel[group][lane] - to);
                let distance = square(r, to[0]) + square(g, to[1]) + square(b, to[2]) + square(a, to[3]);
                let nearer = distance < distances[lane];
                distances[lane] = if nearer { distance } else { distances[lane] };
                groups[lane] = if nearer { index } else { groups[lane] };
            }
        }
        let found = (0..LANES).map(|lane| (distances[lane], groups[lane] as usize * LANES + lane));
        found.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))).map_or(0, |(_, index)| index)
    }
}

/// Gives each pixel its nearest colour and hands what is missing to its neighbours, in rows from left to right.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // between 0 and 255
fn dither(pixels: &[Colour], width: usize, palette: &[Colour]) -> Vec<u8> {
    let colours: Vec<[f32; 4]> = palette.iter().map(|colour| colour.map(f32::from)).collect();
    let nearest = Nearest::new(&colours);
    // Colours that share the upper six bits of each channel share the answer, so that most need no search.
    let mut known = vec![u16::MAX; 1 << 18];
    let mut indices = Vec::with_capacity(pixels.len());
    // Each with a pixel's margin on both sides.
    let (mut errors, mut below) = (vec![[0.0_f32; 3]; width + 2], vec![[0.0_f32; 3]; width + 2]);
    for row in pixels.chunks_exact(width) {
        for (x, pixel) in row.iter().enumerate() {
            if *pixel == CLEAR {
                indices.push(0);
                continue;
            }
            let mut wanted = pixel.map(f32::from);
            if pixel[3] == 255 {
                for (value, error) in wanted.iter_mut().zip(errors[x + 1]) {
                    *value = (*value + error).clamp(0.0, 255.0);
                }
            }
            let [r, g, b, _] = wanted.map(|value| usize::from(value as u8 >> 2));
            let cell = &mut known[r << 12 | g << 6 | b];
            let index = if pixel[3] == 255 && *cell != u16::MAX {
                usize::from(*cell)
            } else {
                let index = nearest.of(wanted);
                if pixel[3] == 255 {
                    *cell = u16::try_from(index).unwrap_or(0);
                }
                index
            };
            indices.push(u8::try_from(index).unwrap_or(0));
            if pixel[3] == 255 {
                for channel in 0..3 {
                    let error = (wanted[channel] - colours[index][channel]) * DITHERING / 16.0;
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
}

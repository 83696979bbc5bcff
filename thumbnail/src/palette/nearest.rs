//! Finds the nearest colour of a palette.

use std::ops::Range;

/// The maximum number of [`Eight`]s in memory, which take 2.6 MB. If a picture needs more, all are dropped.
const MOST: usize = 1 << 14;

/// Finds the nearest of up to 256 colours, which takes most of the time of this module.
///
/// Opaque colours are divided into cubes with edges of eight levels. For each cube, the palette entries that can be nearest to any
/// colour within it are computed once, when they are first needed. There are usually few.
pub(super) struct Nearest {
    pub(super) colours: Vec<[f32; 4]>,
    /// The range of each cube's candidates, by the upper five bits of red, green and blue; empty until they are needed.
    cubes: Vec<Range<u32>>,
    candidates: Vec<Eight>,
}

/// Eight candidates, channel by channel, so that vector instructions compute eight distances at once. Unused places are infinitely far
/// from every colour.
struct Eight {
    channels: [[f32; 8]; 3],
    /// The squared difference to the alpha of opaque colours.
    alpha: [f32; 8],
    indices: [u32; 8],
}

impl Nearest {
    pub(super) fn new(colours: Vec<[f32; 4]>) -> Self {
        Self { colours, cubes: vec![0..0; 1 << 15], candidates: Vec::new() }
    }

    /// Returns the index of the nearest colour, and the lowest index among equally near colours.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // between 0 and 255
    pub(super) fn of(&mut self, to: [f32; 4]) -> u8 {
        // The bits of numbers that are not negative have the order of the numbers. Their lowest eight make room for the index.
        let rank = |distance: f32, index: u32| distance.to_bits() & !0xff | index;
        let mut lowest = u32::MAX;
        if to[3] < 254.5 {
            for (index, colour) in (0..).zip(&self.colours) {
                lowest = lowest.min(rank((0..4).map(|i| (to[i] - colour[i]) * (to[i] - colour[i])).sum(), index));
            }
            return lowest as u8;
        }
        let [r, g, b] = [to[0], to[1], to[2]].map(|value| usize::from(value as u8 >> 3));
        let cube = r << 10 | g << 5 | b;
        if self.cubes[cube].is_empty() {
            if self.candidates.len() > MOST {
                self.candidates.clear();
                self.cubes.fill(0..0);
            }
            self.cubes[cube] = self.add([r, g, b]);
        }
        let Range { start, end } = self.cubes[cube];
        for eight in &self.candidates[start as usize..end as usize] {
            let [red, green, blue] = &eight.channels;
            for i in 0..8 {
                let [r, g, b] = [to[0] - red[i], to[1] - green[i], to[2] - blue[i]];
                lowest = lowest.min(rank(r * r + g * g + b * b + eight.alpha[i], eight.indices[i]));
            }
        }
        lowest as u8
    }

    /// Computes the candidates of a cube, and returns their range.
    #[allow(clippy::cast_possible_truncation)] // at most MOST and 32 more
    fn add(&mut self, cube: [usize; 3]) -> Range<u32> {
        let start = self.candidates.len() as u32;
        for indices in self.near(cube).chunks(8) {
            let mut eight = Eight { channels: [[f32::INFINITY; 8]; 3], alpha: [0.0; 8], indices: [0; 8] };
            for (i, &index) in indices.iter().enumerate() {
                let colour = self.colours[usize::from(index)];
                (0..3).for_each(|channel| eight.channels[channel][i] = colour[channel]);
                eight.alpha[i] = (255.0 - colour[3]) * (255.0 - colour[3]);
                eight.indices[i] = index.into();
            }
            self.candidates.push(eight);
        }
        start..self.candidates.len() as u32
    }

    /// Lists the colours whose distance to the nearest point of a cube is not greater than another colour's to the farthest point.
    #[allow(clippy::cast_precision_loss)] // at most 31
    fn near(&self, cube: [usize; 3]) -> Vec<u8> {
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

#[cfg(test)]
mod tests {
    use super::*;

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

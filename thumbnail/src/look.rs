//! A summary of what a source shows, which a page can display before the thumbnail has loaded.

use crate::{Rejection, picture::Picture, resample, size::Size};

/// The edge of the picture that is summarized, in pixels. It suffices, as the hash stores seven waves for each axis.
const EDGE: u32 = 32;

/// A summary of what a source shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Look {
    /// Whether any pixel is transparent.
    pub has_alpha: bool,
    /// The mean red, green and blue, weighted by alpha. Black if all pixels are fully transparent.
    pub colour: [u8; 3],
    /// The `ThumbHash`, at most 25 bytes; `None` if [`crate::Options::placeholder`] is off.
    pub placeholder: Option<Vec<u8>>,
}

impl Look {
    /// Summarizes an upright picture of the whole source in sRGB.
    pub(crate) fn of(picture: &Picture, placeholder: bool) -> Result<Self, Rejection> {
        let has_alpha = picture.model.has_alpha();
        let fit = Size::Inside(EDGE, EDGE).fit(picture.width, picture.height);
        let small = resample::render(picture, &fit)?;
        let (width, height) = (small.width as usize, small.height as usize);
        let pixels = small.rgba();
        let placeholder = placeholder.then(|| thumbhash::rgba_to_thumb_hash(width, height, &pixels));
        Ok(Self { has_alpha, colour: mean(&pixels), placeholder })
    }
}

fn mean(pixels: &[u8]) -> [u8; 3] {
    let (mut sums, mut weight) = ([0_u64; 3], 0_u64);
    for [colours @ .., alpha] in pixels.as_chunks::<4>().0 {
        let alpha = u64::from(*alpha);
        for (sum, colour) in sums.iter_mut().zip(colours) {
            *sum += u64::from(*colour) * alpha;
        }
        weight += alpha;
    }
    sums.map(|sum| u8::try_from((sum + weight / 2) / weight.max(1)).unwrap_or(255))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Model;

    fn look(width: u32, height: u32, model: Model, pixel: impl Fn(u32, u32) -> Vec<u8>) -> Look {
        let data = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).flat_map(|(x, y)| pixel(x, y)).collect();
        Look::of(&Picture { width, height, model, data }, true).unwrap()
    }

    #[test]
    fn the_colour_is_the_mean_of_what_is_seen() {
        assert_eq!(look(300, 200, Model::Rgb, |_, _| vec![10, 120, 240]).colour, [10, 120, 240]);
        assert_eq!(look(300, 200, Model::Gray, |x, _| vec![if x < 150 { 0 } else { 200 }]).colour, [100; 3]);
        let half_hidden =
            look(64, 64, Model::Rgba, |x, _| if x < 32 { vec![200, 0, 0, 255] } else { vec![0, 255, 0, 0] });
        assert!(half_hidden.has_alpha && half_hidden.colour[0] > 195 && half_hidden.colour[1] < 5, "{half_hidden:?}");
        assert_eq!(look(9, 9, Model::Rgba, |_, _| vec![50, 60, 70, 0]).colour, [0; 3]);
    }

    #[test]
    fn a_placeholder_shows_where_it_is_light() {
        for (width, height) in [(300, 200), (20, 500), (1, 1)] {
            let hash =
                look(width, height, Model::Rgb, |x, _| vec![if x * 2 < width { 250 } else { 20 }; 3]).placeholder;
            let (w, h, pixels) = thumbhash::thumb_hash_to_rgba(&hash.unwrap()).unwrap();
            assert_eq!(w > h, width > height, "{width}x{height}");
            let level = |x: usize| pixels[(h / 2 * w + x) * 4];
            // The hash of a narrow picture is too coarse for this check.
            assert!(width < 300 || level(1) > level(w - 2).saturating_add(100), "{} {}", level(1), level(w - 2));
            assert!(pixels.as_chunks::<4>().0.iter().all(|pixel| pixel[3] == 255));
        }
    }

    #[test]
    fn a_placeholder_can_be_left_out() {
        let picture = Picture { width: 1, height: 1, model: Model::Gray, data: vec![7] };
        assert_eq!(Look::of(&picture, false).unwrap().placeholder, None);
    }
}

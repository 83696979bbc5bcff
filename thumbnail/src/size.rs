//! The sizes grammar and the geometry of each size.
//!
//! | written | meaning | in a key |
//! |---|---|---|
//! | `300` | 300 pixels wide, height by the aspect ratio (narrower if the height would exceed 16,383) | `300` |
//! | `300x200` | as large as fits into the box | `300x200` |
//! | `300x200^` | fills the box, cropped to its centre | `300x200-cover` |
//!
//! Numbers have no sign and no leading zero, so that every size has exactly one spelling. The spelling in a key avoids `^`, which
//! URLs and S3 need escaped; both spellings are parsed. Sources are never enlarged: a source that is smaller than a size keeps its
//! width and height (with `^`, an axis that is larger than the box is cropped).

use std::{fmt, str::FromStr};

/// The maximum edge of a size in pixels, which is the limit of WebP.
pub const MAX_EDGE: u32 = 16_383;

/// A requested size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Size {
    /// The width in pixels. The height follows the aspect ratio; the thumbnail is narrower if its height would exceed [`MAX_EDGE`].
    Width(u32),
    /// The width and height of a box that the thumbnail fits into.
    Inside(u32, u32),
    /// The width and height of a box that the thumbnail fills, cropped to its centre.
    Cover(u32, u32),
}

/// The dimensions of a thumbnail of one source.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Fit {
    /// The thumbnail's width and height in pixels, at least 1 each.
    pub(crate) output: (u32, u32),
    /// The width and height of the whole source at the thumbnail's scale, in pixels, at least `output`.
    pub(crate) scaled: (u32, u32),
}

impl Fit {
    /// Whether the thumbnail shows the whole source.
    pub(crate) fn is_whole(&self) -> bool {
        self.output == self.scaled
    }
}

impl Size {
    /// Computes the dimensions of the thumbnail of a source of `width` by `height` upright pixels, at least 1 each.
    pub(crate) fn fit(self, width: u32, height: u32) -> Fit {
        let (box_width, box_height, fills) = match self {
            // Limits the height of a very narrow source.
            Self::Width(width) => (width, MAX_EDGE, false),
            Self::Inside(width, height) => (width, height, false),
            Self::Cover(width, height) => (width, height, true),
        };
        // Whether the aspect ratio of the source is wider than that of the box.
        let wider = u64::from(width) * u64::from(box_height) > u64::from(height) * u64::from(box_width);
        let scaled =
            if wider == fills { to_height(width, height, box_height) } else { to_width(width, height, box_width) };
        Fit { output: (scaled.0.min(box_width), scaled.1.min(box_height)), scaled }
    }
}

fn to_width(width: u32, height: u32, target: u32) -> (u32, u32) {
    if target >= width { (width, height) } else { (target, scale(height, target, width)) }
}

fn to_height(width: u32, height: u32, target: u32) -> (u32, u32) {
    if target >= height { (width, height) } else { (scale(width, target, height), target) }
}

/// Computes `edge * numerator / denominator` for a fraction below 1, rounded, at least 1.
fn scale(edge: u32, numerator: u32, denominator: u32) -> u32 {
    let (edge, numerator, denominator) = (u64::from(edge), u64::from(numerator), u64::from(denominator));
    u32::try_from((2 * edge * numerator + denominator) / (2 * denominator)).map_or(u32::MAX, |edge| edge.max(1))
}

impl FromStr for Size {
    type Err = String;

    /// Parses both the written form and the form in a key.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| {
            Err(format!(
                "{text:?} is no size: {why}; write 300 (width), 300x200 (inside the box) or 300x200^ (fills the box)"
            ))
        };
        let covering = text.strip_suffix('^').or_else(|| text.strip_suffix("-cover"));
        let (edges, cover) = (covering.unwrap_or(text), covering.is_some());
        let edge = |digits: &str| {
            let plain = !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
            digits.parse::<u32>().ok().filter(|&n| plain && (1..=MAX_EDGE).contains(&n))
        };
        let parsed = match edges.split_once('x') {
            Some((w, h)) => {
                edge(w).zip(edge(h)).map(|(w, h)| if cover { Self::Cover(w, h) } else { Self::Inside(w, h) })
            }
            None if cover => return wrong("a box to fill needs a width and a height"),
            None => edge(edges).map(Self::Width),
        };
        parsed.map_or_else(|| wrong(&format!("an edge is a whole number from 1 to {MAX_EDGE}")), Ok)
    }
}

impl fmt::Display for Size {
    /// Writes the spelling in a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Width(w) => write!(f, "{w}"),
            Self::Inside(w, h) => write!(f, "{w}x{h}"),
            Self::Cover(w, h) => write!(f, "{w}x{h}-cover"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_has_one_spelling_and_reads_it_back() {
        for (written, key) in [("300", "300"), ("300x200", "300x200"), ("300x200^", "300x200-cover")] {
            let size: Size = written.parse().unwrap();
            assert_eq!(size.to_string(), key);
            assert_eq!(key.parse::<Size>().unwrap(), size);
        }
    }

    #[test]
    fn what_is_no_size_is_refused_by_name() {
        for wrong in
            ["", "0", "-1", "+300", "0300", "300x", "x200", "300x0", "300^", "300X200", "16384", "300x200^^", "٣"]
        {
            let message = wrong.parse::<Size>().unwrap_err();
            assert!(message.contains(&format!("{wrong:?}")), "{message}");
        }
    }

    #[test]
    fn geometry_of_the_three_kinds() {
        assert_eq!(Size::Width(300).fit(4000, 3000).output, (300, 225));
        assert_eq!(Size::Width(300).fit(100, 50).output, (100, 50));
        assert_eq!(Size::Width(300).fit(10_000, 1).output, (300, 1));
        assert_eq!(Size::Inside(300, 200).fit(4000, 3000).output, (267, 200));
        assert_eq!(Size::Inside(300, 200).fit(3000, 4000).output, (150, 200));
        assert_eq!(Size::Inside(300, 200).fit(20, 10).output, (20, 10));
        assert_eq!(Size::Cover(300, 200).fit(4000, 3000), Fit { output: (300, 200), scaled: (300, 225) });
        assert_eq!(Size::Cover(300, 200).fit(3000, 4000), Fit { output: (300, 200), scaled: (300, 400) });
        assert_eq!(Size::Cover(300, 200).fit(250, 400), Fit { output: (250, 200), scaled: (250, 400) });
    }

    /// Checks that a thumbnail is neither empty nor enlarged, keeps its aspect ratio within one pixel, and fits into or fills the box.
    fn check(size: Size, w: u32, h: u32) {
        let Fit { output, scaled } = size.fit(w, h);
        let at = format!("{size:?} of {w}x{h}: {output:?} of {scaled:?}");
        assert!(output.0 >= 1 && output.1 >= 1, "{at}");
        assert!(output.0 <= scaled.0 && output.1 <= scaled.1 && scaled.0 <= w && scaled.1 <= h, "{at}");
        let ideal_height = f64::from(h) * f64::from(scaled.0) / f64::from(w);
        let ideal_width = f64::from(w) * f64::from(scaled.1) / f64::from(h);
        let off =
            (ideal_height.max(1.0) - f64::from(scaled.1)).abs().min((ideal_width.max(1.0) - f64::from(scaled.0)).abs());
        assert!(off < 1.0, "{at}: aspect off by {off}");
        match size {
            Size::Width(tw) => assert!(output.0 == tw.min(w) || output.1 == MAX_EDGE, "{at}"),
            Size::Inside(tw, th) => {
                assert!(output.0 <= tw && output.1 <= th, "{at}");
                assert!(output.0 == tw || output.1 == th || output == (w, h), "{at}: it could be larger");
            }
            Size::Cover(tw, th) => assert_eq!(output, (tw.min(scaled.0), th.min(scaled.1)), "{at}"),
        }
    }

    #[test]
    fn geometry_holds_at_the_edges() {
        let edges = [1, 2, 3, 7, 99, 100, 101, 299, 300, 301, 1000, 4032, 9999, 65_535, u32::MAX];
        let targets = [1, 2, 3, 100, 300, 500, MAX_EDGE];
        for (&w, &h) in edges.iter().flat_map(|w| edges.iter().map(move |h| (w, h))) {
            for (&tw, &th) in targets.iter().flat_map(|w| targets.iter().map(move |h| (w, h))) {
                for size in [Size::Width(tw), Size::Inside(tw, th), Size::Cover(tw, th)] {
                    check(size, w, h);
                }
            }
        }
    }

    #[test]
    fn geometry_holds_for_random_shapes() {
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..2000 {
            let (w, h) = (random.u32(1..), random.u32(1..200_000));
            let (tw, th) = (random.u32(1..=MAX_EDGE), random.u32(1..=MAX_EDGE));
            for size in [Size::Width(tw), Size::Inside(tw, th), Size::Cover(tw, th)] {
                // Wide and high, and of sizes that pictures have.
                for (w, h) in [(w, h), (h, w), (w % 20_000 + 1, h % 20_000 + 1)] {
                    check(size, w, h);
                }
            }
        }
    }

    #[test]
    fn random_spellings_are_read_back() {
        let mut random = fastrand::Rng::with_seed(2);
        for _ in 0..2000 {
            let (tw, th) = (random.u32(1..=MAX_EDGE), random.u32(1..=MAX_EDGE));
            for size in [Size::Width(tw), Size::Inside(tw, th), Size::Cover(tw, th)] {
                assert_eq!(size.to_string().parse(), Ok(size));
            }
        }
    }

    #[test]
    fn no_random_text_makes_a_size_that_is_spelt_otherwise() {
        let mut random = fastrand::Rng::with_seed(3);
        let likely: Vec<char> = "0123456789x^+-".chars().collect();
        let mut sizes = 0;
        for round in 0..20_000 {
            let text: String = if round % 2 == 0 {
                (0..random.usize(0..10)).map(|_| likely[random.usize(..likely.len())]).collect()
            } else {
                (0..random.usize(0..7)).map(|_| random.char(' '..)).collect()
            };
            if let Ok(size) = text.parse::<Size>() {
                sizes += 1;
                assert_eq!(size.to_string(), text.replace('^', "-cover"));
            }
        }
        assert!(sizes > 100, "only {sizes} of the texts are sizes");
    }
}

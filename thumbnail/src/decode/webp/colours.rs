//! Converts luma and chroma to red, green and blue.

use super::planes::{PARTS, Plane};
use crate::picture::{Model, Picture};

/// Converts three planes to a picture: luma, and the differences of blue and red from luma. The chroma planes have the size of luma, or
/// half of it.
pub(super) fn to_rgb(luma: &Plane, blue: &Plane, red: &Plane) -> Option<Picture> {
    let mut data = Vec::with_capacity(3 * luma.samples.len());
    if (blue.width, blue.height) == (luma.width, luma.height) {
        add(&luma.samples, &blue.samples, &red.samples, &mut data);
    } else {
        let (mut blues, mut reds) = (Vec::new(), Vec::new());
        for (y, row) in luma.samples.chunks_exact(luma.width).enumerate() {
            doubled_row(blue, y, &mut blues);
            doubled_row(red, y, &mut reds);
            add(row, &blues, &reds, &mut data);
        }
    }
    let (width, height) = (u32::try_from(luma.width).ok()?, u32::try_from(luma.height).ok()?);
    let whole = data.len() == 3 * luma.width * luma.height;
    Some(Picture { width, height, model: Model::Rgb, data }).filter(|_| whole)
}

/// Interpolates a row of a chroma plane at twice its size. A chroma sample lies in the centre of two by two luma samples, so each result
/// is the mean of the four nearest chroma samples, weighted by distance.
fn doubled_row(plane: &Plane, y: usize, row: &mut Vec<u16>) {
    let near = y / 2;
    let far = if y.is_multiple_of(2) { near.saturating_sub(1) } else { (near + 1).min(plane.height - 1) };
    let [near, far] = [near, far].map(|y| &plane.samples[y * plane.width..][..plane.width]);
    let column = |x: usize| (3 * near[x] + far[x]) / PARTS;
    row.clear();
    let mut last = column(0);
    for x in 0..plane.width {
        let (here, next) = (column(x), column((x + 1).min(plane.width - 1)));
        row.extend([last, next].map(|beside| (3 * here + beside + 8) / 16 * PARTS));
        last = here;
    }
}

/// Converts a row of samples by ITU-R BT.601 with luma from 16 to 235, and appends the pixels to `data`. Rounds like libwebp, and thus
/// like browsers.
#[allow(clippy::many_single_char_names)] // the standard's own
fn add(luma: &[u16], blue: &[u16], red: &[u16], data: &mut Vec<u8>) {
    let times = |sample: u16, factor: i32| (i32::from(sample) * factor) >> 14;
    for ((&y, &u), &v) in luma.iter().zip(blue).zip(red) {
        let y = times(y, 19_077);
        let r = y + times(v, 26_149) - 14_234;
        let g = y - times(u, 6419) - times(v, 13_320) + 8708;
        let b = y + times(u, 33_050) - 17_685;
        data.extend([r, g, b].map(|value| u8::try_from((value >> 6).clamp(0, 255)).unwrap_or(255)));
    }
}

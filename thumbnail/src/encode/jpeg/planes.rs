//! Converts a picture to planes of samples, padded to whole blocks.

use crate::picture::Picture;

/// The plane of one component.
pub(super) struct Plane {
    /// The width, a multiple of the width of a unit.
    width: usize,
    /// The height, a multiple of the height of a unit.
    height: usize,
    /// `width * height` samples.
    samples: Vec<u8>,
    /// The width and the height of a unit in blocks: 1 or 2.
    pub(super) blocks: usize,
}

impl Plane {
    /// Builds the plane of a grey picture.
    pub(super) fn gray(picture: &Picture) -> Self {
        let (width, height) = size(picture);
        let mut plane = Self::new(width, height, 1);
        for (y, row) in plane.samples.chunks_exact_mut(plane.width).enumerate() {
            let from = y.min(height - 1) * width;
            copy_row(&picture.data[from..from + width], row);
        }
        plane
    }

    fn new(width: usize, height: usize, blocks: usize) -> Self {
        let (width, height) = (width.next_multiple_of(8 * blocks), height.next_multiple_of(8 * blocks));
        Self { width, height, samples: vec![0; width * height], blocks }
    }

    /// Returns the number of columns and rows of units.
    pub(super) fn units(&self) -> (usize, usize) {
        (self.width / (8 * self.blocks), self.height / (8 * self.blocks))
    }

    /// Returns a block of a unit, row by row, with samples around 0.
    pub(super) fn block(&self, column: usize, row: usize, block: usize) -> [[f32; 8]; 8] {
        let (left, top) = ((column * self.blocks + block % 2) * 8, (row * self.blocks + block / 2) * 8);
        std::array::from_fn(|y| {
            let from = (top + y) * self.width + left;
            let row = &self.samples[from..from + 8];
            std::array::from_fn(|x| f32::from(row[x]) - 128.0)
        })
    }
}

/// Converts a picture by the matrix of JFIF. Chroma has half the width and height; each sample is the mean of four pixels.
pub(super) fn ycbcr(picture: &Picture) -> [Plane; 3] {
    let (width, height) = size(picture);
    let mut luma = Plane::new(width, height, 2);
    let (half_width, half_height) = (luma.width / 2, luma.height / 2);
    let [mut blue, mut red] = [(); 2].map(|()| Plane::new(half_width, half_height, 1));
    // Two rows, padded by repeating the last pixel.
    let mut rows = [vec![[0; 3]; luma.width], vec![[0; 3]; luma.width]];
    for y in 0..half_height {
        for (of_two, row) in rows.iter_mut().enumerate() {
            let from = (2 * y + of_two).min(height - 1) * width * 3;
            let (pixels, _) = picture.data[from..from + width * 3].as_chunks::<3>();
            copy_row(pixels, row);
            let out = &mut luma.samples[(2 * y + of_two) * luma.width..][..luma.width];
            for (out, pixel) in out.iter_mut().zip(row.iter()) {
                *out = to_luma(*pixel);
            }
        }
        let blue = &mut blue.samples[y * half_width..][..half_width];
        let red = &mut red.samples[y * half_width..][..half_width];
        let (upper, lower) = (rows[0].as_chunks::<2>().0, rows[1].as_chunks::<2>().0);
        for (((blue, red), [a, b]), [c, d]) in blue.iter_mut().zip(red).zip(upper).zip(lower) {
            let sum = std::array::from_fn(|i| i32::from(a[i]) + i32::from(b[i]) + i32::from(c[i]) + i32::from(d[i]));
            (*blue, *red) = to_chroma_of_four(sum);
        }
    }
    [luma, blue, red]
}

fn size(picture: &Picture) -> (usize, usize) {
    (picture.width as usize, picture.height as usize)
}

/// Pads a row by repeating its last sample.
fn copy_row<T: Copy>(row: &[T], padded: &mut [T]) {
    padded[..row.len()].copy_from_slice(row);
    padded[row.len()..].fill(row[row.len() - 1]);
}

/// Computes luma, 0.299 R + 0.587 G + 0.114 B, with weights in 65,536ths.
fn to_luma([red, green, blue]: [u8; 3]) -> u8 {
    let sum = 19_595 * i32::from(red) + 38_470 * i32::from(green) + 7_471 * i32::from(blue);
    byte((sum + 0x8000) >> 16)
}

/// Computes chroma from the sum of four pixels: the differences of blue and red from luma, scaled to the full range around 128.
fn to_chroma_of_four([red, green, blue]: [i32; 3]) -> (u8, u8) {
    let offset = (128 << 18) + 0x2_0000;
    let blue_less_luma = -11_059 * red - 21_709 * green + 32_768 * blue;
    let red_less_luma = 32_768 * red - 27_439 * green - 5_329 * blue;
    (byte((blue_less_luma + offset) >> 18), byte((red_less_luma + offset) >> 18))
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
fn byte(value: i32) -> u8 {
    value.clamp(0, 255) as u8
}

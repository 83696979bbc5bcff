//! The eight orientations of a stored picture, and how to turn each upright.

use crate::picture::Picture;

/// How a picture is stored. By default, it is upright.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Orientation {
    /// Whether the stored rows are the columns of the upright picture.
    swapped: bool,
    /// Whether the stored columns are in reverse order.
    right_to_left: bool,
    /// Whether the stored rows are in reverse order.
    bottom_to_top: bool,
}

impl Orientation {
    /// Converts a value of the Exif tag 0x0112. Values other than 1 to 8 count as upright.
    pub(crate) fn from_exif(value: u16) -> Self {
        Self {
            swapped: matches!(value, 5..=8),
            right_to_left: matches!(value, 2 | 3 | 7 | 8),
            bottom_to_top: matches!(value, 3 | 4 | 6 | 7),
        }
    }

    /// Converts a stored size to the upright size, or the other way round.
    pub(crate) fn swap(self, (width, height): (u32, u32)) -> (u32, u32) {
        if self.swapped { (height, width) } else { (width, height) }
    }

    /// Turns a picture upright.
    pub(crate) fn apply(self, picture: Picture) -> Picture {
        if self == Self::default() {
            return picture;
        }
        let n = picture.model.channels();
        let (stored_width, stored_height) = (picture.width as usize, picture.height as usize);
        let (width, height) = self.swap(picture.size());
        let mut data = Vec::with_capacity(picture.data.len());
        for y in 0..height as usize {
            for x in 0..width as usize {
                let (left, top) = if self.swapped { (y, x) } else { (x, y) };
                let column = if self.right_to_left { stored_width - 1 - left } else { left };
                let row = if self.bottom_to_top { stored_height - 1 - top } else { top };
                let at = (row * stored_width + column) * n;
                data.extend_from_slice(&picture.data[at..at + n]);
            }
        }
        Picture { width, height, data, ..picture }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Model;

    #[test]
    fn all_eight_come_out_upright() {
        // The upright picture is 1 2 3 / 4 5 6. Each row has an Exif value and the picture as a camera would store it.
        let stored: [(u16, u32, u32, [u8; 6]); 8] = [
            (1, 3, 2, [1, 2, 3, 4, 5, 6]),
            (2, 3, 2, [3, 2, 1, 6, 5, 4]),
            (3, 3, 2, [6, 5, 4, 3, 2, 1]),
            (4, 3, 2, [4, 5, 6, 1, 2, 3]),
            (5, 2, 3, [1, 4, 2, 5, 3, 6]),
            (6, 2, 3, [3, 6, 2, 5, 1, 4]),
            (7, 2, 3, [6, 3, 5, 2, 4, 1]),
            (8, 2, 3, [4, 1, 5, 2, 6, 3]),
        ];
        for (value, width, height, data) in stored {
            let picture = Picture { width, height, model: Model::Gray, data: data.to_vec() };
            let upright = Orientation::from_exif(value).apply(picture);
            assert_eq!((upright.width, upright.height, &upright.data[..]), (3, 2, &[1, 2, 3, 4, 5, 6][..]), "{value}");
        }
    }
}

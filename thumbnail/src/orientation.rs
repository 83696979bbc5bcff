//! The eight orientations of a stored picture, and how to turn each upright.

use crate::picture::Picture;

/// The transformation that turns a stored picture upright: the values of the Exif tag 0x0112.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Orientation {
    #[default]
    Upright,
    MirrorHorizontal,
    Rotate180,
    MirrorVertical,
    /// Mirrored along the diagonal from top left.
    Transpose,
    /// A quarter turn clockwise.
    Rotate90,
    /// Mirrored along the diagonal from top right.
    Transverse,
    /// A quarter turn counter-clockwise.
    Rotate270,
}

impl Orientation {
    /// Converts an Exif value. Values other than 1 to 8 count as upright.
    pub(crate) fn from_exif(value: u16) -> Self {
        match value {
            2 => Self::MirrorHorizontal,
            3 => Self::Rotate180,
            4 => Self::MirrorVertical,
            5 => Self::Transpose,
            6 => Self::Rotate90,
            7 => Self::Transverse,
            8 => Self::Rotate270,
            _ => Self::Upright,
        }
    }

    /// Converts a stored size to the upright size, or the other way round.
    pub(crate) fn swap(self, (width, height): (u32, u32)) -> (u32, u32) {
        match self {
            Self::Transpose | Self::Rotate90 | Self::Transverse | Self::Rotate270 => (height, width),
            _ => (width, height),
        }
    }

    /// Turns a picture upright.
    pub(crate) fn apply(self, picture: Picture) -> Picture {
        if self == Self::Upright {
            return picture;
        }
        let n = picture.model.channels();
        let (stored_width, stored_height) = (picture.width as usize, picture.height as usize);
        let (width, height) = self.swap(picture.size());
        let mut data = Vec::with_capacity(picture.data.len());
        for y in 0..height as usize {
            for x in 0..width as usize {
                let (right, bottom) = (stored_width - 1, stored_height - 1);
                let (from_x, from_y) = match self {
                    Self::Upright => (x, y),
                    Self::MirrorHorizontal => (right - x, y),
                    Self::Rotate180 => (right - x, bottom - y),
                    Self::MirrorVertical => (x, bottom - y),
                    Self::Transpose => (y, x),
                    Self::Rotate90 => (y, bottom - x),
                    Self::Transverse => (right - y, bottom - x),
                    Self::Rotate270 => (right - y, x),
                };
                let at = (from_y * stored_width + from_x) * n;
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

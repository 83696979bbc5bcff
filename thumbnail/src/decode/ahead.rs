//! Decodes a file while it still arrives.

use std::{
    io::BufReader,
    time::{Duration, Instant},
};

use super::{Decoded, jpeg, png, ratio};
use crate::{
    Format, Limits,
    header::{Coding, Header},
    incoming::Arriving,
};

/// A picture that was decoded before its file had arrived in full.
pub(crate) struct Ahead {
    format: Format,
    size: (u32, u32),
    min_size: (u32, u32),
    picture: Option<Decoded>,
    /// The time spent, without waiting for the file.
    pub(crate) spent: Duration,
}

impl Ahead {
    /// Whether files of `format` can be decoded while they arrive.
    pub(crate) fn is_possible(format: Format) -> bool {
        matches!(format, Format::Jpeg | Format::Png)
    }

    /// Decodes the file, reduced to no less than `min_size`. `header` is the header from the part of the file that has arrived.
    pub(crate) fn decode(
        mut file: BufReader<Arriving>,
        header: &Header,
        min_size: (u32, u32),
        limits: &Limits,
    ) -> Self {
        let started = Instant::now();
        // A damaged picture is dropped, and decoded again when the file is whole: the last rows of a damaged PNG depend on how
        // its bytes arrive, and a JPEG in memory may show more.
        let picture = match header.coding {
            Coding::Jpeg(_) => jpeg::ahead(&mut file, header, min_size, limits).map(Decoded::from),
            Coding::Png { .. } => {
                let by = ratio(&header.coding, header.size(), min_size).from;
                png::decode(&mut file, header, by, limits).ok().filter(|decoded| decoded.whole)
            }
            _ => None,
        };
        Self {
            format: header.format,
            size: header.size(),
            min_size,
            picture,
            spent: started.elapsed().saturating_sub(file.get_ref().waited),
        }
    }

    /// Returns the picture if the header of the whole file agrees: an orientation at the end of the file may change `min_size`.
    pub(super) fn decoded(self, header: &Header, min_size: (u32, u32)) -> Option<Decoded> {
        let is_same = (self.format, self.size, self.min_size) == (header.format, header.size(), min_size);
        self.picture.filter(|_| is_same)
    }
}

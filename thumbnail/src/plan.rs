//! The dimensions of the thumbnails of one source, and the size to decode it to.

use crate::{Size, header::Header, size::Fit};

/// The dimensions of all thumbnails of one source.
pub(crate) struct Plan {
    pub(crate) sizes: Vec<(Size, Fit)>,
    /// The upright width and height of a picture of the whole source from which every thumbnail can be made.
    pub(crate) largest: (u32, u32),
    /// The minimum width and height, as stored, to decode to: twice the largest thumbnail. With less, the coarse scaling of
    /// decoders becomes visible.
    pub(crate) min_size: (u32, u32),
}

impl Plan {
    pub(crate) fn new(header: &Header, sizes: &[Size]) -> Self {
        let (width, height) = header.orientation.swap(header.size());
        let sizes: Vec<_> = sizes.iter().map(|&size| (size, size.fit(width, height))).collect();
        let edge = |of: fn(&Fit) -> u32| sizes.iter().map(|(_, fit)| of(fit)).max().unwrap_or(1);
        let largest = (edge(|fit| fit.scaled.0), edge(|fit| fit.scaled.1));
        let stored = header.orientation.swap(largest);
        Self { sizes, largest, min_size: (stored.0.saturating_mul(2), stored.1.saturating_mul(2)) }
    }
}

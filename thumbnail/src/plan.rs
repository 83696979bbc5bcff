//! What the sizes that are asked for come to, for one source.

use crate::{Size, header::Header, size::Fit};

/// The sizes of one source.
pub(crate) struct Plan {
    pub(crate) sizes: Vec<(Size, Fit)>,
    /// Width and height, upright, of a picture of the whole source from which every thumbnail can be made.
    pub(crate) largest: (u32, u32),
    /// Width and height as stored that decoding must not go below: twice the largest thumbnail, for at less than that the
    /// coarse scaling of decoders begins to show.
    pub(crate) wanted: (u32, u32),
}

impl Plan {
    pub(crate) fn new(header: &Header, sizes: &[Size]) -> Self {
        let (width, height) = header.orientation.swap(header.size());
        let sizes: Vec<_> = sizes.iter().map(|&size| (size, size.fit(width, height))).collect();
        let edge = |of: fn(&Fit) -> u32| sizes.iter().map(|(_, fit)| of(fit)).max().unwrap_or(1);
        let largest = (edge(|fit| fit.scaled.0), edge(|fit| fit.scaled.1));
        let stored = header.orientation.swap(largest);
        Self { sizes, largest, wanted: (stored.0.saturating_mul(2), stored.1.saturating_mul(2)) }
    }
}

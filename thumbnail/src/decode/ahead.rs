//! What can be decoded of a file that is still on its way.

use std::time::{Duration, Instant};

use super::{Decoded, jpeg, png};
use crate::{
    Limits, Rejection,
    header::{Coding, Header},
    incoming::Reader,
};

/// A picture that was decoded before it was known whether all of its file would come.
pub(crate) struct Ahead {
    size: (u32, u32),
    wanted: (u32, u32),
    picture: Picture,
    /// How long it took, without waiting for the file.
    pub(crate) spent: Duration,
}

enum Picture {
    Jpeg(jpeg::Reduced),
    Png(Decoded),
}

impl Ahead {
    /// Decodes what the reader brings so that `wanted` is left; `header` is what was read of the file's beginning. None of
    /// formats that cannot be read so, and of files that have anything wrong with them.
    pub(crate) fn decode(mut file: Reader, header: &Header, wanted: (u32, u32), limits: &Limits) -> Option<Self> {
        let started = Instant::now();
        let picture = match header.coding {
            Coding::Jpeg(_) => jpeg::ahead(&mut file, header, wanted).map(Picture::Jpeg),
            Coding::Png { .. } => png::decode(&mut file, header, wanted, limits).ok().map(Picture::Png),
            _ => None,
        };
        let spent = started.elapsed().saturating_sub(file.waited);
        picture.map(|picture| Self { size: header.size(), wanted, picture, spent })
    }

    /// The picture, if the whole file still has that size and so much is still wanted: a turn may be noted at its end.
    pub(super) fn decoded(self, header: &Header, wanted: (u32, u32)) -> Option<Result<Decoded, Rejection>> {
        if (self.size, self.wanted) != (header.size(), wanted) {
            return None;
        }
        match (self.picture, &header.coding) {
            (Picture::Jpeg(reduced), Coding::Jpeg(frame)) => Some(jpeg::judged(reduced, frame).map(Decoded::from)),
            (Picture::Png(decoded), Coding::Png { .. }) => Some(Ok(decoded)),
            _ => None,
        }
    }
}

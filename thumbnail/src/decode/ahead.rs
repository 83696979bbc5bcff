//! What can be decoded of a file that is still on its way.

use std::time::{Duration, Instant};

use super::{Decoded, jpeg, png};
use crate::{
    Format, Limits,
    header::{Coding, Header},
    incoming::Reader,
};

/// What was decoded before it was known whether all of a file would come.
pub(crate) struct Ahead {
    format: Format,
    size: (u32, u32),
    wanted: (u32, u32),
    picture: Option<Decoded>,
    /// How long it took, without waiting for the file.
    pub(crate) spent: Duration,
}

impl Ahead {
    /// Whether a file of that format can be decoded while it comes.
    pub(crate) fn is_possible(format: Format) -> bool {
        matches!(format, Format::Jpeg | Format::Png)
    }

    /// Decodes what the reader brings so that `wanted` is left; `header` is what was read of the file's beginning.
    pub(crate) fn decode(mut file: Reader, header: &Header, wanted: (u32, u32), limits: &Limits) -> Self {
        let started = Instant::now();
        // What has anything wrong with it is decoded again when it is whole: a damaged PNG's last rows depend on how its bytes
        // come in, and of a damaged JPEG more may be shown.
        let picture = match header.coding {
            Coding::Jpeg(_) => jpeg::ahead(&mut file, header, wanted, limits).map(Decoded::from),
            Coding::Png { .. } => png::decode(&mut file, header, wanted, limits).ok().filter(|decoded| decoded.whole),
            _ => None,
        };
        Self {
            format: header.format,
            size: header.size(),
            wanted,
            picture,
            spent: started.elapsed().saturating_sub(file.waited),
        }
    }

    /// The picture, if the whole file still has that size and so much is still wanted: a turn may be noted at its end.
    pub(super) fn decoded(self, header: &Header, wanted: (u32, u32)) -> Option<Decoded> {
        let is_same = (self.format, self.size, self.wanted) == (header.format, header.size(), wanted);
        self.picture.filter(|_| is_same)
    }
}

//! What can be decoded of a file that is still on its way.

use std::time::{Duration, Instant};

use super::{Decoded, jpeg, png};
use crate::{
    Format, Limits, Rejection,
    header::{Coding, Header},
    incoming::Reader,
};

/// What was decoded before it was known whether all of a file would come.
pub(crate) struct Ahead {
    size: (u32, u32),
    wanted: (u32, u32),
    picture: Option<Picture>,
    /// How long it took, without waiting for the file.
    pub(crate) spent: Duration,
}

enum Picture {
    Jpeg(jpeg::Reduced),
    Png(Decoded),
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
        // come in.
        let picture = match header.coding {
            Coding::Jpeg(_) => jpeg::ahead(&mut file, header, wanted, limits).map(Picture::Jpeg),
            Coding::Png { .. } => {
                png::decode(&mut file, header, wanted, limits).ok().filter(|decoded| decoded.whole).map(Picture::Png)
            }
            _ => None,
        };
        Self { size: header.size(), wanted, picture, spent: started.elapsed().saturating_sub(file.waited) }
    }

    /// The picture, if the whole file still has that size and so much is still wanted: a turn may be noted at its end.
    pub(super) fn decoded(
        self,
        bytes: &[u8],
        header: &Header,
        wanted: (u32, u32),
    ) -> Option<Result<Decoded, Rejection>> {
        if (self.size, self.wanted) != (header.size(), wanted) {
            return None;
        }
        match (self.picture?, &header.coding) {
            (Picture::Jpeg(reduced), Coding::Jpeg(_)) => Some(jpeg::judged(reduced, bytes).map(Decoded::from)),
            (Picture::Png(decoded), Coding::Png { .. }) => Some(Ok(decoded)),
            _ => None,
        }
    }
}

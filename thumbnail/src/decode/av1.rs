//! Decodes a picture coded by AV1 to planes of samples.

use oxideav_av1::decoder::{SpecDecodeSession, SpecFrame};

use crate::{Reason, Rejection, header::av1::rejection};

/// A decoded picture.
pub(super) struct Tile(SpecFrame);

impl Tile {
    /// Decodes `data`, and checks that the picture has `size`.
    pub(super) fn decode(data: &[u8], size: (u32, u32)) -> Result<Self, Rejection> {
        // The session runs on this thread, and allocates no more pixels than were admitted.
        let mut session = SpecDecodeSession::new();
        session.set_max_picture_size(size.0.saturating_mul(size.1));
        let mut frames = session.decode_temporal_unit(data).map_err(rejection)?;
        // The last layer of a layered picture is the finest.
        let layered = session.operating_point_idc() != 0;
        let frame = if layered { frames.pop() } else { (!frames.is_empty()).then(|| frames.swap_remove(0)) };
        let frame = frame.ok_or_else(|| Reason::Corrupt.because("the AVIF's picture has no frame"))?;
        if (frame.width, frame.height) != size {
            return Err(Reason::Corrupt.because("the AVIF's picture has another size than the file says"));
        }
        Ok(Self(frame))
    }

    /// Returns a function from a column to its sample in row `y` of a plane: 0 is luma, 1 and 2 are chroma.
    pub(super) fn row(&self, plane: usize, y: u32) -> impl Fn(usize) -> f32 {
        let wide = self.0.bit_depth > 8;
        let (samples, dims) = (self.0.planes.get(plane), self.0.plane_dims.get(plane));
        let start = dims.map_or(0, |dims| dims.0 as usize * y as usize) * if wide { 2 } else { 1 };
        let row = samples.and_then(|samples| samples.get(start..)).unwrap_or_default();
        move |x| {
            if wide {
                let bytes = row.get(2 * x..).and_then(|rest| rest.first_chunk());
                bytes.map_or(0.0, |&bytes| u16::from_le_bytes(bytes).into())
            } else {
                row.get(x).map_or(0.0, |&byte| byte.into())
            }
        }
    }
}

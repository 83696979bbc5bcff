//! The estimate of the memory that decoding takes.

use crate::{
    geometry::{Geometry, Scale, Upsampling},
    header::Header,
    streams::{Limits, MEMORY},
};

impl Header {
    /// An upper bound of the bytes that [`Decoder::decode`](crate::Decoder::decode) allocates at its peak, including the picture. The
    /// buffer of the reader and this header are not included.
    ///
    /// A picture in one scan, as in nearly all sequential files, takes its pixels and one row of blocks. A picture in several scans also
    /// takes its samples. A progressive picture takes up to 10 bytes for each block of 8 × 8, and 2 bytes for each AC coefficient that
    /// the scale needs.
    #[must_use]
    pub fn memory(&self, scale: Scale) -> u64 {
        /// The window, lookup tables and intermediate rows.
        const REST: u64 = 544 << 10;
        /// The maximum number of bytes of a row beyond the picture's edge.
        const REST_OF_ROW: u64 = 64;
        let height = if self.height == 0 { u16::MAX } else { self.height };
        let geometry = Geometry::new(self, u32::from(height), scale);
        let pixels = u64::from(geometry.size.0) * u64::from(geometry.size.1);
        let rows = if self.progressive || self.interleaved { 1 } else { u64::from(geometry.mcus.1) };
        let mut made = pixels * self.colours().pixels().channels() as u64;
        let (mut kept, mut history, mut all) = (0, 0, 0);
        for channel in &geometry.channels {
            let stride = geometry.stride(channel) as u64;
            made += rows * stride * Geometry::mcu_height(channel) as u64 + stride * geometry.context() as u64;
            // Where each pixel's sample is, or sums of two samples; and a row of what becomes of them.
            let spread = channel.upsampling != (Upsampling::None, Upsampling::None);
            made += if spread { 5 * u64::from(geometry.size.0) + REST_OF_ROW } else { 0 };
            let (width, height) = geometry.padded(channel);
            let (blocks, others) =
                ((width * height) as u64, (1..64).filter(|&index| channel.keeps(index)).count() as u64);
            // The number of blocks of the largest scan.
            all = if self.interleaved { all + blocks } else { blocks.max(all) };
            if self.progressive {
                kept += blocks * (2 + 2 * others);
                history += if others > 0 { 8 * blocks } else { 0 };
            }
        }
        let streams = if !self.progressive && all >= Limits::USUAL.blocks { MEMORY } else { 0 };
        // The history is dropped before pixels are made.
        REST + streams + kept + history.max(made)
    }
}

//! Where transformed blocks go: planes, a row of MCUs at a time or whole, and from them pixels.

use crate::{
    geometry::Geometry,
    header::Header,
    raster::Raster,
    transform::{Block, Kind, Quantisers},
};

/// Planes of samples under construction.
pub(crate) struct Output {
    pub(crate) geometry: Geometry,
    /// One for each component, in whole MCUs.
    pub(crate) planes: Vec<Vec<u8>>,
    kinds: Vec<Kind>,
    /// Whether planes hold all rows of MCUs, not just the current one.
    whole: bool,
    raster: Option<Raster>,
}

impl Output {
    /// For blocks that come in the order of the picture, all components together. Without `header`, no pixels are made.
    pub(crate) fn new(geometry: Geometry, header: Option<&Header>, whole: bool) -> Self {
        let rows = if whole { geometry.mcus.1 as usize } else { 1 };
        let size = |channel| geometry.stride(channel) * Geometry::mcu_height(channel) * rows;
        let planes = geometry.channels.iter().map(|channel| vec![128; size(channel)]).collect();
        let kinds = geometry.channels.iter().map(Kind::new).collect();
        let raster = header.map(|header| Raster::new(header, &geometry));
        Self { geometry, planes, kinds, whole, raster }
    }

    /// Where the samples of a row of MCUs begin in a channel's plane.
    pub(crate) fn start(&self, channel: usize, mcu_row: u32) -> usize {
        let channel = &self.geometry.channels[channel];
        let row = if self.whole { mcu_row as usize } else { 0 };
        row * Geometry::mcu_height(channel) * self.geometry.stride(channel)
    }

    /// Writes a block at an offset into its plane.
    #[inline]
    pub(crate) fn put(&mut self, channel: usize, offset: usize, stride: usize, block: &Block, quantisers: &Quantisers) {
        self.kinds[channel].apply(block, quantisers, &mut self.planes[channel][offset..], stride);
    }

    /// All blocks of a row of MCUs are there.
    pub(crate) fn end_row(&mut self, row: u32) {
        if !self.whole {
            self.convert(row);
        }
    }

    fn convert(&mut self, row: u32) {
        let starts: Vec<_> = (0..self.planes.len()).map(|channel| self.start(channel, row)).collect();
        if let Some(raster) = &mut self.raster {
            raster.add(&self.geometry, &self.planes, &starts);
        }
    }

    /// The pixels, down to the picture's last row whatever was decoded.
    pub(crate) fn into_pixels(mut self) -> Vec<u8> {
        if self.whole {
            for row in 0..self.geometry.mcus.1 {
                self.convert(row);
            }
        }
        self.raster.map_or_else(Vec::new, |raster| raster.data)
    }
}

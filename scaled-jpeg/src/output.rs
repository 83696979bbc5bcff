//! Where transformed blocks go: planes, a row of MCUs at a time or whole, and from them pixels.

use crate::{
    geometry::Geometry,
    header::Header,
    raster::Raster,
    transform::{self, Block, Kind, Pairs, Quantisers},
};

/// Planes of samples under construction.
pub(crate) struct Output {
    pub(crate) geometry: Geometry,
    /// One for each component, in whole MCUs.
    pub(crate) planes: Vec<Vec<u8>>,
    kinds: Vec<Kind>,
    /// By channel: blocks of the current row of MCUs that wait for being transformed together.
    pairs: Vec<Pairs>,
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
        let kinds: Vec<_> = geometry.channels.iter().map(Kind::new).collect();
        let pairs = geometry.channels.iter().zip(&kinds).map(|(channel, kind)| match kind {
            Kind::Two => Pairs::new(geometry.stride(channel) * channel.v as usize),
            _ => Pairs::default(),
        });
        let pairs = pairs.collect();
        let raster = header.map(|header| Raster::new(header, &geometry));
        Self { geometry, planes, kinds, pairs, whole, raster }
    }

    /// Where the samples of a row of MCUs begin in a channel's plane.
    pub(crate) fn start(&self, channel: usize, mcu_row: u32) -> usize {
        let channel = &self.geometry.channels[channel];
        let row = if self.whole { mcu_row as usize } else { 0 };
        row * Geometry::mcu_height(channel) * self.geometry.stride(channel)
    }

    /// Writes a block at an offset into its plane, at the latest with [`finish`](Self::finish). The row of blocks or MCUs that it
    /// belongs to begins at `start`.
    #[inline(always)]
    pub(crate) fn put(
        &mut self,
        channel: usize,
        (start, offset): (usize, usize),
        stride: usize,
        block: &Block,
        quantisers: &Quantisers,
    ) {
        match self.kinds[channel] {
            Kind::One => self.planes[channel][start + offset] = quantisers.flat(block[0]),
            Kind::Two => self.pairs[channel].set(offset / 2, block),
            Kind::Large(width, height) => {
                let out = &mut self.planes[channel][start + offset..];
                transform::large(block, quantisers, out, stride, (width, height));
            }
            Kind::Other(inverse) => inverse(block, quantisers, &mut self.planes[channel][start + offset..], stride),
        }
    }

    /// Does as [`put`](Self::put) for a line of blocks at once, from their first coefficients and the needed others in zigzag
    /// order, if their transform is that simple; whether it is.
    pub(crate) fn put_line(
        &mut self,
        channel: usize,
        (start, offset): (usize, usize),
        dc: &[i16],
        ac: &[i16],
        quantisers: &Quantisers,
    ) -> bool {
        match self.kinds[channel] {
            Kind::One => {
                let samples = &mut self.planes[channel][start + offset..];
                samples.iter_mut().zip(dc).for_each(|(sample, &dc)| *sample = quantisers.flat(dc));
            }
            Kind::Two => self.pairs[channel].set_line(offset / 2, dc, ac.as_chunks().0),
            _ => return false,
        }
        true
    }

    /// All blocks of a row are there, or of so many rows at once, which begin at `start` in their plane.
    pub(crate) fn finish(&mut self, channel: usize, start: usize, rows: usize, quantisers: &Quantisers) {
        if !matches!(self.kinds[channel], Kind::Two) {
            return;
        }
        let stride = self.geometry.stride(&self.geometry.channels[channel]);
        let out = self.planes[channel][start..].chunks_exact_mut(2 * stride);
        for (row, out) in out.enumerate().take(rows) {
            let first = row * stride;
            self.pairs[channel].transform(first..first + stride / 2, quantisers, out);
        }
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

//! Where transformed blocks go: planes, a row of MCUs at a time or whole, and from them pixels.

use crate::{
    geometry::{Channel, Geometry},
    header::Header,
    raster::Raster,
    transform::{self, Group, Inverse, LANES, Quantisers},
};

/// Planes of samples under construction.
pub(crate) struct Output {
    pub(crate) geometry: Geometry,
    /// One for each component, in whole MCUs.
    pub(crate) planes: Vec<Vec<u8>>,
    /// By channel.
    transforms: Vec<Transform>,
    /// Whether planes hold all rows of MCUs, not just the current one.
    whole: bool,
    /// Rows of samples in front of the current row of MCUs, which are the last ones of that before it.
    context: usize,
    raster: Option<Raster>,
}

/// How a channel's blocks become samples.
struct Transform {
    inverse: Inverse,
    stride: usize,
    /// Samples of a block, across and down.
    size: (usize, usize),
    /// By row of blocks in a row of MCUs: those that wait for being transformed together, and those before or after them, for an
    /// MCU may have blocks in two groups, and may have to be put once more.
    groups: Vec<[Group; 2]>,
}

impl Output {
    /// For blocks that come in the order of the picture, all components together. Without `header`, no pixels are made.
    pub(crate) fn new(geometry: Geometry, header: Option<&Header>, whole: bool) -> Self {
        let rows = if whole { geometry.mcus.1 as usize } else { 1 };
        let context = if whole { 0 } else { geometry.context() };
        let size = |channel| geometry.stride(channel) * (Geometry::mcu_height(channel) * rows + context);
        let planes = geometry.channels.iter().map(|channel| vec![128; size(channel)]).collect();
        let transforms = geometry.channels.iter().map(|channel| Transform {
            inverse: transform::inverse(channel),
            stride: geometry.stride(channel),
            size: (channel.width, channel.height),
            groups: vec![[[[0; LANES]; 64]; 2]; channel.v as usize],
        });
        let transforms = transforms.collect();
        let raster = header.map(|header| Raster::new(header, &geometry));
        Self { geometry, planes, transforms, whole, context, raster }
    }

    /// Where the samples of a row of MCUs begin in a channel's plane.
    pub(crate) fn start(&self, channel: usize, mcu_row: u32) -> usize {
        let channel = &self.geometry.channels[channel];
        let row = if self.whole { mcu_row as usize } else { 0 };
        (row * Geometry::mcu_height(channel) + self.context) * self.geometry.stride(channel)
    }

    /// A channel's group for that row of an MCU and that column, with whatever it held last.
    #[inline(always)]
    pub(crate) fn group(&mut self, channel: usize, row: usize, column: usize) -> &mut Group {
        &mut self.transforms[channel].groups[row][column / LANES % 2]
    }

    /// The same, for a block that is to be put into its column's lane before [`end`](Self::end). The first lane makes those behind
    /// it zero.
    #[inline(always)]
    pub(crate) fn begin(&mut self, channel: usize, row: usize, column: usize) -> &mut Group {
        let height = self.transforms[channel].size.1;
        let group = self.group(channel, row, column);
        if column.is_multiple_of(LANES) {
            group.as_chunks_mut().0.iter_mut().take(height).for_each(|line| *line = [[0; LANES]; 8]);
        }
        group
    }

    /// Puts a block of one colour, whatever its lane holds.
    pub(crate) fn put_flat(
        &mut self,
        channel: usize,
        start: usize,
        row: usize,
        column: usize,
        dc: i16,
        quantisers: &Quantisers,
    ) {
        let height = self.transforms[channel].size.1;
        let group = self.begin(channel, row, column);
        for values in &mut group[..8 * height.min(8)] {
            values[column % LANES] = 0;
        }
        group[0][column % LANES] = dc;
        self.end(channel, start, row, column, quantisers);
    }

    /// The block is there. The row of MCUs begins at `start` in its plane.
    #[inline(always)]
    pub(crate) fn end(&mut self, channel: usize, start: usize, row: usize, column: usize, quantisers: &Quantisers) {
        if column % LANES == LANES - 1 {
            self.transform(channel, start, row, column + 1 - LANES, LANES, quantisers);
        }
    }

    /// The row has no more than so many columns.
    pub(crate) fn end_row_at(
        &mut self,
        channel: usize,
        start: usize,
        row: usize,
        columns: usize,
        quantisers: &Quantisers,
    ) {
        let blocks = columns % LANES;
        if blocks > 0 {
            self.transform(channel, start, row, columns - blocks, blocks, quantisers);
        }
    }

    /// Transforms a group's first blocks, so many, of which the first one is in that column.
    #[inline(always)]
    pub(crate) fn transform(
        &mut self,
        channel: usize,
        start: usize,
        row: usize,
        column: usize,
        blocks: usize,
        quantisers: &Quantisers,
    ) {
        let Transform { inverse, stride, size, ref groups } = self.transforms[channel];
        let out = &mut self.planes[channel][start + row * size.1 * stride + column * size.0..];
        inverse(&groups[row][column / LANES % 2], quantisers, out, stride, blocks, size);
    }

    /// Writes a row of blocks of one sample each.
    pub(crate) fn put_samples(
        &mut self,
        channel: usize,
        start: usize,
        row: usize,
        dc: &[i16],
        quantisers: &Quantisers,
    ) {
        quantisers.flat(dc, &mut self.planes[channel][start + row * self.transforms[channel].stride..]);
    }

    /// All blocks of a row of MCUs are there.
    pub(crate) fn end_row(&mut self, row: u32) {
        if self.whole {
            return;
        }
        let Some(raster) = &mut self.raster else { return };
        // The row's last pixels wait for the next row, if they depend on that.
        let (height, is_last) = (self.geometry.size.1 as usize, row + 1 == self.geometry.mcus.1);
        let end = (row as usize + 1) * self.geometry.mcu_size().1 - self.context;
        let first = |channel: &Channel| row as usize * Geometry::mcu_height(channel);
        raster.add(&self.geometry, &self.planes, self.context, first, if is_last { height } else { end.min(height) });
        for (plane, channel) in self.planes.iter_mut().zip(&self.geometry.channels) {
            let carried = self.context * self.geometry.stride(channel);
            let last = plane.len() - carried;
            plane.copy_within(last.., 0);
        }
    }

    /// The pixels, down to the picture's last row whatever was decoded.
    pub(crate) fn into_pixels(self) -> Vec<u8> {
        let Some(mut raster) = self.raster else { return Vec::new() };
        if self.whole {
            raster.add(&self.geometry, &self.planes, 0, |_| 0, self.geometry.size.1 as usize);
        }
        raster.data
    }
}

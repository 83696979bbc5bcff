//! Collects transformed blocks in planes of one row of MCUs or of all rows, and converts the planes to pixels.

use crate::{
    geometry::{Channel, Geometry},
    header::Header,
    plane::PlaneWriter,
    raster::Raster,
};

/// The planes under construction, and the pixels made of them.
pub(crate) struct Output {
    pub(crate) geometry: Geometry,
    /// The planes by channel.
    pub(crate) planes: Vec<PlaneWriter>,
    /// Whether the planes hold all rows of MCUs instead of the current one.
    whole: bool,
    /// The number of rows of samples above the current row of MCUs. They are the last rows of the previous row of MCUs.
    context: usize,
    raster: Option<Raster>,
}

impl Output {
    /// Creates an output. `whole` says that its planes hold all rows of MCUs. Without `header`, no pixels are made.
    pub(crate) fn new(geometry: Geometry, header: Option<&Header>, whole: bool) -> Self {
        let rows = if whole { geometry.mcus.1 as usize } else { 1 };
        let context = if whole { 0 } else { geometry.context() };
        let planes =
            geometry.channels.iter().map(|channel| PlaneWriter::new(&geometry, channel, rows, context)).collect();
        let raster = header.map(|header| Raster::new(header, &geometry));
        Self { geometry, planes, whole, context, raster }
    }

    /// Returns the index at which the samples of a row of MCUs begin in a channel's plane.
    pub(crate) fn start(&self, channel: usize, mcu_row: u32) -> usize {
        let channel = &self.geometry.channels[channel];
        let row = if self.whole { mcu_row as usize } else { 0 };
        (row * Geometry::mcu_height(channel) + self.context) * self.geometry.stride(channel)
    }

    /// Ends a row of MCUs.
    pub(crate) fn end_row(&mut self, row: u32) {
        if self.whole {
            return;
        }
        let Some(raster) = &mut self.raster else { return };
        // The last pixels of the row are made with the next row if they depend on it.
        let (height, is_last) = (self.geometry.size.1 as usize, row + 1 == self.geometry.mcus.1);
        let end = (row as usize + 1) * self.geometry.mcu_size().1 - self.context;
        let first = |channel: &Channel| row as usize * Geometry::mcu_height(channel);
        raster.add(&self.geometry, &self.planes, self.context, first, if is_last { height } else { end.min(height) });
        for (plane, channel) in self.planes.iter_mut().zip(&self.geometry.channels) {
            let carried = self.context * self.geometry.stride(channel);
            let last = plane.samples.len() - carried;
            plane.samples.copy_within(last.., 0);
        }
    }

    /// Returns the pixels of all rows of the picture, decoded or not.
    pub(crate) fn into_pixels(self) -> Vec<u8> {
        let Some(mut raster) = self.raster else { return Vec::new() };
        if self.whole {
            raster.add(&self.geometry, &self.planes, 0, |_| 0, self.geometry.size.1 as usize);
        }
        raster.data
    }
}

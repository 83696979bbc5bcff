//! Where transformed blocks go: planes, a row of MCUs at a time or whole, and from them pixels.

use crate::{
    geometry::{Channel, Geometry},
    header::Header,
    plane::PlaneWriter,
    raster::Raster,
};

/// Planes under construction, and the pixels that are made of them.
pub(crate) struct Output {
    pub(crate) geometry: Geometry,
    /// By channel.
    pub(crate) planes: Vec<PlaneWriter>,
    /// Whether planes hold all rows of MCUs, not just the current one.
    whole: bool,
    /// Rows of samples in front of the current row of MCUs, which are the last ones of that before it.
    context: usize,
    raster: Option<Raster>,
}

impl Output {
    /// For blocks that come in the order of the picture, all components together. Without `header`, no pixels are made.
    pub(crate) fn new(geometry: Geometry, header: Option<&Header>, whole: bool) -> Self {
        let rows = if whole { geometry.mcus.1 as usize } else { 1 };
        let context = if whole { 0 } else { geometry.context() };
        let planes =
            geometry.channels.iter().map(|channel| PlaneWriter::new(&geometry, channel, rows, context)).collect();
        let raster = header.map(|header| Raster::new(header, &geometry));
        Self { geometry, planes, whole, context, raster }
    }

    /// Where the samples of a row of MCUs begin in a channel's plane.
    pub(crate) fn start(&self, channel: usize, mcu_row: u32) -> usize {
        let channel = &self.geometry.channels[channel];
        let row = if self.whole { mcu_row as usize } else { 0 };
        (row * Geometry::mcu_height(channel) + self.context) * self.geometry.stride(channel)
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
            let last = plane.samples.len() - carried;
            plane.samples.copy_within(last.., 0);
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

//! Collects transformed blocks in planes of one row of MCUs or of all rows, and converts the planes to pixels.

use crate::{
    geometry::{Geometry, Upsampling},
    header::Colours,
    plane::PlaneWriter,
    upsample::{Upsampler, nearest},
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
    colours: Colours,
    /// The upsamplers by channel.
    upsamplers: Vec<Upsampler>,
    pixels: Vec<u8>,
    /// The number of rows of pixels that are made.
    made: usize,
}

impl Output {
    /// Creates an output. `whole` says that its planes hold all rows of MCUs.
    pub(crate) fn new(geometry: Geometry, colours: Colours, whole: bool) -> Self {
        let rows = if whole { geometry.mcus.1 as usize } else { 1 };
        let context = if whole { 0 } else { geometry.context() };
        let planes =
            geometry.channels.iter().map(|channel| PlaneWriter::new(&geometry, channel, rows, context)).collect();
        let upsamplers = geometry.channels.iter().map(|channel| Upsampler::new(channel, &geometry)).collect();
        let pixels = vec![0; geometry.size.0 as usize * geometry.size.1 as usize * colours.pixels().channels()];
        Self { geometry, planes, whole, context, colours, upsamplers, pixels, made: 0 }
    }

    /// Begins a row of MCUs in a channel's plane. `row` is the first row of blocks of the channel in that row.
    pub(crate) fn begin_row(&mut self, channel: usize, row: usize) {
        let plane = &mut self.planes[channel];
        let row = if self.whole { row } else { 0 };
        plane.start = (row * plane.block.1 + self.context) * plane.stride;
    }

    /// Ends a row of MCUs.
    pub(crate) fn end_row(&mut self, row: u32) {
        if self.whole {
            return;
        }
        // The last pixels of the row are made with the next row if they depend on it.
        let (height, is_last) = (self.geometry.size.1 as usize, row + 1 == self.geometry.mcus.1);
        let end = (row as usize + 1) * self.geometry.mcu_size().1 - self.context;
        self.make(row as usize, if is_last { height } else { end.min(height) });
        for plane in &mut self.planes {
            let last = plane.samples.len() - self.context * plane.stride;
            plane.samples.copy_within(last.., 0);
        }
    }

    /// Returns the pixels of all rows of the picture, decoded or not.
    pub(crate) fn into_pixels(mut self) -> Vec<u8> {
        if self.whole {
            self.make(0, self.geometry.size.1 as usize);
        }
        self.pixels
    }

    /// Makes the rows of pixels before `end`. The planes begin with the row `mcu_row` of MCUs, behind the context.
    fn make(&mut self, mcu_row: usize, end: usize) {
        let (width, height) = (self.geometry.size.0 as usize, self.geometry.mcu_size().1);
        let row_bytes = width * self.colours.pixels().channels();
        for y in self.made..end {
            let mut rows: [&[u8]; 4] = [&[]; 4];
            let channels = self.geometry.channels.iter().zip(&self.planes).zip(&mut self.upsamplers);
            for (row, ((channel, plane), upsampler)) in rows.iter_mut().zip(channels) {
                let rows_of_mcu = Geometry::mcu_height(channel);
                let line = |line: usize| {
                    let at = line + self.context - mcu_row * rows_of_mcu;
                    &plane.samples[at * plane.stride..][..plane.stride]
                };
                let near = nearest(y, rows_of_mcu, height);
                let far = match channel.upsampling.1 {
                    Upsampling::Triangle if y % 2 == 0 => near.saturating_sub(1),
                    Upsampling::Triangle => (near + 1).min(channel.shown.1 - 1),
                    _ => near,
                };
                *row = &upsampler.row(line(near), line(far), y)[..width];
            }
            self.colours.convert(&rows, &mut self.pixels[y * row_bytes..][..row_bytes]);
        }
        self.made = self.made.max(end);
    }
}

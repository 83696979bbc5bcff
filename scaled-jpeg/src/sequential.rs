//! Scans of baseline and extended sequential files.

use std::ops::Range;

use crate::{
    bits::{Bits, Bytes, Window},
    huffman::{AC_BITS, AcTable, DcTable, END, OPEN, PACKED_ADVANCE},
    output::Output,
    transform::{Block, Quantisers},
    walk::{Scan, Stop},
    zigzag,
};

/// A component in a scan.
pub(crate) struct Part {
    pub(crate) channel: usize,
    pub(crate) dc: DcTable,
    pub(crate) ac: AcTable,
    pub(crate) quantisers: Quantisers,
}

/// A block of an MCU.
struct Place {
    part: usize,
    /// Of its samples in the plane, from those of the MCU.
    offset: usize,
}

pub(crate) struct Sequential<'a> {
    output: &'a mut Output,
    parts: Vec<Part>,
    places: Vec<Place>,
    /// By part: samples from one MCU to the next, from one row to the next, and the last coefficient needed.
    steps: Vec<Step>,
    /// By part: the first coefficient of the last block.
    last: Vec<i16>,
}

struct Step {
    across: usize,
    stride: usize,
    needed: u32,
}

impl<'a> Sequential<'a> {
    pub(crate) fn new(output: &'a mut Output, parts: Vec<Part>) -> Self {
        let (mut places, mut steps) = (Vec::new(), Vec::new());
        for (index, part) in parts.iter().enumerate() {
            let channel = &output.geometry.channels[part.channel];
            let stride = output.geometry.stride(channel);
            let (h, v) = if parts.len() == 1 { (1, 1) } else { (channel.h as usize, channel.v as usize) };
            for (y, x) in (0..v).flat_map(|y| (0..h).map(move |x| (y, x))) {
                places.push(Place { part: index, offset: y * channel.height * stride + x * channel.width });
            }
            steps.push(Step { across: h * channel.width, stride, needed: u32::from(channel.last) });
        }
        let last = vec![0; parts.len()];
        Self { output, parts, places, steps, last }
    }

    /// Where the samples of a row of the scan's MCUs begin in a part's plane.
    fn start(&self, part: usize, row: u32) -> usize {
        let index = self.parts[part].channel;
        if self.parts.len() > 1 {
            return self.output.start(index, row);
        }
        // Rows of a lone component are rows of its blocks.
        let channel = &self.output.geometry.channels[index];
        let below = (row % channel.v) as usize * channel.height * self.steps[part].stride;
        self.output.start(index, row / channel.v) + below
    }
}

impl Scan for Sequential<'_> {
    fn shape(&self) -> (u32, u32) {
        match &self.parts[..] {
            [only] => self.output.geometry.channels[only.channel].blocks,
            _ => self.output.geometry.mcus,
        }
    }

    fn blocks(&self) -> usize {
        self.places.len()
    }

    fn decode(&mut self, window: &Window, state: &mut Bits, row: u32, columns: Range<u32>, safe: usize) -> (u32, Stop) {
        let starts: Vec<usize> = (0..self.parts.len()).map(|part| self.start(part, row)).collect();
        let mut bits = *state;
        let mut stop = Stop::Done;
        let mut column = columns.start;
        let mut block = [0; 64];
        'mcus: while column < columns.end {
            if bits.at > safe {
                stop = Stop::Hungry;
                break;
            }
            for place in &self.places {
                let (part, step) = (&self.parts[place.part], &self.steps[place.part]);
                let Some(difference) = decode_block(&mut bits, &window.bytes, part, step.needed, &mut block) else {
                    stop = Stop::Damaged;
                    break 'mcus;
                };
                let dc = self.last[place.part].wrapping_add(difference as i16);
                self.last[place.part] = dc;
                block[0] = dc;
                let at = starts[place.part] + column as usize * step.across + place.offset;
                self.output.put(part.channel, at, step.stride, &block, &part.quantisers);
                if step.needed > 0 {
                    block = [0; 64];
                }
            }
            if window.overrun(&bits) {
                stop = Stop::Damaged;
                break;
            }
            column += 1;
        }
        *state = bits;
        (column, stop)
    }

    fn lose(&mut self, row: u32, columns: Range<u32>) {
        let mut block = [0; 64];
        for column in columns {
            for place in &self.places {
                let (part, step) = (&self.parts[place.part], &self.steps[place.part]);
                block[0] = self.last[place.part];
                let at = self.start(place.part, row) + column as usize * step.across + place.offset;
                self.output.put(part.channel, at, step.stride, &block, &part.quantisers);
            }
        }
    }

    fn restart(&mut self) {
        self.last.fill(0);
    }

    fn end_row(&mut self, row: u32) {
        self.output.end_row(row);
    }
}

/// Reads a block: its first coefficient's difference, and into `block` those that are needed, up to that zigzag index or
/// somewhat further. None where the data are no block.
#[inline(always)]
fn decode_block(bits: &mut Bits, bytes: &Bytes, part: &Part, needed: u32, block: &mut Block) -> Option<i32> {
    let ac = &part.ac;
    bits.refill(bytes);
    let difference = part.dc.difference(bits)?;
    let mut index = 1;
    // An entry with the block's end must not be used where its value may be the last coefficient.
    while index <= needed.min(63 - 16) {
        bits.refill(bytes);
        let mut entry = ac.value[bits.peek::<AC_BITS>()];
        bits.take(entry & 31);
        if entry & OPEN > 0 {
            let (size, advance) = if entry & 31 > 0 { (entry >> 16, entry >> 8 & 0xff) } else { ac.long(bits)? };
            entry = (bits.value(size) as u32) << 16 | advance << 8;
        }
        index += entry >> 8 & 0xff;
        // Where the entry is only the block's end, its value is 0 and must not replace another.
        let value = &mut block[natural(index - 1)];
        *value = value.wrapping_add((entry >> 16) as i16);
    }
    while index <= needed {
        bits.refill(bytes);
        let (size, advance) = ac.long(bits)?;
        let read = bits.value(size) as i16;
        index += advance;
        let value = &mut block[natural(index - 1)];
        *value = value.wrapping_add(read);
    }
    while index < 64 - PACKED_ADVANCE {
        bits.refill(bytes);
        let entry = ac.packed[bits.peek::<AC_BITS>()];
        if entry == 0 {
            let (size, advance) = ac.long(bits)?;
            bits.take(size);
            index += advance;
            continue;
        }
        bits.take(u32::from(entry));
        index += u32::from(entry >> 8);
        if index >= 64 - PACKED_ADVANCE {
            break;
        }
        let entry = ac.packed[bits.peek::<AC_BITS>()];
        if entry == 0 {
            continue;
        }
        bits.take(u32::from(entry));
        index += u32::from(entry >> 8);
    }
    while index < 64 {
        bits.refill(bytes);
        let entry = ac.single[bits.peek::<AC_BITS>()];
        if entry == 0 {
            let (size, advance) = ac.long(bits)?;
            bits.take(size);
            index += advance;
            continue;
        }
        bits.take(u32::from(entry));
        index += u32::from(entry >> 8);
    }
    (index == 64 || index >= END).then_some(difference)
}

/// Where a coefficient belongs in its block, whatever damaged data make its index.
#[inline(always)]
fn natural(index: u32) -> usize {
    usize::from(zigzag::NATURAL_PADDED[(index & (END - 1)) as usize] & 63)
}

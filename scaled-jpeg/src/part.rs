//! The components of sequential scans, and how their blocks are decoded.

use crate::{
    bits::{Bits, Bytes, signed},
    huffman::{AcTable, BITS, DcTable, END, PACKED_ADVANCE},
    tables,
    transform::{Group, LANES, Quantisers},
};

/// A component in a sequential scan.
pub(crate) struct Part {
    pub(crate) channel: usize,
    pub(crate) dc: DcTable,
    pub(crate) ac: AcTable,
    pub(crate) quantisers: Quantisers,
    /// The number of columns and rows of blocks in an MCU.
    pub(crate) mcu: (usize, usize),
    /// The zigzag index of the last coefficient that the transform needs.
    pub(crate) needed: u32,
    /// The DC coefficient of the last block.
    pub(crate) last: i16,
}

impl Part {
    /// The number of blocks in an MCU.
    pub(crate) fn blocks(&self) -> usize {
        self.mcu.0 * self.mcu.1
    }
}

/// Reads a block into its lane of the group, up to the zigzag index `needed` or somewhat further. Returns the difference of the DC
/// coefficient, or `None` if the data are invalid. A run beyond the last coefficient stands for the last one, as in other decoders.
///
/// The function is long because its loops share values in registers.
#[inline(always)]
pub(crate) fn decode_block(
    bits: &mut Bits,
    bytes: &Bytes,
    part: &Part,
    needed: u32,
    group: &mut Group,
    column: usize,
) -> Option<i32> {
    let lane = column % LANES;
    let group = group.as_flattened_mut();
    let ac = &part.ac;
    bits.refill(bytes);
    let difference = part.dc.difference(bits)?;
    let mut index = 1;
    // An entry with the end of the block must not be used if its value may be the last coefficient.
    let quick = needed.min(63 - 16);
    // The difference took up to 31 of 56 bits.
    let mut refilled = 1;
    'quick: loop {
        for _ in 0..refilled {
            if index > quick {
                break 'quick;
            }
            let entry = ac.value[bits.peek::<BITS>()];
            if entry == 0 {
                bits.refill(bytes);
                let (size, advance) = ac.long(bits)?;
                index += advance;
                group[place(index - 1, lane)] = bits.value(size) as i16;
                break;
            }
            let value = signed(bits.buffer << (entry >> 24), entry >> 16 & 15);
            bits.take(entry);
            index += entry >> 8 & 0xff;
            group[place(index - 1, lane)] = value as i16;
        }
        bits.refill(bytes);
        refilled = 3;
    }
    while index <= needed {
        index += one(bits, bytes, ac, group, index, lane)?;
    }
    while index < 64 - PACKED_ADVANCE {
        bits.refill(bytes);
        let entry = ac.packed[bits.peek::<BITS>()];
        if entry == 0 {
            let (size, advance) = ac.long(bits)?;
            bits.take(size);
            index += advance;
            continue;
        }
        bits.take(u32::from(entry));
        index += u32::from(entry >> 8);
        // Two more entries or none, without an unpredictable branch.
        for _ in 0..2 {
            let goes_on = (index.wrapping_sub(64 - PACKED_ADVANCE) as i32 >> 31) as u32;
            let entry = u32::from(ac.packed[bits.peek::<BITS>()]) & goes_on;
            bits.take(entry);
            index += entry >> 8;
        }
    }
    while index < 64 {
        index += one(bits, bytes, ac, group, index, lane)?;
    }
    Some(difference)
}

/// Reads the coefficient `index` or a later one. Returns the number of coefficients up to there, or `None` if the data are invalid.
#[inline(always)]
fn one(bits: &mut Bits, bytes: &Bytes, ac: &AcTable, group: &mut [i16], index: u32, lane: usize) -> Option<u32> {
    bits.refill(bytes);
    let entry = ac.value[bits.peek::<BITS>()];
    let (length, size, advance) = (entry >> 24, entry >> 16 & 15, entry >> 8 & 0xff);
    let (size, advance) = if entry == 0 {
        ac.long(bits)?
    } else {
        bits.take(length);
        // The end of the block is not taken, because it does not follow the last coefficient.
        (size, if size > 0 { advance & (END - 1) } else { advance })
    };
    group[place(index + advance - 1, lane)] = bits.value(size) as i16;
    Some(advance)
}

/// The index of a lane's coefficient in its group, for any index that damaged data may give.
#[inline(always)]
fn place(index: u32, lane: usize) -> usize {
    (usize::from(PLACES[(index & (END - 1)) as usize]) + lane) & (64 * LANES - 1)
}

/// The index of each coefficient in the first lane. Indices beyond the last coefficient, which damaged data may give, stand for the last.
static PLACES: [u16; END as usize] = {
    let mut places = [63 * LANES as u16; END as usize];
    let mut index = 0;
    while index < 64 {
        places[index] = tables::NATURAL[index] as u16 * LANES as u16;
        index += 1;
    }
    places
};

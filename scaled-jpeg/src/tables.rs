//! Quantisation and Huffman tables, and the restart interval, as segments define them; and the order in which coefficients are stored.

use crate::{error::Error, huffman::Spec};

/// Row × 8 + column of a coefficient by its zigzag index.
pub(crate) const NATURAL: [u8; 64] = natural();

const fn natural() -> [u8; 64] {
    let mut order = [0; 64];
    let (mut row, mut column) = (0_u8, 0_u8);
    let mut index = 0;
    while index < 64 {
        order[index] = row * 8 + column;
        // Even diagonals run up and to the right, odd ones down and to the left.
        if (row + column).is_multiple_of(2) {
            if column == 7 {
                row += 1;
            } else {
                column += 1;
                row = row.saturating_sub(1);
            }
        } else if row == 7 {
            column += 1;
        } else {
            row += 1;
            column = column.saturating_sub(1);
        }
        index += 1;
    }
    order
}

/// Tables that scans refer to by number.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    /// In rows.
    quantisation: [Option<[u16; 64]>; 4],
    dc: [Option<Spec>; 4],
    ac: [Option<Spec>; 4],
    /// MCUs between restart markers; 0 for none.
    pub(crate) interval: u32,
}

impl Tables {
    pub(crate) fn quantisation(&self, number: u8) -> Result<&[u16; 64], Error> {
        let table = self.quantisation[usize::from(number & 3)].as_ref();
        table.ok_or(Error::Corrupt("a quantisation table is missing"))
    }

    /// Without one of that number, the standard's example: cameras that write Motion JPEG leave those out.
    pub(crate) fn dc(&self, number: u8) -> Spec {
        let table = self.dc[usize::from(number & 3)].clone();
        table.unwrap_or_else(|| standard_dc(number))
    }

    pub(crate) fn ac(&self, number: u8) -> Spec {
        let table = self.ac[usize::from(number & 3)].clone();
        table.unwrap_or_else(|| standard_ac(number))
    }

    /// Takes in a segment that defines tables; others are none of its business.
    pub(crate) fn read(&mut self, marker: u8, segment: &[u8]) -> Result<(), Error> {
        match marker {
            0xc4 => self.read_huffman(segment),
            0xdb => self.read_quantisation(segment),
            0xdd => {
                let interval = segment.first_chunk().ok_or(Error::Corrupt("the restart interval is cut off"))?;
                self.interval = u32::from(u16::from_be_bytes(*interval));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn read_huffman(&mut self, mut segment: &[u8]) -> Result<(), Error> {
        const CUT: Error = Error::Corrupt("a Huffman table is cut off");
        while let [place, rest @ ..] = segment {
            let (counts, rest) = rest.split_first_chunk::<16>().ok_or(CUT)?;
            let total = counts.iter().map(|&count| usize::from(count)).sum();
            let (symbols, rest) = rest.split_at_checked(total).ok_or(CUT)?;
            let tables = match place >> 4 {
                0 => &mut self.dc,
                1 => &mut self.ac,
                _ => return Err(Error::Corrupt("a Huffman table has no known class")),
            };
            let table = tables.get_mut(usize::from(place & 15));
            *table.ok_or(Error::Corrupt("a Huffman table's number is above 3"))? = Some(Spec::new(*counts, symbols)?);
            segment = rest;
        }
        Ok(())
    }

    fn read_quantisation(&mut self, mut segment: &[u8]) -> Result<(), Error> {
        const CUT: Error = Error::Corrupt("a quantisation table is cut off");
        while let [place, rest @ ..] = segment {
            let bytes = if place >> 4 == 0 { 1 } else { 2 };
            let (values, rest) = rest.split_at_checked(64 * bytes).ok_or(CUT)?;
            let mut table = [0; 64];
            for (value, &at) in values.chunks_exact(bytes).zip(&NATURAL) {
                table[usize::from(at)] = value.iter().fold(0, |sum, &byte| sum << 8 | u16::from(byte));
            }
            let number = usize::from(place & 15);
            let place = self.quantisation.get_mut(number);
            *place.ok_or(Error::Corrupt("a quantisation table's number is above 3"))? = Some(table);
            segment = rest;
        }
        Ok(())
    }
}

/// The example of ITU-T T.81, annex K.3: number 0 is for luminance, others for chrominance.
fn standard_dc(number: u8) -> Spec {
    let counts = if number == 0 {
        [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0]
    } else {
        [0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0]
    };
    Spec { counts, symbols: (0..12).collect() }
}

/// The example of ITU-T T.81, annex K.3: number 0 is for luminance, others for chrominance.
fn standard_ac(number: u8) -> Spec {
    let (counts, first): (_, &[u8]) =
        if number == 0 { (LUMINANCE, &LUMINANCE_FIRST) } else { (CHROMINANCE, &CHROMINANCE_FIRST) };
    // The longest codes follow in ascending order: all symbols that have no shorter one.
    let all = (0..16_u8).flat_map(|run| (1..=10).map(move |size| run << 4 | size));
    let rest = all.filter(|symbol| !first.contains(symbol));
    Spec { counts, symbols: first.iter().copied().chain(rest).collect() }
}

const LUMINANCE: [u8; 16] = [0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 125];
const CHROMINANCE: [u8; 16] = [0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 119];

/// Symbols of codes of up to 15 bits.
const LUMINANCE_FIRST: [u8; 37] = [
    0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07, 0x22, 0x71, 0x14,
    0x32, 0x81, 0x91, 0xa1, 0x08, 0x23, 0x42, 0xb1, 0xc1, 0x15, 0x52, 0xd1, 0xf0, 0x24, 0x33, 0x62, 0x72, 0x82,
];
const CHROMINANCE_FIRST: [u8; 43] = [
    0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61, 0x71, 0x13, 0x22, 0x32,
    0x81, 0x08, 0x14, 0x42, 0x91, 0xa1, 0xb1, 0xc1, 0x09, 0x23, 0x33, 0x52, 0xf0, 0x15, 0x62, 0x72, 0xd1, 0x0a, 0x16,
    0x24, 0x34, 0xe1, 0x25, 0xf1,
];

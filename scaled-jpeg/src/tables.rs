//! Reads the segments of quantisation tables, Huffman tables and the restart interval. Also defines the order of coefficients in a file.

use crate::{error::Error, huffman::Codes};

/// The place of each coefficient in a block, row × 8 + column, by its zigzag index.
pub(crate) const NATURAL: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21,
    28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54,
    47, 55, 62, 63,
];

/// The tables that scans refer to by number.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    /// The steps of each table, row by row.
    quantisation: [Option<[u16; 64]>; 4],
    dc: [Option<Codes>; 4],
    ac: [Option<Codes>; 4],
    /// The number of MCUs between restart markers; 0 if there are no such markers.
    pub(crate) interval: u32,
}

impl Tables {
    pub(crate) fn quantisation(&self, number: u8) -> Result<&[u16; 64], Error> {
        let table = self.quantisation[usize::from(number & 3)].as_ref();
        table.ok_or(Error::Corrupt("a quantisation table is missing"))
    }

    /// Returns the Huffman table of DC coefficients, by default the example of the standard: cameras that write Motion JPEG omit these
    /// tables.
    pub(crate) fn dc(&self, number: u8) -> Codes {
        let table = self.dc[usize::from(number & 3)].clone();
        table.unwrap_or_else(|| standard_dc(number))
    }

    /// Returns the Huffman table of AC coefficients, by default the example of the standard.
    pub(crate) fn ac(&self, number: u8) -> Codes {
        let table = self.ac[usize::from(number & 3)].clone();
        table.unwrap_or_else(|| standard_ac(number))
    }

    /// Reads a segment that defines tables or the restart interval. Other segments are ignored.
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
            let codes = Codes::new(*counts, symbols.to_vec());
            if !codes.fit() {
                return Err(Error::Corrupt("a Huffman table has more codes than fit"));
            }
            let table = tables.get_mut(usize::from(place & 15));
            *table.ok_or(Error::Corrupt("a Huffman table's number is above 3"))? = Some(codes);
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

/// Returns the example of ITU-T T.81, annex K.3: number 0 is for luminance, other numbers are for chrominance.
fn standard_dc(number: u8) -> Codes {
    let counts = if number == 0 {
        [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0]
    } else {
        [0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0]
    };
    Codes::new(counts, (0..12).collect())
}

/// Returns the example of ITU-T T.81, annex K.3: number 0 is for luminance, other numbers are for chrominance.
fn standard_ac(number: u8) -> Codes {
    let (counts, first): (_, &[u8]) =
        if number == 0 { (LUMINANCE, &LUMINANCE_FIRST) } else { (CHROMINANCE, &CHROMINANCE_FIRST) };
    // The symbols of the longest codes follow in ascending order: all symbols without a shorter code.
    let all = (0..16_u8).flat_map(|run| (1..=10).map(move |size| run << 4 | size));
    let rest = all.filter(|symbol| !first.contains(symbol));
    Codes::new(counts, first.iter().copied().chain(rest).collect())
}

/// The number of codes of each length, from 1.
const LUMINANCE: [u8; 16] = [0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 125];
const CHROMINANCE: [u8; 16] = [0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 119];

/// The symbols whose codes have at most 15 bits.
const LUMINANCE_FIRST: [u8; 37] = [
    0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07, 0x22, 0x71, 0x14,
    0x32, 0x81, 0x91, 0xa1, 0x08, 0x23, 0x42, 0xb1, 0xc1, 0x15, 0x52, 0xd1, 0xf0, 0x24, 0x33, 0x62, 0x72, 0x82,
];
const CHROMINANCE_FIRST: [u8; 43] = [
    0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61, 0x71, 0x13, 0x22, 0x32,
    0x81, 0x08, 0x14, 0x42, 0x91, 0xa1, 0xb1, 0xc1, 0x09, 0x23, 0x33, 0x52, 0xf0, 0x15, 0x62, 0x72, 0xd1, 0x0a, 0x16,
    0x24, 0x34, 0xe1, 0x25, 0xf1,
];

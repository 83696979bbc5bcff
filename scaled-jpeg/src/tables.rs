//! Quantisation and Huffman tables, and the restart interval, as segments define them.

use crate::{error::Error, huffman::Spec, standard, zigzag};

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
        table.unwrap_or_else(|| standard::dc(number))
    }

    pub(crate) fn ac(&self, number: u8) -> Spec {
        let table = self.ac[usize::from(number & 3)].clone();
        table.unwrap_or_else(|| standard::ac(number))
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
            for (value, &at) in values.chunks_exact(bytes).zip(&zigzag::NATURAL) {
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

//! The headers of scans.

use crate::{
    error::Error,
    geometry::{Channel, Geometry},
    header::Header,
};

/// The header of a scan.
#[derive(Debug)]
pub(crate) struct ScanHeader {
    pub(crate) parts: Vec<Selected>,
    /// The zigzag indices of the first and the last coefficient. These and the fields below have a meaning in progressive files only.
    pub(crate) first: u8,
    pub(crate) last: u8,
    /// Whether the scan refines coefficients of an earlier scan.
    pub(crate) refines: bool,
    /// The number of bits by which to shift coefficients.
    pub(crate) shift: u32,
}

/// A component of a scan.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Selected {
    /// The index of the component in the frame.
    pub(crate) channel: usize,
    /// The numbers of the Huffman tables.
    pub(crate) dc: u8,
    pub(crate) ac: u8,
}

impl ScanHeader {
    /// The number of MCUs in a row, and the number of rows: see [`mcu`](Self::mcu).
    pub(crate) fn shape(&self, geometry: &Geometry) -> (u32, u32) {
        match self.parts[..] {
            [only] => geometry.channels[only.channel].blocks,
            _ => geometry.mcus,
        }
    }

    /// The number of blocks of a channel in an MCU, across and down. It is one by one in a scan of one component.
    pub(crate) fn mcu(&self, channel: &Channel) -> (usize, usize) {
        if self.parts.len() == 1 { (1, 1) } else { (channel.h as usize, channel.v as usize) }
    }

    /// The number of blocks in an MCU.
    pub(crate) fn blocks(&self, geometry: &Geometry) -> usize {
        let mcus = self.parts.iter().map(|part| self.mcu(&geometry.channels[part.channel]));
        mcus.map(|(across, down)| across * down).sum()
    }

    /// # Errors
    /// Returns [`Error::Corrupt`] if the header contradicts the frame or itself.
    pub(crate) fn read(segment: &[u8], header: &Header) -> Result<Self, Error> {
        const CUT: Error = Error::Corrupt("a scan header is cut off");
        let (&count, rest) = segment.split_first().ok_or(CUT)?;
        let (listed, rest) = rest.split_at_checked(2 * usize::from(count)).ok_or(CUT)?;
        let &[first, last, approximation] = rest.first_chunk().ok_or(CUT)?;
        let mut parts: Vec<Selected> = Vec::new();
        for &[id, tables] in listed.as_chunks::<2>().0 {
            // If components share an identifier, the scan means them in turn.
            let used = |channel: &usize| parts.iter().all(|part| part.channel != *channel);
            let named = |&channel: &usize| header.components[channel].id == id;
            let channel = (0..header.components.len()).filter(named).find(used);
            let channel =
                channel.ok_or(Error::Corrupt("a scan names a component twice, or one that is not in the frame"))?;
            parts.push(Selected { channel, dc: tables >> 4, ac: tables & 15 });
        }
        if parts.is_empty() {
            return Err(Error::Corrupt("a scan has no component"));
        }
        let (high, low) = (approximation >> 4, approximation & 15);
        if header.progressive {
            if last > 63 || first > last || first == 0 && last != 0 {
                return Err(Error::Corrupt("a scan's band of coefficients is impossible"));
            }
            if first > 0 && parts.len() != 1 {
                return Err(Error::Corrupt("a scan of more than first coefficients has several components"));
            }
            if low > 13 || high > 0 && high != low + 1 {
                return Err(Error::Corrupt("a scan's approximation is impossible"));
            }
        }
        Ok(Self { parts, first, last, refines: high > 0, shift: u32::from(low) })
    }
}

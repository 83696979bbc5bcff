//! How much of a JPEG's picture its entropy-coded data really hold.
//!
//! Decoders fill what is missing with grey and call it a success. This reads the Huffman codes without making pixels of
//! them, which is quick, and is done only where a file gives reason to doubt it.

use crate::header::jpeg::{Component, Frame};

/// Blocks that the data hold and blocks that the picture has, of all components. In a progressive file the first scans
/// count, which give each block its mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Survey {
    pub(super) found: u64,
    pub(super) expected: u64,
}

/// Surveys a file of `size` pixels.
pub(super) fn survey(bytes: &[u8], frame: &Frame, size: (u32, u32)) -> Survey {
    let mut tables: [Option<Table>; 8] = Default::default();
    let mut interval = 0;
    let mut found = vec![0; frame.components.len()];
    for part in &frame.parts {
        let (segment, data) = bytes[part.range.clone()].split_at(part.header);
        let segment = segment.get(4..).unwrap_or_default();
        match part.marker {
            0xc4 => read_tables(segment, &mut tables),
            0xdd => interval = segment.get(..2).map_or(0, |b| u32::from(u16::from_be_bytes([b[0], b[1]]))),
            0xda => {
                if let Some(scan) = Scan::read(segment, frame, size)
                    && scan.gives_means(frame.progressive)
                {
                    let mcus = scan.count(data, &tables, interval, frame.progressive);
                    for part in &scan.parts {
                        found[part.index] = (u64::from(mcus) * u64::from(part.blocks)).max(found[part.index]);
                    }
                }
            }
            _ => {}
        }
    }
    let expected: Vec<u64> = frame.components.iter().map(|&component| blocks(component, frame, size)).collect();
    let found = found.iter().zip(&expected).map(|(found, expected)| found.min(expected)).sum();
    Survey { found, expected: expected.iter().sum() }
}

/// Blocks of a component that show something of the picture.
fn blocks(component: Component, frame: &Frame, size: (u32, u32)) -> u64 {
    let (width, height) = own_blocks(component, frame, size);
    u64::from(width) * u64::from(height)
}

/// Width and height of a component in its own blocks.
fn own_blocks(component: Component, frame: &Frame, size: (u32, u32)) -> (u32, u32) {
    let (h_max, v_max) = frame.max_sampling();
    let edge = |edge: u32, factor: u8, max: u32| (edge * u32::from(factor)).div_ceil(8 * max);
    (edge(size.0, component.h, h_max), edge(size.1, component.v, v_max))
}

struct Scan {
    parts: Vec<ScanPart>,
    /// First coefficient, and the refinement that this scan follows on.
    spectral_start: u8,
    approximation_high: u8,
    mcus: u32,
}

struct ScanPart {
    /// Which of the frame's components.
    index: usize,
    /// Blocks an MCU.
    blocks: u32,
    dc_table: usize,
    ac_table: usize,
}

impl Scan {
    fn read(segment: &[u8], frame: &Frame, size: (u32, u32)) -> Option<Self> {
        let count = usize::from(*segment.first()?);
        let listed = segment.get(1..=2 * count)?;
        let rest = segment.get(1 + 2 * count..4 + 2 * count)?;
        let mut parts = Vec::with_capacity(count);
        for entry in listed.chunks_exact(2) {
            let index = frame.components.iter().position(|component| component.id == entry[0])?;
            let component = frame.components[index];
            // The only component of a scan has no other to be interleaved with.
            let blocks = if count == 1 { 1 } else { u32::from(component.h) * u32::from(component.v) };
            let (dc_table, ac_table) = (usize::from(entry[1] >> 4 & 3), usize::from(4 + (entry[1] & 3)));
            parts.push(ScanPart { index, blocks, dc_table, ac_table });
        }
        let mcus = if let [only] = &parts[..] {
            let (width, height) = own_blocks(frame.components[only.index], frame, size);
            width * height
        } else {
            let (h_max, v_max) = frame.max_sampling();
            size.0.div_ceil(8 * h_max) * size.1.div_ceil(8 * v_max)
        };
        Some(Self { parts, spectral_start: rest[0], approximation_high: rest[2] >> 4, mcus })
    }

    fn gives_means(&self, progressive: bool) -> bool {
        !progressive || self.spectral_start == 0 && self.approximation_high == 0
    }

    /// MCUs that can be read, whatever becomes of the others: after damage reading goes on at the next restart marker.
    fn count(&self, data: &[u8], tables: &[Option<Table>; 8], interval: u32, progressive: bool) -> u32 {
        let mut bits = Bits { data, at: 0, buffer: 0, filled: 0 };
        let mut good = 0;
        let mut mcu = 0;
        while mcu < self.mcus {
            let next = mcu.checked_div(interval).map_or(self.mcus, |whole| (whole + 1).saturating_mul(interval));
            let end = next.min(self.mcus);
            while mcu < end && self.read_mcu(&mut bits, tables, progressive).is_some() {
                good += 1;
                mcu += 1;
            }
            if end == self.mcus && mcu == end {
                break;
            }
            // What is left of this interval is lost, and so are those up to the one that the next marker begins.
            let Some(number) = bits.restart() else { break };
            let expected = (end / interval.max(1)).wrapping_sub(1) & 7;
            mcu = end.saturating_add((u32::from(number).wrapping_sub(expected) & 7) * interval);
        }
        good
    }

    fn read_mcu(&self, bits: &mut Bits, tables: &[Option<Table>; 8], progressive: bool) -> Option<()> {
        for part in &self.parts {
            let dc = tables[part.dc_table].as_ref()?;
            for _ in 0..part.blocks {
                let size = dc.read(bits)?;
                if size > 15 {
                    return None;
                }
                bits.skip(size)?;
                if !progressive {
                    let ac = tables[part.ac_table].as_ref()?;
                    let mut index = 1;
                    while index < 64 {
                        let symbol = ac.read(bits)?;
                        let (run, size) = (symbol >> 4, symbol & 15);
                        if size == 0 && run != 15 {
                            break;
                        }
                        bits.skip(size)?;
                        index += u32::from(run) + 1;
                    }
                    if index > 64 {
                        return None;
                    }
                }
            }
        }
        Some(())
    }
}

/// Bits of entropy-coded data, which end at a marker.
struct Bits<'a> {
    data: &'a [u8],
    at: usize,
    /// Bits from the top.
    buffer: u64,
    filled: u32,
}

impl Bits<'_> {
    fn fill(&mut self) {
        while self.filled <= 56 {
            let Some(&byte) = self.data.get(self.at) else { return };
            if byte == 0xff {
                if self.data.get(self.at + 1) != Some(&0) {
                    return;
                }
                self.at += 1;
            }
            self.at += 1;
            self.buffer |= u64::from(byte) << (56 - self.filled);
            self.filled += 8;
        }
    }

    fn skip(&mut self, count: u8) -> Option<()> {
        let count = u32::from(count);
        if self.filled < count {
            self.fill();
        }
        self.filled = self.filled.checked_sub(count)?;
        self.buffer <<= count;
        Some(())
    }

    /// Moves behind the next restart marker and tells its number; none where the data end first.
    fn restart(&mut self) -> Option<u8> {
        (self.buffer, self.filled) = (0, 0);
        loop {
            let marker = crate::header::jpeg::next_marker(self.data, &mut self.at)?;
            if let number @ 0..=7 = marker.wrapping_sub(0xd0) {
                return Some(number);
            }
        }
    }
}

/// A Huffman table, looked up by the next sixteen bits.
struct Table {
    /// Symbol, and the length of its code; length 0 where no code begins so.
    codes: Vec<(u8, u8)>,
}

impl Table {
    fn new(counts: &[u8], symbols: &[u8]) -> Option<Self> {
        let mut codes = vec![(0, 0); 1 << 16];
        let mut next = 0_usize;
        let mut symbols = symbols.iter();
        for (length, &count) in (1_u8..).zip(counts) {
            let span = 1 << (16 - length);
            for _ in 0..count {
                codes.get_mut(next..next + span)?.fill((*symbols.next()?, length));
                next += span;
            }
        }
        Some(Self { codes })
    }

    fn read(&self, bits: &mut Bits) -> Option<u8> {
        if bits.filled < 16 {
            bits.fill();
        }
        let (symbol, length) = self.codes[(bits.buffer >> 48) as usize];
        if length == 0 {
            return None;
        }
        bits.skip(length)?;
        Some(symbol)
    }
}

fn read_tables(mut segment: &[u8], tables: &mut [Option<Table>; 8]) {
    while let [place, rest @ ..] = segment {
        let Some((counts, rest)) = rest.split_at_checked(16) else { return };
        let total = counts.iter().map(|&count| usize::from(count)).sum();
        let Some((symbols, rest)) = rest.split_at_checked(total) else { return };
        let index = usize::from((place >> 4 & 1) * 4 + (place & 3));
        tables[index] = Table::new(counts, symbols);
        segment = rest;
    }
}

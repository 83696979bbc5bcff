//! Decodes all coefficients of a file as the standard describes it, bit by bit.

use super::zigzag;

pub struct Reference {
    pub components: Vec<Component>,
}

pub struct Component {
    id: u8,
    h: usize,
    v: usize,
    quantisation: usize,
    /// The number of blocks that cover the picture, across and down.
    pub blocks: (usize, usize),
    /// The number of blocks in a row of whole MCUs.
    pub padded: usize,
    /// The quantised coefficients of each block, in zigzag order.
    pub coefficients: Vec<[i32; 64]>,
    /// The quantisation table, in zigzag order.
    pub table: Option<[u16; 64]>,
}

impl Component {
    /// Returns the dequantised coefficients of a block, row by row.
    pub fn block(&self, column: usize, row: usize) -> [f64; 64] {
        let block = &self.coefficients[row * self.padded + column];
        let table = self.table.unwrap();
        let mut natural = [0.0; 64];
        for (index, at) in zigzag().into_iter().enumerate() {
            natural[at] = f64::from(block[index]) * f64::from(table[index]);
        }
        natural
    }
}

#[derive(Default, Clone)]
struct Huffman {
    /// The first code of each length, and the symbols of that code and those after it.
    lengths: Vec<(u32, Vec<u8>)>,
}

struct Bits<'a> {
    data: &'a [u8],
    at: usize,
    bit: u32,
}

impl Bits<'_> {
    /// Reads a bit. Returns `None` at a marker.
    fn bit(&mut self) -> Option<u32> {
        let byte = *self.data.get(self.at)?;
        if byte == 0xff && *self.data.get(self.at + 1)? != 0 {
            return None;
        }
        let bit = byte >> (7 - self.bit) & 1;
        self.bit += 1;
        if self.bit == 8 {
            self.bit = 0;
            self.at += if byte == 0xff { 2 } else { 1 };
        }
        Some(u32::from(bit))
    }

    fn bits(&mut self, count: u32) -> Option<i32> {
        let mut value = 0;
        for _ in 0..count {
            value = value << 1 | self.bit()? as i32;
        }
        Some(value)
    }

    fn value(&mut self, size: u32) -> Option<i32> {
        let value = self.bits(size)?;
        Some(if size > 0 && value < 1 << (size - 1) { value - (1 << size) + 1 } else { value })
    }

    fn symbol(&mut self, table: &Huffman) -> Option<u8> {
        let mut code = 0;
        for (first, symbols) in &table.lengths {
            code = code << 1 | self.bit()?;
            if let Some(&symbol) = symbols.get(code.wrapping_sub(*first) as usize) {
                return Some(symbol);
            }
        }
        None
    }

    /// Skips to the end of the next restart marker. Returns false if another marker comes first.
    fn restart(&mut self) -> bool {
        self.bit = 0;
        while self.at + 1 < self.data.len() {
            let (a, b) = (self.data[self.at], self.data[self.at + 1]);
            if a == 0xff && (0xd0..=0xd7).contains(&b) {
                self.at += 2;
                return true;
            }
            if a == 0xff && b != 0 && b != 0xff {
                return false;
            }
            self.at += 1;
        }
        false
    }
}

/// Decodes the coefficients of a file. Returns `None` if the file is of a kind that this decoder does not know.
pub fn decode(bytes: &[u8]) -> Option<Reference> {
    let mut decoder = Decoder::default();
    let mut at = 2;
    while at + 4 <= bytes.len() {
        if bytes[at] != 0xff || matches!(bytes[at + 1], 0 | 0xff | 0xd0..=0xd8) {
            at += 1;
            continue;
        }
        let marker = bytes[at + 1];
        if marker == 0xd9 {
            break;
        }
        let length = usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]));
        let segment = bytes.get(at + 4..at + 2 + length)?;
        at += 2 + length;
        match marker {
            0xdb => decoder.quantisation(segment),
            0xc4 => decoder.huffman(segment)?,
            0xdd => decoder.interval = usize::from(u16::from_be_bytes([segment[0], segment[1]])),
            0xc0..=0xc2 => decoder.frame(segment, marker == 0xc2)?,
            0xc3 | 0xc5..=0xcf => return None,
            0xda => at += decoder.scan(segment, &bytes[at..])?,
            _ => {}
        }
    }
    (!decoder.components.is_empty()).then_some(Reference { components: decoder.components })
}

/// The tables, the frame and the coefficients that were read so far.
#[derive(Default)]
struct Decoder {
    tables: [Option<[u16; 64]>; 4],
    dc: [Option<Huffman>; 4],
    ac: [Option<Huffman>; 4],
    interval: usize,
    progressive: bool,
    mcus: (usize, usize),
    components: Vec<Component>,
}

/// The band and the approximation of a scan, and the number of following blocks that have ended.
struct Progress {
    band: (u8, u8),
    high: u8,
    low: u32,
    ended: i32,
}

impl Decoder {
    fn quantisation(&mut self, mut segment: &[u8]) {
        while let [place, rest @ ..] = segment {
            let wide = place >> 4 > 0;
            let mut table = [0; 64];
            for (i, value) in table.iter_mut().enumerate() {
                *value = if wide { u16::from_be_bytes([rest[2 * i], rest[2 * i + 1]]) } else { u16::from(rest[i]) };
            }
            self.tables[usize::from(place & 3)] = Some(table);
            segment = &rest[if wide { 128 } else { 64 }..];
        }
    }

    fn huffman(&mut self, mut segment: &[u8]) -> Option<()> {
        while let [place, rest @ ..] = segment {
            let mut table = Huffman::default();
            let (mut code, mut at) = (0, 16);
            for length in 0..16 {
                let count = usize::from(rest[length]);
                table.lengths.push((code, rest.get(at..at + count)?.to_vec()));
                code = (code + count as u32) << 1;
                at += count;
            }
            (if place >> 4 == 0 { &mut self.dc } else { &mut self.ac })[usize::from(place & 3)] = Some(table);
            segment = &rest[at..];
        }
        Some(())
    }

    fn frame(&mut self, segment: &[u8], progressive: bool) -> Option<()> {
        self.progressive = progressive;
        let edge = |at: usize| usize::from(u16::from_be_bytes([segment[at], segment[at + 1]]));
        let (width, height) = (edge(3), edge(1));
        let listed: Vec<_> = segment[6..].chunks_exact(3).collect();
        let lone = listed.len() == 1;
        let h = |c: &[u8]| if lone { 1 } else { usize::from(c[1] >> 4) };
        let v = |c: &[u8]| if lone { 1 } else { usize::from(c[1] & 15) };
        let h_max = listed.iter().map(|c| h(c)).max()?;
        let v_max = listed.iter().map(|c| v(c)).max()?;
        self.mcus = (width.div_ceil(8 * h_max), height.div_ceil(8 * v_max));
        for c in listed {
            let blocks = ((width * h(c)).div_ceil(8 * h_max), (height * v(c)).div_ceil(8 * v_max));
            let padded = self.mcus.0 * h(c);
            self.components.push(Component {
                id: c[0],
                h: h(c),
                v: v(c),
                quantisation: usize::from(c[2]),
                blocks,
                padded,
                coefficients: vec![[0; 64]; padded * self.mcus.1 * v(c)],
                table: None,
            });
        }
        Some(())
    }

    /// Decodes a scan as far as its data are valid. Returns the number of bytes that were read.
    fn scan(&mut self, segment: &[u8], data: &[u8]) -> Option<usize> {
        let count = usize::from(segment[0]);
        let parts: Vec<_> = segment[1..=2 * count].chunks_exact(2).collect();
        let named = |part: &&[u8]| self.components.iter().position(|component| component.id == part[0]);
        let indices: Vec<usize> = parts.iter().map(named).collect::<Option<_>>()?;
        for &index in &indices {
            let component = &mut self.components[index];
            component.table = component.table.or(self.tables[component.quantisation]);
        }
        let [first, last, approximation] = segment[1 + 2 * count..][..3].try_into().ok()?;
        let (high, low) = (approximation >> 4, u32::from(approximation & 15));
        let mut progress = Progress { band: (first, last), high, low, ended: 0 };
        let mut bits = Bits { data, at: 0, bit: 0 };
        let (width, height) = if count == 1 { self.components[indices[0]].blocks } else { self.mcus };
        let mut last_dc = [0; 4];
        'scan: for mcu in 0..width * height {
            if self.interval > 0 && mcu > 0 && mcu % self.interval == 0 {
                if !bits.restart() {
                    break;
                }
                (last_dc, progress.ended) = ([0; 4], 0);
            }
            let (row, column) = (mcu / width, mcu % width);
            for (part, &index) in indices.iter().enumerate() {
                let Component { h, v, padded, .. } = self.components[index];
                let (h, v) = if count == 1 { (1, 1) } else { (h, v) };
                for (y, x) in (0..v).flat_map(|y| (0..h).map(move |x| (y, x))) {
                    let place = (row * v + y) * padded + column * h + x;
                    if !self.block(&mut bits, index, place, parts[part][1], &mut last_dc[part], &mut progress)? {
                        break 'scan;
                    }
                }
            }
        }
        Some(bits.at)
    }

    /// Decodes a block. Returns whether the data are valid, and `None` if a table is missing.
    fn block(
        &mut self,
        bits: &mut Bits,
        component: usize,
        place: usize,
        tables: u8,
        last_dc: &mut i32,
        Progress { band, high, low, ended }: &mut Progress,
    ) -> Option<bool> {
        let block = &mut self.components[component].coefficients[place];
        let (dc, ac) = (self.dc[usize::from(tables >> 4 & 3)].as_ref(), self.ac[usize::from(tables & 3)].as_ref());
        let done = match (self.progressive, band.0, *high) {
            (false, ..) => sequential(bits, dc?, ac?, last_dc, block),
            (true, 0, 0) => first_dc(bits, dc?, last_dc, *low, block),
            (true, 0, _) => bits.bit().map(|bit| block[0] |= (bit << *low) as i32),
            (true, _, 0) => first_ac(bits, ac?, *band, *low, ended, block),
            (true, ..) => refine_ac(bits, ac?, *band, *low, ended, block),
        };
        Some(done.is_some())
    }
}

fn sequential(bits: &mut Bits, dc: &Huffman, ac: &Huffman, last: &mut i32, block: &mut [i32; 64]) -> Option<()> {
    let size = bits.symbol(dc)?;
    *last += bits.value(u32::from(size))?;
    block[0] = *last;
    let mut index = 1;
    while index < 64 {
        let symbol = bits.symbol(ac)?;
        if symbol & 15 == 0 && symbol != 0xf0 {
            break;
        }
        index += usize::from(symbol >> 4);
        let value = bits.value(u32::from(symbol & 15))?;
        *block.get_mut(index)? = value;
        index += 1;
    }
    Some(())
}

fn first_dc(bits: &mut Bits, dc: &Huffman, last: &mut i32, low: u32, block: &mut [i32; 64]) -> Option<()> {
    let size = bits.symbol(dc)?;
    *last += bits.value(u32::from(size))?;
    block[0] = *last << low;
    Some(())
}

fn first_ac(
    bits: &mut Bits,
    ac: &Huffman,
    (first, last): (u8, u8),
    low: u32,
    ended: &mut i32,
    block: &mut [i32; 64],
) -> Option<()> {
    if *ended > 0 {
        *ended -= 1;
        return Some(());
    }
    let mut index = usize::from(first);
    while index <= usize::from(last) {
        let symbol = bits.symbol(ac)?;
        let (run, size) = (symbol >> 4, symbol & 15);
        if size == 0 && run < 15 {
            *ended = (1 << run) + bits.bits(u32::from(run))? - 1;
            break;
        }
        index += usize::from(run);
        *block.get_mut(index)? = bits.value(u32::from(size))? << low;
        index += 1;
    }
    Some(())
}

fn refine_ac(
    bits: &mut Bits,
    ac: &Huffman,
    (first, last): (u8, u8),
    low: u32,
    ended: &mut i32,
    block: &mut [i32; 64],
) -> Option<()> {
    let mut index = usize::from(first);
    let last = usize::from(last);
    let correct = |bits: &mut Bits, value: &mut i32| -> Option<()> {
        if bits.bit()? == 1 {
            *value += if *value < 0 { -1 << low } else { 1 << low };
        }
        Some(())
    };
    if *ended == 0 {
        while index <= last {
            let symbol = bits.symbol(ac)?;
            let (mut run, size) = (i32::from(symbol >> 4), symbol & 15);
            if size == 0 && run < 15 {
                *ended = (1 << run) + bits.bits(run as u32)?;
                break;
            }
            let value = if size == 0 {
                0
            } else if bits.bit()? == 1 {
                1 << low
            } else {
                -1 << low
            };
            while index <= last {
                if block[index] != 0 {
                    correct(bits, &mut block[index])?;
                } else if run == 0 {
                    block[index] = value;
                    index += 1;
                    break;
                } else {
                    run -= 1;
                }
                index += 1;
            }
        }
    }
    if *ended > 0 {
        for value in block[index..=last].iter_mut().filter(|value| **value != 0) {
            correct(bits, value)?;
        }
        *ended -= 1;
    }
    Some(())
}

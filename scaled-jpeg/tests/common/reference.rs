//! A decoder of coefficients as the standard describes it: bit by bit, scan by scan, and everything.

use super::zigzag;

pub struct Reference {
    pub components: Vec<Component>,
}

pub struct Component {
    id: u8,
    h: usize,
    v: usize,
    quantisation: usize,
    /// Blocks that show something of the picture: in a row, and rows.
    pub blocks: (usize, usize),
    /// Blocks in a row, in whole MCUs.
    pub padded: usize,
    /// In zigzag order, quantised.
    pub coefficients: Vec<[i32; 64]>,
    /// In zigzag order.
    pub table: Option<[u16; 64]>,
}

impl Component {
    /// Dequantised, in rows.
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
    /// By length: the first code, and the symbols of the codes from there on.
    lengths: Vec<(u32, Vec<u8>)>,
}

struct Bits<'a> {
    data: &'a [u8],
    at: usize,
    bit: u32,
}

impl Bits<'_> {
    /// None at a marker.
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

    /// To behind the next restart marker; false where another comes first.
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

/// Decodes a file; none where it is one that this decoder cannot.
pub fn decode(bytes: &[u8]) -> Option<Reference> {
    let mut at = 2;
    let mut tables = [const { None::<[u16; 64]> }; 4];
    let (mut dc, mut ac) = ([const { None::<Huffman> }; 4], [const { None::<Huffman> }; 4]);
    let mut interval = 0;
    let mut components: Vec<Component> = Vec::new();
    let mut mcus = (0, 0);
    let mut progressive = false;
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
        let mut segment = bytes.get(at + 4..at + 2 + length)?;
        at += 2 + length;
        match marker {
            0xdb => {
                while let [place, rest @ ..] = segment {
                    let wide = place >> 4 > 0;
                    let mut table = [0; 64];
                    for (i, value) in table.iter_mut().enumerate() {
                        *value =
                            if wide { u16::from_be_bytes([rest[2 * i], rest[2 * i + 1]]) } else { u16::from(rest[i]) };
                    }
                    tables[usize::from(place & 3)] = Some(table);
                    segment = &rest[if wide { 128 } else { 64 }..];
                }
            }
            0xc4 => {
                while let [place, rest @ ..] = segment {
                    let mut table = Huffman::default();
                    let (mut code, mut at) = (0, 16);
                    for length in 0..16 {
                        let count = usize::from(rest[length]);
                        table.lengths.push((code, rest.get(at..at + count)?.to_vec()));
                        code = (code + count as u32) << 1;
                        at += count;
                    }
                    (if place >> 4 == 0 { &mut dc } else { &mut ac })[usize::from(place & 3)] = Some(table);
                    segment = &rest[at..];
                }
            }
            0xdd => interval = usize::from(u16::from_be_bytes([segment[0], segment[1]])),
            0xc0..=0xc2 => {
                progressive = marker == 0xc2;
                let size = (
                    usize::from(u16::from_be_bytes([segment[3], segment[4]])),
                    usize::from(u16::from_be_bytes([segment[1], segment[2]])),
                );
                let listed: Vec<_> = segment[6..].chunks_exact(3).collect();
                let lone = listed.len() == 1;
                let h = |c: &[u8]| if lone { 1 } else { usize::from(c[1] >> 4) };
                let v = |c: &[u8]| if lone { 1 } else { usize::from(c[1] & 15) };
                let h_max = listed.iter().map(|c| h(c)).max()?;
                let v_max = listed.iter().map(|c| v(c)).max()?;
                mcus = (size.0.div_ceil(8 * h_max), size.1.div_ceil(8 * v_max));
                for c in &listed {
                    let blocks = ((size.0 * h(c)).div_ceil(8 * h_max), (size.1 * v(c)).div_ceil(8 * v_max));
                    let padded = mcus.0 * h(c);
                    components.push(Component {
                        id: c[0],
                        h: h(c),
                        v: v(c),
                        quantisation: usize::from(c[2]),
                        blocks,
                        padded,
                        coefficients: vec![[0; 64]; padded * mcus.1 * v(c)],
                        table: None,
                    });
                }
            }
            0xc3 | 0xc5..=0xcf => return None,
            0xda => {
                let count = usize::from(segment[0]);
                let parts: Vec<_> = segment[1..=2 * count].chunks_exact(2).collect();
                let indices: Vec<usize> =
                    parts.iter().map(|part| components.iter().position(|c| c.id == part[0])).collect::<Option<_>>()?;
                for &index in &indices {
                    let component = &mut components[index];
                    component.table = component.table.or(tables[component.quantisation]);
                }
                let [first, last, approximation] = segment[1 + 2 * count..][..3].try_into().ok()?;
                let (high, low) = (approximation >> 4, u32::from(approximation & 15));
                let mut bits = Bits { data: &bytes[at..], at: 0, bit: 0 };
                let (width, height) = if count == 1 { components[indices[0]].blocks } else { mcus };
                let mut last_dc = [0; 4];
                let mut ended = 0;
                'scan: for mcu in 0..width * height {
                    if interval > 0 && mcu > 0 && mcu % interval == 0 {
                        if !bits.restart() {
                            break;
                        }
                        last_dc = [0; 4];
                        ended = 0;
                    }
                    let (row, column) = (mcu / width, mcu % width);
                    for (part, &index) in indices.iter().enumerate() {
                        let component = &mut components[index];
                        let (h, v) = if count == 1 { (1, 1) } else { (component.h, component.v) };
                        for (y, x) in (0..v).flat_map(|y| (0..h).map(move |x| (y, x))) {
                            let block = &mut component.coefficients[(row * v + y) * component.padded + column * h + x];
                            let dc = dc[usize::from(parts[part][1] >> 4 & 3)].as_ref();
                            let ac = ac[usize::from(parts[part][1] & 3)].as_ref();
                            let last_dc = &mut last_dc[part];
                            let done = if !progressive {
                                sequential(&mut bits, dc?, ac?, last_dc, block)
                            } else if first == 0 && high == 0 {
                                first_dc(&mut bits, dc?, last_dc, low, block)
                            } else if first == 0 {
                                bits.bit().map(|bit| block[0] |= (bit << low) as i32)
                            } else if high == 0 {
                                first_ac(&mut bits, ac?, (first, last), low, &mut ended, block)
                            } else {
                                refine_ac(&mut bits, ac?, (first, last), low, &mut ended, block)
                            };
                            if done.is_none() {
                                break 'scan;
                            }
                        }
                    }
                }
                at += bits.at;
            }
            _ => {}
        }
    }
    (!components.is_empty()).then_some(Reference { components })
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

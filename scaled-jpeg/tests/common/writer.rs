//! Writes files from coefficients, in every form that the standard allows, including those that encoders rarely write.

use super::Random;

/// The coefficients of a picture.
pub struct Picture {
    pub width: usize,
    pub height: usize,
    pub components: Vec<Component>,
}

pub struct Component {
    pub h: usize,
    pub v: usize,
    /// The number of blocks in a row of whole MCUs.
    pub padded: usize,
    /// The number of blocks that cover the picture, across and down.
    pub blocks: (usize, usize),
    /// The quantised coefficients of each block, in zigzag order.
    pub coefficients: Vec<[i32; 64]>,
}

/// A scan to write: components, band, approximation before and after.
#[derive(Clone)]
pub struct Scan(pub Vec<usize>, pub usize, pub usize, pub u32, pub u32);

/// The form in which a picture is written.
#[derive(Clone)]
pub struct Form {
    pub progressive: bool,
    pub scans: Vec<Scan>,
    /// The number of MCUs between restart markers; 0 for no markers.
    pub interval: usize,
    /// Whether codes have very different lengths, most of them 16 bits, instead of about 8.
    pub skewed: bool,
    /// Whether the height is only in a segment after the first scan.
    pub open_height: bool,
    /// The number of fill bytes before each marker.
    pub fill: bool,
    /// In zigzag order.
    pub quantisers: [u16; 64],
}

impl Form {
    pub fn sequential(components: usize) -> Self {
        let scans = vec![Scan((0..components).collect(), 0, 63, 0, 0)];
        let quantisers = std::array::from_fn(|index| 3 + index as u16 / 2);
        Self { progressive: false, scans, interval: 0, skewed: false, open_height: false, fill: false, quantisers }
    }

    /// Lists a scan for each component.
    pub fn separate(components: usize) -> Self {
        let scans = (0..components).map(|component| Scan(vec![component], 0, 63, 0, 0)).collect();
        Self { scans, ..Self::sequential(components) }
    }

    /// Lists the scans that libjpeg writes by default.
    pub fn progressive(components: usize) -> Self {
        let mut scans = vec![Scan((0..components).collect(), 0, 0, 0, 1), Scan(vec![0], 1, 5, 0, 2)];
        scans.extend((1..components).map(|component| Scan(vec![component], 1, 63, 0, 1)));
        scans.extend([Scan(vec![0], 6, 63, 0, 2), Scan(vec![0], 1, 63, 2, 1)]);
        scans.push(Scan((0..components).collect(), 0, 0, 1, 0));
        scans.extend((0..components).map(|component| Scan(vec![component], 1, 63, 1, 0)));
        Self { progressive: true, scans, ..Self::sequential(components) }
    }

    /// Lists scans without refinement.
    pub fn spectral(components: usize) -> Self {
        let mut scans = vec![Scan((0..components).collect(), 0, 0, 0, 0)];
        for (first, last) in [(1, 2), (3, 9), (10, 63)] {
            scans.extend((0..components).map(|component| Scan(vec![component], first, last, 0, 0)));
        }
        Self { progressive: true, scans, ..Self::sequential(components) }
    }

    /// Lists scans of many small steps, which refine each band separately.
    pub fn gradual(components: usize) -> Self {
        let mut scans: Vec<_> = (0..components).map(|component| Scan(vec![component], 0, 0, 0, 3)).collect();
        let bands = [(1, 1), (2, 8), (9, 63)];
        for component in 0..components {
            scans.extend(bands.map(|(first, last)| Scan(vec![component], first, last, 0, 3)));
        }
        for low in (0..3).rev() {
            scans.push(Scan((0..components).collect(), 0, 0, low + 1, low));
            for component in 0..components {
                scans.extend(bands.map(|(first, last)| Scan(vec![component], first, last, low + 1, low)));
            }
        }
        Self { progressive: true, scans, ..Self::sequential(components) }
    }
}

impl Picture {
    /// Makes blocks that are flat or full, with varying luminance.
    pub fn random(width: usize, height: usize, factors: &[(usize, usize)], seed: u64) -> Self {
        let mut random = Random(seed * 2 + 0x9e37_79b9_7f4a_7c15);
        let h_max = factors.iter().map(|f| f.0).max().unwrap();
        let v_max = factors.iter().map(|f| f.1).max().unwrap();
        let lone = factors.len() == 1;
        let mcu = if lone { (8, 8) } else { (8 * h_max, 8 * v_max) };
        let mcus = (width.div_ceil(mcu.0), height.div_ceil(mcu.1));
        let components = factors.iter().map(|&(h, v)| {
            let (in_mcu, max) = if lone { ((1, 1), (1, 1)) } else { ((h, v), (h_max, v_max)) };
            let padded = mcus.0 * in_mcu.0;
            let blocks = ((width * in_mcu.0).div_ceil(8 * max.0), (height * in_mcu.1).div_ceil(8 * max.1));
            let count = padded * mcus.1 * in_mcu.1;
            let coefficients = (0..count).map(|_| Self::block(&mut random)).collect();
            Component { h, v, padded, blocks, coefficients }
        });
        Self { width, height, components: components.collect() }
    }

    fn block(random: &mut Random) -> [i32; 64] {
        let mut block = [0; 64];
        block[0] = random.below(500) as i32 - 250;
        let sparse = [0, 1, 2, 10][random.below(4) as usize];
        for (index, value) in block.iter_mut().enumerate().skip(1) {
            if random.below(10) < sparse {
                let bound = if random.below(8) == 0 { 1000 } else { 160 } / (index as u64 + 1) + 2;
                *value = random.below(2 * bound) as i32 - bound as i32;
            }
        }
        block
    }

    pub fn write(&self, form: &Form) -> Vec<u8> {
        let mut out = vec![0xff, 0xd8];
        let lone = self.components.len() == 1;
        let segment = |out: &mut Vec<u8>, marker: u8, content: &[u8]| {
            if form.fill {
                out.extend([0xff; 3]);
            }
            out.extend([0xff, marker]);
            out.extend((content.len() as u16 + 2).to_be_bytes());
            out.extend(content);
        };
        let mut content = vec![0];
        content.extend(form.quantisers.map(|q| q as u8));
        segment(&mut out, 0xdb, &content);
        let stated = if form.open_height { 0 } else { self.height };
        let mut content = vec![8];
        content.extend((stated as u16).to_be_bytes());
        content.extend((self.width as u16).to_be_bytes());
        content.push(self.components.len() as u8);
        for (index, component) in self.components.iter().enumerate() {
            content.extend([index as u8 + 1, (component.h << 4 | component.v) as u8, 0]);
        }
        segment(&mut out, if form.progressive { 0xc2 } else { 0xc1 }, &content);
        let table = Table::new(form.skewed);
        for class in [0x00, 0x10] {
            let mut content = vec![class];
            content.extend(table.counts);
            content.extend(&table.symbols);
            segment(&mut out, 0xc4, &content);
        }
        if form.interval > 0 {
            segment(&mut out, 0xdd, &(form.interval as u16).to_be_bytes());
        }
        for (index, scan) in form.scans.iter().enumerate() {
            let mut content = vec![scan.0.len() as u8];
            content.extend(scan.0.iter().flat_map(|&component| [component as u8 + 1, 0]));
            content.extend([scan.1 as u8, scan.2 as u8, (scan.3 << 4 | scan.4) as u8]);
            segment(&mut out, 0xda, &content);
            Entropy { out: &mut out, byte: 0, filled: 0, table: &table, ended: 0, held: Vec::new() }
                .scan(self, scan, form, lone);
            if index == 0 && form.open_height {
                segment(&mut out, 0xdc, &(self.height as u16).to_be_bytes());
            }
        }
        out.extend([0xff, 0xff, 0xd9]);
        out
    }
}

struct Table {
    counts: [u8; 16],
    symbols: Vec<u8>,
    /// The code of each symbol, and its length.
    codes: Vec<(u32, u32)>,
}

impl Table {
    fn new(skewed: bool) -> Self {
        let mut counts = [0; 16];
        let mut symbols: Vec<u8> = (0..=255).collect();
        if skewed {
            counts[1..8].fill(1);
            counts[15] = 249;
            symbols.sort_by_key(|&symbol| (symbol & 15) as u32 * 3 + (symbol >> 4) as u32);
        } else {
            counts[7] = 254;
            counts[9] = 2;
        }
        let mut codes = vec![(0, 0); 256];
        let (mut code, mut next) = (0, symbols.iter());
        for (length, &count) in (1..).zip(&counts) {
            for _ in 0..count {
                codes[usize::from(*next.next().unwrap())] = (code, length);
                code += 1;
            }
            code <<= 1;
        }
        Self { counts, symbols, codes }
    }
}

struct Entropy<'a> {
    out: &'a mut Vec<u8>,
    byte: u8,
    filled: u32,
    table: &'a Table,
    /// The number of ended blocks that are not written yet, and their corrections.
    ended: u32,
    held: Vec<u32>,
}

impl Entropy<'_> {
    fn scan(mut self, picture: &Picture, scan: &Scan, form: &Form, lone: bool) {
        let Scan(components, ..) = scan;
        let single = components.len() == 1;
        let (h_max, v_max) = (
            picture.components.iter().map(|c| c.h).max().unwrap(),
            picture.components.iter().map(|c| c.v).max().unwrap(),
        );
        let (width, height) = if single {
            picture.components[components[0]].blocks
        } else {
            (picture.width.div_ceil(8 * h_max), picture.height.div_ceil(8 * v_max))
        };
        let mut last = vec![0; components.len()];
        let mut restarts = 0_usize;
        for mcu in 0..width * height {
            if form.interval > 0 && mcu > 0 && mcu % form.interval == 0 {
                self.end_blocks();
                self.align();
                if form.fill {
                    self.out.push(0xff);
                }
                self.out.extend([0xff, 0xd0 + (restarts % 8) as u8]);
                restarts += 1;
                last.fill(0);
            }
            for (&index, last) in components.iter().zip(&mut last) {
                let component = &picture.components[index];
                let (h, v) = if single || lone { (1, 1) } else { (component.h, component.v) };
                for (y, x) in (0..v).flat_map(|y| (0..h).map(move |x| (y, x))) {
                    let at = (mcu / width * v + y) * component.padded + mcu % width * h + x;
                    self.block(&component.coefficients[at], scan, form.progressive, last);
                }
            }
        }
        self.end_blocks();
        self.align();
    }

    fn block(&mut self, block: &[i32; 64], scan: &Scan, progressive: bool, last: &mut i32) {
        let &Scan(_, first, end, high, low) = scan;
        if !progressive {
            self.difference(block[0], last);
            self.first_ac(block, 1, 63, 0, false);
        } else if first == 0 && high == 0 {
            self.difference(block[0] >> low, last);
        } else if first == 0 {
            self.put((block[0] >> low & 1) as u32, 1);
        } else if high == 0 {
            self.first_ac(block, first, end, low, true);
        } else {
            self.refine_ac(block, first, end, low);
        }
    }

    fn difference(&mut self, value: i32, last: &mut i32) {
        let difference = value - *last;
        *last = value;
        let size = size(difference);
        self.symbol(size as u8);
        self.value(difference, size);
    }

    fn first_ac(&mut self, block: &[i32; 64], first: usize, last: usize, low: u32, runs: bool) {
        let mut zeros = 0;
        for &value in &block[first..=last] {
            let value = value.signum() * (value.abs() >> low);
            if value == 0 {
                zeros += 1;
                continue;
            }
            self.end_blocks();
            while zeros > 15 {
                self.symbol(0xf0);
                zeros -= 16;
            }
            let size = size(value);
            self.symbol((zeros << 4 | size) as u8);
            self.value(value, size);
            zeros = 0;
        }
        if zeros > 0 {
            if runs {
                self.ended += 1;
            } else {
                self.symbol(0);
            }
        }
    }

    fn refine_ac(&mut self, block: &[i32; 64], first: usize, last: usize, low: u32) {
        let magnitude = |value: i32| value.unsigned_abs() >> low;
        let last_new = (first..=last).rev().find(|&index| magnitude(block[index]) == 1);
        let mut zeros = 0;
        let mut corrections = Vec::new();
        for index in first..=last {
            let magnitude = magnitude(block[index]);
            if magnitude == 0 {
                zeros += 1;
                continue;
            }
            while zeros > 15 && last_new.is_some_and(|last| index <= last) {
                self.end_blocks();
                self.symbol(0xf0);
                zeros -= 16;
                self.put_all(&mut corrections);
            }
            if magnitude > 1 {
                corrections.push(magnitude & 1);
                continue;
            }
            self.end_blocks();
            self.symbol((zeros << 4 | 1) as u8);
            self.put(u32::from(block[index] > 0), 1);
            self.put_all(&mut corrections);
            zeros = 0;
        }
        if zeros > 0 || !corrections.is_empty() {
            self.ended += 1;
            self.held.append(&mut corrections);
        }
    }

    fn put_all(&mut self, bits: &mut Vec<u32>) {
        for bit in bits.drain(..) {
            self.put(bit, 1);
        }
    }

    /// Writes the number of blocks that have ended, and their corrections.
    fn end_blocks(&mut self) {
        if self.ended > 0 {
            let size = self.ended.ilog2();
            self.symbol((size << 4) as u8);
            self.put(self.ended - (1 << size), size);
            self.ended = 0;
            let mut held = std::mem::take(&mut self.held);
            self.put_all(&mut held);
        }
    }

    fn symbol(&mut self, symbol: u8) {
        let (code, length) = self.table.codes[usize::from(symbol)];
        self.put(code, length);
    }

    fn value(&mut self, value: i32, size: u32) {
        self.put((if value < 0 { value + (1 << size) - 1 } else { value }) as u32, size);
    }

    fn put(&mut self, bits: u32, count: u32) {
        for shift in (0..count).rev() {
            self.byte = self.byte << 1 | (bits >> shift & 1) as u8;
            self.filled += 1;
            if self.filled == 8 {
                self.out.push(self.byte);
                if self.byte == 0xff {
                    self.out.push(0);
                }
                (self.byte, self.filled) = (0, 0);
            }
        }
    }

    fn align(&mut self) {
        while self.filled > 0 {
            self.put(1, 1);
        }
    }
}

fn size(value: i32) -> u32 {
    32 - value.unsigned_abs().leading_zeros()
}

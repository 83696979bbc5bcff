//! The way through a scan: rows, restart intervals, and what is left of it after damage.

use std::{
    io::{self, BufRead},
    ops::Range,
};

use crate::{
    bits::{BLOCK_BYTES, Bits, Bytes, SIZE, Window},
    input::Input,
    slip::Slip,
};

/// How far decoding came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// To the end of what was asked for.
    Done,
    /// The window must be filled.
    Hungry,
    /// The next MCU cannot be read.
    Damaged,
}

/// A scan that can decode parts of its rows.
pub(crate) trait Scan {
    /// MCUs in a row, and rows.
    fn shape(&self) -> (u32, u32);
    /// Blocks an MCU.
    fn blocks(&self) -> usize;
    /// Decodes MCUs of a row: those before the number it gives are done.
    fn decode(&mut self, window: &Window, bits: &mut Bits, row: u32, columns: Range<u32>, safe: usize) -> (u32, Stop);
    /// Whether [`leap`](Self::leap) may decode something.
    fn leaps(&self) -> bool {
        false
    }
    /// Decodes the first of these MCUs, across rows, and returns their number.
    fn leap(&mut self, _window: &Window, _bits: &mut Bits, _mcus: Range<u32>) -> u32 {
        0
    }
    /// These MCUs are not there or cannot be read.
    fn lose(&mut self, row: u32, columns: Range<u32>);
    /// These MCUs were decoded, and turn out to be others than they seemed.
    fn retract(&mut self, _row: u32, _columns: Range<u32>) {}
    /// Takes this off all first coefficients that follow, by part.
    fn lower(&mut self, _excess: &[i16]) {}
    /// Reads an MCU for which the scan has no place: whether there was one.
    fn spare(&mut self, bytes: &Bytes, bits: &mut Bits) -> bool;
    /// A restart interval begins.
    fn restart(&mut self);
    /// A row is complete.
    fn end_row(&mut self, row: u32);
}

/// What became of a scan's MCUs. Those in neither number are missing because the file ends.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Walked {
    /// Readable, and certainly where they belong.
    pub(crate) found: u64,
    /// Lost by damage.
    pub(crate) spoiled: u64,
    /// Whether all of them are lost because the scan has no restart markers, and too many MCUs.
    pub(crate) slipped: bool,
}

/// How the data of a restart interval end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// With the interval's last MCU.
    Tight,
    /// After that, with something that is none.
    Loose,
    /// After that, with more MCUs: some were gained, nobody knows where.
    Long,
    /// Before that, at a marker: some were lost, nobody knows where.
    Short,
    /// Nowhere: one of its MCUs cannot be read.
    Damaged,
    /// Before its last MCU, with the file.
    Cut,
}

/// Decodes a scan whose header the input has just passed.
///
/// After damage, and where data are missing, it goes on at the next restart marker. A scan without them that is known to slip is brought
/// into step.
pub(crate) fn walk<R: BufRead>(
    input: &mut Input<R>,
    window: &mut Window,
    interval: u32,
    slip: Option<&Slip>,
    scan: &mut impl Scan,
) -> io::Result<Walked> {
    let (width, height) = scan.shape();
    let bits = window.begin(input)?;
    let walked = Walked::default();
    let mut walk =
        Walk { input, window, scan, interval, width, total: width * height, bits, mcu: 0, walked, certain: None };
    if let Some(slip) = slip {
        walk.pass(slip)?;
    }
    walk.run()
}

struct Walk<'a, R, S> {
    input: &'a mut Input<R>,
    window: &'a mut Window,
    scan: &'a mut S,
    /// MCUs; 0 for no restarts.
    interval: u32,
    /// Of a row, in MCUs.
    width: u32,
    /// MCUs.
    total: u32,
    bits: Bits,
    /// The next one.
    mcu: u32,
    walked: Walked,
    /// What was found before the first interval that did not end as it should.
    certain: Option<u64>,
}

impl<R: BufRead, S: Scan> Walk<'_, R, S> {
    fn run(mut self) -> io::Result<Walked> {
        loop {
            let start = self.mcu;
            let whole =
                start.checked_div(self.interval).map_or(self.total, |done| (done + 1).saturating_mul(self.interval));
            let end = whole.min(self.total);
            let ending = self.decode(end)?;
            let mut next = Some(self.total);
            let mut is_lost = ending == Ending::Short;
            if end < self.total {
                next = self.next(ending, start, end)?;
                // Where a marker is missing, what follows is the next interval.
                is_lost |= ending == Ending::Long && next == Some(end);
            } else {
                is_lost |= ending == Ending::Long;
            }
            if is_lost {
                let found = u64::from(self.mcu - start).min(self.walked.found);
                self.walked.found -= found;
                self.walked.spoiled += found;
                self.rows(start, self.mcu, S::retract);
                self.walked.slipped = self.interval == 0 && ending == Ending::Long;
            }
            let to = next.unwrap_or(self.total);
            if next.is_some() && ending != Ending::Cut {
                self.walked.spoiled += u64::from(to - self.mcu);
            }
            self.lose(to);
            if self.mcu == self.total {
                if end == self.total && ending == Ending::Tight {
                    self.settle()?;
                }
                return Ok(self.walked);
            }
            self.bits = self.window.begin(self.input)?;
            self.scan.restart();
        }
    }

    /// Decodes up to a slip, and brings the scan into step there.
    fn pass(&mut self, slip: &Slip) -> io::Result<()> {
        self.read(slip.at)?;
        for _ in 0..slip.by {
            self.window.fill(&mut self.bits, self.input)?;
            self.scan.spare(&self.window.bytes, &mut self.bits);
        }
        self.scan.lower(&slip.excess);
        self.walked.found = self.walked.found.saturating_sub(slip.doubt.into());
        Ok(())
    }

    /// Decodes MCUs before `end`, as many as can be: how the data end.
    fn decode(&mut self, end: u32) -> io::Result<Ending> {
        if let Some(ending) = self.read(end)? {
            return Ok(ending);
        }
        if !self.window.has_ended() {
            self.window.fill(&mut self.bits, self.input)?;
        }
        if self.window.has_ended() && self.window.left(&self.bits) < 8 {
            return Ok(Ending::Tight);
        }
        Ok(if self.has_spare() { Ending::Long } else { Ending::Loose })
    }

    /// Decodes MCUs before `end`; if not all of them, how the data end.
    fn read(&mut self, end: u32) -> io::Result<Option<Ending>> {
        let reserve = self.scan.blocks() * BLOCK_BYTES;
        while self.mcu < end {
            if self.leap(end)? {
                continue;
            }
            let (row, column) = (self.mcu / self.width, self.mcu % self.width);
            let columns = column..self.width.min(column + (end - self.mcu));
            let (reached, stop) =
                self.scan.decode(self.window, &mut self.bits, row, columns, self.window.safe(reserve));
            self.walked.found += u64::from(reached - column);
            self.mcu += reached - column;
            if reached == self.width {
                self.scan.end_row(row);
            }
            match stop {
                Stop::Done => {}
                Stop::Hungry => self.window.fill(&mut self.bits, self.input)?,
                Stop::Damaged if !self.window.overrun(&self.bits) => return Ok(Some(Ending::Damaged)),
                Stop::Damaged if self.input.is_at_marker() => return Ok(Some(Ending::Short)),
                Stop::Damaged => return Ok(Some(Ending::Cut)),
            }
        }
        Ok(None)
    }

    /// Decodes MCUs before `end` at several places at once. Returns whether any were decoded.
    fn leap(&mut self, end: u32) -> io::Result<bool> {
        if !self.scan.leaps() {
            return Ok(false);
        }
        if !self.window.has_ended() && self.window.left(&self.bits) < SIZE * 8 / 2 {
            self.window.fill(&mut self.bits, self.input)?;
        }
        let count = self.scan.leap(self.window, &mut self.bits, self.mcu..end);
        self.walked.found += u64::from(count);
        self.mcu += count;
        Ok(count > 0)
    }

    /// Whether nothing but more MCUs follows, and padding. Padding is ones; what is anything else seldom ends so.
    fn has_spare(&mut self) -> bool {
        let mut bits = self.bits;
        // So much is not what damage adds.
        if !self.window.has_ended() {
            return false;
        }
        while self.window.left(&bits) >= 8 {
            if !self.scan.spare(&self.window.bytes, &mut bits) || self.window.overrun(&bits) {
                return false;
            }
        }
        bits.refill(&self.window.bytes);
        let left = self.window.left(&bits) as u32;
        bits.bits(left) == (1 << left) - 1
    }

    /// The first MCU behind the next restart marker, of an interval from `start` to `end` and what became of it; none where there is
    /// no more.
    ///
    /// A marker's number tells how many others are missing. Where the data were all right up to it, it does as libjpeg has it: one
    /// or two are missing, or the marker is an old one (one or two back), or else the number is a mistake.
    fn next(&mut self, ending: Ending, start: u32, end: u32) -> io::Result<Option<u32>> {
        let expected = (end / self.interval).wrapping_sub(1) & 7;
        let is_tight = ending == Ending::Tight;
        let before = self.walked.found - u64::from(self.mcu - start);
        if !is_tight {
            self.certain.get_or_insert(before);
        }
        let is_empty = self.mcu == start && ending == Ending::Short && self.window.is_empty();
        while let Some(marker) = self.input.marker()? {
            match marker {
                0xd0..=0xd7 => match u32::from(marker - 0xd0).wrapping_sub(expected) & 7 {
                    0 => return Ok(Some(end)),
                    // The one before, twice.
                    7 if is_empty => return Ok(Some(start)),
                    6 | 7 if is_tight => {}
                    3.. if is_tight => return Ok(Some(end)),
                    ahead => {
                        self.certain.get_or_insert(before);
                        return Ok(Some(end.saturating_add(ahead * self.interval).min(self.total)));
                    }
                },
                // Whatever else begins a segment, the scan is over.
                0xc0..=0xfe => {
                    self.input.unread(marker);
                    self.doubt();
                    return Ok(Some(self.total));
                }
                // Made by damage.
                _ => {}
            }
        }
        Ok(None)
    }

    /// The scan's data are complete. If there are more intervals, those that were taken for lost may have been there.
    fn settle(&mut self) -> io::Result<()> {
        if self.certain.is_some()
            && let Some(marker) = self.input.marker()?
        {
            self.input.unread(marker);
            if (0xd0..=0xd7).contains(&marker) {
                self.doubt();
            }
        }
        Ok(())
    }

    /// Markers were too many or too few: what was found after the first trouble with them may belong elsewhere.
    fn doubt(&mut self) {
        let certain = self.certain.unwrap_or(self.walked.found).min(self.walked.found);
        self.walked.spoiled += self.walked.found - certain;
        self.walked.found = certain;
    }

    /// MCUs before `to` are not there.
    fn lose(&mut self, to: u32) {
        let (from, width) = (self.mcu, self.width);
        self.rows(from, to, |scan, row, columns| {
            let is_complete = columns.end == width;
            scan.lose(row, columns);
            if is_complete {
                scan.end_row(row);
            }
        });
        self.mcu = to.max(from);
    }

    /// Goes through MCUs row by row.
    fn rows(&mut self, from: u32, to: u32, each: impl Fn(&mut S, u32, Range<u32>)) {
        let mut mcu = from;
        while mcu < to {
            let (row, column) = (mcu / self.width, mcu % self.width);
            let end = self.width.min(column + (to - mcu));
            each(self.scan, row, column..end);
            mcu += end - column;
        }
    }
}

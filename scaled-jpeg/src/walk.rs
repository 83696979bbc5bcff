//! Walks through a scan: its rows, its restart intervals, and the data after damage.

use std::{io, ops::Range};

use crate::{
    bits::{BLOCK_BYTES, Bits, Bytes, Window},
    input::Input,
};

/// A scan that can decode parts of its rows.
pub(crate) trait Scan {
    /// Decodes the MCUs `columns` of a row, while the data are before `safe`. Returns the first column that is not decoded, and whether it
    /// is damaged.
    fn read(&mut self, window: &Window, bits: &mut Bits, row: u32, columns: Range<u32>, safe: usize) -> (u32, bool);
    /// Decodes the first of `mcus`, across rows, at several places at once. Returns the number of decoded MCUs.
    fn leap(
        &mut self,
        _input: &mut Input,
        _window: &mut Window,
        _bits: &mut Bits,
        _mcus: Range<u32>,
    ) -> io::Result<u32> {
        Ok(0)
    }
    /// Fills the place of MCUs that are missing or damaged.
    fn lose(&mut self, _row: u32, _columns: Range<u32>) {}
    /// Takes back MCUs that were decoded but belong elsewhere.
    fn retract(&mut self, _row: u32, _columns: Range<u32>) {}
    /// Subtracts `excess` from the DC coefficients of all later blocks, by part.
    fn lower(&mut self, _excess: &[i16]) {}
    /// Reads an MCU beyond the end of the scan. Returns whether there was one.
    fn spare(&mut self, bits: &mut Bits, bytes: &Bytes) -> bool;
    /// A restart interval begins.
    fn restart(&mut self) {}
    /// A row is complete.
    fn end_row(&mut self, _row: u32) {}
}

/// Decodes as [`Scan::read`] does. `one` reads the MCU in a column, and further MCUs that take no data. It returns the number of MCUs, or
/// `None` if the data are invalid.
#[inline(always)]
pub(crate) fn read_each(
    window: &Window,
    state: &mut Bits,
    columns: Range<u32>,
    safe: usize,
    mut one: impl FnMut(&mut Bits, u32) -> Option<u32>,
) -> (u32, bool) {
    // A copy, which stays in registers.
    let mut bits = *state;
    let mut column = columns.start;
    let is_damaged = loop {
        if column == columns.end || bits.at > safe {
            break false;
        }
        let Some(count) = one(&mut bits, column) else { break true };
        if window.overrun(&bits) {
            break true;
        }
        column += count;
    };
    *state = bits;
    (column, is_damaged)
}

/// A slip: damage added MCUs to a scan without restart markers. See [`slip`](crate::slip).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Slip {
    /// The number of MCUs before the slip.
    pub(crate) at: u32,
    /// The number of MCUs to drop there.
    pub(crate) by: u32,
    /// The number of MCUs among which the place is uncertain.
    pub(crate) doubt: u32,
    /// The amount by which all later DC coefficients are too high, by part of the scan.
    pub(crate) excess: Vec<i16>,
}

/// The numbers of found and of damaged MCUs of a scan. All others are missing because the file ends.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Walked {
    /// MCUs that are sound and certainly in their place.
    pub(crate) found: u64,
    /// MCUs that are lost by damage.
    pub(crate) spoiled: u64,
    /// Whether all MCUs count as lost because a scan without restart markers has too many MCUs.
    pub(crate) slipped: bool,
}

/// How the data of a restart interval end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// The data end with the last MCU of the interval.
    Tight,
    /// Behind the last MCU are bytes that are no MCU.
    Loose,
    /// Behind the last MCU are more MCUs: damage added some at an unknown place.
    Long,
    /// A marker comes before the last MCU: damage removed some at an unknown place.
    Short,
    /// An MCU is damaged.
    Damaged,
    /// The file ends before the last MCU.
    Cut,
}

/// Decodes a scan whose header the input has just passed. `width` and `height` are numbers of MCUs, each of which has `blocks` blocks.
///
/// After damaged or missing data, decoding continues at the next restart marker. A scan without restart markers that is known to slip is
/// corrected from the slip on.
// A function for each kind of scan: inlined into one caller, their loops would have too few registers.
#[inline(never)]
pub(crate) fn walk(
    input: &mut Input,
    window: &mut Window,
    interval: u32,
    (width, height): (u32, u32),
    blocks: usize,
    slip: Option<&Slip>,
    scan: &mut impl Scan,
) -> io::Result<Walked> {
    let (bits, walked) = (window.begin(input)?, Walked::default());
    let (total, reserve) = (width * height, blocks * BLOCK_BYTES);
    let mut walk = Walk { input, window, scan, interval, width, total, reserve, bits, mcu: 0, walked, certain: None };
    if let Some(slip) = slip {
        walk.pass(slip)?;
    }
    walk.run()
}

struct Walk<'a, 'b, S> {
    input: &'a mut Input<'b>,
    window: &'a mut Window,
    scan: &'a mut S,
    /// The number of MCUs between restart markers; 0 without restart markers.
    interval: u32,
    /// The number of MCUs in a row.
    width: u32,
    /// The number of MCUs.
    total: u32,
    /// The maximum number of bytes of an MCU.
    reserve: usize,
    bits: Bits,
    /// The next MCU.
    mcu: u32,
    walked: Walked,
    /// What was found before the first interval with an irregular end.
    certain: Option<u64>,
}

impl<S: Scan> Walk<'_, '_, S> {
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
                // If a marker is missing, the next interval follows without one.
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

    /// Decodes up to a slip and corrects the scan there.
    fn pass(&mut self, slip: &Slip) -> io::Result<()> {
        self.read(slip.at)?;
        for _ in 0..slip.by {
            self.window.fill(&mut self.bits, self.input)?;
            self.scan.spare(&mut self.bits, &self.window.bytes);
        }
        self.scan.lower(&slip.excess);
        self.walked.found = self.walked.found.saturating_sub(slip.doubt.into());
        Ok(())
    }

    /// Decodes as many MCUs before `end` as possible. Returns how the data end.
    fn decode(&mut self, end: u32) -> io::Result<Ending> {
        if let Some(ending) = self.read(end)? {
            return Ok(ending);
        }
        if !self.window.is_ended {
            self.window.fill(&mut self.bits, self.input)?;
        }
        if self.window.is_ended && self.window.left(&self.bits) < 8 {
            return Ok(Ending::Tight);
        }
        Ok(if self.has_spare() { Ending::Long } else { Ending::Loose })
    }

    /// Decodes the MCUs before `end`. Returns how the data end if some are missing.
    fn read(&mut self, end: u32) -> io::Result<Option<Ending>> {
        while self.mcu < end {
            let leapt = self.scan.leap(self.input, self.window, &mut self.bits, self.mcu..end)?;
            self.walked.found += u64::from(leapt);
            self.mcu += leapt;
            if leapt > 0 {
                continue;
            }
            let (row, column) = (self.mcu / self.width, self.mcu % self.width);
            let columns = column..self.width.min(column + (end - self.mcu));
            let safe = self.window.safe(self.reserve);
            let (reached, is_damaged) = self.scan.read(self.window, &mut self.bits, row, columns.clone(), safe);
            self.walked.found += u64::from(reached - column);
            self.mcu += reached - column;
            if reached == self.width {
                self.scan.end_row(row);
            }
            if is_damaged {
                return Ok(Some(match (self.window.overrun(&self.bits), self.input.is_at_marker()) {
                    (false, _) => Ending::Damaged,
                    (true, true) => Ending::Short,
                    (true, false) => Ending::Cut,
                }));
            }
            if reached < columns.end {
                self.window.fill(&mut self.bits, self.input)?;
            }
        }
        Ok(None)
    }

    /// Whether only more MCUs and padding follow. Padding consists of ones, which other data seldom end with.
    fn has_spare(&mut self) -> bool {
        let mut bits = self.bits;
        // Damage does not add that much data.
        if !self.window.is_ended {
            return false;
        }
        while self.window.left(&bits) >= 8 {
            if !self.scan.spare(&mut bits, &self.window.bytes) || self.window.overrun(&bits) {
                return false;
            }
        }
        bits.refill(&self.window.bytes);
        let left = self.window.left(&bits) as u32;
        bits.bits(left) == (1 << left) - 1
    }

    /// The first MCU behind the next restart marker, after an interval from `start` to `end` that ended with `ending`. Returns `None` if
    /// the scan has no more markers.
    ///
    /// The number of a marker tells how many markers are missing. If all data before the marker are sound, the rule is libjpeg's: one or
    /// two markers are missing, or the marker is one or two numbers old, or its number is wrong.
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
                    // The previous marker, repeated.
                    7 if is_empty => return Ok(Some(start)),
                    6 | 7 if is_tight => {}
                    3.. if is_tight => return Ok(Some(end)),
                    ahead => {
                        self.certain.get_or_insert(before);
                        return Ok(Some(end.saturating_add(ahead * self.interval).min(self.total)));
                    }
                },
                // Any other marker that begins a segment ends the scan.
                0xc0..=0xfe => {
                    self.input.unread(marker);
                    self.doubt();
                    return Ok(Some(self.total));
                }
                // A marker that damage made.
                _ => {}
            }
        }
        Ok(None)
    }

    /// Ends the scan. If more intervals follow, intervals that counted as lost may have been there.
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

    /// Takes back what was found after the first irregular interval, because the number of markers was wrong.
    fn doubt(&mut self) {
        let certain = self.certain.unwrap_or(self.walked.found).min(self.walked.found);
        self.walked.spoiled += self.walked.found - certain;
        self.walked.found = certain;
    }

    /// Skips the MCUs before `to`, which are missing.
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

    /// Calls `each` with MCUs, row by row.
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

//! The way through a scan: rows, restart intervals, and what is left of it after damage.

use std::{
    io::{self, BufRead},
    ops::Range,
};

use crate::{
    bits::{BLOCK_BYTES, Bits, Window},
    input::Input,
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
    /// These MCUs are not there or cannot be read.
    fn lose(&mut self, row: u32, columns: Range<u32>);
    /// A restart interval begins.
    fn restart(&mut self);
    /// A row is complete.
    fn end_row(&mut self, row: u32);
}

/// Decodes a scan whose header the input has just passed: how many MCUs of it were readable.
///
/// After damage, and where data are missing, it goes on at the next restart marker.
pub(crate) fn walk<R: BufRead>(
    input: &mut Input<R>,
    window: &mut Window,
    interval: u32,
    scan: &mut impl Scan,
) -> io::Result<u64> {
    let (width, height) = scan.shape();
    let reserve = scan.blocks() * BLOCK_BYTES;
    let total = width * height;
    let mut bits = window.begin(input)?;
    let mut found = 0;
    let mut mcu = 0_u32;
    loop {
        let end = mcu.checked_div(interval).map_or(total, |whole| ((whole + 1).saturating_mul(interval)).min(total));
        while mcu < end {
            let (row, column) = (mcu / width, mcu % width);
            let columns = column..width.min(column + (end - mcu));
            let (reached, stop) = scan.decode(window, &mut bits, row, columns, window.safe(reserve));
            found += u64::from(reached - column);
            mcu += reached - column;
            if reached == width {
                scan.end_row(row);
            }
            match stop {
                Stop::Done => {}
                Stop::Hungry => window.fill(&mut bits, input)?,
                Stop::Damaged => break,
            }
        }
        if mcu == total {
            return Ok(found);
        }
        let next = next_interval(input, mcu, end, interval, total)?;
        while mcu < next {
            let (row, column) = (mcu / width, mcu % width);
            let to = width.min(column + (next - mcu));
            scan.lose(row, column..to);
            mcu += to - column;
            if to == width {
                scan.end_row(row);
            }
        }
        if mcu == total {
            return Ok(found);
        }
        bits = window.begin(input)?;
        scan.restart();
    }
}

/// The first MCU behind the next restart marker, where an interval ended at `end` or damage was met at `mcu` before it; the
/// scan's `total` where there is no more.
fn next_interval<R: BufRead>(input: &mut Input<R>, mcu: u32, end: u32, interval: u32, total: u32) -> io::Result<u32> {
    if interval == 0 {
        return Ok(total);
    }
    let expected = (end / interval).wrapping_sub(1) & 7;
    while let Some(marker) = input.marker()? {
        match marker {
            0xd0..=0xd7 => {
                let ahead = u32::from(marker - 0xd0).wrapping_sub(expected) & 7;
                // One or two back: a marker that was already dealt with when damage made it seem lost.
                if ahead < 6 {
                    return Ok(end.saturating_add(ahead * interval).min(total).max(mcu));
                }
            }
            // Whatever else begins a segment, the scan is over.
            0xc0..=0xfe => {
                input.unread(marker);
                break;
            }
            // Made by damage.
            _ => {}
        }
    }
    Ok(total)
}

//! Decodes lossy pictures without alpha, and reduces them while their rows are decoded.

use super::{
    colours, cut,
    planes::PlaneBoxFilter,
    vp8::{Broken, Frame},
};
use crate::{Reason, Rejection, decode::nearly_whole, picture::Picture};

/// Estimates the peak heap of [`decode`] in bytes for a picture of `width`, including the picture of `decoded` pixels.
pub(super) fn memory(width: u32, decoded: u128) -> u128 {
    // Two rows of macroblocks, the state of the row above, and sums; then three planes of 16 bits, and the pixels.
    128 * (u128::from(width) + 16) + 9 * decoded
}

/// Decodes the frame in `data`, and averages squares of `by` by `by` pixels. `is_cut` says that the file is shorter than it claims.
pub(super) fn decode(data: &[u8], size: (u32, u32), by: u32, is_cut: bool) -> Result<Picture, Rejection> {
    let ends = || if is_cut { cut() } else { Reason::Corrupt.because("the WebP's picture is not whole") };
    let mut frame = Frame::new(data).map_err(|broken| match broken {
        Broken::Ends => ends(),
        Broken::Rules(what) => Reason::Corrupt.because(format!("WebP: {what}")),
    })?;
    if frame.size() != (size.0 as usize, size.1 as usize) {
        return Err(Reason::Corrupt.because("the WebP names two sizes"));
    }
    let chroma = || PlaneBoxFilter::of_chroma(size, by);
    let mut planes = [PlaneBoxFilter::of_luma(size, by), chroma(), chroma()];
    while let Some(strip) = frame.next_strip() {
        for (plane, rows) in planes.iter_mut().zip(strip.ready()) {
            rows.for_each(|row| plane.add(row));
        }
    }
    if !nearly_whole(planes[0].found() as u64, u64::from(size.1)) {
        return Err(ends());
    }
    let [luma, blue, red] = planes.map(PlaneBoxFilter::finish);
    let picture = colours::to_rgb(&luma, &blue, &red);
    picture.ok_or_else(|| Reason::Corrupt.because("the WebP's rows do not make up its picture"))
}

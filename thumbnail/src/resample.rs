//! Lanczos3 resampling, with colours weighted by their alpha.

use thumbnail_resample::{Part, scale_by_alpha};

use crate::{Reason, Rejection, picture::Picture, size::Fit};

/// Resamples a whole decoded picture to `size`, which is not larger on any axis.
///
/// `extent` is the width and height that show the source, in pixels: after a reduction in decoding, the source may cover only a part of
/// the last row and column. Colours are multiplied by alpha in place, because a copy of a large source would double the memory.
pub(crate) fn reduce(mut picture: Picture, extent: (f64, f64), size: (u32, u32)) -> Result<Picture, Rejection> {
    if picture.size() == size {
        return Ok(picture);
    }
    let (alpha, channels) = (picture.model.has_alpha(), picture.model.channels());
    if alpha {
        let size = picture.size();
        scale_by_alpha(&mut picture.data, channels, size, false).map_err(bug)?;
    }
    let part = Part { left: 0.0, top: 0.0, width: extent.0, height: extent.1 };
    let mut reduced = resample(&picture, part, size, false)?;
    drop(picture);
    if alpha {
        scale_by_alpha(&mut reduced.data, channels, size, true).map_err(bug)?;
    }
    Ok(reduced)
}

/// Makes a thumbnail from a picture that shows the whole source at the thumbnail's scale or a larger one.
pub(crate) fn render(from: &Picture, fit: &Fit) -> Result<Picture, Rejection> {
    if from.size() == fit.output {
        return Ok(from.clone());
    }
    // The part of `from` that the thumbnail shows: all of it, or its middle if the thumbnail is cropped.
    let axis = |edge: u32, output: u32, scaled: u32| {
        let shown = f64::from(edge) * f64::from(output) / f64::from(scaled);
        ((f64::from(edge) - shown) / 2.0, shown)
    };
    let (left, width) = axis(from.width, fit.output.0, fit.scaled.0);
    let (top, height) = axis(from.height, fit.output.1, fit.scaled.1);
    resample(from, Part { left, top, width, height }, fit.output, from.model.has_alpha())
}

fn resample(from: &Picture, part: Part, size: (u32, u32), alpha: bool) -> Result<Picture, Rejection> {
    let channels = from.model.channels();
    let data = thumbnail_resample::resample(&from.data, channels, from.size(), part, size, alpha).map_err(bug)?;
    Ok(Picture { width: size.0, height: size.1, model: from.model, data })
}

/// Converts an error to a rejection. All sizes and buffers are our own, so an error is a bug.
#[allow(clippy::needless_pass_by_value)] // the shape that `map_err` takes
fn bug(error: String) -> Rejection {
    Reason::EncodeFailed.because(format!("resizing: {error}"))
}

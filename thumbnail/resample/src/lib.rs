//! Lanczos3 resampling of pixels with eight bits for each channel.
//!
//! This is a separate crate only to save build time: the resampling library is generic throughout, so each crate that calls it
//! compiles all of its variants for all processors, which takes minutes.

use fast_image_resize::{
    FilterType, MulDiv, PixelTrait, ResizeAlg, ResizeOptions, Resizer,
    images::{TypedImage, TypedImageRef},
    pixels::{U8, U8x2, U8x3, U8x4},
};

/// A part of a picture in pixels, whose edges may lie between pixels.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    /// The distance from the left edge of the picture.
    pub left: f64,
    /// The distance from the top edge of the picture.
    pub top: f64,
    /// The width of the part.
    pub width: f64,
    /// The height of the part.
    pub height: f64,
}

/// Resamples a `part` of a picture of `from` (width, height) pixels to `to` pixels. Each pixel has `channels` bytes. With `alpha`, the
/// last of two or four channels weights the others.
///
/// # Errors
/// Returns a message if the sizes do not fit together.
pub fn resample(
    pixels: &[u8],
    channels: usize,
    from: (u32, u32),
    part: Part,
    to: (u32, u32),
    alpha: bool,
) -> Result<Vec<u8>, String> {
    match channels {
        1 => typed::<U8>(pixels, from, part, to, false),
        2 => typed::<U8x2>(pixels, from, part, to, alpha),
        3 => typed::<U8x3>(pixels, from, part, to, false),
        _ => typed::<U8x4>(pixels, from, part, to, alpha),
    }
}

fn typed<P: PixelTrait>(
    pixels: &[u8],
    from: (u32, u32),
    part: Part,
    to: (u32, u32),
    alpha: bool,
) -> Result<Vec<u8>, String> {
    let source = TypedImageRef::<P>::from_buffer(from.0, from.1, pixels).map_err(|error| error.to_string())?;
    let mut data = vec![0; to.0 as usize * to.1 as usize * P::size()];
    let mut target = TypedImage::<P>::from_buffer(to.0, to.1, &mut data).map_err(|error| error.to_string())?;
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3))
        .crop(part.left, part.top, part.width, part.height)
        .use_alpha(alpha);
    Resizer::new().resize_typed(&source, &mut target, &options).map_err(|error| error.to_string())?;
    drop(target);
    Ok(data)
}

/// Multiplies the first channels of two or four by the last one, in place; or divides by it, which reverts that within the precision
/// of eight bits.
///
/// # Errors
/// Returns a message if the size and the pixels do not fit together.
pub fn scale_by_alpha(pixels: &mut [u8], channels: usize, size: (u32, u32), divide: bool) -> Result<(), String> {
    if channels == 2 { scale::<U8x2>(pixels, size, divide) } else { scale::<U8x4>(pixels, size, divide) }
}

fn scale<P: PixelTrait>(pixels: &mut [u8], (width, height): (u32, u32), divide: bool) -> Result<(), String> {
    let mut image = TypedImage::<P>::from_buffer(width, height, pixels).map_err(|error| error.to_string())?;
    let scaled = if divide {
        MulDiv::new().divide_alpha_inplace_typed(&mut image)
    } else {
        MulDiv::new().multiply_alpha_inplace_typed(&mut image)
    };
    scaled.map_err(|error| error.to_string())
}

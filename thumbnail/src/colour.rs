//! Converts colours to sRGB, in which browsers show a file without a profile.

use std::panic::{AssertUnwindSafe, catch_unwind};

use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};

use crate::picture::{Model, Picture};

/// Converts a picture to sRGB by its profile, or by the standard formula if the profile is not usable. A grey picture stays grey.
pub(crate) fn to_srgb(picture: Picture, icc: Option<&[u8]>) -> Picture {
    let managed = icc.and_then(|icc| {
        // A damaged profile must not lose the picture, even if the colour library panics.
        catch_unwind(AssertUnwindSafe(|| by_profile(&picture, icc))).ok().flatten()
    });
    managed.unwrap_or_else(|| if picture.model == Model::Cmyk { cmyk_by_formula(&picture) } else { picture })
}

/// Whether the profile can convert pictures of `model`.
pub(crate) fn is_usable(model: Model, icc: &[u8]) -> bool {
    let pixel = Picture { width: 1, height: 1, model, data: vec![0; model.channels()] };
    catch_unwind(AssertUnwindSafe(|| by_profile(&pixel, icc))).is_ok_and(|shown| shown.is_some())
}

/// Converts a picture by a profile; returns `None` if the profile is damaged or does not fit the picture.
fn by_profile(picture: &Picture, icc: &[u8]) -> Option<Picture> {
    let profile = ColorProfile::new_from_slice(icc).ok()?;
    let (space, from, to, model) = match picture.model {
        Model::Gray | Model::GrayAlpha => return grey_by_profile(picture, &profile),
        Model::Rgb => (DataColorSpace::Rgb, Layout::Rgb, Layout::Rgb, Model::Rgb),
        Model::Rgba => (DataColorSpace::Rgb, Layout::Rgba, Layout::Rgba, Model::Rgba),
        Model::Cmyk => (DataColorSpace::Cmyk, Layout::Rgba, Layout::Rgb, Model::Rgb),
    };
    let tables = [&profile.lut_a_to_b_perceptual, &profile.lut_a_to_b_colorimetric, &profile.lut_a_to_b_saturation];
    // A profile without tables has three curves and a matrix, which lead to XYZ. It is wrong if it claims Lab.
    let lies = profile.pcs == DataColorSpace::Lab && tables.iter().all(|table| table.is_none());
    if profile.color_space != space || lies {
        return None;
    }
    let mut options = TransformOptions { prefer_fixed_point: false, ..TransformOptions::default() };
    if picture.model == Model::Cmyk {
        options.rendering_intent = profile.rendering_intent;
    }
    let transform = profile.create_transform_8bit(from, &ColorProfile::new_srgb(), to, options).ok()?;
    let mut data = vec![0; picture.width as usize * picture.height as usize * model.channels()];
    transform.transform(&picture.data, &mut data).ok()?;
    Some(Picture { model, data, ..*picture })
}

/// Converts a grey picture by the curve of its profile, which leads to luminance, or to lightness if the connection space is Lab.
fn grey_by_profile(picture: &Picture, profile: &ColorProfile) -> Option<Picture> {
    if profile.color_space != DataColorSpace::Gray {
        return None;
    }
    let curve = profile.build_gray_linearize_table::<u8, 256, 8>().ok()?;
    let levels =
        curve.map(|value| srgb(if profile.pcs == DataColorSpace::Lab { luminance(100.0 * value) } else { value }));
    let mut data = picture.data.clone();
    for pixel in data.chunks_exact_mut(picture.model.channels()) {
        pixel[0] = levels[usize::from(pixel[0])];
    }
    Some(Picture { data, ..*picture })
}

/// Converts a lightness L* from 0 to 100 to a luminance from 0 to 1.
fn luminance(lightness: f32) -> f32 {
    // The constants of CIE. Above 8 the curve is a cube.
    if lightness > 8.0 { ((lightness + 16.0) / 116.0).powi(3) } else { lightness * 27.0 / 24389.0 }
}

/// Converts a CIE L*a*b* colour under D50, with a lightness from 0 to 100.
pub(crate) fn lab_to_srgb([lightness, red, yellow]: [f32; 3]) -> [u8; 3] {
    let height = (lightness + 16.0) / 116.0;
    let roots = [height + red / 500.0, height, height - yellow / 200.0];
    let [x, y, z] = roots.map(|root| luminance(116.0 * root - 16.0));
    let (x, z) = (x * 0.964_22, z * 0.825_21);
    // Adapts from D50 to D65, and converts to the primaries of sRGB.
    [
        srgb(3.133_856 * x - 1.616_867 * y - 0.490_615 * z),
        srgb(-0.978_768 * x + 1.916_142 * y + 0.033_454 * z),
        srgb(0.071_945 * x - 0.228_991 * y + 1.405_243 * z),
    ]
}

/// Converts a linear amount of light from 0 to 1 to a level, by the curve of sRGB.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // between 0 and 255
pub(crate) fn srgb(light: f32) -> u8 {
    let light = if light.is_nan() { 0.0 } else { light.clamp(0.0, 1.0) };
    let level = if light <= 0.003_130_8 { light * 12.92 } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 };
    (level * 255.0 + 0.5) as u8
}

/// Converts inks to light: each ink removes its share of one colour, and black its share of all.
fn cmyk_by_formula(picture: &Picture) -> Picture {
    let mut data = Vec::with_capacity(picture.data.len() / 4 * 3);
    for ink in picture.data.chunks_exact(4) {
        let light = 255 - u32::from(ink[3]);
        for &ink in &ink[..3] {
            data.push(u8::try_from(((255 - u32::from(ink)) * light + 127) / 255).unwrap_or(255));
        }
    }
    Picture { model: Model::Rgb, data, ..*picture }
}

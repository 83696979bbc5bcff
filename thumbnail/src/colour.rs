//! Colours as browsers show a file without a profile: sRGB.

use std::panic::{AssertUnwindSafe, catch_unwind};

use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};

use crate::picture::{Model, Picture};

/// The picture in sRGB: by its profile where that is usable, else by the standard formula. It stays grey if it was.
pub(crate) fn to_srgb(picture: Picture, icc: Option<&[u8]>) -> Picture {
    let managed = icc.and_then(|icc| {
        // A damaged profile is no reason to refuse a picture, not even where the colour library stumbles over it.
        catch_unwind(AssertUnwindSafe(|| by_profile(&picture, icc))).ok().flatten()
    });
    managed.unwrap_or_else(|| if picture.model == Model::Cmyk { cmyk_by_formula(&picture) } else { picture })
}

/// None where the profile is unusable or is for another kind of picture.
fn by_profile(picture: &Picture, icc: &[u8]) -> Option<Picture> {
    let profile = ColorProfile::new_from_slice(icc).ok()?;
    let (space, from, to, model) = match picture.model {
        Model::Gray => (DataColorSpace::Gray, Layout::Gray, Layout::Gray, Model::Gray),
        Model::GrayAlpha => (DataColorSpace::Gray, Layout::GrayAlpha, Layout::GrayAlpha, Model::GrayAlpha),
        Model::Rgb => (DataColorSpace::Rgb, Layout::Rgb, Layout::Rgb, Model::Rgb),
        Model::Rgba => (DataColorSpace::Rgb, Layout::Rgba, Layout::Rgba, Model::Rgba),
        Model::Cmyk => (DataColorSpace::Cmyk, Layout::Rgba, Layout::Rgb, Model::Rgb),
    };
    if profile.color_space != space {
        return None;
    }
    let srgb =
        if space == DataColorSpace::Gray { ColorProfile::new_gray_with_gamma(2.2) } else { ColorProfile::new_srgb() };
    let transform = profile.create_transform_8bit(from, &srgb, to, TransformOptions::default()).ok()?;
    let mut data = vec![0; picture.width as usize * picture.height as usize * model.channels()];
    transform.transform(&picture.data, &mut data).ok()?;
    Some(Picture { model, data, ..*picture })
}

/// Each ink takes away its share of the light, and black of all.
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

//! Tests unusual files from the field, which must not be rejected.

#![allow(clippy::cast_sign_loss)] // levels from 0 to 1

use moxcms::{ColorProfile, DataColorSpace, ToneReprCurve};
use png::ColorType as Colours;
use thumbnail::Reason;

use super::{
    HEIGHT, WIDTH, colour, decode, difference,
    fixtures::{self, Jpeg, png_bytes},
    make, paletted, reason,
};

/// Converts the grey levels 0 to 255 by a profile.
fn ramp(profile: &ColorProfile) -> Vec<u8> {
    let mut info = png::Info::with_size(256, 1);
    info.color_type = Colours::Grayscale;
    info.icc_profile = Some(profile.encode().unwrap().into());
    let mut file = Vec::new();
    let mut writer = png::Encoder::with_info(&mut file, info).unwrap().write_header().unwrap();
    writer.write_image_data(&(0..=255).collect::<Vec<u8>>()).unwrap();
    writer.finish().unwrap();
    decode(&make(&file, 256).thumbnails[0].bytes).2.iter().map(|pixel| pixel[0]).collect()
}

fn grey_profile(curve: ToneReprCurve, space: DataColorSpace) -> ColorProfile {
    let mut profile = ColorProfile::new_gray_with_gamma(1.0);
    (profile.gray_trc, profile.pcs) = (Some(curve), space);
    profile
}

/// Converts a level to light, both from 0 to 1.
type Curve<'a> = &'a dyn Fn(f64) -> f64;

/// Converts an amount of light to sRGB.
fn srgb(light: f64) -> f64 {
    255.0 * if light <= 0.003_130_8 { light * 12.92 } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 }
}

#[test]
fn grey_profiles_lead_to_the_curve_of_srgb() {
    let table = |curve: &dyn Fn(f64) -> f64| {
        let entries = (0..=4095).map(|i| (curve(f64::from(i) / 4095.0) * 65_535.0).round() as u16);
        ToneReprCurve::Lut(entries.collect())
    };
    // A gamma, a gamma as a table, the curve of sRGB, and a lightness that the connection space converts to light.
    let linear = |level: f64| if level <= 0.040_45 { level / 12.92 } else { ((level + 0.055) / 1.055).powf(2.4) };
    let lightness = |level: f64| {
        if level > 0.08 { ((100.0 * level + 16.0) / 116.0).powi(3) } else { 100.0 * level * 27.0 / 24_389.0 }
    };
    let gamma = |level: f64| level.powf(2.2);
    let (xyz, lab) = (DataColorSpace::Xyz, DataColorSpace::Lab);
    let cases = [
        (
            "gamma 2.2",
            grey_profile(ToneReprCurve::Lut(vec![563]), xyz),
            &(|level: f64| level.powf(563.0 / 256.0)) as Curve,
        ),
        ("table", grey_profile(table(&gamma), xyz), &gamma),
        ("sRGB", grey_profile(table(&linear), xyz), &linear),
        ("CIE L*", grey_profile(ToneReprCurve::Lut(vec![256]), lab), &lightness),
    ];
    for (name, profile, light) in cases {
        for (level, &shown) in ramp(&profile).iter().enumerate() {
            let must = srgb(light(level as f64 / 255.0));
            assert!((f64::from(shown) - must).abs() <= 1.0, "{name}: {level} became {shown}, not {must}");
        }
    }
    // There and back again.
    let levels = ramp(&grey_profile(table(&linear), xyz));
    assert!(levels.iter().enumerate().all(|(level, &shown)| usize::from(shown).abs_diff(level) <= 1), "{levels:?}");
}

#[test]
fn colours_of_srgb_by_their_own_profile_stay_as_they_are() {
    let pixels: Vec<u8> = (0..=255).flat_map(|level| [level, level, 255 - level]).collect();
    let show = |profile: ColorProfile| {
        let mut info = png::Info::with_size(256, 1);
        info.color_type = Colours::Rgb;
        info.icc_profile = Some(profile.encode().unwrap().into());
        let mut file = Vec::new();
        let mut writer = png::Encoder::with_info(&mut file, info).unwrap().write_header().unwrap();
        writer.write_image_data(&pixels).unwrap();
        writer.finish().unwrap();
        decode(&make(&file, 256).thumbnails[0].bytes)
            .2
            .iter()
            .flat_map(|pixel| pixel[..3].to_vec())
            .collect::<Vec<u8>>()
    };
    let shown = show(ColorProfile::new_srgb());
    assert!(shown.iter().zip(&pixels).all(|(shown, level)| shown.abs_diff(*level) <= 1));
    // A profile with curves and a matrix is wrong if it claims Lab.
    let mut liar = ColorProfile::new_display_p3();
    liar.pcs = DataColorSpace::Lab;
    assert_eq!(show(liar), pixels);
}

#[test]
fn chunks_that_a_png_does_not_need_lose_no_picture() {
    let plain = fixtures::png(Colours::Rgb, WIDTH, HEIGHT);
    let control = [0, WIDTH, HEIGHT, 0, 0].map(u32::to_be_bytes).concat();
    let frame = |rest: &[u8]| [&control[..], rest].concat();
    let odd: [([u8; 4], Vec<u8>); 9] = [
        // Disposal, blending and sequence that do not exist, and no end.
        (*b"fcTL", frame(&[0, 1, 0, 10, 9, 0])),
        (*b"fcTL", frame(&[0, 1, 0, 10, 0, 9])),
        (*b"fcTL", [7, WIDTH, HEIGHT, 0, 0].map(u32::to_be_bytes).concat()),
        (*b"acTL", vec![1]),
        (*b"cICP", vec![9, 16, 9, 1]),
        (*b"cICP", vec![1, 13, 0, 7]),
        (*b"gAMA", vec![0; 3]),
        (*b"iTXt", vec![0; 5]),
        // A suggested palette whose last colour is cut.
        (*b"PLTE", vec![1; 191]),
    ];
    for (kind, data) in odd {
        let file = png_bytes::with_chunk(&plain, kind, &data);
        let off = difference(&file, &colour());
        assert!(off == 0.0, "{}: {off}", kind.escape_ascii());
    }
}

#[test]
fn a_palette_of_a_png_that_is_cut_is_corrupt() {
    let layout = png_bytes::Layout { width: 8, height: 8, colour: png_bytes::PALETTE, depth: 8, interlaced: false };
    for length in [0, 1, 191] {
        for interlaced in [false, true] {
            let layout = png_bytes::Layout { interlaced, ..layout };
            let file = layout.encode(&[(*b"PLTE", vec![9; length])], |x, _| vec![x as u16]);
            assert_eq!(reason(&file), Reason::Corrupt, "{length} bytes");
        }
    }
}

#[test]
fn extensions_of_a_gif_lose_no_picture() {
    let file = fixtures::gif(WIDTH as u16, HEIGHT as u16, 0, 0, false);
    // After the screen's palette of 256 colours and the control extension of the encoder.
    let frame = 13 + 768 + if file[13 + 768] == 0x21 { 8 } else { 0 };
    assert_eq!(file[frame], 0x2c);
    let with = |extension: &[u8]| [&file[..frame], extension, &file[frame..]].concat();
    let odd: [&[u8]; 5] = [
        // An unknown label.
        &[0x21, 0x42, 3, 1, 2, 3, 0],
        &[0x21, 0xfb, 0],
        // Control extensions too short to name a transparent colour, or longer than they should be.
        &[0x21, 0xf9, 3, 1, 0, 0, 0],
        &[0x21, 0xf9, 0],
        &[0x21, 0xf9, 5, 0, 0, 0, 200, 0, 0],
    ];
    for extension in odd {
        let off = difference(&with(extension), &paletted());
        assert!(off == 0.0, "{extension:?}: {off}");
    }
    // A longer control extension still names the transparent colour.
    let mut expected = paletted();
    let index = fixtures::gray(WIDTH, HEIGHT);
    for (pixel, _) in expected.iter_mut().zip(&index).filter(|(_, index)| **index == 100) {
        pixel[3] = 0;
    }
    let shown = decode(&make(&with(&[0x21, 0xf9, 5, 1, 0, 0, 100, 0, 0]), WIDTH).thumbnails[0].bytes).2;
    assert!(shown.iter().zip(&expected).all(|(shown, must)| shown[3] == must[3]));
    assert!(shown.iter().any(|pixel| pixel[3] == 0));
}

#[test]
fn flags_of_a_webp_that_promise_too_much_lose_no_picture() {
    const ALPHA: u8 = 0x10;
    const EXIF: u8 = 0x08;
    const XMP: u8 = 0x04;
    for lossless in [false, true] {
        let plain = fixtures::webp(WIDTH, HEIGHT, false, lossless);
        for flags in [ALPHA, EXIF, XMP, ALPHA | EXIF | XMP | 0x20] {
            let file = fixtures::extended_webp(&plain, WIDTH, HEIGHT, flags, &[]);
            let off = difference(&file, &colour());
            assert!(off < 6.0, "lossless {lossless}, flags {flags:#x}: {off}");
        }
    }
    let alpha = fixtures::webp(WIDTH, HEIGHT, true, true);
    let file = fixtures::extended_webp(&alpha, WIDTH, HEIGHT, ALPHA | EXIF, &[]);
    assert_eq!(make(&file, 100).thumbnails[0].bytes, make(&alpha, 100).thumbnails[0].bytes);
}

#[test]
fn what_the_flags_of_a_webp_deny_is_not_there() {
    let plain = fixtures::webp(60, 40, false, false);
    let upright = |flags: u8, blocks: &[u16]| {
        let chunks: Vec<_> = blocks.iter().map(|&turn| (*b"EXIF", fixtures::exif(turn))).collect();
        make(&fixtures::extended_webp(&plain, 60, 40, flags, &chunks), 40).source.width
    };
    assert_eq!(upright(0x08, &[6]), 40);
    assert_eq!(upright(0, &[6]), 60);
    // Only the first of two counts.
    assert_eq!(upright(0x08, &[6, 1]), 40);
    assert_eq!(upright(0x08, &[1, 6]), 60);
    let profile = moxcms::ColorProfile::new_display_p3().encode().unwrap();
    let shown = |flags: u8| {
        let file = fixtures::extended_webp(&plain, 60, 40, flags, &[(*b"ICCP", profile.clone())]);
        make(&file, 60).thumbnails.remove(0).bytes
    };
    assert_eq!(shown(0), make(&plain, 60).thumbnails[0].bytes);
    assert!(shown(0x20) != shown(0));
}

#[test]
fn a_webp_without_a_picture_is_not_called_cut() {
    let plain = fixtures::webp(40, 30, false, false);
    let odd = fixtures::extended_webp(&plain[..12], 40, 30, 0, &[(*b"ABCD", vec![1, 2])]);
    assert_eq!(reason(&odd), Reason::Corrupt);
    assert_eq!(reason(&odd[..odd.len() - 2]), Reason::Truncated);
}

#[test]
fn a_frame_of_an_animated_webp_keeps_its_alpha_whatever_the_flags_say() {
    for lossless in [false, true] {
        let frame = fixtures::webp(40, 30, true, lossless);
        let file = fixtures::animated_webp(&frame, (40, 30), (40, 30), (0, 0));
        let mut denied = file.clone();
        denied[20] = 0x02;
        let shown = |file: &[u8]| decode(&make(file, 40).thumbnails[0].bytes).2;
        assert!(shown(&file).iter().any(|pixel| pixel[3] < 200), "lossless {lossless}");
        assert!(shown(&denied) == shown(&file), "lossless {lossless}");
    }
}

#[test]
fn an_animated_webp_stands_on_nothing_whatever_its_flags_say() {
    for lossless in [false, true] {
        let frame = fixtures::webp(20, 10, false, lossless);
        let mut file = fixtures::animated_webp(&frame, (40, 30), (20, 10), (12, 8));
        assert_eq!(file[20], 0x12);
        // Animated, without alpha.
        file[20] = 0x02;
        let pixels = decode(&make(&file, 40).thumbnails[0].bytes).2;
        for (i, pixel) in pixels.iter().enumerate() {
            let inside = (12..32).contains(&(i % 40)) && (8..18).contains(&(i / 40));
            assert_eq!(pixel[3], if inside { 255 } else { 0 }, "pixel {i}, lossless {lossless}");
        }
    }
}

#[test]
fn an_orientation_without_a_value_is_none() {
    let turned = |count: u8| {
        let (number, mut block) = fixtures::exif_segment(6);
        // The entry's count ends here: header, number of entries, tag, type.
        block[6 + 17] = count;
        make(&Jpeg::default().encode_with(60, 40, &[(number, block)]), 40).source.width
    };
    assert_eq!((turned(1), turned(0)), (40, 60));
}

#[test]
fn of_equal_pictures_in_an_icon_the_first_is_shown() {
    let icon = |level: u8| {
        let mut file = fixtures::ico(16, 24);
        file[22 + 40..22 + 40 + 16 * 16 * 3].fill(level);
        file
    };
    let (first, second) = (icon(50), icon(90));
    let mut file = vec![0, 0, 1, 0, 2, 0];
    for (icon, at) in [(&first, 38), (&second, 38 + first.len() - 22)] {
        file.extend(&icon[6..18]);
        file.extend(u32::try_from(at).unwrap().to_le_bytes());
    }
    let file = [&file, &first[22..], &second[22..]].concat();
    assert_eq!(make(&file, 16).thumbnails[0].bytes, make(&first, 16).thumbnails[0].bytes);
}

#[test]
fn pixels_of_a_bitmap_that_would_begin_in_its_palette_follow_it() {
    for bits in [1, 4, 8] {
        let good = fixtures::bmp(WIDTH, HEIGHT, bits);
        let end = u32::from_le_bytes(good[10..14].try_into().unwrap());
        for offset in [0, 14, 54, 57, end - 1] {
            let mut file = good.clone();
            file[10..14].copy_from_slice(&offset.to_le_bytes());
            assert_eq!(make(&file, 100).thumbnails[0].bytes, make(&good, 100).thumbnails[0].bytes, "{bits}, {offset}");
        }
    }
}

//! Tests the metadata that thumbnails keep if asked to, and those that they never keep.

use std::io::Cursor;

use img_parts::{DynImage, ImageEXIF as _, ImageICC as _};
use jpeg_encoder::ColorType;
use moxcms::ColorProfile;
use png::ColorType as Colours;
use thumbnail::{Format, Keep, Made, Options, Output, Size};

use super::{
    HEIGHT, WIDTH,
    fixtures::{
        self, Jpeg,
        avif_bytes::{self, Avif, Item, Samples},
        png_bytes,
    },
};

const ARTIST: &str = "Ada Łovelace";
const COPYRIGHT: &str = "© 2026 Ada, all rights reserved";
const KEEP: Keep = Keep { copyright: true, icc: true };

fn made(file: &[u8], format: Format, keep: Keep) -> Made {
    let output = Output { format: Some(format), quality: Some(100) };
    let options = Options { sizes: vec![Size::Width(WIDTH)], outputs: vec![output], keep, ..Options::default() };
    thumbnail::make(file, &options).unwrap()
}

/// Makes an Exif block as a camera writes it: the maker, the artist, the copyright holder and the position.
fn exif() -> Vec<u8> {
    let texts = [(0x010f_u16, "Secret Camera"), (0x013b, ARTIST), (0x8298, COPYRIGHT)];
    let mut block = b"II\x2a\0\x08\0\0\0\x04\0".to_vec();
    let gps_at = 8 + 2 + 4 * 12 + 4;
    let mut at = gps_at + 2 + 12 + 4;
    let mut rest = b"\x01\0\x02\0\x05\0\x04\0\0\0GPS!\0\0\0\0".to_vec();
    let entry = |tag: u16, kind: u16, count: usize, value: usize| {
        [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &(count as u32).to_le_bytes(), &(value as u32).to_le_bytes()]
            .concat()
    };
    for (i, (tag, text)) in texts.into_iter().enumerate() {
        // Tags are sorted, so the tag of the position lies between the others.
        if i == 2 {
            block.extend(entry(0x8825, 4, 1, gps_at));
        }
        block.extend(entry(tag, 2, text.len() + 1, at));
        at += text.len() + 1;
        rest.extend(text.bytes().chain([0]));
    }
    block.extend([0; 4]);
    [block, rest].concat()
}

/// Reads a field of an Exif block.
fn field(block: &[u8], tag: u16) -> Option<String> {
    let entry = block.windows(4).position(|start| start == [&tag.to_be_bytes()[..], &[0, 2]].concat())?;
    let number = |at: usize| u32::from_be_bytes(block[at..at + 4].try_into().unwrap()) as usize;
    let (length, at) = (number(entry + 4), number(entry + 8));
    assert_eq!(block[at + length - 1], 0);
    Some(String::from_utf8(block[at..at + length - 1].to_vec()).unwrap())
}

fn parts(file: &[u8]) -> DynImage {
    DynImage::from_bytes(file.to_vec().into()).unwrap().unwrap()
}

/// Makes a source in every format whose Exif is read.
fn with_exif() -> Vec<Vec<u8>> {
    let segment = (1, [b"Exif\0\0", &exif()[..]].concat());
    let coded = Samples::default().code(WIDTH, &fixtures::rgb(WIDTH, HEIGHT));
    let items = vec![
        Item { kind: *b"av01", data: coded, properties: vec![0] },
        Item { kind: *b"Exif", data: [&[0, 0, 0, 6], &b"Exif\0\0"[..], &exif()].concat(), properties: vec![] },
    ];
    let references = vec![(*b"cdsc", 2, vec![1])];
    vec![
        Jpeg::default().encode_with(WIDTH, HEIGHT, &[segment]),
        png_bytes::with_chunk(&fixtures::png(Colours::Rgb, WIDTH, HEIGHT), *b"eXIf", &exif()),
        fixtures::extended_webp(
            &fixtures::webp(WIDTH, HEIGHT, false, false),
            WIDTH,
            HEIGHT,
            0x08,
            &[(*b"EXIF", exif())],
        ),
        Avif { items, properties: vec![avif_bytes::size(WIDTH, HEIGHT)], references }.encode(),
    ]
}

#[test]
fn author_and_owner_are_kept_and_nothing_else() {
    for (i, file) in with_exif().iter().enumerate() {
        for format in [Format::Jpeg, Format::Png, Format::Webp] {
            let kept = &made(file, format, KEEP).thumbnails[0].bytes;
            let block = parts(kept).exif().unwrap_or_else(|| panic!("file {i} as {format} has no Exif"));
            assert_eq!(field(&block, 0x013b).as_deref(), Some(ARTIST), "file {i} as {format}");
            assert_eq!(field(&block, 0x8298).as_deref(), Some(COPYRIGHT), "file {i} as {format}");
            for trace in [&b"Secret"[..], b"GPS", b"ICC", b"iCC"] {
                assert!(!kept.windows(trace.len()).any(|window| window == trace), "file {i} as {format} has {trace:?}");
            }
            let plain = made(file, format, Keep { icc: true, ..Keep::default() });
            assert!(parts(&plain.thumbnails[0].bytes).exif().is_none(), "file {i} as {format}");
        }
    }
}

#[test]
fn an_avif_whose_exif_is_longer_than_the_file_keeps_none() {
    let mut file = with_exif().pop().unwrap();
    assert!(parts(&made(&file, Format::Jpeg, KEEP).thumbnails[0].bytes).exif().is_some());
    let kind = file.windows(4).position(|kind| kind == b"iloc").unwrap();
    // The offsets and lengths of the second item's two pieces: the whole block, and the whole file after it.
    let pieces = kind + 44;
    let number = |at: usize| u32::from_be_bytes(file[at..at + 4].try_into().unwrap());
    let (block, length) = (number(pieces + 4) + number(pieces + 12), file.len() as u32);
    for (at, value) in [(4, block), (8, 0), (12, length)] {
        file[pieces + at..][..4].copy_from_slice(&value.to_be_bytes());
    }
    assert!(parts(&made(&file, Format::Jpeg, KEEP).thumbnails[0].bytes).exif().is_none());
}

#[test]
fn a_profile_of_code_points_has_always_the_same_bytes() {
    let coded = Samples::default().code(WIDTH, &fixtures::rgb(WIDTH, HEIGHT));
    for primaries in [9, 12] {
        let item = Item { kind: *b"av01", data: coded.clone(), properties: vec![0, 1] };
        let properties = vec![avif_bytes::size(WIDTH, HEIGHT), avif_bytes::colours(primaries, 6, true)];
        let file = Avif { items: vec![item], properties, references: vec![] }.encode();
        let profile = parts(&made(&file, Format::Jpeg, KEEP).thumbnails[0].bytes).icc_profile().unwrap();
        // The time of the profile: year, month, day, hour, minute, second.
        assert_eq!(profile[24..36], [2000_u16, 1, 1, 0, 0, 0].map(u16::to_be_bytes).concat(), "{primaries}");
    }
}

#[test]
fn readers_of_others_find_the_owner() {
    let file = &with_exif()[0];
    let has = |block: &[u8]| block.windows(COPYRIGHT.len()).any(|window| window == COPYRIGHT.as_bytes());
    let jpeg = &made(file, Format::Jpeg, KEEP).thumbnails[0].bytes;
    let mut decoder = zune_jpeg::JpegDecoder::new(Cursor::new(&jpeg[..]));
    decoder.decode_headers().unwrap();
    assert!(has(decoder.exif().unwrap()));
    let png = &made(file, Format::Png, KEEP).thumbnails[0].bytes;
    let reader = png::Decoder::new(Cursor::new(&png[..])).read_info().unwrap();
    assert!(has(reader.info().exif_metadata.as_ref().unwrap()));
    let webp = &made(file, Format::Webp, KEEP).thumbnails[0].bytes;
    assert!(has(&image_webp::WebPDecoder::new(Cursor::new(webp)).unwrap().exif_metadata().unwrap().unwrap()));
}

/// Makes a PNG of one colour, with an optional transparent pixel.
fn flat(colours: Colours, pixel: &[u8], clear: bool, profile: &ColorProfile) -> Vec<u8> {
    let mut info = png::Info::with_size(WIDTH, HEIGHT);
    info.color_type = colours;
    info.icc_profile = Some(profile.encode().unwrap().into());
    let mut file = Vec::new();
    let mut writer = png::Encoder::with_info(&mut file, info).unwrap().write_header().unwrap();
    let mut data = pixel.repeat((WIDTH * HEIGHT) as usize);
    if clear {
        data[pixel.len() - 1] = 0;
    }
    writer.write_image_data(&data).unwrap();
    writer.finish().unwrap();
    file
}

/// Decodes the middle of a thumbnail.
fn middle(file: &[u8], format: Format) -> Vec<u8> {
    let (data, channels) = match format {
        Format::Jpeg => {
            let mut decoder = jpeg_decoder::Decoder::new(file);
            let data = decoder.decode().unwrap();
            (data, decoder.info().unwrap().pixel_format.pixel_bytes())
        }
        Format::Png => {
            let mut reader = png::Decoder::new(Cursor::new(file)).read_info().unwrap();
            let mut data = vec![0; reader.output_buffer_size().unwrap()];
            let info = reader.next_frame(&mut data).unwrap();
            (data, info.color_type.samples())
        }
        _ => {
            let mut decoder = image_webp::WebPDecoder::new(Cursor::new(file)).unwrap();
            let mut data = vec![0; decoder.output_buffer_size().unwrap()];
            decoder.read_image(&mut data).unwrap();
            (data, if decoder.has_alpha() { 4 } else { 3 })
        }
    };
    let at = (HEIGHT / 2 * WIDTH + WIDTH / 2) as usize * channels;
    data[at..at + channels].to_vec()
}

fn is_near(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(a, b)| a.abs_diff(*b) <= 4)
}

#[test]
fn colours_stay_those_of_the_profile_that_is_kept() {
    let profile = ColorProfile::new_display_p3();
    let file = flat(Colours::Rgb, &[200, 60, 40], false, &profile);
    let srgb = middle(&made(&file, Format::Png, Keep::default()).thumbnails[0].bytes, Format::Png);
    assert!(!is_near(&srgb, &[200, 60, 40]), "the same numbers mean something else in sRGB: {srgb:?}");
    for format in [Format::Jpeg, Format::Png, Format::Webp] {
        let [kept, plain] = [KEEP, Keep::default()].map(|keep| made(&file, format, keep));
        // The placeholder is always in sRGB.
        assert_eq!(kept.look, plain.look);
        let [kept, plain] = [kept, plain].map(|made| made.thumbnails[0].bytes.clone());
        assert!(is_near(&middle(&kept, format), &[200, 60, 40]), "{format}: {:?}", middle(&kept, format));
        assert_eq!(parts(&kept).icc_profile().unwrap(), parts(&file).icc_profile().unwrap(), "{format}");
        assert!(is_near(&middle(&plain, format), &srgb) && parts(&plain).icc_profile().is_none(), "{format}");
    }
}

#[test]
fn what_has_no_place_for_the_profile_is_in_srgb() {
    let wide = ColorProfile::new_display_p3();
    let grey = ColorProfile::new_gray_with_gamma(1.0);
    let clear = flat(Colours::Rgba, &[200, 60, 40, 255], true, &wide);
    let grey = flat(Colours::Grayscale, &[90], false, &grey);
    // A JPEG shows the background, JPEGs have no grey with alpha, and WebPs have no grey.
    for (name, file, format, is_kept) in [
        ("clear", &clear, Format::Jpeg, false),
        ("clear", &clear, Format::Png, true),
        ("clear", &clear, Format::Webp, true),
        ("grey", &grey, Format::Jpeg, true),
        ("grey", &grey, Format::Png, true),
        ("grey", &grey, Format::Webp, false),
    ] {
        let [kept, plain] = [KEEP, Keep::default()].map(|keep| made(file, format, keep).thumbnails.remove(0).bytes);
        assert_eq!(parts(&kept).icc_profile().is_some(), is_kept, "{name} as {format}");
        let [kept, plain] = [kept, plain].map(|file| middle(&file, format));
        assert_eq!(is_near(&kept, &plain), !is_kept, "{name} as {format}: {kept:?} and {plain:?}");
    }
}

/// Inks become light, to which their profile does not apply. A damaged profile or one of another colour model is ignored.
#[test]
fn profiles_that_do_not_fit_are_not_kept() {
    let segment = |profile: Vec<u8>| (2, [&b"ICC_PROFILE\0\x01\x01"[..], &profile].concat());
    let file = |colours, profile| Jpeg { colours, ..Jpeg::default() }.encode_with(WIDTH, HEIGHT, &[segment(profile)]);
    let wide = ColorProfile::new_display_p3().encode().unwrap();
    for (name, file) in [
        ("inks", file(ColorType::Cmyk, wide.clone())),
        ("grey", file(ColorType::Luma, wide.clone())),
        ("cut", file(ColorType::Rgb, wide[..150].to_vec())),
    ] {
        let [kept, plain] = [KEEP, Keep::default()].map(|keep| made(&file, Format::Jpeg, keep));
        assert_eq!(kept.thumbnails[0].bytes, plain.thumbnails[0].bytes, "{name}");
    }
    let sound = made(&file(ColorType::Rgb, wide), Format::Jpeg, KEEP);
    assert!(parts(&sound.thumbnails[0].bytes).icc_profile().is_some());
}

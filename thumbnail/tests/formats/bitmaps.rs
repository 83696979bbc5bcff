//! Tests unusual BMPs, icons and TIFFs.

use thumbnail::Reason;

use super::{decode, fixtures, make, reason};

const GREY: [(u16, u16); 1] = [(262, 1)];

fn show(file: &[u8], width: u32) -> Vec<[u8; 4]> {
    decode(&make(file, width).thumbnails[0].bytes).2
}

fn greys(file: &[u8], width: u32) -> Vec<u8> {
    show(file, width).iter().map(|pixel| pixel[0]).collect()
}

/// Makes a bitmap of `bits` a pixel with `compression` and a palette of greys from 0 in steps of 16.
fn packed(width: u32, height: i32, bits: u16, compression: u32, data: &[u8]) -> Vec<u8> {
    let mut file = b"BM\0\0\0\0\0\0\0\0".to_vec();
    file.extend((14 + 40 + 64_u32).to_le_bytes());
    file.extend(40_u32.to_le_bytes());
    file.extend(width.to_le_bytes());
    file.extend(height.to_le_bytes());
    file.extend([1, 0]);
    file.extend(bits.to_le_bytes());
    file.extend(compression.to_le_bytes());
    file.extend([0; 12]);
    file.extend(16_u32.to_le_bytes());
    file.extend([0; 4]);
    file.extend((0..16_u8).flat_map(|i| [i * 16, i * 16, i * 16, 0]));
    [&file, data].concat()
}

#[test]
fn bitmaps_from_the_top_and_from_the_bottom() {
    let rows = [16, 32, 0, 0, 48, 64, 0, 0].map(|v: u8| v / 16);
    assert_eq!(greys(&packed(2, 2, 8, 0, &rows), 2), [48, 64, 16, 32]);
    assert_eq!(greys(&packed(2, -2, 8, 0, &rows), 2), [16, 32, 48, 64]);
    // The padding of the last row may be missing, but no pixel of a picture of two rows may be.
    assert_eq!(greys(&packed(2, 2, 8, 0, &rows[..6]), 2), [48, 64, 16, 32]);
    assert_eq!(reason(&packed(2, 2, 8, 0, &rows[..5])), Reason::Truncated);
}

#[test]
fn bitmap_whose_pixel_offset_points_into_its_palette() {
    let offset = |mut file: Vec<u8>, offset: u32, colours: u32| {
        file[10..14].copy_from_slice(&offset.to_le_bytes());
        file[46..50].copy_from_slice(&colours.to_le_bytes());
        file
    };
    let rows = [1, 2, 0, 0, 3, 4, 0, 0];
    let expected = [48, 64, 16, 32];
    let sixteen = packed(2, 2, 8, 0, &rows);
    for at in [0, 20, 54, 58, 117] {
        assert_eq!(greys(&offset(sixteen.clone(), at, 16), 2), expected, "16 colours, {at}");
    }
    // 256 colours, which the header need not declare.
    let full = [&sixteen[..118], &[0; 240 * 4], &rows].concat();
    for at in [0, 54, 118, 1074, 1078] {
        assert_eq!(greys(&offset(full.clone(), at, 0), 2), expected, "256 colours, {at}");
    }
    // Unused colours are omitted: the offset is right.
    assert_eq!(greys(&offset(sixteen.clone(), 118, 0), 2), expected);
    // The offset is also right if there is a gap after the palette.
    let gap = [&sixteen[..118], &[9; 10], &rows].concat();
    assert_eq!(greys(&offset(gap, 128, 16), 2), expected);
    // The offset is too high if pixels that follow the palette end with the file.
    assert_eq!(greys(&offset(sixteen.clone(), 122, 16), 2), expected);
    assert_eq!(greys(&offset([&sixteen[..], &[0]].concat(), 119, 16), 2), [64, 0, 32, 0]);
    // The same with run lengths.
    let runs = packed(2, 2, 8, 1, &[1, 1, 1, 2, 0, 0, 1, 3, 1, 4, 0, 1]);
    assert_eq!(greys(&offset(runs, 54, 16), 2), expected);
}

#[test]
fn bitmaps_of_run_lengths() {
    let eight = [
        // A run of three 1s and the end of the row; then the literals 2, 3 and 4, padded; and the end of the file.
        3, 1, 0, 0, 0, 3, 2, 3, 4, 0, 0, 1,
    ];
    assert_eq!(greys(&packed(3, 2, 8, 1, &eight), 3), [32, 48, 64, 16, 16, 16]);
    // The same with two pixels in a byte. The second row begins one pixel to the right, one row up.
    let four = [3, 0x11, 0, 0, 0, 2, 1, 0, 2, 0x23, 0, 1];
    assert_eq!(greys(&packed(3, 2, 4, 2, &four), 3), [0, 32, 48, 16, 16, 16]);
    // Without an end, and with missing rows.
    assert_eq!(reason(&packed(3, 30, 8, 1, &[3, 1, 0, 0])), Reason::Truncated);
    assert_eq!(reason(&packed(3, 2, 24, 1, &four)), Reason::UnsupportedFormat);
}

/// The rows are decoded in bands.
#[test]
fn large_bitmaps_have_every_row_in_its_place() {
    let file = fixtures::bmp(900, 500, 32);
    let expected: Vec<_> = fixtures::rgb(900, 500).chunks_exact(3).map(|p| [p[0], p[1], p[2], 255]).collect();
    assert!(show(&file, 900) == expected);
    let mut top_down = file;
    top_down[22..26].copy_from_slice(&(-500_i32).to_le_bytes());
    assert!(show(&top_down, 900) == expected.chunks(900).rev().flatten().copied().collect::<Vec<_>>());
}

#[test]
fn bitmaps_with_headers_of_every_length() {
    let plain = packed(2, 1, 8, 0, &[1, 2, 0, 0]);
    // Fields that a shorter header omits have their defaults, and longer headers change nothing.
    for length in [16_u8, 20, 36, 40, 52, 56, 64, 108, 124] {
        let mut header = plain[14..54].to_vec();
        header[0] = length;
        header.resize(usize::from(length), 0);
        let colours = 256 - if length > 32 { 240 } else { 0 };
        let palette: Vec<u8> = (0..colours).flat_map(|i: u32| [(i % 16 * 16) as u8; 4]).collect();
        let mut file = [&plain[..14], &header, &palette, &[1, 2, 0, 0]].concat();
        let pixels = u32::try_from(file.len() - 4).unwrap();
        file[10..14].copy_from_slice(&pixels.to_le_bytes());
        assert_eq!(greys(&file, 2), [16, 32], "{length} bytes");
    }
    // The header of OS/2, with colours of three bytes.
    let palette: Vec<u8> = (0..256_u32).flat_map(|i| [i as u8; 3]).collect();
    let header = [12, 0, 0, 0, 2, 0, 1, 0, 1, 0, 8, 0];
    let file = [b"BM\0\0\0\0\0\0\0\0\x1a\x03\0\0", &header[..], &palette, &[16, 32, 0, 0]].concat();
    assert_eq!(greys(&file, 2), [16, 32]);
}

#[test]
fn run_lengths_that_are_cut_need_nine_rows_in_ten() {
    let rows = |count: usize| greys_or_reason(&packed(3, 30, 8, 1, &[3, 1, 0, 0].repeat(count)));
    assert_eq!(rows(30), Ok(vec![16; 90]));
    assert_eq!(rows(27).map(|greys| greys[9..].to_vec()), Ok(vec![16; 81]));
    assert_eq!(rows(26), Err(Reason::Truncated));
    // A marked end may omit any number of rows.
    let ended = packed(3, 30, 8, 1, &[3, 1, 0, 1]);
    assert_eq!(greys(&ended, 3)[87..], [16; 3]);
}

fn greys_or_reason(file: &[u8]) -> Result<Vec<u8>, Reason> {
    let options = thumbnail::Options::default();
    thumbnail::make(file, &options).map(|_| greys(file, 3)).map_err(|rejection| rejection.reason)
}

#[test]
fn colours_of_sixteen_and_thirty_two_bits_have_masks() {
    let masked = |bits: u16, masks: [u32; 3], pixel: &[u8]| {
        let mut file = packed(1, 1, bits, 3, &[]);
        file.truncate(54);
        file.extend(masks.iter().flat_map(|mask| mask.to_le_bytes()));
        file.extend(pixel);
        file[10..14].copy_from_slice(&66_u32.to_le_bytes());
        show(&file, 1)[0]
    };
    // 5, 6 and 5 bits, with full green.
    assert_eq!(masked(16, [0xf800, 0x07e0, 0x001f], &[0xe0, 0x07, 0, 0]), [0, 255, 0, 255]);
    assert_eq!(masked(16, [0xf800, 0x07e0, 0x001f], &[0x10, 0x84, 0, 0]), [132, 130, 132, 255]);
    assert_eq!(masked(32, [0xff, 0xff00, 0x00ff_0000], &[1, 2, 3, 9]), [1, 2, 3, 255]);
}

#[test]
fn of_an_icon_the_largest_picture_is_shown_with_the_most_colours() {
    let [small, few, many] = [fixtures::ico(16, 32), fixtures::ico(32, 4), fixtures::ico(32, 24)];
    let mut directory = vec![0, 0, 1, 0, 3, 0];
    let mut pictures = Vec::new();
    for icon in [&many, &small, &few] {
        let mut entry = icon[6..22].to_vec();
        entry[12..16].copy_from_slice(&(6 + 3 * 16 + pictures.len() as u32).to_le_bytes());
        directory.extend(entry);
        pictures.extend_from_slice(&icon[22..]);
    }
    assert_eq!(show(&[directory, pictures].concat(), 32), show(&many, 32));
}

#[test]
fn the_bitmap_of_an_icon_may_count_its_rows_without_the_mask() {
    let icon = fixtures::ico(32, 24);
    let mut alone = icon.clone();
    alone[22 + 8..22 + 12].copy_from_slice(&32_u32.to_le_bytes());
    assert!(show(&alone, 32) == show(&icon, 32));
    // Without a mask, all pixels are opaque.
    alone.truncate(alone.len() - 32 * 4);
    assert!(
        show(&alone, 32)
            .iter()
            .zip(show(&icon, 32))
            .all(|(pixel, masked)| pixel[3] == 255 && masked[3] < 255 || *pixel == masked)
    );
}

#[test]
fn tiffs_of_other_kinds() {
    let tiff = |samples, bits, pixels: &[u8], tags: &[(u16, u16)]| fixtures::tiff(4, 1, samples, bits, pixels, tags);
    // White is zero.
    assert_eq!(greys(&tiff(1, 8, &[0, 1, 200, 255], &[(262, 0)]), 4), [255, 254, 55, 0]);
    // One and four bits a sample.
    assert_eq!(greys(&tiff(1, 1, &[0b0110_0000], &GREY), 4), [0, 255, 255, 0]);
    assert_eq!(greys(&tiff(1, 4, &[0x0f, 0x37], &GREY), 4), [0, 255, 51, 119]);
    // Sixteen bits are rounded.
    assert_eq!(greys(&tiff(1, 16, &[0, 0, 0xff, 0x00, 0x80, 0x00, 0xff, 0xff], &GREY), 4), [0, 1, 0, 255]);
    // Colours are multiplied by alpha; transparent pixels have none.
    let half = [100, 50, 0, 128, 0, 0, 0, 0].repeat(2);
    let pixels = show(&tiff(4, 8, &half, &[(262, 2), (338, 1)]), 4);
    assert_eq!((pixels[0], pixels[1][3]), ([199, 100, 0, 128], 0));
    // A fourth sample that is not alpha.
    assert_eq!(show(&tiff(4, 8, &half, &[(262, 2), (338, 0)]), 4)[0], [100, 50, 0, 255]);
    // Each colour has its own plane, which a single strip cannot contain.
    assert!(matches!(
        reason(&tiff(3, 8, &[0; 12], &[(262, 2), (284, 2)])),
        Reason::Corrupt | Reason::UnsupportedFormat
    ));
}

#[test]
fn alpha_of_a_bitmap_file_counts_where_all_of_it_is_zero() {
    let mut file = packed(1, 1, 32, 3, &[]);
    file[14] = 56;
    file.truncate(54);
    file.extend([0x00ff_0000, 0x0000_ff00, 0xff, 0xff00_0000_u32].iter().flat_map(|mask| mask.to_le_bytes()));
    file[10..14].copy_from_slice(&70_u32.to_le_bytes());
    let pixel = |alpha: u8| show(&[&file[..], &[3, 2, 1, alpha]].concat(), 1)[0];
    assert_eq!(pixel(9), [1, 2, 3, 9]);
    assert_eq!(pixel(0)[3], 0);
}

//! Tests the first frames of animations, and transparency.

use png::ColorType as Colours;
use thumbnail::{Options, Output, Size};

use super::{
    decode,
    fixtures::{self, png_bytes},
    make,
};

#[test]
fn a_frame_smaller_than_its_screen_is_surrounded_by_nothing() {
    let made = make(&fixtures::gif(40, 30, 10, 20, false), 40);
    let (width, height, pixels) = decode(&made.thumbnails[0].bytes);
    assert_eq!((width, height), (40, 30));
    for (i, pixel) in pixels.iter().enumerate() {
        assert_eq!(pixel[3] == 255, i % 40 >= 10 && i / 40 >= 20, "pixel {i}");
    }
}

#[test]
fn a_gif_shows_its_first_frame_with_that_ones_palette_and_transparency() {
    let made = make(&fixtures::animated_gif(40, 20), 40);
    assert_eq!(made.source.frames, 2);
    let (width, height, pixels) = decode(&made.thumbnails[0].bytes);
    assert_eq!((width, height), (40, 20));
    for (i, pixel) in pixels.iter().enumerate() {
        if i % 40 < 20 {
            assert_eq!(pixel[3], 0, "pixel {i}");
        } else {
            assert_eq!(*pixel, [0, 0, 200, 255], "pixel {i}");
        }
    }
}

#[test]
fn an_animated_webp_shows_its_first_frame_on_nothing() {
    let frame = fixtures::webp(20, 10, true, true);
    let file = fixtures::animated_webp(&frame, (40, 30), (20, 10), (12, 8));
    let made = make(&file, 40);
    assert_eq!((made.source.width, made.source.height, made.source.frames), (40, 30, 2));
    let (_, _, pixels) = decode(&made.thumbnails[0].bytes);
    let (_, _, alone) = decode(&make(&frame, 20).thumbnails[0].bytes);
    for (i, pixel) in pixels.iter().enumerate() {
        let (x, y) = (i % 40, i / 40);
        if (12..32).contains(&x) && (8..18).contains(&y) {
            let expected = alone[(y - 8) * 20 + x - 12];
            let off = pixel.iter().zip(expected).map(|(a, b)| a.abs_diff(b)).max().unwrap();
            assert!(off <= 2, "pixel {x}, {y}: {pixel:?} for {expected:?}");
        } else {
            assert_eq!(pixel[3], 0, "pixel {x}, {y} is beside the frame");
        }
    }
}

#[test]
fn an_apng_shows_its_default_picture() {
    let (first, second) = (fixtures::png(Colours::Rgb, 60, 40), fixtures::png(Colours::Rgb, 60, 40));
    let file = png_bytes::animated(&first, &second, 60, 40);
    assert_eq!(make(&file, 30).thumbnails[0].bytes, make(&first, 30).thumbnails[0].bytes);
}

/// The colour of a transparent pixel must not show as a fringe.
#[test]
fn colours_that_cannot_be_seen_do_not_bleed() {
    let layout = png_bytes::Layout { width: 400, height: 400, colour: png_bytes::RGBA, depth: 8, interlaced: false };
    // Red stripes, and fully transparent green ones.
    let file = layout.encode(&[], |x, y| if (x + y) / 3 % 2 == 0 { vec![255, 0, 0, 255] } else { vec![0, 255, 0, 0] });
    let webp = webp::Encoder::new(&decode(&file).2.concat(), webp::PixelLayout::Rgba, 400, 400)
        .encode_simple(true, 100.0)
        .unwrap()
        .to_vec();
    for file in [&file[..], &webp] {
        // Widths with and without the box filter.
        for width in [7, 30, 99, 250] {
            let (_, _, pixels) = decode(&make(file, width).thumbnails[0].bytes);
            for pixel in pixels.iter().filter(|pixel| pixel[3] > 8) {
                assert!(pixel[1] < 24 && pixel[0] > 230, "at width {width}: {pixel:?}");
            }
        }
    }
}

#[test]
fn every_output_flattens_or_keeps_transparency() {
    let file = fixtures::png(Colours::Rgba, 64, 64);
    for (output, opaque) in [("png", false), ("webp", false), ("jpeg", true)] {
        let output: Output = output.parse().unwrap();
        let options = Options { sizes: vec![Size::Width(64)], outputs: vec![output], ..Options::default() };
        let made = thumbnail::make(&file, &options).unwrap();
        // A PNG thumbnail shows the content of the other thumbnail.
        let (_, _, pixels) = decode(&make(&made.thumbnails[0].bytes, 64).thumbnails[0].bytes);
        assert_eq!(pixels.iter().all(|pixel| pixel[3] == 255), opaque, "{output:?}");
    }
}

/// The codes of noise end at any position within a byte, and thus within the last row. A code of a long run stands for several rows.
#[test]
fn no_gif_loses_its_last_row_to_the_end_of_its_data() {
    let mut random = fastrand::Rng::with_seed(2);
    let colours = [[0, 0, 0], [250, 10, 20], [10, 240, 30], [20, 30, 230]];
    for longest_run in [1, 9, 60].repeat(200) {
        let (width, height) = (random.u8(1..24), random.u8(1..24));
        let mut indices = Vec::new();
        while indices.len() < usize::from(width) * usize::from(height) {
            indices.extend(vec![random.u8(..4); random.usize(1..=longest_run)]);
        }
        indices.truncate(usize::from(width) * usize::from(height));
        let packed = weezl::encode::Encoder::new(weezl::BitOrder::Lsb, 2).encode(&indices).unwrap();
        let mut file = [b"GIF89a", &[width, 0, height, 0, 0x81, 0, 0][..], colours.as_flattened()].concat();
        file.extend([b',', 0, 0, 0, 0, width, 0, height, 0, 0, 2]);
        for block in packed.chunks(255) {
            file.push(u8::try_from(block.len()).unwrap());
            file.extend(block);
        }
        file.extend([0, b';']);
        let outputs = vec!["png".parse().unwrap()];
        let made = thumbnail::make(&file, &thumbnail::Options { outputs, ..thumbnail::Options::default() }).unwrap();
        let (_, _, pixels) = decode(&made.thumbnails[0].bytes);
        let expected: Vec<_> = indices.iter().map(|&index| colours[usize::from(index)]).collect();
        let shown: Vec<_> = pixels.iter().map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
        assert_eq!(shown, expected, "{width} by {height}");
    }
}

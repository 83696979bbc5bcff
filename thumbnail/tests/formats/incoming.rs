//! Tests sources that arrive piece by piece: their thumbnails are the same as of whole sources, and a cut source has none.

use std::{thread, time::Duration};

use jpeg_encoder::ColorType as Colours;
use thumbnail::{Made, Options, Rejection, Size, incoming, make_incoming};

use super::fixtures::{self, Jpeg, png_bytes};

/// Files that are large enough to be decoded before they are whole.
const SIZE: (u32, u32) = (1600, 1200);

fn options() -> Options {
    Options { sizes: vec![Size::Width(250), Size::Width(100)], ..Options::default() }
}

/// Sends the first `sent` bytes of a file in pieces, and makes thumbnails of it meanwhile.
fn make(file: &[u8], piece: usize, sent: usize) -> Option<Result<Made, Rejection>> {
    let (feed, source) = incoming(file.len());
    thread::scope(|scope| {
        let made = scope.spawn(|| make_incoming(source, &options()));
        for piece in file[..sent].chunks(piece) {
            feed.send(piece);
            // Leaves time to decode ahead before the file is complete.
            thread::sleep(Duration::from_millis(1));
        }
        if sent == file.len() {
            feed.finish();
        } else {
            drop(feed);
        }
        made.join().unwrap()
    })
}

fn files() -> Vec<(&'static str, Vec<u8>)> {
    let (width, height) = SIZE;
    let jpeg = Jpeg { quality: 95, ..Jpeg::default() };
    let baseline = jpeg.encode(width, height);
    let late = (0..10).map(|_| (4, vec![7; 60_000])).collect::<Vec<_>>();
    let half = [&baseline[..baseline.len() / 2], b"\xff\xd9"].concat();
    let png = fixtures::png(png::ColorType::Rgb, width, height);
    let (pixels, end) = png.split_at(png.len() - 12);
    let turned_at_end = [pixels, &png_bytes::chunk(*b"eXIf", &fixtures::exif(6)), end].concat();
    vec![
        ("progressive", Jpeg { progressive: true, ..jpeg }.encode(width, height)),
        ("cmyk", Jpeg { colours: Colours::Cmyk, ..jpeg }.encode(width, height)),
        ("turned", jpeg.encode_with(width, height, &[fixtures::exif_segment(6)])),
        ("header of 600 KB", jpeg.encode_with(width, height, &late)),
        ("followed by another", [&baseline[..], &baseline[..]].concat()),
        ("half", half),
        ("png, nearly whole", png[..png.len() * 98 / 100].to_vec()),
        ("png, damaged", damaged(&png)),
        ("jpeg, damaged", damaged(&baseline)),
        ("png, half", png[..png.len() / 2].to_vec()),
        ("png, turned at its end", turned_at_end),
        ("png", png),
        ("decoded in full", jpeg.encode(550, 800)),
        ("text", vec![b'x'; 200_000]),
        ("baseline", baseline),
    ]
}

/// Changes bytes near the end of a file.
fn damaged(file: &[u8]) -> Vec<u8> {
    let mut file = file.to_vec();
    let at = file.len() * 95 / 100;
    file[at..at + 50].fill(0x55);
    file
}

#[test]
fn thumbnails_are_those_of_the_whole_file() {
    for (name, file) in files() {
        assert!(file.len() > 70_000, "{name} comes in more than one window: {} bytes", file.len());
        let expected = thumbnail::make(&file, &options());
        for piece in [10_000, 70_000] {
            let made = make(&file, piece, file.len()).unwrap();
            match (&expected, made) {
                (Ok(expected), Ok(made)) => {
                    assert_eq!(made.source, expected.source, "{name}");
                    let files = |made: &Made| {
                        made.thumbnails.iter().map(|thumbnail| thumbnail.bytes.clone()).collect::<Vec<_>>()
                    };
                    assert!(files(&made) == files(expected), "{name}");
                }
                (Err(expected), Err(rejection)) => assert_eq!(rejection.to_string(), expected.to_string(), "{name}"),
                (expected, made) => panic!("{name}: {made:?} instead of {expected:?}"),
            }
        }
    }
}

#[test]
fn of_a_cut_source_nothing_is_said() {
    for (name, file) in files() {
        for sent in [0, 3, 66_000, file.len() - 1] {
            assert!(make(&file, 8192, sent).is_none(), "{name}, {sent} of {} bytes", file.len());
        }
    }
}

//! Tests PNM and QOI.

use thumbnail::{Format, Options, Reason};

use super::{HEIGHT, WIDTH, colour, decode, difference, fixtures, make, reason};

fn show(file: &[u8], width: u32) -> Vec<[u8; 4]> {
    decode(&make(file, width).thumbnails[0].bytes).2
}

fn greys(file: &[u8], width: u32) -> Vec<u8> {
    let pixels = show(file, width);
    assert!(pixels.iter().all(|p| p[0] == p[1] && p[1] == p[2] && p[3] == 255), "{pixels:?}");
    pixels.iter().map(|pixel| pixel[0]).collect()
}

/// Makes a file of a text header and bytes.
fn file(header: &str, data: &[u8]) -> Vec<u8> {
    [header.as_bytes(), data].concat()
}

fn pam(depth: u32, white: u32, kind: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("P7\nWIDTH 1\nHEIGHT 1\nDEPTH {depth}\nMAXVAL {white}\nTUPLTYPE {kind}\nENDHDR\n");
    file(&header, data)
}

#[test]
fn pnm_of_every_kind() {
    // In a PBM, black is 1, and digits need no space between them.
    assert_eq!(greys(b"P1\n2 2\n0 1\n10", 2), [255, 0, 0, 255]);
    assert_eq!(greys(b"P2 2 1 15 0 10\n", 2), [0, 170]);
    assert_eq!(show(b"P3\n1 1\n255\n1 2 3\n", 1), [[1, 2, 3, 255]]);
    assert_eq!(show(b"P3 1 1 65535\n65535 32768 0", 1), [[255, 128, 0, 255]]);
    // Rows begin with a new byte.
    assert_eq!(greys(&file("P4\n3 2\n", &[0b0101_1111, 0b1010_0000]), 3), [255, 0, 255, 0, 255, 0]);
    assert_eq!(greys(&file("P5\n2 1\n255\n", &[7, 200]), 2), [7, 200]);
    let photo = file("P6\n240 160\n255\n", &fixtures::rgb(WIDTH, HEIGHT));
    assert!(difference(&photo, &colour()) == 0.0);
    let made = thumbnail::make(&photo, &Options::default()).unwrap();
    assert_eq!((made.source.format, made.thumbnails[0].format), (Format::Pnm, Format::Jpeg));
    assert_eq!(show(&pam(4, 255, "RGB_ALPHA", &[9, 8, 7, 100]), 1), [[9, 8, 7, 100]]);
    assert_eq!(show(&pam(3, 255, "RGB", &[9, 8, 7]), 1), [[9, 8, 7, 255]]);
    assert_eq!(show(&pam(2, 255, "GRAYSCALE_ALPHA", &[9, 100]), 1), [[9, 9, 9, 100]]);
    assert_eq!(show(&pam(1, 255, "GRAYSCALE", &[9]), 1), [[9, 9, 9, 255]]);
    // In a PAM, white is 1.
    assert_eq!(show(&pam(1, 1, "BLACKANDWHITE", &[1]), 1), [[255, 255, 255, 255]]);
    assert_eq!(show(&pam(2, 1, "BLACKANDWHITE_ALPHA", &[0, 1]), 1), [[0, 0, 0, 255]]);
    // A picture with alpha becomes a PNG.
    let made = thumbnail::make(&pam(4, 255, "RGB_ALPHA", &[9, 8, 7, 100]), &Options::default()).unwrap();
    assert_eq!(made.thumbnails[0].format, Format::Png);
}

#[test]
fn pnm_of_every_depth() {
    assert_eq!(greys(&file("P5\n4 1\n15\n", &[15, 5, 0, 99]), 4), [255, 85, 0, 255]);
    assert_eq!(greys(&file("P5 1 1 1023\n", &[2, 0]), 1), [128]);
    assert_eq!(greys(&file("P5 2 1 65535\n", &[0xff, 0, 0x80, 0]), 2), [254, 128]);
    assert_eq!(greys(&file("P5 1 1 256\n", &[1, 0]), 1), [255]);
    assert_eq!(show(&file("P6 1 1 4095\n", &[15, 255, 8, 0, 0, 0]), 1), [[255, 128, 0, 255]]);
    assert_eq!(show(&pam(4, 65_535, "RGB_ALPHA", &[255, 255, 128, 0, 0, 0, 64, 0]), 1), [[255, 128, 0, 64]]);
    assert_eq!(show(&pam(2, 65_535, "GRAYSCALE_ALPHA", &[255, 255, 128, 0]), 1), [[255, 255, 255, 128]]);
    for white in ["0", "65536", "4294967297"] {
        assert_eq!(reason(&file(&format!("P5 1 1 {white}\n"), &[0; 8])), Reason::Corrupt, "{white}");
    }
}

#[test]
fn headers_of_pnm_are_read_as_netpbm_reads_them() {
    let expected = [1, 2];
    for header in [
        "P5\n# by hand\n2 1\n255\n",
        "P5#\n#\n 2# wide\n1 # high\n255# the end of the header, \n",
        "P5 2 1 # 7 8 9\r255 ",
        "P5\t00002\r\n1\n\n255\n",
    ] {
        assert_eq!(greys(&file(header, &expected), 2), expected, "{header:?}");
    }
    // The header ends with a single character, so that samples may look like white space.
    assert_eq!(greys(&file("P5 2 1 255\n", b"\n "), 2), [10, 32]);
    assert_eq!(greys(&file("P5 2 1 255\r", b"\n "), 2), [10, 32]);
    // If the file is one byte longer than its rows, the end of the header is a line end of Windows.
    assert_eq!(greys(&file("P5 2 1 255\r\n", &expected), 2), expected);
    let lines = "P7\n# by hand\nHEIGHT 1\n\nWIDTH  2\r\nMAXVAL 255\nDEPTH 1\nENDHDR\n";
    assert_eq!(greys(&file(lines, &expected), 2), expected);
    // Samples of a PAM without a type have the usual number of bytes.
    assert_eq!(greys(&file("P7\nWIDTH 1\nHEIGHT 1\nDEPTH 1\nMAXVAL 65535\nENDHDR\n", &[128, 0]), 1), [128]);
    // The first of several pictures is shown.
    assert_eq!(greys(&file("P5 2 1 255\n", &[1, 2, b'P', b'5']), 2), expected);
}

#[test]
fn what_no_pnm_can_be_is_rejected() {
    assert_eq!(reason(&pam(4, 255, "CMYK", &[0; 4])), Reason::UnsupportedFormat);
    assert_eq!(reason(&pam(5, 255, "RGB_ALPHA", &[0; 5])), Reason::UnsupportedFormat);
    for text in ["P8 1 1 255\n", "P5 is a class of clarinets", "P7 332\n", "P7\n#XV thumbnail", "Pf 1 1 1\n", "P61 1\n"]
    {
        assert_eq!(reason(text.as_bytes()), Reason::UnsupportedFormat, "{text}");
    }
    for text in ["P5 1 1x255\n1", "P5 1 -1 255\n1", "P7\nWIDTH 1\nHEIGHT 1\nDEPTH 1\nENDHDR\n1", "P7\nDENSITY 1\n"] {
        assert_eq!(reason(text.as_bytes()), Reason::Corrupt, "{text}");
    }
    for text in ["P5\n", "P5\n1", "P5 1 1 255", "P7\nWIDTH 1\nENDHDR", "P5 1 # 1 255"] {
        assert_eq!(reason(text.as_bytes()), Reason::Truncated, "{text}");
    }
    assert_eq!(reason(b"P6 100000 100000 255\n"), Reason::TooManyPixels);
    assert_eq!(reason(b"P6 0 1 255\n"), Reason::Corrupt);
    assert_eq!(reason(b"P3 1 1 255\n1 2 x"), Reason::Corrupt);
    assert_eq!(reason(b"P1 2 1\n0 7"), Reason::Corrupt);
}

#[test]
fn of_a_pnm_nine_rows_in_ten_must_be_there() {
    let kinds: [(&str, &[u8]); 4] = [
        ("P2 3 100 255\n", b"40 50 60\n"),
        ("P4 3 100\n", &[0b0100_0000]),
        ("P5 3 100 255\n", &[40, 50, 60]),
        ("P5 3 100 65535\n", &[40, 0, 50, 0, 60, 0]),
    ];
    for (header, row) in kinds {
        let rows = |count: usize| file(header, &row.repeat(count));
        // Missing rows repeat the last row.
        assert_eq!(show(&rows(90), 3), show(&rows(100), 3), "{header}");
        assert_eq!(reason(&rows(89)), Reason::Truncated, "{header}");
    }
}

/// The rows are decoded in bands.
#[test]
fn large_pnms_have_every_row_in_its_place() {
    let pixels = fixtures::rgb(900, 500);
    let expected: Vec<_> = pixels.chunks_exact(3).map(|p| [p[0], p[1], p[2], 255]).collect();
    assert!(show(&file("P6 900 500 255\n", &pixels), 900) == expected);
    let wide: Vec<u8> = pixels.iter().flat_map(|&v| [v, v]).collect();
    assert!(show(&file("P6 900 500 65535\n", &wide), 900) == expected);
    let text: Vec<String> = pixels.iter().map(u8::to_string).collect();
    assert!(show(&file("P3 900 500 255\n", text.join("\n").as_bytes()), 900) == expected);
}

const QOI_END: [u8; 8] = [0, 0, 0, 0, 0, 0, 0, 1];

/// Makes a QOI of one row, whose pixels are `chunks`.
fn qoi(width: u8, channels: u8, space: u8, chunks: &[u8]) -> Vec<u8> {
    [b"qoif\0\0\0", &[width, 0, 0, 0, 1, channels, space][..], chunks, &QOI_END].concat()
}

#[test]
fn qoi_of_every_chunk() {
    let chunks = [
        // Red, green, blue; a run of two; a small and a larger difference; an earlier pixel by its hash.
        &[0xfe, 10, 20, 30][..],
        &[0xc1],
        &[0b01_11_10_01],
        &[0b1010_1000, 0b1001_0111],
        &[(10 * 3 + 20 * 5 + 30 * 7 + 255 * 11) as u8 % 64],
    ];
    let expected = [[10, 20, 30, 255]; 3].into_iter().chain([[11, 20, 29, 255], [20, 28, 36, 255], [10, 20, 30, 255]]);
    let expected: Vec<_> = expected.collect();
    assert_eq!(show(&qoi(6, 3, 0, &chunks.concat()), 6), expected);
    assert_eq!(show(&qoi(6, 4, 0, &chunks.concat()), 6), expected);
    let made = |channels| thumbnail::make(&qoi(6, channels, 0, &chunks.concat()), &Options::default()).unwrap();
    assert_eq!((made(3).source.format, made(3).thumbnails[0].format), (Format::Qoi, Format::Jpeg));
    // Alpha does not change until a pixel that has alpha, and counts only if the header announces it.
    let alpha = [0xff, 10, 20, 30, 40, 0b01_11_10_01];
    assert_eq!(show(&qoi(2, 4, 0, &alpha), 2), [[10, 20, 30, 40], [11, 20, 29, 40]]);
    assert_eq!(show(&qoi(2, 3, 0, &alpha), 2), [[10, 20, 30, 255], [11, 20, 29, 255]]);
    // A run at the beginning makes black an earlier pixel.
    let black = (255_u32 * 11 % 64) as u8;
    for runs in [&[0xc0][..], &[0xc1], &[0xc0, 0xc0]] {
        let width = if runs == [0xc0] { 3 } else { 4 };
        let pixels = show(&qoi(width, 4, 0, &[runs, &[0xfe, 9, 9, 9, black]].concat()), width.into());
        assert_eq!(pixels[pixels.len() - 2..], [[9, 9, 9, 255], [0, 0, 0, 255]], "{runs:?}");
        assert!(pixels[..pixels.len() - 2].iter().all(|pixel| *pixel == [0, 0, 0, 255]), "{runs:?}");
    }
    // The colour space is ignored, because many writers declare files as linear that are not.
    assert_eq!(show(&qoi(1, 4, 1, &[0xff, 0, 55, 255, 128]), 1), [[0, 55, 255, 128]]);
}

#[test]
fn a_qoi_must_be_whole() {
    let sound = qoi(2, 3, 0, &[0xfe, 10, 20, 30, 0xfe, 1, 2, 3]);
    for length in 4..sound.len() {
        assert_eq!(reason(&sound[..length]), Reason::Truncated, "{length}");
    }
    let mut odd = sound.clone();
    *odd.last_mut().unwrap() = 2;
    assert_eq!(reason(&[&odd[..], &[0; 9]].concat()), Reason::Corrupt);
    for (at, value) in [(12, 2), (12, 5), (7, 0)] {
        let mut odd = sound.clone();
        odd[at] = value;
        assert_eq!(reason(&odd), Reason::Corrupt, "{value} at {at}");
    }
    assert_eq!(reason(&[b"qoif\0\x01\0\0\0\x01\0\0\x03\0", &QOI_END[..]].concat()), Reason::TooManyPixels);
    // Data after the end are ignored.
    make(&[&sound[..], b"more"].concat(), 2);
}

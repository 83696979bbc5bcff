//! Tests unusual JPEGs from the field, each made from a plain one. Their thumbnails look like in a browser, or better.

#![allow(clippy::cast_sign_loss)] // samples are positive

use jpeg_encoder::{ColorType, SamplingFactor};

use super::{HEIGHT, WIDTH, colour, decode, difference, fixtures, fixtures::Jpeg, grey, make};

type Pixels = Vec<[u8; 4]>;

fn shown(file: &[u8]) -> Pixels {
    decode(&make(file, WIDTH).thumbnails[0].bytes).2
}

/// Returns the offset of a marker's segment.
fn segment(file: &[u8], marker: u8) -> usize {
    file.windows(2).position(|pair| pair == [0xff, marker]).unwrap() + 2
}

fn with_restarts() -> (Vec<u8>, Vec<usize>) {
    // Each interval is a row of MCUs.
    let file = Jpeg { restart: 15, ..Jpeg::default() }.encode(WIDTH, HEIGHT);
    let is_restart = |&at: &usize| file[at] == 0xff && (0xd0..=0xd7).contains(&file[at + 1]);
    let restarts = (segment(&file, 0xda)..file.len() - 1).filter(is_restart).collect();
    (file, restarts)
}

/// Lists the rows of pixels in which pictures differ by more than rounding.
fn touched(left: &Pixels, right: &Pixels) -> Vec<usize> {
    let rows = left.chunks(WIDTH as usize).zip(right.chunks(WIDTH as usize)).enumerate();
    rows.filter(|(_, (left, right))| left != right).map(|(row, _)| row).collect()
}

#[test]
fn a_damaged_or_lost_restart_marker_of_a_small_jpeg_loses_one_interval() {
    let (file, restarts) = with_restarts();
    let at = restarts[4];
    let damaged = [&file[..=at], &[0xae], &file[at + 2..]].concat();
    let lost = [&file[..at], &file[at + 2..]].concat();
    let sound = shown(&file);
    for file in [damaged, lost] {
        let rows = touched(&sound, &shown(&file));
        // The sixth row of MCUs, and the neighbouring rows with which its chrominance is smoothed.
        assert!(!rows.is_empty() && rows.iter().all(|row| (79..97).contains(row)), "{rows:?}");
    }
}

#[test]
fn misnumbered_restart_markers_of_a_small_jpeg_change_nothing() {
    let (file, restarts) = with_restarts();
    let renumbered = |which: &[usize], by: u8| {
        let mut file = file.clone();
        for &at in which {
            file[at + 1] = 0xd0 + (file[at + 1] - 0xd0 + by) % 8;
        }
        file
    };
    assert_eq!(shown(&renumbered(&restarts, 3)), shown(&file));
    assert_eq!(shown(&renumbered(&restarts[4..5], 4)), shown(&file));
}

#[test]
fn chrominance_finer_than_luminance_is_shown() {
    // The encoder's first component has the most samples, so it gets blue chrominance, and the frame lists the second component first.
    let ycc = |p: &[u8; 4]| {
        let [r, g, b] = [p[0], p[1], p[2]].map(f64::from);
        let y = 0.299 * r + 0.587 * g + 0.114 * b;
        [128.0 + (b - y) / 1.772, y, 128.0 + (r - y) / 1.402].map(|value| value as u8)
    };
    let pixels: Vec<u8> = colour().iter().flat_map(ycc).collect();
    let mut file = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut file, 95);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder.encode(&pixels, WIDTH as u16, HEIGHT as u16, ColorType::Ycbcr).unwrap();
    let frame = segment(&file, 0xc0) + 8;
    let (first, second) = file[frame..frame + 6].split_at_mut(3);
    first.swap_with_slice(second);
    assert_eq!((file[frame + 1], file[frame + 4]), (0x11, 0x22));
    let off = difference(&file, &colour());
    assert!(off < 5.0, "{off}");
}

#[test]
fn jfif_says_ycbcr_whatever_the_components_are_called() {
    let mut file = Jpeg::default().encode(WIDTH, HEIGHT);
    assert_eq!(&file[6..10], b"JFIF");
    let expected = shown(&file);
    let (frame, scan) = (segment(&file, 0xc0) + 8, segment(&file, 0xda) + 3);
    for (index, &name) in b"RGB".iter().enumerate() {
        file[frame + 3 * index] = name;
        file[scan + 2 * index] = name;
    }
    assert_eq!(shown(&file), expected);
}

#[test]
fn a_comment_of_an_impossible_length_is_passed_over() {
    let file = Jpeg::default().encode(WIDTH, HEIGHT);
    for length in [0, 1] {
        let odd = [&file[..2], &[0xff, 0xfe, 0, length], &file[2..]].concat();
        assert_eq!(shown(&odd), shown(&file), "length {length}");
    }
}

#[test]
fn an_orientation_of_no_values_is_none() {
    let (number, mut content) = fixtures::exif_segment(6);
    let at = content.len() - 12;
    assert_eq!(content[at..at + 4], [0, 0, 0, 1]);
    content[at + 3] = 0;
    let file = Jpeg::default().encode_with(WIDTH, HEIGHT, &[(number, content)]);
    assert_eq!(shown(&file), shown(&Jpeg::default().encode(WIDTH, HEIGHT)));
}

/// Without one byte, data often remain decodable to their end.
#[test]
fn a_jpeg_that_lacks_a_byte_is_shown_where_it_can_be_read() {
    let file = Jpeg { quality: 95, colours: ColorType::Luma, ..Jpeg::default() }.encode(WIDTH, HEIGHT);
    let data = segment(&file, 0xda) + 12;
    let late = data + (file.len() - data) * 9 / 10;
    let (mut made, mut count) = (0, 0);
    for at in (data..late).step_by(97) {
        let damaged = [&file[..at], &file[at + 1..]].concat();
        count += 1;
        made += usize::from(thumbnail::make(&damaged, &thumbnail::Options::default()).is_ok());
    }
    assert!(made * 3 > count, "{made} of {count}");
}

/// Damage has added an MCU and lightened everything after it. Without restart markers, all of it would be displaced.
#[test]
fn a_jpeg_with_an_mcu_too_many_is_shown_in_place() {
    let (across, at) = (WIDTH as usize / 8, 11 * WIDTH as usize / 8 + 13);
    let grey: Vec<u8> = grey().iter().map(|pixel| pixel[0] / 2 + 40).collect();
    let block = |index: usize| {
        let corner = index / across * 8 * WIDTH as usize + index % across * 8;
        (0..8).map(|y| grey[corner + y * WIDTH as usize..][..8].to_vec()).collect::<Vec<_>>()
    };
    let file = |odd: usize| {
        let mut blocks: Vec<_> = (0..across * HEIGHT as usize / 8).map(block).collect();
        if odd > 0 {
            blocks[at..].iter_mut().flatten().flatten().for_each(|sample| *sample += 40);
        }
        blocks.splice(at..at, vec![vec![vec![250; 8]; 8]; odd]);
        // A row of them, so that the file has what its frame will not say.
        let strip: Vec<u8> = (0..8).flat_map(|y| blocks.iter().flat_map(move |block| block[y].clone())).collect();
        let mut file = Vec::new();
        let encoder = jpeg_encoder::Encoder::new(&mut file, 95);
        encoder.encode(&strip, 8 * blocks.len() as u16, 8, ColorType::Luma).unwrap();
        let frame = segment(&file, 0xc0) + 3;
        file[frame..frame + 4].copy_from_slice(&[0, HEIGHT as u8, 0, WIDTH as u8]);
        file
    };
    let sound = shown(&file(0));
    for odd in [1, 2] {
        let off: Vec<u8> = sound.iter().zip(shown(&file(odd))).map(|(a, b)| a[0].abs_diff(b[0])).collect();
        let mean = |rows: &[u8]| rows.iter().map(|&off| f64::from(off)).sum::<f64>() / rows.len() as f64;
        let (above, rest) = off.split_at(88 * WIDTH as usize);
        assert!(mean(above) < 0.1 && mean(&rest[8 * WIDTH as usize..]) < 5.0, "{}, {}", mean(above), mean(rest));
    }
}

//! Tests the policy for damage at every scale, row by row of the table in the crate's documentation.

#![allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_sign_loss)]

use std::{io::BufReader, ops::Range};

use scaled_jpeg::{Coverage, Decoder, Error, Plane, Scale};

use crate::common::{
    Random,
    writer::{Component, Form, Picture},
};

/// Makes a picture of 13 × 10 MCUs.
fn picture() -> Picture {
    Picture::random(200, 160, &[(2, 2), (1, 1), (1, 1)], 11)
}

/// Returns the forms of a sequential and of a progressive file, in which a restart interval of the first scan is a row of MCUs.
fn forms() -> [Form; 2] {
    [Form::sequential(3), Form::progressive(3)].map(|form| Form { interval: 13, ..form })
}

/// Returns the offsets of the restart markers of the first scan.
fn restarts(file: &[u8]) -> Vec<usize> {
    let scan = file.windows(2).position(|pair| pair == [0xff, 0xda]).unwrap() + 2;
    let is_marker = |at: &usize| file[*at] == 0xff && !matches!(file[at + 1], 0 | 0xff);
    (scan..file.len() - 1).filter(is_marker).take_while(|&at| (0xd0..=0xd7).contains(&file[at + 1])).collect()
}

fn planes(file: &[u8], scale: Scale) -> Vec<Plane> {
    Decoder::from_slice(file).unwrap().decode_planes(scale).unwrap()
}

fn coverage(file: &[u8]) -> Coverage {
    Decoder::from_slice(file).unwrap().decode(Scale::Half).unwrap().coverage
}

/// Checks at every scale that rows of MCUs outside of `touched` equal those of the sound file, and that `lost` rows count as missing.
#[track_caller]
fn check(sound: &[u8], damaged: &[u8], touched: Range<usize>, lost: usize) {
    for scale in Scale::ALL {
        for (sound, plane) in planes(sound, scale).iter().zip(&planes(damaged, scale)) {
            let rows = plane.height / 10;
            for (y, (right, row)) in sound.data.chunks(plane.width).zip(plane.data.chunks(plane.width)).enumerate() {
                assert!(right == row || touched.contains(&(y / rows)), "row {y} of {} at {scale:?}", plane.height);
            }
        }
    }
    let Coverage { found, expected, .. } = coverage(damaged);
    // A row has 25 × 2 visible blocks of luminance, or 26 × 2 with those beyond the edge, and 13 blocks of each chrominance.
    let missing = (expected - found) as usize;
    assert!((lost * 70..=lost * 78).contains(&missing), "{missing} blocks are missing, not {lost} rows");
}

#[test]
fn misnumbered_markers() {
    for form in forms() {
        let sound = picture().write(&form);
        let restarts = restarts(&sound);
        let renumbered = |which: &[usize], by: u8| {
            let mut file = sound.clone();
            for &index in which {
                let number = &mut file[restarts[index] + 1];
                *number = 0xd0 + (*number - 0xd0 + by) % 8;
            }
            file
        };
        for by in [3, 4, 5] {
            check(&sound, &renumbered(&[3], by), 0..0, 0);
            check(&sound, &renumbered(&[0, 1, 2, 3, 4, 5, 6, 7, 8], by), 0..0, 0);
        }
        // The number looks as if one or two markers were missing, or as if the marker was one or two intervals old.
        check(&sound, &renumbered(&[3], 1), 4..6, 1);
        check(&sound, &renumbered(&[3], 2), 4..7, 2);
        check(&sound, &renumbered(&[3], 6), 4..5, 1);
        check(&sound, &renumbered(&[3], 7), 4..5, 1);
        // If all numbers are one too high, each interval is taken for the next row, until an interval is left over.
        let coverage = coverage(&renumbered(&[0, 1, 2, 3, 4, 5, 6, 7, 8], 1));
        assert!(coverage.found * 2 < coverage.expected, "{coverage:?}");
    }
}

#[test]
fn missing_markers() {
    for form in forms() {
        let sound = picture().write(&form);
        let restarts = restarts(&sound);
        // The row before the missing marker is sound, and all rows after the next one are in their place.
        let without = |range: Range<usize>| [&sound[..range.start], &sound[range.end..]].concat();
        check(&sound, &without(restarts[3]..restarts[3] + 2), 4..5, 1);
        check(&sound, &[&sound[..=restarts[3]], &[0xae], &sound[restarts[3] + 2..]].concat(), 4..5, 1);
        check(&sound, &without(restarts[3]..restarts[4]), 4..5, 1);
        // A number that is further ahead counts if the data before it are not whole.
        check(&sound, &without(restarts[2] + 5..restarts[5]), 3..6, 3);
        check(&sound, &without(restarts[1] + 5..restarts[7]), 2..8, 6);
    }
}

#[test]
fn doubled_markers_and_garbage_before_them() {
    for form in forms() {
        let sound = picture().write(&form);
        let at = restarts(&sound)[3];
        let put = |bytes: &[u8]| [&sound[..at], bytes, &sound[at..]].concat();
        check(&sound, &put(&sound[at..at + 2]), 0..0, 0);
        check(&sound, &put(&[0; 3]), 0..0, 0);
        check(&sound, &put(&[0xff; 3]), 0..0, 0);
    }
}

#[test]
fn an_interval_with_too_few_mcus_is_lost() {
    for form in forms() {
        let sound = picture().write(&form);
        let at = restarts(&sound)[3];
        let short = [&sound[..at - 20], &sound[at..]].concat();
        check(&sound, &short, 3..4, 1);
    }
}

#[test]
fn data_that_end_early_count_if_the_file_ends_there() {
    for form in [Form::sequential(3), Form::progressive(3)] {
        let sound = picture().write(&form);
        let next = sound
            .windows(2)
            .enumerate()
            .skip(700)
            .find(|(_, pair)| pair[0] == 0xff && pair[1] > 0xc0 && pair[1] < 0xff);
        let end = next.unwrap().0;
        let cut = &sound[..end - 30];
        let found = coverage(cut);
        assert!(!found.is_complete() && found.found * 10 > found.expected * 9, "{found:?}");
        // The place of the lost blocks is unknown.
        assert_eq!(coverage(&[cut, &sound[end..]].concat()).found, 0);
        assert_eq!(coverage(&[cut, b"\xff\xd9"].concat()).found, 0);
    }
}

#[test]
fn segments_with_impossible_lengths() {
    for form in forms() {
        let sound = picture().write(&form);
        for marker in [0xfe, 0xe3, 0xec] {
            for segment in [&[0, 0][..], &[0, 1], &[0, 0, b'a', b'b'], &[0xff, 0xf0, b'a']] {
                let put = |at: usize| [&sound[..at], &[0xff, marker], segment, &sound[at..]].concat();
                check(&sound, &put(2), 0..0, 0);
                let scan = sound.windows(2).position(|pair| pair == [0xff, 0xda]).unwrap();
                check(&sound, &put(scan), 0..0, 0);
                if segment[0] == 0 {
                    let made = Decoder::new(BufReader::new(&put(2)[..])).unwrap().decode(Scale::Half).unwrap();
                    assert!(made.coverage.is_complete());
                }
            }
        }
        // A table cannot be skipped.
        let table = sound.windows(2).position(|pair| pair == [0xff, 0xc4]).unwrap();
        let mut damaged = sound.clone();
        damaged[table + 2..table + 4].fill(0);
        assert!(matches!(Decoder::from_slice(&damaged), Err(Error::Corrupt(_))));
    }
    // A segment that may contain a picture is not searched for the next marker.
    let [sound, inner] = [picture(), Picture::random(16, 16, &[(1, 1)], 1)]
        .map(|picture| picture.write(&Form::sequential(picture.components.len())));
    for segment in [&b"\xff\xe1\xff\xf0Exif\0\0"[..], b"\xff\xed\xff\xf0Photoshop"] {
        let cut = [&sound[..2], segment, &inner].concat();
        assert!(matches!(Decoder::from_slice(&cut), Err(Error::NoPicture)));
    }
}

/// A block's last run of zeros leads past the end of the block. The coefficient counts as the last one, as in libjpeg.
#[test]
fn a_run_beyond_the_block_is_no_damage() {
    let header = b"\xff\xd8\xff\xdb\0\x43\0".iter().copied().chain([1; 64]);
    let frame = b"\xff\xc0\0\x0b\x08\0\x08\0\x10\x01\x01\x11\0";
    // DC: the code 0 is no difference. AC: 0 is a run of fifteen zeros and a value of one bit, and 10 ends the block.
    let tables =
        [&b"\xff\xc4\0\x14\0\x01"[..], &[0; 15], &[0], b"\xff\xc4\0\x15\x10\x01\x01", &[0; 14], &[0xf1, 0]].concat();
    let scan = b"\xff\xda\0\x08\x01\x01\0\0\x3f\0";
    // Two blocks: four times fifteen zeros and a one, the last of which has the index 64; then a flat block.
    let data = [0b0010_1010, 0b1010_1111];
    let file: Vec<u8> = header.chain([&frame[..], &tables, scan, &data, b"\xff\xd9"].concat()).collect();
    for scale in Scale::ALL {
        let made = Decoder::from_slice(&file).unwrap().decode(scale).unwrap();
        assert!(made.coverage.is_complete(), "{scale:?}: {:?}", made.coverage);
        let width = scale.eighths() as usize;
        let second = made.data.chunks(2 * width).flat_map(|row| &row[width..]);
        assert!(second.copied().all(|sample| sample == 128), "{scale:?}");
    }
}

/// If an interval loses some coefficients of a band, its blocks lose the whole band. They count as lost at scales that need the band.
#[test]
fn a_damaged_band_of_a_progressive_file() {
    let mut picture = picture();
    let form = Form { interval: 50, ..Form::spectral(3) };
    let sound = picture.write(&form);
    // In the first band of luminance, an interval is two rows of blocks. The third interval loses its end.
    let second = sound.windows(2).enumerate().filter(|(_, pair)| *pair == [0xff, 0xda]).nth(1).unwrap().0;
    let marker = second + restarts(&sound[second..])[2];
    let damaged = [&sound[..marker - 10], &sound[marker..]].concat();
    for block in 100..150 {
        let at = block / 25 * picture.components[0].padded + block % 25;
        picture.components[0].coefficients[at][1..=2].fill(0);
    }
    let without = picture.write(&form);
    for scale in Scale::ALL {
        let (right, made) = (planes(&without, scale), planes(&damaged, scale));
        assert!(right.iter().zip(&made).all(|(right, made)| right.data == made.data), "{scale:?}");
        let coverage = Decoder::from_slice(&damaged).unwrap().decode(scale).unwrap().coverage;
        let lost = if scale == Scale::Eighth { 0 } else { 50 };
        assert_eq!(coverage.expected - coverage.found, lost, "{scale:?}");
    }
}

/// Behind an invalid code, the rest of the interval is lost. The part before the code is shown.
#[test]
fn a_code_that_stands_for_nothing() {
    for form in forms() {
        let sound = picture().write(&form);
        let at = restarts(&sound)[3];
        // No code consists of ones. Stuffed zeros keep them from being a marker.
        let damaged = [&sound[..at - 40], &[0xff, 0, 0xff, 0, 0xff, 0, 0xff, 0], &sound[at - 32..]].concat();
        for scale in Scale::ALL {
            for (sound, plane) in planes(&sound, scale).iter().zip(&planes(&damaged, scale)) {
                let row = plane.data.len() / 10;
                assert!(
                    sound.data[..3 * row] == plane.data[..3 * row] && sound.data[4 * row..] == plane.data[4 * row..]
                );
            }
        }
        let Coverage { found, expected, .. } = coverage(&damaged);
        assert!((1..78).contains(&(expected - found)), "{} of {expected} blocks", expected - found);
    }
}

#[test]
fn an_interval_with_too_many_mcus_is_lost() {
    // Grey and one block wide, so that a row is an MCU. The intervals have nine MCUs, and the header says eight.
    for form in [Form::sequential(1), Form::spectral(1)] {
        let mut file = Picture::random(8, 45 * 8, &[(1, 1)], 5).write(&Form { interval: 9, ..form });
        let frame = file.windows(2).position(|pair| matches!(pair, [0xff, 0xc1 | 0xc2])).unwrap();
        file[frame + 5..frame + 7].copy_from_slice(&(40_u16 * 8).to_be_bytes());
        let interval = file.windows(2).position(|pair| pair == [0xff, 0xdd]).unwrap();
        file[interval + 5] = 8;
        assert_eq!(coverage(&file).found, 0);
    }
}

/// Writes a grey picture of 40 × 30 blocks, in which a column has one lightness. `by` surplus blocks precede the block `at`, and all
/// blocks behind them are lighter by `excess`.
fn slipped(lightness: &[i32; 40], at: usize, by: usize, excess: i32) -> Vec<u8> {
    with_odd_blocks(|index| lightness[index % 40], &[(at, by, 0)], excess)
}

/// Writes a grey picture of 40 × 30 blocks with `lightness` by block. `places` lists damaged places from the last one on: the index of a
/// block, the number of blocks to insert there, and the number of blocks to leave out. All blocks behind a place are lighter by `excess`.
fn with_odd_blocks(lightness: impl Fn(usize) -> i32, places: &[(usize, usize, usize)], excess: i32) -> Vec<u8> {
    let block = |dc: i32| std::array::from_fn(|index| if index == 0 { dc } else { 0 });
    let mut coefficients: Vec<[i32; 64]> = (0..1200).map(|index| block(lightness(index))).collect();
    for &(at, by, missing) in places {
        coefficients[at..].iter_mut().for_each(|block| block[0] += excess);
        coefficients.splice(at..at + missing, [block(90), block(-80)].into_iter().cycle().take(by));
    }
    // The blocks are written as one row, because the frame's dimensions do not allow for surplus blocks. Then the frame is changed.
    let blocks = coefficients.len();
    let component = Component { h: 1, v: 1, padded: blocks, blocks: (blocks, 1), coefficients };
    let picture = Picture { width: blocks * 8, height: 8, components: vec![component] };
    let mut file = picture.write(&Form::sequential(1));
    let frame = file.windows(2).position(|pair| pair == [0xff, 0xc1]).unwrap();
    file[frame + 5..frame + 9].copy_from_slice(&[0, 240, 320_u16.to_be_bytes()[0], 320_u16.to_be_bytes()[1]]);
    file
}

#[test]
fn a_scan_without_restart_markers_that_slips_is_brought_into_step() {
    let mut random = Random(14);
    let lightness = std::array::from_fn(|_| random.below(120) as i32 - 60);
    let sound = slipped(&lightness, 0, 0, 0);
    for (by, excess) in [(1, 0), (1, 25), (2, -25), (10, 12)] {
        let damaged = slipped(&lightness, 12 * 40 + 17, by, excess);
        for scale in Scale::ALL {
            let (sound, made) = (&planes(&sound, scale)[0], &planes(&damaged, scale)[0]);
            let row = sound.data.len() / 30;
            let is_same = |rows: Range<usize>| {
                let range = rows.start * row..rows.end * row;
                sound.data[range.clone()] == made.data[range]
            };
            assert!(is_same(0..12) && is_same(13..30), "{by} at {scale:?}, lighter by {excess}");
        }
        let Coverage { found, expected, .. } = coverage(&damaged);
        assert!((1..=120).contains(&(expected - found)), "{by}, lighter by {excess}: {found} of {expected}");
        // A decoder cannot go back in a file that arrives in pieces.
        let pieces = Decoder::new(BufReader::new(&damaged[..])).unwrap().decode(Scale::Half).unwrap();
        assert_eq!(pieces.coverage.found, 0);
    }
    // Damage in three places, from the top: a surplus block, a missing one, and another surplus one.
    let places = [(20 * 40 + 17, 1, 0), (12 * 40 + 25, 0, 1), (5 * 40 + 10, 1, 0)];
    let file = with_odd_blocks(|index| lightness[index % 40], &places, 0);
    let pieces = Decoder::new(BufReader::new(&file[..])).unwrap().decode(Scale::Full).unwrap();
    assert_eq!(pieces.coverage.found, 0);
    assert_eq!(coverage(&file).found, 0);
    assert_eq!(planes(&file, Scale::Full)[0].data, pieces.data);
    // A pattern and a single colour do not show the place, and more surplus blocks do not count as a slip.
    let pattern = std::array::from_fn(|column| 50 * (column as i32 % 2));
    assert_eq!(coverage(&slipped(&pattern, 12 * 40 + 17, 2, 0)).found, 0);
    assert_eq!(coverage(&slipped(&[0; 40], 12 * 40 + 17, 1, 0)).found, 0);
    assert_eq!(coverage(&slipped(&lightness, 12 * 40 + 17, 11, 0)).found, 0);
}

/// The picture shows where the scan slipped, but not how much lighter the rest has become.
#[test]
fn a_slip_that_may_leave_the_picture_lighter_or_darker_is_not_mended() {
    let mut random = Random(41);
    let columns: [i32; 40] = std::array::from_fn(|_| random.below(120) as i32 - 60);
    let rows: [i32; 32] = std::array::from_fn(|_| random.below(80) as i32 - 40);
    let striped = |index: usize| columns[index % 40] + rows[index / 40];
    for column in [2, 17, 30] {
        assert_eq!(coverage(&with_odd_blocks(striped, &[(6 * 40 + column, 1, 0)], 25)).found, 0, "{column}");
    }
    // The same uncertainty is accepted if only a small part of the picture is behind the damage.
    assert!(coverage(&with_odd_blocks(|index| striped(index) / 2, &[(26 * 40 + 17, 1, 0)], 25)).found > 1000);
    // The MCUs of the row behind the place disagree about the lightness.
    let speckled: [i32; 1240] = std::array::from_fn(|_| random.below(60) as i32 - 30);
    let speckled = |index: usize| columns[index % 40] + if index / 40 == 6 { speckled[index] } else { 0 };
    assert_eq!(coverage(&with_odd_blocks(speckled, &[(6 * 40 + 2, 1, 0)], 25)).found, 0);
    // Less than two rows are behind the place.
    assert_eq!(coverage(&slipped(&columns, 28 * 40 + 17, 1, 25)).found, 0);
}

#[test]
fn a_comment_that_leads_past_the_end_never_costs_what_comes_in_pieces_its_last_scans() {
    let sound = picture().write(&Form::progressive(3));
    let last = sound.windows(2).rposition(|pair| pair == [0xff, 0xda]).unwrap();
    let mut damaged = sound.clone();
    damaged.splice(last..last, [0xff, 0xfe, 0xff, 0xff]);
    for scale in Scale::ALL {
        let (sound, damaged) = (planes(&sound, scale), planes(&damaged, scale));
        assert!(sound.iter().zip(&damaged).all(|(sound, damaged)| sound.data == damaged.data), "{scale:?}");
    }
    // In pieces, the comment may have swallowed the last scans, and without them the picture would be blurred.
    let pieces = Decoder::new(BufReader::new(&damaged[..])).unwrap().decode(Scale::Half);
    assert!(matches!(pieces, Err(Error::Io(_))), "{pieces:?}");
}

//! Tests the tags of TIFFs, and how writers use them.

use thumbnail::{Options, Reason};

use super::{decode, fixtures::tiff_bytes::Tiff, make, reason};

fn show(file: &[u8], width: u32) -> Vec<[u8; 4]> {
    decode(&make(file, width).thumbnails[0].bytes).2
}

/// Makes a picture of three pixels from their samples.
fn three(photometric: u16, samples: &[u8], change: impl Fn(&mut Tiff)) -> Vec<u8> {
    let mut tiff = Tiff::new(3, 1, photometric, samples.len() / 3);
    change(&mut tiff);
    tiff.encode_chunks(|_, _, _, _| samples.to_vec())
}

#[test]
fn a_predictor_counts_only_where_a_compression_has_one() {
    let levels = [10, 20, 30, 40, 50, 60, 70, 80, 90];
    let plain = show(&three(2, &levels, |_| {}), 3);
    assert_eq!(plain[1], [40, 50, 60, 255]);
    for predictor in [0, 2, 3, 9] {
        assert_eq!(show(&three(2, &levels, |tiff| tiff.predictor = predictor), 3), plain, "{predictor}");
        let packed = [&[8], &levels[..]].concat();
        let bits = three(2, &packed, |tiff| (tiff.predictor, tiff.samples, tiff.compression) = (predictor, 3, 32773));
        assert_eq!(show(&bits, 3), plain, "{predictor}, run lengths");
    }
}

#[test]
fn a_last_sample_of_which_nothing_is_said_is_alpha() {
    assert_eq!(show(&three(2, &[1, 2, 3, 4].repeat(3), |_| {}), 3)[2], [1, 2, 3, 4]);
    assert_eq!(show(&three(1, &[9, 100].repeat(3), |_| {}), 3)[2], [9, 9, 9, 100]);
    assert_eq!(show(&three(0, &[9, 100].repeat(3), |_| {}), 3)[2], [246, 246, 246, 100]);
    assert_eq!(show(&three(5, &[0, 255, 0, 0, 100].repeat(3), |_| {}), 3)[2], [255, 0, 255, 100]);
    // Corel Draw's value.
    assert_eq!(show(&three(2, &[1, 2, 3, 4].repeat(3), |tiff| tiff.extra = vec![999]), 3)[2], [1, 2, 3, 4]);
    // Two extra samples may mean anything, and 0 declares that the sample is not alpha.
    assert_eq!(show(&three(2, &[1, 2, 3, 4, 5].repeat(3), |_| {}), 3)[2], [1, 2, 3, 255]);
    assert_eq!(show(&three(1, &[9, 100].repeat(3), |tiff| tiff.extra = vec![0]), 3)[2], [9, 9, 9, 255]);
}

#[test]
fn a_palette_that_is_not_there_makes_no_colours() {
    assert_eq!(reason(&three(3, &[0, 1, 2], |_| {})), Reason::Corrupt);
    let colours = |tiff: &mut Tiff| tiff.palette = (0..768_u32).map(|i| (i % 256 * 257) as u16).collect();
    assert_eq!(show(&three(3, &[0, 1, 2], colours), 3)[2], [2, 2, 2, 255]);
}

/// Numbers of signed types are read if they are not negative.
#[test]
fn numbers_may_have_any_type_of_whole_numbers() {
    let plain = three(1, &[7, 8, 9], |_| {});
    let width = plain.windows(2).position(|tag| tag == 256_u16.to_le_bytes()).unwrap();
    let typed = |kind: u8, value: u32| {
        let mut file = plain.clone();
        file[width + 2] = kind;
        file[width + 8..width + 12].copy_from_slice(&value.to_le_bytes());
        file
    };
    for kind in [1, 3, 4, 6, 7, 8, 9, 13] {
        assert_eq!(show(&typed(kind, 3), 3), show(&plain, 3), "type {kind}");
    }
    for (kind, value) in [(6, 0xfd), (8, 0xfffd), (9, 0xffff_fffd), (5, 3), (11, 3), (99, 3)] {
        assert_eq!(reason(&typed(kind, value)), Reason::Corrupt, "type {kind}");
    }
}

#[test]
fn what_tags_announce_and_nobody_reads_is_rejected_by_the_number_of_the_tag() {
    let reject = |change: &dyn Fn(&mut Tiff), tag: u16| {
        let mut tiff = Tiff::new(8, 8, 2, 3);
        change(&mut tiff);
        let file = tiff.encode_chunks(|_, _, _, _| vec![0; 192]);
        let rejection = thumbnail::make(&file, &Options::default()).map(|made| made.source).unwrap_err();
        assert_eq!(rejection.reason, Reason::UnsupportedFormat, "{rejection}");
        assert!(rejection.detail.contains(&format!("tag {tag}")), "{rejection}");
    };
    for compression in [6, 9, 32771, 32809, 34676, 34712, 34925, 50000, 50001, 50002] {
        reject(&|tiff| tiff.compression = compression, 259);
    }
    for photometric in [4, 10, 32803, 32844, 32845, 34892] {
        reject(&|tiff| tiff.photometric = photometric, 262);
    }
    reject(&|tiff| tiff.fill_order = 3, 266);
    reject(&|tiff| (tiff.predictor, tiff.compression) = (4, 8), 317);
    reject(&|tiff| (tiff.predictor, tiff.bits, tiff.compression) = (2, 4, 5), 317);
    for format in [2, 5, 6] {
        reject(&|tiff| tiff.format = format, 339);
    }
    reject(&|tiff| tiff.bits = 24, 258);
    reject(&|tiff| (tiff.photometric, tiff.subsampling) = (6, (3, 1)), 530);
    reject(&|tiff| (tiff.photometric, tiff.samples, tiff.tags) = (5, 4, vec![(332, 3, vec![2])]), 332);
    let uncompressed_fax = |tiff: &mut Tiff| {
        (tiff.photometric, tiff.samples, tiff.bits, tiff.compression) = (0, 1, 1, 3);
        tiff.tags = vec![(292, 4, vec![2])];
    };
    reject(&uncompressed_fax, 292);
}

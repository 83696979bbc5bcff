//! The quantisation tables, in perceptual proportions, scaled to match the qualities of libjpeg.

/// The steps for luminance, row by row in hundredths, in the proportions of jpegli's for YCbCr (`quant.cc`).
pub(super) const LUMINANCE: [u16; 64] = [
    248, 345, 584, 563, 668, 693, 768, 774, 345, 419, 569, 541, 688, 633, 805, 807, 584, 569, 592, 677, 724, 781, 752,
    847, 563, 541, 677, 676, 834, 961, 957, 921, 668, 688, 724, 834, 916, 985, 1115, 1097, 693, 633, 781, 961, 985,
    1088, 1019, 1217, 768, 805, 752, 957, 1115, 1019, 1088, 1081, 774, 807, 847, 921, 1097, 1217, 1081, 876,
];

/// The steps for chrominance, in the proportions of jpegli's for Cr. Their ratio to luminance is the one with the smallest files at
/// equal SSIMULACRA2, with chroma at half the width and height.
pub(super) const CHROMINANCE: [u16; 64] = [
    175, 270, 441, 395, 512, 528, 551, 569, 270, 379, 421, 429, 483, 421, 403, 503, 441, 421, 414, 413, 527, 413, 473,
    521, 395, 429, 413, 420, 463, 477, 448, 502, 512, 483, 527, 463, 407, 569, 543, 483, 528, 421, 413, 477, 569, 516,
    595, 3855, 551, 403, 473, 448, 543, 595, 3791, 5001, 569, 503, 521, 502, 483, 3855, 5001, 6894,
];

/// The factor of the steps for each quality, in hundredths. On photos 300 and 500 pixels wide, this encoder then has the same mean
/// SSIMULACRA2 as libjpeg-turbo at that quality.
#[rustfmt::skip] // a table
const SCALE: [(u32, u32); 14] = [
    (1, 9000), (5, 4000), (10, 2000), (20, 1045), (30, 696), (40, 548), (50, 446),
    (60, 380), (70, 305), (80, 209), (90, 122), (95, 67), (98, 29), (100, 0),
];

/// Scales the steps of a table to a quality from 1 to 100. At 100, all steps are 1.
pub(super) fn steps(table: &[u16; 64], quality: u8) -> [u8; 64] {
    let scale = scale(quality.into());
    table.map(|step| {
        let step = (u32::from(step) * scale + 5000) / 10_000;
        u8::try_from(step.clamp(1, 255)).unwrap_or(u8::MAX)
    })
}

/// Interpolates the factor of a quality.
fn scale(quality: u32) -> u32 {
    let above = SCALE.iter().position(|&(at, _)| quality <= at).unwrap_or(SCALE.len() - 1);
    let ((low, coarse), (high, fine)) = (SCALE[above.saturating_sub(1)], SCALE[above]);
    fine + (coarse - fine) * (high - quality.clamp(low, high)) / (high - low).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn better_qualities_have_finer_steps() {
        for table in [&LUMINANCE, &CHROMINANCE] {
            for quality in 1..100 {
                let (worse, better) = (steps(table, quality), steps(table, quality + 1));
                assert!(worse.iter().zip(&better).all(|(worse, better)| worse >= better), "{quality}");
            }
            assert_eq!(steps(table, 100), [1; 64]);
        }
        assert_eq!(steps(&LUMINANCE, 1)[63], 255);
        assert_eq!(steps(&LUMINANCE, 80)[..3], [5, 7, 12]);
    }

    #[test]
    fn the_scale_passes_through_what_was_measured() {
        for (quality, expected) in SCALE {
            assert_eq!(scale(quality), expected, "{quality}");
        }
        assert_eq!(scale(85), 165);
    }
}

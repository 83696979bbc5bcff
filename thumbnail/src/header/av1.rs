//! Reads the headers of a picture coded by AV1: how its samples are stored, and how much decoding it costs.

use oxideav_av1::{Error, ObuIter, ObuType, SequenceHeader, parse_sequence_header};

use crate::{Reason, Rejection};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Coded {
    /// The rows and columns that share a sample of chroma; `None` if there is no chroma.
    pub(crate) chroma: Option<(u32, u32)>,
    /// The bits of a sample: 8, 10 or 12.
    pub(crate) depth: u8,
    pub(crate) full_range: bool,
    /// The code points of ITU-T H.273.
    pub(crate) transfer: u16,
    pub(crate) matrix: u16,
    /// Whether noise may be added to the decoded picture.
    grain: bool,
    /// The number of frames, which are all decoded. A layered picture has several.
    frames: u8,
}

impl Coded {
    /// Reads the sequence header, and rejects data with more frames or units than a picture has.
    pub(crate) fn read(data: &[u8]) -> Result<Self, Rejection> {
        const MOST_FRAMES: u8 = 4;
        const MOST_PARTS: usize = 1024;
        let (mut sequence, mut frames): (Option<SequenceHeader>, u8) = (None, 0);
        for (i, unit) in ObuIter::new(data).enumerate() {
            let unit = unit.map_err(rejection)?;
            match unit.obu_type {
                ObuType::SequenceHeader => {
                    let read = parse_sequence_header(unit.payload).map_err(rejection)?;
                    if sequence.as_ref().is_some_and(|before| *before != read) {
                        return Err(Reason::UnsupportedFormat.because("the AVIF's picture changes how it is coded"));
                    }
                    sequence = Some(read);
                }
                ObuType::Frame | ObuType::FrameHeader => frames += 1,
                _ => {}
            }
            if frames > MOST_FRAMES || i > MOST_PARTS {
                return Err(Reason::TooComplex.because("the AVIF's picture has more frames or parts than any real one"));
            }
        }
        let sequence =
            sequence.ok_or_else(|| Reason::Corrupt.because("the AVIF's picture does not say how it is coded"))?;
        let colour = sequence.color_config;
        let shared = |subsampled: bool| if subsampled { 2 } else { 1 };
        Ok(Self {
            chroma: (!colour.mono_chrome).then(|| (shared(colour.subsampling_y), shared(colour.subsampling_x))),
            depth: colour.bit_depth,
            full_range: colour.color_range,
            transfer: colour.transfer_characteristics.into(),
            matrix: colour.matrix_coefficients.into(),
            grain: sequence.film_grain_params_present,
            frames,
        })
    }

    /// The number of pixels of all frames, if each frame has `pixels`.
    pub(crate) fn pixels(&self, pixels: u64) -> u64 {
        pixels.saturating_mul(self.frames.into())
    }

    /// The number of samples of `pixels` pixels.
    fn samples(&self, pixels: u128) -> u128 {
        pixels + self.chroma.map_or(0, |(rows, columns)| 2 * pixels / u128::from(rows * columns))
    }

    /// The memory of a decoded picture of `pixels` pixels, in bytes.
    pub(crate) fn decoded_bytes(&self, pixels: u128) -> u128 {
        self.samples(pixels) * if self.depth > 8 { 2 } else { 1 }
    }

    /// The peak memory of decoding a picture of `pixels` pixels in bytes, including the decoded picture.
    ///
    /// Each frame takes samples of 32 bits and the state of each block. The factors are measured for all chroma layouts and the tools of
    /// several encoders.
    pub(crate) fn working_bytes(&self, pixels: u128) -> u128 {
        let quarters = if self.grain { 42 } else { 17 };
        u128::from(self.frames) * (8 * pixels + self.samples(pixels) * quarters / 4)
    }
}

/// Converts an error of the decoder.
pub(crate) fn rejection(error: Error) -> Rejection {
    let reason = match error {
        Error::FindMvStackUnsupported | Error::AssignMvUnsupported | Error::MotionModeUnsupported => {
            Reason::UnsupportedFormat
        }
        _ => Reason::Corrupt,
    };
    reason.because(format!("AV1: {error}"))
}

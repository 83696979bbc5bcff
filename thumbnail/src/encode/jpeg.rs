//! JPEG: baseline, 4:2:0, with Huffman tables made for the picture.

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

use super::failed;
use crate::{
    Rejection,
    picture::{Model, Picture},
};

/// `picture` is grey or RGB.
pub(super) fn encode(picture: &Picture, quality: u8) -> Result<Vec<u8>, Rejection> {
    let (Ok(width), Ok(height)) = (u16::try_from(picture.width), u16::try_from(picture.height)) else {
        return Err(failed(format!("{} by {} pixels are too many for JPEG", picture.width, picture.height)));
    };
    let colours = if picture.model == Model::Gray { ColorType::Luma } else { ColorType::Rgb };
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, quality);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder.set_optimized_huffman_tables(true);
    encoder.set_progressive(true);
    encoder.encode(&picture.data, width, height, colours).map_err(|error| failed(format!("JPEG: {error}")))?;
    Ok(file)
}

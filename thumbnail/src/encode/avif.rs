//! AVIF, at the fastest preset of the encoder that compresses well. It runs on one thread, so that the file does not depend on the machine.

use ravif::{Encoder, Img, RGB8, RGBA8};

use super::failed;
use crate::{
    Rejection,
    picture::{Model, Picture},
};

/// The encoder's speed, from 1 (slow, small files) to 10.
const SPEED: u8 = 9;

pub(super) fn encode(picture: &Picture, quality: u8, exif: Option<&[u8]>) -> Result<Vec<u8>, Rejection> {
    let colour = picture.clone().into_rgb();
    let encoder = Encoder::new().with_quality(f32::from(quality)).with_speed(SPEED).with_num_threads(Some(1));
    let encoder = if let Some(exif) = exif { encoder.with_exif(exif) } else { encoder };
    let (width, height) = (colour.width as usize, colour.height as usize);
    let file = if colour.model == Model::Rgba {
        let pixels: Vec<_> = colour.data.chunks_exact(4).map(|p| RGBA8::new(p[0], p[1], p[2], p[3])).collect();
        encoder.encode_rgba(Img::new(&pixels[..], width, height))
    } else {
        let pixels: Vec<_> = colour.data.chunks_exact(3).map(|p| RGB8::new(p[0], p[1], p[2])).collect();
        encoder.encode_rgb(Img::new(&pixels[..], width, height))
    };
    file.map(|file| file.avif_file).map_err(|error| failed(format!("AVIF: {error}")))
}

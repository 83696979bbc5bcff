//! JPEG.
mod bits;
mod coefficients;
mod decoder;
mod error;
mod geometry;
mod header;
mod huffman;
mod input;
mod output;
mod progressive;
mod raster;
mod scan;
mod sequential;
mod standard;
mod transform;
mod walk;
mod zigzag;

pub use decoder::{Coverage, Decoder, MAX_SCANS, Picture, Plane};
pub use error::Error;
pub use geometry::Scale;
pub use header::{Component, Header};
pub use raster::Pixels;

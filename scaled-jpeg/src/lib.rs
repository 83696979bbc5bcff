#![doc = include_str!("../README.md")]
// Codecs move bits between widths all the time; where a loss would matter, the code says so.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::decimal_bitwise_operands,
    clippy::verbose_bit_mask
)]
// The names of the field: u, v, x, y, a part and parts.
#![allow(clippy::many_single_char_names, clippy::needless_range_loop, clippy::similar_names)]
// Measured: state that is not kept in registers costs a fifth.
#![allow(clippy::inline_always)]

mod bits;
mod coefficients;
mod colours;
mod decoder;
mod deposit;
mod error;
mod geometry;
mod header;
mod huffman;
mod input;
mod means;
mod memory;
mod open;
mod output;
mod part;
mod plane;
mod progressive;
mod run;
mod scan;
mod sequential;
mod slip;
mod streams;
mod tables;
mod transform;
mod upsample;
mod walk;

pub use colours::Pixels;
pub use decoder::{Coverage, Decoder, MAX_SCANS, Outline, Picture, Plane};
pub use error::Error;
pub use geometry::Scale;
pub use header::{Colours, Component, Header};

//! Image bytes to thumbnails. Synchronous, pure, no I/O.
//!
//! [`make`] is the whole of it, [`make_incoming`] the same for a source that another thread still receives; the order of its work is the list in `pipeline.rs`. Untrusted bytes are parsed by memory-safe
//! code only, after limits that are checked by the header alone.
//!
//! ```
//! # let bytes = b"not an image";
//! let options = thumbnail::Options { sizes: vec!["300".parse().unwrap()], ..Default::default() };
//! match thumbnail::make(bytes, &options) {
//!     Ok(made) => println!("{} thumbnails", made.thumbnails.len()),
//!     Err(rejection) => println!("{}: {}", rejection.reason.code(), rejection.detail),
//! }
//! ```

mod admission;
mod animation;
mod box_filter;
mod bytes;
mod colour;
mod decode;
mod encode;
mod exif;
mod format;
mod header;
mod incoming;
mod look;
mod options;
mod orientation;
mod palette;
mod picture;
mod pipeline;
mod plan;
mod reason;
mod resample;
mod rights;
mod size;

use std::time::Duration;

pub use animation::Motion;
pub use format::Format;
pub use incoming::{Feed, Incoming, incoming};
pub use look::Look;
pub use options::{Animation, Keep, Limits, Options, Output};
pub use pipeline::{make, make_incoming, memory_needed};
pub use reason::{Reason, Rejection};
pub use size::{MAX_EDGE, Size};

/// What was read of a source's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceInfo {
    /// Width in pixels, upright.
    pub width: u32,
    /// Height in pixels, upright.
    pub height: u32,
    /// The file's format, from its magic bytes.
    pub format: Format,
    /// Frames of a GIF or an animated WebP; 1 for all others.
    pub frames: u32,
}

/// One finished thumbnail.
#[derive(Debug, Clone)]
pub struct Thumbnail {
    /// The size that was asked for.
    pub size: Size,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The encoded file's format.
    pub format: Format,
    /// The encoded file.
    pub bytes: Vec<u8>,
}

/// All thumbnails of one source.
#[derive(Debug)]
pub struct Made {
    /// The source.
    pub source: SourceInfo,
    /// What it shows, in short.
    pub look: Look,
    /// What became of its animation; none where it has none, or no thumbnail was to move.
    pub motion: Option<Motion>,
    /// The thumbnails, in the order of the sizes asked for, and of the outputs within each.
    pub thumbnails: Vec<Thumbnail>,
    /// Time spent decoding, without waiting for the source.
    pub decode: Duration,
    /// Time spent on everything, likewise.
    pub total: Duration,
}

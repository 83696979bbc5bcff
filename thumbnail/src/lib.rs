//! Makes thumbnails from the bytes of an image. Synchronous, without I/O.
//!
//! [`make`] does all the work, and [`make_incoming`] does the same for a source that another thread still receives. The steps are
//! listed in `pipeline.rs`. Untrusted bytes are parsed by memory-safe code only, and every limit is checked before anything is
//! allocated for the picture.
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

/// What a source's header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceInfo {
    /// The upright width in pixels.
    pub width: u32,
    /// The upright height in pixels.
    pub height: u32,
    /// The format, from the file's magic bytes.
    pub format: Format,
    /// The number of frames of a GIF or an animated WebP; 1 for all other formats.
    pub frames: u32,
}

/// A finished thumbnail.
#[derive(Debug, Clone)]
pub struct Thumbnail {
    /// The requested size.
    pub size: Size,
    /// The width in pixels.
    pub width: u32,
    /// The height in pixels.
    pub height: u32,
    /// The format.
    pub format: Format,
    /// The encoded file.
    pub bytes: Vec<u8>,
}

/// All thumbnails of one source.
#[derive(Debug)]
pub struct Made {
    /// The source.
    pub source: SourceInfo,
    /// A summary of what the source shows.
    pub look: Look,
    /// What happened to the animation; `None` if the source is not animated, or no thumbnail should be.
    pub motion: Option<Motion>,
    /// The thumbnails, in the order of the requested sizes, and of the outputs for each size.
    pub thumbnails: Vec<Thumbnail>,
    /// The time spent decoding, without waiting for the source.
    pub decode: Duration,
    /// The total time spent, without waiting for the source.
    pub total: Duration,
}

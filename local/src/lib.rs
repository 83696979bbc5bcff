//! The AWS side of the pipeline on one machine: S3 with event notifications, and Lambda's asynchronous invoke queue in
//! front of `cargo lambda watch`; and the gallery, a page that shows their results. This crate knows nothing of pixels and
//! nothing of the functions' code.

mod error;
pub mod faults;
pub mod gallery;
mod http;
pub mod lambda;
pub mod operate;
mod process;
pub mod report;
pub mod s3;
pub mod sdk;
pub mod stack;

pub use self::error::Error;

/// The function that S3's notifications invoke.
pub const UPLOAD_HANDLER: &str = "upload-handler";
/// The function that `upload-handler` invokes.
pub const IMAGE_PROCESSOR: &str = "image-processor";

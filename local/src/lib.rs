//! The AWS side of the pipeline on one machine: S3 with event notifications, and Lambda's asynchronous queue in front of
//! `cargo lambda watch`. The gallery is a page that shows the results. This crate uses neither the code of the functions nor that of
//! thumbnails.

mod config;
mod error;
pub mod faults;
mod files;
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

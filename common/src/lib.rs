//! The code that both functions share.
//!
//! - [`Job`] is the payload that `upload-handler` sends to `image-processor`.
//! - [`Answer`] is the form of both functions' answers.
//! - [`Prefixes`] decide which keys are sources.
//! - [`decode_key`] decodes the keys in S3's events.
//! - [`settings`] reads environment variables.

mod answer;
mod job;
mod key;
mod prefixes;
pub mod settings;

pub use answer::Answer;
pub use job::{Job, MalformedJob};
pub use key::decode_key;
pub use prefixes::{NotASource, Prefixes};

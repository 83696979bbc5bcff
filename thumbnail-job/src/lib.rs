//! What the two functions share, and nothing else: the [`Job`] that goes from `upload-handler` to `image-processor`, the
//! [`Prefixes`] that say which keys are sources, the [`Answer`] both give, how S3 spells keys ([`decode_key`]), and how both read their [`settings`].

mod answer;
mod job;
mod key;
mod prefixes;
pub mod settings;

pub use answer::Answer;
pub use job::{Job, MalformedJob};
pub use key::decode_key;
pub use prefixes::{NotASource, Prefixes};

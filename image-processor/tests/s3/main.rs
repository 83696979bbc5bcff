//! The whole handler against a real S3 server.

mod batch;
mod faults;
mod pipeline;
mod proxy;
mod reconciled;
mod watch;

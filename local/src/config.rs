//! The settings of a [stack](crate::stack).

use std::{path::PathBuf, time::Duration};

/// The settings of a stack.
#[derive(Debug, Clone)]
pub struct Config {
    /// The folder of the Cargo workspace with the two functions.
    pub project: PathBuf,
    /// The folder for `s3/`, `results/`, `failures/` and `logs/`; created if it is missing.
    pub data: PathBuf,
    /// The bucket. It exists from the start.
    pub bucket: String,
    /// S3 sends notifications of keys with this prefix. The functions get it as `UPLOADS_PREFIX`.
    pub uploads_prefix: String,
    /// The port of S3; 0 means any free port.
    pub s3_port: u16,
    /// The port of Lambda's front; 0 means any free port.
    pub lambda_port: u16,
    /// The port of `cargo lambda watch`; 0 means any free port.
    pub runtime_port: u16,
    /// The port of the gallery; 0 means any free port, `None` means no gallery.
    pub gallery_port: Option<u16>,
    /// The number of processes for each function. With one, invocations of a function never overlap.
    pub concurrency: usize,
    /// Whether to rebuild and restart the functions when their code changes.
    pub watch: bool,
    /// The longest that one attempt of an invocation may take.
    pub timeout: Duration,
    /// The delay before each retry of an event.
    pub retry_delays: Vec<Duration>,
    /// Environment variables for the functions, in addition to the inherited ones.
    pub environment: Vec<(String, String)>,
    /// Whether Cargo's output goes to standard error instead of the log.
    pub show_build: bool,
}

impl Config {
    /// Any free ports, no gallery, four processes for each function.
    #[must_use]
    pub fn new(project: impl Into<PathBuf>, data: impl Into<PathBuf>) -> Self {
        Self {
            project: project.into(),
            data: data.into(),
            bucket: "my-image-bucket".to_owned(),
            uploads_prefix: "uploads/".to_owned(),
            s3_port: 0,
            lambda_port: 0,
            runtime_port: 0,
            gallery_port: None,
            concurrency: 4,
            watch: false,
            timeout: Duration::from_mins(5),
            retry_delays: vec![Duration::from_secs(1), Duration::from_secs(2)],
            environment: Vec::new(),
            show_build: false,
        }
    }

    /// The folder of the failure records.
    #[must_use]
    pub fn failures(&self) -> PathBuf {
        self.data.join("failures")
    }

    /// The log of the functions and `cargo-lambda`.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.data.join("logs").join("functions.log")
    }
}

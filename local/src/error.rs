//! Errors of starting the local stack. Each message names the input and the remedy.

use std::{io, path::PathBuf, process::ExitStatus};

/// Why the local stack does not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A port is in use, or not allowed.
    #[error("cannot listen on 127.0.0.1:{port} for {role}: {source}. Choose another port, for example `{setting}={}`", other(*port))]
    Port {
        /// The port.
        port: u16,
        /// The server that needs the port.
        role: &'static str,
        /// The environment or make variable that selects another port.
        setting: &'static str,
        /// The system's error.
        source: io::Error,
    },
    /// S3 does not allow the name of a bucket.
    #[error("{name:?} cannot be a bucket's name: 3 to 63 lower-case letters, digits, dots and hyphens")]
    Bucket {
        /// The name.
        name: String,
    },
    /// A folder cannot be created, read or written.
    #[error("cannot use the folder {}: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A program cannot be started.
    #[error("cannot run {}: {source}. `make setup` installs what is missing", tool.display())]
    Tool {
        /// The program.
        tool: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The functions do not compile.
    #[error("the functions do not build ({status}): see above, or {}", log.display())]
    Build {
        /// Cargo's exit status.
        status: ExitStatus,
        /// The log with Cargo's output, unless it was shown.
        log: PathBuf,
    },
    /// A function does not answer.
    #[error("{function} does not answer{}: see {}, which ends\n{tail}", ended(*status), log.display())]
    Functions {
        /// The function's name.
        function: String,
        /// The exit status of `cargo lambda watch`, if it has ended.
        status: Option<ExitStatus>,
        /// The log of `cargo lambda watch` and the functions.
        log: PathBuf,
        /// The last lines of the log.
        tail: String,
    },
}

/// Suggests another port.
fn other(port: u16) -> u16 {
    port.checked_add(100).unwrap_or(port - 100)
}

fn ended(status: Option<ExitStatus>) -> String {
    status.map_or_else(String::new, |status| format!(", cargo lambda watch ended ({status})"))
}

//! Errors of starting the local stack. Each message names the input and the remedy.

use std::{io, path::PathBuf, process::ExitStatus};

/// Why the local stack does not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A port is taken, or may not be used.
    #[error("cannot listen on 127.0.0.1:{port} for {role}: {source}. Choose another port, for example `{setting}={}`", other(*port))]
    Port {
        /// The port that was asked for.
        port: u16,
        /// The server that needs it.
        role: &'static str,
        /// The environment or make variable that chooses it.
        setting: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// A bucket name against S3's rules.
    #[error("{name:?} cannot be a bucket's name: 3 to 63 lower-case letters, digits, dots and hyphens")]
    Bucket {
        /// The name that was asked for.
        name: String,
    },
    /// A folder that cannot be made, read or written.
    #[error("cannot use the folder {}: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A program that could not be started.
    #[error("cannot run {}: {source}. `make setup` installs what is missing; CARGO_LAMBDA names another cargo-lambda", tool.display())]
    Tool {
        /// The program.
        tool: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The functions do not compile.
    #[error("the functions do not build ({status}): see above, or {}", log.display())]
    Build {
        /// Cargo's exit status.
        status: ExitStatus,
        /// The log, when Cargo's output was not shown.
        log: PathBuf,
    },
    /// A function does not come up.
    #[error("{function} does not answer{}: see {}, which ends\n{tail}", ended(*status), log.display())]
    Functions {
        /// The function's name.
        function: String,
        /// The exit status of `cargo lambda watch`, if it ended.
        status: Option<ExitStatus>,
        /// The log of `cargo lambda watch` and the functions.
        log: PathBuf,
        /// The last lines of that.
        tail: String,
    },
    /// A server could not be started on its listener.
    #[error("cannot serve: {source}")]
    Server {
        /// The system's reason.
        source: io::Error,
    },
}

/// A port that is probably free when `port` is not.
fn other(port: u16) -> u16 {
    port.checked_add(100).unwrap_or(port - 100)
}

fn ended(status: Option<ExitStatus>) -> String {
    status.map_or_else(String::new, |status| format!(", cargo lambda watch ended ({status})"))
}

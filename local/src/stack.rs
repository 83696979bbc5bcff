//! The whole pipeline: S3, Lambda's front, and the two functions under `cargo lambda watch`.
//!
//! ```text
//! S3 ──notification──► queue ──► runtime: upload-handler ──Invoke(Event)──► front ──► queue ──► runtime: image-processor ──► S3
//! ```

use std::{
    fs::{self, File},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::{sync::broadcast, task::JoinHandle, time::sleep};

use crate::{
    Error, IMAGE_PROCESSOR, UPLOAD_HANDLER,
    faults::Faults,
    gallery::Gallery,
    http::bind,
    lambda::{self, Front},
    process::Child,
    s3::{self, S3Server},
    sdk::{CREDENTIALS, REGION},
};

pub use crate::config::Config;

/// Variables that the user has set for the real AWS, and that must not reach the functions.
const FOREIGN: [&str; 4] = ["AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION"];

/// Prefixes of variables that Cargo sets for a test. If another Cargo saw them, it would build `ring` and all its dependents again.
const OF_CARGO: [&str; 2] = ["CARGO_MANIFEST_", "CARGO_PKG_"];

/// The number of changes of the bucket that the gallery may lag behind before it misses some.
const CHANGES: usize = 1024;

/// A running stack. Dropping it stops the servers, and ends every process that the stack has started.
pub struct Stack {
    config: Config,
    // The fields are dropped in this order, so that no function runs without its servers.
    runtime: Option<Child>,
    runtime_address: SocketAddr,
    /// Lambda's front, with the queue.
    pub lambda: Front,
    /// The gallery, if the settings have a port for it.
    pub gallery: Option<Gallery>,
    /// S3.
    pub s3: S3Server,
}

impl Stack {
    /// Starts S3, Lambda's front and the gallery. [`Stack::start_functions`] starts the functions.
    ///
    /// # Errors
    /// [`Error::Port`], [`Error::Folder`], or [`Error::Bucket`] for a name that S3 does not allow.
    pub async fn start(config: Config) -> Result<Self, Error> {
        // `cargo lambda watch` binds this port later. Until then, it is held so that no other server gets it.
        let (runtime_address, _held) = bind(config.runtime_port, "cargo lambda watch", "RUNTIME_PORT").await?;

        let functions = [UPLOAD_HANDLER, IMAGE_PROCESSOR];
        let mut settings = lambda::Config::new(format!("http://{runtime_address}"), &functions, config.failures());
        settings.concurrency = config.concurrency.max(1);
        settings.timeout = config.timeout;
        settings.retry_delays.clone_from(&config.retry_delays);
        let lambda = Front::start(config.lambda_port, settings).await?;

        let events = lambda.events();
        let (change, changes) = broadcast::channel(CHANGES);
        let listener: s3::Listener = Arc::new(move |told: s3::Notification| {
            // Sending fails without a gallery.
            let _ = change.send(told.key);
            events.send(UPLOAD_HANDLER, told.event);
        });
        let notify = Some((config.uploads_prefix.clone(), listener));
        let s3 = S3Server::start(config.s3_port, &config.data.join("s3"), &[&config.bucket], notify).await?;
        let gallery = match config.gallery_port {
            Some(port) => Some(Gallery::start(port, &config, &s3, &lambda, changes).await?),
            None => None,
        };
        Ok(Self { config, runtime: None, runtime_address, lambda, gallery, s3 })
    }

    /// The settings of the stack.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Injects faults into S3 and Lambda from now on; `None` ends them.
    pub fn inject(&self, faults: Option<Arc<dyn Faults>>) {
        self.s3.inject(faults.clone());
        self.lambda.inject(faults);
    }

    /// Builds the functions, starts them, and waits until both answer. A first build takes minutes.
    ///
    /// # Errors
    /// [`Error::Tool`] if `cargo` or `cargo-lambda` cannot be started, [`Error::Build`] if the functions do not compile,
    /// [`Error::Functions`] if a function does not answer.
    pub async fn start_functions(&mut self) -> Result<(), Error> {
        self.build().await?;
        let log = self.open_log()?;
        let earlier = log.metadata().map_or(0, |log| log.len());
        self.runtime = Some(self.spawn(&mut self.watch_command(), Some(log))?);
        // Events that change nothing. Both are sent at once, because `cargo lambda watch` takes seconds to start a function.
        let events = [(UPLOAD_HANDLER, test_event(&self.config.bucket)), (IMAGE_PROCESSOR, empty_job())];
        let answers = events.map(|(function, event)| {
            let endpoint = format!("http://{}", self.runtime_address);
            (function, tokio::spawn(async move { lambda::answers(&endpoint, function, &event).await }))
        });
        for (function, answer) in answers {
            self.wait(function, answer, earlier).await?;
        }
        Ok(())
    }

    async fn build(&self) -> Result<(), Error> {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.arg("build");
        for function in [UPLOAD_HANDLER, IMAGE_PROCESSOR] {
            command.args(["--bin", function]);
        }
        let log = if self.config.show_build { None } else { Some(self.open_log()?) };
        let mut build = self.spawn(&mut command, log)?;
        let status = loop {
            match build.ended() {
                Some(status) => break status,
                None => sleep(Duration::from_millis(50)).await,
            }
        };
        if status.success() { Ok(()) } else { Err(Error::Build { status, log: self.config.log() }) }
    }

    fn watch_command(&self) -> Command {
        let mut command = Command::new("cargo-lambda");
        command
            .args(["lambda", "watch", "--invoke-address", &self.runtime_address.ip().to_string()])
            .args(["--invoke-port", &self.runtime_address.port().to_string()])
            .args(["--concurrency", &self.config.concurrency.max(1).to_string()])
            .args((!self.config.watch).then_some("--ignore-changes"));
        command
    }

    /// Starts a command in the project folder, with the environment of the functions.
    fn spawn(&self, command: &mut Command, log: Option<File>) -> Result<Child, Error> {
        let tool = PathBuf::from(command.get_program());
        let failed = |source| Error::Tool { tool: tool.clone(), source };
        if let Some(log) = log {
            let copy = log.try_clone().map_err(failed)?;
            command.stdout(Stdio::from(copy)).stderr(Stdio::from(log));
        }
        command.current_dir(&self.config.project);
        let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        for name in names
            .filter(|name| FOREIGN.contains(&name.as_str()) || OF_CARGO.iter().any(|start| name.starts_with(start)))
        {
            command.env_remove(name);
        }
        command.envs([
            ("AWS_ENDPOINT_URL_S3", self.s3.endpoint().as_str()),
            ("AWS_ENDPOINT_URL_LAMBDA", self.lambda.endpoint().as_str()),
            ("AWS_ACCESS_KEY_ID", CREDENTIALS.0),
            ("AWS_SECRET_ACCESS_KEY", CREDENTIALS.1),
            ("AWS_REGION", REGION),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("IMAGE_PROCESSOR_FUNCTION", IMAGE_PROCESSOR),
            ("UPLOADS_PREFIX", &self.config.uploads_prefix),
        ]);
        command.envs(self.config.environment.iter().cloned());
        Child::spawn(command).map_err(failed)
    }

    fn open_log(&self) -> Result<File, Error> {
        let path = self.config.log();
        let folder = path.parent().unwrap_or(Path::new("."));
        let unusable = |source| Error::Folder { path: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(unusable)?;
        File::options().create(true).append(true).open(&path).map_err(unusable)
    }

    /// Waits until `answer` has ended, which means that `function` has answered. `earlier` is the size of the log before the start.
    async fn wait(&mut self, function: &str, mut answer: JoinHandle<()>, earlier: u64) -> Result<(), Error> {
        const LIMIT: Duration = Duration::from_mins(1);
        const LOOK: Duration = Duration::from_millis(200);
        let deadline = Instant::now() + LIMIT;
        loop {
            if tokio::time::timeout(LOOK, &mut answer).await.is_ok() {
                return Ok(());
            }
            let status = self.runtime.as_mut().and_then(Child::ended);
            // If the process of a function ends, the runtime keeps running, and says so only in the log.
            let written = self.written(earlier);
            if status.is_some() || written.contains("command exited") || Instant::now() > deadline {
                let lines: Vec<&str> = written.lines().collect();
                let tail = lines[lines.len().saturating_sub(12)..].join("\n");
                return Err(Error::Functions { function: function.to_owned(), status, log: self.config.log(), tail });
            }
        }
    }

    /// Returns the part of the log after its first `earlier` bytes.
    fn written(&self, earlier: u64) -> String {
        let log = fs::read(self.config.log()).unwrap_or_default();
        let earlier = usize::try_from(earlier).unwrap_or(usize::MAX).min(log.len());
        String::from_utf8_lossy(&log[earlier..]).into_owned()
    }
}

/// The event that S3 sends when someone configures a notification.
fn test_event(bucket: &str) -> Value {
    json!({
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": s3::timestamp(std::time::SystemTime::now()),
        "Bucket": bucket,
        "RequestId": "local",
        "HostId": "local",
    })
}

/// A job without a bucket and a key. The function refuses it before it reads anything.
fn empty_job() -> Value {
    json!({ "bucket": "", "key": "" })
}

//! The whole pipeline: S3, Lambda's front, and the two functions under `cargo lambda watch`.
//!
//! ```text
//! S3 ──notification──► queue ──► runtime: upload-handler ──Invoke(Event)──► front ──► queue ──► runtime: image-processor ──► S3
//! ```

use std::{
    fs::{self, File},
    net::Ipv4Addr,
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
    gallery::{Gallery, Sources},
    http,
    lambda::{self, Front},
    process::Child,
    s3::{self, S3Server},
    sdk::{CREDENTIALS, REGION},
};

/// Variables that must not reach the functions: what the user has set for the real AWS.
const FOREIGN: [&str; 4] = ["AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION"];

/// Variables that Cargo sets for a test. If another Cargo saw them, it would run `ring`'s build script again, and build anew
/// whatever uses `ring`.
const OF_CARGO: [&str; 2] = ["CARGO_MANIFEST_", "CARGO_PKG_"];

/// The number of changes of the bucket that the gallery may lag behind before it misses some.
const CHANGES: usize = 1024;

/// The settings of a stack.
#[derive(Debug, Clone)]
pub struct Config {
    /// The folder of the Cargo workspace that has the two functions.
    pub project: PathBuf,
    /// The folder for everything written: `s3/`, `results/`, `failures/`, `logs/`; made if missing.
    pub data: PathBuf,
    /// The bucket, which exists from the start.
    pub bucket: String,
    /// S3 sends notifications of keys with this prefix. The functions get it as `UPLOADS_PREFIX`.
    pub uploads_prefix: String,
    /// S3's port; 0 takes a free one.
    pub s3_port: u16,
    /// The port of Lambda's front; 0 takes a free one.
    pub lambda_port: u16,
    /// The port of `cargo lambda watch`; 0 takes a free one.
    pub runtime_port: u16,
    /// The port of the gallery; 0 takes a free one, `None` starts no gallery.
    pub gallery_port: Option<u16>,
    /// `cargo-lambda`'s executable: a path, or a name to be found in `PATH`.
    pub cargo_lambda: PathBuf,
    /// Processes per function; with one, no two invocations of it ever overlap.
    pub concurrency: usize,
    /// Build the functions with the release profile.
    pub release: bool,
    /// Rebuild and restart the functions when their code changes.
    pub watch: bool,
    /// The longest that one attempt of an invocation may take.
    pub timeout: Duration,
    /// Waits before the retries of an event.
    pub retry_delays: Vec<Duration>,
    /// Further variables for the functions, besides the inherited ones.
    pub environment: Vec<(String, String)>,
    /// Show Cargo's own progress on standard error; otherwise it goes to the log.
    pub show_build: bool,
}

impl Config {
    /// Free ports, four processes per function, everything under `data`.
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
            cargo_lambda: "cargo-lambda".into(),
            concurrency: 4,
            release: false,
            watch: false,
            timeout: Duration::from_mins(5),
            retry_delays: vec![Duration::from_secs(1), Duration::from_secs(2)],
            environment: Vec::new(),
            show_build: false,
        }
    }

    /// The objects as files: `<data>/s3/<bucket>/<key>`.
    #[must_use]
    pub fn objects(&self) -> PathBuf {
        self.data.join("s3").join(&self.bucket)
    }

    /// The failure records.
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

/// A running stack. Dropping it stops the servers and ends every process that it started.
pub struct Stack {
    config: Config,
    // Dropped in this order: no function is left without its endpoints.
    runtime: Option<Child>,
    runtime_endpoint: String,
    /// Lambda's front, with the queue.
    pub lambda: Front,
    /// The page, where one is asked for.
    pub gallery: Option<Gallery>,
    /// S3.
    pub s3: S3Server,
}

impl Stack {
    /// Binds the ports, starts S3 and Lambda's front. The functions are started by [`Stack::start_functions`].
    ///
    /// # Errors
    /// A port that is taken, a folder that cannot be used, a name that no bucket can have.
    pub async fn start(config: Config) -> Result<Self, Error> {
        let s3_listener = http::bind(config.s3_port, "S3", "S3_PORT").await?;
        let front_listener = http::bind(config.lambda_port, "Lambda's API", "LAMBDA_PORT").await?;
        // cargo-lambda binds this one itself: look now whether it can, and let go again.
        let probe = http::bind(config.runtime_port, "cargo lambda watch", "RUNTIME_PORT").await?;
        let gallery_listener = match config.gallery_port {
            Some(port) => Some(http::bind(port, "the gallery", "GALLERY_PORT").await?),
            None => None,
        };
        let runtime_endpoint = format!("http://{}", probe.local_addr().map_err(|source| Error::Server { source })?);
        drop(probe);

        let functions = [UPLOAD_HANDLER, IMAGE_PROCESSOR];
        let mut settings = lambda::Config::new(&runtime_endpoint, &functions, config.failures());
        settings.concurrency = config.concurrency.max(1);
        settings.timeout = config.timeout;
        settings.retry_delays.clone_from(&config.retry_delays);
        let lambda = Front::start_on(front_listener, settings)?;

        let mut settings = s3::Config::new(config.data.join("s3"), &[&config.bucket]);
        let events = lambda.events();
        let (change, changes) = broadcast::channel(CHANGES);
        let listener: s3::Listener = Arc::new(move |told: s3::Notification| {
            // Without a gallery nobody listens.
            let _ = change.send(told.key);
            events.send(UPLOAD_HANDLER, told.event);
        });
        settings.notify = Some((config.uploads_prefix.clone(), listener));
        let s3 = S3Server::start_on(s3_listener, settings)?;
        let sources = Sources {
            catalog: s3.catalog(&config.bucket, &config.uploads_prefix),
            bucket: config.bucket.clone(),
            prefix: config.uploads_prefix.clone(),
            s3: s3.endpoint(),
            results: config.data.join("results"),
            events: lambda.events(),
            ends: lambda.observe(),
            changes,
        };
        let gallery = gallery_listener.map(|listener| Gallery::start_on(listener, sources)).transpose()?;
        Ok(Self { config, runtime: None, runtime_endpoint, lambda, gallery, s3 })
    }

    /// Its settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Injects faults everywhere from now on; `None` ends them.
    pub fn inject(&self, faults: Option<Arc<dyn Faults>>) {
        self.s3.inject(faults.clone());
        self.lambda.inject(faults);
    }

    /// Builds the functions, starts them and waits until both answer. A cold build takes minutes.
    ///
    /// # Errors
    /// [`Error::Tool`] when `cargo` or `cargo-lambda` does not start, [`Error::Build`] when the functions do not compile,
    /// [`Error::Functions`] when they do not answer.
    pub async fn start_functions(&mut self) -> Result<(), Error> {
        self.build().await?;
        let log = self.open_log()?;
        let earlier = log.metadata().map_or(0, |log| log.len());
        self.runtime = Some(self.spawn(&mut self.watch_command(), Some(log))?);
        // Events that change nothing. Both at once: `cargo lambda watch` takes seconds to start a function.
        let events = [(UPLOAD_HANDLER, test_event(&self.config.bucket)), (IMAGE_PROCESSOR, outside())];
        let answers = events.map(|(function, event)| {
            let endpoint = self.runtime_endpoint.clone();
            (function, tokio::spawn(async move { lambda::answers(&endpoint, function, &event).await }))
        });
        for (function, answer) in answers {
            self.wait(function, answer, earlier).await?;
        }
        Ok(())
    }

    async fn build(&self) -> Result<(), Error> {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.arg("build").args(self.config.release.then_some("--release"));
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
        let mut command = Command::new(&self.config.cargo_lambda);
        let port = self.runtime_endpoint.rsplit(':').next().unwrap_or_default();
        command
            .args(["lambda", "watch", "--invoke-address"])
            .arg(Ipv4Addr::LOCALHOST.to_string())
            .args(["--invoke-port", port, "--concurrency", &self.config.concurrency.max(1).to_string()])
            .args((!self.config.watch).then_some("--ignore-changes"))
            .args(self.config.release.then_some("--release"));
        command
    }

    /// Starts a command in the project with the functions' environment.
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
        command.envs(self.environment());
        Child::spawn(command).map_err(failed)
    }

    /// The functions' environment variables.
    fn environment(&self) -> Vec<(String, String)> {
        let own = [
            ("AWS_ENDPOINT_URL_S3", self.s3.endpoint()),
            ("AWS_ENDPOINT_URL_LAMBDA", self.lambda.endpoint()),
            ("AWS_ACCESS_KEY_ID", CREDENTIALS.0.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", CREDENTIALS.1.to_owned()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("IMAGE_PROCESSOR_FUNCTION", IMAGE_PROCESSOR.to_owned()),
            ("UPLOADS_PREFIX", self.config.uploads_prefix.clone()),
        ];
        let own = own.into_iter().map(|(name, value)| (name.to_owned(), value));
        own.chain(self.config.environment.iter().cloned()).collect()
    }

    fn open_log(&self) -> Result<File, Error> {
        let path = self.config.log();
        let folder = path.parent().unwrap_or(Path::new("."));
        let unusable = |source| Error::Folder { path: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(unusable)?;
        File::options().create(true).append(true).open(&path).map_err(unusable)
    }

    /// Waits until a function has answered, with a result or an error.
    async fn wait(&mut self, function: &str, mut answer: JoinHandle<()>, earlier: u64) -> Result<(), Error> {
        const LIMIT: Duration = Duration::from_mins(1);
        const LOOK: Duration = Duration::from_millis(200);
        let deadline = Instant::now() + LIMIT;
        loop {
            if tokio::time::timeout(LOOK, &mut answer).await.is_ok() {
                return Ok(());
            }
            let status = self.runtime.as_mut().and_then(Child::ended);
            // The runtime keeps running when a function's process ends, and reports that in the log alone.
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

/// The event that S3 sends when a notification is configured.
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

/// A job without bucket or key: refused before anything is read.
fn outside() -> Value {
    json!({ "bucket": "", "key": "" })
}

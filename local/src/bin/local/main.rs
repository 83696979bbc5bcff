//! `local run` runs the whole pipeline on this machine. `local redrive` and `local backfill` operate it. `local s3` runs S3 alone.

mod inputs;
mod operate;
mod run;
mod table;

use std::{path::PathBuf, process::ExitCode, str::FromStr};

use clap::{Parser, Subcommand};
use local::s3::S3Server;
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};
use tokio::sync::oneshot;

/// The pipeline's AWS side on this machine: S3, Lambda's invoke queue, and the two functions.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Start everything, upload the images, print their thumbnails, and serve more uploads until Ctrl-C.
    Run(Options),
    /// Queue the events of the failure folder again. Needs a running pipeline. Remove the cause of the failures first.
    Redrive,
    /// Make the missing and outdated thumbnails of all uploads. Needs a running pipeline.
    Backfill,
    /// Run S3 alone, without events, until Ctrl-C.
    S3,
}

/// The settings of every command.
#[derive(clap::Args)]
struct Settings {
    /// Port of S3 on 127.0.0.1 [default: 9002; 0: any]
    #[arg(long, global = true, env = "S3_PORT", default_value = "", value_parser = or(9002_u16), hide_default_value = true)]
    s3_port: u16,
    /// Port of Lambda's API on 127.0.0.1 [default: 9001; 0: any]
    #[arg(long, global = true, env = "LAMBDA_PORT", default_value = "", value_parser = or(9001_u16), hide_default_value = true)]
    lambda_port: u16,
    /// Port of `cargo lambda watch` on 127.0.0.1 [default: 9000; 0: any]
    #[arg(long, global = true, env = "RUNTIME_PORT", default_value = "", value_parser = or(9000_u16), hide_default_value = true)]
    runtime_port: u16,
    /// Port of the gallery on 127.0.0.1 [default: 9003; 0: any]
    #[arg(long, global = true, env = "GALLERY_PORT", default_value = "", value_parser = or(9003_u16), hide_default_value = true)]
    gallery_port: u16,
    /// The bucket [default: my-image-bucket]
    #[arg(long, global = true, env = "BUCKET", default_value = "", value_parser = or(String::from("my-image-bucket")), hide_default_value = true)]
    bucket: String,
    /// The prefix of the keys of uploads [default: uploads/]
    #[arg(long, global = true, env = "UPLOADS_PREFIX", default_value = "", value_parser = or(String::from("uploads/")), hide_default_value = true)]
    uploads_prefix: String,
    /// The folder for everything that is written [default: .local]
    #[arg(long, global = true, env = "LOCAL_DATA", default_value = "", value_parser = or(PathBuf::from(".local")), hide_default_value = true)]
    data: PathBuf,
    /// Processes for each function, and tasks of a backfill that run at once [default: 4]
    #[arg(long, global = true, env = "CONCURRENCY", default_value = "", value_parser = or(4_usize), hide_default_value = true)]
    concurrency: usize,
}

/// The options of `local run`.
#[derive(clap::Args)]
struct Options {
    /// Images to upload, and folders of images.
    images: Vec<PathBuf>,
    /// An image to upload before the others.
    #[arg(long)]
    sample: Option<PathBuf>,
    /// Stop after the images: exit 0 if all their thumbnails were made, 1 if not.
    #[arg(long)]
    once: bool,
    /// Rebuild and restart the functions when their code changes.
    #[arg(long)]
    watch: bool,
}

/// Parses a value. An empty value means the default, because `make` passes an unset variable as an empty one.
fn or<T: FromStr + Clone>(default: T) -> impl Fn(&str) -> Result<T, T::Err> + Clone {
    move |text| if text.is_empty() { Ok(default.clone()) } else { text.parse() }
}

fn main() -> ExitCode {
    let Arguments { settings, command } = Arguments::parse();
    let is_server = match &command {
        Action::Run(options) => !options.once,
        Action::S3 => true,
        Action::Redrive | Action::Backfill => false,
    };
    let Ok(runtime) = tokio::runtime::Runtime::new() else {
        eprintln!("error: this machine does not let us start threads");
        return ExitCode::FAILURE;
    };
    let result = runtime.block_on(async {
        let interrupted = interruption();
        tokio::select! {
            done = perform(command, settings) => Some(done),
            _ = interrupted => None,
        }
    });
    match result {
        Some(Ok(())) => ExitCode::SUCCESS,
        Some(Err(error)) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
        // Ctrl-C is the usual end of a server. Other commands have no result then.
        None if !is_server => ExitCode::from(130),
        None => {
            println!("\nstopped");
            ExitCode::SUCCESS
        }
    }
}

async fn perform(command: Action, settings: Settings) -> Result<(), String> {
    match command {
        Action::Run(options) => run::run(options, settings).await,
        Action::Redrive => operate::redrive(settings).await,
        Action::Backfill => operate::backfill(settings).await,
        Action::S3 => {
            let server = S3Server::start(settings.s3_port, &settings.data.join("s3"), &[&settings.bucket], None).await;
            let server = server.map_err(|error| error.to_string())?;
            println!("S3        {}", server.endpoint());
            std::future::pending().await
        }
    }
}

/// An error that names each problem, if there is one.
fn fail_on(problems: &[String]) -> Result<(), String> {
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\nerror: ")) }
}

/// Resolves at Ctrl-C, SIGTERM, or when the terminal is closed. The command is then dropped, which ends its processes.
fn interruption() -> oneshot::Receiver<i32> {
    let (sender, receiver) = oneshot::channel();
    match Signals::new([SIGINT, SIGTERM, SIGHUP]) {
        Ok(mut signals) => _ = std::thread::spawn(move || signals.forever().next().map(|signal| sender.send(signal))),
        // Without a handler, a signal ends this process at once, and the guard ends the other processes.
        Err(_) => std::mem::forget(sender),
    }
    receiver
}

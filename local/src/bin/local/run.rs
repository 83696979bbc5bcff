//! `local run`: starts the stack, uploads the images, waits for their thumbnails, shows them, and keeps running.

use std::{
    collections::{HashMap, HashSet},
    path::absolute,
    sync::Arc,
    time::{Duration, Instant},
};

use aws_sdk_s3::{Client, primitives::ByteStream};
use local::{
    lambda::Invocation,
    report::{self, Report},
    sdk,
    stack::{Config, Stack},
};
use tokio::sync::broadcast::{Receiver, error::RecvError};

use crate::{
    Options, Settings, fail_on,
    inputs::{self, Input},
    table,
};

/// How long to wait for the thumbnails of the next image.
const PATIENCE: Duration = Duration::from_mins(2);
/// The interval of messages during a wait.
const SIGN_OF_LIFE: Duration = Duration::from_secs(5);

type Observer = Receiver<Arc<Invocation>>;

/// Runs until the images are done (`--once`), or without end.
pub(crate) async fn run(options: Options, settings: Settings) -> Result<(), String> {
    let paths = options.sample.iter().chain(&options.images).cloned();
    let inputs = inputs::check(paths, &settings.uploads_prefix)?;
    if options.once && inputs.is_empty() {
        return Err("nothing to do: --once needs images or --sample".to_owned());
    }
    let once = options.once;

    let mut stack = Stack::start(config(&options, settings)).await.map_err(|error| error.to_string())?;
    println!("building the functions (the first time this takes some minutes)");
    let begun = Instant::now();
    stack.start_functions().await.map_err(|error| error.to_string())?;
    println!(
        "the functions answer, after {:.0} s; their log: {}",
        begun.elapsed().as_secs_f64(),
        stack.config().log().display()
    );

    let client = sdk::s3(&stack.s3.endpoint());
    let mut observer = stack.lambda.observe();
    let problems = upload_and_show(&stack, &client, &mut observer, &inputs).await?;
    places(&stack);
    if once {
        return fail_on(&problems);
    }
    for problem in problems {
        eprintln!("error: {problem}");
    }
    stay(&client, &mut observer).await;
    Ok(())
}

fn config(options: &Options, settings: Settings) -> Config {
    Config {
        bucket: settings.bucket,
        uploads_prefix: settings.uploads_prefix,
        s3_port: settings.s3_port,
        lambda_port: settings.lambda_port,
        runtime_port: settings.runtime_port,
        gallery_port: (!options.once).then_some(settings.gallery_port),
        concurrency: settings.concurrency,
        watch: options.watch,
        show_build: true,
        ..Config::new(".", absolute(&settings.data).unwrap_or(settings.data))
    }
}

/// Uploads the images and prints the table of their thumbnails. Returns a line for each problem.
async fn upload_and_show(
    stack: &Stack,
    client: &Client,
    observer: &mut Observer,
    inputs: &[Input],
) -> Result<Vec<String>, String> {
    if inputs.is_empty() {
        return Ok(Vec::new());
    }
    let bucket = &stack.config().bucket;
    for input in inputs {
        upload(client, bucket, input).await?;
        println!("uploaded {} to s3://{bucket}/{}", input.path.display(), input.key);
    }
    let reports = wait(observer, inputs).await;
    println!("\n{}", table::head());
    let mut problems = Vec::new();
    for input in inputs {
        match reports.get(&input.key) {
            Some(report) if report.outcome == "made" => {
                println!("{}", table::rows(report));
                problems.extend(missing(client, report).await);
            }
            Some(report) if report.outcome == "removed" => {
                problems.push(format!("{}: it was deleted meanwhile", input.path.display()));
            }
            Some(report) => problems.push(format!("{}: no thumbnails: {}", input.path.display(), report.explained())),
            None => problems.push(format!(
                "{}: no thumbnails after {} s; see {} and {}",
                input.path.display(),
                PATIENCE.as_secs(),
                stack.config().log().display(),
                stack.config().failures().display(),
            )),
        }
    }
    Ok(problems)
}

async fn upload(client: &Client, bucket: &str, input: &Input) -> Result<(), String> {
    let failed = |error: String| format!("cannot upload {}: {error}", input.path.display());
    let body = ByteStream::from_path(&input.path).await.map_err(|error| failed(error.to_string()))?;
    let content_type = inputs::content_type(&input.path).unwrap_or("application/octet-stream");
    let put = client.put_object().bucket(bucket).key(&input.key).content_type(content_type).body(body);
    put.send().await.map(|_| ()).map_err(|error| failed(sdk::described("S3", &error)))
}

/// Collects the reports of all inputs, or those that arrive in time.
async fn wait(observer: &mut Observer, inputs: &[Input]) -> HashMap<String, Report> {
    let mut wanted: HashSet<&str> = inputs.iter().map(|input| input.key.as_str()).collect();
    let mut reports = HashMap::new();
    let begun = Instant::now();
    let mut last = begun;
    while !wanted.is_empty() && last.elapsed() < PATIENCE {
        let pause = SIGN_OF_LIFE.min(PATIENCE.saturating_sub(last.elapsed()));
        match tokio::time::timeout(pause, next(observer)).await {
            Ok(Some(arrived)) => {
                last = Instant::now();
                for report in arrived {
                    wanted.remove(report.key.as_str());
                    reports.insert(report.key.clone(), report);
                }
            }
            Ok(None) => break,
            Err(_) => {
                println!("waiting for {} of {} images, {} s", wanted.len(), inputs.len(), begun.elapsed().as_secs());
            }
        }
    }
    reports
}

/// Waits for the reports of the next invocation. Returns `None` if the stack has stopped.
async fn next(observer: &mut Observer) -> Option<Vec<Report>> {
    loop {
        match observer.recv().await {
            Ok(invocation) => return Some(report::read(&invocation)),
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return None,
        }
    }
}

/// Compares the thumbnails of a report with those in S3, and returns a line for each difference.
async fn missing(client: &Client, report: &Report) -> Vec<String> {
    let mut problems = Vec::new();
    if report.thumbnails.is_empty() {
        problems.push(format!("{}: the answer names no thumbnail", report.key));
    }
    for thumbnail in &report.thumbnails {
        let head = client.head_object().bucket(&thumbnail.bucket).key(&thumbnail.key).send().await;
        match head.map(|head| head.content_length.and_then(|length| u64::try_from(length).ok()).unwrap_or_default()) {
            Ok(length) if length == thumbnail.bytes => {}
            Ok(length) => problems.push(format!("{}: {length} bytes, not {}", thumbnail.key, thumbnail.bytes)),
            Err(error) => problems.push(format!("{}: {}", thumbnail.key, sdk::described("S3", &error))),
        }
    }
    problems
}

/// Prints addresses and folders, and suggests what to do next.
fn places(stack: &Stack) {
    let config = stack.config();
    let (s3, lambda) = (stack.s3.endpoint(), stack.lambda.endpoint());
    println!("\nfiles     {}", config.data.join("s3").join(&config.bucket).display());
    if let Some(gallery) = &stack.gallery {
        println!("gallery   http://{}/", gallery.address());
    }
    println!("S3        {s3}\nLambda    {lambda}\nfailures  {}", config.failures().display());
    println!("\nnext:");
    if let Some(gallery) = &stack.gallery {
        println!("  open http://{}/ and drop your own images", gallery.address());
    } else {
        println!("  make run                      the same with a gallery in the browser, until Ctrl-C");
    }
    println!("  make run IMAGE=photos/        your own images, or a folder of them");
    println!(
        "  AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_REGION=us-east-1 \\\n    \
         aws s3 cp photo.jpg s3://{}/{} --endpoint-url {s3}",
        config.bucket, config.uploads_prefix,
    );
}

/// Prints the report of each later upload.
async fn stay(client: &Client, observer: &mut Observer) {
    println!("\nrunning; Ctrl-C stops everything");
    while let Some(reports) = next(observer).await {
        // An event that a user sends directly may have no key.
        for report in reports.iter().filter(|report| !report.key.is_empty()) {
            match report.outcome.as_str() {
                "made" => {
                    println!("{}", table::rows(report));
                    for problem in missing(client, report).await {
                        eprintln!("error: {problem}");
                    }
                }
                "removed" => println!("{} is gone: {} thumbnails removed", report.key, report.removed.len()),
                _ => println!("{}: no thumbnails: {}", report.key, report.explained()),
            }
        }
    }
}

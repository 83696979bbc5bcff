//! Start, upload, wait, show; then stay up.

use std::{
    collections::{HashMap, HashSet},
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    path::Path,
    time::{Duration, Instant},
};

use aws_sdk_s3::{Client, primitives::ByteStream};
use local::{
    report::{self, Report},
    sdk,
    stack::{Config, Stack},
};
use tokio::sync::broadcast::error::RecvError;

use crate::{
    Options, Settings,
    inputs::{self, Input},
    table,
};

/// The interval of messages during a wait.
const SIGN_OF_LIFE: Duration = Duration::from_secs(5);

type Observer = tokio::sync::broadcast::Receiver<std::sync::Arc<local::lambda::Invocation>>;

/// Runs until the work is done (`--once`) or for ever.
pub(crate) async fn run(options: Options, settings: Settings) -> Result<(), String> {
    let paths = options.sample.iter().chain(&options.images).cloned();
    let inputs = inputs::check(paths, &settings.uploads_prefix)?;
    if options.once && inputs.is_empty() {
        return Err("nothing to do: --once needs images or --sample".to_owned());
    }
    let (once, patience) = (options.once, Duration::from_secs(options.timeout));
    let follow = options.verbose;

    let mut stack = Stack::start(config(options, settings)).await.map_err(|error| error.to_string())?;
    if follow {
        tokio::spawn(show(stack.config().log()));
    }
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
    let problems = upload_and_show(&stack, &client, &mut observer, &inputs, patience).await?;
    places(&stack);
    if once {
        return if problems.is_empty() { Ok(()) } else { Err(problems.join("\nerror: ")) };
    }
    for problem in problems {
        eprintln!("error: {problem}");
    }
    stay(&client, &mut observer).await;
    Ok(())
}

fn config(options: Options, settings: Settings) -> Config {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut config = Config::new(absolute(&options.project), absolute(&settings.data));
    config.bucket = settings.bucket;
    config.uploads_prefix = settings.uploads_prefix;
    config.s3_port = settings.s3_port;
    config.lambda_port = settings.lambda_port;
    config.runtime_port = settings.runtime_port;
    config.gallery_port = (!options.once).then_some(settings.gallery_port);
    // A bare name is looked up in PATH; a path is ours, not the project's.
    let is_path = options.cargo_lambda.components().count() > 1;
    config.cargo_lambda = if is_path { absolute(&options.cargo_lambda) } else { options.cargo_lambda };
    config.concurrency = settings.concurrency;
    config.release = options.release;
    config.watch = options.watch;
    config.show_build = true;
    config
}

/// Uploads the files and prints the table of their thumbnails. Returns the problems, a line for each file.
async fn upload_and_show(
    stack: &Stack,
    client: &Client,
    observer: &mut Observer,
    inputs: &[Input],
    patience: Duration,
) -> Result<Vec<String>, String> {
    if inputs.is_empty() {
        return Ok(Vec::new());
    }
    let bucket = &stack.config().bucket;
    for input in inputs {
        upload(client, bucket, input).await?;
        println!("uploaded {} to s3://{bucket}/{}", input.path.display(), input.key);
    }
    let reports = wait(observer, inputs, patience).await;
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
                patience.as_secs(),
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

/// Collects the reports of all inputs, or those that came in time.
async fn wait(observer: &mut Observer, inputs: &[Input], patience: Duration) -> HashMap<String, Report> {
    let mut wanted: HashSet<&str> = inputs.iter().map(|input| input.key.as_str()).collect();
    let mut reports = HashMap::new();
    let begun = Instant::now();
    while !wanted.is_empty() && begun.elapsed() < patience {
        let pause = SIGN_OF_LIFE.min(patience.saturating_sub(begun.elapsed()));
        match tokio::time::timeout(pause, observer.recv()).await {
            Ok(Ok(invocation)) => {
                for report in report::read(&invocation) {
                    wanted.remove(report.key.as_str());
                    reports.insert(report.key.clone(), report);
                }
            }
            Ok(Err(RecvError::Closed)) => break,
            Ok(Err(RecvError::Lagged(_))) => {}
            Err(_) => {
                println!("waiting for {} of {} images, {} s", wanted.len(), inputs.len(), begun.elapsed().as_secs());
            }
        }
    }
    reports
}

/// Compares the thumbnails of a report with those in S3, and returns the differences.
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

/// Prints addresses and folders, and suggests next steps.
fn places(stack: &Stack) {
    let config = stack.config();
    let (s3, lambda) = (stack.s3.endpoint(), stack.lambda.endpoint());
    println!("\nfiles     {}", config.objects().display());
    if let Some(gallery) = &stack.gallery {
        println!("gallery   http://{}/", gallery.address());
    }
    println!("S3        {s3}\nLambda    {lambda}\nfailures  {}", config.failures().display());
    println!("\nnext:");
    if let Some(gallery) = &stack.gallery {
        println!("  open http://{}/ and drop images of yours", gallery.address());
    } else {
        println!("  make run                      the same with a gallery in the browser, until Ctrl-C");
    }
    println!("  make run IMAGE=photos/        images of yours, or a folder of them");
    println!(
        "  AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_REGION=us-east-1 \\\n    \
         aws s3 cp photo.jpg s3://{}/{} --endpoint-url {s3}",
        config.bucket, config.uploads_prefix,
    );
}

/// Prints the report of each later upload.
async fn stay(client: &Client, observer: &mut Observer) {
    println!("\nrunning; Ctrl-C stops everything");
    loop {
        let invocation = match observer.recv().await {
            Ok(invocation) => invocation,
            Err(RecvError::Lagged(_)) => continue,
            Err(RecvError::Closed) => return,
        };
        // An event that the user sends directly may name no key.
        for report in report::read(&invocation).iter().filter(|report| !report.key.is_empty()) {
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

/// Copies what is appended to the log to standard error.
async fn show(log: std::path::PathBuf) {
    let mut at = std::fs::metadata(&log).map_or(0, |found| found.len());
    loop {
        if let Ok(mut file) = std::fs::File::open(&log) {
            let mut text = Vec::new();
            if file.seek(SeekFrom::Start(at)).and_then(|_| file.read_to_end(&mut text)).is_ok() {
                at += text.len() as u64;
                let _ = std::io::stderr().write_all(&text);
            }
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

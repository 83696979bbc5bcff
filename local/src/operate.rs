//! What an operator does to a running pipeline: [`redrive`] what failed, and [`backfill`] what was there before.
//!
//! Both speak to the two ports as anybody would, so they are run beside the pipeline, and again after an interruption.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http_body_util::{BodyExt as _, Full};
use hyper::{Method, Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::lambda::FailureRecord;
use crate::s3::{decode_key, encode_key};
use crate::stack::IMAGE_PROCESSOR;

/// Keys of one page of a listing, S3's own limit.
const PAGE: usize = 1000;
/// Attempts of a task before it counts as failed.
const ATTEMPTS: u32 = 3;

/// What became of the records of a failure folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Redriven {
    /// Events that are queued again; their records are deleted.
    pub queued: usize,
    /// Records that were left, with the reason.
    pub left: Vec<(PathBuf, String)>,
}

/// Invokes the functions again with what failed, oldest record first, and deletes each record once the queue has accepted it.
///
/// Only the records that are there at the start are done, so that what fails again does not keep this going. `tell` hears after
/// each record how many are done, and of how many.
///
/// # Errors
/// When the folder cannot be read, or Lambda's API does not answer; the records that are not done are still there.
pub async fn redrive(folder: &Path, lambda: &str, mut tell: impl FnMut(usize, usize)) -> Result<Redriven, String> {
    let http = Http::new();
    let records = records(folder).map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
    let mut redriven = Redriven::default();
    for (done, path) in records.iter().enumerate() {
        match again(&http, lambda, path).await? {
            Ok(()) => redriven.queued += 1,
            Err(reason) => redriven.left.push((path.clone(), reason)),
        }
        tell(done + 1, records.len());
    }
    Ok(redriven)
}

/// Every record, oldest first: their names begin with the time.
fn records(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut records = Vec::new();
    // Before the first failure there is no folder.
    if folder.exists() {
        for function in fs::read_dir(folder)? {
            let function = function?;
            if !function.file_type()?.is_dir() {
                continue;
            }
            for record in fs::read_dir(function.path())? {
                let path = record?.path();
                records.extend(path.extension().is_some_and(|extension| extension == "json").then_some(path));
            }
        }
    }
    records.sort_by(|one, other| one.file_name().cmp(&other.file_name()));
    Ok(records)
}

/// Does one record again. The inner error: why it was left.
async fn again(http: &Http, lambda: &str, path: &Path) -> Result<Result<(), String>, String> {
    let record = fs::read(path).map_err(|error| error.to_string()).and_then(|text| {
        serde_json::from_slice::<FailureRecord>(&text).map_err(|error| format!("it is no failure record: {error}"))
    });
    let record = match record {
        Ok(record) => record,
        Err(reason) => return Ok(Err(reason)),
    };
    let function = &record.request_context.function_arn;
    let (status, answer) = http.invoke(lambda, function, "Event", &record.request_payload).await?;
    if status != StatusCode::ACCEPTED {
        return Ok(Err(format!("Lambda answered {status}: {}", String::from_utf8_lossy(&answer))));
    }
    Ok(fs::remove_file(path).map_err(|error| format!("queued, but the record cannot be deleted: {error}")))
}

/// Which objects a backfill goes through.
#[derive(Debug, Clone)]
pub struct Backfill {
    /// S3's endpoint.
    pub s3: String,
    /// The endpoint of Lambda's API.
    pub lambda: String,
    /// The bucket.
    pub bucket: String,
    /// Keys that begin with this.
    pub prefix: String,
    /// Tasks that run at once.
    pub concurrency: usize,
}

/// What became of the objects so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Objects to do in all.
    pub objects: usize,
    /// Thumbnails were made.
    pub made: usize,
    /// Thumbnails were there already, made of this source with these settings.
    pub current: usize,
    /// No thumbnails can be made, or the source is gone meanwhile.
    pub rejected: usize,
    /// Failed in every attempt: the key and the last error.
    pub failed: Vec<(String, String)>,
}

impl Summary {
    /// Objects that are done.
    #[must_use]
    pub fn done(&self) -> usize {
        self.made + self.current + self.rejected + self.failed.len()
    }
}

/// Runs `image-processor` for every object as S3 Batch Operations does: a task for each key, several at once, each tried up to
/// three times. What is current is left alone by the function, so a run that was interrupted goes on where it was.
///
/// `tell` hears what is done so far, at first and after each object.
///
/// # Errors
/// When the bucket cannot be listed, or an endpoint does not answer.
pub async fn backfill(backfill: &Backfill, mut tell: impl FnMut(&Summary)) -> Result<Summary, String> {
    let http = Http::new();
    let keys = http.keys(backfill).await?;
    let mut summary = Summary { objects: keys.len(), ..Summary::default() };
    tell(&summary);
    let tasks = keys.into_iter().map(|key| task(&http, backfill, key));
    let mut tasks = stream::iter(tasks).buffer_unordered(backfill.concurrency.max(1));
    while let Some(done) = tasks.next().await {
        match done? {
            (_, Ok(result)) if result == "made" => summary.made += 1,
            (_, Ok(result)) if result == "current" => summary.current += 1,
            (_, Ok(_)) => summary.rejected += 1,
            (key, Err(error)) => summary.failed.push((key, error)),
        }
        tell(&summary);
    }
    Ok(summary)
}

/// The result of one task, or its last error.
async fn task(http: &Http, backfill: &Backfill, key: String) -> Result<(String, Result<String, String>), String> {
    let event = json!({
        "invocationSchemaVersion": "2.0",
        "invocationId": "local",
        "job": { "id": "local", "userArguments": {} },
        "tasks": [{ "taskId": "1", "s3Key": encode_key(&key), "s3VersionId": null, "s3Bucket": backfill.bucket }],
    });
    let mut error = String::new();
    for _ in 0..ATTEMPTS {
        let (status, answer) = http.invoke(&backfill.lambda, IMAGE_PROCESSOR, "RequestResponse", &event).await?;
        let text = String::from_utf8_lossy(&answer);
        let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
        error = match answer["results"][0]["resultString"].as_str() {
            Some(result) if answer["results"][0]["resultCode"] == "Succeeded" => {
                return Ok((key, Ok(result.to_owned())));
            }
            Some(failure) => failure.to_owned(),
            None => format!("Lambda answered {status}: {text}"),
        };
    }
    Ok((key, Err(error)))
}

/// Plain, unsigned HTTP to our own servers.
struct Http(Client<HttpConnector, Full<Bytes>>);

impl Http {
    fn new() -> Self {
        Self(Client::builder(TokioExecutor::new()).build_http())
    }

    async fn invoke(
        &self,
        endpoint: &str,
        function: &str,
        kind: &str,
        payload: &Value,
    ) -> Result<(StatusCode, Bytes), String> {
        let name = utf8_percent_encode(function, NON_ALPHANUMERIC);
        let uri = format!("{endpoint}/2015-03-31/functions/{name}/invocations");
        let request = Request::builder().method(Method::POST).uri(uri).header("x-amz-invocation-type", kind);
        self.send(endpoint, request.body(Full::from(payload.to_string()))).await
    }

    /// Every key of the bucket that begins with the prefix, but for folders.
    async fn keys(&self, backfill: &Backfill) -> Result<Vec<String>, String> {
        let Backfill { s3, bucket, prefix, .. } = backfill;
        let escaped = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let mut keys: Vec<String> = Vec::new();
        loop {
            let after = keys.last().map(|last| format!("&start-after={}", escaped(last))).unwrap_or_default();
            let query = format!("list-type=2&encoding-type=url&max-keys={PAGE}&prefix={}{after}", escaped(prefix));
            let request = Request::builder().uri(format!("{s3}/{}?{query}", escaped(bucket))).body(Full::default());
            let (status, answer) = self.send(s3, request).await?;
            let answer = String::from_utf8_lossy(&answer);
            if status != StatusCode::OK {
                return Err(format!("cannot list {bucket}: S3 answered {status}: {answer}"));
            }
            // Keys are URL-encoded in the answer, so they hold nothing that XML would have to escape.
            keys.extend(
                answer.split("<Key>").skip(1).filter_map(|rest| Some(decode_key(rest.split_once("</Key>")?.0))),
            );
            if !answer.contains("<IsTruncated>true</IsTruncated>") {
                keys.retain(|key| !key.ends_with('/'));
                return Ok(keys);
            }
        }
    }

    async fn send(
        &self,
        endpoint: &str,
        request: hyper::http::Result<Request<Full<Bytes>>>,
    ) -> Result<(StatusCode, Bytes), String> {
        let request = request.map_err(|error| error.to_string())?;
        let unreachable = |error: String| format!("{endpoint} does not answer ({error}): is `make run` up?");
        let response = self.0.request(request).await.map_err(|error| unreachable(error.to_string()))?;
        let status = response.status();
        let answer = response.into_body().collect().await.map_err(|error| unreachable(error.to_string()))?;
        Ok((status, answer.to_bytes()))
    }
}

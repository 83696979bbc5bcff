//! The operator's commands for a running pipeline: [`redrive`] failed events, and [`backfill`] objects from before.
//!
//! Both use the public ports of S3 and Lambda. They can be interrupted and started again.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use aws_sdk_lambda::{Client, primitives::Blob, types::InvocationType};
use aws_sdk_s3::types::EncodingType;
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use crate::{
    IMAGE_PROCESSOR,
    s3::{decode_key, encode_key},
    sdk,
};

/// Attempts of a task before it counts as failed.
const ATTEMPTS: u32 = 3;

/// The result of a redrive.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Redriven {
    /// Events that are queued again; their records are deleted.
    pub queued: usize,
    /// Records that were left, with the reason.
    pub left: Vec<(PathBuf, String)>,
}

/// Invokes the functions again with the events of the failure records, oldest first, and deletes each record once the queue has
/// accepted its event.
///
/// It handles only the records that exist at the start, so that events that fail again do not keep it running. After each
/// record it calls `tell` with the number of records that are done, and of all.
///
/// # Errors
/// When the folder cannot be read, or Lambda's API does not answer; the records that are not done are still there.
pub async fn redrive(folder: &Path, lambda: &str, mut tell: impl FnMut(usize, usize)) -> Result<Redriven, String> {
    let client = sdk::lambda(lambda);
    let records = records(folder).map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
    let mut redriven = Redriven::default();
    for (done, path) in records.iter().enumerate() {
        match again(&client, path).await? {
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
async fn again(client: &Client, path: &Path) -> Result<Result<(), String>, String> {
    let record: Value = match fs::read(path) {
        Ok(text) => serde_json::from_slice(&text).unwrap_or_default(),
        Err(error) => return Ok(Err(error.to_string())),
    };
    let function = record["requestContext"]["functionArn"].as_str();
    let (Some(function), Some(payload)) = (function, record.get("requestPayload")) else {
        return Ok(Err("it is no failure record".to_owned()));
    };
    let invoke = client.invoke().function_name(function).invocation_type(InvocationType::Event);
    if let Err(error) = invoke.payload(Blob::new(payload.to_string())).send().await {
        let described = sdk::described("Lambda", &error);
        return if sdk::answered(&error).is_some() { Ok(Err(described)) } else { Err(described) };
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

/// The progress of a backfill, and its result.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Objects to do in all.
    pub objects: usize,
    /// Thumbnails were made.
    pub made: usize,
    /// Thumbnails were there already, made of this source with these settings.
    pub current: usize,
    /// No thumbnails can be made, or the source was deleted in the meantime.
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
/// three times. The function skips objects whose thumbnails are current, so a backfill that was interrupted continues.
///
/// It calls `tell` with the progress, at the start and after each object.
///
/// # Errors
/// When the bucket cannot be listed, or an endpoint does not answer.
pub async fn backfill(backfill: &Backfill, mut tell: impl FnMut(&Summary)) -> Result<Summary, String> {
    let (client, keys) = (sdk::lambda(&backfill.lambda), keys(backfill).await?);
    let mut summary = Summary { objects: keys.len(), ..Summary::default() };
    tell(&summary);
    let tasks = keys.into_iter().map(|key| task(&client, backfill, key));
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
async fn task(client: &Client, backfill: &Backfill, key: String) -> Result<(String, Result<String, String>), String> {
    let event = json!({
        "invocationSchemaVersion": "2.0",
        "invocationId": "local",
        "job": { "id": "local", "userArguments": {} },
        "tasks": [{ "taskId": "1", "s3Key": encode_key(&key), "s3VersionId": null, "s3Bucket": backfill.bucket }],
    });
    let mut error = String::new();
    for _ in 0..ATTEMPTS {
        let invoke = client.invoke().function_name(IMAGE_PROCESSOR).payload(Blob::new(event.to_string()));
        let answer = match invoke.send().await {
            Ok(answer) => answer.payload.map(Blob::into_inner).unwrap_or_default(),
            Err(refused) if sdk::answered(&refused).is_some() => {
                error = sdk::described("Lambda", &refused);
                continue;
            }
            Err(unreachable) => return Err(sdk::described("Lambda", &unreachable)),
        };
        let result: Value = serde_json::from_slice(&answer).unwrap_or_default();
        let result = &result["results"][0];
        error = match result["resultString"].as_str() {
            Some(text) if result["resultCode"] == "Succeeded" => return Ok((key, Ok(text.to_owned()))),
            Some(failure) => failure.to_owned(),
            None => format!("{IMAGE_PROCESSOR} answered {}", String::from_utf8_lossy(&answer)),
        };
    }
    Ok((key, Err(error)))
}

/// Every key of the bucket that begins with the prefix, but for folders.
async fn keys(backfill: &Backfill) -> Result<Vec<String>, String> {
    let list = sdk::s3(&backfill.s3).list_objects_v2().bucket(&backfill.bucket).prefix(&backfill.prefix);
    // XML carries no control characters.
    let mut pages = list.encoding_type(EncodingType::Url).into_paginator().send();
    let mut keys = Vec::new();
    while let Some(page) = pages.next().await {
        let page =
            page.map_err(|error| format!("cannot list {}: {}", backfill.bucket, sdk::described("S3", &error)))?;
        keys.extend(page.contents().iter().filter_map(|object| object.key().map(decode_key)));
    }
    keys.retain(|key| !key.ends_with('/'));
    Ok(keys)
}

//! The operator's commands for a running pipeline: [`redrive`] repeats failed events, and [`backfill`] processes earlier uploads.
//!
//! Both call S3 and Lambda by their ports. They can be interrupted and started again.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use aws_sdk_lambda::{Client, primitives::Blob, types::InvocationType};
use aws_sdk_s3::types::EncodingType;
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use crate::{
    IMAGE_PROCESSOR, UPLOAD_HANDLER,
    s3::{decode_key, encode_key},
    sdk,
};

/// The number of attempts before a task counts as failed.
const ATTEMPTS: u32 = 3;

/// The result of a redrive.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Redriven {
    /// The number of events that were queued again. Their records are deleted.
    pub queued: usize,
    /// The records that are left, each with the reason.
    pub left: Vec<(PathBuf, String)>,
}

/// Queues the events of the failure records again, oldest first. Deletes each record after the queue has accepted its event.
///
/// It handles only the records that exist at the start, so that events that fail again do not keep it running. After each record it calls
/// `tell` with the number of records that are done and the number of all records.
///
/// # Errors
/// Returns an error if the folder cannot be read or Lambda's API does not answer. The records that are not done remain.
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

/// Lists the records, oldest first, by the time at the beginning of their names.
fn records(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut records = Vec::new();
    for function in [UPLOAD_HANDLER, IMAGE_PROCESSOR] {
        let folder = folder.join(function);
        // A function that has never failed has no folder.
        if !folder.exists() {
            continue;
        }
        for record in fs::read_dir(folder)? {
            let path = record?.path();
            records.extend(path.extension().is_some_and(|extension| extension == "json").then_some(path));
        }
    }
    records.sort_by(|one, other| one.file_name().cmp(&other.file_name()));
    Ok(records)
}

/// Queues the event of one record again. The inner error says why the record is left.
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

/// The objects of a backfill, and the servers that it calls.
#[derive(Debug, Clone)]
pub struct Backfill {
    /// S3's endpoint.
    pub s3: String,
    /// The endpoint of Lambda's API.
    pub lambda: String,
    /// The bucket.
    pub bucket: String,
    /// The prefix of the keys.
    pub prefix: String,
    /// The number of tasks that run at once.
    pub concurrency: usize,
}

/// The progress of a backfill, and its result.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// The number of all objects.
    pub objects: usize,
    /// The number of objects whose thumbnails were made.
    pub made: usize,
    /// The number of objects whose thumbnails are current.
    pub current: usize,
    /// The number of objects that were rejected, or deleted meanwhile.
    pub rejected: usize,
    /// The objects that failed in every attempt: the key and the last error.
    pub failed: Vec<(String, String)>,
}

impl Summary {
    /// The number of objects that are done.
    #[must_use]
    pub fn done(&self) -> usize {
        self.made + self.current + self.rejected + self.failed.len()
    }
}

/// Runs `image-processor` for every object as S3 Batch Operations does, with a task for each key. Tasks run concurrently, and each has up to
/// three attempts. The function skips objects whose thumbnails are current, so an interrupted backfill can be started again.
///
/// It calls `tell` with the progress, at the start and after each object.
///
/// # Errors
/// Returns an error if the bucket cannot be listed, or a server does not answer.
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

/// Runs one task. Returns its key, and its result or its last error.
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

/// Lists the keys of the bucket that begin with the prefix, without folders.
async fn keys(backfill: &Backfill) -> Result<Vec<String>, String> {
    let list = sdk::s3(&backfill.s3).list_objects_v2().bucket(&backfill.bucket).prefix(&backfill.prefix);
    // XML cannot contain control characters.
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

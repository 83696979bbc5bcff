//! Lambda function: what happened to objects of a bucket, turned into asynchronous invocations of `image-processor`.
//!
//! [`event`] reads the raw event, [`invoke`] hands each job over, [`outcome`] tells what became of it, [`handle`] joins the three.

pub mod event;
pub mod invoke;
pub mod outcome;
mod patterns;
mod settings;

use std::collections::HashSet;

use aws_sdk_lambda::Client;
use lambda_runtime::{Diagnostic, LambdaEvent};
use serde_json::Value;
use thumbnail_job::Job;

use crate::{
    event::{Message, Skipped},
    outcome::{Outcome, Reply},
};
pub use patterns::{KeyPattern, KeyPatterns};
pub use settings::Settings;

/// Answers one invocation: `event.payload` is the event as raw JSON, of whatever shape.
///
/// # Errors
/// Where a job could not be handed over for a reason that a retry or an operator can mend: Lambda then delivers the whole
/// event again. Jobs that were accepted the first time are then done twice, which does no harm. An SQS batch is no error: its
/// answer names the messages that are to be delivered again.
pub async fn handle(event: LambdaEvent<Value>, client: &Client, settings: &Settings) -> Result<Reply, Diagnostic> {
    let mut messages = event::read(event.payload, &settings.prefixes);
    for message in &mut messages {
        admit(message, &settings.patterns);
        for skipped in message.records.iter().filter_map(|record| record.as_ref().err()) {
            tracing::info!(
                message_id = message.id,
                key = skipped.key,
                bucket = skipped.bucket,
                reason = skipped.reason,
                detail = skipped.detail,
                "skipped"
            );
        }
    }
    let deadline = resilience::deadline(event.context.deadline);
    let attempts = invoke::all(distinct(&messages), client, settings, deadline).await;
    let outcomes = messages.into_iter().map(|message| (message.id.clone(), Outcome::new(message, &attempts))).collect();
    outcome::reply(outcomes, &settings.image_processor_function)
}

/// Turns the jobs whose keys the deployment's patterns leave out into skipped records.
fn admit(message: &mut Message, patterns: &KeyPatterns) {
    for record in &mut message.records {
        if let Ok(job) = record
            && !patterns.admit(&job.key)
        {
            let Job { bucket, key } = job.clone();
            *record = Err(Skipped { bucket: Some(bucket), key: Some(key), reason: "excluded", detail: None });
        }
    }
}

/// The jobs of all messages. Records that name the same object are one job: it looks at the object as it is, once is enough.
fn distinct(messages: &[Message]) -> Vec<Job> {
    let mut seen = HashSet::new();
    let jobs = messages.iter().flat_map(|message| &message.records).flatten();
    jobs.filter(|job| seen.insert(*job)).cloned().collect()
}

//! The Lambda function that turns events about objects of a bucket into asynchronous invocations of `image-processor`.
//!
//! [`handle`] answers an invocation: [`event`] reads jobs from the event, [`invoke`] sends them, and [`outcome`] builds the answer.

pub mod event;
pub mod invoke;
pub mod outcome;
mod patterns;
mod settings;

use std::collections::HashSet;

use aws_sdk_lambda::Client;
use common::Job;
use lambda_runtime::{Diagnostic, LambdaEvent};
use serde_json::Value;

use crate::{
    event::{Message, Skipped},
    outcome::{Outcome, Reply},
};
pub use patterns::{KeyPattern, KeyPatterns};
pub use settings::Settings;

/// Answers one invocation. `event.payload` is the event as raw JSON, in any of the supported forms.
///
/// # Errors
/// Returns an error if a job could not be sent for a reason that a retry or an operator can resolve. Lambda then delivers the
/// whole event again; running the same job twice does no harm. For an SQS batch the answer names the messages to deliver again
/// instead.
pub async fn handle(event: LambdaEvent<Value>, client: &Client, settings: &Settings) -> Result<Reply, Diagnostic> {
    let mut messages = event::read(event.payload, &settings.prefixes);
    for message in &mut messages {
        exclude(message, &settings.patterns);
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

/// Turns jobs whose keys `patterns` exclude into skipped records.
fn exclude(message: &mut Message, patterns: &KeyPatterns) {
    for record in &mut message.records {
        if let Ok(job) = record
            && !patterns.admit(&job.key)
        {
            let Job { bucket, key } = job.clone();
            *record = Err(Skipped { bucket: Some(bucket), key: Some(key), reason: "excluded", detail: None });
        }
    }
}

/// Collects the jobs of all messages. Records about the same object become one job, because a job processes the object as it is.
fn distinct(messages: &[Message]) -> Vec<Job> {
    let mut seen = HashSet::new();
    let jobs = messages.iter().flat_map(|message| &message.records).flatten();
    jobs.filter(|job| seen.insert(*job)).cloned().collect()
}

//! What became of each message of an event, and what is answered.

use std::collections::{HashMap, HashSet};

use aws_lambda_events::event::sqs::SqsBatchResponse;
use lambda_runtime::Diagnostic;
use serde::Serialize;
use thumbnail_job::{Answer, Job};

use crate::{
    event::{Message, Skipped},
    invoke::Attempt,
};

/// What Lambda is told. All that is not to be delivered again is done with.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Reply {
    /// Of an SQS batch: which messages are to be delivered again.
    Batch(SqsBatchResponse),
    /// Of any other event.
    Event(Answer<Outcome>),
}

/// What became of one message of an SQS batch, or of any other event as a whole.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// `failed` when at least one job asks for a retry, else `invoked` when at least one was handed over, else `skipped`.
    pub outcome: &'static str,
    /// The jobs that `image-processor` has accepted.
    pub invoked: Vec<Job>,
    /// The records that ask for no work, each with its reason.
    pub skipped: Vec<Skipped>,
    /// The jobs that Lambda will never accept, each with Lambda's error code.
    pub refused: Vec<Refused>,
    /// The jobs that a retry or an operator can help, each with its error.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<Failed>,
}

/// What is answered to the event, whose messages ended as told. Each message of a batch leaves its whole outcome in the log, since
/// SQS learns nothing but which to keep.
///
/// # Errors
/// Where a job of an event that is no SQS batch failed. The error names each of those jobs.
pub(crate) fn reply(outcomes: Vec<(Option<String>, Outcome)>, function: &str) -> Result<Reply, Diagnostic> {
    let mut batch = SqsBatchResponse::default();
    for (message_id, outcome) in outcomes {
        let Some(message_id) = message_id else { return answer(outcome, function).map(Reply::Event) };
        let result = serde_json::to_string(&outcome).map_err(|error| no_answer(&error))?;
        tracing::info!(message_id, outcome = outcome.outcome, result, "message");
        if !outcome.failed.is_empty() {
            batch.add_failure(message_id);
        }
    }
    Ok(Reply::Batch(batch))
}

fn answer(outcome: Outcome, function: &str) -> Result<Answer<Outcome>, Diagnostic> {
    if outcome.failed.is_empty() {
        return Answer::new(outcome).map_err(|error| no_answer(&error));
    }
    let failed: Vec<_> =
        outcome.failed.iter().map(|Failed { job, error }| format!("{}/{}: {error}", job.bucket, job.key)).collect();
    Err(Diagnostic {
        error_type: "InvokeFailed".into(),
        error_message: format!("{} could not invoke {function}: {}", failed.len(), failed.join("; ")),
    })
}

fn no_answer(error: &serde_json::Error) -> Diagnostic {
    Diagnostic { error_type: "Answer".into(), error_message: error.to_string() }
}

/// A job that Lambda will never accept, however often it is sent: a bug of ours.
#[derive(Debug, Serialize)]
pub struct Refused {
    /// The job.
    #[serde(flatten)]
    pub job: Job,
    /// Lambda's error code.
    pub reason: String,
}

/// A job that could not be handed over this time.
#[derive(Debug, Serialize)]
pub struct Failed {
    /// The job.
    #[serde(flatten)]
    pub job: Job,
    /// The error in words.
    pub error: String,
}

impl Outcome {
    /// The outcome of a message, of whose jobs each is in `attempts`. Records that name one object are one job.
    pub(crate) fn new(message: Message, attempts: &HashMap<Job, Attempt>) -> Self {
        let (mut invoked, mut skipped, mut refused, mut failed) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut seen = HashSet::new();
        for record in message.records {
            match record {
                Err(record) => skipped.push(record),
                Ok(job) if !seen.insert(job.clone()) => {}
                Ok(job) => match &attempts[&job] {
                    Attempt::Invoked => invoked.push(job),
                    Attempt::Refused(reason) => refused.push(Refused { job, reason: reason.clone() }),
                    Attempt::Failed(error) => failed.push(Failed { job, error: error.clone() }),
                },
            }
        }
        let outcome = match (failed.is_empty(), invoked.is_empty()) {
            (false, _) => "failed",
            (true, false) => "invoked",
            (true, true) => "skipped",
        };
        Self { outcome, invoked, skipped, refused, failed }
    }
}

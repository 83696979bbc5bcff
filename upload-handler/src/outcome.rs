//! The outcome of each message of an event, and the answer to the event.

use std::collections::{HashMap, HashSet};

use aws_lambda_events::event::sqs::SqsBatchResponse;
use common::{Answer, Job};
use lambda_runtime::Diagnostic;
use serde::Serialize;

use crate::{
    event::{Message, Skipped},
    invoke::Attempt,
};

/// The answer to an event.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Reply {
    /// The answer to an SQS batch: the messages to deliver again.
    Batch(SqsBatchResponse),
    /// The answer to any other event.
    Event(Answer<Outcome>),
}

/// The outcome of one message of an SQS batch, or of any other event.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// `failed` if at least one job needs a retry, else `invoked` if at least one job was sent, else `skipped`.
    pub outcome: &'static str,
    /// The jobs that `image-processor` has accepted.
    pub invoked: Vec<Job>,
    /// The records that need no work, each with its reason.
    pub skipped: Vec<Skipped>,
    /// The jobs that Lambda will never accept, each with Lambda's error code.
    pub refused: Vec<Refused>,
    /// The jobs that need a retry or an operator, each with its error.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<Failed>,
}

/// Builds the answer to an event from the outcomes of its messages, each with its SQS id.
///
/// The outcomes of an SQS batch are logged, because the answer to SQS can only name messages.
///
/// # Errors
/// Returns an error that names each failed job, unless the event is an SQS batch.
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

/// A job that Lambda will never accept, which is a bug of ours.
#[derive(Debug, Serialize)]
pub struct Refused {
    /// The job.
    #[serde(flatten)]
    pub job: Job,
    /// Lambda's error code.
    pub reason: String,
}

/// A job that could not be sent.
#[derive(Debug, Serialize)]
pub struct Failed {
    /// The job.
    #[serde(flatten)]
    pub job: Job,
    /// The error in words.
    pub error: String,
}

impl Outcome {
    /// Builds the outcome of a message from `attempts`, which contain each of its jobs. Repeated jobs are listed once.
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

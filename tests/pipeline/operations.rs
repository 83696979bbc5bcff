//! Redrive and backfill.

use std::{
    collections::HashMap,
    fs,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::future::BoxFuture;
use image::ImageFormat;
use local::{
    faults::{Faults, Operation},
    operate::{Backfill, Summary, backfill, redrive},
    s3::{S3Error, S3ErrorCode},
};
use pipeline_tests::{encode, picture};

use crate::{
    stack::{BUCKET, Pipeline},
    tests::Test,
};

/// Every test of this file, by name.
pub(crate) fn all() -> Vec<(&'static str, Test)> {
    vec![
        ("what_failed_is_redriven", |pipeline| Box::pin(what_failed_is_redriven(pipeline))),
        ("a_backfill_goes_on_where_it_was", |pipeline| Box::pin(a_backfill_goes_on_where_it_was(pipeline))),
    ]
}

/// A bucket whose thumbnails may not be written.
struct Broken;

impl Faults for Broken {
    fn before(&self, operation: Operation) -> BoxFuture<'_, Result<(), S3Error>> {
        let refused = operation.name == "PutObject" && operation.key.is_some_and(|key| key.starts_with("thumbnails/"));
        let answer = if refused { Err(S3Error::new(S3ErrorCode::AccessDenied)) } else { Ok(()) };
        Box::pin(async { answer })
    }
}

async fn what_failed_is_redriven(pipeline: Arc<Pipeline>) {
    let failures = pipeline.stack.config().failures();
    let records = || fs::read_dir(failures.join("image-processor")).map_or(0, Iterator::count);
    let before = records();
    let (source, key) = (picture(640, 480), "uploads/redriven.png");
    pipeline.stack.s3.inject(Some(Arc::new(Broken)));
    pipeline.put(key, encode(&source, ImageFormat::Png)).await;
    pipeline.shows_nothing(key).await;
    assert_eq!(records(), before + 1, "the failure is on record");

    pipeline.stack.s3.inject(None);
    let mut told = Vec::new();
    let lambda = pipeline.stack.lambda.endpoint();
    let redriven = redrive(&failures, &lambda, |done, of| told.push((done, of))).await.unwrap();
    assert!(redriven.queued > 0 && redriven.left.is_empty(), "{redriven:?}");
    assert_eq!(told.last(), Some(&(redriven.queued, redriven.queued)));
    pipeline.shows(key, ImageFormat::Png, &source).await;
    let again = redrive(&failures, &lambda, |_, _| {}).await.unwrap();
    assert!(again.queued < redriven.queued, "what was done has no record left: {again:?}");
}

/// No event is delivered.
struct EventsLost;

impl Faults for EventsLost {
    fn deliveries(&self) -> Vec<Duration> {
        Vec::new()
    }
}

async fn a_backfill_goes_on_where_it_was(pipeline: Arc<Pipeline>) {
    const OBJECTS: usize = 300;
    // As if they had been there before the pipeline: no event is delivered.
    pipeline.stack.lambda.inject(Some(Arc::new(EventsLost)));
    let file = encode(&picture(64, 48), ImageFormat::Png);
    for number in 0..OBJECTS {
        pipeline.put(&format!("uploads/backfill/{number} + ü.png"), file.clone()).await;
    }
    pipeline.stack.lambda.inject(None);
    let writes = Arc::new(Writes::default());
    pipeline.stack.s3.inject(Some(writes.clone()));

    let settings = Backfill {
        s3: pipeline.stack.s3.endpoint(),
        lambda: pipeline.stack.lambda.endpoint(),
        bucket: BUCKET.into(),
        prefix: "uploads/backfill/".into(),
        concurrency: 4,
    };
    // The operator gives up in the middle …
    let (sender, middle) = tokio::sync::oneshot::channel();
    let mut sender = Some(sender);
    let tell = move |summary: &Summary| {
        if summary.done() >= OBJECTS / 2 {
            sender.take().map(|sender| sender.send(()));
        }
    };
    tokio::select! {
        done = backfill(&settings, tell) => panic!("{done:?} before it was interrupted"),
        _ = middle => {}
    }
    // The tasks in flight are carried out all the same: a second run beside them would make the same thumbnails.
    pipeline.stack.lambda.idle().await;
    // … and begins again.
    let summary = backfill(&settings, |_| {}).await.unwrap();
    assert!((OBJECTS / 2..OBJECTS).contains(&summary.current), "{summary:?}");
    let made = OBJECTS - summary.current;
    assert_eq!(summary, Summary { objects: OBJECTS, made, current: summary.current, ..Summary::default() });

    pipeline.stack.s3.inject(None);
    let writes = writes.0.lock().unwrap();
    assert_eq!(writes.len(), 3 * OBJECTS, "every thumbnail is there");
    assert!(writes.values().all(|times| *times == 1), "and each was made once: {writes:?}");
}

/// Counts what is written, by key.
#[derive(Default)]
struct Writes(Mutex<HashMap<String, usize>>);

impl Faults for Writes {
    fn before(&self, operation: Operation) -> BoxFuture<'_, Result<(), S3Error>> {
        if operation.name == "PutObject" {
            *self.0.lock().unwrap().entry(operation.key.unwrap_or_default()).or_default() += 1;
        }
        Box::pin(async { Ok(()) })
    }
}

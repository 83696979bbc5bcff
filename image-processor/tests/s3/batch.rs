//! S3 Batch Operations: its events, and the thumbnails that it skips.

use image::ImageFormat;
use pipeline_tests::{encode, picture};
use serde_json::{Value, json};

use crate::{
    pipeline::{BUCKET, Pipeline, SIZES},
    watch::Watch,
};

const KEY: &str = "uploads/été 1+1=2.png";
const ENCODED: &str = "uploads/%C3%A9t%C3%A9+1%2B1%3D2.png";

fn version_1(key: &str) -> Value {
    json!({
        "invocationSchemaVersion": "1.0",
        "invocationId": "an-invocation",
        "job": {"id": "a-job"},
        "tasks": [{"taskId": "a-task", "s3Key": key, "s3VersionId": null, "s3BucketArn": format!("arn:aws:s3:::{BUCKET}")}],
    })
}

fn version_2(key: &str) -> Value {
    json!({
        "invocationSchemaVersion": "2.0",
        "invocationId": "an-invocation",
        "job": {"id": "a-job", "userArguments": {"any": "thing"}},
        "tasks": [{"taskId": "a-task", "s3Key": key, "s3VersionId": "some version", "s3Bucket": BUCKET}],
    })
}

/// Returns the code and the string of the result of the only task.
async fn run(pipeline: &Pipeline, event: Value) -> (String, String) {
    let version = event["invocationSchemaVersion"].clone();
    let answer = pipeline.invoke(event).await.unwrap();
    let [result] = answer["results"].as_array().unwrap().as_slice() else { panic!("{answer}") };
    assert_eq!(result["taskId"], "a-task");
    let around = json!({
        "invocationSchemaVersion": version,
        "treatMissingKeysAs": "TemporaryFailure",
        "invocationId": "an-invocation",
        "results": [result],
    });
    assert_eq!(answer, around);
    let text = |field: &str| result[field].as_str().unwrap().to_owned();
    (text("resultCode"), text("resultString"))
}

fn succeeded(result: &str) -> (String, String) {
    ("Succeeded".into(), result.into())
}

#[tokio::test]
async fn both_versions_of_the_schema_are_understood() {
    for event in [version_1, version_2] {
        let pipeline = Pipeline::new(&[]).await;
        pipeline.put(KEY, &encode(&picture(40, 30), ImageFormat::Png)).await;
        assert_eq!(run(&pipeline, event(ENCODED)).await, succeeded("made"));
        assert_eq!(pipeline.sizes(KEY).await, SIZES);
    }
}

#[tokio::test]
async fn what_is_current_is_left_alone() {
    let pipeline = Pipeline::new(&[]).await;
    pipeline.put(KEY, &encode(&picture(40, 30), ImageFormat::Png)).await;
    pipeline.process(KEY).await;

    let watch = Watch::new("", async || {});
    pipeline.server.inject(Some(watch.clone()));
    assert_eq!(run(&pipeline, version_2(ENCODED)).await, succeeded("current"));
    let seen = watch.seen.lock().unwrap().clone();
    assert_eq!(seen.len(), 4, "{seen:?}");
    assert!(seen.iter().all(|(operation, _)| operation == "HeadObject"), "{seen:?}");
}

#[tokio::test]
async fn what_is_missing_or_of_another_source_is_made() {
    let pipeline = Pipeline::new(&[]).await;
    pipeline.put(KEY, &encode(&picture(40, 30), ImageFormat::Png)).await;
    pipeline.process(KEY).await;
    pipeline.delete(&format!("thumbnails/500/{KEY}")).await;
    assert_eq!(run(&pipeline, version_2(ENCODED)).await, succeeded("made"));
    assert_eq!(run(&pipeline, version_2(ENCODED)).await, succeeded("current"));
    pipeline.put(KEY, &encode(&picture(30, 40), ImageFormat::Png)).await;
    assert_eq!(run(&pipeline, version_2(ENCODED)).await, succeeded("made"));
}

/// After a change of settings, a backfill replaces outdated thumbnails, adds new sizes and deletes retired ones.
#[tokio::test]
async fn a_backfill_follows_the_settings() {
    let mut pipeline = Pipeline::new(&[]).await;
    pipeline.put(KEY, &encode(&picture(400, 300), ImageFormat::Png)).await;
    pipeline.process(KEY).await;
    for (variables, expected) in [
        (&[("CACHE_CONTROL", "max-age=60")][..], "made"),
        (&[("CACHE_CONTROL", "max-age=60"), ("MAX_SOURCE_BYTES", "1000000")], "current"),
        (&[("CACHE_CONTROL", "max-age=60"), ("JPEG_QUALITY", "90")], "made"),
        (&[("CACHE_CONTROL", "max-age=60"), ("JPEG_QUALITY", "90"), ("SIZES", "100,300,500,200")], "made"),
        (
            &[
                ("CACHE_CONTROL", "max-age=60"),
                ("JPEG_QUALITY", "90"),
                ("SIZES", "100,200,500"),
                ("RETIRED_SIZES", "300"),
            ],
            "made",
        ),
    ] {
        pipeline.configure(variables);
        assert_eq!(run(&pipeline, version_2(ENCODED)).await, succeeded(expected), "{variables:?}");
        assert_eq!(run(&pipeline, version_2(ENCODED)).await, succeeded("current"), "{variables:?}, again");
    }
    assert_eq!(pipeline.sizes(KEY).await, [100, 500], "300 is retired");
    let head = pipeline.head(&format!("thumbnails/100/{KEY}")).await.unwrap();
    assert_eq!(head.cache_control.as_deref(), Some("max-age=60"));
}

#[tokio::test]
async fn retired_thumbnails_go_with_their_source() {
    let mut pipeline = Pipeline::new(&[]).await;
    pipeline.put(KEY, &encode(&picture(40, 30), ImageFormat::Png)).await;
    pipeline.process(KEY).await;
    pipeline.configure(&[("SIZES", "100"), ("RETIRED_SIZES", "300,500")]);
    pipeline.delete(KEY).await;
    assert_eq!(run(&pipeline, version_1(ENCODED)).await, succeeded("removed"));
    assert!(pipeline.sizes(KEY).await.is_empty());
}

/// A Batch Operations job stops when half of its first thousand tasks fail, so a task that can never succeed counts as succeeded.
#[tokio::test]
async fn what_can_never_be_done_succeeds_with_its_reason() {
    let pipeline = Pipeline::new(&[]).await;
    pipeline.put("uploads/text.jpg", b"only text").await;
    for (key, reason) in [
        ("uploads/text.jpg", "rejected: unsupported-format: "),
        ("thumbnails/100/uploads/a.jpg", "refused: inside-thumbnails: "),
        ("documents/a.jpg", "refused: outside-uploads: "),
        ("uploads/%ff.jpg", "refused: undecodable-key: "),
    ] {
        let (code, result) = run(&pipeline, version_2(key)).await;
        assert_eq!(code, "Succeeded", "{key}");
        assert!(result.starts_with(reason), "{key}: {result}");
    }
}

#[tokio::test]
async fn what_can_be_mended_is_a_temporary_failure() {
    let pipeline = Pipeline::new(&[]).await;
    let mut event = version_2(ENCODED);
    event["tasks"][0]["s3Bucket"] = json!("no-such-bucket");
    let (code, result) = run(&pipeline, event).await;
    assert_eq!(code, "TemporaryFailure");
    assert!(
        result.starts_with("AccessDenied: ") || result.starts_with("NoSuchBucket: ") || result.starts_with("Http"),
        "{result}"
    );
}

#[tokio::test]
async fn an_unknown_schema_is_an_error() {
    let pipeline = Pipeline::new(&[]).await;
    for event in [json!({"invocationSchemaVersion": "3.0"}), json!({"invocationSchemaVersion": "1.0", "tasks": 7})] {
        assert_eq!(pipeline.invoke(event).await.unwrap_err().error_type, "MalformedBatch");
    }
}

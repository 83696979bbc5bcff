//! Tests every row of the failure policy by faults between the real SDK client and S3. Each test checks the answer, the retries and the
//! bucket afterwards; and that an invocation without the fault then repairs the thumbnails.

use std::time::Duration;

use aws_sdk_s3::config::timeout::TimeoutConfig;
use image::{ImageFormat, Rgb, RgbImage};
use pipeline_tests::{encode, other_picture, picture};
use serde_json::json;
use tokio::time::sleep;

use crate::{
    pipeline::{BUCKET, Pipeline, SIZES, client, invoke, now},
    proxy::{Fault, Proxy, Rule},
    watch::Watch,
};

const KEY: &str = "uploads/a.png";
const SOURCE: &str = "/my-image-bucket/uploads/";
const ALWAYS: usize = usize::MAX;

/// The answer of the invocation with the fault.
#[derive(Debug, Clone, Copy)]
enum Answers {
    Made,
    Removed,
    /// A rejection with this reason.
    Rejected(&'static str),
    /// An error of this type, after which Lambda retries.
    Err(&'static str),
}
use Answers::{Err, Made, Rejected, Removed};

/// The thumbnails afterwards. Each size has a thumbnail of the new source, of the old source, or none.
type Left = [char; 3];
const NEW: Left = ['n'; 3];
const OLD: Left = ['o'; 3];
const NONE: Left = ['-'; 3];

/// Overwrites a source that has thumbnails, and runs its job once while `rules` apply. `attempts` is the expected number of requests
/// that match the first rule.
async fn row(rules: &[Rule], answers: Answers, attempts: usize, left: Left) {
    let name = format!("{rules:?}");
    let pipeline = Pipeline::new(&[]).await;
    pipeline.put(KEY, &encode(&picture(40, 30), ImageFormat::Png)).await;
    pipeline.process(KEY).await;
    let new = pipeline.put(KEY, &encode(&other_picture(40, 30), ImageFormat::Png)).await.e_tag.unwrap();

    let proxy = Proxy::start(&pipeline.server.endpoint(), rules).await;
    let mut client = client(&proxy.endpoint);
    let mut deadline = now() + 60_000;
    match rules[0].fault {
        Fault::Silence => {
            let timeouts = TimeoutConfig::builder().read_timeout(Duration::from_millis(200)).build();
            client = aws_sdk_s3::Client::from_conf(client.config().to_builder().timeout_config(timeouts).build());
        }
        Fault::Drip => deadline = now() + 1500,
        _ => {}
    }
    let payload = json!({"bucket": BUCKET, "key": KEY});
    match (answers, invoke(payload, &client, &pipeline.settings, deadline).await) {
        (Made, Ok(answer)) => assert_eq!(answer["result"]["outcome"], "made", "{name}"),
        (Removed, Ok(answer)) => assert_eq!(answer["result"]["outcome"], "removed", "{name}"),
        (Rejected(reason), Ok(answer)) => {
            let result = &answer["result"];
            assert_eq!((&result["outcome"], &result["reason"]), (&json!("rejected"), &json!(reason)), "{name}");
        }
        (Err(error_type), Result::Err(error)) => {
            assert_eq!(error.error_type, error_type, "{name}: {error:?}");
            assert!(error.error_message.contains("s3://my-image-bucket/uploads/a.png"), "{name}: {error:?}");
            assert!(error.error_message.len() < 300, "{name}: not for a person to read: {error:?}");
        }
        (expected, other) => panic!("{name}: {other:?} instead of {expected:?}"),
    }
    assert_eq!(proxy.count(rules[0].method, rules[0].key), attempts, "{name}: attempts");

    let mut found = NONE;
    for (place, size) in SIZES.iter().enumerate() {
        if let Some(head) = pipeline.head(&format!("thumbnails/{size}/{KEY}")).await {
            let is_new = head.metadata.unwrap()["source-etag"] == new.trim_matches('"');
            found[place] = if is_new { 'n' } else { 'o' };
        }
    }
    assert_eq!(found, left, "{name}: thumbnails left");

    assert_eq!(pipeline.process(KEY).await["outcome"], "made", "{name}: the next attempt");
    assert_eq!(pipeline.sizes(KEY).await, SIZES, "{name}: after the next attempt");
}

fn rule(method: &'static str, key: &'static str, times: usize, fault: Fault) -> Rule {
    Rule { method, key, times, fault }
}

/// Tests a fault on requests for the source.
async fn get(times: usize, fault: Fault, answers: Answers, attempts: usize, left: Left) {
    row(&[rule("GET", SOURCE, times, fault)], answers, attempts, left).await;
}

/// Tests a fault on writing the middle thumbnail.
async fn put(times: usize, fault: Fault, answers: Answers, attempts: usize, left: Left) {
    row(&[rule("PUT", "/thumbnails/300/", times, fault)], answers, attempts, left).await;
}

#[tokio::test]
async fn a_source_that_is_gone() {
    let gone = [
        rule("GET", SOURCE, ALWAYS, Fault::Status(404, "NoSuchKey")),
        rule("HEAD", SOURCE, ALWAYS, Fault::Status(404, "")),
    ];
    row(&gone, Removed, 1, NONE).await;
}

#[tokio::test]
async fn what_an_operator_can_mend_is_an_error_at_once() {
    for (status, code) in [
        (403, "AccessDenied"),
        (404, "NoSuchBucket"),
        (400, "KMS.DisabledException"),
        (400, "ExpiredToken"),
        (403, "InvalidAccessKeyId"),
    ] {
        get(ALWAYS, Fault::Status(status, code), Err(code), 1, OLD).await;
    }
    put(ALWAYS, Fault::Status(403, "AccessDenied"), Err("AccessDenied"), 1, ['n', 'o', 'n']).await;
    // The response to a HEAD has no error code, but none of these means that the object is gone.
    row(&[rule("HEAD", SOURCE, ALWAYS, Fault::Status(403, ""))], Err("AccessDenied"), 1, NEW).await;
    row(&[rule("HEAD", SOURCE, ALWAYS, Fault::Status(400, ""))], Err("Http400"), 1, NEW).await;
}

#[tokio::test]
async fn an_archived_source_is_recorded() {
    get(ALWAYS, Fault::Status(403, "InvalidObjectState"), Rejected("archived"), 1, NONE).await;
}

#[tokio::test]
async fn what_passes_is_tried_again() {
    for (status, code) in [
        (503, "SlowDown"),
        (500, "InternalError"),
        (503, "ServiceUnavailable"),
        (400, "RequestTimeout"),
        (400, "ThrottlingException"),
    ] {
        get(2, Fault::Status(status, code), Made, 3, NEW).await;
        get(ALWAYS, Fault::Status(status, code), Err(code), 4, OLD).await;
    }
    row(&[rule("HEAD", SOURCE, 2, Fault::Status(503, ""))], Made, 3, NEW).await;
    row(&[rule("HEAD", SOURCE, ALWAYS, Fault::Status(503, ""))], Err("Http503"), 4, NEW).await;
    put(1, Fault::Status(503, "SlowDown"), Made, 2, NEW).await;
}

#[tokio::test]
async fn connections_that_end_are_made_again() {
    get(1, Fault::Reset, Made, 2, NEW).await;
    get(ALWAYS, Fault::Reset, Err("Connection"), 4, OLD).await;
    put(1, Fault::Reset, Made, 2, NEW).await;
    put(ALWAYS, Fault::Reset, Err("Connection"), 4, ['n', 'o', 'n']).await;
    // The request took effect, but the function does not know, and writes again.
    put(1, Fault::ResetAfterwards, Made, 2, NEW).await;
}

#[tokio::test]
async fn silence_is_not_waited_for() {
    get(1, Fault::Silence, Made, 2, NEW).await;
    get(ALWAYS, Fault::Silence, Err("Timeout"), 4, OLD).await;
}

#[tokio::test]
async fn a_body_that_is_not_whole_is_read_again_never_shown() {
    for fault in [Fault::CutBody, Fault::ShortLength, Fault::WrongByte] {
        get(1, fault, Made, 2, NEW).await;
        get(ALWAYS, fault, Err("IncompleteBody"), 3, OLD).await;
    }
}

/// A JPEG is decoded while it arrives.
#[tokio::test]
async fn a_jpeg_that_is_not_whole_is_never_shown() {
    let photo = |seed: u32| {
        RgbImage::from_fn(1600, 1200, |x, y| Rgb([x ^ y, x * y / seed, y * seed].map(|v| v.to_le_bytes()[0])))
    };
    let pipeline = Pipeline::new(&[]).await;
    for (seed, fault) in (2..).zip([Fault::CutBody, Fault::ShortLength, Fault::WrongByte]) {
        let uploaded = pipeline.put("uploads/a.jpg", &encode(&photo(seed), ImageFormat::Jpeg)).await.e_tag.unwrap();
        let proxy = Proxy::start(&pipeline.server.endpoint(), &[rule("GET", SOURCE, 3, fault)]).await;
        let client = client(&proxy.endpoint);
        let process = async || {
            invoke(json!({"bucket": BUCKET, "key": "uploads/a.jpg"}), &client, &pipeline.settings, now() + 60_000).await
        };
        assert_eq!(process().await.unwrap_err().error_type, "IncompleteBody", "{fault:?}");
        for size in SIZES {
            let head = pipeline.head(&format!("thumbnails/{size}/uploads/a.jpg")).await;
            let shows = head.and_then(|head| head.metadata.unwrap().remove("source-etag"));
            assert_ne!(shows.as_deref(), Some(uploaded.trim_matches('"')), "{fault:?}");
        }
        assert_eq!(process().await.unwrap()["result"]["outcome"], "made", "{fault:?}");
    }
}

#[tokio::test]
async fn a_source_that_drips_runs_out_of_time_before_the_function_does() {
    get(ALWAYS, Fault::Drip, Err("OutOfTime"), 1, OLD).await;
}

#[tokio::test]
async fn sizes_that_fail_are_an_error_and_the_others_are_written() {
    put(ALWAYS, Fault::Status(503, "SlowDown"), Err("SlowDown"), 4, ['n', 'o', 'n']).await;
    put(ALWAYS, Fault::Status(400, "KMS.DisabledException"), Err("KMS.DisabledException"), 1, ['n', 'o', 'n']).await;
    // No request is conditional, so this error comes from a bucket policy and not from a race.
    put(ALWAYS, Fault::Status(412, "PreconditionFailed"), Err("PreconditionFailed"), 1, ['n', 'o', 'n']).await;
}

#[tokio::test]
async fn a_thumbnail_that_s3_never_takes_leaves_no_partial_set() {
    put(ALWAYS, Fault::Status(400, "KeyTooLongError"), Rejected("key-too-long"), 1, NONE).await;
    put(ALWAYS, Fault::Status(400, "EntityTooLarge"), Rejected("thumbnail-too-large"), 1, NONE).await;
}

#[tokio::test]
async fn a_delete_that_fails_is_an_error_and_the_others_are_done() {
    let pipeline = Pipeline::new(&[]).await;
    pipeline.put(KEY, &encode(&picture(40, 30), ImageFormat::Png)).await;
    pipeline.process(KEY).await;
    pipeline.delete(KEY).await;
    let rules = [rule("DELETE", "/thumbnails/300/", ALWAYS, Fault::Status(503, "SlowDown"))];
    let proxy = Proxy::start(&pipeline.server.endpoint(), &rules).await;
    let payload = json!({"bucket": BUCKET, "key": KEY});
    let error = invoke(payload, &client(&proxy.endpoint), &pipeline.settings, now() + 60_000).await.unwrap_err();
    assert_eq!(error.error_type, "SlowDown");
    assert_eq!(pipeline.sizes(KEY).await, [300]);
    assert_eq!(pipeline.process(KEY).await["removed"], json!(["thumbnails/300/uploads/a.png"]));
}

#[tokio::test]
async fn no_round_is_begun_that_cannot_end_in_time() {
    let pipeline = Pipeline::new(&[]).await;
    pipeline.put(KEY, &encode(&picture(40, 30), ImageFormat::Png)).await;
    let payload = json!({"bucket": BUCKET, "key": KEY});
    let error = invoke(payload, &pipeline.client, &pipeline.settings, now() + 100).await.unwrap_err();
    assert_eq!(error.error_type, "OutOfTime");
    assert!(pipeline.sizes(KEY).await.is_empty());
}

/// The source changes while its thumbnails are made, and the remaining time is too short to make them again. Until the next attempt, the
/// thumbnails are complete and show the earlier source.
#[tokio::test]
async fn without_time_for_a_second_round_the_thumbnails_are_of_one_source() {
    let pipeline = Pipeline::new(&[]).await;
    let read = pipeline.put(KEY, &encode(&picture(40, 30), ImageFormat::Png)).await.e_tag.unwrap();
    let overwrite = pipeline.client.put_object().bucket(BUCKET).key(KEY);
    let overwrite = overwrite.body(encode(&other_picture(40, 30), ImageFormat::Png).into());
    // A round takes more than half of the time, so a second round would not finish.
    let watch = Watch::new("HeadObject", async || {
        overwrite.send().await.unwrap();
        sleep(Duration::from_secs(3)).await;
    });
    pipeline.server.inject(Some(watch.clone()));
    let payload = json!({"bucket": BUCKET, "key": KEY});
    let error = invoke(payload, &pipeline.client, &pipeline.settings, now() + 6000).await.unwrap_err();
    assert_eq!(error.error_type, "OutOfTime");
    assert_eq!(watch.keys_of("GetObject"), [KEY], "rounds begun");
    for size in SIZES {
        let head = pipeline.head(&format!("thumbnails/{size}/{KEY}")).await.unwrap();
        assert_eq!(head.metadata.unwrap()["source-etag"], read.trim_matches('"'));
    }
    assert_eq!(pipeline.process(KEY).await["outcome"], "made");
}

//! The commands `local redrive` and `local backfill`, with a scripted runtime.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{Arc, Mutex},
};

use local::{
    lambda::{Config, Front},
    s3::{decode_key, encode_key},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::common::{BUCKET, Fixture, runtime};

/// S3, Lambda's front, and a runtime whose answers depend on the event or the key.
struct Pipeline {
    s3: Fixture,
    lambda: Front,
    asked: Arc<Mutex<Vec<Value>>>,
}

impl Pipeline {
    async fn start() -> Self {
        Self::start_with(Fixture::start().await).await
    }

    async fn start_with(s3: Fixture) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let remembered = Arc::clone(&asked);
        let runtime = runtime(move |_, event| std::future::ready(answer(&remembered, &event))).await;
        let mut config =
            Config::new(runtime, &["upload-handler", "image-processor"], s3.folder.path().join("failures"));
        config.retry_delays = Vec::new();
        let lambda = Front::start(0, config).await.unwrap();
        Self { s3, lambda, asked }
    }

    fn folder(&self) -> &Path {
        self.s3.folder.path()
    }

    fn records(&self) -> Vec<PathBuf> {
        let records = self.folder().join("failures/image-processor");
        std::fs::read_dir(records).into_iter().flatten().map(|record| record.unwrap().path()).collect()
    }

    async fn run(&self, command: &'static str) -> Output {
        let mut local = Command::new(env!("CARGO_BIN_EXE_local"));
        local.arg(command).env("LAMBDA_PORT", self.lambda.address().port().to_string());
        local.env("S3_PORT", self.s3.server.address().port().to_string()).env("LOCAL_DATA", self.folder());
        // `make` passes an unset variable as an empty one.
        local.envs([("CONCURRENCY", ""), ("BUCKET", "")]);
        tokio::task::spawn_blocking(move || local.output().unwrap()).await.unwrap()
    }
}

fn answer(asked: &Mutex<Vec<Value>>, event: &Value) -> (u16, Value) {
    asked.lock().unwrap().push(event.clone());
    let task = &event["tasks"][0];
    if let Some(key) = task["s3Key"].as_str().map(decode_key) {
        let failed = key.contains("failed");
        let name = key.trim_start_matches("uploads/").trim_end_matches(char::is_numeric).to_owned();
        let code = if failed { "TemporaryFailure" } else { "Succeeded" };
        (200, json!({ "results": [{ "taskId": task["taskId"], "resultCode": code, "resultString": name }] }))
    } else if event["mended"] == true {
        (200, json!("done"))
    } else {
        (500, json!({ "errorType": "Broken", "errorMessage": "not yet" }))
    }
}

fn told(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_is_queued_again_and_its_record_deleted() {
    let pipeline = Pipeline::start().await;
    let (status, out, _) = told(&pipeline.run("redrive").await);
    assert_eq!(status, Some(0), "nothing has failed yet: {out}");

    for number in 0..12 {
        pipeline.lambda.events().send("image-processor", json!({ "number": number }));
    }
    pipeline.lambda.idle().await;
    let records = pipeline.records();
    assert_eq!(records.len(), 12);
    // Eleven events succeed from now on. One record is damaged, and the function of another record does not exist.
    for record in &records {
        let text = std::fs::read_to_string(record).unwrap();
        std::fs::write(record, text.replace("\"number\"", "\"mended\": true, \"number\"")).unwrap();
    }
    std::fs::write(&records[0], "{").unwrap();
    let other = std::fs::read_to_string(&records[1]).unwrap().replace("function:image-processor", "function:former");
    std::fs::write(&records[1], other).unwrap();

    let (status, out, error) = told(&pipeline.run("redrive").await);
    assert_eq!(status, Some(1));
    assert!(out.starts_with("10 events queued again, 2 records left in "), "{out}");
    assert!(error.contains("it is no failure record") && error.contains("Function not found"), "{error}");
    assert!(error.contains("12 of 12, records"), "it says how far it is: {error}");
    pipeline.lambda.idle().await;
    assert_eq!(pipeline.records().len(), 2);
    let mended = pipeline.asked.lock().unwrap().iter().filter(|event| event["mended"] == true).count();
    assert_eq!(mended, 10, "each is invoked with the event that it failed with");
}

/// A redrive that ran until no record is left would never end.
#[tokio::test(flavor = "multi_thread")]
async fn what_fails_again_is_on_record_again() {
    let pipeline = Pipeline::start().await;
    pipeline.lambda.events().send("image-processor", json!({ "number": 1 }));
    pipeline.lambda.idle().await;
    let before = pipeline.records();
    assert_eq!(pipeline.run("redrive").await.status.code(), Some(0));
    pipeline.lambda.idle().await;
    let after = pipeline.records();
    assert_eq!(after.len(), 1);
    assert_ne!(after, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_pipeline_nothing_is_lost() {
    let mut pipeline = Pipeline::start().await;
    pipeline.lambda.events().send("image-processor", json!({ "number": 1 }));
    pipeline.lambda.idle().await;
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let mut redrive = Command::new(env!("CARGO_BIN_EXE_local"));
    redrive.arg("redrive").env("LAMBDA_PORT", nobody.to_string()).env("LOCAL_DATA", pipeline.folder());
    let (status, _, error) = told(&redrive.output().unwrap());
    assert_eq!(status, Some(1));
    assert!(error.contains("is `make run` up?"), "{error}");
    assert_eq!(pipeline.records().len(), 1);

    pipeline.lambda = Front::start(0, Config::new("http://127.0.0.1:1", &[], pipeline.folder())).await.unwrap();
    let (status, out, _) = told(&pipeline.run("backfill").await);
    assert_eq!((status, out.as_str()), (Some(0), "0 objects: 0 made, 0 current, 0 rejected, 0 failed\n"));
    pipeline.s3.put("uploads/a", "x").await;
    let (status, _, error) = told(&pipeline.run("backfill").await);
    assert_eq!(status, Some(1));
    assert!(error.contains("uploads/a: Lambda answered 404"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_upload_is_a_task() {
    let pipeline = Pipeline::start().await;
    let keys = ["made", "current", "rejected: corrupt: x", "a folder/", "failed", "made & <+> é%2B?"];
    for key in keys {
        pipeline.s3.put(&format!("uploads/{key}"), "x").await;
    }
    pipeline.s3.put("documents/made", "x").await;

    let (status, out, error) = told(&pipeline.run("backfill").await);
    assert_eq!(status, Some(1));
    assert_eq!(out, "5 objects: 1 made, 1 current, 2 rejected, 1 failed\n");
    assert!(error.contains("error: uploads/failed: failed"), "{error}");
    assert!(error.contains("5 of 5, "), "{error}");
    let asked = pipeline.asked.lock().unwrap();
    let count = |key: &str| asked.iter().filter(|event| event["tasks"][0]["s3Key"] == encode_key(key)).count();
    assert_eq!((count("uploads/failed"), count("uploads/made & <+> é%2B?")), (3, 1));
    assert!(asked.iter().all(|event| event["invocationSchemaVersion"] == "2.0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_of_several_pages_is_gone_through() {
    let folder = tempfile::tempdir().unwrap();
    let uploads = folder.path().join("s3").join(BUCKET).join("uploads");
    std::fs::create_dir_all(&uploads).unwrap();
    for number in 0..2001 {
        std::fs::write(uploads.join(format!("made{number}")), "x").unwrap();
    }
    let pipeline = Pipeline::start_with(Fixture::start_in(folder, "").await).await;
    let (status, out, _) = told(&pipeline.run("backfill").await);
    assert_eq!((status, out.as_str()), (Some(0), "2001 objects: 2001 made, 0 current, 0 rejected, 0 failed\n"));
}

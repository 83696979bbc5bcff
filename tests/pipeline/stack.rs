//! The running pipeline, with the operations and assertions of the tests.
#![allow(dead_code, reason = "each test target uses its part")]

use std::{path::Path, sync::Arc, time::Duration};

use aws_sdk_s3::{Client, operation::head_object::HeadObjectOutput};
use image::{ImageFormat, RgbImage};
use local::{
    lambda::{Invocation, Outcome},
    sdk,
    stack::{Config, Stack},
};
use pipeline_tests::assert_shows;
use serde_json::Value;
use tempfile::TempDir;

pub(crate) const BUCKET: &str = "my-image-bucket";
pub(crate) const SIZES: [u32; 3] = [100, 300, 500];

/// A running pipeline with a bucket; sources belong under `uploads/`.
pub(crate) struct Pipeline {
    pub(crate) stack: Stack,
    pub(crate) client: Client,
    _data: TempDir,
}

impl Pipeline {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let project = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
        let data = tempfile::tempdir().expect("a temporary folder");
        // One process per function would hide every race.
        let mut config = Config {
            concurrency: 4,
            retry_delays: vec![Duration::from_millis(100); 2],
            ..Config::new(project, data.path())
        };
        change(&mut config);
        let mut stack = Stack::start(config).await.unwrap_or_else(|error| panic!("{error}"));
        stack.start_functions().await.unwrap_or_else(|error| panic!("{error}"));
        Self { client: sdk::s3(&stack.s3.endpoint()), stack, _data: data }
    }

    pub(crate) async fn put(&self, key: &str, body: Vec<u8>) {
        self.client.put_object().bucket(BUCKET).key(key).body(body.into()).send().await.expect("put");
    }

    pub(crate) async fn delete(&self, key: &str) {
        self.client.delete_object().bucket(BUCKET).key(key).send().await.expect("delete");
    }

    pub(crate) async fn head(&self, key: &str) -> Option<HeadObjectOutput> {
        self.client.head_object().bucket(BUCKET).key(key).send().await.ok()
    }

    pub(crate) async fn thumbnail(&self, size: u32, key: &str) -> Option<Vec<u8>> {
        let key = format!("thumbnails/{size}/{key}");
        let object = self.client.get_object().bucket(BUCKET).key(key).send().await.ok()?;
        Some(object.body.collect().await.expect("a body").to_vec())
    }

    /// Waits until all invocations have ended, then asserts that every thumbnail shows `picture`.
    pub(crate) async fn shows(&self, key: &str, format: ImageFormat, picture: &RgbImage) {
        self.stack.lambda.idle().await;
        for size in SIZES {
            let Some(file) = self.thumbnail(size, key).await else { panic!("no thumbnail of {key} at {size}") };
            let height = (picture.height() * size + picture.width() / 2) / picture.width();
            assert_shows(&file, format, (size, height), picture);
        }
    }

    /// Waits until all invocations have ended, then asserts that there is no thumbnail.
    pub(crate) async fn shows_nothing(&self, key: &str) {
        self.stack.lambda.idle().await;
        for size in SIZES {
            assert!(self.thumbnail(size, key).await.is_none(), "{key} has a thumbnail at {size}");
        }
    }

    /// Runs `act`, waits until all invocations that it causes have ended, and returns those of `function`.
    pub(crate) async fn invocations(&self, function: &str, act: impl Future<Output = ()>) -> Vec<Arc<Invocation>> {
        let mut observer = self.stack.lambda.observe();
        act.await;
        self.stack.lambda.idle().await;
        let mut seen = Vec::new();
        while let Ok(invocation) = observer.try_recv() {
            seen.extend((invocation.function == function).then_some(invocation));
        }
        seen
    }
}

/// The `result` of an invocation that succeeded.
pub(crate) fn result(invocation: &Invocation) -> &Value {
    match &invocation.outcome {
        Outcome::Answered(answer) => &answer["result"],
        other => panic!("{} did not answer: {other:?}", invocation.function),
    }
}

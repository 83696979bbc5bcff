//! A bucket on a real S3 server, and the function.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_sdk_s3::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    operation::{head_object::HeadObjectOutput, put_object::PutObjectOutput},
};
use common::settings::Reader;
use image::RgbImage;
use image_processor::{S3Store, Settings, handle};
use lambda_runtime::{Context, Diagnostic, LambdaEvent};
use local::s3::S3Server;
use resilience::retries;
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const BUCKET: &str = "my-image-bucket";
pub(crate) const SIZES: [u32; 3] = [100, 300, 500];

/// The function, with a bucket on a real S3 server.
pub(crate) struct Pipeline {
    pub(crate) server: S3Server,
    pub(crate) client: Client,
    pub(crate) settings: Arc<Settings>,
    _root: TempDir,
}

impl Pipeline {
    pub(crate) async fn new(variables: &[(&str, &str)]) -> Self {
        let root = tempfile::tempdir().unwrap();
        let server = S3Server::start(0, root.path(), &[BUCKET, "other-bucket"], None).await.unwrap();
        let settings = Arc::new(Settings::read(Reader::of(variables)).unwrap());
        Self { client: client(&server.endpoint()), server, settings, _root: root }
    }

    /// Restarts the function with other settings.
    pub(crate) fn configure(&mut self, variables: &[(&str, &str)]) {
        self.settings = Arc::new(Settings::read(Reader::of(variables)).unwrap());
    }

    pub(crate) async fn put(&self, key: &str, body: &[u8]) -> PutObjectOutput {
        self.client.put_object().bucket(BUCKET).key(key).body(body.to_vec().into()).send().await.unwrap()
    }

    pub(crate) async fn delete(&self, key: &str) {
        self.client.delete_object().bucket(BUCKET).key(key).send().await.unwrap();
    }

    pub(crate) async fn get(&self, bucket: &str, key: &str) -> Option<Vec<u8>> {
        let object = self.client.get_object().bucket(bucket).key(key).send().await.ok()?;
        Some(object.body.collect().await.unwrap().to_vec())
    }

    pub(crate) async fn head(&self, key: &str) -> Option<HeadObjectOutput> {
        self.client.head_object().bucket(BUCKET).key(key).send().await.ok()
    }

    pub(crate) async fn thumbnail(&self, size: u32, key: &str) -> Option<Vec<u8>> {
        self.get(BUCKET, &format!("thumbnails/{size}/{key}")).await
    }

    /// Lists the sizes that have a thumbnail.
    pub(crate) async fn sizes(&self, key: &str) -> Vec<u32> {
        let mut found = Vec::new();
        for size in SIZES {
            found.extend(self.thumbnail(size, key).await.map(|_| size));
        }
        found
    }

    pub(crate) async fn invoke(&self, payload: Value) -> Result<Value, Diagnostic> {
        invoke(payload, &self.client, &self.settings, now() + 60_000).await
    }

    /// Runs the job of a key, and returns its `result`.
    pub(crate) async fn process(&self, key: &str) -> Value {
        self.invoke(json!({"bucket": BUCKET, "key": key})).await.unwrap()["result"].take()
    }
}

/// Creates a client with the retries of the function, but short delays.
pub(crate) fn client(endpoint: &str) -> Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(resilience::http_client())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "test"))
        .retry_config(retries().with_initial_backoff(Duration::from_millis(1)))
        .endpoint_url(endpoint);
    Client::from_conf(config.build())
}

pub(crate) async fn invoke(
    payload: Value,
    client: &Client,
    settings: &Arc<Settings>,
    deadline: u64,
) -> Result<Value, Diagnostic> {
    let mut context = Context::default();
    context.deadline = deadline;
    let store = S3Store::new(client.clone(), Arc::clone(settings));
    let answer = handle(LambdaEvent::new(payload, context), &store).await?;
    Ok(serde_json::to_value(answer).unwrap())
}

/// The time in milliseconds since 1970, as in the deadlines of Lambda.
pub(crate) fn now() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

pub(crate) fn height_at(width: u32, of: &RgbImage) -> u32 {
    (of.height() * width + of.width() / 2) / of.width()
}

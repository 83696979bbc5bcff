//! An S3 server in a temporary folder, and a client of the SDK.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
};

use aws_sdk_s3::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    primitives::ByteStream,
};
use axum::{
    Router,
    extract::{DefaultBodyLimit, Path},
    http::StatusCode,
    routing::post,
};
use local::{
    s3::{Listener, Notification, S3Server},
    sdk,
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

pub(crate) const BUCKET: &str = "my-image-bucket";

pub(crate) struct Fixture {
    pub(crate) folder: TempDir,
    pub(crate) server: S3Server,
    pub(crate) client: Client,
    told: Arc<Mutex<Vec<Notification>>>,
}

impl Fixture {
    /// Starts a server that sends events for every key.
    pub(crate) async fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), "").await
    }

    pub(crate) async fn start_in(folder: TempDir, prefix: &str) -> Self {
        let told = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&told);
        let listener: Listener = Arc::new(move |event| heard.lock().unwrap().push(event));
        let notify = Some((prefix.to_owned(), listener));
        let server = S3Server::start(0, &folder.path().join("s3"), &[BUCKET], notify).await.unwrap();
        let client = sdk::s3(&server.endpoint());
        Self { folder, server, client, told }
    }

    /// Starts a new server on the same folder.
    pub(crate) async fn restart(self) -> Self {
        drop(self.server);
        Self::start_in(self.folder, "").await
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("s3")
    }

    /// The plain file of an object.
    pub(crate) fn file(&self, key: &str) -> PathBuf {
        self.root().join(BUCKET).join(key)
    }

    pub(crate) fn told(&self) -> Vec<Notification> {
        self.told.lock().unwrap().clone()
    }

    pub(crate) async fn put(&self, key: &str, body: impl Into<Vec<u8>>) -> String {
        let body = ByteStream::from(body.into());
        let put = self.client.put_object().bucket(BUCKET).key(key).body(body).send().await.unwrap();
        put.e_tag().unwrap().to_owned()
    }

    pub(crate) async fn get(&self, key: &str) -> Vec<u8> {
        let got = self.client.get_object().bucket(BUCKET).key(key).send().await.unwrap();
        got.body.collect().await.unwrap().to_vec()
    }

    pub(crate) async fn delete(&self, key: &str) {
        self.client.delete_object().bucket(BUCKET).key(key).send().await.unwrap();
    }

    pub(crate) async fn keys(&self) -> Vec<String> {
        let listed = self.client.list_objects_v2().bucket(BUCKET).send().await.unwrap();
        listed.contents().iter().map(|object| object.key().unwrap().to_owned()).collect()
    }
}

/// Starts a replacement for `cargo lambda watch`. `answer` gets the name of a function and an event, and returns a status and a body.
pub(crate) async fn runtime<F: Future<Output = (u16, Value)> + Send>(
    answer: impl Fn(String, Value) -> F + Clone + Send + Sync + 'static,
) -> String {
    let invoke = async move |Path(function): Path<String>, event: String| {
        let (status, body) = answer(function, serde_json::from_str(&event).unwrap()).await;
        (StatusCode::from_u16(status).unwrap(), body.to_string())
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let route = post(invoke).layer(DefaultBodyLimit::disable());
    let service = Router::new().route("/2015-03-31/functions/{name}/invocations", route);
    tokio::spawn(axum::serve(listener, service).into_future());
    endpoint
}

/// Sends a request that is neither signed nor escaped. Returns the whole answer.
pub(crate) async fn raw(server: &S3Server, method: &str, path: &str, body: &str) -> String {
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// The HTTP status and S3's code of an error.
pub(crate) fn refusal<T: std::fmt::Debug, E: ProvideErrorMetadata + std::fmt::Debug>(
    result: Result<T, SdkError<E, aws_sdk_s3::config::http::HttpResponse>>,
) -> (u16, String) {
    let error = result.unwrap_err();
    let status = error.raw_response().map_or(0, |response| response.status().as_u16());
    (status, error.code().unwrap_or_default().to_owned())
}

/// Lists every file in a folder and its subfolders.
pub(crate) fn files(folder: &std::path::Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}

//! A client of our own S3 port: uploads take the same way as anybody's.
//!
//! Unsigned requests over plain HTTP. The AWS SDK would be built a second time for this binary alone, and it is most of the
//! time that a newcomer waits for the first build.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE};
use hyper::{Method, Request, Response, body::Incoming};
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stays as it is in a path.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');

pub(crate) struct Client {
    endpoint: String,
    http: Http<HttpConnector, Full<Bytes>>,
}

impl Client {
    pub(crate) fn new(endpoint: String) -> Self {
        Self { endpoint, http: Http::builder(TokioExecutor::new()).build_http() }
    }

    /// Writes an object.
    pub(crate) async fn put(&self, bucket: &str, key: &str, content_type: &str, body: Vec<u8>) -> Result<(), String> {
        let response = self.send(Method::PUT, bucket, key, content_type, body).await?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let answer = response.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        Err(format!("S3 answered {status}: {}", String::from_utf8_lossy(&answer)))
    }

    /// An object's size in bytes; `None` where there is none.
    pub(crate) async fn size(&self, bucket: &str, key: &str) -> Result<Option<u64>, String> {
        let response = self.send(Method::HEAD, bucket, key, "", Vec::new()).await?;
        let length = response.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        Ok(length.filter(|_| response.status().is_success()))
    }

    async fn send(
        &self,
        method: Method,
        bucket: &str,
        key: &str,
        content_type: &str,
        body: Vec<u8>,
    ) -> Result<Response<Incoming>, String> {
        let uri = format!("{}/{bucket}/{}", self.endpoint, utf8_percent_encode(key, ESCAPED));
        let request = Request::builder().method(method).uri(uri).header(CONTENT_TYPE, content_type);
        let request = request.body(Full::from(body)).map_err(|error| error.to_string())?;
        self.http.request(request).await.map_err(|error| error.to_string())
    }
}

//! The gallery's routes. Everything is asked by query (`?key=…`), since a path could not carry every key: `..` and `//` in it
//! would mean something.
//!
//! | request | answer |
//! |---|---|
//! | `GET /`, `/gallery.css`, `/gallery.js` | the page |
//! | `GET /uploads?after=…` | a page of uploads, newest first |
//! | `PUT /uploads?name=…` | writes an upload |
//! | `DELETE /uploads?key=…` | deletes one |
//! | `POST /uploads?key=…` | has its thumbnails made again |
//! | `GET /object?bucket=…&key=…` | an object, as a picture or else to be saved |
//! | `GET /events` | changes as they happen |

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, Limited, StreamBody};
use hyper::body::{Body, Frame, Incoming};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::sync::broadcast::Sender;
use tokio::sync::broadcast::error::RecvError;

use super::board::Board;
use super::guard;
use crate::lambda::Events;
use crate::stack::IMAGE_PROCESSOR;

const PAGE: &str = include_str!("page/gallery.html");
const STYLE: &str = include_str!("page/gallery.css");
const SCRIPT: &str = include_str!("page/gallery.js");

/// What the page may do: run its own script, show its own pictures, ask its own server.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
/// What an object may do that is opened by itself: nothing, as a page of no origin.
const OBJECT_POLICY: &str = "default-src 'none'; frame-ancestors 'none'; sandbox";

/// The types that objects are served as. All others, SVG and HTML among them, are for saving only.
const PICTURES: [&str; 8] =
    ["image/jpeg", "image/png", "image/gif", "image/webp", "image/avif", "image/bmp", "image/tiff", "image/x-icon"];

/// What stays as it is in a path to S3.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// S3's limit for keys, bytes.
const LONGEST_KEY: usize = 1024;
/// Most of an error of S3 that is read, bytes.
const LONGEST_ERROR: usize = 64 * 1024;
/// Pages that may listen for events at once.
const LISTENERS: usize = 32;
/// A silent connection is found dead by writing to it.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Tells a page that it has missed events.
pub(super) const RELOAD: Bytes = Bytes::from_static(b"event: reload\ndata:\n\n");

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type AnyBody = UnsyncBoxBody<Bytes, BoxError>;
type Answer = Result<Response<AnyBody>, Refusal>;

/// One change of an upload as an event.
pub(super) fn event(news: &Value) -> Bytes {
    // JSON has no line breaks but in its whitespace, of which there is none.
    format!("data: {news}\n\n").into()
}

/// Where things are.
pub(super) struct Place {
    /// S3's endpoint.
    pub(super) s3: String,
    pub(super) bucket: String,
    pub(super) prefix: String,
    /// The gallery's own port.
    pub(super) port: u16,
}

pub(super) struct Service {
    board: Arc<Board>,
    news: Sender<Bytes>,
    listeners: Arc<Semaphore>,
    events: Events,
    place: Place,
    http: Client<HttpConnector, AnyBody>,
}

impl Service {
    pub(super) fn new(board: Arc<Board>, news: Sender<Bytes>, events: Events, place: Place) -> Self {
        let http = Client::builder(TokioExecutor::new()).build_http();
        Self { board, news, listeners: Arc::new(Semaphore::new(LISTENERS)), events, place, http }
    }

    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<AnyBody> {
        let mut response = self.route(request).await.unwrap_or_else(Refusal::into_response);
        let headers = response.headers_mut();
        for (name, value) in [
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::REFERRER_POLICY, "no-referrer"),
            (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
            (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
            // An object's answer says for itself when it is old.
            (header::CACHE_CONTROL, "no-cache"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(PAGE_POLICY));
        response
    }

    async fn route(&self, request: Request<Incoming>) -> Answer {
        let (parts, body) = request.into_parts();
        guard::check(&parts, self.place.port)?;
        let asked = |name: &str| asked(&parts, name);
        let required = |name: &str| {
            asked(name)?.ok_or_else(|| Refusal::new(StatusCode::BAD_REQUEST, &format!("{name} is missing")))
        };
        match (&parts.method, parts.uri.path()) {
            (&Method::GET, "/") => Ok(text("text/html; charset=utf-8", PAGE)),
            (&Method::GET, "/gallery.css") => Ok(text("text/css; charset=utf-8", STYLE)),
            (&Method::GET, "/gallery.js") => Ok(text("text/javascript; charset=utf-8", SCRIPT)),
            (&Method::GET, "/favicon.ico") => Ok(status(StatusCode::NO_CONTENT)),
            (&Method::GET, "/events") => self.listen(),
            (&Method::GET, "/uploads") => Ok(self.list(asked("after")?.as_deref())),
            (&Method::PUT, "/uploads") => self.put(&required("name")?, &parts.headers, body).await,
            (&Method::DELETE, "/uploads") => self.delete(self.upload(required("key")?)?).await,
            (&Method::POST, "/uploads") => Ok(self.again(&self.upload(required("key")?)?)),
            (&Method::GET, "/object") => self.object(&required("bucket")?, &required("key")?, &parts.headers).await,
            _ => Err(Refusal::new(StatusCode::NOT_FOUND, "there is no such page")),
        }
    }

    /// A key, if it is that of an upload.
    fn upload(&self, key: String) -> Result<String, Refusal> {
        let is_upload = key.starts_with(&self.place.prefix) && key.len() > self.place.prefix.len();
        let refusal =
            || Refusal::new(StatusCode::BAD_REQUEST, &format!("keys of uploads begin with {}", self.place.prefix));
        if !is_upload {
            return Err(refusal());
        }
        if key.len() > LONGEST_KEY {
            return Err(Refusal::new(StatusCode::BAD_REQUEST, "the name is too long: a key has at most 1024 bytes"));
        }
        Ok(key)
    }

    fn list(&self, after: Option<&str>) -> Response<AnyBody> {
        let Place { bucket, prefix, .. } = &self.place;
        let mut page = self.board.page(after);
        page["bucket"] = json!(bucket);
        page["prefix"] = json!(prefix);
        text("application/json", page.to_string())
    }

    /// Passes an upload on to S3, as it comes.
    async fn put(&self, name: &str, headers: &HeaderMap, body: Incoming) -> Answer {
        let key = self.upload(format!("{}{name}", self.place.prefix))?;
        // S3 wants to know before; and so a body that stops early is no object.
        if body.size_hint().exact().is_none() {
            return Err(Refusal::new(StatusCode::LENGTH_REQUIRED, "the upload's length is missing"));
        }
        let mut request =
            self.request(Method::PUT, &self.place.bucket, &key, body.map_err(Into::into).boxed_unsync())?;
        let octets = HeaderValue::from_static("application/octet-stream");
        let content_type = headers.get(header::CONTENT_TYPE).cloned().unwrap_or(octets);
        request.headers_mut().insert(header::CONTENT_TYPE, content_type);
        self.ask_s3(request).await?;
        Ok(status(StatusCode::NO_CONTENT))
    }

    async fn delete(&self, key: String) -> Answer {
        let request = self.request(Method::DELETE, &self.place.bucket, &key, empty())?;
        self.ask_s3(request).await?;
        Ok(status(StatusCode::NO_CONTENT))
    }

    fn again(&self, key: &str) -> Response<AnyBody> {
        self.events.send(IMAGE_PROCESSOR, json!({ "bucket": self.place.bucket, "key": key }));
        status(StatusCode::ACCEPTED)
    }

    async fn object(&self, bucket: &str, key: &str, headers: &HeaderMap) -> Answer {
        let mut request = self.request(Method::GET, bucket, key, empty())?;
        if let Some(known) = headers.get(header::IF_NONE_MATCH) {
            request.headers_mut().insert(header::IF_NONE_MATCH, known.clone());
        }
        let (parts, body) = self.ask_s3(request).await?.into_parts();
        let mut response = Response::new(body.map_err(Into::into).boxed_unsync());
        *response.status_mut() = parts.status;
        let said = parts.headers.get(header::CONTENT_TYPE).and_then(|said| said.to_str().ok());
        let picture = PICTURES.into_iter().find(|picture| said == Some(*picture));
        let headers = response.headers_mut();
        for name in [header::CONTENT_LENGTH, header::ETAG] {
            headers.extend(parts.headers.get(&name).map(|value| (name, value.clone())));
        }
        let content_type = picture.unwrap_or("application/octet-stream");
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(OBJECT_POLICY));
        if picture.is_none() {
            headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
        }
        Ok(response)
    }

    /// A stream that takes from the channel all pages share: a page that reads slowly misses events and hears so.
    fn listen(&self) -> Answer {
        let Ok(permit) = Arc::clone(&self.listeners).try_acquire_owned() else {
            return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "too many open pages"));
        };
        let first = Bytes::from_static(b"retry: 1000\n\n");
        let state = (Some(first), self.news.subscribe(), permit);
        let events = stream::unfold(state, |(first, mut news, permit)| async move {
            let event = match first {
                Some(first) => first,
                None => match tokio::time::timeout(KEEP_ALIVE, news.recv()).await {
                    Ok(Ok(event)) => event,
                    Ok(Err(RecvError::Lagged(_))) => RELOAD,
                    Ok(Err(RecvError::Closed)) => return None,
                    Err(_) => Bytes::from_static(b":\n\n"),
                },
            };
            Some((Ok::<_, BoxError>(Frame::data(event)), (None, news, permit)))
        });
        let mut response = Response::new(StreamBody::new(events).boxed_unsync());
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        Ok(response)
    }

    fn request(&self, method: Method, bucket: &str, key: &str, body: AnyBody) -> Result<Request<AnyBody>, Refusal> {
        let escaped = |text: &str| utf8_percent_encode(text, KEPT).to_string();
        let uri = format!("{}/{}/{}", self.place.s3, escaped(bucket), escaped(key));
        let request = Request::builder().method(method).uri(uri).body(body);
        request.map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, &error.to_string()))
    }

    async fn ask_s3(&self, request: Request<AnyBody>) -> Result<Response<Incoming>, Refusal> {
        let unreachable =
            |error: &dyn std::error::Error| Refusal::new(StatusCode::BAD_GATEWAY, &format!("S3: {error}"));
        let response = self.http.request(request).await.map_err(|error| unreachable(&error))?;
        let status = response.status();
        if status.is_success() || status == StatusCode::NOT_MODIFIED {
            return Ok(response);
        }
        let told = Limited::new(response.into_body(), LONGEST_ERROR).collect().await;
        let told = told.map_err(|error| unreachable(&*error))?.to_bytes();
        let told = String::from_utf8_lossy(&told);
        let message = told.split_once("<Message>").and_then(|(_, rest)| Some(rest.split_once("</Message>")?.0));
        Err(Refusal::new(status, message.unwrap_or("S3 refused")))
    }
}

/// Why a request is not carried out.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    message: String,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, message: &str) -> Self {
        Self { status, message: message.to_owned() }
    }

    fn into_response(self) -> Response<AnyBody> {
        let mut response = text("text/plain; charset=utf-8", self.message);
        *response.status_mut() = self.status;
        response
    }
}

/// A parameter of the query, decoded.
fn asked(request: &Parts, name: &str) -> Result<Option<String>, Refusal> {
    let mut pairs = request.uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    let Some((_, value)) = pairs.find(|(known, _)| *known == name) else { return Ok(None) };
    match percent_decode_str(value).decode_utf8() {
        Ok(value) => Ok(Some(value.into_owned())),
        Err(_) => Err(Refusal::new(StatusCode::BAD_REQUEST, &format!("{name} is not UTF-8"))),
    }
}

fn text(content_type: &'static str, text: impl Into<Bytes>) -> Response<AnyBody> {
    let mut response = Response::new(Full::new(text.into()).map_err(|never| match never {}).boxed_unsync());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn status(status: StatusCode) -> Response<AnyBody> {
    let mut response = Response::new(empty());
    *response.status_mut() = status;
    response
}

fn empty() -> AnyBody {
    Full::default().map_err(|never| match never {}).boxed_unsync()
}

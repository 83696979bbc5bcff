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

use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Body, Frame, Incoming};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::sync::broadcast::Sender;
use tokio::sync::broadcast::error::RecvError;

use super::board::Board;
use super::guard;
use crate::lambda::Events;
use crate::sdk;
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

/// S3's limit for keys, bytes.
const LONGEST_KEY: usize = 1024;
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

/// The bucket and the ports.
pub(super) struct Setting {
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
    setting: Setting,
    s3: Client,
}

impl Service {
    pub(super) fn new(board: Arc<Board>, news: Sender<Bytes>, events: Events, setting: Setting) -> Self {
        let s3 = sdk::s3(&setting.s3);
        Self { board, news, listeners: Arc::new(Semaphore::new(LISTENERS)), events, setting, s3 }
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
        guard::check(&parts, self.setting.port)?;
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
        let is_upload = key.starts_with(&self.setting.prefix) && key.len() > self.setting.prefix.len();
        if !is_upload {
            let message = format!("keys of uploads begin with {}", self.setting.prefix);
            return Err(Refusal::new(StatusCode::BAD_REQUEST, &message));
        }
        if key.len() > LONGEST_KEY {
            return Err(Refusal::new(StatusCode::BAD_REQUEST, "the name is too long: a key has at most 1024 bytes"));
        }
        Ok(key)
    }

    fn list(&self, after: Option<&str>) -> Response<AnyBody> {
        let Setting { bucket, prefix, .. } = &self.setting;
        let mut page = self.board.page(after);
        page["bucket"] = json!(bucket);
        page["prefix"] = json!(prefix);
        text("application/json", page.to_string())
    }

    /// Passes an upload on to S3, as it comes.
    async fn put(&self, name: &str, headers: &HeaderMap, body: Incoming) -> Answer {
        let key = self.upload(format!("{}{name}", self.setting.prefix))?;
        // S3 wants to know before; and so a body that stops early is no object.
        if body.size_hint().exact().is_none() {
            return Err(Refusal::new(StatusCode::LENGTH_REQUIRED, "the upload's length is missing"));
        }
        let content_type = headers.get(header::CONTENT_TYPE).and_then(|said| said.to_str().ok());
        let put = self.s3.put_object().bucket(&self.setting.bucket).key(key);
        let put = put.content_type(content_type.unwrap_or("application/octet-stream"));
        put.body(ByteStream::new(SdkBody::from_body_1_x(body))).send().await.map_err(|error| refusal(&error))?;
        Ok(status(StatusCode::NO_CONTENT))
    }

    async fn delete(&self, key: String) -> Answer {
        let delete = self.s3.delete_object().bucket(&self.setting.bucket).key(key);
        delete.send().await.map_err(|error| refusal(&error))?;
        Ok(status(StatusCode::NO_CONTENT))
    }

    fn again(&self, key: &str) -> Response<AnyBody> {
        self.events.send(IMAGE_PROCESSOR, json!({ "bucket": self.setting.bucket, "key": key }));
        status(StatusCode::ACCEPTED)
    }

    async fn object(&self, bucket: &str, key: &str, headers: &HeaderMap) -> Answer {
        let known = headers.get(IF_NONE_MATCH).and_then(|known| known.to_str().ok());
        let get = self.s3.get_object().bucket(bucket).key(key).set_if_none_match(known.map(str::to_owned));
        let object = match get.send().await {
            Ok(object) => object,
            Err(error) if sdk::answered(&error).is_some_and(|(status, _)| status == 304) => {
                return Ok(status(StatusCode::NOT_MODIFIED));
            }
            Err(error) => return Err(refusal(&error)),
        };
        let picture = PICTURES.into_iter().find(|picture| object.content_type() == Some(*picture));
        let length = object.content_length.map(HeaderValue::from);
        let etag = object.e_tag().and_then(|etag| HeaderValue::from_str(etag).ok());
        let chunks = stream::unfold(object.body, |mut body| async {
            body.next().await.map(|chunk| (chunk.map(Frame::data).map_err(BoxError::from), body))
        });
        let mut response = Response::new(StreamBody::new(chunks).boxed_unsync());
        let headers = response.headers_mut();
        headers.extend(length.map(|length| (header::CONTENT_LENGTH, length)));
        headers.extend(etag.map(|etag| (header::ETAG, etag)));
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

/// S3's error as the page's.
fn refusal<E: ProvideErrorMetadata + std::error::Error + 'static>(error: &SdkError<E, HttpResponse>) -> Refusal {
    let status = sdk::answered(error).and_then(|(status, _)| StatusCode::from_u16(status).ok());
    Refusal::new(status.unwrap_or(StatusCode::BAD_GATEWAY), &sdk::described("S3", error))
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

//! The routes of the gallery. Keys are in queries (`?key=…`), because in a path `..` and `//` have a meaning.
//!
//! | request | answer |
//! |---|---|
//! | `GET /`, `/gallery.css`, `/gallery.js` | the page |
//! | `GET /uploads?after=…` | a page of uploads, newest first |
//! | `PUT /uploads?name=…` | writes an upload |
//! | `DELETE /uploads?key=…` | deletes an upload |
//! | `POST /uploads?key=…` | makes the thumbnails of an upload again |
//! | `GET /object?bucket=…&key=…` | an object: a picture, or a file to be saved |
//! | `GET /events` | a stream of changes |

use std::{convert::Infallible, sync::Arc, time::Duration};

use aws_sdk_s3::{
    Client,
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    primitives::{ByteStream, SdkBody},
};
use axum::{
    Router,
    body::{Body, HttpBody as _},
    extract::{Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode, Uri,
        header::{
            self, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
        },
    },
    middleware::{Next, from_fn_with_state},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
    routing::get,
};
use futures_util::stream;
use percent_encoding::percent_decode_str;
use serde_json::json;
use tokio::sync::{
    Semaphore,
    broadcast::{Sender, error::RecvError},
};

use super::{
    board::Board,
    guard::{self, Refusal},
};
use crate::{IMAGE_PROCESSOR, lambda::Events, sdk};

const PAGE: &str = include_str!("page/gallery.html");
const STYLE: &str = include_str!("page/gallery.css");
const SCRIPT: &str = include_str!("page/gallery.js");

/// The policy of the page: its own script, styles and pictures, and requests to its own server.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
/// The policy of an object that a browser opens as a page: it has no origin, and may load and run nothing.
const OBJECT_POLICY: &str = "default-src 'none'; frame-ancestors 'none'; sandbox";

/// The types that are served as pictures. Browsers only save files of other types, among them SVG and HTML.
const PICTURES: [&str; 8] =
    ["image/jpeg", "image/png", "image/gif", "image/webp", "image/avif", "image/bmp", "image/tiff", "image/x-icon"];

/// S3's limit for keys, in bytes.
const LONGEST_KEY: usize = 1024;
/// The interval of writing to a silent connection, which shows whether the page is still open.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The state that all handlers share.
pub(super) struct Service {
    pub(super) board: Arc<Board>,
    /// Sends each change of an upload, or a `reload` event, to the pages.
    pub(super) news: Sender<Event>,
    /// One permit for each open page.
    pub(super) listeners: Arc<Semaphore>,
    pub(super) events: Events,
    pub(super) s3: Client,
    /// The port of the gallery.
    pub(super) port: u16,
}

pub(super) fn router(service: Arc<Service>) -> Router {
    let file = |content_type: &'static str, text: &'static str| get(([(CONTENT_TYPE, content_type)], text));
    Router::new()
        .route("/", file("text/html; charset=utf-8", PAGE))
        .route("/gallery.css", file("text/css; charset=utf-8", STYLE))
        .route("/gallery.js", file("text/javascript; charset=utf-8", SCRIPT))
        .route("/favicon.ico", get(StatusCode::NO_CONTENT))
        .route("/events", get(listen))
        .route("/uploads", get(list).put(put).delete(delete).post(again))
        .route("/object", get(object))
        .layer(from_fn_with_state(Arc::clone(&service), guarded))
        .with_state(service)
}

/// Refuses requests that other sites make, and adds the security headers to every answer.
async fn guarded(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    let mut response = match guard::check(&request, service.port) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        // Browsers ask again each time, with the `ETag` of an object.
        (header::CACHE_CONTROL, "no-cache"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(PAGE_POLICY));
    response
}

async fn list(State(service): State<Arc<Service>>, uri: Uri) -> Result<impl IntoResponse, Refusal> {
    let page = service.board.page(asked(&uri, "after")?.as_deref());
    Ok(([(CONTENT_TYPE, "application/json")], page.to_string()))
}

/// Passes an upload on to S3 while it arrives.
async fn put(
    State(service): State<Arc<Service>>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Refusal> {
    let key = service.upload(format!("{}{}", service.board.prefix, required(&uri, "name")?))?;
    // S3 needs the length in advance, to recognise a body that stops early.
    if body.size_hint().exact().is_none() {
        return Err((StatusCode::LENGTH_REQUIRED, "the upload's length is missing".to_owned()));
    }
    let content_type = headers.get(CONTENT_TYPE).and_then(|told| told.to_str().ok());
    let put = service.s3.put_object().bucket(&service.board.bucket).key(key);
    let put = put.content_type(content_type.unwrap_or("application/octet-stream"));
    // The SDK requires a body that is `Sync`.
    let body = SdkBody::from_body_1_x(s3s::Body::http_body_unsync(body));
    put.body(ByteStream::new(body)).send().await.map_err(|error| refusal(&error))?;
    Ok(StatusCode::NO_CONTENT)
}

async fn delete(State(service): State<Arc<Service>>, uri: Uri) -> Result<StatusCode, Refusal> {
    let key = service.upload(required(&uri, "key")?)?;
    let delete = service.s3.delete_object().bucket(&service.board.bucket).key(key);
    delete.send().await.map_err(|error| refusal(&error))?;
    Ok(StatusCode::NO_CONTENT)
}

async fn again(State(service): State<Arc<Service>>, uri: Uri) -> Result<StatusCode, Refusal> {
    let key = service.upload(required(&uri, "key")?)?;
    service.events.send(IMAGE_PROCESSOR, json!({ "bucket": service.board.bucket, "key": key }));
    Ok(StatusCode::ACCEPTED)
}

async fn object(State(service): State<Arc<Service>>, uri: Uri, headers: HeaderMap) -> Result<Response, Refusal> {
    let known = headers.get(IF_NONE_MATCH).and_then(|known| known.to_str().ok()).map(str::to_owned);
    let get = service.s3.get_object().bucket(required(&uri, "bucket")?).key(required(&uri, "key")?);
    let object = match get.set_if_none_match(known).send().await {
        Ok(object) => object,
        Err(error) if sdk::answered(&error).is_some_and(|(status, _)| status == 304) => {
            return Ok(StatusCode::NOT_MODIFIED.into_response());
        }
        Err(error) => return Err(refusal(&error)),
    };
    let picture = PICTURES.into_iter().find(|picture| object.content_type() == Some(*picture));
    let content_type = picture.unwrap_or("application/octet-stream");
    Ok((
        [(CONTENT_TYPE, content_type), (CONTENT_SECURITY_POLICY, OBJECT_POLICY)],
        picture.is_none().then_some([(CONTENT_DISPOSITION, "attachment")]),
        object.content_length.map(|length| [(CONTENT_LENGTH, length)]),
        object.e_tag.map(|etag| [(ETAG, etag)]),
        Body::new(object.body.into_inner()),
    )
        .into_response())
}

/// Streams changes. A page that reads too slowly misses some, and gets a `reload` event instead.
async fn listen(State(service): State<Arc<Service>>) -> Result<impl IntoResponse, Refusal> {
    let permit = Arc::clone(&service.listeners).try_acquire_owned();
    let permit = permit.map_err(|_| (StatusCode::SERVICE_UNAVAILABLE, "too many open pages".to_owned()))?;
    let first = Event::default().retry(Duration::from_secs(1));
    let state = (Some(first), service.news.subscribe(), permit);
    let events = stream::unfold(state, |(first, mut news, permit)| async move {
        let event = match first {
            Some(first) => first,
            None => match news.recv().await {
                Ok(event) => event,
                Err(RecvError::Lagged(_)) => reload(),
                Err(RecvError::Closed) => return None,
            },
        };
        Some((Ok::<_, Infallible>(event), (None, news, permit)))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// The event that makes a page load everything again.
pub(super) fn reload() -> Event {
    Event::default().event("reload").data("")
}

impl Service {
    /// Returns `key` if it is the key of an upload.
    fn upload(&self, key: String) -> Result<String, Refusal> {
        let prefix = &self.board.prefix;
        let problem = match key.strip_prefix(prefix) {
            None | Some("") => format!("keys of uploads begin with {prefix}"),
            Some(_) if key.len() > LONGEST_KEY => "the name is too long: a key has at most 1024 bytes".to_owned(),
            Some(_) => return Ok(key),
        };
        Err((StatusCode::BAD_REQUEST, problem))
    }
}

/// Turns an error of S3 into an answer.
fn refusal<E: ProvideErrorMetadata + std::error::Error + 'static>(error: &SdkError<E, HttpResponse>) -> Refusal {
    let status = sdk::answered(error).and_then(|(status, _)| StatusCode::from_u16(status).ok());
    (status.unwrap_or(StatusCode::BAD_GATEWAY), sdk::described("S3", error))
}

/// Returns a parameter of the query, decoded.
fn asked(uri: &Uri, name: &str) -> Result<Option<String>, Refusal> {
    let mut pairs = uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    let Some((_, value)) = pairs.find(|(known, _)| *known == name) else { return Ok(None) };
    match percent_decode_str(value).decode_utf8() {
        Ok(value) => Ok(Some(value.into_owned())),
        Err(_) => Err((StatusCode::BAD_REQUEST, format!("{name} is not UTF-8"))),
    }
}

fn required(uri: &Uri, name: &str) -> Result<String, Refusal> {
    asked(uri, name)?.ok_or_else(|| (StatusCode::BAD_REQUEST, format!("{name} is missing")))
}

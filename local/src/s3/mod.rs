//! An S3 server that stores objects as plain files.
//!
//! The crate `s3s` implements the protocol (HTTP, signatures, aws-chunked bodies, XML); the storage is ours. It implements:
//!
//! - buckets: create, delete, head, list;
//! - objects: put, get with ranges and conditions, head, delete, copy, conditional writes;
//! - multipart uploads: create, upload part, copy part, complete, abort;
//! - listings (V2).
//!
//! The functions, the gallery, and the AWS CLI's `cp`, `mv`, `sync`, `ls`, `rm`, `mb` and `rb` need no others. Every other operation answers
//! `NotImplemented`.
//!
//! Each change of a key with a certain prefix sends an event notification in S3's format.
//!
//! # Differences from AWS
//! - Buckets are not versioned. ACLs, tags, storage classes, encryption, object lock and lifecycle rules in requests are ignored.
//! - There is one pair of credentials ([`CREDENTIALS`]). Requests without a signature are served as well. There are no permissions, so a
//!   missing key always answers 404.
//! - Reads and copies support conditions on `ETag`s, and ignore conditions on dates.
//! - Each event is delivered once, immediately and in order, with one record. Deleting a key that does not exist sends no event.
//! - An object keeps the checksum of its upload. No other checksum is computed, and an object of several parts has none.
//! - `CompleteMultipartUpload` of a complete upload answers `NoSuchUpload`. For a while, S3 would answer 200 again.
//! - Requests must name the bucket in the path (`http://127.0.0.1:9002/bucket/key`). SDKs do so if `force_path_style` is set, or if the
//!   endpoint is an IP address.

mod api;
mod body;
mod conditions;
mod list;
mod notification;
mod object;
mod place;
mod store;
mod upload;

use std::{net::SocketAddr, path::Path, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::Request,
    response::{IntoResponse as _, Response},
};
use s3s::{
    HttpResponse, S3Result,
    access::{S3Access, S3AccessContext},
    auth::{S3Auth, SecretKey},
    s3_error,
    service::{S3Service, S3ServiceBuilder},
};
pub use s3s::{S3Error, S3ErrorCode};

use self::notification::RequestIds;
pub use self::notification::{Listener, Notification, decode_key, encode_key};
pub(crate) use self::{
    notification::timestamp,
    object::{Object, nanos},
    place::flat_name,
    store::Store,
};
use crate::{
    Error,
    faults::{Faults, Injected, Operation},
    http::{Server, bind},
    sdk::CREDENTIALS,
};

/// A running S3 server; it stops when this is dropped.
pub struct S3Server {
    server: Server,
    pub(crate) store: Arc<Store>,
    injected: Injected,
}

impl S3Server {
    /// Starts a server on a port of 127.0.0.1. Port 0 means any free port.
    ///
    /// `root` is the folder for everything that is stored; it is created if it is missing. `buckets` exist from the start. `notify` receives
    /// the events of keys that begin with its prefix.
    ///
    /// # Errors
    /// [`Error::Port`] if the port cannot be used, [`Error::Bucket`] for a name that S3 does not allow, [`Error::Folder`] if the folder
    /// cannot be used.
    pub async fn start(
        port: u16,
        root: &Path,
        buckets: &[&str],
        notify: Option<(String, Listener)>,
    ) -> Result<Self, Error> {
        let bound = bind(port, "S3", "S3_PORT").await?;
        if let Some(name) = buckets.iter().find(|name| !s3s::path::check_bucket_name(name)) {
            return Err(Error::Bucket { name: (*name).to_owned() });
        }
        let store = Store::open(root, buckets, notify);
        let store = Arc::new(store.map_err(|source| Error::Folder { path: root.to_owned(), source })?);
        let injected = Injected::default();
        let mut service = S3ServiceBuilder::new(api::Backend(Arc::clone(&store)));
        service.set_auth(OnePair);
        service.set_access(Gate(injected.clone()));
        let (service, faults) = (service.build(), injected.clone());
        let router = Router::new().fallback(move |request| serve(service.clone(), faults.clone(), request));
        Ok(Self { server: Server::start(bound, router), store, injected })
    }

    /// The address of the server.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// The endpoint for SDKs and the AWS CLI.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.server.endpoint()
    }

    /// Injects faults from now on; `None` ends them.
    pub fn inject(&self, faults: Option<Arc<dyn Faults>>) {
        self.injected.set(faults);
    }
}

async fn serve(service: S3Service, injected: Injected, mut request: Request) -> Response {
    let ids = RequestIds::new();
    let headers = [("x-amz-request-id", ids.request.clone()), ("x-amz-id-2", ids.host.clone())];
    let method = request.method().clone();
    request.extensions_mut().insert(ids);
    let response = service.call(request.map(s3s::Body::http_body_unsync)).await;
    let mut response = response.unwrap_or_else(|error| internal_error(&s3s::StdError::from(error).to_string()));
    if let Some(faults) = injected.get()
        && faults.after(method.as_str()).await
    {
        response = internal_error("a test asked for this answer to be lost");
    }
    (headers, response.map(Body::new)).into_response()
}

fn internal_error(message: &str) -> HttpResponse {
    s3_error!(InternalError, "{message}").to_http_response().unwrap_or_default()
}

/// Accepts one pair of credentials.
struct OnePair;

#[async_trait::async_trait]
impl S3Auth for OnePair {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        let (known, secret_key) = CREDENTIALS;
        if access_key == known {
            return Ok(secret_key.into());
        }
        Err(s3_error!(
            InvalidAccessKeyId,
            "This local S3 does not know the access key {access_key}: set AWS_ACCESS_KEY_ID={known} and \
             AWS_SECRET_ACCESS_KEY={secret_key}"
        ))
    }
}

/// Allows every request, unless a fault is injected.
struct Gate(Injected);

#[async_trait::async_trait]
impl S3Access for Gate {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        let Some(faults) = self.0.get() else { return Ok(()) };
        let operation = Operation {
            name: context.s3_op().name().to_owned(),
            key: context.s3_path().get_object_key().map(str::to_owned),
        };
        faults.before(operation).await
    }
}

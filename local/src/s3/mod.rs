//! An S3 server that keeps its objects as plain files.
//!
//! The protocol (HTTP, signatures, aws-chunked bodies, XML) is the crate `s3s`; the backend is ours. It answers as S3
//! does for: buckets (create, delete, head, list), objects (put, get with ranges and conditions, head, delete, copy),
//! conditional writes, multipart uploads (create, upload part, copy part, complete, abort) and listings (V2): what the
//! functions, the gallery and the AWS CLI's `cp`, `mv`, `sync`, `ls`, `rm`, `mb` and `rb` need. Anything else answers
//! `NotImplemented`.
//!
//! Each change of a key with a prefix sends an event notification in S3's format.
//!
//! # What differs from AWS
//! - Buckets are not versioned. ACLs, tags, storage classes, encryption, object lock and lifecycle rules are accepted in
//!   requests and forgotten.
//! - One pair of credentials is known ([`CREDENTIALS`]); a request without a signature is served as well. There are no
//!   permissions: a missing key always answers 404.
//! - Reads and copies take conditions on `ETag`s; those on dates are ignored.
//! - Events come once, at once and in order, with one record each. Deleting a key that does not exist sends none.
//! - An object keeps the checksum that it was uploaded with; none is added, and one of several parts has none.
//! - `CompleteMultipartUpload` of an upload that is complete answers `NoSuchUpload` (S3 answers 200 again for a while).
//! - Requests address buckets by path (`http://127.0.0.1:9002/bucket/key`); SDKs need `force_path_style`, or an endpoint
//!   that is an IP address, where they do so by themselves.

mod api;
mod body;
mod catalog;
mod list;
mod notification;
mod object;
mod place;
mod read;
mod store;
mod upload;

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

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
use tokio::net::TcpListener;

pub use self::{
    catalog::{Catalog, Entry},
    notification::{Listener, Notification, decode_key, encode_key},
};
pub(crate) use self::{notification::timestamp, object::nanos, place::flat_name};
use self::{
    notification::{Notifier, RequestIds},
    store::Store,
};
use crate::{
    Error,
    faults::{Faults, Injected, Operation},
    http::Server,
    sdk::CREDENTIALS,
};

/// The settings of an S3 server.
#[derive(Clone)]
pub struct Config {
    /// The folder that holds everything; made if missing.
    pub root: PathBuf,
    /// Buckets that exist from the start.
    pub buckets: Vec<String>,
    /// Receives the events of keys that begin with the prefix.
    pub notify: Option<(String, Listener)>,
}

impl Config {
    /// No events.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>, buckets: &[&str]) -> Self {
        Self { root: root.into(), buckets: buckets.iter().map(|&name| name.to_owned()).collect(), notify: None }
    }
}

/// A running S3 server; it stops when this is dropped.
pub struct S3Server {
    server: Server,
    store: Arc<Store>,
    injected: Injected,
}

impl S3Server {
    /// Binds the port (0 takes a free one) and serves.
    ///
    /// # Errors
    /// [`Error::Port`] when the port is taken, [`Error::Bucket`] for a name that S3 would refuse, [`Error::Folder`] when
    /// the folder cannot be used.
    pub async fn start(port: u16, config: Config) -> Result<Self, Error> {
        Self::start_on(crate::http::bind(port, "S3", "S3_PORT").await?, config)
    }

    /// Serves on a listener that is bound already.
    ///
    /// # Errors
    /// As [`S3Server::start`].
    pub fn start_on(listener: TcpListener, config: Config) -> Result<Self, Error> {
        if let Some(name) = config.buckets.iter().find(|name| !s3s::path::check_bucket_name(name)) {
            return Err(Error::Bucket { name: name.clone() });
        }
        let notifier = config.notify.map(|(prefix, listener)| Notifier { prefix, listener });
        let store = Store::open(&config.root, &config.buckets, notifier);
        let store = Arc::new(store.map_err(|source| Error::Folder { path: config.root, source })?);
        let injected = Injected::default();
        let mut service = S3ServiceBuilder::new(api::Backend(Arc::clone(&store)));
        service.set_auth(OnePair);
        service.set_access(Gate(injected.clone()));
        let (service, faults) = (service.build(), injected.clone());
        let router = Router::new().fallback(move |request| serve(service.clone(), faults.clone(), request));
        Ok(Self { server: Server::start(listener, router)?, store, injected })
    }

    /// The address that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// The address as an endpoint for an SDK or the AWS CLI.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.server.endpoint()
    }

    /// The objects of a bucket whose keys begin with a prefix.
    #[must_use]
    pub fn catalog(&self, bucket: impl Into<String>, prefix: impl Into<String>) -> Catalog {
        Catalog { store: Arc::clone(&self.store), bucket: bucket.into(), prefix: prefix.into() }
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
        response = internal_error("the answer was lost, as a test asks for");
    }
    (headers, response.map(Body::new)).into_response()
}

fn internal_error(message: &str) -> HttpResponse {
    s3_error!(InternalError, "{message}").to_http_response().unwrap_or_default()
}

/// Knows one pair of credentials.
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
        let path = context.s3_path();
        let operation = Operation {
            name: context.s3_op().name().to_owned(),
            bucket: path.get_bucket_name().map(str::to_owned),
            key: path.get_object_key().map(str::to_owned),
        };
        faults.before(operation).await
    }
}

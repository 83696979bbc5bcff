//! An S3 server that keeps its objects as plain files.
//!
//! The protocol (HTTP, signatures, aws-chunked bodies, XML) is the crate `s3s`; the backend is ours. It answers as S3
//! does for: buckets (create, delete, head, list), objects (put, get with ranges and conditions, head, delete, copy),
//! conditional writes, multipart uploads (create, upload part, copy part, complete, abort) and listings (V2): what the
//! functions, the gallery and the AWS CLI's `cp`, `mv`, `sync`, `ls`, `rm`, `mb` and `rb` need. Anything else answers
//! `NotImplemented`.
//!
//! Each change under a prefix is told as an event notification in S3's form.
//!
//! # What differs from AWS
//! - Buckets are not versioned. ACLs, tags, storage classes, encryption, object lock and lifecycle rules are accepted in
//!   requests and forgotten.
//! - One pair of credentials is known ([`Config::access_key`], [`Config::secret_key`]); a request without a signature is
//!   served as well. There are no permissions: a missing key always answers 404.
//! - Events come once, at once and in order, with one record each. Deleting a key that does not exist tells none.
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

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use hyper::Request;
use hyper::body::Incoming;
use hyper::header::HeaderValue;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{HttpResponse, S3Result, s3_error};
use tokio::net::TcpListener;

pub use catalog::{Catalog, Entry};
pub(crate) use notification::timestamp;
pub use notification::{Listener, Notification, decode_key, encode_key};
pub(crate) use object::nanos;
pub(crate) use place::flat_name;
pub use s3s::{S3Error, S3ErrorCode};

use crate::Error;
use crate::faults::{Faults, Injected, Operation};
use crate::http::Server;

/// What an S3 server is started with.
#[derive(Clone)]
pub struct Config {
    /// The folder that holds everything; made if missing.
    pub root: PathBuf,
    /// Buckets that exist from the start.
    pub buckets: Vec<String>,
    /// The region that it says to be in.
    pub region: String,
    /// The access key id that it knows.
    pub access_key: String,
    /// The secret key that belongs to it.
    pub secret_key: String,
    /// Receives the events of keys that begin with the prefix.
    pub notify: Option<(String, Listener)>,
}

impl Config {
    /// No events, region `us-east-1`, credentials `local` / `local`.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>, buckets: &[&str]) -> Self {
        Self {
            root: root.into(),
            buckets: buckets.iter().map(|&name| name.to_owned()).collect(),
            region: "us-east-1".to_owned(),
            access_key: "local".to_owned(),
            secret_key: "local".to_owned(),
            notify: None,
        }
    }
}

/// A running S3 server; it stops when this is dropped.
pub struct S3Server {
    server: Server,
    store: Arc<store::Store>,
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
        let unusable = |source| Error::Folder { path: config.root.clone(), source };
        let store = Arc::new(store::Store::open(&config.root, &config.buckets).map_err(unusable)?);
        let notifier = config.notify.map(|(prefix, listener)| {
            Arc::new(notification::Notifier { prefix, region: config.region.clone(), listener })
        });
        let injected = Injected::default();
        let mut service =
            S3ServiceBuilder::new(api::Backend { store: Arc::clone(&store), notifier, region: config.region });
        service.set_auth(Credentials { access_key: config.access_key, secret_key: config.secret_key });
        service.set_access(Gate(injected.clone()));
        let service = service.build();
        let faults = injected.clone();
        let server = Server::start(listener, move |request, peer| {
            let (service, faults) = (service.clone(), faults.clone());
            async move {
                let method = request.method().clone();
                let response = serve(service, request, peer).await;
                let is_lost = match faults.get() {
                    Some(faults) => faults.after(method.as_str()).await,
                    None => false,
                };
                if is_lost { Ok(internal_error("the answer was lost, as a test asks for")) } else { Ok(response) }
            }
        })
        .map_err(|source| Error::Server { source })?;
        Ok(Self { server, store, injected })
    }

    /// The address that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// The address as an endpoint for an SDK or the AWS CLI.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.server.address)
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

async fn serve(service: S3Service, request: Request<Incoming>, peer: SocketAddr) -> HttpResponse {
    let caller = notification::Caller::new(peer);
    let headers = [("x-amz-request-id", caller.request_id.clone()), ("x-amz-id-2", caller.host_id.clone())];
    let mut request = request.map(s3s::Body::from);
    request.extensions_mut().insert(caller);
    let mut response = match service.call(request).await {
        Ok(response) => response,
        Err(error) => {
            let error: s3s::StdError = error.into();
            internal_error(&error.to_string())
        }
    };
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn internal_error(message: &str) -> HttpResponse {
    let answer = s3_error!(InternalError, "{message}").to_http_response();
    answer.unwrap_or_else(|_| HttpResponse::new(s3s::Body::empty()))
}

struct Credentials {
    access_key: String,
    secret_key: String,
}

#[async_trait::async_trait]
impl S3Auth for Credentials {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        if access_key == self.access_key {
            return Ok(self.secret_key.as_str().into());
        }
        let Self { access_key: known, .. } = self;
        Err(s3_error!(
            InvalidAccessKeyId,
            "This local S3 does not know the access key {access_key}: set AWS_ACCESS_KEY_ID={known} and the secret key \
             that belongs to it"
        ))
    }
}

/// Lets everyone in, after the injected faults.
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

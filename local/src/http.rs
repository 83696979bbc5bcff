//! Code that all servers share: binding with a helpful error, serving until dropped, request ids.

use std::net::{Ipv4Addr, SocketAddr};

use axum::{Router, serve::ListenerExt as _};
use tokio::{net::TcpListener, sync::oneshot};

use crate::Error;

/// Binds a port of 127.0.0.1; 0 takes a free one. `setting` names the variable that chooses another port.
pub(crate) async fn bind(port: u16, role: &'static str, setting: &'static str) -> Result<TcpListener, Error> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|source| Error::Port { port, role, setting, source })
}

/// A server that accepts connections until this is dropped; requests that are under way then are still answered.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    _stop: oneshot::Sender<()>,
}

impl Server {
    /// Serves HTTP/1.1.
    pub(crate) fn start(listener: TcpListener, service: Router) -> Result<Self, Error> {
        let address = listener.local_addr().map_err(|source| Error::Server { source })?;
        // Small answers wait for no more to come.
        let listener = listener.tap_io(|stream| _ = stream.set_nodelay(true));
        let (stop, stopped) = oneshot::channel();
        let serving = axum::serve(listener, service).with_graceful_shutdown(async { _ = stopped.await });
        tokio::spawn(serving.into_future());
        Ok(Self { address, _stop: stop })
    }

    /// The address as an endpoint for an SDK or the AWS CLI.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// A random UUID, the form of AWS's request ids.
pub(crate) fn new_id() -> String {
    uuid::Builder::from_u128(fastrand::u128(..)).with_version(uuid::Version::Random).into_uuid().to_string()
}

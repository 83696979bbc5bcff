//! Code that all servers share: binding a port, serving, request ids.

use std::net::{Ipv4Addr, SocketAddr};

use axum::{Router, serve::ListenerExt as _};
use tokio::{net::TcpListener, sync::oneshot};

use crate::Error;

/// A listener, and its address.
pub(crate) type Bound = (SocketAddr, TcpListener);

/// Binds a port of 127.0.0.1. Port 0 means any free port. The error names `role`, the server that needs the port, and `setting`, the
/// variable that selects another port.
pub(crate) async fn bind(port: u16, role: &'static str, setting: &'static str) -> Result<Bound, Error> {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
    let bound = bound.and_then(|listener| Ok((listener.local_addr()?, listener)));
    bound.map_err(|source| Error::Port { port, role, setting, source })
}

/// A running server. When it is dropped, it accepts no more connections, and answers the requests that it has received.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    _stop: oneshot::Sender<()>,
}

impl Server {
    /// Serves HTTP/1.1.
    pub(crate) fn start((address, listener): Bound, service: Router) -> Self {
        // Sends small answers at once.
        let listener = listener.tap_io(|stream| _ = stream.set_nodelay(true));
        let (stop, stopped) = oneshot::channel();
        let serving = axum::serve(listener, service).with_graceful_shutdown(async { _ = stopped.await });
        tokio::spawn(serving.into_future());
        Self { address, _stop: stop }
    }

    /// The endpoint for SDKs and the AWS CLI.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// Returns a random UUID, the form of AWS's request ids.
pub(crate) fn new_id() -> String {
    uuid::Builder::from_u128(fastrand::u128(..)).with_version(uuid::Version::Random).into_uuid().to_string()
}

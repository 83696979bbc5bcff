//! The gallery: one page that uploads to the local bucket and shows the thumbnails of each upload as they are made.
//!
//! The page is three embedded files and asks nothing of another host. Its server stands in front of S3's port: uploads go
//! through to S3 as they arrive, and are never in memory as a whole. The page's data comes from S3's index ([`board`]) and from
//! the reports of earlier invocations ([`results`]). Every open page receives changes of the bucket and ends of invocations as
//! server-sent events.
//!
//! Since it writes into the bucket, it answers no other site ([`guard`]), and no upload ever runs as a page of its origin.

mod board;
mod guard;
mod results;
mod serve;

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use axum::response::sse::Event;
use tokio::{
    net::TcpListener,
    sync::{
        Semaphore,
        broadcast::{Receiver, Sender, error::RecvError},
    },
    task::AbortHandle,
};

use self::{board::Board, serve::Service};
use crate::{
    Error,
    http::Server,
    lambda::{Events, Invocation},
    report,
    s3::Catalog,
    sdk,
};

/// The number of events that a page may lag behind before it has to load everything again.
const LAG: usize = 256;
/// Pages that may listen for events at once.
const LISTENERS: usize = 32;

/// The data that the gallery shows, and the services that it calls.
pub(crate) struct Sources {
    /// The uploads.
    pub(crate) catalog: Catalog,
    /// The bucket that uploads go to.
    pub(crate) bucket: String,
    /// Keys of uploads begin with this.
    pub(crate) prefix: String,
    /// S3's endpoint.
    pub(crate) s3: String,
    /// The folder for the results of invocations; made when needed.
    pub(crate) results: PathBuf,
    /// Where an upload is queued again.
    pub(crate) events: Events,
    /// Every invocation that ends.
    pub(crate) ends: Receiver<Arc<Invocation>>,
    /// The key of every upload that is written or deleted.
    pub(crate) changes: Receiver<String>,
}

/// A running gallery; it stops when this is dropped.
pub struct Gallery {
    server: Server,
    following: AbortHandle,
}

impl Gallery {
    /// Serves on a listener that is bound already.
    ///
    /// # Errors
    /// [`Error::Server`] when the listener cannot be used.
    pub(crate) fn start_on(listener: TcpListener, sources: Sources) -> Result<Self, Error> {
        let Sources { catalog, bucket, prefix, s3, results, events, ends, changes } = sources;
        let port = listener.local_addr().map_err(|source| Error::Server { source })?.port();
        let board = Arc::new(Board::new(catalog, prefix.clone(), results));
        let news = Sender::new(LAG);
        let following = tokio::spawn(follow(Arc::clone(&board), news.clone(), ends, changes)).abort_handle();
        let listeners = Arc::new(Semaphore::new(LISTENERS));
        let s3 = sdk::s3(&s3);
        let service = Arc::new(Service { board, news, listeners, events, s3, bucket, prefix, port });
        Ok(Self { server: Server::start(listener, serve::router(service))?, following })
    }

    /// The address that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address
    }
}

impl Drop for Gallery {
    fn drop(&mut self) {
        self.following.abort();
    }
}

/// Keeps reports and sends each change to the pages, in order: the last event of a key shows its present state.
async fn follow(
    board: Arc<Board>,
    news: Sender<Event>,
    mut ends: Receiver<Arc<Invocation>>,
    mut changes: Receiver<String>,
) {
    let tell = |key: &str| {
        // Sending fails if no page is open.
        let _ = news.send(Event::default().data(board.news(key).to_string()));
    };
    loop {
        tokio::select! {
            change = changes.recv() => match change {
                Ok(key) => tell(&key),
                Err(RecvError::Lagged(_)) => _ = news.send(serve::reload()),
                Err(RecvError::Closed) => return,
            },
            end = ends.recv() => match end {
                Ok(invocation) => for report in report::read(&invocation) {
                    let key = report.key.clone();
                    board.keep(&invocation, report);
                    tell(&key);
                },
                Err(RecvError::Lagged(_)) => _ = news.send(serve::reload()),
                Err(RecvError::Closed) => return,
            },
        }
    }
}

//! The gallery: a page to upload images to the local bucket, which shows the thumbnails of each upload as soon as they are made.
//!
//! The page consists of three embedded files, and loads nothing from other hosts. Its server passes uploads on to S3 while they arrive, and
//! never holds a whole upload in memory. The data of the page comes from S3's index ([`board`]) and from the results of invocations
//! ([`results`]). Every open page receives server-sent events about changes of the bucket and about invocations that have ended.
//!
//! Since the gallery can write to the bucket, it refuses requests that other sites make ([`guard`]), and never serves an upload as a page of
//! its own origin.

mod board;
mod guard;
mod results;
mod serve;

use std::{net::SocketAddr, sync::Arc};

use axum::response::sse::Event;
use tokio::{
    sync::{
        Semaphore,
        broadcast::{Receiver, Sender, error::RecvError},
    },
    task::AbortHandle,
};

use self::{board::Board, serve::Service};
use crate::{
    Error,
    config::Config,
    http::{Server, bind},
    lambda::{Front, Invocation},
    report,
    s3::S3Server,
    sdk,
};

/// The number of events that a page may lag behind before it has to load everything again.
const LAG: usize = 256;
/// The number of pages that may receive events at once.
const LISTENERS: usize = 32;

/// A running gallery. Dropping it stops it.
pub struct Gallery {
    server: Server,
    following: AbortHandle,
}

impl Gallery {
    /// Starts the gallery of a stack. `changes` receives the key of every upload that is written or deleted.
    ///
    /// # Errors
    /// [`Error::Port`] if the port cannot be used.
    pub(crate) async fn start(
        port: u16,
        config: &Config,
        s3: &S3Server,
        lambda: &Front,
        changes: Receiver<String>,
    ) -> Result<Self, Error> {
        let bound = bind(port, "the gallery", "GALLERY_PORT").await?;
        let results = config.data.join("results");
        let board = Arc::new(Board::new(Arc::clone(&s3.store), &config.bucket, &config.uploads_prefix, results));
        let news = Sender::new(LAG);
        let following = follow(Arc::clone(&board), news.clone(), lambda.observe(), changes);
        let service = Service {
            board,
            news,
            listeners: Arc::new(Semaphore::new(LISTENERS)),
            events: lambda.events(),
            s3: sdk::s3(&s3.endpoint()),
            port: bound.0.port(),
        };
        let router = serve::router(Arc::new(service));
        Ok(Self { server: Server::start(bound, router), following: tokio::spawn(following).abort_handle() })
    }

    /// The address of the gallery.
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

/// Keeps results, and sends each change to the pages in order, so that the last event of a key shows its present state.
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

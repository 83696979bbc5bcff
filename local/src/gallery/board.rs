//! The uploads with their results, as the JSON that the page reads.

use std::{cmp::Reverse, ops::Bound, path::PathBuf, sync::Arc, time::SystemTime};

use serde_json::{Value, json};

use super::results::{Kept, Results};
use crate::{
    lambda::Invocation,
    report::Report,
    s3::{Object, Store, nanos},
};

/// The number of uploads on a page.
const PAGE: usize = 20;

pub(super) struct Board {
    store: Arc<Store>,
    pub(super) bucket: String,
    /// The prefix of the keys of uploads.
    pub(super) prefix: String,
    results: Results,
    /// When the gallery started, in nanoseconds since 1970. An earlier upload without a result is `unknown`, not `working`.
    begun: u64,
}

impl Board {
    pub(super) fn new(store: Arc<Store>, bucket: &str, prefix: &str, results: PathBuf) -> Self {
        let (bucket, prefix) = (bucket.to_owned(), prefix.to_owned());
        Self { store, bucket, prefix, results: Results(results), begun: nanos(SystemTime::now()) }
    }

    /// Keeps the result of an invocation, if it is about the present object.
    pub(super) fn keep(&self, invocation: &Invocation, result: Report) {
        let key = &result.key.clone();
        let Some(object) = self.object(key) else { return self.results.remove(key) };
        if result.outcome == "removed" {
            return;
        }
        let (queued, finished) = (nanos(invocation.queued), nanos(invocation.finished));
        let kept = Kept { queued, finished, result };
        // The last attempt of an old event may end long after the success of a later event.
        let is_outdone = self.results.read(key).is_some_and(|known| known.is_of(&object) && known.queued > queued);
        if kept.is_of(&object) && !is_outdone {
            self.results.write(key, &kept);
        }
    }

    /// The present state of a key: its upload, or that it is gone.
    pub(super) fn news(&self, key: &str) -> Value {
        match self.object(key) {
            Some(object) if key.starts_with(&self.prefix) => self.upload(&object),
            _ => {
                self.results.remove(key);
                json!({ "key": key, "state": "gone" })
            }
        }
    }

    /// A page of uploads, newest first. `cursor` is the `next` of the page before.
    pub(super) fn page(&self, cursor: Option<&str>) -> Value {
        let after = cursor.and_then(|cursor| {
            let (modified, key) = cursor.split_once('/')?;
            Some((Reverse(modified.parse().ok()?), key.to_owned()))
        });
        let position = |object: &Arc<Object>| (Reverse(object.modified), object.key.clone());
        let mut objects = self.uploads();
        objects.retain(|object| after.as_ref().is_none_or(|after| position(object) > *after));
        objects.sort_by_cached_key(position);
        let shown = &objects[..objects.len().min(PAGE)];
        let next = shown.last().filter(|_| objects.len() > PAGE);
        let next = next.map(|object| format!("{}/{}", object.modified, object.key));
        let uploads: Vec<_> = shown.iter().map(|object| self.upload(object)).collect();
        json!({ "uploads": uploads, "next": next, "bucket": self.bucket, "prefix": self.prefix })
    }

    fn object(&self, key: &str) -> Option<Arc<Object>> {
        self.store.read(&self.bucket, |objects| objects.get(key).cloned()).ok().flatten()
    }

    fn uploads(&self) -> Vec<Arc<Object>> {
        let from = (Bound::Included(self.prefix.as_str()), Bound::Unbounded);
        let uploads = self.store.read(&self.bucket, |objects| {
            let uploads = objects.range::<str, _>(from).take_while(|(key, _)| key.starts_with(&self.prefix));
            uploads.filter(|(key, _)| !key.ends_with('/')).map(|(_, object)| Arc::clone(object)).collect()
        });
        uploads.unwrap_or_default()
    }

    fn upload(&self, object: &Object) -> Value {
        let Object { key, size, etag, modified, .. } = object;
        let kept = self.results.read(key).filter(|kept| kept.is_of(object));
        let state = match &kept {
            Some(kept) => kept.result.outcome.as_str(),
            None if *modified >= self.begun => "working",
            None => "unknown",
        };
        json!({
            "key": key,
            "name": key.strip_prefix(&self.prefix).unwrap_or(key),
            "bytes": size,
            "etag": etag,
            // A JavaScript number can represent milliseconds exactly, but not nanoseconds.
            "modified": modified / 1_000_000,
            "state": state,
            "finished": kept.as_ref().map(|kept| kept.finished / 1_000_000),
            "result": kept.as_ref().map(|kept| &kept.result),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        lambda::{Kind, Outcome},
        report::Source,
        s3::S3Server,
    };

    const KEY: &str = "uploads/a.png";
    /// The MD5 of `x`.
    const ETAG: &str = "9dd4e461268c8034f5c8564e155c67a6";

    /// A board over a bucket with one upload, and the time at which the upload was written.
    async fn board(folder: &std::path::Path) -> (Board, SystemTime) {
        let root = folder.join("s3");
        std::fs::create_dir_all(root.join("bucket/uploads")).unwrap();
        std::fs::write(root.join("bucket").join(KEY), "x").unwrap();
        let written = std::fs::metadata(root.join("bucket").join(KEY)).unwrap().modified().unwrap();
        let s3 = S3Server::start(0, &root, &["bucket"], None).await.unwrap();
        (Board::new(Arc::clone(&s3.store), "bucket", "uploads/", folder.join("results")), written)
    }

    fn invocation(queued: SystemTime) -> Invocation {
        Invocation {
            function: "image-processor".to_owned(),
            request_id: "1".to_owned(),
            kind: Kind::Event,
            payload: json!({}),
            attempts: 1,
            queued,
            started: queued,
            finished: queued + Duration::from_millis(5),
            outcome: Outcome::Answered(json!({})),
            failure: None,
        }
    }

    fn report(key: &str, outcome: &str, source: Option<Source>) -> Report {
        Report { key: key.to_owned(), outcome: outcome.to_owned(), source, ..Report::default() }
    }

    fn made(key: &str, etag: &str) -> Report {
        report(key, "made", Some(Source { etag: etag.to_owned(), ..Source::default() }))
    }

    fn failed() -> Report {
        report(KEY, "failed", None)
    }

    #[tokio::test]
    async fn a_result_counts_for_the_object_that_it_is_of() {
        let folder = tempfile::tempdir().unwrap();
        let (board, written) = board(folder.path()).await;
        let (before, later) = (written - Duration::from_secs(9), written + Duration::from_secs(1));
        let state = || board.news(KEY)["state"].as_str().unwrap().to_owned();
        assert_eq!(state(), "unknown", "it was there before the board");
        board.keep(&invocation(later), made(KEY, "another"));
        board.keep(&invocation(before), made(KEY, ETAG));
        board.keep(&invocation(before), failed());
        assert_eq!(state(), "unknown", "all these tell of an object before");
        board.keep(&invocation(later), made(KEY, ETAG));
        assert_eq!(state(), "made");
        board.keep(&invocation(written), failed());
        assert_eq!(state(), "made", "an older event failed at last");
        board.keep(&invocation(later + Duration::from_secs(1)), failed());
        assert_eq!(state(), "failed");

        assert_eq!(board.page(None)["uploads"][0]["name"], "a.png");
        board.keep(&invocation(later), made("uploads/gone.png", ETAG));
        assert_eq!(board.news("uploads/gone.png")["state"], "gone");
    }
}

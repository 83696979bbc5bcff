//! The present objects, for code in the same process. It answers questions that S3's listing cannot, such as which are newest.

use std::{cmp::Reverse, ops::Bound, sync::Arc};

use super::{object::Object, store::Store};

/// One object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its key.
    pub key: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its `ETag`, without quotes.
    pub etag: String,
    /// When it was written, nanoseconds since 1970.
    pub modified: u64,
}

impl Entry {
    fn of(object: &Arc<Object>) -> Self {
        let Object { key, size, etag, modified, .. } = &**object;
        Self { key: key.clone(), bytes: *size, etag: etag.clone(), modified: *modified }
    }
}

/// The objects of one bucket whose keys begin with a prefix, folders left out.
#[derive(Clone)]
pub struct Catalog {
    pub(super) store: Arc<Store>,
    pub(super) bucket: String,
    pub(super) prefix: String,
}

impl Catalog {
    /// The object with that key, if there is one.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<Entry> {
        self.store.read(&self.bucket, |objects| objects.get(key).map(Entry::of)).ok().flatten()
    }

    /// The objects that were written last, newest first. `after` is the last one of the page before: its `modified` and its key.
    #[must_use]
    pub fn newest(&self, after: Option<(u64, &str)>, most: usize) -> Vec<Entry> {
        let objects: Vec<Arc<Object>> = self
            .store
            .read(&self.bucket, |objects| {
                let from = objects.range::<str, _>((Bound::Included(self.prefix.as_str()), Bound::Unbounded));
                let ours = from.take_while(|(key, _)| key.starts_with(&self.prefix));
                ours.filter(|(key, _)| !key.ends_with('/')).map(|(_, object)| Arc::clone(object)).collect()
            })
            .unwrap_or_default();
        let place = |object: &Arc<Object>| (Reverse(object.modified), object.key.clone());
        let after = after.map(|(modified, key)| (Reverse(modified), key.to_owned()));
        let mut objects: Vec<_> =
            objects.into_iter().filter(|object| after.as_ref().is_none_or(|after| place(object) > *after)).collect();
        objects.sort_by_cached_key(place);
        objects.iter().take(most).map(Entry::of).collect()
    }
}

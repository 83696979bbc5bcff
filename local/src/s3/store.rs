//! The objects: plain files and metadata files on disk, and an index in memory.
//!
//! ```text
//! <root>/<bucket>/<key>                the objects, as plain files
//! <root>/.s3/meta/<bucket>/….json      their metadata
//! <root>/.s3/odd/<bucket>/…            the objects whose keys cannot be paths (see `place`)
//! <root>/.s3/uploads/<upload id>/      multipart uploads that are not complete
//! <root>/.s3/tmp/                      bodies that are arriving
//! ```
//!
//! One lock covers every change of a bucket: check the conditions, rename the new file into place, write the metadata, change the index,
//! send the event. So each key changes atomically, every later request sees the change, and events are sent in the order of their
//! sequencers. A GET opens its file under the same lock, and then reads the open file, which later changes do not affect.
//!
//! A file that a user adds, changes or removes directly is noticed at the next start, or when its key is read. Such an object gets default
//! headers, and no event is sent.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use axum::http::HeaderMap;
use s3s::{S3Error, S3Result, s3_error};

use super::{
    body::{Draft, md5_of},
    conditions::Conditions,
    notification::{Cause, Listener, Notification, event},
    object::{Headers, Object, nanos, no_such_key},
    place::{INTERNAL, Place, flat_name, is_free, is_plain},
};
use crate::files::write_json;

pub(crate) struct Store {
    root: PathBuf,
    /// Receives the events of keys that begin with the prefix.
    notify: Option<(String, Listener)>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    buckets: BTreeMap<String, Bucket>,
    last_sequencer: u64,
}

struct Bucket {
    created: SystemTime,
    objects: Objects,
}

/// The objects of one bucket in S3's order: by the bytes of their keys.
pub(crate) type Objects = BTreeMap<String, Arc<Object>>;

fn no_such_bucket() -> S3Error {
    s3_error!(NoSuchBucket, "The specified bucket does not exist")
}

impl State {
    /// A number that rises with every change, also after a restart, provided that the clock does not go back.
    fn next_sequencer(&mut self) -> u64 {
        self.last_sequencer = nanos(SystemTime::now()).max(self.last_sequencer + 1);
        self.last_sequencer
    }

    fn bucket(&mut self, name: &str) -> S3Result<&mut Bucket> {
        self.buckets.get_mut(name).ok_or_else(no_such_bucket)
    }
}

impl Store {
    /// Opens the folder, creates missing `buckets`, and indexes all objects.
    pub(super) fn open(root: &Path, buckets: &[&str], notify: Option<(String, Listener)>) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        let root = root.canonicalize()?;
        let store = Self { root, notify, state: Mutex::default() };
        let _ = fs::remove_dir_all(store.temporary());
        fs::create_dir_all(store.temporary())?;
        fs::create_dir_all(store.uploads())?;
        for bucket in buckets {
            fs::create_dir_all(store.root.join(bucket))?;
        }
        let mut state = State::default();
        for entry in fs::read_dir(&store.root)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if entry.file_type()?.is_dir() && s3s::path::check_bucket_name(&name) {
                let metadata = entry.metadata()?;
                let created = metadata.created().or_else(|_| metadata.modified())?;
                state.buckets.insert(name.clone(), Bucket { created, objects: store.scan(&name)? });
            }
        }
        *store.state() = state;
        Ok(store)
    }

    pub(super) fn temporary(&self) -> PathBuf {
        self.root.join(INTERNAL).join("tmp")
    }

    pub(super) fn uploads(&self) -> PathBuf {
        self.root.join(INTERNAL).join("uploads")
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn buckets(&self) -> Vec<(String, SystemTime)> {
        self.state().buckets.iter().map(|(name, bucket)| (name.clone(), bucket.created)).collect()
    }

    pub(super) fn create_bucket(&self, name: &str) -> S3Result<()> {
        let mut state = self.state();
        if state.buckets.contains_key(name) {
            return Err(s3_error!(BucketAlreadyOwnedByYou, "You own the bucket {name} already"));
        }
        fs::create_dir_all(self.root.join(name)).map_err(S3Error::internal_error)?;
        state.buckets.insert(name.to_owned(), Bucket { created: SystemTime::now(), objects: Objects::new() });
        Ok(())
    }

    pub(super) fn delete_bucket(&self, name: &str) -> S3Result<()> {
        let mut state = self.state();
        if !state.bucket(name)?.objects.is_empty() {
            return Err(s3_error!(BucketNotEmpty, "The bucket you tried to delete is not empty"));
        }
        fs::remove_dir_all(self.root.join(name)).map_err(S3Error::internal_error)?;
        let _ = fs::remove_dir_all(self.meta_folder(name));
        state.buckets.remove(name);
        Ok(())
    }

    /// # Errors
    /// `NoSuchBucket`
    pub(super) fn bucket_exists(&self, name: &str) -> S3Result<()> {
        self.state().bucket(name).map(|_| ())
    }

    /// Passes the index of a bucket to `look`, and returns what `look` returns.
    pub(crate) fn read<T>(&self, bucket: &str, look: impl FnOnce(&Objects) -> T) -> S3Result<T> {
        Ok(look(&self.state().bucket(bucket)?.objects))
    }

    /// Returns an object and its open file.
    pub(super) fn get(&self, bucket: &str, key: &str) -> S3Result<(Arc<Object>, File)> {
        let mut state = self.state();
        let objects = &mut state.bucket(bucket)?.objects;
        let object = objects.get(key).cloned().ok_or_else(no_such_key)?;
        let path = object.place.path(&self.root, bucket, key);
        match File::open(&path) {
            Ok(file) if is_file_of(&object, &file) => Ok((object, file)),
            Ok(_) => {
                let changed = adopt(&path, key, object.place).map_err(S3Error::internal_error)?;
                let changed = Arc::new(changed);
                objects.insert(key.to_owned(), Arc::clone(&changed));
                Ok((changed, File::open(&path).map_err(S3Error::internal_error)?))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                objects.remove(key);
                let _ = fs::remove_file(self.meta_path(bucket, key));
                Err(no_such_key())
            }
            Err(error) => Err(S3Error::internal_error(error)),
        }
    }

    /// Stores an object, and replaces an earlier one.
    pub(super) fn put(
        &self,
        bucket: &str,
        key: &str,
        draft: Draft,
        conditions: &Conditions,
        cause: &Cause,
    ) -> S3Result<Arc<Object>> {
        let mut state = self.state();
        let sequencer = state.next_sequencer();
        let objects = &mut state.bucket(bucket)?.objects;
        let present = objects.get(key).cloned();
        conditions.check_write(present.as_deref())?;
        let place = self.place(bucket, key, present.as_deref(), objects);
        let object = self.write(bucket, key, draft, place).map_err(S3Error::internal_error)?;
        if let Some(present) = present.filter(|present| present.place != place) {
            self.remove_file(bucket, &present).map_err(S3Error::internal_error)?;
        }
        let object = Arc::new(object);
        objects.insert(key.to_owned(), Arc::clone(&object));
        self.notify(cause, bucket, &object, sequencer);
        Ok(object)
    }

    /// Removes an object if it exists.
    pub(super) fn delete(&self, bucket: &str, key: &str, conditions: &Conditions, cause: &Cause) -> S3Result<()> {
        let mut state = self.state();
        let sequencer = state.next_sequencer();
        let objects = &mut state.bucket(bucket)?.objects;
        conditions.check_write(objects.get(key).map(AsRef::as_ref))?;
        let Some(object) = objects.remove(key) else { return Ok(()) };
        self.remove_file(bucket, &object).map_err(S3Error::internal_error)?;
        fs::remove_file(self.meta_path(bucket, key)).map_err(S3Error::internal_error)?;
        self.notify(cause, bucket, &object, sequencer);
        Ok(())
    }

    fn notify(&self, cause: &Cause, bucket: &str, object: &Object, sequencer: u64) {
        if let Some((prefix, listener)) = &self.notify
            && object.key.starts_with(prefix)
        {
            listener(Notification { key: object.key.clone(), event: event(cause, bucket, object, sequencer) });
        }
    }

    fn place(&self, bucket: &str, key: &str, present: Option<&Object>, objects: &Objects) -> Place {
        let folder = self.root.join(bucket);
        let taken_by_another_case = || {
            folder.join(key).exists()
                && objects.keys().any(|other| other != key && other.to_lowercase() == key.to_lowercase())
        };
        let owned = present.is_some_and(|present| present.place == Place::Plain);
        let plain = owned || (is_plain(key) && is_free(&folder, key) && !taken_by_another_case());
        if plain { Place::Plain } else { Place::Odd }
    }

    fn write(&self, bucket: &str, key: &str, draft: Draft, place: Place) -> io::Result<Object> {
        let path = place.path(&self.root, bucket, key);
        fs::create_dir_all(path.parent().unwrap_or(&self.root))?;
        draft.file.as_file().set_modified(SystemTime::now())?;
        let metadata = draft.file.persist(&path)?.metadata()?;
        let object = Object {
            key: key.to_owned(),
            size: metadata.len(),
            etag: draft.etag,
            modified: nanos(metadata.modified()?),
            place,
            headers: draft.headers,
            checksum: draft.checksum,
        };
        fs::create_dir_all(self.meta_folder(bucket))?;
        write_json(&self.temporary(), &self.meta_path(bucket, key), &object)?;
        Ok(object)
    }

    /// Removes the file of an object, and the folders that are then empty.
    fn remove_file(&self, bucket: &str, object: &Object) -> io::Result<()> {
        let path = object.place.path(&self.root, bucket, &object.key);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let bucket_folder = self.root.join(bucket);
        for folder in path.ancestors().skip(1).take_while(|folder| folder.starts_with(&bucket_folder)) {
            if folder == bucket_folder || fs::remove_dir(folder).is_err() {
                break;
            }
        }
        Ok(())
    }

    fn meta_folder(&self, bucket: &str) -> PathBuf {
        self.root.join(INTERNAL).join("meta").join(bucket)
    }

    fn meta_path(&self, bucket: &str, key: &str) -> PathBuf {
        self.meta_folder(bucket).join(flat_name(key) + ".json")
    }

    fn scan(&self, bucket: &str) -> io::Result<Objects> {
        let mut objects = Objects::new();
        for entry in fs::read_dir(self.meta_folder(bucket)).into_iter().flatten() {
            let path = entry?.path();
            let Ok(known) = serde_json::from_slice::<Object>(&fs::read(&path)?) else {
                eprintln!("{} is ignored: it is not the metadata of an object", path.display());
                continue;
            };
            let file = known.place.path(&self.root, bucket, &known.key);
            match File::open(&file) {
                Ok(opened) if is_file_of(&known, &opened) => _ = objects.insert(known.key.clone(), Arc::new(known)),
                Ok(_) => _ = objects.insert(known.key.clone(), Arc::new(adopt(&file, &known.key, known.place)?)),
                Err(_) => fs::remove_file(&path)?,
            }
        }
        scan_plain(&self.root.join(bucket), "", &mut objects)?;
        Ok(objects)
    }
}

/// Adds the plain files in a folder that have no metadata.
fn scan_plain(folder: &Path, prefix: &str, objects: &mut Objects) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let key = format!("{prefix}{name}");
        let kind = entry.file_type()?;
        if kind.is_dir() {
            scan_plain(&entry.path(), &format!("{key}/"), objects)?;
        } else if kind.is_file() && !objects.contains_key(&key) {
            let object = adopt(&entry.path(), &key, Place::Plain)?;
            objects.insert(key, Arc::new(object));
        }
    }
    Ok(())
}

/// Whether the open file is unchanged since its metadata was written.
fn is_file_of(object: &Object, file: &File) -> bool {
    file.metadata().is_ok_and(|found| {
        found.is_file()
            && found.len() == object.size
            && found.modified().is_ok_and(|time| nanos(time) == object.modified)
    })
}

/// Describes a file that a user added or changed directly.
fn adopt(path: &Path, key: &str, place: Place) -> io::Result<Object> {
    let mut file = File::open(path)?;
    let metadata = file.metadata()?;
    Ok(Object {
        key: key.to_owned(),
        size: metadata.len(),
        etag: md5_of(&mut file)?,
        modified: nanos(metadata.modified()?),
        place,
        headers: Headers::kept(&HeaderMap::new()),
        checksum: Headers::default(),
    })
}

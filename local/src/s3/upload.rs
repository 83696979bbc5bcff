//! Multipart uploads that are not complete: a folder for each, with a file for each part.
//!
//! `<root>/.s3/uploads/<upload id>/upload.json` contains the key and the headers of the future object. Part 7 is the file `00007-<its MD5>`.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use s3s::{
    S3Error, S3Result,
    crypto::{Checksum as _, Md5},
    dto::CompletedPart,
    s3_error,
};
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use super::{body::Draft, object::Headers};

/// S3's minimum size in bytes of every part but the last.
const SMALLEST_PART: u64 = 5 * 1024 * 1024;
const LAST_PART_NUMBER: i32 = 10_000;

/// The future object.
#[derive(Serialize, Deserialize)]
pub(super) struct Upload {
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) headers: Headers,
}

/// A part that has arrived.
struct Part {
    number: i32,
    size: u64,
    md5: String,
    path: PathBuf,
}

/// The folder of an upload.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn create(uploads: &Path, id: &str, upload: &Upload) -> io::Result<()> {
        let folder = uploads.join(id);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("upload.json"), serde_json::to_vec_pretty(upload)?)
    }

    /// # Errors
    /// `NoSuchUpload` if there is no upload with this id, or if it is for another key.
    pub(super) fn open(uploads: &Path, id: &str, bucket: &str, key: &str) -> S3Result<(Self, Upload)> {
        let missing =
            || s3_error!(NoSuchUpload, "The specified upload does not exist. It may have been aborted or completed.");
        // The id becomes a part of a path, so only the form of our own ids is accepted.
        let id = uuid::Uuid::parse_str(id).map_err(|_| missing())?;
        let folder = uploads.join(id.to_string());
        let text = fs::read(folder.join("upload.json")).map_err(|_| missing())?;
        let upload: Upload = serde_json::from_slice(&text).map_err(S3Error::internal_error)?;
        if upload.bucket != bucket || upload.key != key {
            return Err(missing());
        }
        Ok((Self(folder), upload))
    }

    /// Stores a part, and replaces an earlier part with the same number.
    pub(super) fn put(&self, number: i32, part: Draft) -> S3Result<()> {
        let earlier: Vec<_> = self.parts()?.into_iter().filter(|part| part.number == number).collect();
        let path = self.0.join(format!("{number:05}-{}", part.etag));
        part.file.persist(&path).map_err(|error| S3Error::internal_error(error.error))?;
        for part in earlier.into_iter().filter(|part| part.path != path) {
            fs::remove_file(part.path).map_err(S3Error::internal_error)?;
        }
        Ok(())
    }

    fn parts(&self) -> S3Result<Vec<Part>> {
        let read = || -> io::Result<Vec<Part>> {
            let mut parts = Vec::new();
            for entry in fs::read_dir(&self.0)? {
                let entry = entry?;
                let name = entry.file_name();
                let Some((number, md5)) = name.to_str().and_then(|name| name.split_once('-')) else { continue };
                let Ok(number) = number.parse() else { continue };
                let metadata = entry.metadata()?;
                parts.push(Part { number, size: metadata.len(), md5: md5.to_owned(), path: entry.path() });
            }
            parts.sort_by_key(|part| part.number);
            Ok(parts)
        };
        read().map_err(S3Error::internal_error)
    }

    pub(super) fn remove(&self) -> S3Result<()> {
        fs::remove_dir_all(&self.0).map_err(S3Error::internal_error)
    }

    /// Renames the folder, so that no other request finds the upload while it is being completed.
    pub(super) fn claim(self) -> S3Result<Self> {
        let claimed = self.0.with_extension("completing");
        fs::rename(&self.0, &claimed).map_err(|_| s3_error!(NoSuchUpload, "The upload is being completed"))?;
        Ok(Self(claimed))
    }

    /// Undoes [`Folder::claim`] after a completion that failed.
    pub(super) fn release(&self) {
        let _ = fs::rename(&self.0, self.0.with_extension(""));
    }

    /// Joins the parts that the client names.
    pub(super) fn join(&self, named: &[CompletedPart], headers: Headers, temporary: &Path) -> S3Result<Draft> {
        let parts = self.chosen(named)?;
        let write = || -> io::Result<(NamedTempFile, String)> {
            let mut file = NamedTempFile::new_in(temporary)?;
            let mut md5 = Md5::new();
            for part in &parts {
                io::copy(&mut File::open(&part.path)?, &mut file)?;
                md5.update(&hex::decode(&part.md5).map_err(io::Error::other)?);
            }
            Ok((file, format!("{}-{}", hex::encode(md5.finalize()), parts.len())))
        };
        let (file, etag) = write().map_err(S3Error::internal_error)?;
        Ok(Draft { file, etag, headers, checksum: Headers::default() })
    }

    fn chosen(&self, named: &[CompletedPart]) -> S3Result<Vec<Part>> {
        let mut present = self.parts()?;
        let mut chosen: Vec<Part> = Vec::with_capacity(named.len());
        for name in named {
            let number = name.part_number.unwrap_or_default();
            if chosen.last().is_some_and(|last| last.number >= number) {
                return Err(s3_error!(InvalidPartOrder, "The list of parts was not in ascending order."));
            }
            let etag = name.e_tag.as_ref().map(s3s::dto::ETag::value);
            let found =
                present.iter().position(|part| part.number == number && etag.is_none_or(|etag| etag == part.md5));
            let found = found.ok_or_else(|| {
                s3_error!(InvalidPart, "Part {number} could not be found, or its ETag is not the one you specified.")
            })?;
            chosen.push(present.swap_remove(found));
        }
        let Some((_, before_last)) = chosen.split_last() else {
            return Err(s3_error!(MalformedXML, "You must specify at least one part"));
        };
        if let Some(small) = before_last.iter().find(|part| part.size < SMALLEST_PART) {
            return Err(s3_error!(EntityTooSmall, "Part {} is smaller than {SMALLEST_PART} bytes", small.number));
        }
        Ok(chosen)
    }
}

/// # Errors
/// `InvalidArgument` outside 1 to 10,000.
pub(super) fn check_number(number: i32) -> S3Result<()> {
    if (1..=LAST_PART_NUMBER).contains(&number) {
        return Ok(());
    }
    Err(s3_error!(InvalidArgument, "Part number must be an integer between 1 and {LAST_PART_NUMBER}, inclusive"))
}

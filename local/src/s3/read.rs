//! Conditions and selections of a read.

use s3s::dto::{ETagCondition, Timestamp};
use s3s::{S3Error, S3Result, s3_error};

use super::object::Object;
use super::store::{matches, precondition_failed};

/// The four conditions of a GET, a HEAD or a copy's source.
#[derive(Debug, Default)]
#[expect(clippy::struct_field_names, reason = "the names of the headers")]
pub(super) struct Asked {
    pub(super) if_match: Option<ETagCondition>,
    pub(super) if_none_match: Option<ETagCondition>,
    pub(super) if_modified_since: Option<Timestamp>,
    pub(super) if_unmodified_since: Option<Timestamp>,
}

/// An `ETag` condition outweighs the date beside it, as in RFC 9110.
///
/// # Errors
/// `PreconditionFailed` (412), or `NotModified` (304).
pub(super) fn check_read(object: &Object, asked: &Asked) -> S3Result<()> {
    // Headers carry whole seconds.
    let modified = Timestamp::from(std::time::SystemTime::UNIX_EPOCH + seconds(object));
    let unwanted = match (&asked.if_match, &asked.if_unmodified_since) {
        (Some(condition), _) => !matches(condition, object),
        (None, Some(since)) => modified > *since,
        (None, None) => false,
    };
    if unwanted {
        return Err(precondition_failed());
    }
    let known = match (&asked.if_none_match, &asked.if_modified_since) {
        (Some(condition), _) => matches(condition, object),
        (None, Some(since)) => modified <= *since,
        (None, None) => false,
    };
    if known { Err(not_modified(object)) } else { Ok(()) }
}

fn seconds(object: &Object) -> std::time::Duration {
    std::time::Duration::from_secs(object.modified / 1_000_000_000)
}

fn not_modified(object: &Object) -> S3Error {
    let mut error = s3_error!(NotModified);
    if let Ok(etag) = object.etag().to_http_header() {
        error.set_headers([(hyper::header::ETAG, etag)].into_iter().collect());
    }
    error
}

pub(super) fn not_satisfiable(object: &Object) -> S3Error {
    let mut error = s3_error!(InvalidRange, "The requested range is not satisfiable");
    if let Ok(range) = format!("bytes */{}", object.size).parse() {
        error.set_headers([(hyper::header::CONTENT_RANGE, range)].into_iter().collect());
    }
    error
}

/// # Errors
/// `NoSuchVersion` for any version but `null`: the buckets here are not versioned. `NotImplemented` for single parts.
pub(super) fn part_or_version(part: Option<i32>, version: Option<&str>) -> S3Result<()> {
    if part.is_some() {
        return Err(s3_error!(NotImplemented, "Reading a single part is not implemented here: use a Range"));
    }
    match version {
        None | Some("null") => Ok(()),
        Some(version) => Err(s3_error!(NoSuchVersion, "There is no version {version}: buckets are not versioned here")),
    }
}

//! Conditions and selections of a read.

use axum::http::header::{CONTENT_RANGE, ETAG};
use s3s::{S3Error, S3Result, s3_error};

use super::{
    object::Object,
    store::{Conditions, matches, precondition_failed},
};

/// # Errors
/// `PreconditionFailed` (412), or `NotModified` (304).
pub(super) fn check_read(object: &Object, conditions: &Conditions) -> S3Result<()> {
    let has = |etag| matches(etag, object);
    if conditions.if_match.as_ref().is_some_and(|etag| !has(etag)) {
        return Err(precondition_failed());
    }
    if conditions.if_none_match.as_ref().is_some_and(has) {
        let mut error = s3_error!(NotModified);
        error.set_headers(object.etag().to_http_header().map(|etag| (ETAG, etag)).into_iter().collect());
        return Err(error);
    }
    Ok(())
}

pub(super) fn not_satisfiable(object: &Object) -> S3Error {
    let mut error = s3_error!(InvalidRange, "The requested range is not satisfiable");
    let range = format!("bytes */{}", object.size).parse();
    error.set_headers(range.map(|range| (CONTENT_RANGE, range)).into_iter().collect());
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

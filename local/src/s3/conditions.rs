//! The conditions of a request, and the answers when they do not hold.

use axum::http::header::{CONTENT_RANGE, ETAG};
use s3s::{S3Error, S3Result, dto::ETagCondition, s3_error};

use super::object::{Object, no_such_key};

/// `If-Match` and `If-None-Match` of a request.
#[derive(Default)]
pub(super) struct Conditions {
    if_match: Option<ETagCondition>,
    if_none_match: Option<ETagCondition>,
}

impl Conditions {
    pub(super) fn new(if_match: Option<ETagCondition>, if_none_match: Option<ETagCondition>) -> Self {
        Self { if_match, if_none_match }
    }

    /// # Errors
    /// `PreconditionFailed` (412), or `NotModified` (304).
    pub(super) fn check_read(&self, object: &Object) -> S3Result<()> {
        if self.if_match.as_ref().is_some_and(|etag| !matches(etag, object)) {
            return Err(precondition_failed());
        }
        if self.if_none_match.as_ref().is_some_and(|etag| matches(etag, object)) {
            let mut error = s3_error!(NotModified);
            error.set_headers(object.etag().to_http_header().map(|etag| (ETAG, etag)).into_iter().collect());
            return Err(error);
        }
        Ok(())
    }

    /// # Errors
    /// `PreconditionFailed` (412), or `NoSuchKey` if `If-Match` names an `ETag` and there is no object.
    pub(super) fn check_write(&self, present: Option<&Object>) -> S3Result<()> {
        if let Some(condition) = &self.if_match {
            let present = present.ok_or_else(no_such_key)?;
            if !matches(condition, present) {
                return Err(precondition_failed());
            }
        }
        match (&self.if_none_match, present) {
            (Some(ETagCondition::ETag(_)), _) => {
                Err(s3_error!(NotImplemented, "A write takes no other If-None-Match than \"*\""))
            }
            (Some(ETagCondition::Any), Some(_)) => Err(precondition_failed()),
            _ => Ok(()),
        }
    }
}

/// Whether `object` has the `ETag` of the condition. `*` matches every object.
fn matches(condition: &ETagCondition, object: &Object) -> bool {
    condition.as_etag().is_none_or(|etag| etag.value() == object.etag)
}

pub(super) fn precondition_failed() -> S3Error {
    s3_error!(PreconditionFailed, "At least one of the pre-conditions you specified did not hold")
}

pub(super) fn not_satisfiable(object: &Object) -> S3Error {
    let mut error = s3_error!(InvalidRange, "The requested range is not satisfiable");
    let range = format!("bytes */{}", object.size).parse();
    error.set_headers(range.map(|range| (CONTENT_RANGE, range)).into_iter().collect());
    error
}

/// # Errors
/// `NotImplemented` for a single part. `NoSuchVersion` for any version but `null`, because buckets are not versioned here.
pub(super) fn part_or_version(part: Option<i32>, version: Option<&str>) -> S3Result<()> {
    if part.is_some() {
        return Err(s3_error!(NotImplemented, "Reading a single part is not implemented here: use a Range"));
    }
    match version {
        None | Some("null") => Ok(()),
        Some(version) => Err(s3_error!(NoSuchVersion, "There is no version {version}: buckets are not versioned here")),
    }
}

//! Bodies: writes a body that arrives to a temporary file and verifies it, and streams a stored file.

use std::{
    fs::File,
    io::{self, Read, Seek as _, SeekFrom},
    ops::Range,
    path::Path,
};

use axum::http::{HeaderMap, StatusCode};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use futures_util::StreamExt as _;
use s3s::{
    S3Error, S3ErrorCode, S3Result, TrailingHeaders,
    checksum::ChecksumHasher,
    crypto::{Checksum as _, Md5},
    dto::StreamingBlob,
    s3_error,
};
use tempfile::NamedTempFile;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_util::io::ReaderStream;

use super::object::Headers;

/// A new object without a key and a place.
pub(super) struct Draft {
    pub(super) file: NamedTempFile,
    pub(super) etag: String,
    pub(super) headers: Headers,
    pub(super) checksum: Headers,
}

/// The bytes of a file that are read at once.
const CHUNK: usize = 256 * 1024;

/// The prefix of the headers that hold a checksum.
const CHECKSUM: &str = "x-amz-checksum-";

/// Writes the body into a new temporary file in `folder`, and verifies the length and the checksums that the headers and the trailer
/// announce.
///
/// # Errors
/// `IncompleteBody` if the body stops early, `BadDigest` or `XAmzContentSHA256Mismatch` if its checksum is another one.
pub(super) async fn receive(
    body: Option<StreamingBlob>,
    headers: &HeaderMap,
    trailer: Option<TrailingHeaders>,
    folder: &Path,
) -> S3Result<Draft> {
    let file = NamedTempFile::new_in(folder).map_err(S3Error::internal_error)?;
    let mut writer = tokio::fs::File::from_std(file.reopen().map_err(S3Error::internal_error)?);
    let algorithm = algorithm(headers);
    let (mut md5, mut hasher) = (Md5::new(), hasher(algorithm));
    let mut size: u64 = 0;
    let mut body = body.unwrap_or_else(|| s3s::Body::empty().into());
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|error| broken(&error.to_string()))?;
        md5.update(&chunk);
        hasher.update(&chunk);
        size += chunk.len() as u64;
        writer.write_all(&chunk).await.map_err(S3Error::internal_error)?;
    }
    writer.flush().await.map_err(S3Error::internal_error)?;

    let told = |name: &str| Some(headers.get(name)?.to_str().ok()?.to_owned());
    let trailing = |name: &str| trailer?.read(|trailer| Some(trailer.get(name)?.to_str().ok()?.to_owned()))?;
    if let Some(length) = told("content-length").filter(|length| *length != size.to_string()) {
        return Err(s3_error!(IncompleteBody, "{length} bytes were announced, {size} came"));
    }
    let md5 = md5.finalize();
    if let Some(told) = told("content-md5") {
        match BASE64_STANDARD.decode(told) {
            Ok(told) if told == md5 => {}
            Ok(told) if told.len() == md5.len() => return Err(bad_digest("Content-MD5")),
            _ => return Err(s3_error!(InvalidDigest, "The Content-MD5 you specified was invalid.")),
        }
    }
    let mut checksum = Headers::default();
    if let (Some(algorithm), Some(value)) = (algorithm, value(hasher)) {
        let name = format!("{CHECKSUM}{algorithm}");
        if told(&name).or_else(|| trailing(&name)).is_some_and(|told| told != value) {
            return Err(bad_digest(&name));
        }
        checksum.0.insert(name, value);
    }
    Ok(Draft { file, etag: hex::encode(md5), headers: Headers::kept(headers), checksum })
}

/// Computes the MD5 of a file, in hex.
pub(super) fn md5_of(file: &mut File) -> io::Result<String> {
    let mut md5 = Md5::new();
    let mut buffer = vec![0; CHUNK];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex::encode(md5.finalize())),
            read => md5.update(&buffer[..read]),
        }
    }
}

/// Streams a part of a file. The file stays open, so an object that is replaced meanwhile is still read to its end.
pub(super) fn stream(mut file: File, bytes: &Range<u64>) -> S3Result<StreamingBlob> {
    file.seek(SeekFrom::Start(bytes.start)).map_err(S3Error::internal_error)?;
    let reader = tokio::fs::File::from_std(file).take(bytes.end - bytes.start);
    Ok(StreamingBlob::wrap(ReaderStream::with_capacity(reader, CHUNK)))
}

/// The algorithm of the checksum that the headers hold or announce, such as `crc32`. S3 accepts one checksum in a request.
fn algorithm(headers: &HeaderMap) -> Option<&str> {
    let mut named = headers.keys().filter_map(|name| name.as_str().strip_prefix(CHECKSUM));
    let trailing = || headers.get("x-amz-trailer")?.to_str().ok()?.strip_prefix(CHECKSUM);
    named.find(|name| !["algorithm", "mode", "type"].contains(name)).or_else(trailing)
}

fn hasher(algorithm: Option<&str>) -> ChecksumHasher {
    let is = |name| algorithm == Some(name);
    ChecksumHasher {
        crc32: is("crc32").then(Default::default),
        crc32c: is("crc32c").then(Default::default),
        crc64nvme: is("crc64nvme").then(Default::default),
        sha1: is("sha1").then(Default::default),
        sha256: is("sha256").then(Default::default),
    }
}

/// The checksum in Base64, or `None` for an unknown algorithm.
fn value(hasher: ChecksumHasher) -> Option<String> {
    let sums = hasher.finalize();
    let crc = sums.checksum_crc32.or(sums.checksum_crc32c).or(sums.checksum_crc64nvme);
    crc.or(sums.checksum_sha1).or(sums.checksum_sha256)
}

fn bad_digest(name: &str) -> S3Error {
    s3_error!(BadDigest, "The {name} you specified did not match what we received.")
}

fn broken(reason: &str) -> S3Error {
    if reason.contains("Sha256Mismatch") {
        let code = S3ErrorCode::Custom("XAmzContentSHA256Mismatch".into());
        let message = "The provided 'x-amz-content-sha256' header does not match what was computed.";
        let mut error = S3Error::with_message(code, message);
        error.set_status_code(StatusCode::BAD_REQUEST);
        error
    } else if reason.contains("SignatureMismatch") {
        s3_error!(SignatureDoesNotMatch, "A chunk's signature does not match")
    } else {
        s3_error!(IncompleteBody, "The body stopped before its end: {reason}")
    }
}

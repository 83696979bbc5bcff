//! Bodies: an upload into a temporary file, verified; a stored file as a stream.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::StreamingBlob;
use s3s::{S3Error, S3ErrorCode, S3Result, TrailingHeaders, s3_error};
use tempfile::NamedTempFile;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::object::Checksums;
use super::place::hex;

/// What the client said of the body that it sends.
#[derive(Debug, Default)]
pub(super) struct Expected {
    /// Bytes, after the aws-chunked framing is taken off.
    pub(super) length: Option<u64>,
    /// `Content-MD5`, base64.
    pub(super) md5: Option<String>,
    pub(super) checksums: Checksums,
    /// The algorithm named by `x-amz-sdk-checksum-algorithm`: computed even when no value came.
    pub(super) algorithm: Option<String>,
    /// `x-amz-trailer`: the checksum follows the body.
    pub(super) trailer: Option<String>,
}

/// A body that arrived whole and as promised.
pub(super) struct Received {
    pub(super) file: NamedTempFile,
    pub(super) size: u64,
    pub(super) md5: String,
    pub(super) checksums: Checksums,
}

/// Writes the body into a new temporary file in `folder` and compares it with what was said of it.
///
/// # Errors
/// `IncompleteBody` when it stops early, `BadDigest` and `XAmzContentSHA256Mismatch` when it is another one.
pub(super) async fn receive(
    mut body: StreamingBlob,
    trailers: Option<TrailingHeaders>,
    expected: Expected,
    folder: &Path,
) -> S3Result<Received> {
    let file = NamedTempFile::new_in(folder).map_err(S3Error::internal_error)?;
    let hasher = hasher(&expected);
    let (chunks, incoming) = mpsc::channel(16);
    let writer = spawn_blocking(move || write(file, hasher, incoming));
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|error| broken(&error.to_string()))?;
        if chunks.send(chunk).await.is_err() {
            break; // The writer failed; its error is told below.
        }
    }
    drop(chunks);
    let received = writer.await.map_err(S3Error::internal_error)?.map_err(S3Error::internal_error)?;
    verify(&received, &expected, trailers.as_ref())?;
    Ok(received)
}

/// Hashes a file that is in place already.
pub(super) fn md5_of(file: &mut File) -> io::Result<String> {
    let mut md5 = Md5::new();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(&md5.finalize())),
            read => md5.update(&buffer[..read]),
        }
    }
}

/// The bytes `start .. start + length` of a file. The file stays open, so an object that is replaced meanwhile is still
/// read to its end.
pub(super) fn stream(mut file: File, start: u64, length: u64) -> StreamingBlob {
    const CHUNK: u64 = 256 * 1024;
    let (sender, receiver) = mpsc::channel::<io::Result<Bytes>>(4);
    spawn_blocking(move || {
        let read = |file: &mut File| -> io::Result<()> {
            file.seek(SeekFrom::Start(start))?;
            let mut left = length;
            while left > 0 {
                let mut chunk = Vec::new();
                file.take(left.min(CHUNK)).read_to_end(&mut chunk)?;
                if chunk.is_empty() {
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the object's file was cut by hand"));
                }
                left -= chunk.len() as u64;
                if sender.blocking_send(Ok(chunk.into())).is_err() {
                    break; // The client left.
                }
            }
            Ok(())
        };
        if let Err(error) = read(&mut file) {
            let _ = sender.blocking_send(Err(error));
        }
    });
    StreamingBlob::wrap(stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|chunk| (chunk, receiver))
    }))
}

fn hasher(expected: &Expected) -> ChecksumHasher {
    let announced = |name: &str| {
        expected.checksums.get(name).is_some()
            || expected.algorithm.as_deref().is_some_and(|algorithm| algorithm.eq_ignore_ascii_case(name))
            || expected.trailer.as_deref().is_some_and(|trailer| trailer.eq_ignore_ascii_case(&header(name)))
    };
    ChecksumHasher {
        crc32: announced("crc32").then(Default::default),
        crc32c: announced("crc32c").then(Default::default),
        crc64nvme: announced("crc64nvme").then(Default::default),
        sha1: announced("sha1").then(Default::default),
        sha256: announced("sha256").then(Default::default),
    }
}

fn header(name: &str) -> String {
    format!("x-amz-checksum-{name}")
}

fn write(
    mut file: NamedTempFile,
    mut hasher: ChecksumHasher,
    mut chunks: mpsc::Receiver<Bytes>,
) -> io::Result<Received> {
    let mut md5 = Md5::new();
    let mut size = 0;
    while let Some(chunk) = chunks.blocking_recv() {
        md5.update(&chunk);
        hasher.update(&chunk);
        size += chunk.len() as u64;
        file.write_all(&chunk)?;
    }
    Ok(Received { file, size, md5: hex(&md5.finalize()), checksums: hasher.finalize().into() })
}

fn verify(received: &Received, expected: &Expected, trailers: Option<&TrailingHeaders>) -> S3Result<()> {
    if let Some(length) = expected.length
        && length != received.size
    {
        return Err(s3_error!(IncompleteBody, "{length} bytes were announced, {} came", received.size));
    }
    if let Some(said) = &expected.md5 {
        let said = BASE64_STANDARD.decode(said).ok().filter(|bytes| bytes.len() == 16);
        let said = said.ok_or_else(|| s3_error!(InvalidDigest, "The Content-MD5 you specified was invalid."))?;
        if hex(&said) != received.md5 {
            return Err(bad_digest("Content-MD5"));
        }
    }
    for name in Checksums::NAMES {
        let trailing = trailers
            .and_then(|trailers| trailers.read(|all| Some(all.get(header(name))?.to_str().ok()?.to_owned())).flatten());
        let said = expected.checksums.get(name).or(trailing.as_ref());
        if said.is_some() && said != received.checksums.get(name) {
            return Err(bad_digest(&header(name)));
        }
    }
    Ok(())
}

fn bad_digest(what: &str) -> S3Error {
    s3_error!(BadDigest, "The {what} you specified did not match what we received.")
}

fn broken(reason: &str) -> S3Error {
    if reason.contains("Sha256Mismatch") {
        let code = S3ErrorCode::Custom("XAmzContentSHA256Mismatch".into());
        let message = "The provided 'x-amz-content-sha256' header does not match what was computed.";
        let mut error = S3Error::with_message(code, message);
        error.set_status_code(hyper::StatusCode::BAD_REQUEST);
        error
    } else if reason.contains("SignatureMismatch") {
        s3_error!(SignatureDoesNotMatch, "A chunk's signature does not match")
    } else {
        s3_error!(IncompleteBody, "The body stopped before its end: {reason}")
    }
}

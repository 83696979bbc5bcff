//! S3's operations on the store.

use std::io::{Read as _, Seek as _};
use std::sync::Arc;

use s3s::dto;
use s3s::{S3, S3Error, S3Request, S3Response, S3Result, TrailingHeaders, s3_error};
use tokio::task::spawn_blocking;

use super::body::{self, Expected, Received, receive};
use super::list::{Query, common_prefixes, contents, escaped, limit, page};
use super::notification::{Caller, Notifier};
use super::object::{Attributes, Checksums, Object, attributes};
use super::read::{Asked, check_read, not_satisfiable, part_or_version};
use super::store::{Conditions, Draft, Store};
use super::upload::{Folder, Upload, check_number};

pub(super) struct Backend {
    pub(super) store: Arc<Store>,
    pub(super) notifier: Option<Arc<Notifier>>,
    pub(super) region: String,
}

type Answer<T> = S3Result<S3Response<T>>;

#[expect(clippy::unnecessary_wraps, reason = "it ends every operation")]
fn answer<T>(output: T) -> Answer<T> {
    Ok(S3Response::new(output))
}

/// Runs what touches the disk off the async threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> S3Result<T> + Send + 'static) -> S3Result<T> {
    spawn_blocking(work).await.map_err(S3Error::internal_error)?
}

fn caller<T>(request: &S3Request<T>) -> Caller {
    let mut caller = request.extensions.get::<Caller>().cloned().unwrap_or_else(Caller::unknown);
    caller.access_key = request.credentials.as_ref().map(|credentials| credentials.access_key.clone());
    caller
}

/// What `PutObject` and `UploadPart` say of their bodies; the fields have the same names in both.
macro_rules! expected {
    ($request:expr) => {
        Expected {
            length: $request.input.content_length.and_then(|length| u64::try_from(length).ok()),
            md5: $request.input.content_md5.take(),
            checksums: Checksums {
                crc32: $request.input.checksum_crc32.take(),
                crc32c: $request.input.checksum_crc32c.take(),
                crc64nvme: $request.input.checksum_crc64nvme.take(),
                sha1: $request.input.checksum_sha1.take(),
                sha256: $request.input.checksum_sha256.take(),
            },
            algorithm: $request.input.checksum_algorithm.as_ref().map(|name| name.as_str().to_owned()),
            trailer: $request.headers.get("x-amz-trailer").and_then(|name| Some(name.to_str().ok()?.to_owned())),
        }
    };
}

/// Fills the five checksum fields of an output.
macro_rules! with_checksums {
    ($output:expr, $checksums:expr) => {{
        let (mut output, checksums) = ($output, $checksums);
        output.checksum_crc32 = checksums.crc32;
        output.checksum_crc32c = checksums.crc32c;
        output.checksum_crc64nvme = checksums.crc64nvme;
        output.checksum_sha1 = checksums.sha1;
        output.checksum_sha256 = checksums.sha256;
        output
    }};
}

/// What GET and HEAD say of an object.
macro_rules! described {
    ($output:path, $object:expr) => {{
        let attributes = $object.attributes.clone();
        $output {
            content_length: Some($object.length()),
            accept_ranges: Some("bytes".to_owned()),
            e_tag: Some($object.etag()),
            last_modified: Some($object.last_modified()),
            content_type: Some(attributes.content_type()),
            metadata: attributes.user(),
            cache_control: attributes.cache_control,
            content_disposition: attributes.content_disposition,
            content_encoding: attributes.content_encoding,
            content_language: attributes.content_language,
            expires: attributes.expires,
            ..Default::default()
        }
    }};
}

/// The conditions of a read.
macro_rules! asked {
    ($input:expr) => {
        Asked {
            if_match: $input.if_match,
            if_none_match: $input.if_none_match,
            if_modified_since: $input.if_modified_since,
            if_unmodified_since: $input.if_unmodified_since,
        }
    };
}

/// The conditions of a copy's source.
macro_rules! source_asked {
    ($input:expr) => {
        Asked {
            if_match: $input.copy_source_if_match.take(),
            if_none_match: $input.copy_source_if_none_match.take(),
            if_modified_since: $input.copy_source_if_modified_since.take(),
            if_unmodified_since: $input.copy_source_if_unmodified_since.take(),
        }
    };
}

impl Backend {
    async fn receive(
        &self,
        body: Option<dto::StreamingBlob>,
        trailers: Option<TrailingHeaders>,
        expected: Expected,
    ) -> S3Result<Received> {
        let body = body.unwrap_or_else(|| s3s::Body::empty().into());
        receive(body, trailers, expected, &self.store.temporary()).await
    }

    async fn put(
        &self,
        (bucket, key): (String, String),
        draft: Draft,
        conditions: Conditions,
        (how, caller): (&'static str, Caller),
    ) -> S3Result<Arc<Object>> {
        let (store, notifier) = (Arc::clone(&self.store), self.notifier.clone());
        blocking(move || {
            store.put(&bucket, &key, draft, &conditions, |object, sequencer| {
                if let Some(notifier) = &notifier {
                    notifier.created(how, &bucket, object, sequencer, &caller);
                }
            })
        })
        .await
    }

    async fn delete(&self, bucket: String, key: String, conditions: Conditions, caller: Caller) -> S3Result<()> {
        let (store, notifier) = (Arc::clone(&self.store), self.notifier.clone());
        blocking(move || {
            store.delete(&bucket, &key, &conditions, |sequencer| {
                if let Some(notifier) = &notifier {
                    notifier.removed(&bucket, &key, sequencer, &caller);
                }
            })
        })
        .await
    }

    async fn get(&self, bucket: &str, key: &str) -> S3Result<(Arc<Object>, std::fs::File)> {
        let (store, bucket, key) = (Arc::clone(&self.store), bucket.to_owned(), key.to_owned());
        blocking(move || store.get(&bucket, &key)).await
    }

    /// Copies a part of an object, or all of it, into a temporary file.
    async fn fetch(
        &self,
        source: &dto::CopySource,
        asked: Asked,
        range: Option<&str>,
    ) -> S3Result<(Received, Arc<Object>)> {
        let dto::CopySource::Bucket { bucket, key, version_id } = source else {
            return Err(s3_error!(NotImplemented, "Copies from access points are not implemented here"));
        };
        part_or_version(None, version_id.as_deref())?;
        let (object, mut file) = self.get(bucket, key).await?;
        // A failed condition of a copy is 412, where a GET would answer 304.
        check_read(&object, &asked).map_err(|_| super::store::precondition_failed())?;
        let (start, length) = match range {
            None => (0, object.size),
            Some(range) => {
                let range =
                    dto::Range::parse(range).map_err(|_| s3_error!(InvalidArgument, "The range is not valid"))?;
                let range = range.check(object.size).map_err(|_| not_satisfiable(&object))?;
                (range.start, range.end - range.start)
            }
        };
        let temporary = self.store.temporary();
        let received = blocking(move || {
            let copy = || -> std::io::Result<Received> {
                file.seek(std::io::SeekFrom::Start(start))?;
                let mut copy = tempfile::NamedTempFile::new_in(temporary)?;
                let size = std::io::copy(&mut file.take(length), &mut copy)?;
                let md5 = body::md5_of(&mut copy.reopen()?)?;
                Ok(Received { file: copy, size, md5, checksums: Checksums::default() })
            };
            copy().map_err(S3Error::internal_error)
        });
        Ok((received.await?, object))
    }
}

#[async_trait::async_trait]
impl S3 for Backend {
    async fn list_buckets(&self, _: S3Request<dto::ListBucketsInput>) -> Answer<dto::ListBucketsOutput> {
        let bucket = |(name, created): (String, std::time::SystemTime)| dto::Bucket {
            name: Some(name),
            creation_date: Some(created.into()),
            ..Default::default()
        };
        let buckets = self.store.buckets().into_iter().map(bucket).collect();
        answer(dto::ListBucketsOutput { buckets: Some(buckets), ..Default::default() })
    }

    async fn create_bucket(&self, request: S3Request<dto::CreateBucketInput>) -> Answer<dto::CreateBucketOutput> {
        let bucket = request.input.bucket;
        self.store.create_bucket(&bucket)?;
        answer(dto::CreateBucketOutput { location: Some(format!("/{bucket}")) })
    }

    async fn delete_bucket(&self, request: S3Request<dto::DeleteBucketInput>) -> Answer<dto::DeleteBucketOutput> {
        self.store.delete_bucket(&request.input.bucket)?;
        answer(dto::DeleteBucketOutput::default())
    }

    async fn head_bucket(&self, request: S3Request<dto::HeadBucketInput>) -> Answer<dto::HeadBucketOutput> {
        self.store.bucket_exists(&request.input.bucket)?;
        answer(dto::HeadBucketOutput { bucket_region: Some(self.region.clone()), ..Default::default() })
    }

    async fn put_object(&self, mut request: S3Request<dto::PutObjectInput>) -> Answer<dto::PutObjectOutput> {
        self.store.bucket_exists(&request.input.bucket)?;
        let caller = caller(&request);
        let expected = expected!(request);
        let mut input = request.input;
        let received = self.receive(input.body.take(), request.trailing_headers, expected).await?;
        let checksums = received.checksums.clone();
        let draft = Draft::new(received, attributes!(input));
        let conditions = Conditions { if_match: input.if_match, if_none_match: input.if_none_match };
        let object = self.put((input.bucket, input.key), draft, conditions, ("Put", caller)).await?;
        let output = dto::PutObjectOutput { e_tag: Some(object.etag()), ..Default::default() };
        answer(with_checksums!(output, checksums))
    }

    async fn get_object(&self, request: S3Request<dto::GetObjectInput>) -> Answer<dto::GetObjectOutput> {
        let input = request.input;
        part_or_version(input.part_number, input.version_id.as_deref())?;
        let (object, file) = self.get(&input.bucket, &input.key).await?;
        let asked = asked!(input);
        check_read(&object, &asked)?;
        let range = match input.range {
            Some(_) if object.size == 0 => return Err(not_satisfiable(&object)),
            Some(range) => Some(range.check(object.size).map_err(|_| not_satisfiable(&object))?),
            None => None,
        };
        let bytes = range.clone().unwrap_or(0..object.size);
        let length = bytes.end - bytes.start;
        let mut output = described!(dto::GetObjectOutput, object);
        output.body = Some(body::stream(file, bytes.start, length));
        output.content_length = i64::try_from(length).ok();
        output.content_range = range.map(|range| format!("bytes {}-{}/{}", range.start, range.end - 1, object.size));
        let checksums = shown(&object, input.checksum_mode.as_ref(), length == object.size);
        answer(with_checksums!(output, checksums))
    }

    async fn head_object(&self, request: S3Request<dto::HeadObjectInput>) -> Answer<dto::HeadObjectOutput> {
        let input = request.input;
        part_or_version(input.part_number, input.version_id.as_deref())?;
        let (object, _) = self.get(&input.bucket, &input.key).await?;
        let asked = asked!(input);
        check_read(&object, &asked)?;
        let output = described!(dto::HeadObjectOutput, object);
        let checksums = shown(&object, input.checksum_mode.as_ref(), true);
        answer(with_checksums!(output, checksums))
    }

    async fn delete_object(&self, request: S3Request<dto::DeleteObjectInput>) -> Answer<dto::DeleteObjectOutput> {
        let caller = caller(&request);
        let input = request.input;
        part_or_version(None, input.version_id.as_deref())?;
        let conditions = Conditions { if_match: input.if_match, if_none_match: None };
        self.delete(input.bucket, input.key, conditions, caller).await?;
        answer(dto::DeleteObjectOutput::default())
    }

    async fn copy_object(&self, request: S3Request<dto::CopyObjectInput>) -> Answer<dto::CopyObjectOutput> {
        let caller = caller(&request);
        let mut input = request.input;
        self.store.bucket_exists(&input.bucket)?;
        let replace = input.metadata_directive.as_ref().is_some_and(|directive| directive.as_str() == "REPLACE");
        if let dto::CopySource::Bucket { bucket, key, .. } = &input.copy_source
            && (**bucket == *input.bucket && **key == *input.key && !replace)
        {
            return Err(s3_error!(
                InvalidRequest,
                "This copy request is illegal because it is trying to copy an object to itself without changing the \
                 object's metadata."
            ));
        }
        let asked = source_asked!(input);
        let (received, source) = self.fetch(&input.copy_source, asked, None).await?;
        let attributes: Attributes = if replace { attributes!(input) } else { source.attributes.clone() };
        let mut draft = Draft::new(received, attributes);
        draft.checksums = source.checksums.clone();
        let object = self.put((input.bucket, input.key), draft, Conditions::default(), ("Copy", caller)).await?;
        let result = dto::CopyObjectResult {
            e_tag: Some(object.etag()),
            last_modified: Some(object.last_modified()),
            ..Default::default()
        };
        answer(dto::CopyObjectOutput { copy_object_result: Some(result), ..Default::default() })
    }

    async fn list_objects_v2(&self, request: S3Request<dto::ListObjectsV2Input>) -> Answer<dto::ListObjectsV2Output> {
        let input = request.input;
        let after = input.continuation_token.as_deref().or(input.start_after.as_deref());
        let query = Query {
            prefix: input.prefix.as_deref().unwrap_or_default(),
            delimiter: input.delimiter.as_deref(),
            after,
            most: input.max_keys,
        };
        let page = self.store.read(&input.bucket, |objects| page(objects, &query))?;
        let escaped = |text: Option<String>| text.map(|text| escaped(&text, input.encoding_type.as_ref()));
        answer(dto::ListObjectsV2Output {
            key_count: Some(page.count()),
            max_keys: i32::try_from(limit(input.max_keys)).ok(),
            is_truncated: Some(page.next.is_some()),
            contents: contents(&page, input.encoding_type.as_ref()),
            common_prefixes: common_prefixes(&page, input.encoding_type.as_ref()),
            next_continuation_token: page.next,
            continuation_token: input.continuation_token,
            delimiter: escaped(input.delimiter),
            prefix: Some(escaped(input.prefix).unwrap_or_default()),
            start_after: escaped(input.start_after),
            encoding_type: input.encoding_type,
            name: Some(input.bucket),
            ..Default::default()
        })
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<dto::CreateMultipartUploadInput>,
    ) -> Answer<dto::CreateMultipartUploadOutput> {
        let mut input = request.input;
        self.store.bucket_exists(&input.bucket)?;
        let id = crate::http::new_id();
        let upload = Upload { bucket: input.bucket.clone(), key: input.key.clone(), attributes: attributes!(input) };
        Folder::create(&self.store.uploads(), &id, &upload).map_err(S3Error::internal_error)?;
        answer(dto::CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(id),
            ..Default::default()
        })
    }

    async fn upload_part(&self, mut request: S3Request<dto::UploadPartInput>) -> Answer<dto::UploadPartOutput> {
        let expected = expected!(request);
        let mut input = request.input;
        check_number(input.part_number)?;
        let (folder, _) = Folder::open(&self.store.uploads(), &input.upload_id, &input.bucket, &input.key)?;
        let received = self.receive(input.body.take(), request.trailing_headers, expected).await?;
        let output =
            dto::UploadPartOutput { e_tag: Some(dto::ETag::Strong(received.md5.clone())), ..Default::default() };
        let output = with_checksums!(output, received.checksums.clone());
        blocking(move || folder.put(input.part_number, received)).await?;
        answer(output)
    }

    async fn upload_part_copy(
        &self,
        request: S3Request<dto::UploadPartCopyInput>,
    ) -> Answer<dto::UploadPartCopyOutput> {
        let mut input = request.input;
        check_number(input.part_number)?;
        let (folder, _) = Folder::open(&self.store.uploads(), &input.upload_id, &input.bucket, &input.key)?;
        let asked = source_asked!(input);
        let (received, _) = self.fetch(&input.copy_source, asked, input.copy_source_range.as_deref()).await?;
        let result = dto::CopyPartResult {
            e_tag: Some(dto::ETag::Strong(received.md5.clone())),
            last_modified: Some(std::time::SystemTime::now().into()),
            ..Default::default()
        };
        blocking(move || folder.put(input.part_number, received)).await?;
        answer(dto::UploadPartCopyOutput { copy_part_result: Some(result), ..Default::default() })
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<dto::CompleteMultipartUploadInput>,
    ) -> Answer<dto::CompleteMultipartUploadOutput> {
        let caller = caller(&request);
        let input = request.input;
        let (folder, upload) = Folder::open(&self.store.uploads(), &input.upload_id, &input.bucket, &input.key)?;
        let folder = Arc::new(folder.claim()?);
        let named = input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
        let conditions = Conditions { if_match: input.if_match, if_none_match: input.if_none_match };
        let joined = {
            let (folder, temporary) = (Arc::clone(&folder), self.store.temporary());
            blocking(move || folder.join(&named, upload.attributes, &temporary)).await
        };
        let target = (input.bucket.clone(), input.key.clone());
        let done = match joined {
            Ok(draft) => self.put(target, draft, conditions, ("CompleteMultipartUpload", caller)).await,
            Err(error) => Err(error),
        };
        let object = match done {
            Ok(object) => object,
            Err(error) => {
                folder.release();
                return Err(error);
            }
        };
        folder.remove()?;
        answer(dto::CompleteMultipartUploadOutput {
            location: Some(format!("/{}/{}", input.bucket, input.key)),
            bucket: Some(input.bucket),
            key: Some(input.key),
            e_tag: Some(object.etag()),
            ..Default::default()
        })
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<dto::AbortMultipartUploadInput>,
    ) -> Answer<dto::AbortMultipartUploadOutput> {
        let input = request.input;
        let (folder, _) = Folder::open(&self.store.uploads(), &input.upload_id, &input.bucket, &input.key)?;
        folder.remove()?;
        answer(dto::AbortMultipartUploadOutput::default())
    }
}

/// S3 shows checksums when asked to, and for the whole object only.
fn shown(object: &Object, mode: Option<&dto::ChecksumMode>, whole: bool) -> Checksums {
    let asked = mode.is_some_and(|mode| mode.as_str() == dto::ChecksumMode::ENABLED);
    if asked && whole { object.checksums.clone() } else { Checksums::default() }
}

//! S3's operations, on the store.

use std::sync::Arc;

use axum::http::HeaderMap;
use s3s::{S3, S3Error, S3Request, S3Response, S3Result, dto, s3_error};
use tokio::task::spawn_blocking;

use super::{
    body::{self, Draft, receive},
    conditions::{Conditions, not_satisfiable, part_or_version, precondition_failed},
    list::list,
    notification::Cause,
    object::{Headers, Object},
    store::Store,
    upload::{Folder, Upload, check_number},
};
use crate::sdk::REGION;

pub(super) struct Backend(pub(super) Arc<Store>);

type Answer<T> = S3Result<S3Response<T>>;

/// Describes the request that changes an object. `event` is the name of the event.
fn cause<T>(event: &'static str, request: &S3Request<T>) -> Cause {
    let access_key = request.credentials.as_ref().map(|credentials| credentials.access_key.clone());
    Cause { event, access_key, ids: request.extensions.get().cloned().unwrap_or_default() }
}

impl Backend {
    /// Copies a part of an object, or all of it, into a temporary file.
    async fn fetch(
        &self,
        source: &dto::CopySource,
        conditions: &Conditions,
        range: Option<&str>,
    ) -> S3Result<(Draft, Arc<Object>)> {
        let dto::CopySource::Bucket { bucket, key, version_id } = source else {
            return Err(s3_error!(NotImplemented, "Copies from access points are not implemented here"));
        };
        part_or_version(None, version_id.as_deref())?;
        let (object, file) = self.0.get(bucket, key)?;
        // A copy answers 412 also where a GET answers 304.
        conditions.check_read(&object).map_err(|_| precondition_failed())?;
        let range = range.map(dto::Range::parse).transpose();
        let range = range.map_err(|_| s3_error!(InvalidArgument, "The range is not valid"))?;
        let body = body::stream(file, &bytes(&object, range)?)?;
        Ok((receive(Some(body), &HeaderMap::new(), None, &self.0.temporary()).await?, object))
    }
}

/// The bytes of an object that a range selects.
fn bytes(object: &Object, range: Option<dto::Range>) -> S3Result<std::ops::Range<u64>> {
    match range {
        None => Ok(0..object.size),
        Some(_) if object.size == 0 => Err(not_satisfiable(object)),
        Some(range) => range.check(object.size).map_err(|_| not_satisfiable(object)),
    }
}

/// The headers of an answer that come from the object. They contain its checksum if `mode` asks for it and the answer is the whole object.
fn described(object: &Object, mode: Option<&dto::ChecksumMode>, is_whole: bool) -> HeaderMap {
    let mut headers = object.headers.to_map();
    if is_whole && mode.is_some_and(|mode| mode.as_str() == dto::ChecksumMode::ENABLED) {
        headers.extend(object.checksum.to_map());
    }
    headers
}

#[async_trait::async_trait]
impl S3 for Backend {
    async fn list_buckets(&self, _: S3Request<dto::ListBucketsInput>) -> Answer<dto::ListBucketsOutput> {
        let bucket = |(name, created): (String, std::time::SystemTime)| dto::Bucket {
            name: Some(name),
            creation_date: Some(created.into()),
            ..Default::default()
        };
        let buckets = self.0.buckets().into_iter().map(bucket).collect();
        Ok(S3Response::new(dto::ListBucketsOutput { buckets: Some(buckets), ..Default::default() }))
    }

    async fn create_bucket(&self, request: S3Request<dto::CreateBucketInput>) -> Answer<dto::CreateBucketOutput> {
        let bucket = request.input.bucket;
        self.0.create_bucket(&bucket)?;
        Ok(S3Response::new(dto::CreateBucketOutput { location: Some(format!("/{bucket}")) }))
    }

    async fn delete_bucket(&self, request: S3Request<dto::DeleteBucketInput>) -> Answer<dto::DeleteBucketOutput> {
        self.0.delete_bucket(&request.input.bucket)?;
        Ok(S3Response::new(dto::DeleteBucketOutput::default()))
    }

    async fn head_bucket(&self, request: S3Request<dto::HeadBucketInput>) -> Answer<dto::HeadBucketOutput> {
        self.0.bucket_exists(&request.input.bucket)?;
        Ok(S3Response::new(dto::HeadBucketOutput { bucket_region: Some(REGION.to_owned()), ..Default::default() }))
    }

    async fn put_object(&self, request: S3Request<dto::PutObjectInput>) -> Answer<dto::PutObjectOutput> {
        let cause = cause("ObjectCreated:Put", &request);
        let S3Request { input, headers, trailing_headers, .. } = request;
        self.0.bucket_exists(&input.bucket)?;
        let draft = receive(input.body, &headers, trailing_headers, &self.0.temporary()).await?;
        let checksum = draft.checksum.to_map();
        let object = self.0.put(
            &input.bucket,
            &input.key,
            draft,
            &Conditions::new(input.if_match, input.if_none_match),
            &cause,
        )?;
        let output = dto::PutObjectOutput { e_tag: Some(object.etag()), ..Default::default() };
        Ok(S3Response::with_headers(output, checksum))
    }

    async fn get_object(&self, request: S3Request<dto::GetObjectInput>) -> Answer<dto::GetObjectOutput> {
        let input = request.input;
        part_or_version(input.part_number, input.version_id.as_deref())?;
        let (object, file) = self.0.get(&input.bucket, &input.key)?;
        Conditions::new(input.if_match, input.if_none_match).check_read(&object)?;
        let is_part = input.range.is_some();
        let bytes = bytes(&object, input.range)?;
        let length = bytes.end - bytes.start;
        let output = dto::GetObjectOutput {
            body: Some(body::stream(file, &bytes)?),
            content_length: i64::try_from(length).ok(),
            content_range: is_part.then(|| format!("bytes {}-{}/{}", bytes.start, bytes.end - 1, object.size)),
            accept_ranges: Some("bytes".to_owned()),
            e_tag: Some(object.etag()),
            last_modified: Some(object.last_modified()),
            ..Default::default()
        };
        let headers = described(&object, input.checksum_mode.as_ref(), length == object.size);
        Ok(S3Response::with_headers(output, headers))
    }

    async fn head_object(&self, request: S3Request<dto::HeadObjectInput>) -> Answer<dto::HeadObjectOutput> {
        let input = request.input;
        part_or_version(input.part_number, input.version_id.as_deref())?;
        let (object, _) = self.0.get(&input.bucket, &input.key)?;
        Conditions::new(input.if_match, input.if_none_match).check_read(&object)?;
        let output = dto::HeadObjectOutput {
            content_length: Some(object.length()),
            accept_ranges: Some("bytes".to_owned()),
            e_tag: Some(object.etag()),
            last_modified: Some(object.last_modified()),
            ..Default::default()
        };
        Ok(S3Response::with_headers(output, described(&object, input.checksum_mode.as_ref(), true)))
    }

    async fn delete_object(&self, request: S3Request<dto::DeleteObjectInput>) -> Answer<dto::DeleteObjectOutput> {
        let cause = cause("ObjectRemoved:Delete", &request);
        let input = request.input;
        part_or_version(None, input.version_id.as_deref())?;
        let conditions = Conditions::new(input.if_match, None);
        self.0.delete(&input.bucket, &input.key, &conditions, &cause)?;
        Ok(S3Response::new(dto::DeleteObjectOutput::default()))
    }

    async fn copy_object(&self, request: S3Request<dto::CopyObjectInput>) -> Answer<dto::CopyObjectOutput> {
        let cause = cause("ObjectCreated:Copy", &request);
        let S3Request { input, headers, .. } = request;
        self.0.bucket_exists(&input.bucket)?;
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
        let conditions = Conditions::new(input.copy_source_if_match, input.copy_source_if_none_match);
        let (copied, source) = self.fetch(&input.copy_source, &conditions, None).await?;
        let headers = if replace { Headers::kept(&headers) } else { source.headers.clone() };
        let draft = Draft { headers, checksum: source.checksum.clone(), ..copied };
        let object = self.0.put(&input.bucket, &input.key, draft, &Conditions::default(), &cause)?;
        let result = dto::CopyObjectResult {
            e_tag: Some(object.etag()),
            last_modified: Some(object.last_modified()),
            ..Default::default()
        };
        Ok(S3Response::new(dto::CopyObjectOutput { copy_object_result: Some(result), ..Default::default() }))
    }

    async fn list_objects_v2(&self, request: S3Request<dto::ListObjectsV2Input>) -> Answer<dto::ListObjectsV2Output> {
        let bucket = request.input.bucket.clone();
        Ok(S3Response::new(self.0.read(&bucket, |objects| list(objects, request.input))?))
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<dto::CreateMultipartUploadInput>,
    ) -> Answer<dto::CreateMultipartUploadOutput> {
        let dto::CreateMultipartUploadInput { bucket, key, .. } = request.input;
        self.0.bucket_exists(&bucket)?;
        let id = crate::http::new_id();
        let upload = Upload { bucket, key, headers: Headers::kept(&request.headers) };
        Folder::create(&self.0.uploads(), &id, &upload).map_err(S3Error::internal_error)?;
        Ok(S3Response::new(dto::CreateMultipartUploadOutput {
            bucket: Some(upload.bucket),
            key: Some(upload.key),
            upload_id: Some(id),
            ..Default::default()
        }))
    }

    async fn upload_part(&self, request: S3Request<dto::UploadPartInput>) -> Answer<dto::UploadPartOutput> {
        let S3Request { input, headers, trailing_headers, .. } = request;
        check_number(input.part_number)?;
        let (folder, _) = Folder::open(&self.0.uploads(), &input.upload_id, &input.bucket, &input.key)?;
        let part = receive(input.body, &headers, trailing_headers, &self.0.temporary()).await?;
        let e_tag = Some(dto::ETag::Strong(part.etag.clone()));
        let checksum = part.checksum.to_map();
        folder.put(input.part_number, part)?;
        Ok(S3Response::with_headers(dto::UploadPartOutput { e_tag, ..Default::default() }, checksum))
    }

    async fn upload_part_copy(
        &self,
        request: S3Request<dto::UploadPartCopyInput>,
    ) -> Answer<dto::UploadPartCopyOutput> {
        let input = request.input;
        check_number(input.part_number)?;
        let (folder, _) = Folder::open(&self.0.uploads(), &input.upload_id, &input.bucket, &input.key)?;
        let conditions = Conditions::new(input.copy_source_if_match, input.copy_source_if_none_match);
        let (part, _) = self.fetch(&input.copy_source, &conditions, input.copy_source_range.as_deref()).await?;
        let result = dto::CopyPartResult {
            e_tag: Some(dto::ETag::Strong(part.etag.clone())),
            last_modified: Some(std::time::SystemTime::now().into()),
            ..Default::default()
        };
        folder.put(input.part_number, part)?;
        Ok(S3Response::new(dto::UploadPartCopyOutput { copy_part_result: Some(result), ..Default::default() }))
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<dto::CompleteMultipartUploadInput>,
    ) -> Answer<dto::CompleteMultipartUploadOutput> {
        let cause = cause("ObjectCreated:CompleteMultipartUpload", &request);
        let input = request.input;
        let (folder, upload) = Folder::open(&self.0.uploads(), &input.upload_id, &input.bucket, &input.key)?;
        let folder = folder.claim()?;
        let named = input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
        let conditions = Conditions::new(input.if_match, input.if_none_match);
        let (store, location) = (Arc::clone(&self.0), format!("/{}/{}", upload.bucket, upload.key));
        // The parts may be gigabytes.
        let joining = spawn_blocking(move || {
            let Upload { bucket, key, headers } = upload;
            let joined = folder.join(&named, headers, &store.temporary());
            let done = joined.and_then(|draft| store.put(&bucket, &key, draft, &conditions, &cause));
            match done {
                Ok(_) => folder.remove()?,
                Err(_) => folder.release(),
            }
            done
        });
        let object = joining.await.map_err(S3Error::internal_error)??;
        Ok(S3Response::new(dto::CompleteMultipartUploadOutput {
            location: Some(location),
            bucket: Some(input.bucket),
            key: Some(input.key),
            e_tag: Some(object.etag()),
            ..Default::default()
        }))
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<dto::AbortMultipartUploadInput>,
    ) -> Answer<dto::AbortMultipartUploadOutput> {
        let input = request.input;
        let (folder, _) = Folder::open(&self.0.uploads(), &input.upload_id, &input.bucket, &input.key)?;
        folder.remove()?;
        Ok(S3Response::new(dto::AbortMultipartUploadOutput::default()))
    }
}

//! Objects and buckets, without concurrency.

use aws_sdk_s3::{
    Client,
    config::Credentials,
    primitives::{ByteStream, DateTime},
    types::{ChecksumMode, MetadataDirective},
};

use crate::common::{BUCKET, Fixture, files, raw, refusal};

const HELLO: &str = "\"5d41402abc4b2a76b9719d911017c592\"";

#[tokio::test]
async fn an_object_comes_back_with_all_that_was_said_of_it() {
    let s3 = Fixture::start().await;
    let put = s3.client.put_object().bucket(BUCKET).key("uploads/a.jpg").body(ByteStream::from_static(b"hello"));
    let put = put.content_type("image/jpeg").cache_control("no-cache").content_language("de").metadata("Source", "x-1");
    let put = put
        .content_disposition("inline")
        .content_encoding("gzip")
        .expires(DateTime::from_secs(1_900_000_000))
        .send()
        .await;
    assert_eq!(put.unwrap().e_tag(), Some(HELLO));

    let got = s3.client.get_object().bucket(BUCKET).key("uploads/a.jpg").send().await.unwrap();
    assert_eq!(got.content_type(), Some("image/jpeg"));
    assert_eq!(got.cache_control(), Some("no-cache"));
    assert_eq!(got.content_language(), Some("de"));
    assert_eq!(got.content_disposition(), Some("inline"));
    assert_eq!(got.content_encoding(), Some("gzip"));
    assert_eq!(got.expires_string(), Some("Sun, 17 Mar 2030 17:46:40 GMT"));
    assert_eq!(got.metadata().unwrap()["source"], "x-1");
    assert_eq!(got.content_length(), Some(5));
    assert_eq!(got.e_tag(), Some(HELLO));
    let modified = got.last_modified().unwrap().secs();
    assert_eq!(got.body.collect().await.unwrap().to_vec(), b"hello");

    let head = s3.client.head_object().bucket(BUCKET).key("uploads/a.jpg").send().await.unwrap();
    assert_eq!(head.content_type(), Some("image/jpeg"));
    assert_eq!(head.metadata().unwrap()["source"], "x-1");
    assert_eq!(head.content_length(), Some(5));
    assert_eq!(head.last_modified().unwrap().secs(), modified);

    assert_eq!(std::fs::read(s3.file("uploads/a.jpg")).unwrap(), b"hello");
}

#[tokio::test]
async fn an_object_without_a_type_gets_the_default() {
    let s3 = Fixture::start().await;
    // Unlike the SDK, this request has no content type.
    raw(&s3.server, "PUT", &format!("/{BUCKET}/a"), "").await;
    let head = s3.client.head_object().bucket(BUCKET).key("a").send().await.unwrap();
    assert_eq!(head.content_type(), Some("binary/octet-stream"));
    assert_eq!(head.content_length(), Some(0));
    assert_eq!(s3.get("a").await, b"");
}

#[tokio::test]
async fn what_is_missing_has_its_own_code() {
    let s3 = Fixture::start().await;
    let object = |bucket: &str| s3.client.get_object().bucket(bucket).key("none").send();
    assert_eq!(refusal(object(BUCKET).await), (404, "NoSuchKey".into()));
    assert_eq!(refusal(object("no-such-bucket").await), (404, "NoSuchBucket".into()));
    let put = s3.client.put_object().bucket("no-such-bucket").key("a").send().await;
    assert_eq!(refusal(put), (404, "NoSuchBucket".into()));
    let listed = s3.client.list_objects_v2().bucket("no-such-bucket").send().await;
    assert_eq!(refusal(listed), (404, "NoSuchBucket".into()));
    let deleted = s3.client.delete_object().bucket("no-such-bucket").key("a").send().await;
    assert_eq!(refusal(deleted), (404, "NoSuchBucket".into()));
    let head = s3.client.head_object().bucket(BUCKET).key("none").send().await;
    assert_eq!(refusal(head), (404, "NotFound".into()));
    s3.delete("none").await; // 204, as S3 answers
}

#[tokio::test]
async fn ranges() {
    let s3 = Fixture::start().await;
    s3.put("a", "0123456789").await;
    for (range, expected, content_range) in [
        ("bytes=0-3", "0123", "bytes 0-3/10"),
        ("bytes=7-", "789", "bytes 7-9/10"),
        ("bytes=-2", "89", "bytes 8-9/10"),
        ("bytes=8-100", "89", "bytes 8-9/10"),
    ] {
        let got = s3.client.get_object().bucket(BUCKET).key("a").range(range).send().await.unwrap();
        assert_eq!(got.content_range(), Some(content_range));
        assert_eq!(got.body.collect().await.unwrap().to_vec(), expected.as_bytes());
    }
    s3.put("empty", "").await;
    for (key, range) in [("a", "bytes=10-"), ("empty", "bytes=0-"), ("empty", "bytes=-1")] {
        let got = s3.client.get_object().bucket(BUCKET).key(key).range(range).send().await;
        assert_eq!(refusal(got), (416, "InvalidRange".into()), "{key} {range}");
    }
}

#[tokio::test]
async fn conditional_reads() {
    let s3 = Fixture::start().await;
    let etag = s3.put("a", "hello").await;
    let get = || s3.client.get_object().bucket(BUCKET).key("a");
    assert!(get().if_match(&etag).send().await.is_ok());
    assert_eq!(refusal(get().if_match("\"other\"").send().await), (412, "PreconditionFailed".into()));
    assert!(get().if_none_match("\"other\"").send().await.is_ok());
    assert_eq!(refusal(get().if_none_match(&etag).send().await).0, 304);
}

#[tokio::test]
async fn conditional_writes() {
    let s3 = Fixture::start().await;
    let put = |body: &'static [u8]| s3.client.put_object().bucket(BUCKET).key("a").body(ByteStream::from_static(body));
    assert_eq!(refusal(put(b"0").if_match("\"x\"").send().await), (404, "NoSuchKey".into()));
    assert!(put(b"1").if_none_match("*").send().await.is_ok());
    assert_eq!(refusal(put(b"2").if_none_match("*").send().await), (412, "PreconditionFailed".into()));
    assert_eq!(refusal(put(b"2").if_match("\"x\"").send().await), (412, "PreconditionFailed".into()));
    let etag = "\"c4ca4238a0b923820dcc509a6f75849b\"";
    assert!(put(b"2").if_match(etag).send().await.is_ok());
    assert_eq!(s3.get("a").await, b"2");
    let delete = s3.client.delete_object().bucket(BUCKET).key("a").if_match(etag).send().await;
    assert_eq!(refusal(delete), (412, "PreconditionFailed".into()));
    assert_eq!(s3.told().len(), 2, "a refused change tells no event");
}

#[tokio::test]
async fn bodies_are_checked() {
    let s3 = Fixture::start().await;
    let put = || s3.client.put_object().bucket(BUCKET).key("a").body(ByteStream::from_static(b"hello"));
    assert!(put().content_md5("XUFAKrxLKna5cZ2REBfFkg==").send().await.is_ok());
    for (put, code) in [
        (put().content_md5("XUFAKrxLKna5cZ2REBfFkA=="), "BadDigest"),
        (put().content_md5("nonsense"), "InvalidDigest"),
        (put().checksum_crc32("AAAAAA=="), "BadDigest"),
        (put().checksum_sha256("AAAA"), "BadDigest"),
    ] {
        assert_eq!(refusal(put.send().await), (400, code.into()));
    }
    assert_eq!(files(&s3.root().join(".s3/tmp")).len(), 0, "nothing is left of a refused body");
}

#[tokio::test]
async fn a_checksum_after_the_body_is_checked_and_kept() {
    let s3 = Fixture::start().await;
    let path = s3.folder.path().join("body");
    std::fs::write(&path, vec![7; 300_000]).unwrap();
    let body = ByteStream::from_path(&path).await.unwrap(); // sent aws-chunked, with a trailing CRC
    let put = s3.client.put_object().bucket(BUCKET).key("a").body(body).send().await.unwrap();
    assert!(put.checksum_crc32().is_some());
    let got = s3.client.get_object().bucket(BUCKET).key("a").checksum_mode(ChecksumMode::Enabled).send().await.unwrap();
    assert_eq!(got.checksum_crc32(), put.checksum_crc32());
    assert_eq!(got.content_encoding(), None, "aws-chunked is the transfer's encoding");
    assert_eq!(got.body.collect().await.unwrap().to_vec(), vec![7; 300_000]);
}

#[tokio::test]
async fn copies() {
    let s3 = Fixture::start().await;
    let put = s3.client.put_object().bucket(BUCKET).key("a b+c/é.jpg").body(ByteStream::from_static(b"hello"));
    put.content_type("image/jpeg").metadata("k", "v").send().await.unwrap();
    let source = format!("{BUCKET}/a%20b%2Bc/%C3%A9.jpg");
    let copy = || s3.client.copy_object().bucket(BUCKET).key("copy").copy_source(&source);

    let copied = copy().send().await.unwrap();
    assert_eq!(copied.copy_object_result().unwrap().e_tag(), Some(HELLO));
    let head = s3.client.head_object().bucket(BUCKET).key("copy").send().await.unwrap();
    assert_eq!((head.content_type(), head.metadata().unwrap()["k"].as_str()), (Some("image/jpeg"), "v"));

    copy().metadata_directive(MetadataDirective::Replace).content_type("x/y").send().await.unwrap();
    let head = s3.client.head_object().bucket(BUCKET).key("copy").send().await.unwrap();
    assert_eq!((head.content_type(), head.metadata().unwrap().len()), (Some("x/y"), 0));
    assert_eq!(s3.get("copy").await, b"hello");

    assert_eq!(refusal(copy().copy_source_if_match("\"x\"").send().await), (412, "PreconditionFailed".into()));
    assert_eq!(refusal(copy().copy_source_if_none_match(HELLO).send().await), (412, "PreconditionFailed".into()));
    let none = s3.client.copy_object().bucket(BUCKET).key("b").copy_source(format!("{BUCKET}/none")).send().await;
    assert_eq!(refusal(none), (404, "NoSuchKey".into()));

    let onto_itself = || s3.client.copy_object().bucket(BUCKET).key("copy").copy_source(format!("{BUCKET}/copy"));
    assert_eq!(refusal(onto_itself().send().await), (400, "InvalidRequest".into()));
    onto_itself().metadata_directive(MetadataDirective::Replace).metadata("n", "1").send().await.unwrap();
    assert_eq!(s3.get("copy").await, b"hello");
}

#[tokio::test]
async fn what_is_deleted_leaves_nothing() {
    let s3 = Fixture::start().await;
    for key in ["a", "b/c", "d"] {
        s3.put(key, key).await;
    }
    for key in ["a", "b/c", "none"] {
        s3.delete(key).await;
    }
    assert_eq!(s3.keys().await, ["d"]);
    assert!(!s3.file("b").exists(), "an empty folder goes with its last object");
    let removals =
        s3.told().iter().filter(|told| told.event["Records"][0]["eventName"] == "ObjectRemoved:Delete").count();
    assert_eq!(removals, 2, "what was not there tells no event");
}

#[tokio::test]
async fn operations_that_nobody_needs_are_refused() {
    let s3 = Fixture::start().await;
    assert_eq!(refusal(s3.client.list_objects().bucket(BUCKET).send().await), (501, "NotImplemented".into()));
}

#[tokio::test]
async fn buckets() {
    let s3 = Fixture::start().await;
    s3.client.create_bucket().bucket("second-bucket").send().await.unwrap();
    let again = s3.client.create_bucket().bucket("second-bucket").send().await;
    assert_eq!(refusal(again), (409, "BucketAlreadyOwnedByYou".into()));
    let listed = s3.client.list_buckets().send().await.unwrap();
    let names: Vec<_> = listed.buckets().iter().filter_map(|bucket| bucket.name()).collect();
    assert_eq!(names, [BUCKET, "second-bucket"]);
    s3.client.head_bucket().bucket("second-bucket").send().await.unwrap();
    assert_eq!(refusal(s3.client.head_bucket().bucket("no-such-bucket").send().await).0, 404);

    s3.put("a", "x").await;
    assert_eq!(refusal(s3.client.delete_bucket().bucket(BUCKET).send().await), (409, "BucketNotEmpty".into()));
    s3.client.delete_bucket().bucket("second-bucket").send().await.unwrap();
    assert_eq!(refusal(s3.client.head_bucket().bucket("second-bucket").send().await).0, 404);
}

#[tokio::test]
async fn another_secret_is_refused() {
    let s3 = Fixture::start().await;
    let with = |access_key: &str, secret_key: &str| {
        let credentials = Credentials::new(access_key, secret_key, None, None, "test");
        let config = s3.client.config().to_builder().credentials_provider(credentials);
        Client::from_conf(config.build()).get_object().bucket(BUCKET).key("a").send()
    };
    assert_eq!(refusal(with("local", "other").await), (403, "SignatureDoesNotMatch".into()));
    assert_eq!(refusal(with("other", "local").await), (403, "InvalidAccessKeyId".into()));
}

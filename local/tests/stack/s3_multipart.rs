//! Multipart uploads.

use aws_sdk_s3::{
    primitives::ByteStream,
    types::{CompletedMultipartUpload, CompletedPart},
};

use crate::common::{BUCKET, Fixture, files, refusal};

const PART: usize = 5 * 1024 * 1024;

async fn create(s3: &Fixture, key: &str) -> String {
    let upload =
        s3.client.create_multipart_upload().bucket(BUCKET).key(key).content_type("image/png").metadata("k", "v");
    upload.send().await.unwrap().upload_id().unwrap().to_owned()
}

async fn part(s3: &Fixture, key: &str, id: &str, number: i32, body: Vec<u8>) -> CompletedPart {
    let part = s3.client.upload_part().bucket(BUCKET).key(key).upload_id(id).part_number(number);
    let etag = part.body(ByteStream::from(body)).send().await.unwrap().e_tag().unwrap().to_owned();
    CompletedPart::builder().part_number(number).e_tag(etag).build()
}

macro_rules! complete {
    ($s3:expr, $key:expr, $id:expr, $parts:expr) => {{
        let parts = CompletedMultipartUpload::builder().set_parts(Some($parts)).build();
        $s3.client
            .complete_multipart_upload()
            .bucket(BUCKET)
            .key($key)
            .upload_id($id)
            .multipart_upload(parts)
            .send()
            .await
    }};
}

#[tokio::test]
async fn parts_become_one_object_with_s3s_etag() {
    let s3 = Fixture::start().await;
    let id = create(&s3, "big").await;
    let last = part(&s3, "big", &id, 7, b"end".to_vec()).await;
    part(&s3, "big", &id, 2, b"replaced".to_vec()).await;
    let first = part(&s3, "big", &id, 2, vec![1; PART]).await;

    assert_eq!(s3.keys().await, [""; 0], "not an object before it is complete");

    let done = complete!(s3, "big", &id, vec![first, last]).unwrap();
    // MD5 of the parts' MD5s, by an independent tool.
    assert_eq!(done.e_tag(), Some("\"1895fd3f1fa1af269610f12d13feb801-2\""));
    let mut whole = vec![1; PART];
    whole.extend(b"end");
    assert_eq!(s3.get("big").await, whole);
    let head = s3.client.head_object().bucket(BUCKET).key("big").send().await.unwrap();
    assert_eq!((head.content_type(), head.metadata().unwrap()["k"].as_str()), (Some("image/png"), "v"));
    assert_eq!(files(&s3.root().join(".s3/uploads")).len(), 0);

    let told = s3.told();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].event["Records"][0]["eventName"], "ObjectCreated:CompleteMultipartUpload");
    assert_eq!(told[0].event["Records"][0]["s3"]["object"]["eTag"], "1895fd3f1fa1af269610f12d13feb801-2");

    assert_eq!(refusal(complete!(s3, "big", &id, vec![])), (404, "NoSuchUpload".into()));
}

#[tokio::test]
async fn a_wrong_completion_can_be_mended() {
    let s3 = Fixture::start().await;
    let id = create(&s3, "k").await;
    let small = part(&s3, "k", &id, 1, b"small".to_vec()).await;
    let second = part(&s3, "k", &id, 2, b"second".to_vec()).await;
    let wrong = CompletedPart::builder().part_number(1).e_tag("\"x\"").build();
    let absent = CompletedPart::builder().part_number(3).e_tag("\"x\"").build();
    for (parts, code) in [
        (vec![wrong], "InvalidPart"),
        (vec![second.clone(), absent], "InvalidPart"),
        (vec![second.clone(), small.clone()], "InvalidPartOrder"),
        (vec![small.clone(), second.clone()], "EntityTooSmall"),
        (vec![], "MalformedXML"),
    ] {
        assert_eq!(refusal(complete!(s3, "k", &id, parts)), (400, code.into()));
    }
    assert_eq!(refusal(complete!(s3, "other", &id, vec![small.clone()])), (404, "NoSuchUpload".into()));
    complete!(s3, "k", &id, vec![small]).unwrap();
    assert_eq!(s3.get("k").await, b"small");
}

#[tokio::test]
async fn aborted_uploads_leave_nothing() {
    let s3 = Fixture::start().await;
    let id = create(&s3, "k").await;
    part(&s3, "k", &id, 1, b"x".to_vec()).await;
    s3.client.abort_multipart_upload().bucket(BUCKET).key("k").upload_id(&id).send().await.unwrap();
    let upload = || s3.client.upload_part().bucket(BUCKET).key("k").part_number(1);
    assert_eq!(refusal(upload().upload_id(&id).send().await), (404, "NoSuchUpload".into()));
    assert_eq!(refusal(upload().upload_id("../../x").send().await), (404, "NoSuchUpload".into()));
    assert_eq!(refusal(upload().upload_id(&id).part_number(10_001).send().await), (400, "InvalidArgument".into()));
    assert_eq!(files(&s3.root()).len(), 0);
    assert_eq!(s3.told(), []);
}

#[tokio::test]
async fn parts_can_be_copied_and_uploads_outlive_a_restart() {
    let s3 = Fixture::start().await;
    s3.put("source", "0123456789").await;
    let id = create(&s3, "k").await;
    let s3 = s3.restart().await;
    let copy = s3.client.upload_part_copy().bucket(BUCKET).key("k").upload_id(&id).part_number(1);
    let copy = copy.copy_source(format!("{BUCKET}/source")).copy_source_range("bytes=2-5").send().await.unwrap();
    let etag = copy.copy_part_result().unwrap().e_tag().unwrap();
    let part = CompletedPart::builder().part_number(1).e_tag(etag).build();
    complete!(s3, "k", &id, vec![part]).unwrap();
    assert_eq!(s3.get("k").await, b"2345");
}

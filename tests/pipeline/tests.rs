//! The pipeline's guarantees, with a test for each.

use std::{fs, future::Future, pin::Pin, sync::Arc, time::Duration};

use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use image::{ImageFormat, RgbImage};
use local::faults::Faults;
use pipeline_tests::{as_stored, encode, jpeg_with_orientation, other_picture, picture};
use serde_json::{Value, json};

use crate::{
    rendezvous::Rendezvous,
    stack::{BUCKET, Pipeline, SIZES, result},
};

/// A test, which has the pipeline to itself.
pub(crate) type Test = fn(Arc<Pipeline>) -> Pin<Box<dyn Future<Output = ()>>>;

/// Every test of this file, by name.
pub(crate) fn all() -> Vec<(&'static str, Test)> {
    macro_rules! tests {
        ($($name:ident),* $(,)?) => { vec![$((stringify!($name), |pipeline| Box::pin($name(pipeline)))),*] };
    }
    tests![
        put,
        overwrite,
        delete,
        copy,
        multipart_put,
        every_format,
        photos_are_upright,
        odd_keys,
        two_uploads_at_once,
        text_named_jpg,
        objects_under_thumbnails,
        two_processors_on_one_key,
        what_cannot_be_done_is_kept_with_its_error,
    ]
}

async fn put(pipeline: Arc<Pipeline>) {
    let source = picture(1200, 800);
    let key = "uploads/put.jpg";
    let file = encode(&source, ImageFormat::Jpeg);
    let invocations = pipeline.invocations("image-processor", pipeline.put(key, file)).await;
    pipeline.shows(key, ImageFormat::Jpeg, &source).await;

    assert_eq!(invocations.len(), 1);
    let told = result(&invocations[0])["thumbnails"].as_array().unwrap().iter();
    let told: Vec<_> = told.map(|thumbnail| thumbnail["key"].as_str().unwrap().to_owned()).collect();
    assert_eq!(told, SIZES.map(|size| format!("thumbnails/{size}/{key}")));

    let source_etag = pipeline.head(key).await.unwrap().e_tag.unwrap();
    let head = pipeline.head(&told[0]).await.unwrap();
    assert_eq!(head.content_type.as_deref(), Some("image/jpeg"));
    assert_eq!(head.cache_control.as_deref(), Some("public, max-age=0, must-revalidate"));
    assert_eq!(head.metadata.unwrap()["source-etag"], source_etag.trim_matches('"'));
}

async fn overwrite(pipeline: Arc<Pipeline>) {
    let (older, newer) = (picture(640, 480), other_picture(600, 600));
    pipeline.put("uploads/overwritten.jpg", encode(&older, ImageFormat::Jpeg)).await;
    pipeline.shows("uploads/overwritten.jpg", ImageFormat::Jpeg, &older).await;
    pipeline.put("uploads/overwritten.jpg", encode(&newer, ImageFormat::Png)).await;
    pipeline.shows("uploads/overwritten.jpg", ImageFormat::Png, &newer).await;
}

async fn delete(pipeline: Arc<Pipeline>) {
    let source = picture(640, 480);
    pipeline.put("uploads/deleted.png", encode(&source, ImageFormat::Png)).await;
    pipeline.shows("uploads/deleted.png", ImageFormat::Png, &source).await;
    pipeline.delete("uploads/deleted.png").await;
    pipeline.shows_nothing("uploads/deleted.png").await;
}

async fn copy(pipeline: Arc<Pipeline>) {
    let source = picture(640, 480);
    pipeline.put("elsewhere/original.png", encode(&source, ImageFormat::Png)).await;
    let copy = pipeline.client.copy_object().bucket(BUCKET).key("uploads/copied.png");
    copy.copy_source(format!("{BUCKET}/elsewhere/original.png")).send().await.unwrap();
    pipeline.shows("uploads/copied.png", ImageFormat::Png, &source).await;
    pipeline.shows_nothing("elsewhere/original.png").await;
}

async fn multipart_put(pipeline: Arc<Pipeline>) {
    let source = grainy(picture(2400, 1800));
    let file = encode(&source, ImageFormat::Png);
    let part_size = 5 << 20;
    assert!(file.len() > part_size, "one part is no multipart upload");

    let (client, key) = (&pipeline.client, "uploads/in parts.png");
    let upload = client.create_multipart_upload().bucket(BUCKET).key(key).send().await.unwrap().upload_id.unwrap();
    let mut completed = CompletedMultipartUpload::builder();
    for (number, part) in (1..).zip(file.chunks(part_size)) {
        let request = client.upload_part().bucket(BUCKET).key(key).upload_id(&upload).part_number(number);
        let etag = request.body(part.to_vec().into()).send().await.unwrap().e_tag.unwrap();
        completed = completed.parts(CompletedPart::builder().part_number(number).e_tag(etag).build());
    }
    pipeline.shows_nothing(key).await;
    let request = client.complete_multipart_upload().bucket(BUCKET).key(key).upload_id(upload);
    request.multipart_upload(completed.build()).send().await.unwrap();
    pipeline.shows(key, ImageFormat::Png, &source).await;
}

async fn every_format(pipeline: Arc<Pipeline>) {
    let source = picture(640, 480);
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif] {
        let key = format!("uploads/format.{}", format.extensions_str()[0]);
        pipeline.put(&key, encode(&source, format)).await;
        pipeline.shows(&key, format, &source).await;
    }
}

async fn photos_are_upright(pipeline: Arc<Pipeline>) {
    let upright = picture(900, 600);
    for orientation in 1..=8 {
        let key = format!("uploads/orientation {orientation}.jpg");
        pipeline.put(&key, jpeg_with_orientation(&as_stored(&upright, orientation), orientation)).await;
        pipeline.shows(&key, ImageFormat::Jpeg, &upright).await;
    }
}

async fn odd_keys(pipeline: Arc<Pipeline>) {
    let source = picture(640, 480);
    for name in [
        "a space.jpg",
        "1+1=2.jpg",
        "100%.jpg",
        "100%25.jpg",
        "%2B.jpg",
        "été.jpg",
        "日本/写真.jpg",
        "a&b#c?d.jpg",
        "it's (1), ~!@$*;:.jpg",
        "no extension",
    ] {
        let key = format!("uploads/{name}");
        pipeline.put(&key, encode(&source, ImageFormat::Jpeg)).await;
        pipeline.shows(&key, ImageFormat::Jpeg, &source).await;
        pipeline.delete(&key).await;
        pipeline.shows_nothing(&key).await;
    }
}

async fn two_uploads_at_once(pipeline: Arc<Pipeline>) {
    let (one, other) = (picture(800, 600), other_picture(600, 800));
    tokio::join!(
        pipeline.put("uploads/at once/one.jpg", encode(&one, ImageFormat::Jpeg)),
        pipeline.put("uploads/at once/other.png", encode(&other, ImageFormat::Png)),
    );
    pipeline.shows("uploads/at once/one.jpg", ImageFormat::Jpeg, &one).await;
    pipeline.shows("uploads/at once/other.png", ImageFormat::Png, &other).await;
}

async fn text_named_jpg(pipeline: Arc<Pipeline>) {
    let put = pipeline.put("uploads/text.jpg", b"This is no picture.".to_vec());
    let invocations = pipeline.invocations("image-processor", put).await;
    assert_eq!(invocations.len(), 1);
    assert_eq!(invocations[0].attempts, 1, "no retry can help");
    let result = result(&invocations[0]);
    assert_eq!((&result["outcome"], &result["reason"]), (&json!("rejected"), &json!("unsupported-format")));
    pipeline.shows_nothing("uploads/text.jpg").await;
}

/// No thumbnails are made of thumbnails, even if a bucket with a wrong filter sends events of them.
async fn objects_under_thumbnails(pipeline: Arc<Pipeline>) {
    let key = "thumbnails/100/uploads/loop.jpg";
    let mut event: Value = serde_json::from_str(include_str!("../../upload-handler/tests/events/put.json")).unwrap();
    event["Records"][0]["s3"]["object"]["key"] = json!(key);
    let act = async {
        pipeline.put(key, encode(&picture(640, 480), ImageFormat::Jpeg)).await;
        pipeline.stack.lambda.events().send("upload-handler", event);
    };
    let invocations = pipeline.invocations("upload-handler", act).await;
    assert_eq!(invocations.len(), 1);
    assert_eq!(result(&invocations[0])["skipped"][0]["reason"], "inside-thumbnails");
    pipeline.shows_nothing(key).await;

    let job = json!({"bucket": BUCKET, "key": key});
    let act = async {
        pipeline.stack.lambda.events().send("image-processor", job);
    };
    let invocations = pipeline.invocations("image-processor", act).await;
    assert_eq!(result(&invocations[0])["outcome"], "refused");
    pipeline.shows_nothing(key).await;
}

/// Two processors read the source at the same time, and the thumbnails are those of the newer one all the same.
async fn two_processors_on_one_key(pipeline: Arc<Pipeline>) {
    let (older, newer) = (picture(1600, 1200), other_picture(1200, 1600));
    let key = "uploads/contested.jpg";
    let meeting = Arc::new(Rendezvous::new(key, 2, Duration::from_secs(30)));
    pipeline.stack.s3.inject(Some(Arc::clone(&meeting) as Arc<dyn Faults>));
    let act = async {
        pipeline.put(key, encode(&older, ImageFormat::Jpeg)).await;
        pipeline.put(key, encode(&newer, ImageFormat::Jpeg)).await;
    };
    let invocations = pipeline.invocations("image-processor", act).await;
    pipeline.stack.s3.inject(None);

    assert_eq!(invocations.len(), 2);
    assert!(meeting.met(), "no two processors overlapped: is there only one process of the function?");
    pipeline.shows(key, ImageFormat::Jpeg, &newer).await;
}

async fn what_cannot_be_done_is_kept_with_its_error(pipeline: Arc<Pipeline>) {
    let job = json!({"bucket": "no-such-bucket", "key": "uploads/a.jpg"});
    let act = async {
        pipeline.stack.lambda.events().send("image-processor", job.clone());
    };
    let invocations = pipeline.invocations("image-processor", act).await;
    assert_eq!(invocations[0].attempts, 3);
    let record = fs::read_to_string(invocations[0].failure.as_ref().expect("a failure record")).unwrap();
    let record: Value = serde_json::from_str(&record).unwrap();
    assert_eq!(record["requestPayload"], job);
    assert_eq!(record["requestContext"]["condition"], "RetriesExhausted");
    assert_eq!(record["responsePayload"]["errorType"], "NoSuchBucket");
}

/// The same picture with noise that no compression removes.
fn grainy(mut picture: RgbImage) -> RgbImage {
    let mut state = 1_u32;
    for sample in picture.iter_mut() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *sample = sample.saturating_add(u8::try_from(state >> 27).unwrap_or_default());
    }
    picture
}

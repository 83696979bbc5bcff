//! Checks the bucket after jobs, for every kind of source and job.

use image::{ImageFormat, RgbImage};
use pipeline_tests::{as_stored, assert_shows, encode, jpeg_with_orientation, other_picture, picture};
use serde_json::{Value, json};

use crate::{
    pipeline::{BUCKET, Pipeline, SIZES, height_at, invoke, now},
    watch::Watch,
};

#[tokio::test]
async fn an_image_gets_every_thumbnail() {
    let pipeline = Pipeline::new(&[]).await;
    let source = picture(1200, 800);
    let file = encode(&source, ImageFormat::Jpeg);
    let etag = pipeline.put("uploads/cat.jpg", &file).await.e_tag.unwrap();
    let etag = etag.trim_matches('"');

    let answer = pipeline.invoke(json!({"bucket": BUCKET, "key": "uploads/cat.jpg"})).await.unwrap();

    for size in SIZES {
        let thumbnail = pipeline.thumbnail(size, "uploads/cat.jpg").await.unwrap();
        assert_shows(&thumbnail, ImageFormat::Jpeg, (size, height_at(size, &source)), &source);
        let head = pipeline.head(&format!("thumbnails/{size}/uploads/cat.jpg")).await.unwrap();
        assert_eq!(head.content_type.as_deref(), Some("image/jpeg"));
        assert_eq!(head.cache_control.as_deref(), Some("public, max-age=0, must-revalidate"));
        let metadata = head.metadata.unwrap();
        assert_eq!(metadata["source-etag"], etag);
        assert_eq!((&*metadata["source-width"], &*metadata["source-height"]), ("1200", "800"));
        assert_eq!(metadata["thumbhash"], answer["result"]["source"]["placeholder"].as_str().unwrap());
    }

    assert_eq!(answer["statusCode"], 200);
    let result = &answer["result"];
    // Compares all but the times, which a JSON parser may round.
    let mut body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    body["milliseconds"] = result["milliseconds"].clone();
    assert_eq!(body, *result);
    assert_eq!(result["outcome"], "made");
    assert_eq!((&result["bucket"], &result["key"]), (&json!(BUCKET), &json!("uploads/cat.jpg")));
    let mut facts = result["source"].clone();
    let mut text = |name: &str| facts.as_object_mut().unwrap().remove(name).unwrap().as_str().unwrap().to_owned();
    let (colour, placeholder) = (text("colour"), text("placeholder"));
    assert!(colour.len() == 7 && colour.starts_with('#'), "{colour}");
    assert!((20..=36).contains(&placeholder.len()), "{placeholder}");
    assert_eq!(
        facts,
        json!({"etag": etag, "version_id": null, "bytes": file.len(), "width": 1200, "height": 800, "format": "jpeg",
            "frames": 1, "has_alpha": false})
    );
    assert_eq!(result["rounds"], 1);
    let thumbnail = &result["thumbnails"][1];
    assert_eq!(thumbnail["key"], "thumbnails/300/uploads/cat.jpg");
    assert_eq!((&thumbnail["width"], &thumbnail["height"]), (&json!(300), &json!(200)));
    assert_eq!((&thumbnail["size"], &thumbnail["format"]), (&json!("300"), &json!("jpeg")));
    let bytes = pipeline.thumbnail(300, "uploads/cat.jpg").await.unwrap().len();
    assert_eq!(thumbnail["bytes"], bytes);
}

#[tokio::test]
async fn the_job_may_be_a_string_in_a_body() {
    let pipeline = Pipeline::new(&[]).await;
    pipeline.put("uploads/a.png", &encode(&picture(40, 30), ImageFormat::Png)).await;
    let body = json!({"bucket": BUCKET, "key": "uploads/a.png"}).to_string();
    assert_eq!(pipeline.invoke(json!({"body": body})).await.unwrap()["result"]["outcome"], "made");
    assert_eq!(pipeline.sizes("uploads/a.png").await, SIZES);
}

#[tokio::test]
async fn thumbnails_keep_the_format_whatever_the_name_says() {
    let pipeline = Pipeline::new(&[]).await;
    let source = picture(640, 480);
    for (format, content_type) in [
        (ImageFormat::Jpeg, "image/jpeg"),
        (ImageFormat::Png, "image/png"),
        (ImageFormat::WebP, "image/webp"),
        (ImageFormat::Gif, "image/gif"),
    ] {
        pipeline.put("uploads/picture.txt", &encode(&source, format)).await;
        let result = pipeline.process("uploads/picture.txt").await;
        assert_eq!(result["outcome"], "made", "{result}");
        let thumbnail = pipeline.thumbnail(300, "uploads/picture.txt").await.unwrap();
        assert_shows(&thumbnail, format, (300, 225), &source);
        let head = pipeline.head("thumbnails/300/uploads/picture.txt").await.unwrap();
        assert_eq!(head.content_type.as_deref(), Some(content_type));
    }
}

#[tokio::test]
async fn a_small_source_is_not_enlarged_and_no_key_is_missing() {
    let pipeline = Pipeline::new(&[]).await;
    let source = picture(200, 120);
    pipeline.put("uploads/small.png", &encode(&source, ImageFormat::Png)).await;
    pipeline.process("uploads/small.png").await;
    for (size, expected) in [(100, (100, 60)), (300, (200, 120)), (500, (200, 120))] {
        let thumbnail = pipeline.thumbnail(size, "uploads/small.png").await.unwrap();
        assert_shows(&thumbnail, ImageFormat::Png, expected, &source);
    }
}

#[tokio::test]
async fn photos_come_out_upright() {
    let pipeline = Pipeline::new(&[]).await;
    let upright = picture(900, 600);
    for orientation in 1..=8 {
        let file = jpeg_with_orientation(&as_stored(&upright, orientation), orientation);
        pipeline.put("uploads/turned.jpg", &file).await;
        let result = pipeline.process("uploads/turned.jpg").await;
        let source = &result["source"];
        assert_eq!((&source["width"], &source["height"]), (&json!(900), &json!(600)), "orientation {orientation}");
        let thumbnail = pipeline.thumbnail(300, "uploads/turned.jpg").await.unwrap();
        assert_shows(&thumbnail, ImageFormat::Jpeg, (300, 200), &upright);
    }
}

#[tokio::test]
async fn thumbnails_of_a_source_that_is_gone_go_too() {
    let pipeline = Pipeline::new(&[]).await;
    pipeline.put("uploads/a.png", &encode(&picture(40, 30), ImageFormat::Png)).await;
    pipeline.process("uploads/a.png").await;
    pipeline.delete("uploads/a.png").await;
    pipeline.delete("thumbnails/300/uploads/a.png").await;

    let watch = Watch::new("", async || {});
    pipeline.server.inject(Some(watch.clone()));
    let result = pipeline.process("uploads/a.png").await;

    assert_eq!(result["outcome"], "removed");
    let removed = ["thumbnails/100/uploads/a.png", "thumbnails/500/uploads/a.png"];
    assert_eq!(result["removed"], json!(removed));
    assert_eq!(watch.keys_of("DeleteObject"), removed, "on a versioned bucket a needless delete leaves a marker");
    assert!(pipeline.sizes("uploads/a.png").await.is_empty());
}

#[tokio::test]
async fn a_rejected_overwrite_takes_the_old_thumbnails_with_it() {
    let pipeline = Pipeline::new(&[]).await;
    pipeline.put("uploads/a.jpg", &encode(&picture(40, 30), ImageFormat::Jpeg)).await;
    pipeline.process("uploads/a.jpg").await;
    pipeline.put("uploads/a.jpg", b"only text").await;

    let result = pipeline.process("uploads/a.jpg").await;

    assert_eq!((&result["outcome"], &result["reason"]), (&json!("rejected"), &json!("unsupported-format")));
    assert_eq!(result["removed"].as_array().unwrap().len(), 3);
    assert!(pipeline.sizes("uploads/a.jpg").await.is_empty());
}

#[tokio::test]
async fn thumbnails_of_the_rejected_source_itself_stay() {
    let pipeline = Pipeline::new(&[]).await;
    let etag = pipeline.put("uploads/a.jpg", b"only text").await.e_tag.unwrap();
    let thumbnail = pipeline.client.put_object().bucket(BUCKET).key("thumbnails/100/uploads/a.jpg");
    thumbnail.metadata("source-etag", etag.trim_matches('"')).send().await.unwrap();
    pipeline.put("thumbnails/300/uploads/a.jpg", b"of nobody knows what").await;

    assert_eq!(pipeline.process("uploads/a.jpg").await["removed"], json!(["thumbnails/300/uploads/a.jpg"]));
    assert_eq!(pipeline.sizes("uploads/a.jpg").await, [100]);
}

#[tokio::test]
async fn a_source_over_a_limit_is_rejected_with_its_reason() {
    let file = encode(&picture(400, 300), ImageFormat::Png);
    for (variable, limit, reason) in
        [("MAX_SOURCE_BYTES", file.len() - 1, "too-large"), ("MAX_SOURCE_PIXELS", 400 * 300 - 1, "too-many-pixels")]
    {
        let pipeline = Pipeline::new(&[(variable, &limit.to_string())]).await;
        pipeline.put("uploads/a.png", &file).await;
        assert_eq!(pipeline.process("uploads/a.png").await["reason"], reason);
        assert!(pipeline.sizes("uploads/a.png").await.is_empty());

        let pipeline = Pipeline::new(&[(variable, &(limit + 1).to_string())]).await;
        pipeline.put("uploads/a.png", &file).await;
        assert_eq!(pipeline.process("uploads/a.png").await["outcome"], "made");
    }
}

#[tokio::test]
async fn what_is_not_an_upload_is_refused_whoever_asks() {
    let pipeline = Pipeline::new(&[]).await;
    let watch = Watch::new("", async || {});
    pipeline.server.inject(Some(watch.clone()));
    for (payload, reason) in [
        (json!({"bucket": BUCKET, "key": "thumbnails/100/uploads/a.jpg"}), "inside-thumbnails"),
        (json!({"bucket": BUCKET, "key": "documents/a.jpg"}), "outside-uploads"),
        (json!({"bucket": BUCKET, "key": "uploads/2026/"}), "folder"),
        (json!({"bucket": BUCKET, "key": format!("uploads/{}", "k".repeat(1016))}), "key-too-long"),
        (json!({"Records": []}), "malformed-job"),
    ] {
        let result = &pipeline.invoke(payload).await.unwrap()["result"];
        assert_eq!((&result["outcome"], &result["reason"]), (&json!("refused"), &json!(reason)));
    }
    assert!(watch.seen.lock().unwrap().is_empty(), "nothing is asked of S3 for them");
}

#[tokio::test]
async fn a_source_that_changes_meanwhile_is_read_again() {
    let pipeline = Pipeline::new(&[]).await;
    let newer = other_picture(400, 300);
    pipeline.put("uploads/a.png", &encode(&picture(400, 300), ImageFormat::Png)).await;
    let overwrite = pipeline.client.put_object().bucket(BUCKET).key("uploads/a.png");
    let overwrite = overwrite.body(encode(&newer, ImageFormat::Png).into());
    pipeline.server.inject(Some(Watch::new("HeadObject", async || {
        overwrite.send().await.unwrap();
    })));

    assert_eq!(pipeline.process("uploads/a.png").await["rounds"], 2);
    let thumbnail = pipeline.thumbnail(300, "uploads/a.png").await.unwrap();
    assert_shows(&thumbnail, ImageFormat::Png, (300, 225), &newer);
}

#[tokio::test]
async fn a_source_that_goes_meanwhile_leaves_nothing() {
    let pipeline = Pipeline::new(&[]).await;
    pipeline.put("uploads/a.png", &encode(&picture(40, 30), ImageFormat::Png)).await;
    let delete = pipeline.client.delete_object().bucket(BUCKET).key("uploads/a.png");
    pipeline.server.inject(Some(Watch::new("HeadObject", async || {
        delete.send().await.unwrap();
    })));
    assert_eq!(pipeline.process("uploads/a.png").await["outcome"], "removed");
    assert!(pipeline.sizes("uploads/a.png").await.is_empty());
}

#[tokio::test]
async fn thumbnails_can_go_to_another_bucket() {
    let pipeline =
        Pipeline::new(&[("OUTPUT_BUCKET", "other-bucket"), ("SIZES", "64"), ("THUMBNAILS_PREFIX", "small/")]).await;
    let source = picture(640, 480);
    pipeline.put("uploads/a.png", &encode(&source, ImageFormat::Png)).await;
    pipeline.process("uploads/a.png").await;
    let thumbnail = pipeline.get("other-bucket", "small/64/uploads/a.png").await.unwrap();
    assert_shows(&thumbnail, ImageFormat::Png, (64, 48), &source);
}

/// The examples in the documentation of other services, as `deploy/migrate.py` converts them; `tests/deploy/test_migrate.py` checks that it
/// does.
#[tokio::test]
async fn converted_settings_of_other_services_make_thumbnails_at_their_keys() {
    let examples: Value = serde_json::from_str(include_str!("../../../tests/deploy/migrated.json")).unwrap();
    for (service, example) in examples.as_object().unwrap() {
        let variables: Vec<_> = example["variables"].as_object().unwrap().iter().collect();
        let variables: Vec<_> =
            variables.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
        let pipeline = Pipeline::new(&variables).await;
        pipeline.put("uploads/images/original.png", &encode(&picture(640, 480), ImageFormat::Png)).await;

        let result = pipeline.process("uploads/images/original.png").await;
        let made = result["thumbnails"].as_array().unwrap();
        let wanted = example["thumbnails"].as_object().unwrap();
        assert_eq!(made.len(), wanted.len(), "{service}: {result}");
        for thumbnail in made {
            let key = thumbnail["key"].as_str().unwrap();
            assert_eq!(wanted.get(key), Some(&thumbnail["format"]), "{service}: {key}");
            let bucket = example["bucket"].as_str().unwrap_or(BUCKET);
            assert!(pipeline.get(bucket, key).await.is_some(), "{service}: {key}");
        }
    }
}

#[tokio::test]
async fn keys_that_tell_the_format_follow_the_sources_format() {
    let variables = [
        ("FORMATS", "source,webp:60"),
        ("THUMBNAIL_KEY", "thumbnails/{key}/{size}.{format}"),
        ("SIZES", "64"),
        ("RETIRED_SIZES", "32"),
    ];
    let pipeline = Pipeline::new(&variables).await;
    let (photo, drawing) = (picture(640, 480), other_picture(640, 480));
    let at = |name: &str| format!("thumbnails/uploads/a/{name}");
    pipeline.put("uploads/a", &encode(&photo, ImageFormat::Jpeg)).await;
    pipeline.put(&at("32.png"), b"of a size that is no more").await;

    let result = pipeline.process("uploads/a").await;
    let keys: Vec<_> = result["thumbnails"].as_array().unwrap().iter().map(|made| made["key"].clone()).collect();
    assert_eq!(keys, [json!(at("64.jpeg")), json!(at("64.webp"))]);
    assert_eq!(result["removed"], json!([at("32.png")]));
    for (name, format) in [("64.jpeg", ImageFormat::Jpeg), ("64.webp", ImageFormat::WebP)] {
        assert_shows(&pipeline.get(BUCKET, &at(name)).await.unwrap(), format, (64, 48), &photo);
        assert_eq!(pipeline.head(&at(name)).await.unwrap().metadata.unwrap()["formats"], "2");
    }

    pipeline.put("uploads/a", &encode(&drawing, ImageFormat::Png)).await;
    assert_eq!(pipeline.process("uploads/a").await["removed"], json!([at("64.jpeg")]));
    for (name, format) in [("64.png", ImageFormat::Png), ("64.webp", ImageFormat::WebP)] {
        assert_shows(&pipeline.get(BUCKET, &at(name)).await.unwrap(), format, (64, 48), &drawing);
    }

    pipeline.delete("uploads/a").await;
    assert_eq!(pipeline.process("uploads/a").await["removed"], json!([at("64.png"), at("64.webp")]));
}

#[tokio::test]
async fn a_background_shows_through_where_the_format_has_no_transparency() {
    let pipeline = Pipeline::new(&[("FORMATS", "jpeg"), ("BACKGROUND", "ff0000"), ("SIZES", "64")]).await;
    let clear = image::RgbaImage::new(128, 128);
    let mut file = Vec::new();
    clear.write_to(&mut std::io::Cursor::new(&mut file), ImageFormat::Png).unwrap();
    pipeline.put("uploads/clear.png", &file).await;
    pipeline.process("uploads/clear.png").await;
    let red = RgbImage::from_pixel(128, 128, image::Rgb([255, 0, 0]));
    assert_shows(&pipeline.thumbnail(64, "uploads/clear.png").await.unwrap(), ImageFormat::Jpeg, (64, 64), &red);
}

#[tokio::test]
async fn a_missing_bucket_is_not_a_missing_source() {
    let pipeline = Pipeline::new(&[]).await;
    let error = pipeline.invoke(json!({"bucket": "no-such-bucket", "key": "uploads/a.jpg"})).await.unwrap_err();
    assert_eq!(error.error_type, "NoSuchBucket");
    assert!(error.error_message.contains("s3://no-such-bucket/uploads/a.jpg"), "{error:?}");
}

#[tokio::test]
async fn the_function_answers_before_its_time_is_up() {
    let pipeline = Pipeline::new(&[]).await;
    pipeline.put("uploads/a.png", &encode(&picture(40, 30), ImageFormat::Png)).await;
    pipeline.server.inject(Some(Watch::new("GetObject", async || std::future::pending().await)));
    let payload = json!({"bucket": BUCKET, "key": "uploads/a.png"});
    let error = invoke(payload, &pipeline.client, &pipeline.settings, now() + 1000).await.unwrap_err();
    assert_eq!(error.error_type, "OutOfTime");
}

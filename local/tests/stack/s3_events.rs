//! Event notifications, compared with fixtures in S3's format.

use aws_sdk_s3::types::MetadataDirective;
use serde_json::{Value, json};

use crate::common::{BUCKET, Fixture};

/// Checks the form of the values that change with each run, and replaces them by those of the fixture.
fn normalized(mut event: Value) -> Value {
    let record = &mut event["Records"][0];
    let time = record["eventTime"].as_str().unwrap();
    assert!(time.len() == 24 && time.ends_with('Z'), "{time}");
    let sequencer = record["s3"]["object"]["sequencer"].as_str().unwrap();
    assert!(u128::from_str_radix(sequencer, 16).is_ok(), "{sequencer}");
    assert_eq!(record["responseElements"]["x-amz-request-id"].as_str().unwrap().len(), 16);
    record["eventTime"] = "1970-01-01T00:00:00.000Z".into();
    record["s3"]["object"]["sequencer"] = "0055AED6DCD90281E5".into();
    record["responseElements"] = json!({ "x-amz-request-id": "C3D13FE58DE4C810", "x-amz-id-2": "id" });
    event
}

fn fixture(name: &str) -> Value {
    let path = format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[tokio::test]
async fn events_have_s3s_form() {
    let s3 = Fixture::start().await;
    s3.put("uploads/Happy Face+1.jpg", "hello").await;
    s3.delete("uploads/Happy Face+1.jpg").await;
    let told: Vec<Value> = s3.told().into_iter().map(|told| normalized(told.event)).collect();
    assert_eq!(told, [fixture("object-created-put.json"), fixture("object-removed-delete.json")]);
}

#[tokio::test]
async fn keys_are_form_encoded_with_slashes_kept() {
    let s3 = Fixture::start().await;
    for (key, encoded) in [
        ("uploads/a b.jpg", "uploads/a+b.jpg"),
        ("uploads/a+b.jpg", "uploads/a%2Bb.jpg"),
        ("uploads/100%.jpg", "uploads/100%25.jpg"),
        ("uploads/é日本.jpg", "uploads/%C3%A9%E6%97%A5%E6%9C%AC.jpg"),
        ("uploads/k=v&x~y*(1).jpg", "uploads/k%3Dv%26x%7Ey*%281%29.jpg"),
        ("uploads//double/.jpg", "uploads//double/.jpg"),
    ] {
        s3.put(key, "x").await;
        let told = s3.told().pop().unwrap();
        assert_eq!(told.event["Records"][0]["s3"]["object"]["key"], encoded);
        assert_eq!(told.key, key);
    }
}

#[tokio::test]
async fn each_kind_of_change_has_its_name() {
    let s3 = Fixture::start().await;
    s3.put("a", "1").await;
    s3.client.copy_object().bucket(BUCKET).key("b").copy_source(format!("{BUCKET}/a")).send().await.unwrap();
    let again = s3.client.copy_object().bucket(BUCKET).key("b").copy_source(format!("{BUCKET}/b"));
    again.metadata_directive(MetadataDirective::Replace).send().await.unwrap();
    s3.put("a", "2").await;
    s3.delete("a").await;
    s3.delete("a").await;
    let names: Vec<_> =
        s3.told().iter().map(|told| told.event["Records"][0]["eventName"].as_str().unwrap().to_owned()).collect();
    let (put, copy, delete) = ("ObjectCreated:Put", "ObjectCreated:Copy", "ObjectRemoved:Delete");
    assert_eq!(names, [put, copy, copy, put, delete]);
}

#[tokio::test]
async fn sequencers_rise() {
    let s3 = Fixture::start().await;
    for round in 0..20 {
        s3.put("a", round.to_string()).await;
    }
    let sequencers: Vec<_> = s3
        .told()
        .iter()
        .map(|told| told.event["Records"][0]["s3"]["object"]["sequencer"].as_str().unwrap().to_owned())
        .collect();
    assert!(sequencers.is_sorted_by(|before, after| before < after), "{sequencers:?}");
}

#[tokio::test]
async fn only_keys_under_the_prefix_are_told() {
    let s3 = Fixture::start_in(tempfile::tempdir().unwrap(), "uploads/").await;
    for key in ["uploads/a", "thumbnails/100/uploads/a", "uploads", "other"] {
        s3.put(key, "x").await;
        s3.delete(key).await;
    }
    let keys: Vec<_> = s3.told().into_iter().map(|told| told.key).collect();
    assert_eq!(keys, ["uploads/a", "uploads/a"]);
}

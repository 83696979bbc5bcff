//! What each kind of event asks for. The events are files, in the forms that S3 and `EventBridge` send.

use std::{fs, path::Path};

use serde_json::Value;
use thumbnail_job::{Prefixes, settings::Reader};
use upload_handler::event;

/// What is made of the records of an event, one line each: a key, or the reason why there is none.
fn read(event: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/events/{event}.json"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    read_value(serde_json::from_str(&text).unwrap())
}

fn read_value(event: Value) -> Vec<String> {
    let prefixes = Prefixes::read(&mut Reader::of(&[]));
    let told = |record: Result<thumbnail_job::Job, event::Skipped>| match record {
        Ok(job) => {
            assert_eq!(job.bucket, "my-image-bucket");
            job.key
        }
        Err(skipped) => format!("skipped: {}", skipped.reason),
    };
    event::read(event, &prefixes).into_iter().map(told).collect()
}

#[test]
fn notifications() {
    assert_eq!(read("put"), ["uploads/cat.jpg"]);
    assert_eq!(read("minor-version-2.6"), ["uploads/cat.jpg"]);
    assert_eq!(read("kinds"), (0..7).map(|n| format!("uploads/{n}.jpg")).collect::<Vec<_>>());
    assert_eq!(read("version-deleted"), ["uploads/cat.jpg"], "an older version may have come back");
}

#[test]
fn keys_of_notifications_are_form_encoded() {
    assert_eq!(
        read("encoded-keys"),
        [
            "uploads/summer holiday/a b.jpg",
            "uploads/1+1=2.jpg",
            "uploads/100%.jpg",
            "uploads/café.png",
            "uploads/日本.webp",
            "uploads/a%2Bb.jpg",
        ]
    );
}

#[test]
fn what_asks_for_no_work_is_skipped_with_its_reason() {
    assert_eq!(read("other-kinds"), ["skipped: other-event-kind"; 6]);
    assert_eq!(read("old-version-expired"), ["skipped: old-version-expired"]);
    assert_eq!(read("no-sources"), ["skipped: inside-thumbnails", "skipped: folder", "skipped: outside-uploads"]);
    assert_eq!(read("unknown-major-version"), ["skipped: unsupported-version"; 2]);
    assert_eq!(read("undecodable-keys"), ["skipped: undecodable-key"; 3]);
    assert_eq!(read("test-event"), ["skipped: test-event"]);
    assert_eq!(read("no-event"), ["skipped: unknown-event"]);
}

#[test]
fn a_malformed_record_does_not_take_the_others_with_it() {
    let malformed = "skipped: malformed-record";
    assert_eq!(read("malformed-records"), [malformed, malformed, malformed, malformed, "uploads/good.jpg"]);
}

#[test]
fn event_bridge() {
    assert_eq!(read("eventbridge-created"), ["uploads/1+1=2 %41 é.jpg"], "these keys are not encoded");
    assert_eq!(read("eventbridge-deleted"), ["uploads/cat.jpg"]);
    assert_eq!(read("eventbridge-expired"), ["uploads/cat.jpg"]);
    assert_eq!(read("eventbridge-expired-unversioned"), ["uploads/cat.jpg"]);
    assert_eq!(read("eventbridge-old-version-expired"), ["skipped: old-version-expired"]);
    assert_eq!(read("eventbridge-own-thumbnail"), ["skipped: inside-thumbnails"]);
    assert_eq!(read("eventbridge-other-kind"), ["skipped: other-event-kind"]);
    assert_eq!(read("eventbridge-other-source"), ["skipped: other-event-kind"]);
    assert_eq!(read("eventbridge-malformed"), ["skipped: malformed-record"]);
}

#[test]
fn no_json_is_too_odd() {
    for event in ["null", "7", "\"Records\"", "[]", "{}", r#"{"Records": null}"#, r#"{"detail-type": 7}"#] {
        let answers = read_value(serde_json::from_str(event).unwrap());
        assert!(
            answers.iter().all(|answer| answer.starts_with("skipped: ")) && answers.len() == 1,
            "{event}: {answers:?}"
        );
    }
    assert_eq!(read_value(serde_json::json!({"Records": []})), Vec::<String>::new());
}

#[test]
fn every_event_file_is_used() {
    let tests = [include_str!("events.rs"), include_str!("handler.rs")].concat();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/events")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let used = tests.contains(&format!("read(\"{name}\")")) || tests.contains(&format!("events/{name}.json"));
        assert!(used, "{name} is in no test");
    }
}

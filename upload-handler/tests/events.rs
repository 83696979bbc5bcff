//! Tests the jobs of each kind of event. The events are files, in the forms that S3 and `EventBridge` send.

use std::{fs, path::Path, slice};

use common::{Prefixes, settings::Reader};
use serde_json::{Value, json};
use upload_handler::event;

fn file(event: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/events/{event}.json"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

/// Describes each record of an event: the key of its job, or the reason why it was skipped.
fn read(event: &str) -> Vec<String> {
    read_value(file(event))
}

fn read_value(event: Value) -> Vec<String> {
    let prefixes = Prefixes::read(&mut Reader::of(&[]));
    let told = |record: Result<common::Job, event::Skipped>| match record {
        Ok(job) => {
            assert_eq!(job.bucket, "my-image-bucket");
            job.key
        }
        Err(skipped) => format!("skipped: {}", skipped.reason),
    };
    event::read(event, &prefixes).into_iter().flat_map(|message| message.records).map(told).collect()
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
fn what_sns_and_sqs_wrap_is_unwrapped() {
    let key = "uploads/1+1=2 %41 é.jpg";
    assert_eq!(read("sns"), ["uploads/a b.jpg"]);
    assert_eq!(read("sns-eventbridge"), [key]);
    assert_eq!(read("sqs"), ["uploads/a b.jpg", "uploads/c d.jpg", key, "uploads/cat.jpg"]);
    assert_eq!(read("sns-test-event"), ["skipped: test-event"]);
    assert_eq!(read("sqs-test-events"), ["skipped: test-event"; 2]);
}

/// An SQS batch of messages with `texts`.
fn sqs(bodies: &[String]) -> Value {
    let with_body = |body: &String| {
        let mut message = file("sqs")["Records"][0].clone();
        message["body"] = json!(body);
        message
    };
    json!({ "Records": bodies.iter().map(with_body).collect::<Vec<_>>() })
}

/// The JSON that SNS puts into a queue for a message.
fn notification(text: &str) -> String {
    json!({"Type": "Notification", "MessageId": "1", "TopicArn": "arn:aws:sns:eu-central-1:1:t", "Message": text})
        .to_string()
}

#[test]
fn each_message_stands_alone() {
    let messages = event::read(file("sqs"), &Prefixes::read(&mut Reader::of(&[])));
    let ids = (1..=4).map(|n| Some(format!("059f36b4-87a3-44ab-83d2-66197500000{n}"))).collect::<Vec<_>>();
    assert_eq!(messages.iter().map(|message| message.id.clone()).collect::<Vec<_>>(), ids);
    assert!(messages.iter().all(|message| message.records.len() == 1), "{messages:?}");
    for event in ["put", "kinds", "sns", "eventbridge-created", "no-event"] {
        let messages = event::read(file(event), &Prefixes::read(&mut Reader::of(&[])));
        assert!(matches!(messages.as_slice(), [event::Message { id: None, .. }]), "{event}: {messages:?}");
    }
}

#[test]
fn a_message_that_makes_no_sense_is_skipped_and_the_others_are_not() {
    let (malformed, unknown, good) = ("skipped: malformed-record", "skipped: unknown-event", file("put").to_string());
    let records = file("malformed-records").to_string();
    for (body, reads) in [
        ("", vec![malformed]),
        ("thumbnails, please", vec![malformed]),
        (&good[..good.len() - 1], vec![malformed]),
        ("7", vec![unknown]),
        ("[]", vec![unknown]),
        ("{}", vec![unknown]),
        (r#"{"Type": "SubscriptionConfirmation", "Message": "confirm"}"#, vec![unknown]),
        (r#"{"Type": "Notification"}"#, vec![malformed]),
        (r#"{"Type": "Notification", "Message": {"Records": []}}"#, vec![malformed]),
        (&notification("no JSON"), vec![malformed]),
        (&notification("null"), vec![unknown]),
        (&records, vec![malformed, malformed, malformed, malformed, "uploads/good.jpg"]),
    ] {
        let all = [reads, vec!["uploads/cat.jpg"]].concat();
        assert_eq!(read_value(sqs(&[body.to_owned(), good.clone()])), all, "{body}");
    }
    for record in [
        json!({"eventSource": "aws:sqs"}),
        json!({"eventSource": "aws:sqs", "body": null}),
        json!({"eventSource": "aws:sqs", "body": file("put")}),
        json!({"EventSource": "aws:sns"}),
        json!({"EventSource": "aws:sns", "Sns": {"Message": 7}}),
    ] {
        assert_eq!(read_value(json!({"Records": [record]})), [malformed], "{record}");
    }
}

#[test]
fn wrappings_are_bounded() {
    let put = file("put").to_string();
    assert_eq!(read_value(sqs(&[notification(&put)])), ["uploads/cat.jpg"]);
    assert_eq!(read_value(sqs(&[notification(&notification(&put))])), ["skipped: nested-too-deep"]);
    assert_eq!(
        read_value(sqs(&[sqs(&[sqs(slice::from_ref(&put)).to_string()]).to_string()])),
        ["skipped: nested-too-deep"]
    );
    let fits = put.clone() + &" ".repeat(1024 * 1024 - put.len());
    assert_eq!(read_value(sqs(slice::from_ref(&fits))), ["uploads/cat.jpg"]);
    assert_eq!(read_value(sqs(&[fits + " ", put])), ["skipped: message-too-large", "uploads/cat.jpg"]);
    assert_eq!(
        read_value(sqs(&["[".repeat(100_000)])),
        ["skipped: malformed-record"],
        "JSON nested too deep is an error"
    );
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
    assert_eq!(read_value(json!({"Records": []})), Vec::<String>::new());
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

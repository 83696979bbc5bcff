//! Tests the handler with the real SDK client. The responses of Lambda are scripted by the key of each job.

use std::{
    collections::HashMap,
    fmt, fs, io,
    path::Path,
    sync::{Arc, Mutex},
};

use aws_sdk_lambda::{
    Client,
    config::{BehaviorVersion, Credentials, Region, retry::RetryConfig},
    primitives::SdkBody,
};
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
    orchestrator::{HttpRequest, HttpResponse},
};
use common::{Job, settings::Reader};
use lambda_runtime::{Context, Diagnostic, LambdaEvent};
use serde_json::{Value, json};
use upload_handler::{Settings, handle};

/// Lambda, which answers an invocation with 202, or with the status and the error code of its key in `errors`.
struct Lambda {
    client: Client,
    requests: Arc<Mutex<Vec<(http::request::Parts, Job)>>>,
}

/// Answers each request by a function, without network.
#[derive(Clone)]
struct Scripted(Arc<dyn Fn(HttpRequest) -> HttpResponse + Send + Sync>);

impl fmt::Debug for Scripted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Scripted")
    }
}

impl HttpConnector for Scripted {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::ready(Ok(self.0(request)))
    }
}

impl Lambda {
    fn new(errors: &[(&str, u16, &'static str)]) -> Self {
        let errors: HashMap<_, _> =
            errors.iter().map(|(key, status, code)| ((*key).to_owned(), (*status, *code))).collect();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let answers = Scripted(Arc::new(move |request: HttpRequest| {
            let (parts, body) = request.try_into_http1x().unwrap().into_parts();
            let job: Job = serde_json::from_slice(body.bytes().unwrap()).unwrap();
            let answer = match errors.get(&job.key) {
                None => http::Response::builder().status(202).body(SdkBody::empty()),
                Some((status, code)) => http::Response::builder()
                    .status(*status)
                    .header("x-amzn-errortype", *code)
                    .body(SdkBody::from(json!({"message": "scripted"}).to_string())),
            };
            seen.lock().unwrap().push((parts, job));
            answer.unwrap().try_into().unwrap()
        }));
        let connector = SharedHttpConnector::new(answers);
        let config = aws_sdk_lambda::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(Credentials::new("key", "secret", None, None, "test"))
            .retry_config(RetryConfig::disabled())
            .http_client(http_client_fn(move |_, _| connector.clone()))
            .build();
        Self { client: Client::from_conf(config), requests }
    }

    async fn handle(&self, payload: Value) -> Result<Value, Diagnostic> {
        self.handle_with(&[("IMAGE_PROCESSOR_FUNCTION", "image-processor")], payload).await
    }

    async fn handle_with(&self, variables: &[(&str, &str)], payload: Value) -> Result<Value, Diagnostic> {
        let settings = Settings::read(Reader::of(variables)).unwrap();
        let answer = handle(LambdaEvent::new(payload, Context::default()), &self.client, &settings).await?;
        Ok(serde_json::to_value(answer).unwrap())
    }

    fn keys(&self) -> Vec<String> {
        let mut keys: Vec<_> = self.requests.lock().unwrap().iter().map(|(_, job)| job.key.clone()).collect();
        keys.sort();
        keys
    }
}

fn event(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// An event with a record for each key. The keys must need no encoding.
fn records(keys: &[String]) -> Value {
    let record = &event(include_str!("events/put.json"))["Records"][0];
    let with_key = |key: &String| {
        let mut record = record.clone();
        record["s3"]["object"]["key"] = json!(key);
        record
    };
    json!({ "Records": keys.iter().map(with_key).collect::<Vec<_>>() })
}

#[tokio::test]
async fn a_put_is_one_asynchronous_invocation() {
    let lambda = Lambda::new(&[]);
    let answer = lambda.handle(event(include_str!("events/put.json"))).await.unwrap();

    let requests = lambda.requests.lock().unwrap();
    let [(request, job)] = requests.as_slice() else { panic!("{} invocations", requests.len()) };
    assert_eq!(*job, Job { bucket: "my-image-bucket".into(), key: "uploads/cat.jpg".into() });
    assert_eq!(request.uri.path(), "/2015-03-31/functions/image-processor/invocations");
    assert_eq!(request.headers["x-amz-invocation-type"], "Event");

    let result = json!({
        "outcome": "invoked",
        "invoked": [{"bucket": "my-image-bucket", "key": "uploads/cat.jpg"}],
        "skipped": [],
        "refused": [],
    });
    assert_eq!(answer["statusCode"], 200);
    assert_eq!(answer["result"], result);
    assert_eq!(event(answer["body"].as_str().unwrap()), result);
}

#[tokio::test]
async fn keys_that_patterns_leave_out_are_skipped() {
    let lambda = Lambda::new(&[]);
    let keys = ["uploads/a.jpg", "uploads/a.txt", "uploads/private/b.jpg"].map(str::to_owned);
    let variables = [
        ("IMAGE_PROCESSOR_FUNCTION", "image-processor"),
        ("INCLUDE_KEYS", "**/*.jpg"),
        ("EXCLUDE_KEYS", "uploads/private/**"),
    ];
    let answer = lambda.handle_with(&variables, records(&keys)).await.unwrap();
    assert_eq!(lambda.keys(), ["uploads/a.jpg"]);
    let left_out = |key: &str| json!({"bucket": "my-image-bucket", "key": key, "reason": "excluded"});
    assert_eq!(answer["result"]["skipped"], json!([left_out(&keys[1]), left_out(&keys[2])]));
}

#[tokio::test]
async fn records_of_one_object_are_one_job() {
    let lambda = Lambda::new(&[]);
    lambda.handle(event(include_str!("events/one-object-many-records.json"))).await.unwrap();
    assert_eq!(lambda.keys(), ["uploads/cat.jpg", "uploads/dog.jpg"]);
}

#[tokio::test]
async fn what_was_skipped_is_told() {
    let lambda = Lambda::new(&[]);
    let answer = lambda.handle(event(include_str!("events/no-sources.json"))).await.unwrap();
    assert_eq!(answer["result"]["outcome"], "skipped");
    assert_eq!(
        answer["result"]["skipped"],
        json!([
            {"bucket": "my-image-bucket", "key": "thumbnails/100/uploads/cat.jpg", "reason": "inside-thumbnails"},
            {"bucket": "my-image-bucket", "key": "uploads/2026/", "reason": "folder"},
            {"bucket": "my-image-bucket", "key": "documents/cat.jpg", "reason": "outside-uploads"},
        ])
    );
    assert!(lambda.keys().is_empty());
}

#[tokio::test]
async fn no_event_is_an_error_by_what_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/events");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let answer = Lambda::new(&[]).handle(event(&fs::read_to_string(&path).unwrap())).await;
        assert!(answer.is_ok(), "{}: {answer:?}", path.display());
    }
}

#[tokio::test]
async fn every_job_is_attempted_before_the_event_fails() {
    let keys: Vec<_> = (10..60).map(|n| format!("uploads/{n}.jpg")).collect();
    let lambda = Lambda::new(&[
        ("uploads/10.jpg", 429, "TooManyRequestsException"),
        ("uploads/30.jpg", 500, "ServiceException"),
    ]);
    let error = lambda.handle(records(&keys)).await.unwrap_err();
    assert_eq!(lambda.keys(), keys);
    assert_eq!(error.error_type, "InvokeFailed");
    assert!(
        error.error_message.contains("uploads/10.jpg") && error.error_message.contains("uploads/30.jpg"),
        "{error:?}"
    );
    assert!(!error.error_message.contains("uploads/11.jpg"), "{error:?}");
}

/// An SQS batch with a message for each id. The text of a message is an event with a record for each of its keys.
fn batch(messages: &[(&str, &[&str])]) -> Value {
    let template = &event(include_str!("events/sqs.json"))["Records"][0];
    let message = |(id, keys): &(&str, &[&str])| {
        let keys: Vec<_> = keys.iter().map(|key| (*key).to_owned()).collect();
        let mut message = template.clone();
        message["messageId"] = json!(id);
        message["body"] = json!(records(&keys).to_string());
        message
    };
    json!({ "Records": messages.iter().map(message).collect::<Vec<_>>() })
}

#[tokio::test]
async fn wrapped_events_are_invocations() {
    for (event, keys) in [
        (include_str!("events/sns.json"), vec!["uploads/a b.jpg"]),
        (include_str!("events/sns-eventbridge.json"), vec!["uploads/1+1=2 %41 é.jpg"]),
        (
            include_str!("events/sqs.json"),
            vec!["uploads/1+1=2 %41 é.jpg", "uploads/a b.jpg", "uploads/c d.jpg", "uploads/cat.jpg"],
        ),
    ] {
        let lambda = Lambda::new(&[]);
        lambda.handle(self::event(event)).await.unwrap();
        assert_eq!(lambda.keys(), keys);
    }
}

#[tokio::test]
async fn a_batch_is_answered_with_the_messages_that_a_retry_can_help() {
    let lambda = Lambda::new(&[
        ("uploads/throttled.jpg", 429, "TooManyRequestsException"),
        ("uploads/refused.jpg", 400, "InvalidRequestContentException"),
    ]);
    let mut event = batch(&[
        ("good", &["uploads/1.jpg"]),
        ("throttled", &["uploads/throttled.jpg"]),
        ("refused", &["uploads/refused.jpg"]),
        ("skipped", &["documents/1.jpg"]),
        ("empty", &[]),
        ("partly", &["uploads/2.jpg", "uploads/throttled.jpg"]),
        ("malformed", &[]),
        ("last", &["uploads/3.jpg"]),
    ]);
    event["Records"][6]["body"] = json!("no JSON");
    let answer = lambda.handle(event).await.unwrap();
    let failures = json!([{"itemIdentifier": "throttled"}, {"itemIdentifier": "partly"}]);
    assert_eq!(answer, json!({ "batchItemFailures": failures }));
    let keys = ["1", "2", "3", "refused", "throttled"].map(|name| format!("uploads/{name}.jpg"));
    assert_eq!(lambda.keys(), keys, "each once, although two messages name the same object");
}

#[tokio::test]
async fn a_batch_without_failures_names_no_message() {
    let lambda = Lambda::new(&[]);
    let answer = lambda.handle(batch(&[("1", &["uploads/1.jpg"]), ("2", &["documents/1.jpg"])])).await.unwrap();
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
}

#[tokio::test]
async fn messages_of_one_object_are_one_job_and_fail_each_for_itself() {
    let (failing, good) = ("uploads/throttled.jpg", "uploads/good.jpg");
    let lambda = Lambda::new(&[(failing, 429, "TooManyRequestsException")]);
    let event = batch(&[("1", &[failing]), ("2", &[good]), ("3", &[failing]), ("4", &[good, good])]);
    let answer = lambda.handle(event).await.unwrap();
    assert_eq!(answer["batchItemFailures"], json!([{"itemIdentifier": "1"}, {"itemIdentifier": "3"}]));
    assert_eq!(lambda.keys(), [good, failing]);
}

/// Lambda retries the whole batch after an empty identifier.
#[tokio::test]
async fn a_failure_that_cannot_be_named_repeats_the_batch() {
    let lambda = Lambda::new(&[("uploads/throttled.jpg", 429, "TooManyRequestsException")]);
    let mut event = batch(&[("1", &["uploads/1.jpg"]), ("", &["uploads/throttled.jpg"])]);
    event["Records"][1].as_object_mut().unwrap().remove("messageId");
    let answer = lambda.handle(event).await.unwrap();
    assert_eq!(answer, json!({ "batchItemFailures": [{"itemIdentifier": ""}] }));
}

#[tokio::test]
async fn a_failure_within_sns_fails_the_event() {
    let lambda = Lambda::new(&[("uploads/a b.jpg", 429, "TooManyRequestsException")]);
    let error = lambda.handle(event(include_str!("events/sns.json"))).await.unwrap_err();
    assert!(error.error_message.contains("uploads/a b.jpg"), "{error:?}");
}

/// Collects the log, as lines of JSON.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_whole_outcome_of_each_message_is_logged() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = lambda_runtime::tracing::subscriber::fmt().json().with_writer(move || writer.clone()).finish();
    // For all threads, because tracing caches whether anyone listens to an event when another test logs it first.
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let lambda = Lambda::new(&[
        ("uploads/throttled.jpg", 429, "TooManyRequestsException"),
        ("uploads/refused.jpg", 400, "InvalidRequestContentException"),
    ]);
    lambda
        .handle(batch(&[
            ("logged-one", &["uploads/1.jpg", "uploads/throttled.jpg", "uploads/refused.jpg", "documents/1.jpg"]),
            ("logged-two", &["uploads/1.jpg"]),
            ("logged-three", &["documents/1.jpg"]),
        ]))
        .await
        .unwrap();

    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let lines = text.lines().map(|line| event(line)["fields"].clone());
    let is_ours = |fields: &Value| fields["message_id"].as_str().is_some_and(|id| id.starts_with("logged-"));
    let lines: Vec<_> = lines.filter(is_ours).collect();
    let outcomes: Vec<_> = lines
        .iter()
        .filter(|fields| fields["message"] == "message")
        .map(|fields| {
            (fields["message_id"].clone(), fields["outcome"].clone(), event(fields["result"].as_str().unwrap()))
        })
        .collect();
    let job = |key: &str| json!({"bucket": "my-image-bucket", "key": key});
    let with = |key: &str, field: &str, value: &str| {
        let mut job = job(key);
        job[field] = json!(value);
        job
    };
    let outside = with("documents/1.jpg", "reason", "outside-uploads");
    let error = outcomes[0].2["failed"][0]["error"].as_str().unwrap().to_owned();
    assert!(error.contains("TooManyRequestsException"), "{error}");
    let result = |outcome, invoked, skipped, refused| json!({"outcome": outcome, "invoked": invoked, "skipped": skipped, "refused": refused});
    let mut first = result(
        "failed",
        json!([job("uploads/1.jpg")]),
        json!([outside]),
        json!([with("uploads/refused.jpg", "reason", "InvalidRequestContentException")]),
    );
    first["failed"] = json!([with("uploads/throttled.jpg", "error", &error)]);
    let expected = [
        (json!("logged-one"), json!("failed"), first),
        (json!("logged-two"), json!("invoked"), result("invoked", json!([job("uploads/1.jpg")]), json!([]), json!([]))),
        (json!("logged-three"), json!("skipped"), result("skipped", json!([]), json!([outside]), json!([]))),
    ];
    assert_eq!(outcomes, expected);
    let skipped: Vec<_> = lines.iter().filter(|fields| fields["message"] == "skipped").collect();
    assert_eq!([&skipped[0]["message_id"], &skipped[1]["message_id"]], ["logged-one", "logged-three"]);
}

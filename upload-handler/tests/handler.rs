//! What the handler makes of an event, against the real SDK client, whose answers are scripted by the key of each job.

use std::{
    collections::HashMap,
    fmt, fs,
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
use lambda_runtime::{Context, Diagnostic, LambdaEvent};
use serde_json::{Value, json};
use thumbnail_job::{Job, settings::Reader};
use upload_handler::{Settings, handle};

/// Lambda: answers an invocation with 202, or with the status and error code that stand for its key in `errors`.
struct Lambda {
    client: Client,
    requests: Arc<Mutex<Vec<(http::request::Parts, Job)>>>,
}

/// Answers each request by a function, without a network.
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

/// An event with a record for each key, which must need no encoding.
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

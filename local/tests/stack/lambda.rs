//! Lambda's front and its queue, with a scripted runtime.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_sdk_lambda::{Client, error::ProvideErrorMetadata as _, primitives::Blob, types::InvocationType};
use local::{
    faults::{CallFault, Faults},
    lambda::{Config, Front, Invocation, Kind, Outcome},
    sdk,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::broadcast::Receiver;

use crate::common::runtime;

/// The requests to the runtime, and how many invocations of each function run at once.
#[derive(Default)]
struct Seen {
    requests: Vec<(String, Value)>,
    running: HashMap<String, usize>,
    most: HashMap<String, usize>,
}

/// The answer of the scripted runtime, as the event asks for.
async fn answer(seen: Arc<Mutex<Seen>>, function: String, event: Value) -> (u16, Value) {
    let attempt = {
        let mut seen = seen.lock().unwrap();
        seen.requests.push((function.clone(), event.clone()));
        let running = seen.running.entry(function.clone()).or_default();
        *running += 1;
        let running = *running;
        let most = seen.most.entry(function.clone()).or_default();
        *most = running.max(*most);
        seen.requests.iter().filter(|(_, earlier)| *earlier == event).count() as u64
    };
    tokio::time::sleep(Duration::from_millis(event["sleep"].as_u64().unwrap_or_default())).await;
    *seen.lock().unwrap().running.get_mut(&function).unwrap() -= 1;
    if attempt <= event["fail"].as_u64().unwrap_or_default() {
        (500, json!({ "errorType": "Oops", "errorMessage": "told to fail" }))
    } else if attempt <= event["gone"].as_u64().unwrap_or_default() {
        (503, json!("no function"))
    } else {
        (200, json!({ "echo": event }))
    }
}

struct Fixture {
    folder: TempDir,
    front: Front,
    client: Client,
    ends: Receiver<Arc<Invocation>>,
    seen: Arc<Mutex<Seen>>,
}

impl Fixture {
    async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let script = Arc::clone(&seen);
        let runtime = runtime(move |function, event| answer(Arc::clone(&script), function, event)).await;
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::new(runtime, &["upload-handler", "image-processor"], folder.path().join("failures"));
        config.retry_delays = vec![Duration::from_millis(1), Duration::from_millis(2)];
        change(&mut config);
        let front = Front::start(0, config).await.unwrap();
        let client = sdk::lambda(&front.endpoint());
        let ends = front.observe();
        Self { folder, front, client, ends, seen }
    }

    async fn event(&self, payload: &Value) {
        let invoke = self.client.invoke().function_name("image-processor").invocation_type(InvocationType::Event);
        let answer = invoke.payload(Blob::new(payload.to_string())).send().await.unwrap();
        assert_eq!(answer.status_code(), 202);
    }

    fn failures(&self) -> Vec<std::path::PathBuf> {
        let folder = self.folder.path().join("failures").join("image-processor");
        std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
    }
}

macro_rules! refused {
    ($invoke:expr) => {{
        let error = $invoke.send().await.unwrap_err();
        (error.raw_response().unwrap().status().as_u16(), error.code().unwrap_or_default().to_owned())
    }};
}

#[tokio::test]
async fn a_caller_that_waits_gets_the_answer() {
    let mut lambda = Fixture::start().await;
    for name in [
        "image-processor",
        "image-processor:live",
        "123456789012:function:image-processor",
        "arn:aws:lambda:eu-west-1:123456789012:function:image-processor",
        "arn:aws:lambda:eu-west-1:123456789012:function:image-processor:7",
    ] {
        let payload = json!({ "name": name });
        let invoke = lambda.client.invoke().function_name(name).payload(Blob::new(payload.to_string()));
        let answer = invoke.send().await.unwrap();
        assert_eq!((answer.status_code(), answer.function_error()), (200, None));
        let told: Value = serde_json::from_slice(answer.payload().unwrap().as_ref()).unwrap();
        assert_eq!(told, json!({ "echo": payload }));
        let end = lambda.ends.recv().await.unwrap();
        assert_eq!((end.function.as_str(), end.kind, end.attempts), ("image-processor", Kind::RequestResponse, 1));
        assert_eq!(end.payload, payload);
    }
    let plain = lambda.client.invoke().function_name("image-processor").send().await.unwrap();
    assert_eq!(plain.executed_version(), Some("$LATEST"));
    assert_eq!(lambda.seen.lock().unwrap().requests.last().unwrap().1, json!({}), "no payload is an empty object");
}

#[tokio::test]
async fn a_functions_error_has_lambdas_form() {
    let lambda = Fixture::start().await;
    let invoke = lambda.client.invoke().function_name("image-processor");
    let answer = invoke.payload(Blob::new(json!({ "fail": 9 }).to_string())).send().await.unwrap();
    assert_eq!((answer.status_code(), answer.function_error()), (200, Some("Unhandled")));
    let told: Value = serde_json::from_slice(answer.payload().unwrap().as_ref()).unwrap();
    assert_eq!(told, json!({ "errorType": "Oops", "errorMessage": "told to fail" }));
    assert_eq!(lambda.seen.lock().unwrap().requests.len(), 1, "a caller that waits retries itself");
    assert!(lambda.failures().is_empty());
}

#[tokio::test]
async fn a_runtime_that_is_gone_is_a_service_error() {
    let lambda = Fixture::start_with(|config| config.runtime = "http://127.0.0.1:1".to_owned()).await;
    assert_eq!(refused!(lambda.client.invoke().function_name("image-processor")), (502, "ServiceException".into()));
}

#[tokio::test]
async fn an_event_is_accepted_before_it_runs() {
    let mut lambda = Fixture::start().await;
    let payload = json!({ "sleep": 300, "n": 1 });
    lambda.event(&payload).await;
    assert!(lambda.ends.try_recv().is_err(), "202 came before the end");
    lambda.front.idle().await;
    let end = lambda.ends.try_recv().expect("idle means that everything has ended");
    assert_eq!((end.kind, end.attempts, &end.payload), (Kind::Event, 1, &payload));
    assert_eq!(end.outcome, Outcome::Answered(json!({ "echo": payload })));
    assert!(end.queued <= end.started && end.started <= end.finished);
}

#[tokio::test]
async fn an_event_is_tried_three_times() {
    let mut lambda = Fixture::start().await;
    for (payload, attempts) in [(json!({ "fail": 2 }), 3), (json!({ "gone": 1 }), 2)] {
        lambda.event(&payload).await;
        let end = lambda.ends.recv().await.unwrap();
        assert!(matches!(end.outcome, Outcome::Answered(_)), "{:?}", end.outcome);
        assert_eq!((end.attempts, &end.failure), (attempts, &None));
    }
    assert!(lambda.failures().is_empty());
}

#[tokio::test]
async fn an_event_that_fails_for_good_is_recorded_as_lambda_does() {
    let mut lambda = Fixture::start().await;
    for (payload, status, error, response) in [
        (
            json!({ "fail": 9, "key": "k" }),
            200,
            Some("Unhandled"),
            json!({ "errorType": "Oops", "errorMessage": "told to fail" }),
        ),
        (
            json!({ "gone": 9 }),
            500,
            None,
            json!({
                "errorType": "ServiceException",
                "errorMessage": "the runtime answered 503: \"no function\"",
            }),
        ),
    ] {
        lambda.event(&payload).await;
        let end = lambda.ends.recv().await.unwrap();
        let path = end.failure.clone().unwrap();
        let mut record: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(record["timestamp"].as_str().unwrap().len(), 24);
        record["timestamp"] = "T".into();
        let mut expected = json!({
            "version": "1.0",
            "timestamp": "T",
            "requestContext": {
                "requestId": end.request_id,
                "functionArn": "arn:aws:lambda:us-east-1:000000000000:function:image-processor:$LATEST",
                "condition": "RetriesExhausted",
                "approximateInvokeCount": 3,
            },
            "requestPayload": payload,
            "responseContext": { "statusCode": status, "executedVersion": "$LATEST" },
            "responsePayload": response,
        });
        if let Some(error) = error {
            expected["responseContext"]["functionError"] = error.into();
        }
        assert_eq!(record, expected);
    }
    assert_eq!(lambda.failures().len(), 2);
}

#[tokio::test]
async fn a_function_that_never_answers_times_out() {
    let mut lambda = Fixture::start_with(|config| {
        config.timeout = Duration::from_millis(50);
        config.retry_delays.clear();
    })
    .await;
    lambda.event(&json!({ "sleep": 60_000 })).await;
    let end = lambda.ends.recv().await.unwrap();
    let Outcome::Failed(error) = &end.outcome else { panic!("{:?}", end.outcome) };
    assert!(error["errorMessage"].as_str().unwrap().contains("Task timed out after 0.05 seconds"), "{error}");
    assert_eq!(lambda.failures().len(), 1);
}

#[tokio::test]
async fn no_more_than_so_many_run_at_once_for_each_function() {
    let lambda = Fixture::start_with(|config| config.concurrency = 3).await;
    for number in 0..12 {
        lambda.event(&json!({ "sleep": 50, "n": number })).await;
        lambda.front.events().send("upload-handler", json!({ "sleep": 50, "n": number }));
    }
    lambda.front.idle().await;
    let seen = lambda.seen.lock().unwrap();
    assert_eq!(seen.requests.len(), 24);
    assert_eq!(seen.most, HashMap::from([("image-processor".into(), 3), ("upload-handler".into(), 3)]));
}

#[tokio::test]
async fn refusals_have_aws_form() {
    let lambda = Fixture::start().await;
    let invoke = || lambda.client.invoke().function_name("image-processor");
    assert_eq!(refused!(invoke().function_name("no-such-function")), (404, "ResourceNotFoundException".into()));
    assert_eq!(refused!(invoke().payload(Blob::new("not json"))), (400, "InvalidRequestContentException".into()));
    let strange = InvocationType::from("Strange");
    assert_eq!(refused!(invoke().invocation_type(strange)), (400, "InvalidParameterValueException".into()));

    let text = |length: usize| Blob::new(json!("x".repeat(length - 2)).to_string());
    let event = || invoke().invocation_type(InvocationType::Event);
    assert!(event().payload(text(1024 * 1024)).send().await.is_ok());
    assert_eq!(refused!(event().payload(text(1024 * 1024 + 1))), (413, "RequestTooLargeException".into()));
    assert!(invoke().payload(text(6 * 1024 * 1024)).send().await.is_ok());
    assert_eq!(refused!(invoke().payload(text(6 * 1024 * 1024 + 1))), (413, "RequestTooLargeException".into()));

    let dry = invoke().invocation_type(InvocationType::DryRun).send().await.unwrap();
    assert_eq!(dry.status_code(), 204);
    lambda.front.idle().await;
    assert_eq!(lambda.seen.lock().unwrap().requests.len(), 2);
}

#[tokio::test]
async fn every_answer_names_its_request() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut lambda = Fixture::start().await;
    let mut ids = Vec::new();
    for kind in ["Event", "RequestResponse", "DryRun", "Strange"] {
        let mut stream = tokio::net::TcpStream::connect(lambda.front.address()).await.unwrap();
        let request = format!(
            "POST /2015-03-31/functions/image-processor/invocations HTTP/1.1\r\nHost: localhost\r\n\
             X-Amz-Invocation-Type: {kind}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let line = answer.lines().find_map(|line| line.strip_prefix("x-amzn-requestid: "));
        ids.push(line.unwrap_or_else(|| panic!("{kind}: {answer}")).to_owned());
    }
    lambda.front.idle().await;
    let mut ended: Vec<_> =
        std::iter::from_fn(|| lambda.ends.try_recv().ok()).map(|end| end.request_id.clone()).collect();
    ended.sort();
    ids.truncate(2);
    ids.sort();
    assert_eq!(ended, ids, "the id is the invocation's own");
}

/// The number of deliveries of each event, and the fault of each call.
struct Scripted(usize, Option<CallFault>);

impl Faults for Scripted {
    fn deliveries(&self) -> Vec<Duration> {
        vec![Duration::from_millis(1); self.0]
    }

    fn call(&self) -> Option<CallFault> {
        self.1
    }
}

#[tokio::test]
async fn trouble_is_made_as_asked() {
    let lambda = Fixture::start().await;
    let runs = async || {
        lambda.front.idle().await;
        std::mem::take(&mut lambda.seen.lock().unwrap().requests).len()
    };
    for times in [0, 1, 3] {
        lambda.front.inject(Some(Arc::new(Scripted(times, None))));
        lambda.event(&json!({})).await;
        assert_eq!(runs().await, times);
    }
    let invoke = || lambda.client.invoke().function_name("image-processor").invocation_type(InvocationType::Event);
    let busy = CallFault::Refused(429, "TooManyRequestsException");
    lambda.front.inject(Some(Arc::new(Scripted(1, Some(busy)))));
    assert_eq!(refused!(invoke()), (429, "TooManyRequestsException".to_owned()));
    assert_eq!(runs().await, 0);
    lambda.front.inject(Some(Arc::new(Scripted(1, Some(CallFault::AnswerLost)))));
    assert_eq!(refused!(invoke()), (500, "ServiceException".to_owned()));
    assert_eq!(runs().await, 1);
    lambda.front.inject(None);
    lambda.event(&json!({})).await;
    assert_eq!(runs().await, 1);
}

/// Lambda does not notice that a caller has stopped waiting.
#[tokio::test]
async fn what_a_caller_gave_up_is_run_to_its_end() {
    let mut lambda = Fixture::start().await;
    let invoke = lambda.client.invoke().function_name("image-processor").payload(Blob::new("{\"sleep\": 500}"));
    assert!(tokio::time::timeout(Duration::from_millis(200), invoke.send()).await.is_err());
    lambda.front.idle().await;
    assert!(matches!(lambda.ends.try_recv().unwrap().outcome, Outcome::Answered(_)));
}

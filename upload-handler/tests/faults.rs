//! Tests every row of the failure policy by faults between the real SDK client and Lambda. Each test checks the answer, the number of
//! attempts, and whether Lambda has accepted the job.

use std::{
    io::ErrorKind,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_sdk_lambda::{
    Client,
    config::{BehaviorVersion, Credentials, Region, timeout::TimeoutConfig},
};
use common::{Job, settings::Reader};
use lambda_runtime::{Context, Diagnostic, LambdaEvent};
use resilience::retries;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use upload_handler::{Settings, handle};

const ALWAYS: usize = usize::MAX;

/// A fault of a request to Lambda.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// Lambda answers with a status and an error code, and does not accept the job.
    Status(u16, &'static str),
    /// The connection ends without a response.
    Reset,
    /// The connection ends without a response, after Lambda has accepted the job.
    ResetAfterwards,
    /// There is never a response.
    Silence,
}
use Fault::{Reset, ResetAfterwards, Silence, Status};

/// A server with Lambda's API, which accepts all jobs without a fault.
struct Lambda {
    client: Client,
    seen: Arc<Seen>,
}

/// The faults to inject, each with a key and a number of requests; and the received requests.
#[derive(Default)]
struct Seen {
    faults: Mutex<Vec<(&'static str, usize, Fault)>>,
    received: Mutex<Vec<String>>,
    accepted: Mutex<Vec<String>>,
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
}

impl Lambda {
    async fn start(faults: &[(&'static str, usize, Fault)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Seen { faults: Mutex::new(faults.to_vec()), ..Seen::default() });
        let serving = Arc::clone(&seen);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let seen = Arc::clone(&serving);
                tokio::spawn(async move { seen.serve(stream).await });
            }
        });
        Self { client: client(&endpoint), seen }
    }

    async fn handle(&self, payload: Value, deadline: u64) -> Result<Value, Diagnostic> {
        let settings = Settings::read(Reader::of(&[("IMAGE_PROCESSOR_FUNCTION", "image-processor")])).unwrap();
        let mut context = Context::default();
        context.deadline = deadline;
        let answer = handle(LambdaEvent::new(payload, context), &self.client, &settings).await?;
        Ok(serde_json::to_value(answer).unwrap())
    }

    fn received(&self, key: &str) -> usize {
        self.seen.received.lock().unwrap().iter().filter(|received| *received == key).count()
    }

    fn accepted(&self) -> Vec<String> {
        let mut accepted = self.seen.accepted.lock().unwrap().clone();
        accepted.sort();
        accepted.dedup();
        accepted
    }
}

impl Seen {
    /// Handles the requests of one connection.
    async fn serve(&self, mut stream: TcpStream) {
        while let Some(key) = request(&mut stream).await {
            self.most_in_flight.fetch_max(self.in_flight.fetch_add(1, SeqCst) + 1, SeqCst);
            // Takes as long as a real queue, so that requests overlap.
            tokio::time::sleep(Duration::from_millis(20)).await;
            let fault = self.fault(&key);
            self.received.lock().unwrap().push(key.clone());
            if matches!(fault, None | Some(ResetAfterwards)) {
                self.accepted.lock().unwrap().push(key);
            }
            self.in_flight.fetch_sub(1, SeqCst);
            let answer = match fault {
                None => "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n".to_owned(),
                Some(Status(status, code)) => {
                    let body = json!({"Type": "User", "Message": "scripted"}).to_string();
                    let head = format!("x-amzn-errortype: {code}\r\ncontent-length: {}", body.len());
                    format!("HTTP/1.1 {status} Scripted\r\n{head}\r\n\r\n{body}")
                }
                Some(Reset | ResetAfterwards) => return,
                Some(Silence) => std::future::pending().await,
            };
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    }

    fn fault(&self, key: &str) -> Option<Fault> {
        let mut faults = self.faults.lock().unwrap();
        let (_, times, fault) = faults.iter_mut().find(|(of, times, _)| *of == key && *times > 0)?;
        *times -= 1;
        Some(*fault)
    }
}

/// Reads the key in the job of the next request.
async fn request(stream: &mut TcpStream) -> Option<String> {
    let mut request = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&request);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_lowercase();
            let length = head.split("content-length: ").nth(1).unwrap().lines().next().unwrap();
            if body.len() == length.parse::<usize>().unwrap() {
                assert!(head.contains("x-amz-invocation-type: event"), "{head}");
                return Some(serde_json::from_str::<Job>(body).unwrap().key);
            }
        }
        match stream.read_buf(&mut request).await {
            Ok(0) => return None,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
            read => read.unwrap(),
        };
    }
}

/// Creates a client with the retries of the function, but short delays and timeouts.
fn client(endpoint: &str) -> Client {
    let config = aws_sdk_lambda::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(resilience::http_client())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("key", "secret", None, None, "test"))
        .retry_config(retries().with_initial_backoff(Duration::from_millis(1)))
        .timeout_config(TimeoutConfig::builder().read_timeout(Duration::from_millis(500)).build())
        .endpoint_url(endpoint);
    Client::from_conf(config.build())
}

/// An event with a record for each key. The keys must need no encoding.
fn event(keys: &[&str]) -> Value {
    let put: Value = serde_json::from_str(include_str!("events/put.json")).unwrap();
    let record = |key: &&str| {
        let mut record = put["Records"][0].clone();
        record["s3"]["object"]["key"] = json!(key);
        record
    };
    json!({ "Records": keys.iter().map(record).collect::<Vec<_>>() })
}

/// The time in milliseconds since 1970, as in the deadlines of Lambda.
fn now() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

const KEY: &str = "uploads/cat.jpg";

/// The answer of the handler.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Answers {
    Invoked,
    /// A success, where the job is refused with this reason.
    Refused(&'static str),
    /// An error that names the key, after which Lambda retries.
    Failed,
}
use Answers::{Failed, Invoked, Refused};

/// Tests a fault on the invocation of a job: the answer, and the number of attempts.
async fn row(times: usize, fault: Fault, answers: Answers, attempts: usize) {
    let name = format!("{times} times {fault:?}");
    let lambda = Lambda::start(&[(KEY, times, fault)]).await;
    match (answers, lambda.handle(event(&[KEY]), now() + 60_000).await) {
        (Invoked, Ok(answer)) => assert_eq!(answer["result"]["invoked"][0]["key"], KEY, "{name}"),
        (Refused(code), Ok(answer)) => {
            let refused = json!([{"bucket": "my-image-bucket", "key": KEY, "reason": code}]);
            assert_eq!(answer["result"]["refused"], refused, "{name}");
        }
        (Failed, Err(error)) => {
            assert_eq!(error.error_type, "InvokeFailed", "{name}: {error:?}");
            assert!(error.error_message.contains(KEY), "{name}: {error:?}");
        }
        (expected, other) => panic!("{name}: {other:?} instead of {expected:?}"),
    }
    assert_eq!(lambda.received(KEY), attempts, "{name}: attempts");
    let is_accepted = answers == Invoked || matches!(fault, ResetAfterwards);
    assert_eq!(lambda.accepted(), if is_accepted { vec![KEY] } else { vec![] }, "{name}");
}

#[tokio::test]
async fn what_is_accepted_is_done() {
    row(0, Silence, Invoked, 1).await;
}

#[tokio::test]
async fn what_passes_is_tried_again_before_it_is_an_error() {
    for fault in [
        Status(429, "TooManyRequestsException"),
        Status(500, "ServiceException"),
        Status(502, "EC2UnexpectedException"),
        Status(502, "EC2ThrottledException"),
        Status(502, "ENILimitReachedException"),
        Status(502, "ResourceNotReadyException"),
        Status(503, "ServiceUnavailableException"),
        Status(504, ""),
        Reset,
        Silence,
    ] {
        row(2, fault, Invoked, 3).await;
        row(ALWAYS, fault, Failed, 4).await;
    }
}

/// The job is accepted twice, which does no harm.
#[tokio::test]
async fn an_answer_that_is_lost_is_asked_for_again() {
    row(1, ResetAfterwards, Invoked, 2).await;
    row(ALWAYS, ResetAfterwards, Failed, 4).await;
}

#[tokio::test]
async fn what_takes_longer_or_an_operator_is_an_error_at_once() {
    for fault in [
        Status(409, "ResourceConflictException"),
        Status(403, "AccessDeniedException"),
        Status(403, "UnrecognizedClientException"),
        Status(403, "ExpiredTokenException"),
        Status(404, "ResourceNotFoundException"),
    ] {
        row(ALWAYS, fault, Failed, 1).await;
    }
    // Lambda reports errors of KMS with a status on which the client retries.
    for code in ["KMSAccessDeniedException", "KMSDisabledException", "KMSInvalidStateException", "KMSNotFoundException"]
    {
        row(ALWAYS, Status(502, code), Failed, 4).await;
    }
}

#[tokio::test]
async fn what_is_our_own_fault_is_recorded_not_retried() {
    for (status, code) in [
        (413, "RequestTooLargeException"),
        (400, "InvalidRequestContentException"),
        (415, "UnsupportedMediaTypeException"),
    ] {
        row(ALWAYS, Status(status, code), Refused(code), 1).await;
    }
}

#[tokio::test]
async fn all_records_are_attempted_before_the_event_fails() {
    let (throttled, refused, good, last) = ("uploads/1.jpg", "uploads/2.jpg", "uploads/3.jpg", "uploads/4.jpg");
    let faults = [
        (throttled, ALWAYS, Status(429, "TooManyRequestsException")),
        (refused, ALWAYS, Status(400, "InvalidRequestContentException")),
    ];
    let lambda = Lambda::start(&faults).await;
    let error = lambda.handle(event(&[throttled, refused, good, last]), now() + 60_000).await.unwrap_err();
    assert!(error.error_message.contains(throttled), "{error:?}");
    assert!([refused, good, last].iter().all(|key| !error.error_message.contains(key)), "{error:?}");
    assert_eq!(lambda.accepted(), [good, last]);
    assert_eq!((lambda.received(throttled), lambda.received(refused)), (4, 1));

    // The event does not fail if no job needs a retry.
    let lambda = Lambda::start(&faults[1..]).await;
    let answer = lambda.handle(event(&[refused, good]), now() + 60_000).await.unwrap();
    assert_eq!(answer["result"]["invoked"], json!([{"bucket": "my-image-bucket", "key": good}]));
    assert_eq!(answer["result"]["refused"][0]["key"], refused);
}

#[tokio::test]
async fn the_function_answers_before_its_time_is_up() {
    let (silent, good) = ("uploads/silent.jpg", "uploads/good.jpg");
    let lambda = Lambda::start(&[(silent, ALWAYS, Silence)]).await;
    // Without the deadline, the client would wait four times.
    let patient = TimeoutConfig::builder().read_timeout(Duration::from_mins(10)).build();
    let client = Client::from_conf(lambda.client.config().to_builder().timeout_config(patient).build());
    let lambda = Lambda { client, ..lambda };
    let error = lambda.handle(event(&[silent, good]), now() + 1500).await.unwrap_err();
    assert!(error.error_message.contains(&format!("{silent}: not done in the function's time")), "{error:?}");
    assert_eq!(lambda.accepted(), [good]);
}

#[tokio::test]
async fn of_a_batch_only_what_could_not_be_done_in_time_is_repeated() {
    let (silent, good) = ("uploads/silent.jpg", "uploads/good.jpg");
    let lambda = Lambda::start(&[(silent, ALWAYS, Silence)]).await;
    let message = |id: &str, key| json!({"messageId": id, "eventSource": "aws:sqs", "body": event(&[key]).to_string()});
    let batch = json!({"Records": [message("1", good), message("2", silent), message("3", good)]});
    let answer = lambda.handle(batch, now() + 1500).await.unwrap();
    assert_eq!(answer, json!({"batchItemFailures": [{"itemIdentifier": "2"}]}));
    assert_eq!((lambda.received(good), lambda.accepted()), (1, vec![good.to_owned()]));
}

#[tokio::test]
async fn invocations_in_flight_are_bounded() {
    let lambda = Lambda::start(&[]).await;
    let keys: Vec<_> = (0..100).map(|n| format!("uploads/{n}.jpg")).collect();
    let keys: Vec<_> = keys.iter().map(String::as_str).collect();
    let answer = lambda.handle(event(&keys), 0).await.unwrap();
    assert_eq!(answer["result"]["invoked"].as_array().unwrap().len(), 100);
    let most = lambda.seen.most_in_flight.load(SeqCst);
    assert!((2..=16).contains(&most), "{most} invocations were in flight at once");
}

//! Runs the real programs on a real S3 server with all faults at once: calls fail; events arrive twice, late, in another order, or
//! only after a second delivery; processes are killed at work; and some keys cannot be written. At the same time, users upload,
//! overwrite and delete objects. At the end every thumbnail must be right or named by a failure record, and after a redrive
//! every thumbnail must be right.
//!
//! `CHAOS_SEED` chooses another run, `CHAOS_CHANGES` a longer one (`make test-chaos`).

mod faults;
#[path = "../pipeline/stack.rs"]
mod stack;

use std::{
    collections::{BTreeMap, HashSet},
    env, fs,
    ops::Range,
    path::Path,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use aws_sdk_s3::primitives::ByteStream;
use fastrand::Rng;
use futures_util::future::{BoxFuture, join_all};
use image::ImageFormat;
use libtest_mimic::{Arguments, Trial};
use local::{
    faults::{Faults, Operation},
    lambda::Outcome,
    operate::redrive,
    s3::{S3Error, S3ErrorCode, decode_key},
};
use pipeline_tests::{assert_shows, encode, other_picture, picture};
use serde_json::Value;
use tokio::time::{sleep, timeout};

use crate::{
    faults::Chaos,
    stack::{BUCKET, Pipeline, SIZES},
};

/// Processes of each function.
const CONCURRENCY: usize = 12;
/// The time limit of an attempt. No process lives that long (`killed.sh`), so an attempt that times out has ended, as in Lambda.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long processes are still killed once the users have made their changes.
const KILLING: Duration = Duration::from_secs(3);
/// Users, each with keys of their own, who upload and delete at the same time.
const USERS: u64 = 10;
/// The keys of one user.
const KEYS: u64 = 4;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let trial = Trial::test("chaos", || {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(chaos());
        Ok(())
    });
    libtest_mimic::run(&arguments, vec![trial]).exit_code()
}

/// Has Cargo run the functions by `killed.sh`.
fn runner() -> (String, String) {
    let system = if cfg!(target_os = "macos") { "APPLE_DARWIN" } else { "UNKNOWN_LINUX_GNU" };
    let name = format!("CARGO_TARGET_{}_{system}_RUNNER", env::consts::ARCH.to_uppercase());
    (name, concat!(env!("CARGO_MANIFEST_DIR"), "/chaos/killed.sh").to_owned())
}

/// The chaos, and on top of it a bucket policy that an operator got wrong: no thumbnail of an unlucky key may be written.
struct Unlucky(Arc<Chaos>);

impl Faults for Unlucky {
    fn before(&self, operation: Operation) -> BoxFuture<'_, Result<(), S3Error>> {
        let is_write = operation.name == "PutObject";
        let is_unlucky = |key: &String| key.starts_with("thumbnails/") && key.contains("unlucky");
        if is_write && operation.key.as_ref().is_some_and(is_unlucky) {
            return Box::pin(async { Err(S3Error::new(S3ErrorCode::AccessDenied)) });
        }
        self.0.before(operation)
    }

    fn after(&self, method: &str) -> BoxFuture<'_, bool> {
        self.0.after(method)
    }
}

/// The final state of a source.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Now {
    /// The one picture or the other; a key that comes back to one has its former `ETag` again.
    Picture(bool),
    Text,
    Gone,
}

async fn chaos() {
    let number =
        |name: &str, default: u64| env::var(name).map_or(default, |text| text.parse().expect("a whole number"));
    let (seed, changes) = (number("CHAOS_SEED", fastrand::u64(..1_000_000)), number("CHAOS_CHANGES", 120));
    println!("chaos: CHAOS_SEED={seed} CHAOS_CHANGES={changes}");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let kills = folder.path().join("kills");
    let pipeline = Pipeline::start_with(|config| {
        config.concurrency = CONCURRENCY;
        config.timeout = TIMEOUT;
        config.environment = vec![runner(), ("KILLS".into(), kills.display().to_string())];
        config.retry_delays = vec![Duration::from_millis(250), Duration::from_millis(500)];
    })
    .await;

    let started = Instant::now();
    let sources = run(&pipeline, &kills, seed, changes).await;
    println!("  all invocations ended after {:.0} s", started.elapsed().as_secs_f64());

    let failures = pipeline.stack.config().failures();
    let on_record = keys_on_record(&failures);
    let (explained, unexplained): (Vec<_>, Vec<_>) =
        wrong(&pipeline, &sources).await.into_iter().partition(|(key, _)| on_record.contains(key));
    println!(
        "  {} keys, {} of them unlucky; {} wrong thumbnails with a failure record ({} keys on record)",
        sources.len(),
        sources.keys().filter(|key| key.contains("unlucky")).count(),
        explained.len(),
        on_record.len(),
    );
    assert!(unexplained.is_empty(), "no failure record says of these: {unexplained:?}; CHAOS_SEED={seed}");

    let redriven = redrive(&failures, &pipeline.stack.lambda.endpoint(), |_, _| {}).await.expect("a failure folder");
    pipeline.stack.lambda.idle().await;
    let after = wrong(&pipeline, &sources).await;
    println!(
        "  after {} records were redriven: {} wrong ({:.0} s)",
        redriven.queued,
        after.len(),
        started.elapsed().as_secs_f64()
    );
    assert!(after.is_empty(), "still wrong after a redrive: {after:?}; CHAOS_SEED={seed}");
    assert_right(&pipeline, &sources).await;
}

/// Lets users change objects amid all faults until every invocation has ended, then ends the faults. Returns the final state
/// of each source.
///
/// At first processes live, so that slow invocations overtake each other. Later they are killed. Then the users have other keys,
/// so that no later change covers up an earlier mistake.
async fn run(pipeline: &Pipeline, kills: &Path, seed: u64, changes: u64) -> BTreeMap<String, Now> {
    let mut observer = pipeline.stack.lambda.observe();
    let mut random = Rng::with_seed(seed);
    let chaos = Arc::new(Chaos::new(random.u64(..)));
    pipeline.stack.lambda.inject(Some(chaos.clone()));
    pipeline.stack.s3.inject(Some(Arc::new(Unlucky(Arc::clone(&chaos)))));
    let mut act = |users: Range<u64>, changes: u64| {
        join_all(users.map(|user| live(pipeline, user, changes / USERS, random.fork())))
    };
    let mut sources: BTreeMap<_, _> = act(0..USERS, changes * 2 / 3).await.into_iter().flatten().collect();
    fs::create_dir(kills).expect("a folder");
    sources.extend(act(USERS..2 * USERS, changes / 3).await.into_iter().flatten());
    let _ = timeout(KILLING, pipeline.stack.lambda.idle()).await;
    let killed = fs::read_dir(kills).map_or(0, Iterator::count);
    fs::remove_dir_all(kills).expect("a folder to remove");
    pipeline.stack.lambda.idle().await;
    pipeline.stack.inject(None);

    println!("  {chaos}, {killed} processes killed");
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    while let Ok(invocation) = observer.try_recv() {
        *outcomes.entry(outcome(&invocation.outcome)).or_default() += 1;
    }
    println!("  invocations: {outcomes:?}");
    sources
}

/// The outcome of an invocation in a few words.
fn outcome(outcome: &Outcome) -> String {
    let Outcome::Answered(answer) = outcome else { return "given up".to_owned() };
    let result = &answer["result"];
    let again = if result["rounds"].as_u64() > Some(1) { " after another look" } else { "" };
    format!("{}{again}", result["outcome"].as_str().unwrap_or_default())
}

/// Makes `changes` changes to the keys of one user, and returns the final state of each key.
async fn live(pipeline: &Pipeline, user: u64, changes: u64, mut random: Rng) -> BTreeMap<String, Now> {
    let mut sources = BTreeMap::new();
    for _ in 0..changes / 2 {
        let number = KEYS * user + random.u64(..KEYS);
        let luck = if number % 10 == 7 { "unlucky" } else { "lucky" };
        let key = format!("uploads/{luck} é+{number}.png");
        // Two in a row: where invocations look at one key at once, it can go wrong.
        let first = any(&mut random);
        let mut second = any(&mut random);
        while second == first {
            second = any(&mut random);
        }
        for now in [first, second] {
            change(pipeline, &key, now).await;
            sources.insert(key.clone(), now);
            sleep(Duration::from_millis(random.u64(200..900))).await;
        }
    }
    sources
}

/// Chooses a state by chance.
fn any(random: &mut Rng) -> Now {
    match random.u8(..10) {
        choice @ 0..7 => Now::Picture(choice % 2 == 0),
        7 => Now::Text,
        _ => Now::Gone,
    }
}

fn shown(one: bool) -> image::RgbImage {
    if one { picture(640, 480) } else { other_picture(640, 480) }
}

/// Makes a change, and repeats it until it succeeds, as a client would.
async fn change(pipeline: &Pipeline, key: &str, now: Now) {
    let body = match now {
        Now::Picture(one) => encode(&shown(one), ImageFormat::Png),
        Now::Text => b"only text".to_vec(),
        Now::Gone => {
            while pipeline.client.delete_object().bucket(BUCKET).key(key).send().await.is_err() {}
            return;
        }
    };
    let body = || ByteStream::from(body.clone());
    while pipeline.client.put_object().bucket(BUCKET).key(key).body(body()).send().await.is_err() {}
}

/// Lists the thumbnails that do not agree with their sources: the source's key, and how the thumbnail is wrong.
async fn wrong(pipeline: &Pipeline, sources: &BTreeMap<String, Now>) -> Vec<(String, &'static str)> {
    let mut wrong = Vec::new();
    for (key, now) in sources {
        let source = pipeline.head(key).await.and_then(|head| head.e_tag);
        assert_eq!(source.is_some(), *now != Now::Gone, "{key} is not what was uploaded");
        for size in SIZES {
            let thumbnail = pipeline.head(&format!("thumbnails/{size}/{key}")).await;
            let shows = thumbnail.map(|head| head.metadata.unwrap_or_default().remove("source-etag"));
            let found = match (now, shows) {
                (Now::Picture(_), None) => "missing",
                (Now::Gone, Some(_)) => "orphaned",
                (Now::Picture(_), Some(etag))
                    if etag.as_deref() != source.as_deref().map(|etag| etag.trim_matches('"')) =>
                {
                    "stale"
                }
                (Now::Text, Some(_)) => "stale",
                _ => continue,
            };
            wrong.push((key.clone(), found));
        }
    }
    wrong
}

/// Asserts that every thumbnail shows its source. Many are the same file, which is compared once.
async fn assert_right(pipeline: &Pipeline, sources: &BTreeMap<String, Now>) {
    let mut compared = HashSet::new();
    for (key, now) in sources {
        let Now::Picture(one) = *now else { continue };
        for size in SIZES {
            let Some(file) = pipeline.thumbnail(size, key).await else { panic!("no thumbnail of {key} at {size}") };
            if compared.insert((one, size, file.clone())) {
                assert_shows(&file, ImageFormat::Png, (size, size * 3 / 4), &shown(one));
            }
        }
    }
}

/// The keys that have a failure record.
fn keys_on_record(folder: &Path) -> HashSet<String> {
    let files = ["upload-handler", "image-processor"].map(|function| fs::read_dir(folder.join(function)));
    let records = files.into_iter().flatten().flatten().filter_map(|file| {
        let record: Value = serde_json::from_slice(&fs::read(file.ok()?.path()).ok()?).ok()?;
        let payload = &record["requestPayload"];
        let of_event = || payload["Records"][0]["s3"]["object"]["key"].as_str().map(decode_key);
        payload["key"].as_str().map(str::to_owned).or_else(of_event)
    });
    records.collect()
}

//! Concurrent requests, and the faults and the rendezvous of tests.

use std::{sync::Arc, time::Duration};

use aws_sdk_s3::primitives::ByteStream;
use futures_util::future::{BoxFuture, join_all};
use local::{
    faults::{Faults, Operation},
    s3::{S3Error, S3ErrorCode},
};

use crate::{
    common::{BUCKET, Fixture, refusal},
    rendezvous::Rendezvous,
};

/// A body that shows whether it is whole: the same byte many times.
fn body(number: u8) -> Vec<u8> {
    vec![number; 200_000 + usize::from(number) * 1000]
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_see_one_whole_version_whatever_writers_do() {
    let s3 = Arc::new(Fixture::start().await);
    s3.put("k", body(0)).await;
    let writers = (1..9u8).map(|number| {
        let s3 = Arc::clone(&s3);
        tokio::spawn(async move {
            for _ in 0..5 {
                s3.put("k", body(number)).await;
            }
        })
    });
    let readers = (0..8).map(|_| {
        let s3 = Arc::clone(&s3);
        tokio::spawn(async move {
            for _ in 0..10 {
                let got = s3.client.get_object().bucket(BUCKET).key("k").send().await.unwrap();
                let (etag, length) = (got.e_tag().unwrap().to_owned(), got.content_length().unwrap());
                let bytes = got.body.collect().await.unwrap().to_vec();
                assert_eq!(i64::try_from(bytes.len()).unwrap(), length);
                assert_eq!(bytes, body(bytes[0]), "a mixture");
                let head = s3.client.head_object().bucket(BUCKET).key("k").if_match(&etag).send().await;
                assert!(head.is_ok() || refusal(head).0 == 412);
            }
        })
    });
    for task in writers.chain(readers).collect::<Vec<_>>() {
        task.await.unwrap();
    }
    // The last event is about the final version.
    let last = s3.told().pop().unwrap().event["Records"][0]["s3"]["object"]["eTag"].as_str().unwrap().to_owned();
    let head = s3.client.head_object().bucket(BUCKET).key("k").send().await.unwrap();
    assert_eq!(head.e_tag().unwrap().trim_matches('"'), last);
}

#[tokio::test]
async fn a_read_that_has_begun_keeps_its_version() {
    let s3 = Fixture::start().await;
    let old = vec![1; 20_000_000];
    s3.put("k", old.clone()).await;
    let got = s3.client.get_object().bucket(BUCKET).key("k").send().await.unwrap();
    s3.put("k", "new").await;
    s3.delete("k").await;
    assert!(got.body.collect().await.unwrap().to_vec() == old);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_creators_wins() {
    let s3 = Arc::new(Fixture::start().await);
    let puts = (0..16u8).map(|number| {
        let put = s3.client.put_object().bucket(BUCKET).key("k").body(ByteStream::from(vec![number]));
        put.if_none_match("*").send()
    });
    let (won, lost): (Vec<_>, Vec<_>) = join_all(puts).await.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    for put in lost {
        assert_eq!(refusal(put), (412, "PreconditionFailed".into()));
    }
    assert_eq!(s3.told().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_of_many_keys_do_not_disturb_each_other() {
    let s3 = Arc::new(Fixture::start().await);
    let tasks: Vec<_> = (0..8)
        .map(|writer| {
            let s3 = Arc::clone(&s3);
            tokio::spawn(async move {
                for round in 0..20 {
                    // Folders come and go with the keys in them.
                    let key = format!("folder/{}/{writer}", round % 3);
                    s3.put(&key, "x").await;
                    assert_eq!(s3.get(&key).await, b"x");
                    s3.delete(&key).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(s3.keys().await, [""; 0]);
    assert_eq!(s3.told().len(), 320);
}

/// Refuses the PUTs of one key.
struct Refusing;

impl Faults for Refusing {
    fn before(&self, operation: Operation) -> BoxFuture<'_, Result<(), S3Error>> {
        Box::pin(async move {
            match (operation.name.as_str(), operation.key.as_deref()) {
                ("PutObject", Some("k é")) => Err(S3Error::with_message(S3ErrorCode::SlowDown, "slower")),
                _ => Ok(()),
            }
        })
    }
}

#[tokio::test]
async fn an_interceptor_can_answer_instead() {
    let s3 = Fixture::start().await;
    let put = |key: &str| s3.client.put_object().bucket(BUCKET).key(key).body(ByteStream::from_static(b"x")).send();
    s3.server.inject(Some(Arc::new(Refusing)));
    assert_eq!(refusal(put("k é").await), (503, "SlowDown".into()));
    assert!(put("other").await.is_ok());
    s3.server.inject(None);
    assert!(put("k é").await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rendezvous_lets_readers_meet() {
    let s3 = Fixture::start().await;
    s3.put("k", "x").await;
    let meeting = Arc::new(Rendezvous::new("k", 3, Duration::from_mins(1)));
    s3.server.inject(Some(Arc::clone(&meeting) as _));
    let get = || s3.client.get_object().bucket(BUCKET).key("k").send();
    let (first, second) = (tokio::spawn(get()), tokio::spawn(get()));
    s3.client.head_object().bucket(BUCKET).key("k").send().await.unwrap(); // passes
    assert!(!meeting.met() && !first.is_finished() && !second.is_finished());
    assert!(get().await.is_ok());
    assert!(first.await.unwrap().is_ok() && second.await.unwrap().is_ok());
    assert!(meeting.met() && !meeting.failed());
    assert!(get().await.is_ok(), "later reads pass");
}

#[tokio::test]
async fn a_rendezvous_that_fails_lets_go_and_remembers() {
    let s3 = Fixture::start().await;
    s3.put("k", "x").await;
    let meeting = Arc::new(Rendezvous::new("k", 2, Duration::from_millis(100)));
    s3.server.inject(Some(Arc::clone(&meeting) as _));
    for _ in 0..2 {
        assert!(s3.client.get_object().bucket(BUCKET).key("k").send().await.is_ok());
    }
    assert!(meeting.failed() && !meeting.met());
}

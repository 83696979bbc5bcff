//! Listings.

use aws_sdk_s3::types::EncodingType;

use crate::common::{BUCKET, Fixture};

const KEYS: [&str; 7] = ["a.txt", "a/1", "a/2", "b b+/x", "b b+/y/z", "c", "é"];

async fn fixture() -> Fixture {
    let s3 = Fixture::start().await;
    for key in KEYS {
        s3.put(key, key).await;
    }
    s3
}

/// Lists all pages. Returns their keys and common prefixes in order.
async fn paged(s3: &Fixture, prefix: &str, delimiter: Option<&str>, size: i32) -> Vec<String> {
    let mut found = Vec::new();
    let mut token = None;
    loop {
        let list = s3.client.list_objects_v2().bucket(BUCKET).prefix(prefix).max_keys(size);
        let page = list.set_delimiter(delimiter.map(str::to_owned)).set_continuation_token(token).send().await.unwrap();
        assert_eq!(page.key_count(), i32::try_from(page.contents().len() + page.common_prefixes().len()).ok());
        let mut names: Vec<_> = page.contents().iter().map(|object| object.key().unwrap().to_owned()).collect();
        names.extend(page.common_prefixes().iter().map(|common| common.prefix().unwrap().to_owned()));
        names.sort();
        found.extend(names);
        assert!(found.len() <= KEYS.len(), "pages repeat: {found:?}");
        token = page.next_continuation_token().map(str::to_owned);
        assert_eq!(page.is_truncated(), Some(token.is_some()));
        if token.is_none() {
            return found;
        }
    }
}

#[tokio::test]
async fn pages_cover_everything_once_whatever_their_size() {
    let s3 = fixture().await;
    for size in 1..9 {
        assert_eq!(paged(&s3, "", None, size).await, KEYS, "{size}");
        assert_eq!(paged(&s3, "", Some("/"), size).await, ["a.txt", "a/", "b b+/", "c", "é"], "{size}");
        assert_eq!(paged(&s3, "b b+/", Some("/"), size).await, ["b b+/x", "b b+/y/"], "{size}");
        assert_eq!(paged(&s3, "a", None, size).await, ["a.txt", "a/1", "a/2"], "{size}");
        assert_eq!(paged(&s3, "none", Some("/"), size).await, [""; 0]);
    }
}

#[tokio::test]
async fn entries_say_size_and_etag() {
    let s3 = fixture().await;
    let listed = s3.client.list_objects_v2().bucket(BUCKET).start_after("b").max_keys(1).send().await.unwrap();
    let head = s3.client.head_object().bucket(BUCKET).key("b b+/x").send().await.unwrap();
    let object = &listed.contents()[0];
    assert_eq!((object.key(), object.size(), object.e_tag()), (Some("b b+/x"), Some(6), head.e_tag()));
    assert_eq!(object.last_modified().unwrap().secs(), head.last_modified().unwrap().secs());
}

#[tokio::test]
async fn keys_can_be_asked_for_in_url_form() {
    let s3 = fixture().await;
    let list = s3.client.list_objects_v2().bucket(BUCKET).prefix("b").encoding_type(EncodingType::Url);
    let listed = list.send().await.unwrap();
    assert_eq!(listed.contents()[0].key(), Some("b%20b%2B/x"));
}

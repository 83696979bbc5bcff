//! The files of keys: odd keys, clashes, escapes, restarts, and changes by hand.

use aws_sdk_s3::primitives::ByteStream;

use crate::common::{BUCKET, Fixture, files, raw};

#[tokio::test]
async fn special_characters_are_kept_in_the_file_name() {
    let s3 = Fixture::start().await;
    for key in [
        "uploads/with space.jpg",
        "uploads/a+b.jpg",
        "uploads/100%.jpg",
        "uploads/%2F%41.jpg",
        "uploads/été/日本.jpg",
        "uploads/k=v&x~y*(1)!'.jpg",
        "uploads/#?@:;,$[]{}|\\^`\"<>.jpg",
        "...",
    ] {
        s3.put(key, key).await;
        assert_eq!(s3.get(key).await, key.as_bytes(), "{key}");
        assert_eq!(std::fs::read_to_string(s3.file(key)).unwrap(), key);
        assert!(s3.keys().await.contains(&key.to_owned()), "{key}");
        assert_eq!(s3.told().last().unwrap().key, key);
        s3.delete(key).await;
        assert!(!s3.file(key).exists());
    }
}

#[tokio::test]
async fn keys_that_clash_as_files_live_side_by_side() {
    let s3 = Fixture::start().await;
    let keys =
        ["a", "a/", "a/b", "a/b/c", "a//b", "/a", "//", "./a", "../a", "a/../../x", &"l".repeat(300), "x/..", "."];
    for round in ["one", "two"] {
        for key in keys {
            s3.put(key, format!("{round} {key}")).await;
        }
        for key in keys {
            assert_eq!(s3.get(key).await, format!("{round} {key}").as_bytes(), "{key}");
        }
    }
    let mut sorted = keys.map(str::to_owned);
    sorted.sort();
    assert_eq!(s3.keys().await, sorted);

    let s3 = s3.restart().await;
    assert_eq!(s3.keys().await, sorted);
    for key in keys {
        assert_eq!(s3.get(key).await, format!("two {key}").as_bytes(), "{key}");
        s3.delete(key).await;
    }
    assert_eq!(s3.keys().await, [""; 0]);
    assert_eq!(files(&s3.root()), [""; 0].map(std::path::PathBuf::from), "nothing is left on disk");
}

#[tokio::test]
async fn the_plain_place_is_taken_when_it_becomes_free() {
    let s3 = Fixture::start().await;
    s3.put("a", "file").await;
    s3.put("a/b", "odd").await;
    assert!(s3.file("a").is_file());
    s3.delete("a").await;
    s3.put("a/b", "plain").await;
    assert_eq!(std::fs::read_to_string(s3.file("a/b")).unwrap(), "plain");
    assert_eq!(files(&s3.root().join(".s3/odd")).len(), 0);
}

#[tokio::test]
async fn no_request_leaves_the_root() {
    let s3 = Fixture::start().await;
    for path in [
        "/my-image-bucket/../../escaped",
        "/my-image-bucket/..%2F..%2Fescaped",
        "/my-image-bucket/%2e%2e/%2e%2e/escaped",
        "/my-image-bucket//escaped",
        "/../escaped",
        "/..%2f..%2fescaped",
        "/.s3/escaped",
        "/my-image-bucket/a%00b",
    ] {
        let answer = raw(&s3.server, "PUT", path, "evil").await;
        let status = answer.split(' ').nth(1).unwrap_or_default();
        assert!(["200", "400"].contains(&status), "{path}: {answer}");
    }
    let root = s3.root();
    for file in files(s3.folder.path()) {
        assert!(
            file.starts_with(root.join(".s3/odd")) || file.starts_with(root.join(".s3/meta")),
            "{}",
            file.display()
        );
    }
    assert!(!std::path::Path::new("/escaped").exists());
}

#[tokio::test]
async fn a_restart_finds_everything() {
    let s3 = Fixture::start().await;
    let put = s3.client.put_object().bucket(BUCKET).key("uploads/a.jpg").body(ByteStream::from_static(b"hello"));
    let put = put.content_type("image/jpeg").cache_control("max-age=1").metadata("source", "x").send().await.unwrap();
    let before = s3.client.head_object().bucket(BUCKET).key("uploads/a.jpg").send().await.unwrap();
    let sequencer =
        |s3: &Fixture| s3.told().last().unwrap().event["Records"][0]["s3"]["object"]["sequencer"].to_string();
    let earlier = sequencer(&s3);

    let s3 = s3.restart().await;
    let after = s3.client.head_object().bucket(BUCKET).key("uploads/a.jpg").send().await.unwrap();
    assert_eq!(after.e_tag(), put.e_tag());
    assert_eq!(after.content_type(), Some("image/jpeg"));
    assert_eq!(after.cache_control(), Some("max-age=1"));
    assert_eq!(after.metadata().unwrap()["source"], "x");
    assert_eq!(after.last_modified(), before.last_modified());
    s3.put("uploads/a.jpg", "again").await;
    assert!(sequencer(&s3) > earlier);
}

#[tokio::test]
async fn files_changed_by_hand_are_taken_as_they_are() {
    let s3 = Fixture::start().await;
    s3.put("changed", "before").await;
    s3.put("removed", "before").await;
    std::fs::write(s3.file("changed"), "by hand, and longer").unwrap();
    std::fs::remove_file(s3.file("removed")).unwrap();
    std::fs::create_dir_all(s3.file("folder")).unwrap();
    std::fs::write(s3.file("folder/dropped in.txt"), "hello").unwrap();
    assert_eq!(s3.get("changed").await, b"by hand, and longer");
    assert!(s3.client.get_object().bucket(BUCKET).key("removed").send().await.is_err());

    let s3 = s3.restart().await;
    assert_eq!(s3.keys().await, ["changed", "folder/dropped in.txt"]);
    let head = s3.client.head_object().bucket(BUCKET).key("folder/dropped in.txt").send().await.unwrap();
    assert_eq!(head.e_tag(), Some("\"5d41402abc4b2a76b9719d911017c592\""));
}

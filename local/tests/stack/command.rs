//! Problems that `local run` reports before it builds anything, and the AWS CLI with the server.

use std::process::Command;

use local::{
    Error,
    s3::S3Server,
    stack::{self, Stack},
};

use crate::common::{BUCKET, Fixture};

fn run(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_local")).arg("run").args(arguments).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_missing_image_is_refused_at_once() {
    let (status, told) = run(&["--once", "no-such-file.jpg", "/"]);
    assert_eq!(status, Some(1));
    assert!(told.contains("no-such-file.jpg: No such file") && told.contains("/: has no images"), "{told}");

    let (status, told) = run(&["--once"]);
    assert_eq!(status, Some(1));
    assert!(told.contains("--once needs images"), "{told}");
}

#[tokio::test]
async fn a_busy_port_names_its_remedy() {
    let s3 = Fixture::start().await;
    let port = s3.server.address().port();
    let folder = tempfile::tempdir().unwrap();
    let set = |change: fn(&mut stack::Config, u16)| {
        let mut config = stack::Config::new(".", folder.path());
        change(&mut config, port);
        Stack::start(config)
    };
    for (config, name) in [
        (set(|config, port| config.s3_port = port), "S3_PORT="),
        (set(|config, port| config.lambda_port = port), "LAMBDA_PORT="),
        (set(|config, port| config.runtime_port = port), "RUNTIME_PORT="),
        (set(|config, port| config.gallery_port = Some(port)), "GALLERY_PORT="),
    ] {
        let error = config.await.map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(&format!("127.0.0.1:{port}")) && error.contains(name), "{error}");
    }
}

#[tokio::test]
async fn a_name_that_no_bucket_can_have_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refused = S3Server::start(0, folder.path(), &["../Bucket"], None).await;
    assert!(matches!(refused, Err(Error::Bucket { .. })));
}

/// Skipped if the AWS CLI is not installed.
#[tokio::test(flavor = "multi_thread")]
async fn the_aws_cli_works_against_it() {
    if Command::new("aws").arg("--version").output().is_err() {
        eprintln!("skipped: no AWS CLI here");
        return;
    }
    let s3 = Fixture::start().await;
    let endpoint = s3.server.endpoint();
    let folder = s3.folder.path().join("here");
    std::fs::create_dir_all(folder.join("sub")).unwrap();
    std::fs::write(folder.join("photo é+1.jpg"), "photo").unwrap();
    std::fs::write(folder.join("sub/b.txt"), "b").unwrap();
    let big: Vec<u8> = (0..20_000_000u32).map(|at| at.to_le_bytes()[at as usize % 3]).collect();
    std::fs::write(folder.join("big"), &big).unwrap();

    let aws = |arguments: &str| {
        let arguments = arguments.replace("BUCKET", BUCKET);
        let output = Command::new("aws")
            .current_dir(&folder)
            .args(arguments.split(' ').map(|argument| argument.replace('~', " ")))
            .args(["--endpoint-url", &endpoint])
            .envs([("AWS_ACCESS_KEY_ID", "local"), ("AWS_SECRET_ACCESS_KEY", "local"), ("AWS_REGION", "us-east-1")])
            .envs([("AWS_CONFIG_FILE", "/dev/null"), ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")])
            .env_remove("AWS_PROFILE")
            .output()
            .unwrap();
        assert!(output.status.success(), "aws {arguments}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    aws("s3 cp photo~é+1.jpg s3://BUCKET/uploads/");
    assert_eq!(s3.get("uploads/photo é+1.jpg").await, b"photo");
    let head = s3.client.head_object().bucket(BUCKET).key("uploads/photo é+1.jpg").send().await.unwrap();
    assert_eq!(head.content_type(), Some("image/jpeg"));

    aws("s3 cp big s3://BUCKET/big"); // over 8 MB: multipart
    assert!(s3.get("big").await == big);
    assert!(aws("s3api head-object --bucket BUCKET --key big").contains("-3\\\"\""), "three parts");
    aws("s3 cp s3://BUCKET/big s3://BUCKET/copy"); // parts copied
    assert!(s3.get("copy").await == big);
    aws("s3 cp s3://BUCKET/copy back");
    assert!(std::fs::read(folder.join("back")).unwrap() == big);
    std::fs::remove_file(folder.join("back")).unwrap();

    aws("s3 sync . s3://BUCKET/synced/");
    let listed = aws("s3 ls s3://BUCKET/synced/ --recursive");
    assert_eq!(listed.lines().count(), 3, "{listed}");
    assert!(listed.contains("synced/photo é+1.jpg"), "{listed}");
    assert_eq!(aws("s3 sync . s3://BUCKET/synced/"), "", "nothing is new");
    assert_eq!(aws("s3 ls s3://BUCKET/synced/").matches("PRE sub/").count(), 1);
    aws("s3 mv s3://BUCKET/synced/sub/b.txt s3://BUCKET/moved");
    aws("s3 rm s3://BUCKET/synced/ --recursive");
    assert_eq!(s3.keys().await, ["big", "copy", "moved", "uploads/photo é+1.jpg"]);
    assert!(aws("s3 ls").contains(BUCKET));
    aws("s3 mb s3://another-bucket");
    aws("s3 rb s3://another-bucket");
}

//! The server of the gallery: requests of its page and of other sites. `make test-gallery` tests the page in a browser.

use std::{net::SocketAddr, time::Duration};

use local::stack::{Config, Stack};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

struct Fixture {
    folder: TempDir,
    stack: Stack,
}

impl Fixture {
    async fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap()).await
    }

    async fn start_in(folder: TempDir) -> Self {
        let mut config = Config::new(".", folder.path());
        config.gallery_port = Some(0);
        Self { stack: Stack::start(config).await.unwrap(), folder }
    }

    fn address(&self) -> SocketAddr {
        self.stack.gallery.as_ref().unwrap().address()
    }

    /// Sends a request with `headers`, and with `Host` if they do not contain it. Returns the status and the whole answer.
    async fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> (u16, String) {
        let (address, length) = (self.address(), body.len());
        let host = if headers.contains("Host:") { String::new() } else { format!("Host: {address}\r\n") };
        let request = format!(
            "{method} {path} HTTP/1.1\r\n{host}{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        (answer[9..12].parse().unwrap(), answer)
    }

    async fn json(&self, path: &str) -> Value {
        let (status, answer) = self.ask("GET", path, "", "").await;
        assert_eq!(status, 200, "{answer}");
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    }

    async fn put(&self, name: &str, content_type: &str, body: &str) {
        let headers = format!("Content-Type: {content_type}\r\n");
        let (status, answer) = self.ask("PUT", &format!("/uploads?name={name}"), &headers, body).await;
        assert_eq!(status, 204, "{answer}");
    }
}

fn names(page: &Value) -> Vec<&str> {
    page["uploads"].as_array().unwrap().iter().map(|upload| upload["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn uploads_come_newest_first_and_paged() {
    let gallery = Fixture::start().await;
    for at in 0..45 {
        gallery.put(&format!("{at:02}.png"), "image/png", "x").await;
    }
    let mut seen = Vec::new();
    let mut page = gallery.json("/uploads").await;
    assert_eq!((page["bucket"].as_str(), page["prefix"].as_str()), (Some("my-image-bucket"), Some("uploads/")));
    loop {
        seen.extend(names(&page).into_iter().map(str::to_owned));
        // An upload between two pages is on neither page, and moves no upload to another page.
        gallery.put(&format!("new-{}.png", seen.len()), "image/png", "x").await;
        let Some(next) = page["next"].as_str() else { break };
        page = gallery.json(&format!("/uploads?after={next}")).await;
    }
    let expected: Vec<_> = (0..45).rev().map(|at| format!("{at:02}.png")).collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_key_is_what_its_name_says() {
    let gallery = Fixture::start().await;
    for (encoded, name) in
        [("a%23b%3Fc%252F%2Bd%26e%3Df", "a#b?c%2F+d&e=f"), ("..%2Fx", "../x"), ("%C3%A9%20%22%3Cb%3E", "é \"<b>")]
    {
        gallery.put(encoded, "image/png", name).await;
        assert_eq!(names(&gallery.json("/uploads").await)[0], name);
        let path = format!("/object?bucket=my-image-bucket&key=uploads%2F{encoded}");
        let (status, answer) = gallery.ask("GET", &path, "", "").await;
        assert!(status == 200 && answer.ends_with(&format!("\r\n\r\n{name}")), "{answer}");
        assert_eq!(gallery.ask("DELETE", &format!("/uploads?key=uploads%2F{encoded}"), "", "").await.0, 204);
        assert!(names(&gallery.json("/uploads").await).is_empty());
        assert_eq!(gallery.ask("GET", &path, "", "").await.0, 404);
    }
    for refused in ["name=", "name=%FF", "key=a"] {
        assert_eq!(gallery.ask("PUT", &format!("/uploads?{refused}"), "", "x").await.0, 400, "{refused}");
    }
    for refused in ["key=thumbnails%2F100%2Fa", "key=uploads%2F", "key=%2Fuploads%2Fa", "name=a"] {
        assert_eq!(gallery.ask("DELETE", &format!("/uploads?{refused}"), "", "").await.0, 400, "{refused}");
    }
    let long = "x".repeat(1024);
    assert_eq!(gallery.ask("PUT", &format!("/uploads?name={long}"), "", "x").await.0, 400);
}

#[tokio::test]
async fn no_upload_is_served_as_a_page() {
    let gallery = Fixture::start().await;
    for (said, served, is_saved) in [
        ("image/png", "image/png", false),
        ("image/svg+xml", "application/octet-stream", true),
        ("text/html", "application/octet-stream", true),
        ("image/png, text/html", "application/octet-stream", true),
    ] {
        gallery.put("a", said, "<script>").await;
        let (status, answer) = gallery.ask("GET", "/object?bucket=my-image-bucket&key=uploads/a", "", "").await;
        assert_eq!(status, 200);
        assert!(answer.contains(&format!("content-type: {served}\r\n")), "{answer}");
        assert_eq!(answer.contains("content-disposition: attachment\r\n"), is_saved, "{answer}");
        for header in ["x-content-type-options: nosniff", "cross-origin-resource-policy: same-origin", "; sandbox\r\n"]
        {
            assert!(answer.contains(header), "{header}: {answer}");
        }
    }
    let (_, page) = gallery.ask("GET", "/", "", "").await;
    assert!(
        page.contains("default-src 'none'; script-src 'self'") && page.contains("frame-ancestors 'none'"),
        "{page}"
    );
    assert!(!page.contains("unsafe-inline"));
}

#[tokio::test]
async fn strangers_get_nothing() {
    let gallery = Fixture::start().await;
    gallery.put("a.png", "image/png", "secret").await;
    let port = gallery.address().port();
    for headers in [
        format!("Host: evil.example:{port}\r\n"),
        "Origin: http://evil.example\r\n".to_owned(),
        "Origin: null\r\n".to_owned(),
        "Sec-Fetch-Site: cross-site\r\n".to_owned(),
        "Sec-Fetch-Site: same-site\r\n".to_owned(),
    ] {
        for (method, path) in [
            ("GET", "/"),
            ("GET", "/events"),
            ("GET", "/uploads"),
            ("GET", "/object?bucket=my-image-bucket&key=uploads/a.png"),
            ("PUT", "/uploads?name=b.png"),
            ("DELETE", "/uploads?key=uploads/a.png"),
            ("POST", "/uploads?key=uploads/a.png"),
        ] {
            let (status, answer) = gallery.ask(method, path, &headers, "").await;
            assert!(status == 403 && !answer.contains("secret"), "{headers} {method} {path}: {answer}");
        }
    }
    assert_eq!(names(&gallery.json("/uploads").await), ["a.png"]);
    assert!(gallery.address().ip().is_loopback());
}

#[tokio::test]
async fn changes_are_told_to_every_open_page() {
    let gallery = Fixture::start().await;
    let listen = async || {
        let mut stream = TcpStream::connect(gallery.address()).await.unwrap();
        let request = format!("GET /events HTTP/1.1\r\nHost: {}\r\n\r\n", gallery.address());
        stream.write_all(request.as_bytes()).await.unwrap();
        hear(&mut stream, "retry:").await;
        stream
    };
    let (mut one, mut other) = (listen().await, listen().await);
    gallery.put("a.png", "image/png", "x").await;
    for page in [&mut one, &mut other] {
        let heard = hear(page, "\"working\"").await;
        assert!(heard.contains("text/event-stream") || heard.contains("data: {"), "{heard}");
    }
    gallery.ask("DELETE", "/uploads?key=uploads/a.png", "", "").await;
    hear(&mut other, "\"gone\"").await;

    let mut pages = vec![one, other];
    while pages.len() < 32 {
        pages.push(listen().await);
    }
    assert_eq!(gallery.ask("GET", "/events", "", "").await.0, 503, "one page too many");
}

/// Reads until `text` arrives. Returns everything that was read.
async fn hear(stream: &mut TcpStream, text: &str) -> String {
    let mut heard = String::new();
    let mut buffer = [0; 4096];
    while !heard.contains(text) {
        let read = timeout(Duration::from_secs(10), stream.read(&mut buffer)).await.expect(text).unwrap();
        assert!(read > 0, "{heard}");
        heard.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    heard
}

#[tokio::test]
async fn what_is_not_known_of_earlier_uploads_is_said() {
    let gallery = Fixture::start().await;
    gallery.put("a.png", "image/png", "x").await;
    assert_eq!(gallery.json("/uploads").await["uploads"][0]["state"], "working");
    let Fixture { folder, stack } = gallery;
    drop(stack);
    let gallery = Fixture::start_in(folder).await;
    assert_eq!(gallery.json("/uploads").await["uploads"][0]["state"], "unknown");
}

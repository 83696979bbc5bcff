//! A proxy in front of a real S3 server that injects faults by rules.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::sleep,
};

/// A fault of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// The proxy answers with a status and an S3 error code, and does not forward the request.
    Status(u16, &'static str),
    /// The connection ends without a response, and the request is not forwarded.
    Reset,
    /// The connection ends without a response, after S3 has processed the request.
    ResetAfterwards,
    /// There is never a response.
    Silence,
    /// The body of the response ends in the middle.
    CutBody,
    /// The body of the response ends in the middle, and its head announces the shorter length.
    ShortLength,
    /// A byte of the body of the response is changed.
    WrongByte,
    /// The body of the response arrives byte by byte.
    Drip,
}

/// A rule for requests with a fault.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    pub(crate) method: &'static str,
    /// A part of the key.
    pub(crate) key: &'static str,
    /// The number of requests, from the first on.
    pub(crate) times: usize,
    pub(crate) fault: Fault,
}

/// The proxy. It records requests in the form `"GET uploads/a.jpg"`.
pub(crate) struct Proxy {
    pub(crate) endpoint: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Starts a proxy in front of an endpoint.
    pub(crate) async fn start(upstream: &str, rules: &[Rule]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let upstream = upstream.trim_start_matches("http://").to_owned();
        let (seen, rules) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(rules.to_vec())));
        let remembered = Arc::clone(&seen);
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(client, upstream.clone(), Arc::clone(&rules), Arc::clone(&remembered)));
            }
        });
        Self { endpoint, seen }
    }

    /// Counts the matching requests.
    pub(crate) fn count(&self, method: &str, key: &str) -> usize {
        self.seen.lock().unwrap().iter().filter(|seen| seen.starts_with(method) && seen.contains(key)).count()
    }
}

/// Handles one request, and closes the connection.
async fn serve(
    mut client: TcpStream,
    upstream: String,
    rules: Arc<Mutex<Vec<Rule>>>,
    seen: Arc<Mutex<Vec<String>>>,
) -> Option<()> {
    let request = request(&mut client).await?;
    let line = String::from_utf8_lossy(&request[..request.iter().position(|byte| *byte == b'\r')?]).into_owned();
    let (method, path) = line.split_once(' ')?;
    seen.lock().unwrap().push(format!("{method} {path}"));
    let fault = rules.lock().unwrap().iter_mut().find_map(|rule| {
        let applies = rule.method == method && path.contains(rule.key) && rule.times > 0;
        applies.then(|| {
            rule.times -= 1;
            rule.fault
        })
    });
    match fault {
        Some(Fault::Reset) => return None,
        Some(Fault::Silence) => std::future::pending().await,
        Some(Fault::Status(status, code)) => {
            let body = if method == "HEAD" {
                String::new()
            } else {
                format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>scripted</Message></Error>")
            };
            let head =
                format!("HTTP/1.1 {status} Scripted\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            client.write_all((head + &body).as_bytes()).await.ok()?;
            return Some(());
        }
        _ => {}
    }
    let (mut head, mut body) = forward(&request, &upstream).await?;
    match fault {
        Some(Fault::ResetAfterwards) => return None,
        Some(Fault::CutBody) => body.truncate(body.len() / 2),
        Some(Fault::ShortLength) => {
            let whole = format!("content-length: {}", body.len());
            body.truncate(body.len() / 2);
            head = head.replace(&whole, &format!("content-length: {}", body.len()));
        }
        Some(Fault::WrongByte) => {
            let middle = body.len() / 2;
            body[middle] ^= 1;
        }
        _ => {}
    }
    client.write_all(head.as_bytes()).await.ok()?;
    if let Some(Fault::Drip) = fault {
        for byte in body {
            client.write_all(&[byte]).await.ok()?;
            sleep(Duration::from_millis(20)).await;
        }
    } else {
        client.write_all(&body).await.ok()?;
    }
    Some(())
}

/// Reads a whole request, head and body.
async fn request(client: &mut TcpStream) -> Option<Vec<u8>> {
    let mut request = Vec::new();
    let mut buffer = vec![0; 65536];
    loop {
        if let Some(end) = request.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&request[..end]).to_lowercase();
            let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
            if request.len() >= end + 4 + length.map_or(0, |length| length.parse().unwrap()) {
                return Some(request);
            }
        }
        match client.read(&mut buffer).await.ok()? {
            0 => return None,
            length => request.extend_from_slice(&buffer[..length]),
        }
    }
}

/// Reads the response of S3, head and body.
async fn forward(request: &[u8], upstream: &str) -> Option<(String, Vec<u8>)> {
    let end_of_line = request.windows(2).position(|window| window == b"\r\n")? + 2;
    let mut server = TcpStream::connect(upstream).await.ok()?;
    server.write_all(&request[..end_of_line]).await.ok()?;
    server.write_all(b"connection: close\r\n").await.ok()?;
    server.write_all(&request[end_of_line..]).await.ok()?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).await.ok()?;
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let body = answer.split_off(end);
    Some((String::from_utf8(answer).ok()?.replace("Content-Length", "content-length"), body))
}

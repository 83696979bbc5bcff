//! Decides which requests are answered: those of the gallery's page and those of programs. Requests that another site makes a browser send
//! are refused.

use axum::http::{
    HeaderMap, HeaderValue, Method, Request, StatusCode,
    header::{HOST, ORIGIN},
    uri::Authority,
};

/// The status and the message of a request that is refused or has failed.
pub(super) type Refusal = (StatusCode, String);

/// Refuses requests that another site could have made a browser send.
///
/// - `Host`, and the authority of an absolute URL, must name this machine and port. An attacker's name that resolves to 127.0.0.1 (DNS
///   rebinding) does not.
/// - `Origin`, which browsers add to every request that writes, must be the origin of the page.
/// - `Sec-Fetch-Site`, which browsers add to every request, must not be another site: other sites may not show images or read events either.
///   Only a link to the page is allowed.
pub(super) fn check<B>(request: &Request<B>, port: u16) -> Result<(), Refusal> {
    let hosts = [format!("127.0.0.1:{port}"), format!("localhost:{port}")];
    let is_ours = |host: &str| hosts.iter().any(|ours| ours.eq_ignore_ascii_case(host));
    let headers = request.headers();
    let host = only(headers, HOST.as_str());
    let authority = request.uri().authority().map(Authority::as_str);
    if !host.is_some_and(is_ours) || !authority.is_none_or(is_ours) {
        return Err(refused("this page answers only as 127.0.0.1 or localhost"));
    }
    let is_foreign = |origin: &HeaderValue| {
        let origin = origin.to_str().ok().and_then(|origin| origin.strip_prefix("http://"));
        origin.is_none() || origin != host
    };
    if headers.get_all(ORIGIN).iter().any(is_foreign) {
        return Err(refused("another site may not use this page"));
    }
    let is_page = request.method() == Method::GET && request.uri().path() == "/";
    let is_link = is_page && only(headers, "sec-fetch-dest") == Some("document");
    match only(headers, "sec-fetch-site") {
        None if !headers.contains_key("sec-fetch-site") => Ok(()),
        Some("same-origin" | "none") => Ok(()),
        _ if is_link => Ok(()),
        _ => Err(refused("another site may not use this page")),
    }
}

/// The value of a header, unless the header is repeated.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())?.to_str().ok()
}

fn refused(message: &str) -> Refusal {
    (StatusCode::FORBIDDEN, message.to_owned())
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    fn check(method: &str, uri: &str, headers: &[(&str, &str)]) -> bool {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        super::check(&request.body(()).unwrap(), 9003).is_ok()
    }

    #[test]
    fn the_page_and_programs_are_answered() {
        for host in ["127.0.0.1:9003", "localhost:9003", "LOCALHOST:9003"] {
            assert!(check("PUT", "/uploads", &[("host", host)]), "{host}");
        }
        let ours = [("host", "localhost:9003"), ("origin", "http://localhost:9003"), ("sec-fetch-site", "same-origin")];
        assert!(check("PUT", "/uploads", &ours));
        assert!(check("GET", "/object", &[("host", "127.0.0.1:9003"), ("sec-fetch-site", "none")]));
        assert!(check("GET", "http://127.0.0.1:9003/", &[("host", "127.0.0.1:9003")]));
    }

    #[test]
    fn other_names_of_this_machine_are_refused() {
        assert!(!check("GET", "/", &[]));
        for host in
            ["evil.example:9003", "127.0.0.1", "127.0.0.1:9002", "127.0.0.1:9003.evil.example", "[::1]:9003", ""]
        {
            assert!(!check("GET", "/", &[("host", host)]), "{host}");
        }
        assert!(!check("GET", "/", &[("host", "127.0.0.1:9003"), ("host", "evil.example")]));
        assert!(!check("GET", "http://evil.example/", &[("host", "127.0.0.1:9003")]));
    }

    #[test]
    fn other_sites_are_refused() {
        let host = ("host", "127.0.0.1:9003");
        for origin in
            ["http://evil.example", "null", "http://127.0.0.1:9002", "https://127.0.0.1:9003", "http://localhost:9003"]
        {
            assert!(!check("PUT", "/uploads", &[host, ("origin", origin)]), "{origin}");
        }
        let two = [host, ("origin", "http://127.0.0.1:9003"), ("origin", "http://evil.example")];
        assert!(!check("PUT", "/uploads", &two));
        for site in ["cross-site", "same-site", "?"] {
            for path in ["/object?key=a", "/events", "/uploads", "/"] {
                assert!(!check("GET", path, &[host, ("sec-fetch-site", site)]), "{site} {path}");
            }
            let document = [host, ("sec-fetch-site", site), ("sec-fetch-dest", "document")];
            assert!(check("GET", "/", &document), "a link may lead to the page");
            assert!(!check("GET", "/object?key=a", &document));
            assert!(!check("POST", "/", &document));
            assert!(!check("GET", "/", &[host, ("sec-fetch-site", site), ("sec-fetch-dest", "iframe")]));
        }
    }
}

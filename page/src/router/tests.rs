//! The page as a browser asks for it.

use axum::http::{HeaderName, Method, Request};
use tower::ServiceExt as _;

use super::*;

/// Where the shards of these tests are.
fn doors() -> Vec<String> {
    ["https://127.0.0.1:7100/", "ws://127.0.0.1:7100/"]
        .map(str::to_owned)
        .to_vec()
}

fn page() -> Router {
    router(doors, Vec::new())
}

async fn ask(
    method: Method,
    path: &str,
    headers: &[(HeaderName, &str)],
) -> (StatusCode, HeaderMap, Vec<u8>) {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    let response = page()
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    (parts.status, parts.headers, body.to_vec())
}

fn an_asset() -> String {
    let mut names = BUNDLE.keys().filter(|name| name.starts_with("assets/"));
    format!("/{}", names.next().unwrap())
}

#[tokio::test]
async fn every_path_of_the_page_is_its_index_with_the_policy() {
    for path in [
        "/",
        "/about",
        "/account",
        "/challenge/0123456789ab",
        "/games/0123456789ab",
        "/match/0123456789ab",
        "/player/ann",
        "/transfer",
        "/tv",
    ] {
        let (status, headers, body) = ask(Method::GET, path, &[]).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        assert_eq!(body, BUNDLE[INDEX].bytes, "{path}");
        assert_eq!(headers["content-type"], "text/html; charset=utf-8");
        assert_eq!(headers["cache-control"], "no-cache");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["referrer-policy"], "no-referrer");
        assert_eq!(headers["cross-origin-opener-policy"], "same-origin");
        assert_eq!(headers["cross-origin-resource-policy"], "same-origin");
        assert_eq!(headers["permissions-policy"], web::PERMISSIONS);
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"));
        assert!(policy.ends_with("connect-src 'self' https://127.0.0.1:* ws://127.0.0.1:*"));
        assert!(!policy.contains("unsafe"), "{policy}");
    }
    for path in [
        "/match",
        "/match/1/2",
        "/assets/",
        "/assets/none.js",
        "/index.html",
    ] {
        let (status, ..) = ask(Method::GET, path, &[]).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn assets_are_kept_for_good_and_sent_compressed_to_those_who_accept_it() {
    let path = an_asset();
    let file = &BUNDLE[&path[1..]];
    let (status, headers, body) = ask(Method::GET, &path, &[]).await;
    assert_eq!((status, body), (StatusCode::OK, file.bytes.to_vec()));
    assert_eq!(headers["cache-control"], FOR_GOOD);
    assert_eq!(headers["vary"], "accept-encoding");
    assert!(!headers.contains_key("content-encoding"));
    let plain_tag = headers["etag"].clone();

    let Some(gzip) = &file.gzip else {
        panic!("{path} is not compressed")
    };
    let browser = [(header::ACCEPT_ENCODING, "br, gzip;q=0.8, deflate")];
    let (_, headers, body) = ask(Method::GET, &path, &browser).await;
    assert_eq!(headers["content-encoding"], "gzip");
    assert_eq!(body, gzip.to_vec());
    assert_ne!(headers["etag"], plain_tag, "another form, another tag");
    for refuses in ["identity", "gzip;q=0", "br", "gzip ; q=0.0"] {
        let (_, headers, _) = ask(Method::GET, &path, &[(header::ACCEPT_ENCODING, refuses)]).await;
        assert!(!headers.contains_key("content-encoding"), "{refuses}");
    }
}

#[tokio::test]
async fn who_has_a_file_is_not_sent_it_again() {
    for path in ["/", "/match/0123456789ab", &an_asset()] {
        let (_, headers, _) = ask(Method::GET, path, &[]).await;
        let tag = headers["etag"].to_str().unwrap().to_owned();
        for known in [tag.clone(), format!("\"x\", W/{tag}"), "*".to_owned()] {
            let (status, again, body) =
                ask(Method::GET, path, &[(header::IF_NONE_MATCH, &known)]).await;
            assert_eq!(status, StatusCode::NOT_MODIFIED, "{path} {known}");
            assert!(body.is_empty());
            for name in ["etag", "cache-control", "content-security-policy", "vary"] {
                assert_eq!(again[name], headers[name], "{name}");
            }
        }
        let (status, ..) = ask(Method::GET, path, &[(header::IF_NONE_MATCH, "\"x\"")]).await;
        assert_eq!(status, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_changed_policy_is_another_index() {
    let (_, headers, _) = ask(Method::GET, "/", &[]).await;
    let index = &BUNDLE[INDEX];
    let expected = tag(index, &policy(&doors(), &[]), false);
    assert_eq!(headers["etag"], expected.as_str());
    assert_ne!(
        headers["etag"],
        tag(index, &policy(&[], &[]), false).as_str()
    );
}

#[tokio::test]
async fn head_is_answered_without_a_body_and_other_methods_are_not() {
    for path in ["/", &an_asset()] {
        let (status, headers, body) = ask(Method::HEAD, path, &[]).await;
        let file = BUNDLE.get(&path[1..]).unwrap_or(&BUNDLE[INDEX]);
        assert_eq!(status, StatusCode::OK);
        assert_eq!(
            headers["content-length"],
            file.bytes.len().to_string().as_str()
        );
        assert!(body.is_empty());
        let (status, ..) = ask(Method::POST, path, &[]).await;
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    }
}

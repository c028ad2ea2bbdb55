use crate::harness::System;

#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_served_to_everybody_and_not_again_to_who_has_it() {
    let system = System::start().await;
    let first = system.request("GET", "/openapi.json").await;
    assert_eq!((first.status, first.text()), (200, openapi::DOCUMENT));
    assert_eq!(first.headers["cache-control"], "public, max-age=300");
    let tag = first.headers["etag"].to_str().unwrap().to_owned();

    for (named, expected) in [(tag.as_str(), 304), (&format!("W/{tag}, \"x\""), 304), ("\"x\"", 200)] {
        let again = system.request_with("GET", "/openapi.json", &[("if-none-match", named)]).await;
        assert_eq!((again.status, again.bytes.is_empty()), (expected, expected == 304), "{named}");
        assert_eq!(again.headers["etag"], tag.as_str());
    }
    // A credential is not looked at.
    let with = system.request_with("GET", "/openapi.json", &[("authorization", "Bearer nobody")]).await;
    assert_eq!(with.status, 200);
    system.stop().await;
}

//! What a client meets.

mod common;

use std::time::Duration;

use common::{Server, read_answer};
use links_api::api::App;
use links_api::config::Config;
use links_api::link::{CODE_LENGTH, Code, Target};
use links_api::store::{Failure, Links, MOST_LINKS, Store};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

#[tokio::test]
async fn a_link_is_created_followed_listed_and_deleted() {
    let server = Server::start(Config::default()).await;
    let made = server
        .send(
            "POST",
            "/links",
            r#"{"target":"https://doc.rust-lang.org/book/"}"#,
        )
        .await;
    assert_eq!(made.status, 201, "{made:?}");
    let link: serde_json::Value =
        serde_json::from_str(&made.body).unwrap();
    let code = link["code"].as_str().unwrap();
    assert!(
        made.head
            .contains(&format!("location: /{}", code.to_lowercase()))
    );

    let followed = server.send("GET", &format!("/{code}"), "").await;
    assert_eq!(followed.status, 307);
    assert!(
        followed
            .head
            .contains("location: https://doc.rust-lang.org/book/")
    );

    let list = server.send("GET", "/links", "").await;
    assert_eq!(
        list.body,
        format!(
            r#"[{{"code":"{code}","target":"https://doc.rust-lang.org/book/"}}]"#
        )
    );

    assert_eq!(
        server.send("DELETE", &format!("/{code}"), "").await.status,
        204
    );
    assert_eq!(
        server.send("GET", &format!("/{code}"), "").await.status,
        404
    );
    assert_eq!(
        server.send("DELETE", &format!("/{code}"), "").await.status,
        404
    );
    server.end().await;
}

#[tokio::test]
async fn input_that_cannot_be_used_is_refused_with_the_reason() {
    let server = Server::start(Config::default()).await;
    let long =
        format!(r#"{{"target":"https://{}"}}"#, "x".repeat(2048));
    let huge =
        format!(r#"{{"target":"https://{}"}}"#, "x".repeat(5000));
    for (body, status, detail) in [
        (
            r#"{"target":"ftp://example.com"}"#,
            422,
            "http:// or https://",
        ),
        (r#"{"target":"https://"}"#, 422, "names a host"),
        (r#"{"target":"https:///path"}"#, 422, "names a host"),
        (r#"{"target":"https://a b"}"#, 422, "is ASCII; encode"),
        (r#"{"target":"https://é"}"#, 422, "names a host"),
        (long.as_str(), 422, "2048 bytes at most"),
        (r#"{"target":"#, 400, "EOF"),
        (huge.as_str(), 413, "length limit exceeded"),
    ] {
        let answer = server.send("POST", "/links", body).await;
        assert_eq!(answer.status, status, "{body}: {answer:?}");
        assert!(
            answer
                .head
                .contains("content-type: application/problem+json"),
            "{answer:?}"
        );
        assert!(answer.body.contains(detail), "{answer:?}");
    }
    let lost = server.send("GET", "/nothing", "").await;
    assert_eq!(
        (lost.status, lost.body.as_str()),
        (
            404,
            r#"{"status":404,"title":"Not Found","detail":"there is no link `nothing`"}"#,
        )
    );
    server.end().await;
}

#[tokio::test]
async fn a_body_that_never_comes_is_not_waited_for() {
    let request = Duration::from_millis(50);
    let server =
        Server::start(Config { request, ..Config::default() }).await;
    let mut slow = TcpStream::connect(server.address).await.unwrap();
    slow.write_all(
        b"POST /links HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\
          content-type: application/json\r\ncontent-length: 9\r\n\r\n",
    )
    .await
    .unwrap();
    let answer = read_answer(&mut slow).await;
    assert_eq!(answer.status, 408);
    assert!(answer.body.contains("took too long"), "{answer:?}");
    server.end().await;
}

#[tokio::test]
async fn probes_answer() {
    let server = Server::start(Config::default()).await;
    assert_eq!(server.send("GET", "/livez", "").await.body, "alive");
    assert_eq!(server.send("GET", "/readyz", "").await.body, "ready");
    let started = server.send("GET", "/startupz", "").await;
    assert_eq!(started.body, "started");
    server.end().await;
}

#[tokio::test]
async fn a_full_store_says_so() {
    let app = <App>::default();
    let readiness = app.readiness.clone();
    let target = Target::try_from("https://a".to_owned()).unwrap();
    while app.store.create(target.clone()).await.is_ok() {}
    assert_eq!(app.store.list().await.unwrap().len(), MOST_LINKS);
    let listener =
        tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async {
        axum::serve(listener, links_api::api::router(app)).await
    });
    let answer = common::send(
        address,
        "POST",
        "/links",
        r#"{"target":"https://b"}"#,
    )
    .await;
    assert_eq!(answer.status, 507);
    // Readiness was never set.
    for path in ["/readyz", "/startupz"] {
        let answer = common::send(address, "GET", path, "").await;
        assert_eq!(answer.status, 503, "{path}");
    }
    // A start is over for good; readiness comes and goes.
    readiness.set(true);
    readiness.set(false);
    for (path, status) in [("/readyz", 503), ("/startupz", 200)] {
        let answer = common::send(address, "GET", path, "").await;
        assert_eq!(answer.status, status, "{path}");
    }
    serving.abort();
}

/// A store that is somewhere else, and cannot be reached.
#[derive(Clone)]
struct Elsewhere(Failure);

impl Links for Elsewhere {
    async fn create(&self, _: Target) -> Result<Code, Failure> {
        Err(self.0.clone())
    }

    async fn find(&self, _: &Code) -> Result<Option<Target>, Failure> {
        Err(self.0.clone())
    }

    async fn delete(&self, _: &Code) -> Result<bool, Failure> {
        Err(self.0.clone())
    }

    async fn list(&self) -> Result<Vec<(Code, Target)>, Failure> {
        Err(self.0.clone())
    }

    fn is_ready(&self) -> bool {
        false
    }
}

#[tokio::test]
async fn what_a_store_cannot_do_is_said_and_costs_readiness_alone() {
    let code = Code::nth(0);
    for (failure, status, detail) in [
        (Failure::Away, 503, "the store is away"),
        (Failure::Late, 504, "the store took too long"),
        (
            Failure::Refused("target: why".to_owned()),
            422,
            "target: why",
        ),
    ] {
        let store = Elsewhere(failure);
        let server = Server::over(store, Config::default()).await;
        let link = r#"{"target":"https://a"}"#;
        for (method, path, body) in [
            ("POST", "/links", link),
            ("GET", "/links", ""),
            ("GET", &format!("/{code}"), ""),
            ("DELETE", &format!("/{code}"), ""),
        ] {
            let answer = server.send(method, path, body).await;
            assert_eq!(answer.status, status, "{method} {path}");
            assert!(answer.body.contains(detail), "{answer:?}");
        }
        for (path, status) in
            [("/livez", 200), ("/startupz", 200), ("/readyz", 503)]
        {
            let answer = server.send("GET", path, "").await;
            assert_eq!(answer.status, status, "{path}");
        }
        server.end().await;
    }
}

#[tokio::test]
async fn codes_are_never_given_twice() {
    let store = Store::default();
    let target = Target::try_from("http://a".to_owned()).unwrap();
    let first = store.create(target.clone()).await.unwrap();
    assert!(store.delete(&first).await.unwrap());
    assert_ne!(store.create(target).await.unwrap(), first);

    let codes: std::collections::BTreeSet<String> =
        (0..5000).map(|n| Code::nth(n).to_string()).collect();
    assert_eq!(codes.len(), 5000);
    assert!(codes.iter().all(|c| c.len() == CODE_LENGTH && Code::parse(c).is_some()));
    assert!(Code::parse("l0l0l0l").is_none());
}

//! What it answers.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;
use std::process::Command;

use book_support::faults::Faults;
use book_support::{captured, program};
use links_contract::v1::{
    CreateRequest, DeleteRequest, ListRequest, ResolveRequest,
};
use tonic::{Code, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_types::StatusExt;

use crate::bench::{
    Bench, Running, TARGET, create, file, resolve, settings,
};

#[test]
fn links_are_made_found_listed_and_deleted() {
    let bench = Bench::start();
    bench.run(async {
        let resolver = bench.resolver().await;
        let mut links = resolver.links().await;
        let code = create(&mut links).await.unwrap();
        // The first code of `links-api`, too: the same permutation.
        assert_eq!(code, "VcdWRhe");
        assert_eq!(resolve(&mut links, &code).await.unwrap(), TARGET);

        let mut codes = BTreeSet::from([code.clone()]);
        for _ in 0..4 {
            codes.insert(create(&mut links).await.unwrap());
        }
        let codes: Vec<String> = codes.into_iter().collect();
        assert_eq!(pages(&resolver, 2).await, [2, 2, 1]);
        assert_eq!(pages(&resolver, 5).await, [5]);
        assert_eq!(pages(&resolver, 0).await, [5]);
        let first = ListRequest { page_size: 2, after: String::new() };
        let first = links.list(first).await.unwrap().into_inner();
        assert_eq!(first.next_after, codes[1]);
        let listed: Vec<&str> =
            first.links.iter().map(|l| l.code.as_str()).collect();
        assert_eq!(listed, &codes[..2]);
        assert_eq!(first.links[0].target, TARGET);

        let delete = || DeleteRequest { code: code.clone() };
        links.delete(delete()).await.unwrap();
        let again = links.delete(delete()).await.unwrap_err();
        assert_eq!(again.code(), Code::NotFound);
        let gone = resolve(&mut links, &code).await.unwrap_err();
        assert_eq!(gone.code(), Code::NotFound);
        // A code is never given out twice.
        assert!(!codes.contains(&create(&mut links).await.unwrap()));
        resolver.end().await;
    });
}

/// How many links each page has.
async fn pages(resolver: &Running, page_size: u32) -> Vec<usize> {
    let mut links = resolver.links().await;
    let mut pages = Vec::new();
    let mut after = String::new();
    loop {
        let request = ListRequest { page_size, after };
        let page = links.list(request).await.unwrap().into_inner();
        pages.push(page.links.len());
        if page.next_after.is_empty() {
            return pages;
        }
        after = page.next_after;
    }
}

#[test]
fn an_error_says_what_a_client_can_do_about_it() {
    let bench = Bench::start();
    bench.run(async {
        let resolver = bench.resolver().await;
        let mut links = resolver.links().await;
        let mut text = String::new();
        for (what, target) in [
            ("no URL", "ftp://example.com".to_owned()),
            ("a URL without a host", "https://".to_owned()),
            ("a long one", format!("https://{}", "x".repeat(3000))),
            ("a huge one", format!("https://{}", "x".repeat(5000))),
        ] {
            let request = CreateRequest { target };
            let status = links.create(request).await.unwrap_err();
            told(&mut text, &format!("create {what}"), &status);
        }
        for code in ["VcdWRhe", "nothing", "l0l0l0l"] {
            let status = resolve(&mut links, code).await.unwrap_err();
            told(&mut text, &format!("resolve {code}"), &status);
        }
        for (page_size, after) in [(1001, ""), (1, "l0l0l0l")] {
            let after = after.to_owned();
            let request = ListRequest { page_size, after };
            let status = links.list(request).await.unwrap_err();
            told(&mut text, "list", &status);
        }
        let request = ResolveRequest { code: "é".repeat(1000) };
        let status = links.resolve(request).await.unwrap_err();
        assert_eq!(status.code(), Code::NotFound);
        captured(&file("resolver-errors"), &text);
        resolver.end().await;
    });
}

/// What a client is told, as a program reads it.
fn told(text: &mut String, what: &str, status: &Status) {
    let details = status.get_error_details();
    writeln!(text, "{what}").unwrap();
    writeln!(text, "  {:?}", status.code()).unwrap();
    let fields = details.bad_request();
    for field in fields.iter().flat_map(|b| &b.field_violations) {
        let (name, why) = (&field.field, &field.description);
        writeln!(text, "  {name}: {why}").unwrap();
    }
    if let Some(info) = details.error_info() {
        let known: HashMap<_, _> = info.metadata.iter().collect();
        writeln!(text, "  {} {known:?}", info.reason).unwrap();
    }
}

#[test]
fn codes_are_unique_though_many_make_them_at_once() {
    let bench = Bench::start();
    bench.run(async {
        let (one, two) =
            (bench.resolver().await, bench.resolver().await);
        let mut making = tokio::task::JoinSet::new();
        for resolver in [&one, &two] {
            let links = resolver.links().await;
            // More than the pool has connections.
            for _ in 0..50 {
                let mut links = links.clone();
                making.spawn(async move { create(&mut links).await });
            }
        }
        let made = making.join_all().await;
        let codes: BTreeSet<String> =
            made.into_iter().collect::<Result<_, _>>().unwrap();
        assert_eq!(codes.len(), 100);
        assert_eq!(pages(&one, 1000).await, [100]);
        one.end().await;
        two.end().await;
    });
}

#[test]
fn a_fault_of_a_query_is_told_to_the_operator_alone() {
    let bench = Bench::start();
    bench.run(async {
        let resolver = bench.resolver().await;
        let mut sql = bench.sql().await;
        let broken = "ALTER TABLE resolver.links RENAME target TO t";
        sqlx::query(broken).execute(&mut sql).await.unwrap();
        let mut links = resolver.links().await;
        let status = resolve(&mut links, "VcdWRhe").await.unwrap_err();
        assert_eq!(status.code(), Code::Internal);
        assert_eq!(
            status.message(),
            "a fault of the resolver; its log says more"
        );
        resolver.end().await;
    });
}

#[test]
fn a_password_that_is_wrong_is_not_told_to_clients() {
    let bench = Bench::start();
    bench.run(async {
        let url = bench.url().replace(":postgres@", ":hunter2@");
        let resolver = Running::start(settings(&url, "5", "1")).await;
        let mut links = resolver.links().await;
        let status = resolve(&mut links, "VcdWRhe").await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable);
        assert_eq!(
            status.message(),
            "the links cannot be reached; ask again later"
        );
        resolver.end().await;
    });
}

#[test]
fn the_small_client_says_all_that_it_is_told() {
    let bench = Bench::start();
    bench.run(async {
        let resolver = bench.resolver().await;
        let ask = |arguments: &[&str]| {
            let output = Command::new(program("ask"))
                .arg(resolver.address.to_string())
                .args(arguments)
                .output()
                .unwrap();
            let said = String::from_utf8(output.stdout).unwrap();
            (output.status.code(), said)
        };
        let well = |said: &str| (Some(0), format!("{said}\n"));
        let made = format!("VcdWRhe {TARGET}");
        assert_eq!(ask(&["create", TARGET]), well(&made));
        assert_eq!(ask(&["resolve", "VcdWRhe"]), well(TARGET));
        assert_eq!(ask(&["list"]), well(&made));
        assert_eq!(ask(&["health"]), well("SERVING"));
        assert_eq!(ask(&["delete", "VcdWRhe"]), well("deleted"));
        let (code, said) = ask(&["create", "ftp://example.com"]);
        assert_eq!(code, Some(1));
        assert!(said.contains("\n  wrong: target\n"), "{said}");
        let (_, said) = ask(&["resolve", "VcdWRhe"]);
        assert!(said.contains("NO_SUCH_LINK of links.v1"), "{said}");

        let paused = bench.database.pause();
        resolver.until(ServingStatus::NotServing).await;
        let (_, said) = ask(&["resolve", "VcdWRhe"]);
        assert!(said.contains("\n  again in 1s\n"), "{said}");
        paused.undo();
        resolver.end().await;
    });
}

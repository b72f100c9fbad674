//! The table: how a page with a cluster can lie, and what the verifier says to it.

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::book::Edit::{Append, Replace};
use crate::book::{Case, Copy, Edit, Good, Story, case, expect, says, support, text};
use crate::engine::{self, docker, kubectl, nothing_left};

const PAGE: &str = "src/page.md";
const MAP: &str = "listings/good/shop/map.yaml";
const CRD: &str = "listings/good/shop/crd.yaml";
const MANY: &str = "listings/good/shop/many.yaml";
const RIGHTS: &str = "listings/good/shop/rights.yaml";
const TESTS: &str = "listings/good/shop/tests/shop.rs";
const KIND: &[&str] = &["test", "--lane", "kind"];

/// The definition of the good book's own kind, which its program has too.
const DEFINITION: &str = "\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: shops.good.example
spec:
  group: good.example
  scope: Namespaced
  names:
    kind: Shop
    plural: shops
    singular: shop
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              x-kubernetes-validations:
                - rule: self.clerks <= 10
                  message: too many clerks
              required: [clerks]
              properties:
                clerks:
                  type: integer
";

/// The good book of the kind lane.
pub fn files() -> Vec<(&'static str, String)> {
    vec![
        (
            "book.toml",
            "[book]\ntitle = \"Good\"\nlanguage = \"en\"\n\n[preprocessor.book]\nlistings = [\"listings\"]\n\
             unshown = [\"**/Cargo.toml\", \"**/*.rs\"]\nconsole-budget = 30\ntest-budget = 120\n"
                .into(),
        ),
        (
            "Cargo.toml",
            "[workspace]\nresolver = \"3\"\nmembers = [\"listings/*/*\"]\n\n[profile.dev]\ndebug = false\n\n\
             [profile.dev.build-override]\ndebug = false\n"
                .into(),
        ),
        (".gitignore", "/target/\n/book/\n/src/mermaid.min.js\n".into()),
        (engine::KUBECONFIG, engine::kubeconfig()),
        ("src/SUMMARY.md", "# Summary\n\n- [Good](page.md)\n".into()),
        (
            "src/page.md",
            "# Good\n\
             \n\
             ```yaml,title=\"a map\"\n\
             {{#include ../listings/good/shop/map.yaml}}\n\
             ```\n\
             \n\
             ```yaml,title=\"a kind of our own\"\n\
             {{#include ../listings/good/shop/crd.yaml}}\n\
             ```\n\
             \n\
             ```yaml,refused,title=\"too many clerks\"\n\
             {{#include ../listings/good/shop/many.yaml}}\n\
             ```\n\
             \n\
             ```yaml,title=\"what a reader may\"\n\
             {{#include ../listings/good/shop/rights.yaml}}\n\
             ```\n\
             \n\
             ```console,dir=listings/good/shop,match=age+namespace\n\
             $ kubectl apply --server-side -f map.yaml\n\
             configmap/shop serverside-applied\n\
             $ kubectl get configmap shop\n\
             NAME   DATA   AGE\n\
             shop   1      0s\n\
             $ kubectl config view --minify --output 'jsonpath={..namespace}'\n\
             book-0123abcd\n\
             ```\n\
             \n\
             A shop in a cluster.\n"
                .into(),
        ),
        (
            "listings/good/shop/Cargo.toml",
            format!(
                "[package]\nname = \"shop\"\nversion = \"0.1.0\"\nedition = \"2024\"\npublish = false\n\n\
                 [features]\nkind = [\"book-support/kind\"]\n\n\
                 [dev-dependencies]\nbook-support = {{ path = \"{}\" }}\n\
                 k8s-openapi = {{ version = \"0.29\", features = [\"v1_36\"] }}\n\n\
                 [[test]]\nname = \"shop\"\nrequired-features = [\"kind\"]\n",
                support()
            ),
        ),
        (
            "listings/good/shop/src/lib.rs",
            format!("//! A shop.\n\n/// Its definition.\npub const DEFINITION: &str = \"\\\n{DEFINITION}\";\n"),
        ),
        (
            "listings/good/shop/map.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: shop\ndata:\n  open: always\n".into(),
        ),
        ("listings/good/shop/crd.yaml", DEFINITION.into()),
        (
            "listings/good/shop/many.yaml",
            "apiVersion: good.example/v1\nkind: Shop\nmetadata:\n  name: corner\nspec:\n  clerks: 11\n".into(),
        ),
        (
            "listings/good/shop/rights.yaml",
            "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: reader\n---\n\
             apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata:\n  name: reader\nrules:\n  \
             - apiGroups: [\"\"]\n    resources: [configmaps]\n    verbs: [list]\n---\n\
             apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata:\n  name: reader\n\
             roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}\n\
             subjects:\n  - kind: ServiceAccount\n    name: reader\n    namespace: default\n"
                .into(),
        ),
        (
            "listings/good/shop/tests/shop.rs",
            r#"//! What the page says.

use std::time::{Duration, Instant};

use book_support::cluster::kube::Api;
use book_support::cluster::{BUDGET, definition, forbidden, temp_namespace, until};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};

const HERE: &str = "listings/good/shop";

#[test]
fn the_map_is_there() {
    temp_namespace(|_, ns| async move {
        ns.apply(&format!("{HERE}/map.yaml")).await;
        let maps: Api<ConfigMap> = ns.api();
        let map = maps.get("shop").await.unwrap();
        assert_eq!(map.data.unwrap()["open"], "always");
    });
}

#[test]
fn the_definition_is_the_program_s() {
    let text = book_support::listing(&format!("{HERE}/crd.yaml"));
    assert!(text == shop::DEFINITION, "crd.yaml is out of date");
}

#[test]
fn the_rule_refuses() {
    let _definition = definition(&format!("{HERE}/crd.yaml"));
    temp_namespace(|_, ns| async move {
        let words = ns.refused(&format!("{HERE}/many.yaml")).await;
        assert!(words.contains("too many clerks"), "{words}");
    });
}

#[test]
fn a_reader_may_list_maps_and_no_more() {
    temp_namespace(|_, ns| async move {
        ns.apply(&format!("{HERE}/rights.yaml")).await;
        let reader = ns.client_of("reader").await;
        let maps: Api<ConfigMap> = Api::namespaced(reader.clone(), ns.name());
        // A binding takes a moment to be in force.
        let start = Instant::now();
        let listed = until("an answer", BUDGET, async || {
            let listed = maps.list(&Default::default()).await;
            let early = start.elapsed() < Duration::from_secs(5);
            if early && listed.is_err() {
                Err("not yet")
            } else {
                Ok(listed)
            }
        });
        listed.await.unwrap();
        let secrets: Api<Secret> = Api::namespaced(reader, ns.name());
        forbidden(secrets.list(&Default::default()).await);
    });
}
"#
            .into(),
        ),
    ]
}

/// The book's cluster is this table's.
fn env() -> &'static [(&'static str, &'static str)] {
    // Once for each row, as long as the table lives.
    let name: &'static str = engine::name().leak();
    Box::leak(Box::new([("BOOK_CLUSTER", name)]))
}

fn row(name: &'static str, edits: Vec<(&'static str, Edit)>, says: &'static [&'static str]) -> Case {
    Case {
        args: KIND,
        env: env(),
        docker: true,
        ..case(name, edits, says)
    }
}

/// A row about the session alone.
fn session(name: &'static str, edits: Vec<(&'static str, Edit)>, says: &'static [&'static str]) -> Case {
    Case {
        args: &["test", "--lane", "kind", "console:src/page.md"],
        ..row(name, edits, says)
    }
}

/// A test that holds a namespace until the cluster does not answer any more.
const WAITS: &str = r#"
#[test]
fn waits() {
    temp_namespace(|_, ns| async move {
        let maps: Api<ConfigMap> = ns.api();
        loop {
            // A binding takes a moment to be in force.
        let start = Instant::now();
        let listed = until("an answer", BUDGET, async || {
            let listed = maps.list(&Default::default()).await;
            let early = start.elapsed() < Duration::from_secs(5);
            if early && listed.is_err() { Err("not yet") } else { Ok(listed) }
        });
        listed.await.unwrap();
        }
    });
}
"#;

/// Every row that is one change and one command.
pub fn cases() -> Vec<Case> {
    vec![
        Case {
            code: 0,
            args: &["test", "--lane", "offline", "--lane", "kind"],
            ..row(
                "the_good_kind_book_is_green",
                vec![],
                &["kind: 5 blocks — 5 verified", "0 findings"],
            )
        },
        row(
            "manifest_with_an_unknown_field",
            vec![(MAP, Replace("\ndata:", "\ndate: {}\ndata:"))],
            &[
                "src/page.md:3: the test shop::the_map_is_there failed at ",
                "field not declared in schema",
            ],
        ),
        row(
            "manifest_of_a_version_that_is_not_served",
            vec![(
                RIGHTS,
                Replace(
                    "rbac.authorization.k8s.io/v1\nkind: Role\n",
                    "rbac.authorization.k8s.io/v1beta1\nkind: Role\n",
                ),
            )],
            &["src/page.md:15: the test shop::a_reader_may_list_maps_and_no_more failed at "],
        ),
        Case {
            // Any test of either lane could apply it.
            args: &["test", "--lane", "offline", "--lane", "kind"],
            ..row(
                "manifest_that_no_test_applies",
                vec![(
                    TESTS,
                    Replace(
                        "ns.apply(&format!(\"{HERE}/map.yaml\")).await;",
                        "if !book_support::listing(&format!(\"{HERE}/map.yaml\")).is_empty() {\n            return;\n        }",
                    ),
                )],
                &["src/page.md:3: no test that passed saw listings/good/shop/map.yaml applied"],
            )
        },
        row(
            "refused_manifest_that_is_accepted",
            vec![(MANY, Replace("clerks: 11", "clerks: 10"))],
            &[
                "src/page.md:11: the test shop::the_rule_refuses failed",
                "was to be refused, and the API server took it",
            ],
        ),
        row(
            "rule_taken_out_of_a_definition",
            vec![(CRD, Replace("self.clerks <= 10", "self.clerks <= 100"))],
            &[
                "the test shop::the_rule_refuses failed",
                "was to be refused, and the API server took it",
                "src/page.md:7: ",
            ],
        ),
        row(
            "definition_that_is_not_the_program_s",
            vec![(CRD, Append("                note:\n                  type: string\n"))],
            &[
                "src/page.md:7: the test shop::the_definition_is_the_program_s failed",
                "crd.yaml is out of date",
            ],
        ),
        row(
            "right_taken_away",
            vec![(RIGHTS, Replace("verbs: [list]", "verbs: [get]"))],
            &[
                "src/page.md:15: the test shop::a_reader_may_list_maps_and_no_more failed at listings/good/shop/tests/shop.rs:",
                "cannot list resource",
            ],
        ),
        row(
            "right_that_is_too_wide",
            vec![(RIGHTS, Replace("resources: [configmaps]", "resources: [\"*\"]"))],
            &[
                "src/page.md:15: the test shop::a_reader_may_list_maps_and_no_more failed at listings/good/shop/tests/shop.rs:",
                "was to forbid it",
            ],
        ),
        session(
            "kubectl_output_that_differs",
            vec![(PAGE, Replace("shop   1      0s", "shop   2      0s"))],
            &[
                "src/page.md:24: the output of `kubectl get configmap shop` differs",
                "-shop   2      0s",
                "+shop   1      ",
            ],
        ),
        session(
            "session_that_leaves_a_namespace",
            vec![(
                PAGE,
                Replace(
                    "$ kubectl get",
                    "$ kubectl create namespace left\nnamespace/left created\n$ kubectl get",
                ),
            )],
            &["src/page.md:19: the session left the Namespace left behind"],
        ),
        session(
            "session_that_leaves_a_definition",
            vec![(
                PAGE,
                Replace(
                    "$ kubectl get",
                    "$ kubectl apply --filename=crd.yaml > /dev/null\n$ kubectl get",
                ),
            )],
            &["src/page.md:19: the session left the CustomResourceDefinition shops.good.example behind"],
        ),
        session(
            "name_that_is_taken",
            vec![(
                PAGE,
                Replace("$ kubectl get", "$ kubectl delete namespace kube-public\n$ kubectl get"),
            )],
            &[
                "src/page.md:19: the session cannot run: there is a Namespace `kube-public` already, which is not of this run",
            ],
        ),
    ]
}

/// What takes more than one command. The last two break the cluster.
pub fn stories() -> Vec<(&'static str, Story)> {
    vec![
        ("a_killed_run_s_namespace_is_removed_by_the_next_run", killed),
        ("two_runs_at_once_wait_for_each_other", two),
        ("a_node_that_is_not_ready_is_not_green", not_ready),
        ("a_cluster_that_goes_under_a_test_is_not_green", gone),
    ]
}

/// Starts a run, with its words in the air.
fn start(copy: &Copy, args: &[&str]) -> Result<std::process::Child, String> {
    copy.command(args, env())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| e.to_string())
}

fn ended(child: std::process::Child) -> Result<(Option<i32>, String), String> {
    let output = child.wait_with_output().map_err(|e| e.to_string())?;
    Ok((output.status.code(), text(&output)))
}

/// The namespaces of a run.
fn namespaces(run: u32) -> Vec<String> {
    let listed = kubectl(&[
        "get",
        "namespaces",
        "--output=jsonpath={range .items[*]}{.metadata.labels.book\\.test} {.metadata.name}{\"\\n\"}{end}",
    ]);
    let of = format!("{run}-");
    listed
        .lines()
        .filter(|l| l.starts_with(&of))
        .map(str::to_owned)
        .collect()
}

fn waiting(good: &Good) -> Result<Copy, String> {
    let copy = good.copy();
    let tests = std::fs::read_to_string(copy.path(TESTS)).map_err(|e| e.to_string())?;
    // No other test's namespace is to be taken for the one that is waited for.
    let (imports, _) = tests.split_once("#[test]").ok_or("the good book has tests")?;
    std::fs::write(copy.path(TESTS), format!("{imports}{WAITS}")).map_err(|e| e.to_string())?;
    Ok(copy)
}

fn killed(good: &Good) -> Result<(), String> {
    let copy = good.copy();
    let page = std::fs::read_to_string(copy.path(PAGE)).map_err(|e| e.to_string())?;
    let waits = "$ kubectl create namespace left > /dev/null\n$ tail -f /dev/null\n$ kubectl get";
    let write = |text: &str| std::fs::write(copy.path(PAGE), text).map_err(|e| e.to_string());
    write(&page.replace("$ kubectl get", waits))?;
    let args = &["test", "--lane", "kind", "console:src/page.md"];
    let mut child = start(&copy, args)?;
    let run = child.id();
    let there = || kubectl(&["get", "namespaces", "--output=name"]).contains("namespace/left\n");
    until("the session has made a namespace", || {
        there() && !namespaces(run).is_empty()
    })?;
    child.kill().map_err(|e| e.to_string())?;
    child.wait().map_err(|e| e.to_string())?;
    until("the session of the killed run ends", || copy.nothing_left().is_ok())?;
    expect(there(), "", "nothing was left, so nothing can be proven")?;
    write(&page)?;
    let output = copy.run(args, env());
    let said = text(&output);
    expect(output.status.success(), &said, "the next run is not green")?;
    says(
        &said,
        "removed the Namespace left, which a run that was killed had left behind",
    )?;
    says(&said, "removed the Namespace book-")?;
    copy.nothing_left()?;
    nothing_left(run)
}

fn two(good: &Good) -> Result<(), String> {
    let (first, second) = (good.copy(), good.copy());
    let page = std::fs::read_to_string(first.path(PAGE)).map_err(|e| e.to_string())?;
    // Goes on when the file is there.
    let waits = "$ until test -e ../../../go; do sleep 0.1; done\n$ kubectl get";
    std::fs::write(first.path(PAGE), page.replace("$ kubectl get", waits)).map_err(|e| e.to_string())?;
    let args = &["test", "--lane", "kind", "console:src/page.md"];
    let one = start(&first, args)?;
    let id = one.id();
    until("the first run has the cluster", || !namespaces(id).is_empty())?;
    let mut two = start(&second, args)?;
    // What it says comes at once; the rest when it has ended.
    let mut said = String::new();
    let mut lines = std::io::BufReader::new(two.stderr.take().ok_or("no output")?);
    while !said.contains("waiting for ") {
        let read = std::io::BufRead::read_line(&mut lines, &mut said).map_err(|e| e.to_string())?;
        expect(read > 0, &said, "the second run does not wait")?;
    }
    let who = format!("waiting for process {id} in {}", first.dir.path().display());
    std::fs::write(first.path("go"), "").map_err(|e| e.to_string())?;
    let (code, words) = ended(one)?;
    expect(code == Some(0), &words, "the first run is not green")?;
    std::io::Read::read_to_string(&mut lines, &mut said).map_err(|e| e.to_string())?;
    let (code, words) = ended(two)?;
    expect(
        code == Some(0),
        &format!("{said}{words}"),
        "the second run is not green",
    )?;
    says(&said, &who)?;
    first.nothing_left()?;
    second.nothing_left()?;
    nothing_left(id)
}

fn not_ready(good: &Good) -> Result<(), String> {
    let copy = good.copy();
    let paused = docker(&["pause", &engine::node()]);
    let output = copy.run(KIND, env());
    let again = docker(&["unpause", &engine::node()]);
    let said = text(&output);
    expect(
        paused.status.success() && again.status.success(),
        &said,
        "the node was not paused",
    )?;
    expect(
        output.status.code() == Some(1),
        &said,
        "a node that does not answer is green",
    )?;
    says(&said, "kind: 5 checks not run here (no cluster")?;
    says(&said, "does not run (paused)")?;
    says(&said, "fix: cargo book setup")?;
    engine::kubeconfig();
    copy.nothing_left()?;
    nothing_left(0)
}

fn gone(good: &Good) -> Result<(), String> {
    let copy = waiting(good)?;
    let child = start(&copy, KIND)?;
    let id = child.id();
    until("a test has its namespace", || {
        let mine = format!("{id}-");
        kubectl(&[
            "get",
            "namespaces",
            "--selector=book.test",
            "--output=jsonpath={.items[*].metadata.labels.book\\.test}",
        ])
        .contains(&mine)
    })?;
    docker(&["rm", "--force", "--volumes", &engine::node()]);
    let (code, said) = ended(child)?;
    engine::kubeconfig();
    expect(code == Some(1), &said, "a cluster that goes is green")?;
    says(&said, "src/page.md:3: the test shop::waits failed at ")?;
    says(&said, "nobody can say what the run left on the cluster")?;
    says(&said, "fix: cargo book setup --lane kind")?;
    copy.nothing_left()
}

/// Waits for a condition.
fn until(what: &str, holds: impl Fn() -> bool) -> Result<(), String> {
    let start = Instant::now();
    while !holds() {
        if start.elapsed() > Duration::from_secs(180) {
            return Err(format!("not within three minutes: {what}"));
        }
        std::thread::park_timeout(Duration::from_millis(50));
    }
    Ok(())
}

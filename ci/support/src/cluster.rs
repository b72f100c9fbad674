//! Namespaces, objects and programs on the kind cluster that all tests of the book share.
//!
//! A test gets a namespace of its own and a client that acts as the cluster's administrator. The namespace has a random
//! name and is gone when the test ends, also when it panics; then its pods, events, conditions and last log lines are
//! printed first.
//!
//! ```no_run
//! use book_support::cluster::{BUDGET, temp_namespace, until};
//! use k8s_openapi::api::apps::v1::Deployment;
//!
//! temp_namespace(|_client, ns| async move {
//!     ns.apply("listings/22-kubernetes-operators/first/deployment.yaml").await;
//!     let deployments = ns.api::<Deployment>();
//!     until("two replicas are ready", BUDGET, async || {
//!         let status = deployments.get("links-api").await?.status.unwrap_or_default();
//!         anyhow_like(status.ready_replicas == Some(2), status)
//!     })
//!     .await;
//! });
//! # fn anyhow_like<T>(_: bool, _: T) -> Result<(), kube::Error> { Ok(()) }
//! ```
//!
//! | module | what lives there |
//! |---|---|
//! | `manifest` | the manifests that pages show: applied, or refused |
//! | `forward` | a Service or pod, reached through 127.0.0.1 |
//! | `dump` | what a failed test's namespace held |

mod dump;
mod forward;
mod manifest;

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Namespace as Object, Node, Pod, ServiceAccount};
use kube::api::{Api, DeleteParams, ListParams, LogParams, ObjectMeta, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tempfile::TempPath;

pub use forward::Forward;
pub use kube;
pub use manifest::Manifest;

use crate::docker::{docker, output, run_id, truth};
use crate::{evidence, root};

/// Longest that a cluster may take for what a test waits for: a pod that starts, a controller that reacts.
pub const BUDGET: Duration = Duration::from_secs(60);

/// Longest that a namespace may take to go, with all that is in it.
const REMOVAL: Duration = Duration::from_secs(90);

/// How often a condition is looked at.
const EVERY: Duration = Duration::from_millis(100);

/// Who owns the fields that tests set.
pub const FIELD_MANAGER: &str = "book";

/// The label on all that a test makes, with the run's name.
const LABEL: &str = "book.test";

/// The file that leads to the cluster: `BOOK_KUBECONFIG`, else the one that `cargo book setup --lane kind` writes.
pub fn kubeconfig() -> PathBuf {
    if let Some(file) = std::env::var_os("BOOK_KUBECONFIG") {
        return file.into();
    }
    let work = match (std::env::var_os("BOOK_WORK"), std::env::var_os("CARGO_TARGET_DIR")) {
        (Some(work), _) => work.into(),
        (None, Some(target)) => root().join(target).join("book"),
        (None, None) => root().join("target/book"),
    };
    work.join("kind/kubeconfig")
}

/// The cluster's name: `BOOK_CLUSTER`, else that of `k8s/kind.yaml`.
pub fn cluster_name() -> String {
    std::env::var("BOOK_CLUSTER").unwrap_or_else(|_| "cloud-native-rust".into())
}

/// kubectl, as the cluster's administrator.
pub fn kubectl(args: &[&str]) -> Output {
    Command::new("kubectl")
        .arg("--kubeconfig")
        .arg(kubeconfig())
        .args(args)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|e| panic!("kubectl does not start: {e}\n  fix: cargo book setup --lane kind"))
}

/// A client that acts as the cluster's administrator, in a namespace.
///
/// # Panics
/// When there is no cluster, with the command that makes one.
async fn administrator(namespace: &str) -> Client {
    let file = kubeconfig();
    let read = Kubeconfig::read_from(&file).unwrap_or_else(|e| {
        panic!(
            "no cluster: {}: {e}\n  fix: cargo book setup --lane kind",
            file.display()
        )
    });
    let mut config = Config::from_custom_kubeconfig(read, &KubeConfigOptions::default())
        .await
        .unwrap_or_else(|e| panic!("{}: {e}\n  fix: cargo book setup --lane kind", file.display()));
    config.default_namespace = namespace.to_owned();
    Client::try_from(config).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
}

/// Runs a test in a namespace of its own. The client acts as the cluster's administrator, and that namespace is its
/// default; [`Namespace::client_of`] gives one that acts as a ServiceAccount.
///
/// Notes what the cluster truly is.
///
/// # Panics
/// When the test does, after printing what its namespace held; when there is no cluster, with the command that makes
/// one; when the namespace does not go.
#[track_caller]
pub fn temp_namespace<F>(test: impl FnOnce(Client, Namespace) -> F)
where
    F: Future<Output = ()>,
{
    // The test itself runs on this thread, whose name is the test's: notes know it by that.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime for the test");
    runtime.block_on(async {
        let client = administrator("default").await;
        note_versions(&client).await;
        let name = Namespace::create(&client).await;
        let namespace = Namespace::of(name.clone()).await;
        let client = namespace.client.clone();
        let ended = AssertUnwindSafe(async { test(client.clone(), namespace).await })
            .catch_unwind()
            .await;
        if ended.is_err() {
            eprintln!("{}", dump::dump(&client, &name).await);
        }
        let gone = AssertUnwindSafe(remove(&client, &name)).catch_unwind().await;
        // The test's own panic is what matters.
        let all: Result<(), Box<dyn Any + Send>> = ended.and(gone);
        all.unwrap_or_else(|panic| resume_unwind(panic));
    });
}

/// What ran, for the evidence: asked of the cluster, not of a file.
async fn note_versions(client: &Client) {
    let nodes = Api::<Node>::all(client.clone());
    let listed = nodes
        .list(&ListParams::default())
        .await
        .unwrap_or_else(|e| panic!("the cluster does not answer: {e}\n  fix: cargo book setup --lane kind"));
    for node in listed {
        let version = node.status.and_then(|s| s.node_info).map(|i| i.kubelet_version);
        let image = output(&["inspect", "--format", "{{.Config.Image}}", &name_of(&node.metadata)]);
        evidence::version(&image, &format!("{} ({})", truth(&image), version.unwrap_or_default()));
    }
}

fn name_of(meta: &ObjectMeta) -> String {
    meta.name.clone().unwrap_or_default()
}

/// Deletes a namespace and waits until it is gone. Its pods get no grace: whoever wants to see one stop has seen it.
async fn remove(client: &Client, name: &str) {
    let pods = Api::<Pod>::namespaced(client.clone(), name);
    let now = DeleteParams::default().grace_period(0);
    // A namespace that does not exist any more has no pods either.
    let _ = pods.delete_collection(&now, &ListParams::default()).await;
    let namespaces = Api::<Object>::all(client.clone());
    match namespaces.delete(name, &DeleteParams::default()).await {
        Err(kube::Error::Api(status)) if status.is_not_found() => return,
        Err(e) => panic!("the namespace {name} cannot be removed: {e}\n  fix: kubectl delete namespace {name}"),
        Ok(_) => {}
    }
    until("the test's namespace is gone", REMOVAL, async || {
        match namespaces.get_opt(name).await {
            Ok(None) => Ok(()),
            Ok(Some(left)) => {
                let conditions = left.status.and_then(|s| s.conditions).unwrap_or_default();
                let left: Vec<String> = conditions.into_iter().filter_map(|c| c.message).collect();
                Err(left.join("; "))
            }
            Err(e) => Err(e.to_string()),
        }
    })
    .await;
}

/// Asks again and again until there is an answer, as [`crate::eventually`] does, without holding up other tasks.
///
/// # Panics
/// When the budget is spent: with `what` and the last refusal.
pub async fn until<T, E: Debug>(what: &str, budget: Duration, mut ask: impl AsyncFnMut() -> Result<T, E>) -> T {
    let start = Instant::now();
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(last) if start.elapsed() >= budget => {
                panic!("{what}: not within {} s; last seen: {last:?}", budget.as_secs_f64())
            }
            Err(_) => tokio::time::sleep(EVERY).await,
        }
    }
}

/// The words of the API server when it forbids something.
///
/// # Panics
/// When it was not forbidden: with what came instead.
#[track_caller]
pub fn forbidden<T: Debug>(asked: Result<T, kube::Error>) -> String {
    match asked {
        Err(kube::Error::Api(status)) if status.is_forbidden() => status.message,
        other => panic!("the API server was to forbid it, and answered: {other:?}"),
    }
}

/// A namespace of one test.
#[derive(Clone)]
pub struct Namespace {
    client: Client,
    name: String,
    /// Leads kubectl, and programs that ask as it does, into this namespace.
    kubeconfig: Arc<TempPath>,
}

impl Namespace {
    /// Makes one; its name.
    async fn create(client: &Client) -> String {
        let labels = BTreeMap::from([(LABEL.to_owned(), run_id())]);
        let wanted = Object {
            metadata: ObjectMeta {
                generate_name: Some("book-".into()),
                labels: Some(labels),
                ..ObjectMeta::default()
            },
            ..Object::default()
        };
        let namespaces = Api::<Object>::all(client.clone());
        let made = namespaces
            .create(&PostParams::default(), &wanted)
            .await
            .unwrap_or_else(|e| panic!("no namespace for the test: {e}\n  fix: cargo book setup --lane kind"));
        let name = name_of(&made.metadata);
        // A pod that comes before its ServiceAccount is refused.
        let accounts = Api::<ServiceAccount>::namespaced(client.clone(), &name);
        until("the namespace has its default ServiceAccount", BUDGET, async || {
            accounts.get("default").await.map(drop)
        })
        .await;
        name
    }

    async fn of(name: String) -> Namespace {
        let copy = tempfile::NamedTempFile::with_prefix("book-kubeconfig-").expect("a temporary file");
        let copy = copy.into_temp_path();
        std::fs::copy(kubeconfig(), &copy).expect("the file that led here");
        let namespace = format!("--namespace={name}");
        let out = Command::new("kubectl")
            .args(["config", "set-context", "--current", &namespace, "--kubeconfig"])
            .arg(&copy)
            .output()
            .unwrap_or_else(|e| panic!("kubectl does not start: {e}\n  fix: cargo book setup --lane kind"));
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        Namespace {
            client: administrator(&name).await,
            name,
            kubeconfig: Arc::new(copy),
        }
    }

    /// A kubeconfig whose current context is this namespace, for `KUBECONFIG` of a program. It goes with the test.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The objects of a kind in it.
    pub fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = kube::core::NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), &self.name)
    }

    /// Applies a manifest that a page shows: server-side, and strictly, so that a field that the API does not know is an
    /// error. Objects of namespaces come into this one. Notes it as applied.
    ///
    /// # Panics
    /// When the API server refuses a part of it, with its words.
    pub async fn apply(&self, path: &str) {
        Manifest::of(path).apply(self).await;
    }

    /// The API server's words when it refuses a manifest that a page shows. Notes it as refused.
    ///
    /// # Panics
    /// When the API server takes it.
    pub async fn refused(&self, path: &str) -> String {
        Manifest::of(path).refused(self).await
    }

    /// A client that acts as a ServiceAccount of this namespace, with a token that the cluster gave out for ten minutes.
    ///
    /// # Panics
    /// When there is no such ServiceAccount.
    pub async fn client_of(&self, account: &str) -> Client {
        let read = self.acting_as(account).await;
        let config = Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await;
        Client::try_from(config.expect("the file that led here")).expect("a client from a token")
    }

    /// A kubeconfig that acts as a ServiceAccount of this namespace, for `KUBECONFIG` of a program.
    ///
    /// # Panics
    /// As [`Namespace::client_of`].
    pub async fn kubeconfig_of(&self, account: &str) -> TempPath {
        let read = self.acting_as(account).await;
        let copy = tempfile::NamedTempFile::with_prefix("book-kubeconfig-").expect("a temporary file");
        // What is JSON is YAML.
        serde_json::to_writer(&copy, &read).expect("a kubeconfig can be written");
        copy.into_temp_path()
    }

    /// Nothing of the administrator's stays but the address and its authority.
    async fn acting_as(&self, account: &str) -> Kubeconfig {
        let wanted = TokenRequest {
            spec: Some(TokenRequestSpec {
                expiration_seconds: Some(600),
                ..TokenRequestSpec::default()
            }),
            ..TokenRequest::default()
        };
        let given = self
            .api::<ServiceAccount>()
            .create_token_request(account, &PostParams::default(), &wanted)
            .await
            .unwrap_or_else(|e| panic!("no token for the ServiceAccount {account}: {e}"));
        let token = given.status.and_then(|status| status.token);
        let token = token.expect("a token request is answered with a token");
        let mut read = Kubeconfig::read_from(&*self.kubeconfig).expect("the file that led here");
        for user in &mut read.auth_infos {
            user.auth_info = Some(kube::config::AuthInfo {
                token: Some(token.clone().into()),
                ..kube::config::AuthInfo::default()
            });
        }
        read
    }

    /// kubectl in this namespace: what it prints on both outputs, standard output first.
    pub fn kubectl(&self, args: &[&str]) -> String {
        let out = kubectl(&[&["--namespace", &self.name], args].concat());
        [out.stdout, out.stderr]
            .map(|o| String::from_utf8_lossy(&o).into_owned())
            .concat()
    }

    /// Both outputs so far of the pods with these labels, as in `app=links-api`.
    pub async fn logs(&self, labels: &str) -> String {
        let pods = self.api::<Pod>();
        let listed = pods.list(&ListParams::default().labels(labels)).await;
        let mut text = String::new();
        for pod in listed.unwrap_or_else(|e| panic!("pods with {labels}: {e}")) {
            let logs = pods.logs(&name_of(&pod.metadata), &LogParams::default()).await;
            text.push_str(&logs.unwrap_or_else(|e| format!("no log: {e}\n")));
        }
        text
    }

    /// A Service's port, reached through 127.0.0.1 as long as the value lives. It has to have a pod that is ready.
    ///
    /// # Panics
    /// When it cannot be reached.
    pub fn forward(&self, what: &str, port: u16) -> Forward {
        Forward::open(&self.name, what, port)
    }
}

impl Debug for Namespace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "namespace {}", self.name)
    }
}

/// An image on the cluster's nodes; removed from them when dropped.
#[derive(Debug)]
pub struct Loaded {
    tag: String,
    nodes: Vec<String>,
}

impl Loaded {
    /// Its name in the cluster.
    pub fn tag(&self) -> &str {
        &self.tag
    }
}

/// Brings an image of this machine's engine to each node of the cluster, so that a pod can run it.
///
/// # Panics
/// When there is no such image, or a node does not take it.
#[track_caller]
pub fn load(tag: &str) -> Loaded {
    let filter = format!("label=io.x-k8s.kind.cluster={}", cluster_name());
    let nodes = output(&["ps", "--filter", &filter, "--format", "{{.Names}}"]);
    let nodes: Vec<String> = nodes.lines().map(str::to_owned).collect();
    assert!(
        !nodes.is_empty(),
        "the cluster has no node\n  fix: cargo book setup --lane kind"
    );
    for node in &nodes {
        let mut save = Command::new("docker")
            .args(["save", tag])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("docker does not start: {e}"));
        let import = Command::new("docker")
            .args([
                "exec",
                "--interactive",
                node,
                "ctr",
                "--namespace=k8s.io",
                "images",
                "import",
                "-",
            ])
            .stdin(save.stdout.take().expect("a pipe was asked for"))
            .output()
            .unwrap_or_else(|e| panic!("docker does not start: {e}"));
        let saved = save.wait().is_ok_and(|status| status.success());
        let said = String::from_utf8_lossy(&import.stderr);
        assert!(
            saved && import.status.success(),
            "{tag} does not reach the node {node}: {said}"
        );
    }
    Loaded {
        tag: tag.to_owned(),
        nodes,
    }
}

impl Drop for Loaded {
    fn drop(&mut self) {
        // containerd's name of it has the registry that Docker leaves out.
        let name = format!("docker.io/{}", self.tag);
        for node in &self.nodes {
            docker(&[
                "exec",
                node,
                "ctr",
                "--namespace=k8s.io",
                "images",
                "rm",
                "--sync",
                &name,
            ]);
        }
    }
}

/// Definitions of custom resources, which all namespaces of the cluster share: present as long as somebody holds one of
/// these.
#[derive(Clone, Debug)]
pub struct Definition(#[allow(dead_code, reason = "it is held, not read")] Arc<Installed>);

#[derive(Debug)]
struct Installed {
    name: String,
    /// Held as long as this program uses the definition: another program would take it away under its feet.
    _lock: std::fs::File,
}

/// Applies the definition of a custom resource that a page shows, and waits until the API server serves it. Tests of one
/// program share it; another program waits until they are done. It is removed when the last of them is. Notes it as
/// applied.
///
/// # Panics
/// When the API server refuses it, with its words.
pub fn definition(path: &str) -> Definition {
    static HELD: Mutex<BTreeMap<String, Weak<Installed>>> = Mutex::new(BTreeMap::new());
    // Read by the asking test, each: the note says what it stands on.
    let text = crate::listing(path);
    let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
    let there = held.get(path).and_then(Weak::upgrade);
    let installed = there.unwrap_or_else(|| {
        let installed = Arc::new(install(path, &text));
        held.insert(path.to_owned(), Arc::downgrade(&installed));
        installed
    });
    evidence::note("applied", path, "");
    Definition(installed)
}

fn install(path: &str, text: &str) -> Installed {
    let name = text
        .lines()
        .find_map(|line| line.strip_prefix("  name: "))
        .unwrap_or_else(|| panic!("{path} has no metadata.name"))
        .trim()
        .to_owned();
    let lock = std::env::temp_dir().join(format!("{}-{name}.lock", cluster_name()));
    let file = std::fs::File::options().append(true).create(true).open(&lock);
    let file = file.unwrap_or_else(|e| panic!("{}: {e}", lock.display()));
    file.lock().unwrap_or_else(|e| panic!("{}: {e}", lock.display()));
    let label = format!("{LABEL}={}", run_id());
    let full = root().join(path);
    let manager = format!("--field-manager={FIELD_MANAGER}");
    for args in [
        &[
            "apply",
            "--server-side",
            "--validate=strict",
            &manager,
            "--filename",
            &full.to_string_lossy(),
        ][..],
        &["label", "--overwrite", "crd", &name, &label],
        &["wait", "--for=condition=Established", "--timeout=30s", "crd", &name],
    ] {
        let out = kubectl(args);
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "{path}: kubectl {}: {}", args[0], said.trim());
    }
    Installed { name, _lock: file }
}

impl Drop for Installed {
    fn drop(&mut self) {
        // Waits until it is gone: the next one of this name would be refused otherwise.
        kubectl(&["delete", "--ignore-not-found", "--timeout=60s", "crd", &self.name]);
    }
}

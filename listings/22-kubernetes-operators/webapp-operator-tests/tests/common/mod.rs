//! The operator's program as a process of this machine, and the objects that its tests share.

use std::fmt::Debug;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use book_support::cluster::{
    BUDGET, Namespace, definition, temp_namespace, until,
};
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde::de::DeserializeOwned;
use serde_json::json;
use tempfile::TempPath;
use webapp_operator::webapp::WebApp;

pub const CRD: &str =
    "listings/22-kubernetes-operators/webapp-operator/deploy/crd.yaml";
pub const RBAC: &str =
    "listings/22-kubernetes-operators/webapp-operator/deploy/rbac.yaml";

/// The app of the page with this many replicas: with none, no pod has to start.
pub async fn app(ns: &Namespace, replicas: i32) -> WebApp {
    let wanted = json!({
        "apiVersion": "cloud-native-rust.example/v1",
        "kind": "WebApp",
        "metadata": { "name": "links-api" },
        "spec": { "image": "links-api:1", "port": 8080, "replicas": replicas },
    });
    let apps: Api<WebApp> = ns.api();
    let params = PatchParams::apply("test").force();
    apps.patch("links-api", &params, &Patch::Apply(wanted))
        .await
        .unwrap()
}

/// Runs a test beside the operator, which has the rights of the page, in a
/// namespace that holds the app without pods.
pub fn with_operator<F>(test: impl FnOnce(Namespace) -> F)
where
    F: Future<Output = ()>,
{
    let _definition = definition(CRD);
    temp_namespace(|_, ns| async move {
        ns.apply(RBAC).await;
        let _operator = running(&ns).await;
        app(&ns, 0).await;
        test(ns).await;
    });
}

/// Waits for the app's child of a kind.
pub async fn there<K>(children: &Api<K>) -> K
where
    K: Clone + Debug + DeserializeOwned,
{
    until("the child is there", BUDGET, async || {
        children.get("links-api").await
    })
    .await
}

/// The operator's program. It is asked to stop when dropped, and killed if it does not.
pub struct Running {
    child: Child,
    log: Arc<Mutex<String>>,
    /// Read once, at its start; a file of its own as long as it runs.
    _kubeconfig: TempPath,
}

/// Starts the program with the rights of the ServiceAccount that the page gives it.
pub async fn running(ns: &Namespace) -> Running {
    let kubeconfig = ns.kubeconfig_of("webapp-operator").await;
    let mut child =
        Command::new(book_support::program("webapp-operator"))
            .env("KUBECONFIG", &kubeconfig)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
    let log = Arc::new(Mutex::new(String::new()));
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let told = Arc::clone(&log);
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            let mut log = told.lock().unwrap();
            log.push_str(&line);
            log.push('\n');
        }
    });
    Running { child, log, _kubeconfig: kubeconfig }
}

impl Running {
    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits until it says that it has reconciled an app.
    pub async fn reconciled(&self, app: &str) {
        self.says(&format!(r#""message":"reconciled","app":"{app}""#))
            .await;
    }

    /// Waits until its log holds some words.
    pub async fn says(&self, words: &str) {
        until(words, BUDGET, async || {
            let log = self.log();
            log.contains(words).then_some(()).ok_or(log)
        })
        .await;
    }

    /// Asks it to stop, and waits until it has.
    pub async fn stop(mut self) {
        self.ask();
        until(
            "the operator stops",
            Duration::from_secs(10),
            async || self.child.try_wait().unwrap().ok_or("it runs"),
        )
        .await;
    }

    fn ask(&mut self) {
        let pid = self.child.id().to_string();
        let _ = Command::new("kill").arg(&pid).status();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.ask();
            let ended = std::panic::catch_unwind(
                std::panic::AssertUnwindSafe(|| {
                    book_support::eventually(
                        "the operator stops",
                        Duration::from_secs(10),
                        || {
                            self.child
                                .try_wait()
                                .unwrap()
                                .ok_or("it runs")
                        },
                    )
                }),
            );
            if ended.is_err() {
                let _ = self.child.kill();
                let _ = self.child.wait();
            }
        }
        if std::thread::panicking() {
            eprintln!("the operator's log:\n{}", self.log());
        }
    }
}

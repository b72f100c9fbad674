//! The real metrics-server in a real cluster: what `kubectl top` prints, and a workload that grows with its load.
//!
//! Needs what `cargo book setup --image registry.k8s.io/metrics-server/metrics-server:v0.9.0` brings, and about two
//! minutes: `cargo test -p book-setup --features cluster --test metrics_server`. The cluster has a name of its own.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use book_setup::cluster::Shared;

const IMAGE: &str = "registry.k8s.io/metrics-server/metrics-server:v0.9.0";

/// Takes all the CPU that it can have, and may be four.
const BUSY: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: busy}
spec:
  selector:
    matchLabels: {app: busy}
  template:
    metadata:
      labels: {app: busy}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
        - name: busy
          image: debian:trixie-slim
          command: [sh, -c, "while :; do :; done"]
          resources:
            requests: {cpu: 50m}
            limits: {cpu: 100m}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: busy}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: busy}
  minReplicas: 1
  maxReplicas: 3
  metrics:
    - type: Resource
      resource:
        name: cpu
        target: {type: Utilization, averageUtilization: 50}
"#;

/// Removed when this is dropped, also when the test panics.
struct Made(Shared);

impl Drop for Made {
    fn drop(&mut self) {
        let _ = self.0.remove();
    }
}

impl Made {
    /// What kubectl prints, given this on its standard input.
    fn kubectl(&self, args: &[&str], input: &str) -> String {
        let mut child = Command::new("kubectl")
            .arg("--kubeconfig")
            .arg(self.0.kubeconfig())
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("kubectl");
        let mut stdin = child.stdin.take().expect("a pipe");
        stdin.write_all(input.as_bytes()).expect("its input");
        drop(stdin);
        let out = child.wait_with_output().expect("its output");
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "kubectl {}: {said}", args.join(" "));
        String::from_utf8_lossy(&out.stdout).into_owned()
    }

    fn wait(&self, condition: &str, what: &str) {
        self.kubectl(&["wait", &format!("--for={condition}"), what, "--timeout=240s"], "");
    }
}

/// Rows of a table of numbers such as `12m` and `34Mi`, without its head.
fn rows(table: &str) -> Vec<Vec<String>> {
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect();
    table.lines().skip(1).map(words).collect()
}

fn number(word: &str) -> u64 {
    let digits: String = word.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or_else(|_| panic!("no number: {word}"))
}

#[test]
fn use_of_nodes_and_pods_is_told_and_a_workload_grows_with_its_load() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = tempfile::tempdir().expect("a folder");
    let name = format!("book-{:016x}", RandomState::new().build_hasher().finish());
    let cluster = Shared::new(&root, &name, &folder.path().join("cluster"));
    let made = Made(cluster);
    let done = |done: anyhow::Result<String>| done.unwrap_or_else(|error| panic!("{error:#}"));
    done(made.0.provide(folder.path()));

    assert!(!made.0.holds(IMAGE));
    for image in [IMAGE, "debian:trixie-slim"] {
        assert_eq!(done(made.0.load(image, folder.path())), "");
        assert!(made.0.holds(image));
        assert_eq!(done(made.0.load(image, folder.path())), "it was there");
    }

    let manifest = std::fs::read_to_string(root.join("k8s/metrics-server.yaml")).expect("the manifest");
    made.kubectl(&["apply", "--server-side", "--filename=-"], &manifest);
    made.wait("condition=Available", "apiservice/v1beta1.metrics.k8s.io");
    let nodes = rows(&made.kubectl(&["top", "node"], ""));
    assert_eq!(nodes.len(), 1, "{nodes:?}");
    assert_eq!(nodes[0][0], format!("{name}-control-plane"));
    assert!(number(&nodes[0][1]) > 0 && nodes[0][3].ends_with("Mi"), "{nodes:?}");

    made.kubectl(&["apply", "--server-side", "--filename=-"], BUSY);
    made.wait("jsonpath={.status.desiredReplicas}=3", "hpa/busy");
    made.wait("jsonpath={.status.readyReplicas}=3", "deployment/busy");
    let active = "jsonpath={.status.conditions[?(@.type==\"ScalingActive\")].reason}";
    assert_eq!(
        made.kubectl(&["get", "hpa/busy", "--output", active], ""),
        "ValidMetricFound"
    );
    let pods = rows(&made.kubectl(&["top", "pod", "--selector=app=busy"], ""));
    // Its limit is 100m.
    assert!(pods.iter().any(|pod| (50..130).contains(&number(&pod[1]))), "{pods:?}");

    let removed = made.0.remove().expect("it can be removed");
    assert_eq!(removed.first(), Some(&format!("cluster {name}")), "{removed:?}");
}

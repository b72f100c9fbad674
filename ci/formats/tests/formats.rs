//! Good and bad files of each format, and what is said of them.

use std::io::Write;
use std::process::{Command, Stdio};

use book_formats::{Asked, Format, Request, Wrong, check};

/// What is wrong with one file, a line each. A CustomResourceDefinition lies beside it.
fn said(format: Format, name: &str, text: &str) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(name), text).unwrap();
    std::fs::write(dir.path().join("crd.yaml"), CRD).unwrap();
    let request = Request {
        root: dir.path().to_path_buf(),
        files: vec![Asked {
            path: name.into(),
            format,
        }],
        definitions: vec!["crd.yaml".into()],
    };
    let words = |w: Wrong| format!("{}:{}: {}", w.path, w.line, w.what);
    check(&request).into_iter().map(words).collect()
}

#[track_caller]
fn holds(format: Format, text: &str) {
    let said = said(format, "a", text);
    assert!(said.is_empty(), "{said:#?}\n{text}");
}

#[track_caller]
fn says(format: Format, text: &str, expected: &[&str]) {
    let said = said(format, "a", text);
    let good = said.len() == expected.len() && said.iter().zip(expected).all(|(s, e)| s.starts_with(e));
    assert!(good, "{said:#?}\n{text}");
}

const CRD: &str = "\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: webapps.shop.example
spec:
  group: shop.example
  scope: Namespaced
  names:
    kind: WebApp
    plural: webapps
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          required: [spec]
          properties:
            spec:
              type: object
              required: [image]
              x-kubernetes-validations:
                - rule: self.replicas < 10
              properties:
                image:
                  type: string
                  minLength: 3
                  pattern: ^[a-z].*
                replicas:
                  type: integer
                  minimum: 1
                  maximum: 9
                level:
                  type: string
                  enum: [low, high]
                port:
                  x-kubernetes-int-or-string: true
                labels:
                  type: object
                  additionalProperties:
                    type: string
                extra:
                  type: object
                  x-kubernetes-preserve-unknown-fields: true
";

const DEPLOYMENT: &str = "\
# Two copies.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: api
  labels: {app: api}
spec:
  replicas: 2
  selector:
    matchLabels: {app: api}
  template:
    metadata:
      labels: {app: api}
    spec:
      containers:
        - name: api
          image: api:1
          resources:
            limits: {cpu: 1, memory: 64Mi}
          ports:
            - containerPort: 80
          livenessProbe:
            httpGet: {path: /, port: http}
      volumes:
        - name: tmp
          emptyDir: {}
---
apiVersion: v1
kind: Service
metadata:
  name: api
spec:
  selector: {app: api}
  ports:
    - port: 80
      targetPort: 80
";

#[test]
fn a_good_manifest_is_good() {
    holds(Format::Manifest, DEPLOYMENT);
    holds(Format::Manifest, CRD);
    holds(
        Format::Manifest,
        "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: a}\n  data:\n",
    );
}

#[test]
fn an_unknown_field_has_path_and_line() {
    for (old, new, expected) in [
        (
            "replicas: 2",
            "replica: 2",
            "a:8: unknown field `spec.replica` of apps/v1 Deployment",
        ),
        (
            "containerPort: 80",
            "containerPort: 80\n              host: 1",
            "a:22: unknown field `spec.template.spec.containers[0].ports[0].host` of apps/v1 Deployment",
        ),
        (
            "targetPort: 80",
            "targetport: 80",
            "a:36: unknown field `spec.ports[0].targetport` of v1 Service",
        ),
        (
            "replicas: 2",
            "replicas: two",
            "a:8: `spec.replicas`: invalid type: string \"two\"",
        ),
        (
            "      containers:\n        -",
            "      containers:\n         ",
            "a:15: `spec.template.spec.containers`: invalid type: map",
        ),
        ("  name: api\n  labels", "  labels", "a:5: this Deployment has no name"),
        (
            "spec:\n  selector: {app: api}\n  ports",
            "spec:\n  selector: {app: api}\n  selector: {}\n  ports",
            "a:34: is no YAML: ",
        ),
    ] {
        assert!(DEPLOYMENT.contains(old), "{old}");
        says(Format::Manifest, &DEPLOYMENT.replacen(old, new, 1), &[expected]);
    }
}

#[test]
fn what_the_release_does_not_serve_is_named_with_the_right_name() {
    for (api_version, kind, expected) in [
        (
            "extensions/v1beta1",
            "Deployment",
            "a:2: Kubernetes 1.36 serves no Deployment of extensions/v1beta1; it is apps/v1",
        ),
        (
            "autoscaling/v2beta2",
            "HorizontalPodAutoscaler",
            "a:2: Kubernetes 1.36 serves no HorizontalPodAutoscaler of autoscaling/v2beta2; it is autoscaling/v2",
        ),
        (
            "shop.example/v1alpha1",
            "WebApp",
            "a:2: Kubernetes 1.36 serves no WebApp of shop.example/v1alpha1; it is shop.example/v1",
        ),
        (
            "apps/v1",
            "Deploymnet",
            "a:3: Kubernetes 1.36 knows no Deploymnet of apps/v1 (did you mean `Deployment`?)",
        ),
        (
            "shop.example/v1",
            "WebAp",
            "a:3: Kubernetes 1.36 knows no WebAp of shop.example/v1 (did you mean `WebApp`?)",
        ),
    ] {
        let text = format!("---\napiVersion: {api_version}\nkind: {kind}\nmetadata:\n  name: a\n");
        says(Format::Manifest, &text, &[expected]);
    }
    says(
        Format::Manifest,
        "a: 1\n",
        &["a:1: a document of a manifest without `apiVersion` and `kind`"],
    );
    // Somebody else's kinds are known to a cluster that has them.
    holds(
        Format::Manifest,
        "apiVersion: else.example/v1\nkind: Thing\nmetadata:\n  name: a\n",
    );
}

#[test]
fn an_object_of_the_book_s_own_kind_follows_its_schema() {
    let object = |spec: &str| format!("apiVersion: shop.example/v1\nkind: WebApp\nmetadata:\n  name: a\nspec:\n{spec}");
    let all = "  image: api:1\n  replicas: 3\n  level: low\n  port: http\n  labels: {a: b}\n  extra: {b: {c: 1}}\n";
    holds(Format::Manifest, &object(all));
    for (old, new, expected) in [
        (
            "image: api:1",
            "imag: api:1",
            &[
                "a:6: `spec.image` is missing",
                "a:6: unknown field `spec.imag` (did you mean `image`?)",
            ][..],
        ),
        (
            "image: api:1",
            "image: 1",
            &["a:6: `spec.image` has to be of type string"],
        ),
        (
            "image: api:1",
            "image: 9a",
            &[
                "a:6: `spec.image` does not match the pattern ^[a-z].*",
                "a:6: `spec.image` has 2 characters, and 3 is the least",
            ],
        ),
        (
            "replicas: 3",
            "replicas: 10",
            &["a:7: `spec.replicas` is 10, and 9 is the most"],
        ),
        (
            "replicas: 3",
            "replicas: 2.5",
            &["a:7: `spec.replicas` has to be of type integer"],
        ),
        (
            "level: low",
            "level: middle",
            &["a:8: `spec.level` has to be one of \"low\", \"high\""],
        ),
        ("port: http", "port: true", &["a:9: `spec.port` has to be of type"]),
        ("{a: b}", "{a: 1}", &["a:10: `spec.labels.a` has to be of type string"]),
    ] {
        says(Format::Manifest, &object(&all.replacen(old, new, 1)), expected);
    }
    says(
        Format::Manifest,
        "apiVersion: shop.example/v1\nkind: WebApp\nmetadata:\n  name: a\n",
        &["a:1: `spec` is missing"],
    );
}

#[test]
fn a_kind_cluster_has_known_keys() {
    let text = "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes:\n  - role: control-plane\n    \
                extraPortMappings:\n      - containerPort: 80\n        hostPort: 8080\n";
    holds(Format::Cluster, text);
    says(
        Format::Cluster,
        &text.replace("hostPort", "hostport"),
        &["a:7: unknown field `nodes.extraPortMappings.hostport` of a kind cluster (did you mean `hostPort`?)"],
    );
    says(
        Format::Cluster,
        &text.replace("v1alpha4", "v1"),
        &["a:2: kind reads another version"],
    );
    says(
        Format::Cluster,
        &text.replace("control-plane", "master"),
        &["a:4: a node has no such role"],
    );
}

#[test]
fn a_compose_file_is_yaml() {
    holds(Format::Compose, "services:\n  api:\n    image: api:1\n");
    says(Format::Compose, "services:\n  api: [\n", &["a:2: is no YAML: unclosed"]);
}

#[test]
fn each_rule_has_a_query_that_parses() {
    let text = "groups:\n  - name: api\n    rules:\n      - alert: Down\n        expr: up == 0\n        for: 1m\n      \
                - record: a:b\n        expr: |\n          sum by (job) (rate(a_total[1m]))\n";
    holds(Format::Rules, text);
    says(
        Format::Rules,
        &text.replace("up == 0", "up == "),
        &["a:5: is no PromQL: "],
    );
    says(Format::Rules, &text.replace("(job)", "(job"), &["a:9: is no PromQL: "]);
    says(
        Format::Rules,
        &text.replace("expr: up == 0", "exp: 1"),
        &["a:4: a rule without a query"],
    );
}

#[test]
fn a_query_parses() {
    holds(
        Format::Promql,
        "# How many a second.\nsum by (code) (\n  rate(http_requests_total[1m])\n)\n",
    );
    holds(
        Format::Promql,
        "# ANCHOR: a\nup\n# ANCHOR_END: a\n\n# ANCHOR: b\nup == 0\n# ANCHOR_END: b\n",
    );
    says(
        Format::Promql,
        "\n# Wrong.\nrate(http_requests_total)\n",
        &["a:3: is no PromQL: "],
    );
    says(
        Format::Promql,
        "# ANCHOR: a\nup\n# ANCHOR_END: a\n# ANCHOR: b\nup ==\n# ANCHOR_END: b\n",
        &["a:5: is no PromQL: "],
    );
    says(Format::Promql, "# Nothing.\n", &["a:1: holds no query"]);
}

#[test]
fn a_protocol_compiles() {
    let text = "syntax = \"proto3\";\npackage links;\nimport \"google/protobuf/empty.proto\";\n\nservice Links {\n  \
                rpc Resolve(Code) returns (google.protobuf.Empty);\n}\n\nmessage Code {\n  string code = 1;\n}\n";
    let said_of = |text: &str| said(Format::Proto, "links.proto", text);
    assert_eq!(said_of(text), [] as [&str; 0]);
    for (old, new, expected) in [
        (
            "rpc Resolve(Code)",
            "rpc Resolve(Kode)",
            "links.proto:6: does not compile: ",
        ),
        (
            "string code = 1;",
            "string code = 1",
            "links.proto:11: does not compile: ",
        ),
        ("string code", "strin code", "links.proto:10: does not compile: "),
        (
            "google/protobuf/empty.proto",
            "gone.proto",
            "links.proto:3: does not compile: import 'gone.proto' not found",
        ),
    ] {
        let said = said_of(&text.replacen(old, new, 1));
        assert!(said.len() == 1 && said[0].starts_with(expected), "{said:?}");
    }
}

#[test]
fn the_program_reads_a_request_and_answers() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.promql"), "up ==\n").unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_book-formats"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let request = serde_json::json!({
        "root": dir.path(),
        "files": [{ "path": "a.promql", "format": "promql" }, { "path": "gone", "format": "rules" }],
    });
    let input = program.stdin.take().unwrap();
    (&input).write_all(request.to_string().as_bytes()).unwrap();
    drop(input);
    let out = program.wait_with_output().unwrap();
    assert!(out.status.success());
    let wrong: Vec<Wrong> = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(wrong.len(), 2);
    assert!(wrong[1].what.starts_with("cannot be read"), "{wrong:?}");
}

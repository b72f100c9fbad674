//! The API server accepts what the definition allows, and refuses the rest in its own words.

use book_support::cluster::{Manifest, definition, temp_namespace};
use book_support::{Matcher, captured_matching};
use kube::{Api, ResourceExt};
use webapp_operator::webapp::WebApp;

const CRD: &str =
    "listings/22-kubernetes-operators/webapp-operator/deploy/crd.yaml";
const HERE: &str =
    "listings/22-kubernetes-operators/webapp-operator-tests";

fn manifest(name: &str) -> String {
    format!("{HERE}/manifests/{name}.yaml")
}

#[test]
fn a_good_one_is_accepted_and_has_its_defaults() {
    let _definition = definition(CRD);
    temp_namespace(|_, ns| async move {
        ns.apply(&manifest("links-api")).await;
        let apps: Api<WebApp> = ns.api();
        let app = apps.get("links-api").await.unwrap();
        assert_eq!((app.spec.replicas, app.spec.public), (2, true));
        let least = format!("{HERE}/manifests/least.yaml");
        Manifest::of(&least).apply(&ns).await;
        let app = apps.get("least").await.unwrap();
        assert_eq!((app.spec.replicas, app.spec.public), (1, false));
        assert_eq!(app.name_any(), "least");
    });
}

/// Each rule: the manifest that breaks it, and what is printed of that.
#[test]
fn each_rule_refuses_in_the_server_s_words() {
    let _definition = definition(CRD);
    temp_namespace(|_, ns| async move {
        for name in ["one-replica", "latest", "eleven", "typo"] {
            let words = ns.refused(&manifest(name)).await;
            let file = format!("{HERE}/captured/{name}.txt");
            captured_matching(&file, &words, &[Matcher::Namespace]);
        }
    });
}

#[test]
fn a_port_stays_what_it_was() {
    let _definition = definition(CRD);
    temp_namespace(|_, ns| async move {
        ns.apply(&manifest("links-api")).await;
        let words = ns.refused(&manifest("other-port")).await;
        let file = format!("{HERE}/captured/other-port.txt");
        captured_matching(&file, &words, &[Matcher::Namespace]);
    });
}

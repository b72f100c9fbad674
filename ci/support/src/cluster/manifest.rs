//! Manifests that pages show, and what the API server says to them.

use kube::api::{Api, DynamicObject, Patch, PatchParams, ValidationDirective};
use kube::core::GroupVersionKind;
use kube::discovery::{Scope, pinned_kind};

use super::{FIELD_MANAGER, Namespace};
use crate::{evidence, listing};

/// A manifest about to be sent.
#[derive(Clone, Debug)]
pub struct Manifest {
    path: String,
    text: String,
}

impl Manifest {
    /// A file of the book.
    ///
    /// # Panics
    /// When it cannot be read.
    #[track_caller]
    pub fn of(path: &str) -> Manifest {
        Manifest {
            path: path.to_owned(),
            text: listing(path),
        }
    }

    /// With another image in the place of the one that the page names: tests that run at once have one each.
    ///
    /// # Panics
    /// When the manifest does not name the first.
    #[track_caller]
    pub fn image(mut self, page: &str, test: &str) -> Manifest {
        let (from, to) = (format!("image: {page}\n"), format!("image: {test}\n"));
        assert!(self.text.contains(&from), "{} names no image {page}", self.path);
        self.text = self.text.replace(&from, &to);
        self
    }

    /// Without the lines of an anchor: what a page takes away to show what it was good for.
    ///
    /// # Panics
    /// When it has no such anchor.
    #[track_caller]
    pub fn without(mut self, anchor: &str) -> Manifest {
        let (from, to) = (format!("# ANCHOR: {anchor}\n"), format!("# ANCHOR_END: {anchor}\n"));
        let parts = self.text.split_once(&from);
        let parts = parts.and_then(|(before, rest)| Some((before, rest.split_once(&to)?.1)));
        let (before, after) = parts.unwrap_or_else(|| panic!("{} has no anchor {anchor}", self.path));
        self.text = format!("{}\n{after}", before.trim_end_matches(' ').trim_end());
        self
    }

    /// Applies it, as [`Namespace::apply`] does.
    ///
    /// # Panics
    /// When the API server refuses a part of it, with its words.
    pub async fn apply(self, namespace: &Namespace) {
        for object in self.objects() {
            if let Err(e) = self.send(namespace, object).await {
                panic!("{} was refused: {}", self.path, said(e));
            }
        }
        evidence::note("applied", &self.path, "");
    }

    /// The API server's words when it refuses it.
    ///
    /// # Panics
    /// When it takes it.
    pub async fn refused(self, namespace: &Namespace) -> String {
        let mut refusal = None;
        for object in self.objects() {
            if let Err(e) = self.send(namespace, object).await {
                refusal = Some(said(e));
                break;
            }
        }
        let refusal = refusal.unwrap_or_else(|| panic!("{} was to be refused, and the API server took it", self.path));
        evidence::note("refused", &self.path, &refusal);
        refusal
    }

    fn objects(&self) -> Vec<DynamicObject> {
        let read = serde_saphyr::from_multiple(&self.text);
        read.unwrap_or_else(|e| panic!("{} is no manifest: {e}", self.path))
    }

    async fn send(&self, namespace: &Namespace, mut object: DynamicObject) -> Result<(), kube::Error> {
        let types = object.types.clone().unwrap_or_default();
        let kind = GroupVersionKind::try_from(&types).unwrap_or_else(|e| panic!("{}: {e}", self.path));
        let (resource, capabilities) = pinned_kind(&namespace.client, &kind).await?;
        let name = object.metadata.name.clone();
        let name = name.unwrap_or_else(|| panic!("{}: a {} without a name", self.path, kind.kind));
        let api: Api<DynamicObject> = match capabilities.scope {
            Scope::Namespaced => {
                object.metadata.namespace = Some(namespace.name.clone());
                // The page's subjects live where the page's objects do.
                if let Some(subjects) = object.data.get_mut("subjects").and_then(|s| s.as_array_mut()) {
                    for subject in subjects.iter_mut().filter(|s| s.get("namespace").is_some()) {
                        subject["namespace"] = namespace.name.clone().into();
                    }
                }
                Api::namespaced_with(namespace.client.clone(), &namespace.name, &resource)
            }
            Scope::Cluster => panic!(
                "{}: a {} belongs to the whole cluster, and tests run side by side\n  fix: use cluster::definition for a \
                 CustomResourceDefinition, or an object of a namespace",
                self.path, kind.kind
            ),
        };
        let params = PatchParams::apply(FIELD_MANAGER).validation(ValidationDirective::Strict);
        api.patch(&name, &params, &Patch::Apply(&object)).await.map(drop)
    }
}

/// The API server's own words, where the error has some.
fn said(error: kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message,
        other => other.to_string(),
    }
}

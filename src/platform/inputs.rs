//! What the builders look at, and what they give.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::Resource;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use serde::Serialize;
use serde_json::Value;

use crate::crd::{API_VERSION, OrderPlatform, OrderPlatformSpec};

/// Everything that decides what is built.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// The OrderPlatform, as it was read: with its namespace and UID.
    pub platform: &'a OrderPlatform,
    /// The operator's own image, for platforms that name none.
    pub image: &'a str,
    /// When images are pulled, where the operator was told; absent: as Kubernetes does by the image's tag.
    pub pull_policy: Option<&'a str>,
    /// What the API server serves beside its own kinds.
    pub served: Served,
    /// What the platform's GatewayClass says that it supports beside the core: the names in its `status.supportedFeatures`.
    pub features: &'a BTreeSet<String>,
}

/// Optional APIs that the API server serves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// Gateway and HTTPRoute of gateway.networking.k8s.io/v1.
    pub gateway: bool,
    /// CapacityBuffer of autoscaling.x-k8s.io/v1beta1.
    pub capacity_buffer: bool,
}

impl<'a> Inputs<'a> {
    /// What the platform team wrote.
    pub fn spec(&self) -> &'a OrderPlatformSpec {
        &self.platform.spec
    }

    /// The namespace of everything.
    pub fn namespace(&self) -> &'a str {
        self.platform.metadata.namespace.as_deref().unwrap_or_default()
    }

    /// The image of everything.
    pub fn image(&self) -> &'a str {
        self.spec().image.as_deref().unwrap_or(self.image)
    }

    /// The metadata of something that is built: it goes with its OrderPlatform.
    pub(super) fn meta(&self, name: &str, component: &str) -> ObjectMeta {
        ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(self.namespace().to_owned()),
            labels: Some(labels(component)),
            owner_references: Some(vec![OwnerReference {
                api_version: API_VERSION.to_owned(),
                kind: "OrderPlatform".to_owned(),
                name: self.platform.metadata.name.clone().unwrap_or_default(),
                uid: self.platform.metadata.uid.clone().unwrap_or_default(),
                controller: Some(true),
                block_owner_deletion: None,
            }]),
            ..ObjectMeta::default()
        }
    }
}

/// The label by which the operator finds what it has built.
pub const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "jumun-operator");

/// What selects the pods of a component.
pub(super) fn selector(component: &str) -> BTreeMap<String, String> {
    let pairs = [("app.kubernetes.io/name", "jumun"), ("app.kubernetes.io/component", component)];
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

/// The labels of everything that belongs to a component.
pub(super) fn labels(component: &str) -> BTreeMap<String, String> {
    let more = [("app.kubernetes.io/part-of", "jumun"), MANAGED_BY];
    let more = more.map(|(key, value)| (key.to_owned(), value.to_owned()));
    selector(component).into_iter().chain(more).collect()
}

/// A kind of which something may be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Type {
    pub api_version: &'static str,
    pub kind: &'static str,
    pub plural: &'static str,
}

impl Type {
    /// A kind of Kubernetes itself.
    pub(super) const fn of<K: Resource>(plural: &'static str) -> Self {
        Self { api_version: K::API_VERSION, kind: K::KIND, plural }
    }
}

/// One object as it is to be: exactly the fields that the operator owns.
#[derive(Clone, Debug, PartialEq)]
pub struct Built {
    pub type_: Type,
    pub name: String,
    pub object: Value,
}

impl Built {
    /// An object of one of our structs, or of a JSON value with metadata.
    pub(super) fn new(type_: Type, object: &impl Serialize) -> Self {
        let mut object = serde_json::to_value(object).unwrap_or_default();
        object["apiVersion"] = type_.api_version.into();
        object["kind"] = type_.kind.into();
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        Self { type_, name, object }
    }
}

//! The kinds of objects that the operator builds or looks at.

use std::sync::LazyLock;

use kube::api::{ApiResource, DynamicObject};
use kube::{Api, Client};

use crate::crd::API_VERSION;
use crate::platform::{TYPES, Type};

/// The groups that clusters may lack.
const GATEWAY: &str = "gateway.networking.k8s.io/";
const GATEWAY_VERSION: &str = "gateway.networking.k8s.io/v1";
const BUFFERS: &str = "autoscaling.x-k8s.io/";
/// The component of the pods that hold places for others.
pub const HEADROOM: &str = "headroom";
/// The label that says which workload an object is of.
pub const COMPONENT: &str = "app.kubernetes.io/component";

/// What the operator has to do with a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// What is to be built, as people write it.
    Platform,
    /// Built, applied, and pruned.
    Built,
    /// Looked at: others make them from what is built.
    Made,
    /// Looked at: there are some for the whole cluster.
    Shared,
}

/// A kind of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resource {
    pub api_version: &'static str,
    pub kind: &'static str,
    pub plural: &'static str,
    pub role: Role,
    /// Whether clusters may lack it.
    pub optional: bool,
}

/// Every one of them: what is built in the order in which it is applied.
pub fn all() -> &'static [Resource] {
    static ALL: LazyLock<Vec<Resource>> = LazyLock::new(|| {
        let row = |Type { api_version, kind, plural }, role| {
            let optional = [GATEWAY, BUFFERS].iter().any(|group| api_version.starts_with(group));
            Resource { api_version, kind, plural, role, optional }
        };
        let others = [
            (Type { api_version: API_VERSION, kind: "OrderPlatform", plural: "orderplatforms" }, Role::Platform),
            (Type { api_version: GATEWAY_VERSION, kind: "GatewayClass", plural: "gatewayclasses" }, Role::Shared),
            (Type { api_version: "v1", kind: "Pod", plural: "pods" }, Role::Made),
        ];
        let built = TYPES.into_iter().map(|type_| (type_, Role::Built));
        built.chain(others).map(|(type_, role)| row(type_, role)).collect()
    });
    &ALL
}

/// The row of a kind.
pub fn find(kind: &str) -> Option<&'static Resource> {
    all().iter().find(|resource| resource.kind == kind)
}

impl Resource {
    fn api_resource(&self) -> ApiResource {
        let (group, version) = self.api_version.rsplit_once('/').unwrap_or(("", self.api_version));
        ApiResource {
            group: group.to_owned(),
            version: version.to_owned(),
            api_version: self.api_version.to_owned(),
            kind: self.kind.to_owned(),
            plural: self.plural.to_owned(),
        }
    }

    /// Calls about it: in this namespace, where there is one and the kind is of namespaces, else in all of them.
    pub fn api(&self, client: &Client, namespace: Option<&str>) -> Api<DynamicObject> {
        match namespace.filter(|_| self.role != Role::Shared) {
            Some(namespace) => Api::namespaced_with(client.clone(), namespace, &self.api_resource()),
            None => Api::all_with(client.clone(), &self.api_resource()),
        }
    }
}

//! Calls to the API server about one object each, and live reads.
//!
//! Invariants: every write to an existing object carries its uid and resourceVersion, so one that was decided from an old
//! view is refused; a call ends within ten seconds.

use std::time::Duration;

use kube::api::{DeleteParams, ListParams, ObjectList, Patch, PatchParams, PostParams, Preconditions};
use kube::core::Request;
use kube::{Api, Client};
use serde_json::{Value, json};

use super::errors::Error;
use super::unreadable::Decoded;
use super::watched::{Key, Watched};
use crate::domain::{Kind, Target};
use crate::telemetry::Metrics;
use crate::telemetry::metrics::Call;

/// The field manager of every write.
const MANAGER: &str = "jumun";
/// The longest a call may take.
const LIMIT: Duration = Duration::from_secs(10);

/// Calls to the API server; each is counted, and an error says what happens next.
#[derive(Clone)]
pub struct Calls {
    pub client: Client,
    pub metrics: Metrics,
}

impl Calls {
    /// Creates an object in the namespace of `key`. A newer definition may give it what this version does not know.
    pub(crate) async fn create<K: Watched>(&self, key: &Key, object: &K) -> Result<Decoded<K>, Error> {
        let name = object.meta().name.clone().unwrap_or_default();
        let params = PostParams { field_manager: Some(MANAGER.into()), ..PostParams::default() };
        let path = K::url_path(&(), Some(&key.namespace));
        let mut request = Request::new(path)
            .create(&params, serde_json::to_vec(object)?)
            .map_err(|error| Error::of(K::KIND, "create", &name, kube::Error::BuildRequest(error)))?;
        request.extensions_mut().insert("create");
        self.call(K::KIND, "create", &name, self.client.request::<Decoded<K>>(request)).await
    }

    /// Changes one exact version of an object. A patch that changes nothing is answered with the version that it met.
    pub(crate) async fn patch<K: Watched>(&self, key: &Key, target: &Target, change: Value) -> Result<K, Error> {
        let (api, body) = (self.api::<K>(key), Patch::Merge(aimed(target, change)));
        self.call(K::KIND, "patch", &target.name, api.patch(&target.name, &params(), &body)).await
    }

    /// Changes the status of one exact version of an object.
    pub(crate) async fn patch_status<K: Watched>(&self, key: &Key, target: &Target, change: Value) -> Result<K, Error> {
        let (api, body) = (self.api::<K>(key), Patch::Merge(aimed(target, json!({ "status": change }))));
        self.call(K::KIND, "patch_status", &target.name, api.patch_status(&target.name, &params(), &body)).await
    }

    /// Replaces the status of one exact version of an object.
    pub(crate) async fn replace_status<K: Watched>(
        &self,
        key: &Key,
        target: &Target,
        status: Value,
    ) -> Result<K, Error> {
        let mut body =
            aimed(target, json!({ "apiVersion": K::api_version(&()), "kind": K::kind(&()), "status": status }));
        body["metadata"]["name"] = json!(target.name);
        body["metadata"]["namespace"] = json!(&*key.namespace);
        let params = PostParams { field_manager: Some(MANAGER.into()), ..PostParams::default() };
        let (api, name) = (self.api::<K>(key), &target.name);
        self.call(K::KIND, "replace_status", name, api.replace_subresource("status", name, &params, &body)).await
    }

    /// Deletes one exact version of an object.
    pub(crate) async fn delete<K: Watched>(&self, key: &Key, target: &Target) -> Result<(), Error> {
        let (uid, version) = (target.uid.clone(), target.version.0.to_string());
        let preconditions = Preconditions { uid: Some(uid), resource_version: Some(version) };
        let (api, params) = (self.api::<K>(key), DeleteParams::background().preconditions(preconditions));
        self.call(K::KIND, "delete", &target.name, api.delete(&target.name, &params)).await.map(drop)
    }

    /// Lists objects in the namespace of `key`, whether each can be understood or not; `name` says what is read.
    pub(crate) async fn list<K: Watched>(
        &self,
        key: &Key,
        name: &str,
        params: &ListParams,
    ) -> Result<ObjectList<Decoded<K>>, Error> {
        self.call(K::KIND, "list", name, self.api::<Decoded<K>>(key).list(params)).await
    }

    fn api<K>(&self, key: &Key) -> Api<K>
    where
        K: kube::Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), &key.namespace)
    }

    async fn call<T>(
        &self,
        kind: Kind,
        verb: &'static str,
        name: &str,
        call: impl Future<Output = kube::Result<T>>,
    ) -> Result<T, Error> {
        let result = match tokio::time::timeout(LIMIT, call).await {
            Ok(answer) => answer.map_err(|error| Error::of(kind, verb, name, error)),
            Err(_) => Err(Error::Timeout { kind, verb, name: name.to_owned(), seconds: LIMIT.as_secs() }),
        };
        let outcome = result.as_ref().map_or_else(Error::label, |_| "ok");
        self.metrics.calls.get_or_create(&Call { kind: kind.as_str(), verb, result: outcome }).inc();
        result
    }
}

fn params() -> PatchParams {
    PatchParams { field_manager: Some(MANAGER.into()), ..PatchParams::default() }
}

/// A patch that the API server refuses unless it meets this very version.
fn aimed(target: &Target, mut change: Value) -> Value {
    let metadata = &mut change["metadata"];
    metadata["uid"] = json!(target.uid);
    metadata["resourceVersion"] = json!(target.version.0.to_string());
    change
}

//! Admission policies: what the API server adds to a write by itself (`mutating`), and which of its fields somebody may
//! write at all (`validating`).
//!
//! There is no webhook: nothing to keep up, no certificate to renew.

mod mutating;
mod validating;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;

/// The policies and their bindings, as (file name, YAML); `definitions` says which fields a spec has.
pub fn manifests(definitions: &[CustomResourceDefinition]) -> [(&'static str, String); 2] {
    [("admission.yaml", mutating::manifest()), ("rights.yaml", validating::manifest(definitions))]
}

//! Admission policies: what the API server adds to a write by itself (`mutating`), and which of its fields somebody may
//! write at all (`validating`).
//!
//! There is no webhook: nothing to keep up, no certificate to renew.

mod mutating;
mod validating;

pub use validating::verbs;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;

/// Whether people make objects of the kind that has this name in a path.
pub fn is_made_by_people(plural: &str) -> bool {
    validating::PEOPLES.contains(&plural)
}

/// Whether there is anything on objects of this kind that takes the verb `operate`: a field that is the controllers' own, or
/// a finalizer of ours to let go of.
pub fn is_operated(plural: &str) -> bool {
    !is_made_by_people(plural) || mutating::keeps_finalizer(plural)
}

/// The policies and their bindings, as (file name, YAML); `definitions` says which fields a spec has.
pub fn manifests(definitions: &[CustomResourceDefinition]) -> [(&'static str, String); 2] {
    [("admission.yaml", mutating::manifest(definitions)), ("rights.yaml", validating::manifest(definitions))]
}

//! Settings that the workloads read from their environment.

use schemars::{Schema, SchemaGenerator, json_schema};

/// What the operator sets itself, or what would lead a process to another cluster: nobody else sets it.
const OURS: [&str; 8] = [
    "JUMUN_NAMESPACE",
    "JUMUN_CONTROLLERS",
    "JUMUN_HTTP",
    "JUMUN_LISTEN",
    "JUMUN_PART",
    "POD_NAME",
    "POD_NAMESPACE",
    "KUBECONFIG",
];

/// The schema of the settings: names that a variable can have and that are not ours, and short values.
pub(super) fn schema(_: &mut SchemaGenerator) -> Schema {
    let ours = OURS.map(|name| format!("'{name}'")).join(", ");
    json_schema!({
        "type": "object",
        "maxProperties": 64,
        "additionalProperties": { "type": "string", "maxLength": 1024 },
        "x-kubernetes-validations": [
            {
                "rule": "self.all(key, key.size() <= 128 && key.matches('^[A-Za-z_][A-Za-z0-9_]*$'))",
                "message": "config: a key is the name of an environment variable: letters, digits and _, no digit first",
            },
            {
                "rule": format!("self.all(key, !(key in [{ours}]) && !key.startsWith('KUBERNETES_'))"),
                "message": format!("config: {} and KUBERNETES_* are set by the operator and the cluster", OURS.join(", ")),
            },
        ],
    })
}

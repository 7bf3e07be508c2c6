//! The ConfigMap with the settings of the workloads.

use std::fmt::Write;

use k8s_openapi::api::core::v1::ConfigMap;
use sha2::{Digest, Sha256};

use super::inputs::{Built, Inputs, Type};

pub const CONFIG: Type = Type::of::<ConfigMap>("configmaps");
/// Its name.
pub const NAME: &str = "jumun-config";

/// It is there even without settings, so that the first one only rolls the workloads.
pub fn build(inputs: &Inputs<'_>) -> Built {
    let data = &inputs.spec().config;
    let map = ConfigMap {
        metadata: inputs.meta(NAME, "config"),
        data: (!data.is_empty()).then(|| data.clone()),
        ..ConfigMap::default()
    };
    Built::new(CONFIG, &map)
}

/// What changes whenever a setting does: processes read their environment once, so a change has to start them anew.
pub fn hash(inputs: &Inputs<'_>) -> String {
    let mut digest = Sha256::new();
    for (key, value) in &inputs.spec().config {
        // Lengths keep two settings apart from one.
        digest.update(format!("{}:{key}={}:{value};", key.len(), value.len()));
    }
    digest.finalize().iter().take(8).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

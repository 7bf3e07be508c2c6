//! The PodDisruptionBudget of a workload.

use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::inputs::{Built, Inputs, Type, selector};
use super::workload::Workload;

pub const BUDGET: Type = Type::of::<PodDisruptionBudget>("poddisruptionbudgets");

/// One pod at a time leaves a node that is drained, where there can be more than one. Pods that are not ready do not hold up
/// a drain.
pub fn build(inputs: &Inputs<'_>, workload: &Workload<'_>) -> Option<Built> {
    let budget = || PodDisruptionBudget {
        metadata: inputs.meta(&workload.name(), workload.component),
        spec: Some(PodDisruptionBudgetSpec {
            max_unavailable: Some(IntOrString::Int(1)),
            selector: Some(LabelSelector { match_labels: Some(selector(workload.component)), match_expressions: None }),
            unhealthy_pod_eviction_policy: Some("AlwaysAllow".to_owned()),
            min_available: None,
        }),
        status: None,
    };
    (workload.most_replicas() > 1).then(|| Built::new(BUDGET, &budget()))
}

//! Headroom: room on nodes for pods that are not there yet.
//!
//! Where the cluster's autoscaler knows CapacityBuffers, it keeps the room itself. Elsewhere pods that only wait keep it: they
//! have the lowest priority, so whatever needs their room takes it at once, and the autoscaler makes new room for them.

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec};
use k8s_openapi::api::core::v1::{Container, PodSpec, PodTemplate, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use serde_json::json;

use super::deployment::DEPLOYMENT;
use super::inputs::{Built, Inputs, Type, labels, selector};
use super::resources::{FRONT_DOOR, resources};
use super::workload::{COMMAND, Workload};
use super::{network, pod};
use crate::crd::platform::{Headroom, Resources};

pub const BUFFER: Type =
    Type { api_version: "autoscaling.x-k8s.io/v1beta1", kind: "CapacityBuffer", plural: "capacitybuffers" };
pub const TEMPLATE: Type = Type::of::<PodTemplate>("podtemplates");

/// The name of all of it.
const NAME: &str = "jumun-headroom";
const COMPONENT: &str = "headroom";
/// The PriorityClass of pods that only wait; it is installed once for the cluster, below every other.
pub const PRIORITY: &str = "jumun-headroom";

/// A buffer, or pods that wait.
pub fn build(inputs: &Inputs<'_>, workloads: &[Workload<'_>]) -> Vec<Built> {
    let Some(headroom) = &inputs.spec().headroom else { return Vec::new() };
    if inputs.served.capacity_buffer {
        return buffer(inputs, headroom);
    }
    let command = workloads.iter().find(|workload| workload.component == COMMAND);
    let size = headroom.resources.as_ref().or_else(|| command.and_then(|command| command.resources));
    // Nobody calls them.
    vec![network::policy(inputs, (NAME, COMPONENT), Vec::new()), waiting_pods(inputs, headroom.pods, size)]
}

/// As large as the pods of the command workload, whatever those ask for; or as large as a template of ours.
fn buffer(inputs: &Inputs<'_>, headroom: &Headroom) -> Vec<Built> {
    let template = headroom.resources.as_ref().map(|size| PodTemplate {
        metadata: inputs.meta(NAME, COMPONENT),
        template: Some(template(inputs, Some(size))),
    });
    let size = match &template {
        Some(_) => ("podTemplateRef", json!({ "name": NAME })),
        None => {
            let name = format!("jumun-{COMMAND}");
            ("scalableRef", json!({ "apiGroup": "apps", "kind": DEPLOYMENT.kind, "name": name }))
        }
    };
    let buffer = json!({
        "metadata": inputs.meta(NAME, COMPONENT),
        "spec": { "replicas": headroom.pods, size.0: size.1 },
    });
    template.iter().map(|template| Built::new(TEMPLATE, template)).chain([Built::new(BUFFER, &buffer)]).collect()
}

fn waiting_pods(inputs: &Inputs<'_>, pods: i32, size: Option<&Resources>) -> Built {
    let deployment = Deployment {
        metadata: inputs.meta(NAME, COMPONENT),
        spec: DeploymentSpec {
            replicas: Some(pods),
            revision_history_limit: Some(1),
            selector: LabelSelector { match_labels: Some(selector(COMPONENT)), match_expressions: None },
            template: template(inputs, size),
            ..DeploymentSpec::default()
        },
        status: None,
    };
    Built::new(DEPLOYMENT, &deployment)
}

/// A pod that does nothing, and goes at once when its room is needed.
fn template(inputs: &Inputs<'_>, size: Option<&Resources>) -> PodTemplateSpec {
    let container = Container {
        resources: Some(resources(size, FRONT_DOOR)),
        ..pod::container(inputs, vec!["headroom".to_owned()])
    };
    PodTemplateSpec {
        metadata: Some(ObjectMeta { labels: Some(labels(COMPONENT)), ..ObjectMeta::default() }),
        spec: Some(PodSpec {
            priority_class_name: Some(PRIORITY.to_owned()),
            automount_service_account_token: Some(false),
            termination_grace_period_seconds: Some(0),
            ..pod::pod(container)
        }),
    }
}

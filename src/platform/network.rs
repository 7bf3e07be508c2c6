//! The NetworkPolicy of a workload.
//!
//! It says who may call: everybody on the ports that are there to be called, nobody on any other. What calls the front door
//! is a gateway whose namespace and labels are its own affair, and probes come from the node, metrics from wherever the
//! cluster collects them, so neither can be narrowed down here. Outgoing traffic is not limited: controllers call payment
//! providers and endpoints that are anywhere (`egress.allowedHosts` limits those by name, which a NetworkPolicy cannot), and
//! the API server has no label. Where no network plugin enforces policies, this one does nothing.

use k8s_openapi::api::networking::v1::{NetworkPolicy, NetworkPolicyIngressRule, NetworkPolicyPort, NetworkPolicySpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::inputs::{Built, Inputs, Type, selector};
use super::pod::{HTTP, OPS, Port};
use super::workload::Workload;

pub const POLICY: Type = Type::of::<NetworkPolicy>("networkpolicies");

/// Who may call the pods of a workload.
pub fn build(inputs: &Inputs<'_>, workload: &Workload<'_>) -> Built {
    let ports = if workload.is_front_door() { vec![HTTP, OPS] } else { vec![OPS] };
    policy(inputs, (&workload.name(), workload.component), ports)
}

/// Only these ports may be called; without any, none.
pub fn policy(inputs: &Inputs<'_>, (name, component): (&str, &str), ports: Vec<Port>) -> Built {
    let port = |port: Port| NetworkPolicyPort {
        port: Some(IntOrString::Int(port.number)),
        protocol: Some("TCP".to_owned()),
        end_port: None,
    };
    let open = NetworkPolicyIngressRule { ports: Some(ports.iter().copied().map(port).collect()), from: None };
    let policy = NetworkPolicy {
        metadata: inputs.meta(name, component),
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(LabelSelector { match_labels: Some(selector(component)), match_expressions: None }),
            policy_types: Some(vec!["Ingress".to_owned()]),
            // An empty list, not none: what somebody opens is then another's word on a field that is ours.
            ingress: Some(if ports.is_empty() { Vec::new() } else { vec![open] }),
            egress: None,
        }),
    };
    Built::new(POLICY, &policy)
}

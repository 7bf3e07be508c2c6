//! The Service of a part of the front door.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::inputs::{Built, Inputs, Type, selector};
use super::pod::{HTTP, OPS, Port};
use super::workload::Workload;

pub const SERVICE: Type = Type::of::<Service>("services");

/// Requests on one port, metrics on the other. Controllers take no requests and have none: their pods are scraped themselves.
pub fn build(inputs: &Inputs<'_>, workload: &Workload<'_>) -> Option<Built> {
    let port = |port: Port| ServicePort {
        name: Some(port.name.to_owned()),
        port: port.number,
        protocol: Some("TCP".to_owned()),
        target_port: Some(IntOrString::String(port.name.to_owned())),
        ..ServicePort::default()
    };
    let service = || Service {
        metadata: inputs.meta(&workload.name(), workload.component),
        spec: Some(ServiceSpec {
            selector: Some(selector(workload.component)),
            ports: Some(vec![port(HTTP), port(OPS)]),
            ..ServiceSpec::default()
        }),
        status: None,
    };
    workload.is_front_door().then(|| Built::new(SERVICE, &service()))
}

//! What an OrderPlatform becomes: pure functions from its spec, and from what the cluster offers, to the objects that run it.
//!
//! Invariants: the same inputs give the same objects in the same order; every object is in the platform's namespace, owned by
//! it and labelled as the operator's; no two have one kind and one name; no Role has a wildcard; every pod fits Pod Security
//! `restricted`. Each object has exactly the fields that the operator owns, so that it can be applied as it is.
//!
//! `replicas` belongs to the autoscaler where there is one and is not written then. Who applies such an object over one that
//! had `replicas` hands the field over first: a field that its only owner no longer applies goes back to its default, here to 1.

mod account;
mod autoscaler;
mod config;
mod deployment;
mod disruption;
mod gateway;
mod headroom;
pub mod inputs;
mod network;
pub mod paths;
mod pod;
mod probes;
mod resources;
pub mod rights;
mod route;
mod service;
pub mod workload;

pub use inputs::{Built, Inputs, MANAGED_BY, Served, Type};
pub use pod::CONTAINER;
pub use route::{CORS, TIMEOUT};
pub use workload::{Kept, Workload, workloads};

/// Every kind of which something may be built, dependencies first. Those of the Gateway API and the CapacityBuffer are not
/// served everywhere.
pub const TYPES: [Type; 13] = [
    account::ACCOUNT,
    rights::ROLE,
    rights::BINDING,
    config::CONFIG,
    network::POLICY,
    service::SERVICE,
    deployment::DEPLOYMENT,
    disruption::BUDGET,
    autoscaler::AUTOSCALER,
    gateway::GATEWAY,
    route::ROUTE,
    headroom::TEMPLATE,
    headroom::BUFFER,
];

/// Everything that an OrderPlatform asks for, in the order in which it is to be applied: what others need comes first.
pub fn build(inputs: &Inputs<'_>) -> Vec<Built> {
    build_with(inputs, &Kept::new())
}

/// The same, where workloads run controllers that are to be another's for a while longer.
pub fn build_with(inputs: &Inputs<'_>, kept: &Kept) -> Vec<Built> {
    let mut workloads = workloads(inputs.spec());
    workloads.iter_mut().for_each(|workload| workload.keep(kept));
    let mut built = vec![config::build(inputs)];
    for workload in &workloads {
        built.push(account::build(inputs, workload));
        built.extend(rights::build(inputs, workload));
        built.push(network::build(inputs, workload));
        built.extend(service::build(inputs, workload));
        built.push(deployment::build(inputs, workload));
        built.extend(disruption::build(inputs, workload));
        built.extend(autoscaler::build(inputs, workload));
    }
    built.extend(gateway::build(inputs));
    built.extend(route::build(inputs));
    built.extend(headroom::build(inputs, &workloads));
    built.sort_by_key(|built| TYPES.iter().position(|type_| *type_ == built.type_));
    built
}

#[cfg(test)]
mod tests;

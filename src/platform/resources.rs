//! What a pod asks for and may take, with what holds where nothing is said.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::crd::platform::{Amounts, Resources};

/// What holds where nothing is said.
#[derive(Clone, Copy, Debug)]
pub struct Defaults {
    pub cpu: &'static str,
    pub memory: &'static str,
    pub memory_limit: &'static str,
}

/// Of the controllers, which hold every object of the namespace.
pub const CONTROLLERS: Defaults = Defaults { cpu: "100m", memory: "128Mi", memory_limit: "1Gi" };
/// Of the front door.
pub const FRONT_DOOR: Defaults = Defaults { cpu: "100m", memory: "64Mi", memory_limit: "256Mi" };

/// What is said, and the defaults of what is not: a default never contradicts what is said, and processor time is not
/// limited unless somebody asks for it. There always is a request for it, without which no autoscaler can judge its use:
/// where only a limit is set, the API server makes it the request, too.
pub fn resources(said: Option<&Resources>, defaults: Defaults) -> ResourceRequirements {
    let amounts = |amounts: Option<&Amounts>| amounts.cloned().unwrap_or_default();
    let requests = amounts(said.and_then(|said| said.requests.as_ref()));
    let limits = amounts(said.and_then(|said| said.limits.as_ref()));
    let default = |wanted: bool, amount: &str| wanted.then(|| amount.to_owned());
    let (no_cpu, no_memory) = (limits.cpu.is_none(), limits.memory.is_none());
    let says_nothing_of_memory = requests.memory.is_none() && no_memory;
    let requested = [
        ("cpu", requests.cpu.map(|cpu| cpu.0).or_else(|| default(no_cpu, defaults.cpu))),
        ("memory", requests.memory.map(|memory| memory.0).or_else(|| default(no_memory, defaults.memory))),
    ];
    let limited = [
        ("cpu", limits.cpu.map(|cpu| cpu.0)),
        (
            "memory",
            limits.memory.map(|memory| memory.0).or_else(|| default(says_nothing_of_memory, defaults.memory_limit)),
        ),
    ];
    ResourceRequirements { requests: map(requested), limits: map(limited), claims: None }
}

fn map(amounts: [(&str, Option<String>); 2]) -> Option<BTreeMap<String, Quantity>> {
    let set = amounts.into_iter().filter_map(|(name, amount)| Some((name.to_owned(), Quantity(amount?))));
    Some(set.collect()).filter(|set: &BTreeMap<_, _>| !set.is_empty())
}

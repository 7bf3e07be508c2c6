//! The probes of a container.
//!
//! These processes start in milliseconds and hold no state of their own, so they are asked at once and often. What a
//! process waits for, an API server that is away or caches that fill, makes it unready and never kills it: `/livez` does
//! not depend on it.

use k8s_openapi::api::core::v1::{HTTPGetAction, Probe};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::pod::OPS;
use crate::crd::platform::{self, Probes};

/// The timings of a probe where nothing is said, in seconds, and how many failures count.
#[derive(Clone, Copy)]
struct Defaults {
    timeout: i32,
    period: i32,
    failures: i32,
}

const READINESS: Defaults = Defaults { timeout: 2, period: 5, failures: 3 };
const LIVENESS: Defaults = Defaults { timeout: 2, period: 10, failures: 6 };
const STARTUP: Defaults = Defaults { timeout: 2, period: 2, failures: 60 };

/// Readiness, liveness and startup, in this order.
pub fn probes(said: Option<&Probes>) -> [Probe; 3] {
    let probes = said.cloned().unwrap_or_default();
    [
        probe("/readyz", probes.readiness, READINESS),
        probe("/livez", probes.liveness, LIVENESS),
        probe("/livez", probes.startup, STARTUP),
    ]
}

fn probe(path: &str, said: Option<platform::Probe>, defaults: Defaults) -> Probe {
    let said = said.unwrap_or_default();
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.to_owned()),
            port: said.port.map_or_else(|| IntOrString::String(OPS.name.to_owned()), IntOrString::Int),
            ..HTTPGetAction::default()
        }),
        initial_delay_seconds: said.initial_delay_seconds,
        timeout_seconds: Some(said.timeout_seconds.unwrap_or(defaults.timeout)),
        period_seconds: Some(said.period_seconds.unwrap_or(defaults.period)),
        failure_threshold: Some(said.failure_threshold.unwrap_or(defaults.failures)),
        ..Probe::default()
    }
}

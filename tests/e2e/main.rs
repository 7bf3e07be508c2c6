//! The whole of it on a real cluster: nodes, pods, probes, Services. `make e2e` runs it against any KUBECONFIG, `make
//! e2e-kind` on a kind cluster of its own.
//!
//! The chart is installed once; each test has a namespace of its own that enforces Pod Security `restricted`, and one
//! OrderPlatform in it. Nothing here reaches into the operator: what it is told goes through the API server, what it does
//! is seen there.

mod cluster;
mod gateway;
mod load;
mod nodes;
mod order;
mod probes;
mod release;
mod rollout;
mod scaling;
mod upgrade;

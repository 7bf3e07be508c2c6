//! The platform on fake nodes: one OrderPlatform becomes workloads that the real controllers of Kubernetes create, scale
//! and roll. Pods run for real where a test asks for it: each process in a network of its own, at its pod's address, with
//! the token of its service account. Run it by `make platform`.

mod a_days_work; // the longest: its name lets it start first
#[allow(dead_code)] // these are shared with tests/it, which uses all of them
#[path = "../it/checker.rs"]
mod checker;
mod container;
mod everything;
#[allow(dead_code)]
#[path = "../it/harness.rs"]
mod harness;
mod headroom;
mod http;
mod kubelet;
mod late;
mod live_pods;
mod long;
mod metrics;
#[allow(dead_code)]
#[path = "../it/operator.rs"]
mod operator;
#[allow(dead_code)]
#[path = "../support/plane.rs"]
mod plane;
mod platform;
mod probes;
mod process;
#[allow(dead_code)]
#[path = "../it/program.rs"]
mod program;
mod pruning;
#[allow(dead_code)]
#[path = "../it/recorder.rs"]
mod recorder;
#[path = "../it/restored.rs"]
mod restored;
mod rights;
mod routes;
mod scaling;
#[path = "../it/summary.rs"]
mod summary;
mod testbed;
mod trouble;
#[allow(dead_code)]
#[path = "../it/wait.rs"]
mod wait;
mod workloads;

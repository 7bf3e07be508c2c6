//! Before and after: the operator of an earlier commit and this one in turn, each on a fresh control plane with its own
//! definitions, policies and rights: what the commits between are worth, on this machine, in one run.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::bench::Bench;
use crate::phase::Phase;
use crate::plane::{Plane, sh};
use crate::settings::{Layout, Settings};
use crate::shop::{Flow, Pace};
use crate::stats::median;

/// The operator of an earlier commit, built beside this one.
pub struct Earlier {
    pub program: PathBuf,
    files: PathBuf,
}

impl Earlier {
    /// Builds it (five minutes on two cores the first time).
    pub fn build(commit: &str) -> Self {
        let commit = sh(&format!("git rev-parse --verify --short=12 '{commit}^{{commit}}'"));
        let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/before").join(&commit);
        let folder = files.display();
        crate::say(&format!("building the operator of {commit}"));
        sh(&format!(
            "[ -e {folder}/Cargo.toml ] || {{ mkdir -p {folder} && git archive {commit} | tar -x -C {folder}; }}
             cargo build --quiet --release --locked --bin jumun --manifest-path {folder}/Cargo.toml --target-dir target/before/build
             cp target/before/build/release/jumun {folder}/jumun"
        ));
        Self { program: files.join("jumun"), files }
    }

    /// Installs what it brings in place of what this commit brings.
    fn install(&self, plane: &Plane) {
        let kubectl = format!("{}/kubectl --kubeconfig {}", plane.bin.display(), plane.admin.display());
        let files = self.files.display();
        sh(&format!(
            "{kubectl} delete -f crds/admission.yaml -f crds/rights.yaml >/dev/null
             {kubectl} apply --server-side --force-conflicts -f {files}/crds/ -f {files}/manifests/operator/ >/dev/null
             {kubectl} wait --for=condition=Established crd --all --timeout=60s >/dev/null"
        ));
    }
}

/// What came of one turn of one of them.
#[derive(Serialize)]
pub struct Turn {
    pub before: bool,
    pub uniform: Phase,
    pub half: Phase,
}

/// Before, after, after, before; half load is the same for all: a half of what the first one reached.
pub async fn measure(settings: &Settings, commit: &str, fresh: impl Fn(Layout) -> Plane) -> Vec<Turn> {
    let (earlier, size) = (Earlier::build(commit), &settings.size);
    let (mut turns, mut rate) = (Vec::new(), None);
    for before in [true, false, false, true] {
        let plane = fresh(settings.layouts[0]);
        let program = before.then(|| {
            earlier.install(&plane);
            earlier.program.as_path()
        });
        let mut phases = Vec::new();
        for name in ["uniform", "half"] {
            let (orders, pace) = match rate.filter(|_| name == "half") {
                Some(rate) => (size.half, Pace::Rate(rate)),
                None => (size.orders, Pace::Flood),
            };
            crate::say(&format!("{} {name}: {orders} orders", if before { "before," } else { "after," }));
            let bench = Bench::open_as(program, &plane, name, 50, orders, Flow::Warehouse).await;
            let phase = bench.run(orders, pace).await.0;
            bench.agent.stop();
            rate.get_or_insert(phase.orders_per_second / 2.0);
            phases.push(phase);
        }
        let (half, uniform) = (phases.pop().expect("half"), phases.pop().expect("uniform"));
        turns.push(Turn { before, uniform, half });
    }
    turns
}

/// One figure of a turn.
type Figure = (&'static str, fn(&Turn) -> f64);

const FIGURES: [Figure; 8] = [
    ("orders/s", |turn| turn.uniform.orders_per_second),
    ("writes/order at saturation", |turn| turn.uniform.writes_per_order),
    ("writes/order at half load", |turn| turn.half.writes_per_order),
    ("API server CPU, ms/order", |turn| turn.uniform.api_server_cpu_ms_per_order),
    ("etcd CPU, ms/order", |turn| turn.uniform.etcd_cpu_ms_per_order),
    ("operator CPU, ms/order", |turn| turn.uniform.operator_cpu_ms_per_order),
    ("p50 at half load, ms", |turn| turn.half.latency.p50),
    ("p99 at half load, ms", |turn| turn.half.latency.p99),
];

/// Both readings of each, and what the change is worth.
pub fn print(turns: &[Turn]) {
    println!("before and after, in the order in which they ran: before, after, after, before");
    for (name, of) in FIGURES {
        let values: Vec<f64> = turns.iter().map(of).collect();
        let side = |before: bool| {
            let values: Vec<f64> = turns.iter().filter(|turn| turn.before == before).map(of).collect();
            median(&values)
        };
        let values: String = values.iter().map(|value| format!("{value:>9.2}")).collect();
        println!("  {name:<28}{values}   after is {:.2} × before", side(false) / side(true));
    }
}

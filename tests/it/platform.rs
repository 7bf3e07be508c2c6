//! `jumun operator` on a real API server, with the real controllers of Kubernetes: what a platform gets, and what is made of
//! what others do to it. There are no nodes: a test says itself which pods are ready.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{Scene, wait_for};
use crate::program::{Program, get};

/// The image of the workloads: nothing runs it here.
pub const IMAGE: &str = "registry.example/jumun:1";
/// Every kind that may be built, as kubectl takes them.
pub const KINDS: &str = "cm,sa,role,rolebinding,netpol,svc,deploy,pdb,hpa,podtemplate";

/// An operator of platforms as a process; killed when dropped.
pub struct PlatformOperator(Program);

impl PlatformOperator {
    /// Starts one with these rights, for one namespace or all.
    pub fn start(kubeconfig: &Path, namespace: Option<&str>) -> Self {
        let of_one = namespace.map_or_else(Vec::new, |namespace| vec!["--namespace", namespace]);
        let arguments = [&["operator", "--listen", "127.0.0.1:0", "--image", IMAGE], &of_one[..]].concat();
        let log = Program::some_log(&format!("platforms-{}", namespace.unwrap_or("all")));
        Self(Program::start(&arguments, &[("KUBECONFIG", kubeconfig.to_str().expect("a path"))], &log))
    }

    /// Starts one for the namespace of a scene, with the rights of its manifest.
    pub fn of(scene: &Scene) -> Self {
        Self::start(&scene.plane.platforms, Some(&scene.namespace))
    }

    /// GETs a path of its listener.
    pub async fn get(&self, path: &str) -> (u16, String) {
        get(self.0.listening().await["address"].as_str().expect("an address"), path).await
    }

    /// How many writes it has sent, whatever came of them.
    pub async fn writes(&self) -> u64 {
        let (_, metrics) = self.get("/metrics").await;
        let counts = metrics.lines().filter(|line| {
            line.starts_with("jumun_operator_applies_total{") || line.starts_with("jumun_operator_prunes_total{")
        });
        counts.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
    }

    /// How many looks at platforms came to this.
    pub async fn looks(&self, result: &str) -> u64 {
        let (_, metrics) = self.get("/metrics").await;
        let of_it = format!("result=\"{result}\"");
        let mut lines = metrics.lines().filter(|line| line.starts_with("controller_runtime_reconcile_total{"));
        lines.find(|line| line.contains(&of_it)).and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0)
    }

    /// Ends it as Kubernetes would, and waits for that.
    pub async fn terminate(mut self) -> bool {
        self.0.signal("TERM");
        self.0.end().await.success()
    }
}

/// Makes or changes the platform of a namespace.
pub fn platform(scene: &Scene, spec: &Value) {
    let object = json!({
        "apiVersion": "jumun.dev/v1alpha1", "kind": "OrderPlatform", "metadata": { "name": "default" }, "spec": spec,
    });
    let file = format!("{}/{}-platform.json", env!("CARGO_TARGET_TMPDIR"), scene.namespace);
    std::fs::write(&file, object.to_string()).expect("written");
    let (done, said) = scene.kubectl(&["apply", "--server-side", "-f", &file]);
    assert!(done, "{said}");
}

/// An object as it stands.
pub fn object(scene: &Scene, kind: &str, name: &str) -> Option<Value> {
    let (done, text) = scene.kubectl(&["get", kind, name, "-o", "json"]);
    if done { serde_json::from_str(&text).ok() } else { None }
}

/// Everything that is built in the namespace: the objects.
pub fn built(scene: &Scene) -> Vec<Value> {
    crate::restored::built(scene, KINDS)
}

/// `Kind name` of everything that is built.
pub fn names(scene: &Scene) -> BTreeSet<String> {
    let name = |object: &Value| {
        format!(
            "{} {}",
            object["kind"].as_str().unwrap_or_default(),
            object["metadata"]["name"].as_str().unwrap_or_default()
        )
    };
    built(scene).iter().map(name).collect()
}

/// Waits for an object that is as `is` says.
pub async fn eventually(scene: &Scene, kind: &str, name: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    wait_for(&format!("{kind} {name} {what}"), || async { object(scene, kind, name).filter(|found| is(found)) }).await
}

/// A condition of the platform.
pub fn condition(scene: &Scene, type_: &str) -> Option<Value> {
    let platform = object(scene, "op", "default")?;
    platform["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == type_).cloned()
}

/// Waits until the platform says this of an aspect, and gives the message.
pub async fn says(scene: &Scene, type_: &str, status: &str, reason: &str) -> String {
    wait_for(&format!("{type_} to be {status}, {reason}"), || async {
        let said = condition(scene, type_)?;
        let is = said["status"] == status && said["reason"] == reason;
        is.then(|| said["message"].as_str().unwrap_or_default().to_owned())
    })
    .await
}

/// Says of every pod that is there that it is ready, as a kubelet would; gives how many there are.
pub fn ready_pods(scene: &Scene) -> usize {
    let (_, pods) = scene.kubectl(&["get", "pods", "-o", "jsonpath={range .items[*]}{.metadata.name}{\"\\n\"}{end}"]);
    let ready = json!({ "status": { "phase": "Running", "conditions": [
        { "type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z" },
    ] } });
    let pods: Vec<&str> = pods.lines().filter(|line| !line.is_empty()).collect();
    for pod in &pods {
        scene.kubectl(&["patch", "pod", pod, "--subresource=status", "--type=merge", "-p", &ready.to_string()]);
    }
    pods.len()
}

/// Makes every pod ready that comes until the workloads are available.
pub async fn available(scene: &Scene) {
    wait_for("the workloads to be available", || async {
        ready_pods(scene);
        condition(scene, "WorkloadsAvailable").filter(|said| said["status"] == "True")
    })
    .await;
}

/// A scene with a platform of this spec, and an operator that has built it.
pub async fn platform_scene(name: &str, spec: &Value) -> (Scene, PlatformOperator) {
    let scene = Scene::new(name, 0).await;
    platform(&scene, spec);
    let operator = PlatformOperator::of(&scene);
    at_rest(&scene, &operator).await;
    (scene, operator)
}

/// Waits until the operator has said something of this generation, and sends no more writes.
pub async fn at_rest(scene: &Scene, operator: &PlatformOperator) {
    wait_for("the operator to have looked", || async {
        let platform = object(scene, "op", "default")?;
        let seen = &platform["status"]["workloads"]["observedGeneration"];
        (*seen == platform["metadata"]["generation"]).then_some(())
    })
    .await;
    let before = std::cell::Cell::new((u64::MAX, std::time::Instant::now()));
    wait_for("the operator to be quiet", || async {
        let writes = operator.writes().await;
        if before.get().0 != writes {
            before.set((writes, std::time::Instant::now()));
        }
        (before.get().1.elapsed().as_millis() > 1_500).then_some(())
    })
    .await;
}

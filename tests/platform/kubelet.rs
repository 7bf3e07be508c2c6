//! A small kubelet: for every pod on a fake node whose image is `testbed.invalid/live/…` it runs the process that the pod
//! declares, asks its probes, and says in the pod's status what it sees. The others are played by kwok alone.

use std::collections::HashMap;
use std::time::Duration;

use futures::{StreamExt, pin_mut};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client, Config, ResourceExt};
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

use crate::container::container;
use crate::probes::{self, Verdict};
use crate::process::{Process, Site};

/// The beginning of the images whose processes run.
const LIVE: &str = "testbed.invalid/live/";

/// Starts it, on a thread of its own that lives as long as this program: its processes end when that thread does.
pub fn start(config: Config, site: Site) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    std::thread::spawn(move || runtime.block_on(async { run(Client::try_from(config).expect("client"), site).await }));
}

/// Follows the pods, with a task for each that is live.
async fn run(client: Client, site: Site) {
    let pods = watcher::watcher(Api::<Pod>::all(client.clone()), watcher::Config::default());
    pin_mut!(pods);
    let mut known: HashMap<String, watch::Sender<Pod>> = HashMap::new();
    while let Some(event) = pods.next().await {
        match event {
            Ok(Event::Apply(pod) | Event::InitApply(pod)) if is_live(&pod) => {
                let uid = pod.uid().unwrap_or_default();
                if let Some(task) = known.get(&uid) {
                    task.send_replace(pod);
                } else {
                    let (sender, updates) = watch::channel(pod);
                    known.insert(uid, sender);
                    tokio::spawn(live(Live {
                        client: client.clone(),
                        site: site.clone(),
                        updates,
                        restarts: 0,
                        last: Value::Null,
                    }));
                }
            }
            // Without its sender the task ends, and its process with it.
            Ok(Event::Delete(pod)) => drop(known.remove(&pod.uid().unwrap_or_default())),
            Ok(_) => {}
            Err(error) => {
                println!("kubelet: {error}");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

/// Whether the process of this pod runs here: its image says so.
fn is_live(pod: &Pod) -> bool {
    let images = pod.spec.iter().flat_map(|spec| &spec.containers).filter_map(|container| container.image.as_deref());
    images.take(1).any(|image| image.starts_with(LIVE))
}

/// A pod while it stands.
struct Live {
    client: Client,
    site: Site,
    updates: watch::Receiver<Pod>,
    restarts: i32,
    /// How the process ended the last time, as a container's status says it.
    last: Value,
}

/// What ended one run of a pod's process.
enum End {
    /// The pod is deleted.
    Deleted,
    /// The process ended by itself, or was ended for its probes' sake.
    Again,
}

async fn live(mut pod: Live) {
    let placed = |pod: &Pod| pod.status.as_ref().is_some_and(|status| status.pod_ip.is_some());
    if pod.updates.wait_for(|pod| placed(pod) || deleted(pod)).await.is_err() {
        return;
    }
    loop {
        let end = match Process::start(&pod.client, &pod.site, &pod.now()).await {
            Ok(process) => pod.follow(process).await,
            Err(why) => {
                pod.waits("CreateContainerConfigError", &why).await;
                End::Again
            }
        };
        if matches!(end, End::Deleted) || pod.pause().await {
            return pod.remove().await;
        }
    }
}

fn deleted(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_some()
}

impl Live {
    fn now(&self) -> Pod {
        self.updates.borrow().clone()
    }

    /// From the start of the process to its end.
    async fn follow(&mut self, mut process: Process) -> End {
        let pod = self.now();
        let Ok(container) = container(&pod).cloned() else { return End::Again };
        let address = pod.status.and_then(|status| status.pod_ip).unwrap_or_default();
        let (sender, mut verdicts) = mpsc::unbounded_channel();
        let asking = tokio::spawn(probes::ask(address, container, sender));
        let (mut started, mut ready) = (false, false);
        self.runs(started, ready).await;
        let end = loop {
            tokio::select! {
                how = process.ended() => {
                    asking.abort();
                    self.ended(how.code().unwrap_or(137), "the process ended").await;
                    return End::Again;
                }
                Some(verdict) = verdicts.recv() => match verdict {
                    Verdict::Started => started = true,
                    Verdict::Ready(answer) => ready = answer,
                    Verdict::Dead => break End::Again,
                },
                () = self.deletion() => break End::Deleted,
            }
            self.runs(started, ready).await;
        };
        match end {
            // While it stops its readiness is asked no more: it is the gateway that has to see that it is going.
            End::Deleted => process.stop().await,
            End::Again => {
                process.stop().await;
                self.ended(143, "a probe failed").await;
            }
        }
        asking.abort();
        end
    }

    /// The container is started anew after a while.
    async fn ended(&mut self, code: i32, why: &str) {
        self.restarts += 1;
        let now = k8s_openapi::jiff::Timestamp::now().to_string();
        let reason = if code == 0 { "Completed" } else { "Error" };
        self.last = json!({ "exitCode": code, "reason": reason, "startedAt": now, "finishedAt": now });
        self.waits("CrashLoopBackOff", &format!("back-off restarting failed container: {why}")).await;
    }

    /// Until the pod is being deleted, or is gone.
    async fn deletion(&mut self) {
        _ = self.updates.wait_for(deleted).await;
    }

    /// The back-off before the next start; true where the pod is deleted meanwhile.
    async fn pause(&mut self) -> bool {
        let pause = Duration::from_millis(500) * self.restarts.clamp(1, 10).unsigned_abs();
        tokio::time::timeout(pause, self.deletion()).await.is_ok()
    }

    async fn runs(&self, started: bool, ready: bool) {
        let state = json!({ "running": { "startedAt": k8s_openapi::jiff::Timestamp::now().to_string() } });
        self.say("Running", started, ready, state).await;
    }

    async fn waits(&self, reason: &str, message: &str) {
        self.say("Running", false, false, json!({ "waiting": { "reason": reason, "message": message } })).await;
    }

    /// Writes the pod's status.
    async fn say(&self, phase: &str, started: bool, ready: bool, state: Value) {
        let pod = self.now();
        let Ok(container) = container(&pod) else { return };
        let status = if ready { "True" } else { "False" };
        let reason = if ready { "" } else { "ContainersNotReady" };
        let condition = |of: &str| json!({ "type": of, "status": status, "reason": reason, "message": "" });
        let patch = json!({
            "metadata": { "uid": pod.uid() },
            "status": {
                "phase": phase,
                "conditions": [condition("Ready"), condition("ContainersReady")],
                "containerStatuses": [{
                    "name": container.name, "image": container.image, "imageID": "", "ready": ready, "started": started,
                    "restartCount": self.restarts, "state": state, "lastState": { "terminated": self.last },
                }],
            },
        });
        let (pods, params) = (self.pods(&pod), PatchParams::default());
        match pods.patch_status(&pod.name_any(), &params, &Patch::Strategic(patch)).await {
            Err(kube::Error::Api(error)) if error.code == 404 || error.code == 409 => {}
            Err(error) => println!("kubelet: status of {}: {error}", pod.name_any()),
            Ok(_) => {}
        }
    }

    /// The process has ended: so has the pod.
    async fn remove(&self) {
        let pod = self.now();
        let mut params = DeleteParams::default().grace_period(0);
        params.preconditions = Some(Preconditions { uid: pod.uid(), resource_version: None });
        _ = self.pods(&pod).delete(&pod.name_any(), &params).await;
    }

    fn pods(&self, pod: &Pod) -> Api<Pod> {
        Api::namespaced(self.client.clone(), &pod.namespace().unwrap_or_default())
    }
}

//! The process of one pod: started in a network and a mount namespace of its own, with the pod's address and the token of
//! its service account, and stopped as a kubelet stops it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::core::v1::{Pod, ServiceAccount};
use kube::api::PostParams;
use kube::{Api, Client, ResourceExt};
use serde_json::json;
use tokio::time::sleep;

use crate::container::{container, declared};

/// What all pods have in common.
#[derive(Clone, Debug)]
pub struct Site {
    /// The port of the API server, at the address 10.96.0.1.
    pub port: u16,
    /// The certificate of the cluster's authority.
    pub authority: PathBuf,
    /// Where the files and the logs of the pods go.
    pub folder: PathBuf,
}

/// A process that runs.
pub struct Process {
    child: Child,
    grace: Duration,
    before_stop: Duration,
}

/// Links of one run have names of their own.
static LINKS: AtomicU32 = AtomicU32::new(0);

impl Process {
    /// Starts what the pod declares. Call it on a thread that lives as long as the process shall.
    pub async fn start(client: &Client, site: &Site, pod: &Pod) -> Result<Self, String> {
        let declared = declared(client, pod).await?;
        let account = account(client, site, pod).await?;
        let address = pod.status.as_ref().and_then(|status| status.pod_ip.clone()).ok_or("no address")?;
        let log = site.folder.join(format!("{}.{}.log", pod.namespace().unwrap_or_default(), pod.name_any()));
        let log = std::fs::OpenOptions::new().create(true).append(true).open(log).map_err(|error| error.to_string())?;
        let link = format!("pod{}", LINKS.fetch_add(1, Ordering::Relaxed));
        // Whatever becomes of this program, its pods end with it.
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "unshare", "--net", "--mount", "bash"])
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/platform/pod.sh"))
            .args([&address, &link, &std::process::id().to_string()])
            .arg(&account)
            .arg(env!("CARGO_BIN_EXE_jumun"))
            .args(&declared.arguments)
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOSTNAME", pod.name_any())
            .env("KUBERNETES_SERVICE_HOST", "10.96.0.1")
            .env("KUBERNETES_SERVICE_PORT", site.port.to_string())
            .envs(&declared.environment)
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(|error| error.to_string())?)
            .stderr(log)
            .spawn()
            .map_err(|error| error.to_string())?;
        let spec = pod.spec.clone().unwrap_or_default();
        let grace = spec.termination_grace_period_seconds.unwrap_or(30).max(0).unsigned_abs();
        let sleep = container(pod)?.lifecycle.as_ref().and_then(|hooks| hooks.pre_stop.as_ref());
        let sleep = sleep.and_then(|hook| hook.sleep.as_ref()).map_or(0, |sleep| sleep.seconds.max(0).unsigned_abs());
        Ok(Self { child, grace: Duration::from_secs(grace), before_stop: Duration::from_secs(sleep) })
    }

    /// Waits until it has ended, and says how.
    pub async fn ended(&mut self) -> ExitStatus {
        loop {
            if let Some(status) = self.child.try_wait().expect("a child of ours") {
                return status;
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Stops it: the hook, SIGTERM, and SIGKILL once the pod's time for all that is over.
    pub async fn stop(mut self) {
        let grace = self.grace;
        let stopped = async {
            sleep(self.before_stop).await;
            _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
            self.ended().await;
        };
        _ = tokio::time::timeout(grace, stopped).await;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// The folder of the pod's service account: a token bound to this very pod, as its projected volume would have.
async fn account(client: &Client, site: &Site, pod: &Pod) -> Result<PathBuf, String> {
    let namespace = pod.namespace().unwrap_or_default();
    let name = pod.spec.as_ref().and_then(|spec| spec.service_account_name.clone()).unwrap_or("default".to_owned());
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), &namespace);
    let account = accounts.get(&name).await.map_err(|error| error.to_string())?;
    // The pod's word counts, then that of its account.
    let mounted = pod.spec.as_ref().and_then(|spec| spec.automount_service_account_token);
    let mounted = mounted.or(account.automount_service_account_token) != Some(false);
    let folder = site.folder.join(pod.uid().unwrap_or_default());
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    if !mounted {
        return Ok(folder);
    }
    let request: TokenRequest = serde_json::from_value(json!({
        "spec": {
            "audiences": [],
            "expirationSeconds": 3607,
            "boundObjectRef": { "kind": "Pod", "apiVersion": "v1", "name": pod.name_any(), "uid": pod.uid() },
        },
    }))
    .map_err(|error| error.to_string())?;
    let answer = accounts.create_token_request(&name, &PostParams::default(), &request).await;
    let token = answer.map_err(|error| error.to_string())?.status.and_then(|status| status.token).unwrap_or_default();
    write(&folder, "token", &token)?;
    write(&folder, "namespace", &namespace)?;
    std::fs::copy(&site.authority, folder.join("ca.crt")).map_err(|error| error.to_string())?;
    Ok(folder)
}

fn write(folder: &Path, name: &str, text: &str) -> Result<(), String> {
    std::fs::write(folder.join(name), text).map_err(|error| error.to_string())
}

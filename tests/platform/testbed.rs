//! What all tests of the platform share: a control plane with fake nodes, a kubelet that runs live pods, and, for those that
//! need them, the metrics APIs and a gateway. All of it is in the network namespace that `tools/netns` made.

use std::net::TcpListener;

use kube::Client;
use tokio::sync::OnceCell;

use crate::harness::{Scene, wait_for};
use crate::kubelet;
use crate::metrics::{self, Metrics};
use crate::plane::{Plane, config, sh};
use crate::process::Site;

/// An image whose processes run.
pub const LIVE: &str = "testbed.invalid/live/jumun:0";
/// An image whose pods are ready without a process.
pub const FAKE: &str = "testbed.invalid/ready/jumun:0";

/// The port of the loopback interface at which the metrics APIs are served.
const METRICS: u16 = 20443;

/// The port at which the gateway listens.
pub const GATEWAY: u16 = 8080;

static BED: OnceCell<Bed> = OnceCell::const_new();

pub struct Bed {
    pub plane: Plane,
}

/// The shared bed, laid by whoever asks first.
pub async fn bed() -> &'static Bed {
    BED.get_or_init(Bed::lay).await
}

impl Bed {
    async fn lay() -> Self {
        let inside = TcpListener::bind(("10.96.0.1", 0)).is_ok();
        assert!(inside, "the tests of the platform need a network of their own: run them by `make platform`");
        let policy = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/platform/audit.yaml");
        // Pods reach the API server at an address of its own; who did what stays in audit.log for the test of rights.
        let flags = format!(
            "--bind-address=0.0.0.0 --audit-policy-file={policy} --audit-log-path=audit.log --audit-log-maxsize=0"
        );
        let plane = Plane::bare("platform", &format!("GOGC=400 CLUSTER_APISERVER_FLAGS='{flags}'"));
        sh("tools/cluster nodes platform 2>/dev/null");
        let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("pods");
        _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder for the pods");
        let admin = config(&plane.admin).await;
        let port = admin.cluster_url.port_u16().expect("a port");
        kubelet::start(admin, Site { port, authority: plane.folder.join("ca.crt"), folder });
        Self::install(&plane);
        Self { plane }
    }

    /// Installs the chart as the README does, but for its image, which runs here; it is in once the operator is ready.
    fn install(plane: &Plane) {
        let (repository, tag) = LIVE.split_once(':').expect("a tag");
        let image = format!("--set-string image.repository={repository},image.tag={tag}");
        let release = "upgrade --install jumun chart -n jumun-system --create-namespace --wait --timeout 2m";
        let kubeconfig = plane.admin.display();
        sh(&format!(
            "$(tools/kit helm) --kubeconfig {kubeconfig} {release} {image} >/dev/null 2> >(grep -v 'symbolic link' >&2)"
        ));
        plane.takes_orders();
    }

    /// A namespace of one's own.
    pub async fn scene(&'static self, name: &str) -> Scene {
        let client = Client::try_from(config(&self.plane.admin).await).expect("client");
        Scene::on(&self.plane, client, name).await
    }

    /// Runs kubectl as administrator; fails where it fails.
    pub fn kubectl(&self, arguments: &str) -> String {
        let kubectl = self.plane.bin.join("kubectl");
        sh(&format!("{} --kubeconfig {} {arguments}", kubectl.display(), self.plane.admin.display()))
    }

    /// Serves and registers the metrics APIs.
    pub async fn meter(&self, metrics: Metrics) {
        let folder = self.plane.folder.display();
        let name = "metrics.kube-system.svc";
        sh(&format!(
            "cd {folder} && openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=metrics \
             -keyout metrics.key -out metrics.csr 2>/dev/null && openssl x509 -req -in metrics.csr -CA ca.crt -CAkey ca.key \
             -set_serial 0x$(openssl rand -hex 8) -days 30 -out metrics.crt \
             -extfile <(printf 'extendedKeyUsage=serverAuth\\nsubjectAltName=DNS:{name}\\n') 2>/dev/null"
        ));
        metrics::start(config(&self.plane.admin).await, metrics, &self.plane.folder, METRICS);
        let services = format!(
            "sed -e s/PORT/{METRICS}/ -e s/AUTHORITY/$(base64 -w0 {folder}/ca.crt)/ tests/platform/metrics.yaml"
        );
        let kubectl = self.plane.bin.join("kubectl");
        sh(&format!(
            "{services} | {} --kubeconfig {} apply -f - >/dev/null",
            kubectl.display(),
            self.plane.admin.display()
        ));
        wait_for("the metrics APIs", || async {
            let state = self.kubectl(
                "get apiservice v1beta1.metrics.k8s.io v1beta1.external.metrics.k8s.io \
                 -o 'jsonpath={.items[*].status.conditions[?(@.type==\"Available\")].status}'",
            );
            (state == "True True").then_some(())
        })
        .await;
    }
}

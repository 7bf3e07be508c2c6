//! The cluster of KUBECONFIG with the chart in it, and a namespace for each test.

use std::future::Future;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use kube::Client;
use serde_json::{Value, json};

/// How long anything may take before a test gives up.
pub const PATIENCE: Duration = Duration::from_secs(300);
/// Where the operator is.
const HOME: &str = "jumun-system";

/// A setting of the environment, or what holds without it.
pub fn setting(name: &str, default: &str) -> String {
    std::env::var(name).ok().filter(|value| !value.is_empty()).unwrap_or_else(|| default.to_owned())
}

/// The image that is tested.
pub fn image() -> String {
    setting("IMAGE", "jumun:e2e")
}

/// A second name of the same image: to Kubernetes another version.
pub fn next_image() -> String {
    setting("NEXT_IMAGE", "jumun:e2e-next")
}

/// Runs a command in the repository: whether it went well, and what it printed.
pub fn attempt(command: &str) -> (bool, String) {
    let output = Command::new("bash")
        .args(["-c", command])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null())
        .output()
        .expect("bash");
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (output.status.success(), text.trim().to_owned())
}

/// The same; fails where it fails.
pub fn sh(command: &str) -> String {
    let (well, text) = attempt(command);
    assert!(well, "{command}:\n{text}");
    text
}

/// Waits until `found` gives something.
pub async fn wait_for<T, F: Future<Output = Option<T>>>(what: &str, mut found: impl FnMut() -> F) -> T {
    let deadline = Instant::now() + PATIENCE;
    let mut tick = tokio::time::interval(Duration::from_millis(250));
    loop {
        tick.tick().await;
        if let Some(value) = found().await {
            return value;
        }
        assert!(Instant::now() < deadline, "no {what} within {PATIENCE:?}");
    }
}

/// Helm on the release of the chart: whether it says that all is well, and what else it says.
pub fn helm(command: &str, arguments: &str) -> (bool, String) {
    attempt(&format!("\"${{HELM:-helm}}\" {command} jumun -n {HOME} {arguments}"))
}

/// Upgrades the release and waits for it, with an image and more values (`,key=value`).
pub fn release_of(image: &str, how: &str, more: &str) -> (bool, String) {
    let (repository, tag) = image.rsplit_once(':').expect("name:tag");
    let values = format!("image.repository={repository},image.tag={tag},log.level=info{more}");
    helm("upgrade", &format!("chart --wait --force-conflicts --take-ownership {how} --set {values}"))
}

/// The same with the image under test.
pub fn release(how: &str, more: &str) -> (bool, String) {
    release_of(&image(), how, more)
}

static INSTALLED: tokio::sync::OnceCell<()> = tokio::sync::OnceCell::const_new();

/// Installs the chart with the image under test, or upgrades what is there from before.
pub async fn installed() {
    INSTALLED
        .get_or_init(|| async {
            let started = Instant::now();
            sh(&format!("kubectl create namespace {HOME} --dry-run=client -o yaml | kubectl apply --server-side -f -"));
            sh(&format!("kubectl label --overwrite namespace {HOME} pod-security.kubernetes.io/enforce=restricted"));
            let (well, said) = release("--install --timeout 3m", "");
            assert!(well, "{said}");
            println!("helm install --wait: {:.1} s", started.elapsed().as_secs_f64());
        })
        .await;
}

/// A test's namespace with an OrderPlatform.
pub struct Place {
    pub client: Client,
    pub namespace: String,
}

impl Place {
    /// A fresh namespace without an OrderPlatform.
    pub async fn bare(name: &str) -> Self {
        installed().await;
        let client = Client::try_default().await.expect("a kubeconfig");
        let place = Self { client, namespace: format!("{name}-{:06x}", rand::random::<u32>() & 0xff_ffff) };
        sh(&format!("kubectl create namespace {}", place.namespace));
        sh(&format!("kubectl label namespace {} pod-security.kubernetes.io/enforce=restricted", place.namespace));
        place
    }

    /// A fresh namespace whose OrderPlatform has this spec, and is Ready.
    pub async fn new(name: &str, spec: &Value) -> Self {
        let place = Self::bare(name).await;
        place.platform(spec);
        let started = Instant::now();
        place.ready().await;
        println!("{}: Ready after {:.1} s", place.namespace, started.elapsed().as_secs_f64());
        place
    }

    /// Writes the OrderPlatform.
    pub fn platform(&self, spec: &Value) {
        let object = json!({ "apiVersion": "jumun.dev/v1alpha1", "kind": "OrderPlatform",
            "metadata": { "name": "default", "namespace": self.namespace }, "spec": spec });
        sh(&format!("kubectl apply -f - <<'JSON'\n{object}\nJSON"));
    }

    /// Waits until the platform is Ready by its current spec.
    pub async fn ready(&self) {
        wait_for(&format!("ready platform in {}", self.namespace), || async {
            let platform = self.get("orderplatform default");
            let ready = condition(&platform, "Ready")?;
            let current = platform["metadata"]["generation"] == ready["observedGeneration"]
                && platform["metadata"]["generation"] == platform["status"]["workloads"]["observedGeneration"];
            (ready["status"] == "True" && current).then_some(())
        })
        .await;
    }

    /// Waits until every pod of a component runs this image, and no other is left.
    pub async fn rolled_out(&self, component: &str, image: &str) {
        wait_for(&format!("{component} to run {image} alone"), || async {
            let pods = self.get(&format!("pods -l app.kubernetes.io/component={component}"));
            let pods = pods["items"].as_array().cloned().unwrap_or_default();
            let all = pods.iter().all(|pod| pod["spec"]["containers"][0]["image"] == image);
            (!pods.is_empty() && all).then_some(())
        })
        .await;
        self.kubectl(&format!("rollout status deployment/jumun-{component} --timeout=120s"));
    }

    /// kubectl in this namespace.
    pub fn kubectl(&self, arguments: &str) -> String {
        sh(&format!("kubectl -n {} {arguments}", self.namespace))
    }

    /// What `kubectl get` gives, as JSON; null where there is nothing.
    pub fn get(&self, what: &str) -> Value {
        let (well, text) = attempt(&format!("kubectl -n {} get {what} -o json 2>/dev/null", self.namespace));
        if well { serde_json::from_str(&text).expect("JSON") } else { Value::Null }
    }

    /// The pods of a component that are not on their way out.
    pub fn pods(&self, component: &str) -> Vec<Value> {
        let list = self.get(&format!("pods -l app.kubernetes.io/component={component}"));
        let items = list["items"].as_array().cloned().unwrap_or_default();
        items.into_iter().filter(|pod| pod["metadata"]["deletionTimestamp"].is_null()).collect()
    }

    /// The namespace goes; a test that failed leaves it for whoever wants to look.
    pub fn finish(self) {
        sh(&format!("kubectl delete namespace {} --wait=false", self.namespace));
    }
}

/// A condition of an object.
pub fn condition<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    object["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == name)
}

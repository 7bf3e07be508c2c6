//! The control plane of tests and benchmark: started by `tools/cluster`, with the kinds installed and a kubeconfig of the
//! operator's own service account, so that nothing passes only because a guard was off.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use kube::Config;

/// A running control plane.
pub struct Plane {
    /// Folder of its data, logs and process ids.
    pub folder: PathBuf,
    /// Folder of its programs, kubectl among them.
    pub bin: PathBuf,
    /// Kubeconfig of a cluster administrator.
    pub admin: PathBuf,
    /// Kubeconfig of the controllers' service account.
    pub operator: PathBuf,
    /// Kubeconfig of the service account of the operator of platforms.
    pub platforms: PathBuf,
}

/// Runs a command in the repository and gives what it printed; fails where it fails.
pub fn sh(command: &str) -> String {
    let output = Command::new("bash")
        .args(["-c", command])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit())
        .output()
        .expect("bash");
    assert!(output.status.success(), "{command}: {}", output.status);
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}

impl Plane {
    /// The control plane of this name, started where it does not run yet (`tools/cluster down NAME` stops it), with the kinds.
    pub fn up(name: &str, environment: &str) -> Self {
        let plane = Self::bare(name, environment);
        let kubectl = plane.kubectl();
        sh(&format!("{kubectl} apply --server-side --force-conflicts -f crds/ -f manifests/personas/ >/dev/null"));
        sh(&format!("{kubectl} wait --for=condition=Established crd --all --timeout=60s >/dev/null"));
        plane.takes_orders();
        plane.account_of_the_manifest();
        plane
    }

    /// The same with nothing of ours in it.
    pub fn bare(name: &str, environment: &str) -> Self {
        let exports = sh(&format!("{environment} tools/cluster up {name}"));
        let value = |name: &str| {
            let at = exports.find(name).expect("exported") + name.len();
            exports[at..].split([' ', ':']).next().expect("a value").to_owned()
        };
        let (admin, bin) = (PathBuf::from(value("KUBECONFIG=")), PathBuf::from(value("PATH=")));
        let of = |name: &str| admin.with_file_name(name);
        let (folder, operator, platforms) = (of(""), of("operator.kubeconfig"), of("platforms.kubeconfig"));
        Self { folder, bin, admin, operator, platforms }
    }

    /// The command line of kubectl as administrator.
    pub fn kubectl(&self) -> String {
        format!("{}/kubectl --kubeconfig {}", self.bin.display(), self.admin.display())
    }

    /// Waits until orders are taken: for some seconds after a first installation the API server has not read the new kinds'
    /// schema.
    pub fn takes_orders(&self) {
        let kubectl = self.kubectl();
        let takes_orders =
            format!("{kubectl} create --dry-run=server -f manifests/samples/02-orders.yaml >/dev/null 2>&1");
        sh(&format!("for _ in $(seq 60); do {takes_orders} && exit 0; sleep 0.5; done; {kubectl} get crd; exit 1"));
    }

    /// Installs the rights of the manifests and writes the kubeconfigs of their service accounts.
    pub fn account_of_the_manifest(&self) {
        let kubectl = self.kubectl();
        sh(&format!("{kubectl} apply --server-side --force-conflicts -f manifests/operator/ >/dev/null"));
        for (account, kubeconfig) in [("jumun", &self.operator), ("jumun-operator", &self.platforms)] {
            let token = sh(&format!("{kubectl} -n jumun-system create token {account} --duration=12h"));
            with_token(&self.admin, kubeconfig, &token);
        }
    }
}

/// Further identities, and what only a control plane of one's own needs.
#[allow(dead_code)] // the tests act as administrator, and the benchmark has the rights of the manifest
impl Plane {
    /// The name that `tools/cluster` knows it by.
    pub fn name(&self) -> String {
        self.folder.file_name().expect("a folder").to_string_lossy().into_owned()
    }

    /// Stops it and removes its data.
    pub fn down(&self) {
        sh(&format!("tools/cluster down {}", self.name()));
    }

    /// A kubeconfig of one more service account, bound to the ClusterRole of its name: for an operator with other rights.
    pub fn account(&self, name: &str) -> PathBuf {
        let kubectl = format!("{}/kubectl --kubeconfig {}", self.bin.display(), self.admin.display());
        sh(&format!("{kubectl} -n jumun-system create serviceaccount {name} >/dev/null"));
        let binding = format!("--clusterrole={name} --serviceaccount=jumun-system:{name}");
        sh(&format!("{kubectl} create clusterrolebinding {name} {binding} >/dev/null"));
        let token = sh(&format!("{kubectl} -n jumun-system create token {name} --duration=12h"));
        let kubeconfig = self.folder.join(format!("{name}.kubeconfig"));
        with_token(&self.admin, &kubeconfig, &token);
        kubeconfig
    }

    /// A kubeconfig of a service account in a namespace, bound to the Role of its name there.
    pub fn account_of(&self, namespace: &str, name: &str) -> PathBuf {
        let kubectl = format!("{}/kubectl --kubeconfig {} -n {namespace}", self.bin.display(), self.admin.display());
        sh(&format!("{kubectl} create serviceaccount {name} >/dev/null"));
        sh(&format!(
            "{kubectl} create rolebinding {name} --role={name} --serviceaccount={namespace}:{name} >/dev/null"
        ));
        let token = sh(&format!("{kubectl} create token {name} --duration=12h"));
        let kubeconfig = self.folder.join(format!("{namespace}-{name}.kubeconfig"));
        with_token(&self.admin, &kubeconfig, &token);
        kubeconfig
    }

    /// One with every right on our kinds: for scripted actors, who are no administrators, because those are exempt from
    /// priority and fairness.
    pub fn actors(&self) -> PathBuf {
        let kubectl = format!("{}/kubectl --kubeconfig {}", self.bin.display(), self.admin.display());
        let account = "--dry-run=client -o yaml | ";
        let apply = format!("{kubectl} apply --server-side -f - >/dev/null");
        sh(&format!("{kubectl} -n jumun-system create serviceaccount actors {account} {apply}"));
        sh(&format!("{kubectl} create clusterrole jumun-actors --verb='*' --resource='*.jumun.dev' {account} {apply}"));
        let binding = "--clusterrole=jumun-actors --serviceaccount=jumun-system:actors";
        sh(&format!("{kubectl} create clusterrolebinding jumun-actors {binding} {account} {apply}"));
        let token = sh(&format!("{kubectl} -n jumun-system create token actors --duration=12h"));
        let kubeconfig = self.folder.join("actors.kubeconfig");
        with_token(&self.admin, &kubeconfig, &token);
        kubeconfig
    }
}

/// The client configuration of a kubeconfig.
pub async fn config(kubeconfig: &Path) -> Config {
    let kubeconfig = kube::config::Kubeconfig::read_from(kubeconfig).expect("kubeconfig");
    Config::from_custom_kubeconfig(kubeconfig, &Default::default()).await.expect("config")
}

/// A kubeconfig of another identity: a service account's token.
fn with_token(admin: &Path, to: &Path, token: &str) {
    let text = std::fs::read_to_string(admin).expect("kubeconfig");
    let users = text.lines().map(|line| match line.starts_with("users:") {
        true => format!("users: [{{name: admin, user: {{token: {token}}}}}]"),
        false => line.to_owned(),
    });
    // Several runs may share the control plane: the file appears whole or not at all.
    let temporary = to.with_extension(std::process::id().to_string());
    std::fs::write(&temporary, users.collect::<Vec<String>>().join("\n")).expect("kubeconfig written");
    std::fs::rename(&temporary, to).expect("kubeconfig in place");
}

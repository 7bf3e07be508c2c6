//! The Deployment of a workload.

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment};
use k8s_openapi::api::core::v1::{
    ConfigMapEnvSource, Container, ContainerPort, EnvFromSource, Lifecycle, LifecycleHandler, PodSpec, PodTemplateSpec,
    SleepAction, TopologySpreadConstraint,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::config;
use super::inputs::{Built, Inputs, Type, labels, selector};
use super::pod::{self, HTTP, OPS, Port};
use super::probes::probes;
use super::resources::{CONTROLLERS, FRONT_DOOR, resources};
use super::workload::{Runs, Workload};

pub const DEPLOYMENT: Type = Type::of::<Deployment>("deployments");

/// The annotation whose change rolls a workload when its settings change.
const CONFIG_HASH: &str = "jumun.dev/config-hash";
/// Seconds for which a pod of the front door still takes requests after it was told to go: until every load balancer has
/// heard that it goes.
const DEAF: i64 = 5;
/// Seconds after which a pod is killed: controllers finish their writes within 15 s, the front door its requests.
const GRACE: i64 = 45;

/// Where an autoscaler says how many pods there are, `replicas` is not written.
pub fn build(inputs: &Inputs<'_>, workload: &Workload<'_>) -> Built {
    let name = workload.name();
    let annotations = [(CONFIG_HASH.to_owned(), config::hash(inputs))].into();
    let deployment = Deployment {
        metadata: inputs.meta(&name, workload.component),
        spec: DeploymentSpec {
            replicas: workload.autoscaling.is_none().then_some(workload.replicas),
            revision_history_limit: Some(3),
            selector: LabelSelector { match_labels: Some(selector(workload.component)), match_expressions: None },
            strategy: Some(strategy()),
            // Said, so that one which somebody has paused goes on: the spec has no word for it.
            paused: Some(false),
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta {
                    labels: Some(labels(workload.component)),
                    annotations: Some(annotations),
                    ..ObjectMeta::default()
                }),
                spec: Some(PodSpec {
                    service_account_name: Some(name),
                    // The front door asks the API server for nothing yet, so it has no token to lose.
                    automount_service_account_token: Some(!workload.is_front_door()),
                    termination_grace_period_seconds: Some(GRACE),
                    topology_spread_constraints: Some(spread(workload.component)),
                    ..pod::pod(container(inputs, workload))
                }),
            },
            ..DeploymentSpec::default()
        },
        status: None,
    };
    Built::new(DEPLOYMENT, &deployment)
}

/// A new pod is ready before an old one goes: no request finds nobody, and no order waits for a roll-out.
fn strategy() -> DeploymentStrategy {
    DeploymentStrategy {
        type_: Some("RollingUpdate".to_owned()),
        rolling_update: Some(RollingUpdateDeployment {
            max_surge: Some(IntOrString::String("25%".to_owned())),
            max_unavailable: Some(IntOrString::Int(0)),
        }),
    }
}

fn container(inputs: &Inputs<'_>, workload: &Workload<'_>) -> Container {
    let (arguments, ports, defaults) = match &workload.runs {
        Runs::Controllers(kinds) => {
            let kinds: Vec<String> = kinds.iter().map(|kind| kind.as_str().to_lowercase()).collect();
            let arguments = ["run", "--namespace", inputs.namespace(), "--controllers", &kinds.join(",")];
            (arguments.map(str::to_owned).to_vec(), vec![OPS], CONTROLLERS)
        }
        Runs::FrontDoor => {
            (["serve", "--part", workload.component].map(str::to_owned).to_vec(), vec![HTTP, OPS], FRONT_DOOR)
        }
    };
    let port = |port: Port| ContainerPort {
        name: Some(port.name.to_owned()),
        container_port: port.number,
        protocol: Some("TCP".to_owned()),
        ..ContainerPort::default()
    };
    let [readiness, liveness, startup] = probes(inputs.spec().probes.as_ref());
    Container {
        env: Some(pod::identity()),
        env_from: Some(vec![EnvFromSource {
            config_map_ref: Some(ConfigMapEnvSource { name: config::NAME.to_owned(), optional: None }),
            ..EnvFromSource::default()
        }]),
        ports: Some(ports.into_iter().map(port).collect()),
        readiness_probe: Some(readiness),
        liveness_probe: Some(liveness),
        startup_probe: Some(startup),
        resources: Some(resources(workload.resources, defaults)),
        lifecycle: workload.is_front_door().then(goes_quietly),
        ..pod::container(inputs, arguments)
    }
}

/// A pod that goes is taken out of the load balancers at the same time: without this pause it would be gone before they know.
fn goes_quietly() -> Lifecycle {
    Lifecycle {
        pre_stop: Some(LifecycleHandler { sleep: Some(SleepAction { seconds: DEAF }), ..LifecycleHandler::default() }),
        ..Lifecycle::default()
    }
}

/// Over zones and nodes, as evenly as can be; a cluster with one node runs them all the same. Each version of a Deployment
/// is spread for itself, so that a roll-out does not leave its new pods on one node.
fn spread(component: &str) -> Vec<TopologySpreadConstraint> {
    let over = |key: &str| TopologySpreadConstraint {
        max_skew: 1,
        topology_key: key.to_owned(),
        when_unsatisfiable: "ScheduleAnyway".to_owned(),
        label_selector: Some(LabelSelector { match_labels: Some(selector(component)), match_expressions: None }),
        match_label_keys: Some(vec!["pod-template-hash".to_owned()]),
        ..TopologySpreadConstraint::default()
    };
    vec![over("topology.kubernetes.io/zone"), over("kubernetes.io/hostname")]
}

//! What every pod has in common: an image, an identity, and as few privileges as there are (Pod Security `restricted`).

use k8s_openapi::api::core::v1::{
    Capabilities, Container, EnvVar, EnvVarSource, ObjectFieldSelector, PodSecurityContext, PodSpec, SeccompProfile,
    SecurityContext,
};

use super::inputs::Inputs;

/// A port of a container.
#[derive(Clone, Copy, Debug)]
pub struct Port {
    pub name: &'static str,
    pub number: i32,
}

/// Where the front door takes requests.
pub const HTTP: Port = Port { name: "http", number: 8080 };
/// Where probes and metrics are served.
pub const OPS: Port = Port { name: "ops", number: 8081 };

/// Nobody in particular, as in distroless images.
const USER: i64 = 65_532;

/// The name of our container; others may stand beside it.
pub const CONTAINER: &str = "jumun";

/// A container that runs our image.
pub fn container(inputs: &Inputs<'_>, arguments: Vec<String>) -> Container {
    Container {
        name: CONTAINER.to_owned(),
        image: Some(inputs.image().to_owned()),
        image_pull_policy: inputs.pull_policy.map(str::to_owned),
        // Said, so that another one does not stay: the image has its own.
        command: Some(Vec::new()),
        args: Some(arguments),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            read_only_root_filesystem: Some(true),
            capabilities: Some(Capabilities { drop: Some(vec!["ALL".to_owned()]), add: None }),
            ..SecurityContext::default()
        }),
        ..Container::default()
    }
}

/// A pod with this container.
pub fn pod(container: Container) -> PodSpec {
    PodSpec {
        containers: vec![container],
        // Every Service of the namespace would be a variable, and one that is called jumun would set JUMUN_PORT.
        enable_service_links: Some(false),
        security_context: Some(PodSecurityContext {
            run_as_non_root: Some(true),
            run_as_user: Some(USER),
            run_as_group: Some(USER),
            seccomp_profile: Some(SeccompProfile { type_: "RuntimeDefault".to_owned(), localhost_profile: None }),
            ..PodSecurityContext::default()
        }),
        ..PodSpec::default()
    }
}

/// Which pod it is, and where.
pub fn identity() -> Vec<EnvVar> {
    let field = |name: &str, path: &str| EnvVar {
        name: name.to_owned(),
        value_from: Some(EnvVarSource {
            field_ref: Some(ObjectFieldSelector { api_version: None, field_path: path.to_owned() }),
            ..EnvVarSource::default()
        }),
        ..EnvVar::default()
    };
    vec![field("POD_NAME", "metadata.name"), field("POD_NAMESPACE", "metadata.namespace")]
}

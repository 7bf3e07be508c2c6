//! What a pod declares of its one container, resolved as a kubelet does: environment, arguments, identity. Whatever this
//! kubelet does not know is an error that the pod's status then says, never something left out.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, Container, EnvVar, Pod};
use kube::{Api, Client, ResourceExt};

/// What is to be started.
#[derive(Debug, PartialEq, Eq)]
pub struct Declared {
    /// What follows the program's name.
    pub arguments: Vec<String>,
    /// The environment, whole.
    pub environment: BTreeMap<String, String>,
}

/// The container of a pod that has exactly one.
pub fn container(pod: &Pod) -> Result<&Container, String> {
    let spec = pod.spec.as_ref().ok_or("the pod has no spec")?;
    if spec.init_containers.as_ref().is_some_and(|list| !list.is_empty()) {
        return Err("this kubelet runs no init containers".to_owned());
    }
    match spec.containers.as_slice() {
        [container] => Ok(container),
        several => Err(format!("this kubelet runs one container, not {}", several.len())),
    }
}

/// What the container of this pod is to run.
pub async fn declared(client: &Client, pod: &Pod) -> Result<Declared, String> {
    let container = container(pod)?;
    let maps = config_maps(client, pod, container).await?;
    resolve(pod, container, &maps)
}

/// Every ConfigMap that the container's environment names.
async fn config_maps(
    client: &Client,
    pod: &Pod,
    container: &Container,
) -> Result<BTreeMap<String, BTreeMap<String, String>>, String> {
    let whole = container.env_from.iter().flatten().filter_map(|source| source.config_map_ref.as_ref());
    let single = container.env.iter().flatten().filter_map(|variable| variable.value_from.as_ref());
    let single = single.filter_map(|source| source.config_map_key_ref.as_ref());
    let names = whole.map(|source| (&source.name, source.optional));
    let names = names.chain(single.map(|source| (&source.name, source.optional)));
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), &pod.namespace().unwrap_or_default());
    let mut found = BTreeMap::new();
    for (name, optional) in names {
        match api.get_opt(name).await.map_err(|error| error.to_string())? {
            Some(map) => _ = found.insert(name.clone(), map.data.unwrap_or_default()),
            None if optional == Some(true) => {}
            None => return Err(format!("configmap \"{name}\" not found")),
        }
    }
    Ok(found)
}

fn resolve(
    pod: &Pod,
    container: &Container,
    maps: &BTreeMap<String, BTreeMap<String, String>>,
) -> Result<Declared, String> {
    let mut environment = BTreeMap::new();
    for source in container.env_from.iter().flatten() {
        let map = source.config_map_ref.as_ref().ok_or("envFrom knows ConfigMaps alone")?;
        let prefix = source.prefix.as_deref().unwrap_or_default();
        for (key, value) in maps.get(&map.name).into_iter().flatten() {
            environment.insert(format!("{prefix}{key}"), value.clone());
        }
    }
    for variable in container.env.iter().flatten() {
        if let Some(value) = value(pod, container, variable, maps)? {
            let value = expand(&value, &environment);
            environment.insert(variable.name.clone(), value);
        }
    }
    let command = container.command.clone().unwrap_or_default();
    let program = command.first().map_or("/jumun", String::as_str);
    if program.rsplit('/').next() != Some("jumun") {
        return Err(format!("the image has no {program}"));
    }
    let arguments = command.iter().skip(1).chain(container.args.iter().flatten());
    let arguments = arguments.map(|argument| expand(argument, &environment)).collect();
    Ok(Declared { arguments, environment })
}

/// The value of one variable; none where it comes from an optional key that is not there.
fn value(
    pod: &Pod,
    container: &Container,
    variable: &EnvVar,
    maps: &BTreeMap<String, BTreeMap<String, String>>,
) -> Result<Option<String>, String> {
    let Some(source) = &variable.value_from else { return Ok(Some(variable.value.clone().unwrap_or_default())) };
    if let Some(field) = &source.field_ref {
        return downward(pod, &field.field_path).map(Some);
    }
    if let Some(key) = &source.config_map_key_ref {
        let found = maps.get(&key.name).and_then(|map| map.get(&key.key)).cloned();
        return match found {
            None if key.optional != Some(true) => Err(format!("no key {} in configmap \"{}\"", key.key, key.name)),
            found => Ok(found),
        };
    }
    if let Some(resource) = &source.resource_field_ref {
        let limits = container.resources.as_ref().and_then(|resources| resources.limits.as_ref());
        let limit = resource.resource.strip_prefix("limits.").and_then(|name| limits?.get(name));
        return limit.map(|limit| Some(limit.0.clone())).ok_or(format!("no {}", resource.resource));
    }
    Err(format!("{}: a source that this kubelet does not know", variable.name))
}

/// A field of the downward API.
fn downward(pod: &Pod, path: &str) -> Result<String, String> {
    let (spec, status) = (pod.spec.clone().unwrap_or_default(), pod.status.clone().unwrap_or_default());
    let labels = path.strip_prefix("metadata.labels['").and_then(|rest| rest.strip_suffix("']"));
    let found = match path {
        "metadata.name" => pod.metadata.name.clone(),
        "metadata.namespace" => pod.metadata.namespace.clone(),
        "metadata.uid" => pod.metadata.uid.clone(),
        "spec.nodeName" => spec.node_name,
        "spec.serviceAccountName" => spec.service_account_name,
        "status.podIP" => status.pod_ip,
        "status.hostIP" => status.host_ip,
        _ => labels.and_then(|label| pod.labels().get(label).cloned()),
    };
    found.ok_or(format!("the downward API has no {path}"))
}

/// `$(NAME)` becomes what NAME is; what is unknown stays, and `$$` is a dollar.
fn expand(text: &str, environment: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let name = rest.strip_prefix('(').and_then(|rest| rest.split_once(')')).map(|(name, _)| name);
        match name.and_then(|name| Some((name, environment.get(name)?))) {
            Some((name, value)) => {
                out.push_str(value);
                rest = &rest[name.len() + 2..];
            }
            None => {
                out.push('$');
                rest = rest.strip_prefix('$').unwrap_or(rest);
            }
        }
    }
    out + rest
}

#[test]
fn a_container_is_resolved_as_by_a_kubelet() {
    let pod: Pod = serde_json::from_value(serde_json::json!({
        "metadata": { "name": "p-1", "namespace": "shop" },
        "spec": { "containers": [{
            "name": "jumun", "args": ["run", "--namespace=$(NAMESPACE)", "$$(NAMESPACE)", "$(UNKNOWN)"],
            "envFrom": [{ "configMapRef": { "name": "settings" } }],
            "env": [
                { "name": "NAMESPACE", "valueFrom": { "fieldRef": { "fieldPath": "metadata.namespace" } } },
                { "name": "WHERE", "value": "$(NAMESPACE)/$(LEVEL)" },
                { "name": "LEVEL", "value": "debug" },
            ],
        }] },
    }))
    .expect("a pod");
    let maps = [("settings".to_owned(), [("LEVEL".to_owned(), "info".to_owned())].into())].into();
    let declared = resolve(&pod, container(&pod).expect("one"), &maps).expect("resolved");
    assert_eq!(declared.arguments, ["run", "--namespace=shop", "$(NAMESPACE)", "$(UNKNOWN)"]);
    assert_eq!(declared.environment["WHERE"], "shop/info");
    assert_eq!(declared.environment["LEVEL"], "debug");
}

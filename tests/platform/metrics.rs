//! The metrics APIs of the cluster, served by the tests over TLS: what the pods of a workload use, and metrics from outside.
//! The API server reaches them by an APIService, as it reaches a metrics server.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Path as Segments, RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, Client, Config, ResourceExt};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// What the tests say is being used; shared with the server.
#[derive(Clone, Default)]
pub struct Metrics(Arc<Mutex<Values>>);

#[derive(Default)]
struct Values {
    /// Millicores that all pods of a component in a namespace use together.
    cpu: BTreeMap<(String, String), u64>,
    /// Metrics from outside, by namespace and name.
    external: BTreeMap<(String, String), u64>,
}

impl Metrics {
    /// All pods of the component together use so many millicores from now on.
    pub fn cpu(&self, namespace: &str, component: &str, millicores: u64) {
        self.values(|values| values.cpu.insert((namespace.to_owned(), component.to_owned()), millicores));
    }

    /// A metric from outside has this value from now on.
    pub fn external(&self, namespace: &str, metric: &str, value: u64) {
        self.values(|values| values.external.insert((namespace.to_owned(), metric.to_owned()), value));
    }

    fn values<T>(&self, with: impl FnOnce(&mut Values) -> T) -> T {
        with(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Serves them on this port of the loopback interface, on a thread of its own.
pub fn start(config: Config, metrics: Metrics, folder: &Path, port: u16) {
    let chain = CertificateDer::pem_file_iter(folder.join("metrics.crt")).expect("metrics.crt");
    let chain = chain.collect::<Result<Vec<_>, _>>().expect("certificates");
    let key = PrivateKeyDer::from_pem_file(folder.join("metrics.key")).expect("metrics.key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let tls = tls.expect("TLS").with_no_client_auth().with_single_cert(chain, key).expect("a certificate");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    std::thread::spawn(move || {
        runtime.block_on(async {
            let client = Client::try_from(config).expect("client");
            let tcp = TcpListener::bind(("127.0.0.1", port)).await.expect("a port");
            let listener = Listener { tcp, acceptor: TlsAcceptor::from(Arc::new(tls)) };
            axum::serve(listener, router(client, metrics)).await.expect("served");
        });
    });
}

/// TLS over TCP.
struct Listener {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
}

impl axum::serve::Listener for Listener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            // Whoever hangs up before there is a connection is no reason to stop serving the others.
            if let Ok((stream, from)) = self.tcp.accept().await
                && let Ok(stream) = self.acceptor.accept(stream).await
            {
                return (stream, from);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}

#[derive(Clone)]
struct Served {
    client: Client,
    metrics: Metrics,
}

fn router(client: Client, metrics: Metrics) -> Router {
    let pods = json!([{ "name": "pods", "singularName": "", "namespaced": true, "kind": "PodMetrics", "verbs": ["get", "list"] }]);
    let external = json!([{ "name": "*", "singularName": "", "namespaced": true, "kind": "ExternalMetricValueList", "verbs": ["get"] }]);
    let resources = |group: &str, list: Value| {
        let list = json!({ "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group, "resources": list });
        get(move || async move { answer(list) })
    };
    Router::new()
        .route("/apis/metrics.k8s.io/v1beta1", resources("metrics.k8s.io/v1beta1", pods))
        .route("/apis/external.metrics.k8s.io/v1beta1", resources("external.metrics.k8s.io/v1beta1", external))
        .route("/apis/metrics.k8s.io/v1beta1/namespaces/{namespace}/pods", get(of_pods))
        .route("/apis/external.metrics.k8s.io/v1beta1/namespaces/{namespace}/{metric}", get(from_outside))
        .with_state(Served { client, metrics })
}

/// What each running pod uses: an equal share of what its component does.
async fn of_pods(
    State(served): State<Served>,
    Segments(namespace): Segments<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, StatusCode> {
    let query = query.unwrap_or_default();
    let selector = url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "labelSelector");
    let params = selector.map_or_else(ListParams::default, |(_, labels)| ListParams::default().labels(&labels));
    let pods = Api::<Pod>::namespaced(served.client, &namespace).list(&params).await;
    let pods = pods.map_err(|_| StatusCode::BAD_GATEWAY)?.items;
    let runs = |pod: &&Pod| pod.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Running");
    let running: Vec<&Pod> = pods.iter().filter(runs).collect();
    let now = k8s_openapi::jiff::Timestamp::now().to_string();
    let items = running.iter().map(|pod| {
        let component = component(pod);
        let together = running.iter().filter(|other| self::component(other) == component).count().max(1) as u64;
        let all = served.metrics.values(|values| values.cpu.get(&(namespace.clone(), component.to_owned())).copied());
        let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
        let containers: Vec<Value> = containers
            .map(|container| {
                let cpu = format!("{}u", all.unwrap_or(0) * 1_000 / together);
                json!({ "name": container.name, "usage": { "cpu": cpu, "memory": "64Mi" } })
            })
            .collect();
        json!({
            "metadata": { "name": pod.name_any(), "namespace": namespace, "labels": pod.labels() },
            "timestamp": now, "window": "1s", "containers": containers,
        })
    });
    let items: Vec<Value> = items.collect();
    Ok(answer(json!({
        "kind": "PodMetricsList", "apiVersion": "metrics.k8s.io/v1beta1", "metadata": {}, "items": items,
    })))
}

fn answer(body: Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

fn component(pod: &Pod) -> &str {
    pod.labels().get("app.kubernetes.io/component").map_or("", String::as_str)
}

async fn from_outside(
    State(served): State<Served>,
    Segments((namespace, metric)): Segments<(String, String)>,
) -> Result<Response, StatusCode> {
    let value = served.metrics.values(|values| values.external.get(&(namespace, metric.clone())).copied());
    let value = value.ok_or(StatusCode::NOT_FOUND)?;
    let now = k8s_openapi::jiff::Timestamp::now().to_string();
    Ok(answer(json!({
        "kind": "ExternalMetricValueList", "apiVersion": "external.metrics.k8s.io/v1beta1", "metadata": {},
        "items": [{ "metricName": metric, "metricLabels": {}, "timestamp": now, "value": value.to_string() }],
    })))
}

//! Real calls in somebody's name, by impersonation, and what came of each in one word.

use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// It was done, or would have been.
    Done,
    /// RBAC refuses it: who asks has no such right on the kind.
    NoRight,
    /// A policy refuses it: the verb of the field is missing. The sentence says which.
    NoVerb(String),
    /// The definition refuses it, whoever asks.
    Impossible(String),
    /// Anything else.
    Other(u16, String),
}

impl Answer {
    /// As the tables have it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Done => "yes",
            Self::NoRight => "-",
            Self::NoVerb(_) => "verb",
            Self::Impossible(_) => "x",
            Self::Other(..) => "?",
        }
    }
}

/// A call.
#[derive(Clone, Debug)]
pub struct Call {
    method: &'static str,
    path: String,
    content: &'static str,
    body: Value,
}

pub const MERGE: &str = "application/merge-patch+json";
pub const JSON_PATCH: &str = "application/json-patch+json";
pub const APPLY: &str = "application/apply-patch+yaml";

impl Call {
    pub fn new(method: &'static str, path: String, content: &'static str, body: Value) -> Self {
        Self { method, path, content, body }
    }

    fn is_watch(&self) -> bool {
        self.path.contains("watch=true")
    }
}

/// In whose name a call is made.
#[derive(Clone, Debug)]
pub struct Who {
    pub user: String,
    pub group: Option<&'static str>,
}

impl Who {
    fn on(&self, request: http::request::Builder) -> http::request::Builder {
        let request = request.header("Impersonate-User", &self.user);
        self.group.into_iter().fold(request, |request, group| request.header("Impersonate-Group", group))
    }
}

/// Makes calls in a namespace.
#[derive(Clone)]
pub struct Caller {
    pub client: Client,
    pub namespace: String,
}

impl Caller {
    /// The path of a kind's objects, or of one.
    pub fn path(&self, plural: &str, name: &str) -> String {
        let path = format!("/apis/jumun.dev/v1alpha1/namespaces/{}/{plural}", self.namespace);
        if name.is_empty() { path } else { format!("{path}/{name}") }
    }

    /// What stands at this path, as an administrator reads it.
    pub async fn read(&self, path: &str) -> Value {
        let request = http::Request::get(path).body(Vec::new()).expect("a request");
        self.client.request(request).await.expect("an answer")
    }

    /// Makes an object as an administrator.
    pub async fn make(&self, plural: &str, object: &Value) {
        let request = http::Request::post(self.path(plural, "")).header("Content-Type", "application/json");
        let request = request.body(object.to_string().into_bytes()).expect("a request");
        let made: Result<Value, _> = self.client.request(request).await;
        made.unwrap_or_else(|error| panic!("{plural}: {error}: {object}"));
    }

    /// The user of this name, who has no rights but in this namespace.
    pub fn who(&self, name: &str) -> Who {
        Who { user: format!("{name}@{}", self.namespace), group: None }
    }

    /// Makes the call in somebody's name.
    pub async fn ask(&self, who: &Who, call: &Call) -> Answer {
        let request = http::Request::builder().method(call.method).uri(&call.path).header("Content-Type", call.content);
        let bytes = if call.body.is_null() { Vec::new() } else { call.body.to_string().into_bytes() };
        let request = who.on(request).body(Body::from(bytes)).expect("a request");
        let response = self.client.send(request).await.expect("an answer");
        let code = response.status().as_u16();
        if call.is_watch() && code == 200 {
            return Answer::Done;
        }
        let bytes = response.into_body().collect().await.expect("a body").to_bytes();
        if code < 300 {
            return Answer::Done;
        }
        let status: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let said = status["message"].as_str().unwrap_or_default().to_owned();
        match code {
            403 if said.contains("only with the verb") => Answer::NoVerb(said),
            403 if said.contains(" cannot ") => Answer::NoRight,
            422 => Answer::Impossible(said),
            _ => Answer::Other(code, said),
        }
    }

    /// Whether the authorizer gives somebody a verb on a kind: for verbs that no call has.
    pub async fn review(&self, who: &Who, verb: &str, plural: &str) -> bool {
        let attributes = json!({ "group": "jumun.dev", "resource": plural, "verb": verb, "namespace": self.namespace });
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": { "resourceAttributes": attributes },
        });
        let request = http::Request::builder()
            .method("POST")
            .uri("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews")
            .header("Content-Type", "application/json");
        let request = who.on(request).body(review.to_string().into_bytes()).expect("a request");
        let answer: Value = self.client.request(request).await.expect("a review");
        answer["status"]["allowed"] == true
    }
}

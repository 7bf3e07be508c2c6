//! What the status of a pod tells about why it does not do well, in the words of who has to mend it. Pure.

use std::time::Duration;

use serde_json::Value;

use super::store::Live;
use crate::domain::Time;
use crate::domain::platform::effective::{Finding, sentence};

/// A container that was restarted within this time is worth a word; one that ran longer than this before is not restarted
/// again and again, however often it was in its life.
const RECENT: Duration = Duration::from_secs(600);

/// The worst that a pod tells about itself.
pub fn trouble(pod: &Live, now: Time) -> Option<Finding> {
    let status = &pod.object["status"];
    if !pod.object["metadata"]["deletionTimestamp"].is_null() {
        return None;
    }
    let name = &pod.key.name;
    let containers = ["initContainerStatuses", "containerStatuses"].into_iter();
    let containers = containers.flat_map(|list| status[list].as_array().into_iter().flatten());
    let said: Vec<Finding> = containers.filter_map(|container| of_container(name, container, now)).collect();
    let first = said.iter().find(|finding| finding.truth == crate::domain::conditions::Truth::False);
    first.or(said.first()).cloned().or_else(|| unscheduled(name, status))
}

fn unscheduled(name: &str, status: &Value) -> Option<Finding> {
    let condition = |type_: &str| {
        let conditions = status["conditions"].as_array().into_iter().flatten();
        conditions.into_iter().find(|condition| condition["type"] == type_)
    };
    let scheduled = condition("PodScheduled").filter(|scheduled| scheduled["status"] == "False")?;
    if condition("Ready").is_some_and(|ready| ready["status"] == "True") {
        return None;
    }
    let message = sentence(scheduled["message"].as_str().unwrap_or_default());
    let advice = "Add nodes, or ask for less (spec.workloads)";
    Some(Finding::unknown("Unschedulable", format!("Pod {name} finds no node: {message}. {advice}.")))
}

fn of_container(pod: &str, container: &Value, now: Time) -> Option<Finding> {
    let waiting = &container["state"]["waiting"];
    let message = sentence(waiting["message"].as_str().unwrap_or_default());
    let logs = format!("kubectl logs {pod} --previous");
    match waiting["reason"].as_str().unwrap_or_default() {
        "ImagePullBackOff" | "ErrImagePull" | "InvalidImageName" | "ErrImageNeverPull" | "ImageInspectError" => {
            let image = container["image"].as_str().unwrap_or_default();
            let advice = "See spec.image, and whether the nodes may pull it";
            return Some(Finding::bad("ImageCannotBePulled", format!("Pod {pod}: {image}: {message}. {advice}.")));
        }
        "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => {
            let advice = format!("kubectl describe pod {pod}");
            return Some(Finding::bad("ContainerCannotStart", format!("Pod {pod}: {message}; {advice}.")));
        }
        "CrashLoopBackOff" => {
            let why =
                end(container).map_or_else(|| format!("it ends again and again; {logs}."), |end| end.advice(&logs));
            return Some(Finding::bad("CrashLooping", format!("Pod {pod}: {why}")));
        }
        _ => {}
    }
    let end = end(container)?;
    let restarts = container["restartCount"].as_i64().unwrap_or(0);
    if restarts == 0 || now.since(end.at?) > RECENT {
        return None;
    }
    let message = format!("Pod {pod}, restarted {restarts} times: {}", end.advice(&logs));
    Some(if restarts > 1 && end.was_short() {
        Finding::bad("Restarting", message)
    } else {
        Finding { message, ..Finding::well("Restarted") }
    })
}

/// How a container last ended.
struct End<'a> {
    code: i64,
    reason: &'a str,
    began: Option<Time>,
    at: Option<Time>,
}

fn end(container: &Value) -> Option<End<'_>> {
    let ended = [&container["lastState"]["terminated"], &container["state"]["terminated"]];
    let ended = ended.into_iter().find(|ended| ended.is_object())?;
    let time = |field: &str| serde_json::from_value(ended[field].clone()).ok();
    Some(End {
        code: ended["exitCode"].as_i64().unwrap_or_default(),
        reason: ended["reason"].as_str().unwrap_or_default(),
        began: time("startedAt"),
        at: time("finishedAt"),
    })
}

impl End<'_> {
    /// Whether it had not run for long.
    fn was_short(&self) -> bool {
        self.at.zip(self.began).is_some_and(|(at, began)| at.since(began) < RECENT)
    }

    /// What it means, and what to do. A container that is told to stop ends well (0), or is killed (143, 137).
    fn advice(&self, logs: &str) -> String {
        let Self { code, reason, .. } = self;
        if *reason == "OOMKilled" {
            return "it took more memory than its limit; raise resources.limits.memory (spec.workloads).".to_owned();
        }
        match code {
            0 | 137 | 143 => format!(
                "it was told to stop, as the kubelet does when the liveness or startup probe fails (exit code {code}); \
                 see spec.probes: /livez is served on port 8081."
            ),
            _ => format!("it ended with exit code {code} ({reason}); {logs}."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::resources::find;
    use super::*;
    use crate::domain::conditions::Truth;
    use serde_json::json;

    const NOW: &str = "2026-11-26T03:00:00Z";

    fn said(status: Value) -> Option<(Truth, String, String)> {
        let object = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "p", "namespace": "shop" }, "status": status });
        let pod = Live::of(find("Pod").unwrap(), serde_json::from_value(object).unwrap());
        let now = serde_json::from_value(json!(NOW)).unwrap();
        trouble(&pod, now).map(|finding| (finding.truth, finding.reason, finding.message))
    }

    /// A container whose last run was over at once.
    fn container(state: Value, restarts: i64, code: i64, at: &str) -> Value {
        ran(state, restarts, code, at, at)
    }

    fn ran(state: Value, restarts: i64, code: i64, from: &str, to: &str) -> Value {
        let ended =
            json!({ "terminated": { "exitCode": code, "reason": "Error", "startedAt": from, "finishedAt": to } });
        json!({ "containerStatuses": [{ "name": "jumun", "image": "x:1", "state": state, "lastState": ended, "restartCount": restarts }] })
    }

    #[test]
    fn a_wrong_liveness_port_is_seen_in_how_the_container_ends() {
        let running = json!({ "running": {} });
        let (truth, reason, message) = said(container(running.clone(), 1, 0, "2026-11-26T02:59:00Z")).unwrap();
        assert_eq!((truth, reason.as_str()), (Truth::True, "Restarted"), "once may be anything");
        assert!(message.contains("spec.probes") && message.contains("Pod p"), "{message}");
        let (truth, reason, _) = said(container(running.clone(), 2, 143, "2026-11-26T02:59:00Z")).unwrap();
        assert_eq!((truth, reason.as_str()), (Truth::False, "Restarting"));
        assert_eq!(said(container(running, 5, 137, "2026-11-26T02:40:00Z")), None, "long ago");
        let waiting = json!({ "waiting": { "reason": "CrashLoopBackOff", "message": "back-off" } });
        let (truth, reason, message) = said(container(waiting.clone(), 9, 0, "2026-11-26T02:40:00Z")).unwrap();
        assert_eq!((truth, reason.as_str()), (Truth::False, "CrashLooping"));
        assert!(message.contains("liveness"), "{message}");
        let (_, _, message) = said(container(waiting, 9, 1, NOW)).unwrap();
        assert!(message.contains("exit code 1") && message.contains("--previous"), "{message}");
    }

    #[test]
    fn a_container_that_ran_for_long_before_is_not_restarted_again_and_again() {
        let running = json!({ "running": {} });
        for (from, expected) in [
            ("2026-11-26T02:50:00Z", (Truth::False, "Restarting")),
            ("2026-11-26T02:40:00Z", (Truth::True, "Restarted")),
            ("2026-11-02T02:40:00Z", (Truth::True, "Restarted")),
        ] {
            let (truth, reason, message) = said(ran(running.clone(), 7, 1, from, "2026-11-26T02:59:00Z")).unwrap();
            assert_eq!((truth, reason.as_str()), expected, "{from}");
            assert!(message.contains("restarted 7 times"), "{message}");
        }
    }

    #[test]
    fn what_keeps_a_pod_from_starting_is_said_with_what_to_do() {
        for (reason, expected, word) in [
            ("ErrImagePull", "ImageCannotBePulled", "spec.image"),
            ("CreateContainerConfigError", "ContainerCannotStart", "describe"),
        ] {
            let waiting = json!({ "waiting": { "reason": reason, "message": "no such thing" } });
            let status = json!({ "containerStatuses": [{ "image": "x:1", "state": waiting, "restartCount": 0 }] });
            let (truth, said, message) = said(status).unwrap();
            assert_eq!((truth, said.as_str()), (Truth::False, expected));
            assert!(message.contains("no such thing") && message.contains(word), "{message}");
        }
        let scheduled = json!({ "type": "PodScheduled", "status": "False", "message": "0/0 nodes are available." });
        let (truth, reason, message) = said(json!({ "conditions": [scheduled] })).unwrap();
        assert_eq!(truth, Truth::Unknown, "that matters only where it is needed");
        assert!(reason == "Unschedulable" && message.contains("0/0 nodes are available"), "{message}");
        assert_eq!(said(json!({ "phase": "Pending" })), None);
    }
}

//! What is effective of a platform: the conditions that the operator writes, from what it has seen of the objects that it
//! builds, and `status.workloads`.
//!
//! Invariants: a condition is about everything of its kind, and says the worst of it, by the name of the object and with
//! the next step; an aspect that the spec does not ask for has no condition.

use super::super::conditions::{self, Truth};
use super::super::{Condition, Generation, Time};
use super::types::Workloads;

/// Every workload runs as the spec has it.
pub const WORKLOADS_AVAILABLE: &str = "WorkloadsAvailable";
/// Every autoscaler is there and reads its metric.
pub const AUTOSCALED: &str = "Autoscaled";
/// The gateway takes connections.
pub const GATEWAY_PROGRAMMED: &str = "GatewayProgrammed";
/// The gateway takes the routes.
pub const ROUTES_ACCEPTED: &str = "RoutesAccepted";
/// There is room on nodes for pods to come.
pub const HEADROOM_GRANTED: &str = "HeadroomGranted";
/// The operator may build what the spec asks for, and the workloads have their rights.
pub const RIGHTS_GRANTED: &str = "RightsGranted";

/// The conditions that the operator writes, in the order in which they stand.
pub const OF_THE_OPERATOR: [&str; 6] =
    [WORKLOADS_AVAILABLE, RIGHTS_GRANTED, GATEWAY_PROGRAMMED, ROUTES_ACCEPTED, AUTOSCALED, HEADROOM_GRANTED];

/// Whose an object is that an OrderPlatform of the same namespace has left behind.
pub const OF_BEFORE: &str = "the OrderPlatform of before";

/// What is repeated of a sentence that somebody else wrote.
const SENTENCE: usize = 240;
/// The longest reason of a condition.
const REASON: usize = 64;

/// What is found of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub truth: Truth,
    /// One word for programs.
    pub reason: String,
    /// Names the object and the next step; empty where there is nothing to do.
    pub message: String,
}

impl Finding {
    /// All is well.
    pub fn well(reason: &str) -> Self {
        Self { truth: Truth::True, reason: reason.to_owned(), message: String::new() }
    }

    /// Something is wrong.
    pub fn bad(reason: &str, message: impl Into<String>) -> Self {
        Self { truth: Truth::False, reason: reason.to_owned(), message: message.into() }
    }

    /// It is not known yet.
    pub fn unknown(reason: &str, message: impl Into<String>) -> Self {
        Self { truth: Truth::Unknown, reason: reason.to_owned(), message: message.into() }
    }

    /// How bad it is; and what says something comes before what says nothing.
    fn rank(&self) -> (u8, bool) {
        let rank = match self.truth {
            Truth::False => 0,
            Truth::Unknown => 1,
            Truth::True => 2,
        };
        (rank, self.message.is_empty())
    }
}

/// The beginning of a sentence that somebody else wrote. Where the API server lets nobody grant what he does not hold, what
/// is lacking stands at its end.
pub fn sentence(text: &str) -> String {
    let lacking = text.split_once("not currently held:").map(|(_, rights)| {
        let rights: Vec<&str> = rights.split_whitespace().collect();
        format!("it would grant what is not held: {}", rights.join(" "))
    });
    let text = lacking.as_deref().unwrap_or(text);
    text.trim().trim_end_matches('.').chars().take(SENTENCE).collect()
}

/// A reason that somebody else wrote, as ours are: the Gateway API allows longer ones than fit into a status of ours, and
/// one that does not fit would keep the whole status from being written.
pub fn reason(text: &str) -> String {
    let form = |c: &char| c.is_ascii_alphanumeric() || "_,:".contains(*c);
    let word: String = text.chars().skip_while(|c| !c.is_ascii_alphabetic()).take_while(form).take(REASON).collect();
    let word = word.trim_end_matches([',', ':']);
    if word.is_empty() { "Refused".to_owned() } else { word.to_owned() }
}

/// Which workload a Deployment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Controllers,
    Command,
    Query,
}

/// What is seen of a Deployment that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    pub name: String,
    pub part: Part,
    /// How many pods there are to be at the least: an autoscaler's minimum where there is one.
    pub wanted: i64,
    pub available: i64,
    /// Whether every pod is of the newest template, and there are as many as wanted.
    pub rolled_out: bool,
    /// The worst that is seen of its pods.
    pub trouble: Option<Finding>,
}

/// A write that the API server denies the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    /// `patch Deployment jumun-command`
    pub write: String,
    /// What the API server said.
    pub sentence: String,
    /// Whether it is a right that is missing, and not a quota, a policy, or a definition.
    pub right: bool,
}

/// What the operator has seen of what it builds for one generation of the spec.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    pub generation: Generation,
    pub deployments: Vec<Deployment>,
    pub denied: Vec<Denied>,
    /// One for each autoscaler that is wanted.
    pub autoscalers: Vec<Finding>,
    /// Where a gateway is wanted.
    pub gateway: Option<Finding>,
    /// One for each route that is wanted.
    pub routes: Vec<Finding>,
    /// Where headroom is wanted.
    pub headroom: Vec<Finding>,
}

impl Findings {
    /// How many pods are available of how many.
    pub fn workloads(&self) -> Workloads {
        let count = |part: Part| {
            let all = self.deployments.iter().filter(|deployment| deployment.part == part);
            let (available, wanted) =
                all.fold((0, 0), |(a, w), one| (a + one.available, w + one.wanted.max(one.available)));
            format!("{available}/{wanted}")
        };
        Workloads {
            observed_generation: self.generation,
            controllers: count(Part::Controllers),
            command: count(Part::Command),
            query: count(Part::Query),
        }
    }

    /// The conditions of the operator; times of what was said before, in `seen`, are kept.
    pub fn conditions(&self, seen: &[Condition], now: Time) -> Vec<Condition> {
        let findings: [(&str, Option<Finding>); 6] = [
            (WORKLOADS_AVAILABLE, Some(self.available())),
            (RIGHTS_GRANTED, Some(self.rights())),
            (GATEWAY_PROGRAMMED, self.gateway.clone()),
            (ROUTES_ACCEPTED, worst(&self.routes)),
            (AUTOSCALED, worst(&self.autoscalers)),
            (HEADROOM_GRANTED, worst(&self.headroom)),
        ];
        let say = |(type_, finding): (&str, Option<Finding>)| {
            let Finding { truth, reason, message } = finding?;
            Some(conditions::extra(seen, type_, truth, &reason, &message, self.generation, now))
        };
        findings.into_iter().filter_map(say).collect()
    }

    fn available(&self) -> Finding {
        let denied = self.denied.iter().filter(|denied| !denied.right).map(|denied| {
            let (write, said) = (&denied.write, sentence(&denied.sentence));
            Finding::bad("WriteDenied", format!("{write}: {said}. {}; it is tried again within a minute.", way(&said)))
        });
        // Where no trouble decides, the worse one is said all the same.
        let mut deployments: Vec<&Deployment> = self.deployments.iter().collect();
        deployments.sort_by_key(|one| one.trouble.as_ref().is_none_or(|trouble| trouble.truth != Truth::False));
        let all: Vec<Finding> = denied.chain(deployments.into_iter().map(Deployment::finding)).collect();
        worst(&all).unwrap_or_else(|| Finding::unknown("NothingBuilt", "Nothing is built yet."))
    }

    fn rights(&self) -> Finding {
        let denied = self.denied.iter().filter(|denied| denied.right).map(|denied| {
            let (write, said) = (&denied.write, sentence(&denied.sentence));
            let way = "Give the operator's account that right (manifests/operator/platform-rbac.yaml)";
            Finding::bad("Forbidden", format!("{write}: {said}. {way}; it is tried again within a minute."))
        });
        worst(&denied.collect::<Vec<Finding>>()).unwrap_or_else(|| Finding::well("Granted"))
    }
}

impl Deployment {
    /// Whether as many pods as there are to be run what is asked for.
    pub fn runs(&self) -> bool {
        self.rolled_out && self.available >= self.wanted
    }

    fn finding(&self) -> Finding {
        let Self { name, wanted, available, .. } = self;
        if self.part == Part::Controllers && *wanted == 0 {
            let message = format!(
                "Deployment {name}: orders stand still while spec.workloads.controllers.replicas is 0; 1 is enough."
            );
            return Finding::bad("NoControllers", message);
        }
        let runs = self.runs();
        match &self.trouble {
            Some(trouble) if !runs => Finding { truth: Truth::False, ..trouble.clone() },
            // It does not keep enough of them from running, and is said all the same.
            Some(trouble) if trouble.truth == Truth::False => Finding { truth: Truth::True, ..trouble.clone() },
            // A pod more than there have to be finds no place.
            Some(trouble) if trouble.truth == Truth::Unknown => {
                Finding { message: trouble.message.clone(), ..Finding::well("Available") }
            }
            Some(trouble) => trouble.clone(),
            None if runs => Finding::well("Available"),
            None if available >= wanted => Finding::bad(
                "RollingOut",
                format!(
                    "Deployment {name}: its new pods are not all there yet; kubectl rollout status deployment/{name}."
                ),
            ),
            None => Finding::bad(
                "Unavailable",
                format!(
                    "Deployment {name}: {available} of {wanted} pods are available; kubectl describe deployment {name}."
                ),
            ),
        }
    }
}

/// The worst of several findings; the first of those that are alike.
fn worst(findings: &[Finding]) -> Option<Finding> {
    findings.iter().min_by_key(|finding| finding.rank()).cloned()
}

/// What to do about a write that is refused with this sentence, and not for want of a right.
fn way(sentence: &str) -> &'static str {
    if sentence.contains(" quota: ") {
        "Raise or remove that ResourceQuota"
    } else if sentence.contains(OF_BEFORE) {
        "It is made anew once that is gone"
    } else if sentence.contains("belongs to") {
        "Rename or delete it"
    } else {
        "Mend what refuses it: a policy or webhook of admission, or a value of the spec"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment(name: &str, part: Part, available: i64) -> Deployment {
        Deployment { name: name.to_owned(), part, wanted: 1, available, rolled_out: true, trouble: None }
    }

    fn findings() -> Findings {
        let all = [("jumun-order", Part::Controllers), ("jumun-view", Part::Controllers), ("jumun-query", Part::Query)];
        let deployments = all.map(|(name, part)| deployment(name, part, 1)).into();
        Findings { generation: Generation(3), deployments, ..Findings::default() }
    }

    fn said(findings: &Findings, type_: &str) -> Option<(Truth, String, String)> {
        let all = findings.conditions(&[], Time::from_millis(0));
        conditions::find(&all, type_).map(|c| (c.status, c.reason.clone(), c.message.clone()))
    }

    #[test]
    fn what_is_not_asked_for_has_no_condition_and_what_runs_says_nothing() {
        let all = findings().conditions(&[], Time::from_millis(0));
        let types: Vec<&str> = all.iter().map(|condition| condition.type_.as_str()).collect();
        assert_eq!(types, [WORKLOADS_AVAILABLE, RIGHTS_GRANTED]);
        assert!(all.iter().all(|c| c.status == Truth::True && c.message.is_empty() && c.observed_generation.0 == 3));
        let workloads = findings().workloads();
        assert_eq!((workloads.controllers.as_str(), workloads.command.as_str()), ("2/2", "0/0"));
        assert_eq!((workloads.query.as_str(), workloads.observed_generation), ("1/1", Generation(3)));
    }

    #[test]
    fn the_worst_of_the_workloads_is_said_by_name() {
        let mut findings = findings();
        findings.deployments[1].rolled_out = false;
        let (truth, reason, message) = said(&findings, WORKLOADS_AVAILABLE).unwrap();
        assert_eq!((truth, reason.as_str()), (Truth::False, "RollingOut"));
        assert!(message.contains("jumun-view"), "{message}");
        findings.deployments[1] = deployment("jumun-view", Part::Controllers, 0);
        assert_eq!(findings.workloads().controllers, "1/2");
        let (_, reason, message) = said(&findings, WORKLOADS_AVAILABLE).unwrap();
        assert!(reason == "Unavailable" && message.contains("jumun-view: 0 of 1"), "{message}");
        findings.deployments[1].trouble = Some(Finding::bad("ImageCannotBePulled", "Pod x: no such image"));
        assert_eq!(said(&findings, WORKLOADS_AVAILABLE).unwrap().1, "ImageCannotBePulled");
        findings.deployments[1].trouble = Some(Finding::unknown("Unschedulable", "Pod x finds no node"));
        let (truth, reason, _) = said(&findings, WORKLOADS_AVAILABLE).unwrap();
        assert_eq!((truth, reason.as_str()), (Truth::False, "Unschedulable"));
        findings.deployments[1].available = 1;
        let (truth, reason, message) = said(&findings, WORKLOADS_AVAILABLE).unwrap();
        assert_eq!((truth, reason.as_str()), (Truth::True, "Available"), "there are enough without it");
        assert!(message.contains("no node"), "{message}");
    }

    #[test]
    fn without_controllers_nothing_is_available() {
        let mut findings = findings();
        findings.deployments[0] = Deployment { wanted: 0, ..deployment("jumun-order", Part::Controllers, 0) };
        let (truth, reason, message) = said(&findings, WORKLOADS_AVAILABLE).unwrap();
        assert_eq!((truth, reason.as_str()), (Truth::False, "NoControllers"));
        assert!(
            message.contains("jumun-order") && message.contains("spec.workloads.controllers.replicas"),
            "{message}"
        );
        findings.deployments[0] = Deployment { wanted: 0, ..deployment("jumun-query", Part::Query, 0) };
        assert_eq!(said(&findings, WORKLOADS_AVAILABLE).unwrap().0, Truth::True, "nobody has to ask");
    }

    #[test]
    fn a_pod_that_was_restarted_once_is_said_and_one_that_is_again_and_again_is_not_available() {
        let mut findings = findings();
        let restarted = Finding { message: "Pod x was restarted".to_owned(), ..Finding::well("Restarted") };
        findings.deployments[0].trouble = Some(restarted);
        assert_eq!(said(&findings, WORKLOADS_AVAILABLE).unwrap().0, Truth::True);
        assert_eq!(said(&findings, WORKLOADS_AVAILABLE).unwrap().1, "Restarted");
        findings.deployments[2].trouble = Some(Finding::bad("Restarting", "Pod y is restarted again and again"));
        let (truth, reason, message) = said(&findings, WORKLOADS_AVAILABLE).unwrap();
        assert_eq!((truth, reason.as_str()), (Truth::True, "Restarting"), "there are enough at this moment");
        assert!(message.contains("Pod y"), "{message}");
        findings.deployments[2].available = 0;
        let (truth, reason, _) = said(&findings, WORKLOADS_AVAILABLE).unwrap();
        assert_eq!((truth, reason.as_str()), (Truth::False, "Restarting"));
    }

    #[test]
    fn a_reason_that_somebody_else_wrote_fits_into_a_condition() {
        assert_eq!(reason("NoMatchingParent"), "NoMatchingParent");
        assert_eq!(reason(&"Long".repeat(256)), "Long".repeat(16));
        assert_eq!(reason(&format!("{}:more", "x".repeat(63))), "x".repeat(63), "no end that is not allowed");
        for text in ["", "42", ": no", "Zu spät"] {
            let word = reason(text);
            assert!(!word.is_empty() && word.is_ascii(), "{text} is {word}");
        }
        let mut findings = findings();
        findings.gateway = Some(Finding::bad(&reason(&"Long".repeat(256)), "wort".repeat(512)));
        let (_, reason, message) = said(&findings, GATEWAY_PROGRAMMED).unwrap();
        assert!(reason.chars().count() <= 64 && message.chars().count() <= 512, "{reason}: {message}");
    }

    #[test]
    fn what_is_denied_is_said_where_it_belongs_with_what_to_do() {
        let mut findings = findings();
        let denied = |write: &str, sentence: &str, right| Denied {
            write: write.to_owned(),
            sentence: sentence.to_owned(),
            right,
        };
        findings.denied =
            vec![denied("create Role jumun-view", "account \"a\" cannot create resource \"roles\"", true)];
        let (truth, _, message) = said(&findings, RIGHTS_GRANTED).unwrap();
        assert!(truth == Truth::False && message.contains("Role jumun-view") && message.contains("platform-rbac.yaml"));
        assert_eq!(said(&findings, WORKLOADS_AVAILABLE).unwrap().0, Truth::True);
        let groups = "system:serviceaccounts ".repeat(20);
        let lacks = "{APIGroups:[\"jumun.dev\"], Resources:[\"deliveries\"], Verbs:[\"get\"]}";
        let long =
            format!("user (groups=[{groups}]) is attempting to grant RBAC permissions not currently held:\n{lacks}");
        findings.denied = vec![denied("apply Role jumun-view", &long, true)];
        let (_, _, message) = said(&findings, RIGHTS_GRANTED).unwrap();
        assert!(message.contains(lacks) && message.contains("not held"), "{message}");
        let left =
            format!("an object of this name is there already and belongs to {OF_BEFORE}, with which it goes by itself");
        findings.denied = vec![denied("apply Service jumun-query", &left, false)];
        let (_, _, message) = said(&findings, WORKLOADS_AVAILABLE).unwrap();
        assert!(message.contains("made anew once that is gone") && !message.contains("Rename"), "{message}");
        findings.denied = vec![denied("create Service jumun-query", "exceeded quota: few", false)];
        let (truth, reason, message) = said(&findings, WORKLOADS_AVAILABLE).unwrap();
        assert!(truth == Truth::False && reason == "WriteDenied" && message.contains("ResourceQuota"), "{message}");
        assert_eq!(said(&findings, RIGHTS_GRANTED).unwrap().0, Truth::True);
    }

    #[test]
    fn each_aspect_that_is_asked_for_says_how_it_does() {
        let mut findings = findings();
        findings.gateway = Some(Finding::well("Programmed"));
        findings.routes = vec![Finding::well("Accepted"), Finding::unknown("Pending", "HTTPRoute b: not looked at")];
        findings.autoscalers = vec![Finding::bad("MetricUnavailable", "HorizontalPodAutoscaler a: no metrics")];
        findings.headroom = vec![Finding::well("Granted")];
        let all = findings.conditions(&[], Time::from_millis(0));
        let types: Vec<&str> = all.iter().map(|condition| condition.type_.as_str()).collect();
        assert_eq!(types, OF_THE_OPERATOR);
        assert_eq!(said(&findings, ROUTES_ACCEPTED).unwrap().0, Truth::Unknown);
        assert_eq!(said(&findings, AUTOSCALED).unwrap().0, Truth::False);
    }
}

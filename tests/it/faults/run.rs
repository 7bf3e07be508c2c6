//! One run of a scenario in a namespace of its own, with at most one fault.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use jumun::controllers::{Options, Running, start};
use jumun::domain::{Kind, Policy};
use jumun::telemetry::Metrics;
use kube::{Client, Config};
use serde_json::Value;

use super::proxy::{Fault, Plan, Proxy};
use super::same::{End, differences, end_of};
use super::scenario::{Act, Scenario, Seen};
use crate::checker::check;
use crate::harness::{QUIET, Scene};
use crate::outside::{Card, Endpoint};
use crate::plane::config;
use crate::recorder::Version;

/// How long a run may take.
const PATIENCE: Duration = Duration::from_secs(90);
/// How long after the quiet of the end what differs from the undisturbed run may still come to be the same.
const GRACE: Duration = Duration::from_secs(15);
/// What both may take longer where a write was denied: it is tried again after half a minute, a notice after a minute.
const DENIED: Duration = Duration::from_secs(65);
/// A write that was on its way when its sender died arrives when all has come to its end; where orders go away, sooner
/// than their children may.
const LATE: Duration = Duration::from_secs(1);
/// How soon an actor who sees no effect tries again.
const AGAIN: Duration = Duration::from_secs(1);

/// What all runs of a test share.
#[derive(Clone)]
pub struct Ground {
    /// The actors'.
    pub client: Client,
    /// The proxies'; it adds no identity to what passes.
    pub upstream: Client,
    /// The operators', with the rights of their manifest.
    pub operators: Config,
}

impl Ground {
    pub async fn new() -> Self {
        let plane = crate::harness::plane().await;
        let client = Client::try_from(config(&plane.admin).await).expect("client");
        let operators = config(&plane.operator).await;
        let mut passing = operators.clone();
        passing.auth_info = Default::default();
        passing.default_retry = false;
        Self { client, upstream: Client::try_from(passing).expect("client"), operators }
    }
}

/// What became of a run.
pub struct Report {
    /// What the first operator wrote, in order.
    pub writes: Vec<String>,
    /// The write that the fault happened to, where it came to that.
    pub hit: Option<String>,
    pub versions: usize,
    pub end: End,
    /// What is wrong; empty where all is well.
    pub wrong: Vec<String>,
}

/// The operator in this process. Dropping it stops every task of it at once; whatever it may still have under way, the
/// proxy does not let through once the operator counts as dead.
struct Operator {
    proxy: Proxy,
    running: Running,
}

impl Operator {
    async fn start(ground: &Ground, namespace: &str, plan: Plan) -> Self {
        let proxy = Proxy::start(ground.upstream.clone(), plan).await;
        let mut config = ground.operators.clone();
        config.cluster_url = proxy.url.parse().expect("a URL");
        let options = Options {
            namespace: Some(namespace.to_owned()),
            controllers: Kind::ALL.to_vec(),
            concurrency: 16,
            policy: Policy {
                linger: Duration::from_secs(2),
                settle_within: Duration::from_secs(2),
                ..Policy::default()
            },
            // One that died makes way for the next at once, as in a pod.
            pod: Some("operator".to_owned()),
            home: namespace.to_owned(),
            shares: true,
        };
        let running = start(&config, &options, &Metrics::default()).expect("an operator");
        Self { proxy, running }
    }
}

/// Runs a scenario until nothing changes any more, and judges its end: every version, and the end against `wanted`.
pub async fn run(name: &str, scenario: &Scenario, ground: &Ground, plan: Plan, wanted: Option<&End>) -> Report {
    let mut scene = Scene::of(ground.client.clone(), name).await;
    let namespace = scene.namespace.clone();
    let mut wrong = Vec::new();
    let around = Around::start(scenario).await;
    for act in scenario.set_up.iter().map(|act| around.fill(act)) {
        act.perform(&ground.client, &namespace).await.expect("set up");
    }
    let mut operator = Operator::start(ground, &namespace, plan).await;
    let mut dead: Option<(Proxy, Instant)> = None;
    let mut late = false;
    let mut missing = scenario.missing(&Seen::default());
    let mut stage = Stage::new(&scene);
    let longer = if matches!(plan, Some((Fault::Denied, _))) { DENIED } else { Duration::ZERO };
    let (mut changed, started, mut judged) = (Instant::now(), Instant::now(), 0);
    let mut tick = tokio::time::interval(Duration::from_millis(10));
    loop {
        tick.tick().await;
        if operator.proxy.has_killed() {
            let next = Operator::start(ground, &namespace, None).await;
            let Operator { proxy, running } = std::mem::replace(&mut operator, next);
            drop(running);
            dead = Some((proxy, Instant::now()));
        }
        if let Some((proxy, since)) = dead.as_ref().filter(|_| !late)
            && if scenario.lets_go() { since.elapsed() > LATE } else { missing.is_none() }
        {
            late = true;
            if proxy.send_late().await {
                changed = Instant::now();
            }
        }
        if stage.look() {
            changed = Instant::now();
            missing = scenario.missing(&stage.seen);
        }
        stage.act(scenario).await;
        if started.elapsed() > PATIENCE + longer {
            let what = missing.unwrap_or_else(|| "it does not come to rest".to_owned());
            wrong.push(format!("no end after {:?}: {what}; last refused: {:?}", PATIENCE + longer, stage.refused));
            break;
        }
        if missing.is_none() && changed.elapsed() > QUIET && late == dead.is_some() {
            let at_rest = judged == stage.log.len();
            judged = stage.log.len();
            let same = !at_rest && wanted.is_none_or(|wanted| differences(wanted, &end_of(&stage.log)).is_empty());
            if same || changed.elapsed() > QUIET + GRACE + longer {
                break;
            }
        }
    }
    drop(stage);
    let log = scene.recorder.stop(&ground.client, &namespace).await;
    let (writes, hit) = dead.map_or(operator.proxy, |(proxy, _)| proxy).writes();
    let verdict = check(&log);
    wrong.extend(verdict.violations);
    wrong.extend(around.judge(scenario));
    let end = end_of(&log);
    if let Some(wanted) = wanted {
        wrong.extend(differences(wanted, &end));
    }
    let report = Report { writes, hit, versions: log.len(), end, wrong };
    if !report.wrong.is_empty() {
        write_down(&namespace, &report, &log);
    }
    report
}

/// What is outside the cluster, of this run alone.
struct Around {
    card: Option<Card>,
    endpoint: Option<Endpoint>,
}

impl Around {
    async fn start(scenario: &Scenario) -> Self {
        let mut around = Self { card: None, endpoint: None };
        if let Some(faults) = &scenario.outside.provider {
            let card = Card::start().await;
            card.provider.set(faults.clone());
            around.card = Some(card);
        }
        if let Some(failures) = scenario.outside.endpoint {
            let endpoint = Endpoint::start().await;
            endpoint.fail(failures);
            around.endpoint = Some(endpoint);
        }
        around
    }

    /// A step of the set-up with the addresses of this run.
    fn fill(&self, act: &Act) -> Act {
        let Act::Create(object) = act else { return act.clone() };
        let mut text = object.to_string();
        if let Some(card) = &self.card {
            text = text.replace("{provider}", card.url());
        }
        if let Some(endpoint) = &self.endpoint {
            text = text.replace("{endpoint}", &endpoint.url());
        }
        Act::Create(serde_json::from_str(&text).expect("an object"))
    }

    /// What the provider has done that it should not have been asked to.
    fn judge(&self, scenario: &Scenario) -> Vec<String> {
        let entries = self.card.iter().flat_map(|card| card.provider.entries());
        let bought = scenario.ends.iter().filter(|(_, state, _)| *state == "Completed").count() as u32;
        let (mut wrong, mut kept) = (Vec::new(), 0);
        for entry in entries {
            if entry.taken > 1 || entry.returned > entry.taken {
                wrong.push(format!("charged_at_most_once, refunded_at_most_once: {entry:?}"));
            }
            kept += entry.taken.saturating_sub(entry.returned);
        }
        if self.card.is_some() && kept != bought {
            wrong.push(format!("money_is_conserved: {bought} bought, the provider keeps {kept} charges"));
        }
        wrong
    }
}

/// What the actors see and do.
struct Stage<'a> {
    scene: &'a Scene,
    log: Vec<Version>,
    seen: Seen,
    /// How much of the log the actors have looked at.
    looked: usize,
    /// What they did a moment ago.
    done: Vec<(Act, Instant)>,
    refused: Option<String>,
}

impl<'a> Stage<'a> {
    fn new(scene: &'a Scene) -> Self {
        Self { scene, log: Vec::new(), seen: Seen::default(), looked: 0, done: Vec::new(), refused: None }
    }

    /// Takes in what has changed; gives whether anything has.
    fn look(&mut self) -> bool {
        let new = self.scene.recorder.since(self.log.len());
        self.log.extend(new.iter().cloned());
        let any = !new.is_empty();
        new.into_iter().for_each(|version| self.seen.take(version));
        any
    }

    async fn act(&mut self, scenario: &Scenario) {
        if self.looked == self.log.len() && self.done.iter().all(|(_, when)| when.elapsed() < AGAIN) {
            return;
        }
        self.looked = self.log.len();
        self.done.retain(|(_, when)| when.elapsed() < AGAIN);
        for act in scenario.actors.iter().flat_map(|actor| actor(&self.seen)).collect::<Vec<Act>>() {
            if self.done.iter().any(|(done, _)| *done == act) {
                continue;
            }
            if let Err(error) = act.perform(&self.scene.client, &self.scene.namespace).await {
                self.refused = Some(format!("{act:?}: {error}"));
            }
            self.done.push((act, Instant::now()));
        }
    }
}

/// Leaves everything that is known of a run that went wrong in a file.
fn write_down(namespace: &str, report: &Report, log: &[Version]) {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{namespace}.log"));
    let mut text = format!("hit: {:?}\n{}\n\n", report.hit, report.wrong.join("\n"));
    text += &format!("writes of the first operator:\n{}\n\n", report.writes.join("\n"));
    for version in log {
        let gone = if version.deleted { " deleted" } else { "" };
        let mut object = Value::clone(&version.object);
        object["metadata"]["managedFields"].take();
        text += &format!("{} {}{gone} {object}\n", version.version, version.kind);
    }
    std::fs::write(path, text).expect("written down");
}

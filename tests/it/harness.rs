//! A namespace of one's own on the shared control plane, operators as processes, and the steps of the actors.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use jumun::crd::{Delivery, Order, OrderView, Payment, Product, Store, Ticket, Wallet};
use jumun::domain::order::State;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::operator::Operator;
use crate::plane::{Plane, config};
use crate::recorder::Recorder;
pub use crate::wait::wait_for;

static PLANE: OnceCell<Plane> = OnceCell::const_new();

/// The control plane that all tests share; started where it does not run yet (`make cluster-down NAME=test` stops it).
pub async fn plane() -> &'static Plane {
    PLANE.get_or_init(|| async { Plane::up("test", "") }).await
}

/// Quiet means that nothing has changed for this long; more than a ledger may leave something for a later write.
pub const QUIET: Duration = Duration::from_millis(2_500);

/// Where a test takes place: a namespace of its own, its operators, and a record of all that happened there.
pub struct Scene {
    pub client: Client,
    pub namespace: String,
    pub plane: &'static Plane,
    pub recorder: Recorder,
    operators: Vec<Operator>,
}

impl Scene {
    /// A fresh namespace, named after the test, with `operators` operator processes.
    pub async fn new(name: &str, operators: usize) -> Self {
        let client = Client::try_from(config(&plane().await.admin).await).expect("client");
        let mut scene = Self::of(client, name).await;
        for _ in 0..operators {
            scene.start_operator(&[]);
        }
        scene
    }

    /// A fresh namespace without an operator, by way of this client.
    pub async fn of(client: Client, name: &str) -> Self {
        Self::on(plane().await, client, name).await
    }

    /// A fresh namespace without an operator, on a control plane of one's own.
    pub async fn on(plane: &'static Plane, client: Client, name: &str) -> Self {
        let namespace = format!("{name}-{:08x}", rand::random::<u32>());
        let namespaces: Api<Namespace> = Api::all(client.clone());
        let object = serde_json::from_value(json!({ "metadata": { "name": namespace } })).expect("namespace");
        namespaces.create(&PostParams::default(), &object).await.expect("namespace created");
        let recorder = Recorder::start(client.clone(), &namespace).await;
        Self { client, namespace, plane, recorder, operators: Vec::new() }
    }

    /// A fresh namespace without an operator, on a control plane that nobody else has; [`Plane::down`] takes that away.
    pub async fn apart(name: &str) -> Self {
        let own = format!("{name}-{:08x}", rand::random::<u32>());
        let plane: &'static Plane = Box::leak(Box::new(Plane::up(&own, "")));
        let client = Client::try_from(config(&plane.admin).await).expect("client");
        Self::on(plane, client, name).await
    }

    /// Starts one more operator.
    pub fn start_operator(&mut self, arguments: &[&str]) -> usize {
        self.start(&self.plane.operator, arguments)
    }

    /// Starts one more operator with other rights than its manifest gives.
    pub fn start_operator_as(&mut self, kubeconfig: &Path) -> usize {
        self.start(kubeconfig, &[])
    }

    fn start(&mut self, kubeconfig: &Path, arguments: &[&str]) -> usize {
        let log = format!("{}/{}-{}.log", env!("CARGO_TARGET_TMPDIR"), self.namespace, self.operators.len());
        self.operators.push(Operator::start(kubeconfig, &self.namespace, &log, arguments));
        self.operators.len() - 1
    }

    /// Kills an operator as a crash would.
    pub fn kill_operator(&mut self, index: usize) {
        self.operators[index].kill();
    }

    /// The operator process.
    pub fn operator(&self, index: usize) -> &Operator {
        &self.operators[index]
    }

    /// Stops every operator and the recorder, and checks everything that was recorded. The namespace stays for whoever
    /// wants to look; it goes with the control plane.
    pub async fn finish(mut self) -> crate::checker::Verdict {
        self.quiet_for(QUIET).await;
        let log = self.recorder.stop(&self.client, &self.namespace).await;
        for operator in &mut self.operators {
            operator.kill();
        }
        let verdict = crate::checker::check(&log);
        println!("{}: {verdict}", self.namespace);
        crate::summary::add(&self.namespace, verdict.versions, 0);
        verdict.assert();
        verdict
    }

    /// Waits until nothing has changed for this long.
    pub async fn quiet_for(&self, how_long: Duration) {
        let since = std::cell::Cell::new((self.recorder.seen(), Instant::now()));
        wait_for("quiet", || async {
            let seen = self.recorder.seen();
            if seen != since.get().0 {
                since.set((seen, Instant::now()));
            }
            (since.get().1.elapsed() > how_long).then_some(())
        })
        .await;
    }

    pub fn operator_mut(&mut self, index: usize) -> &mut Operator {
        &mut self.operators[index]
    }

    /// How many orders have not ended.
    pub async fn open_orders(&self) -> usize {
        let orders = self.orders().list(&ListParams::default()).await.expect("orders").items;
        orders.iter().filter(|order| order.status.as_ref().is_none_or(|status| status.ended_at.is_none())).count()
    }

    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    pub fn orders(&self) -> Api<Order> {
        self.api()
    }

    /// Creates an object from JSON.
    pub async fn create<K>(&self, object: Value) -> K
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + Clone
            + DeserializeOwned
            + Serialize
            + std::fmt::Debug,
    {
        let object: K = serde_json::from_value(object).expect("well-formed");
        self.api().create(&PostParams::default(), &object).await.expect("created")
    }

    pub async fn store(&self, name: &str, spec: Value) -> Store {
        self.create(json!({ "metadata": { "name": name }, "spec": spec })).await
    }

    /// Changes a store, and waits until a running operator has seen it: an order that is placed next has the new terms.
    pub async fn change_store(&self, name: &str, spec: Value) {
        let changed = self.patch::<Store>(name, json!({ "spec": spec })).await.expect("the store is changed");
        wait_for(&format!("the change of Store {name} to be seen"), || async {
            let status = self.api::<Store>().get(name).await.ok()?.status?;
            (Some(status.observed_generation.0) >= changed.metadata.generation).then_some(())
        })
        .await;
    }

    /// A warehouse store named `shop`.
    pub async fn shop(&self) {
        self.store("shop", json!({ "seller": "kim", "zone": "gangnam" })).await;
    }

    pub async fn product(&self, name: &str, price: i64, stock: i64) -> Product {
        let spec = json!({ "store": "shop", "price": { "amount": price, "currency": "KRW" }, "stock": stock });
        self.create(json!({ "metadata": { "name": name }, "spec": spec })).await
    }

    pub async fn wallet(&self, name: &str, deposited: i64) -> Wallet {
        let spec = json!({ "owner": name, "deposited": { "amount": deposited, "currency": "KRW" } });
        self.create(json!({ "metadata": { "name": name }, "spec": spec })).await
    }

    /// Orders `quantity` of `product`, paid from the customer's wallet of the same name.
    pub async fn order(&self, name: &str, customer: &str, product: &str, quantity: i64) -> Order {
        self.create(order(name, customer, product, quantity)).await
    }

    /// `count` orders of Alice at the same time, of one piece each; `what` gives name and product of the n-th.
    pub async fn orders_at_once(&self, count: usize, what: impl Fn(usize) -> (String, String)) {
        let place = |n| {
            let (name, product) = what(n);
            async move { self.order(&name, "alice", &product, 1).await }
        };
        futures::future::join_all((0..count).map(place)).await;
    }

    /// Merges `patch` into an object.
    pub async fn patch<K>(&self, name: &str, patch: Value) -> kube::Result<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug,
    {
        self.api().patch(name, &PatchParams::default(), &Patch::Merge(&patch)).await
    }

    pub async fn cancel(&self, order: &str) {
        let wish = json!({ "spec": { "cancel": { "reason": "ChangedMind" } } });
        self.patch::<Order>(order, wish).await.expect("the wish is taken");
    }

    /// The order's delivery, as soon as there is one.
    pub async fn delivery_of(&self, order: &str) -> Delivery {
        let api: Api<Delivery> = self.api();
        let params = ListParams::default().labels(&format!("jumun.dev/order={order}"));
        wait_for(&format!("a delivery of {order}"), || async { api.list(&params).await.ok()?.items.pop() }).await
    }

    /// The courier's two steps; gives whether both were taken.
    pub async fn deliver(&self, delivery: &str) -> bool {
        let claim = json!({ "spec": { "courier": { "name": "park", "zone": "gangnam" }, "progress": "PickedUp" } });
        let done = json!({ "spec": { "progress": "Delivered" } });
        self.patch::<Delivery>(delivery, claim).await.is_ok() && self.patch::<Delivery>(delivery, done).await.is_ok()
    }

    /// Waits until the order has ended, and gives its state.
    pub async fn end_of(&self, order: &str) -> State {
        let api = self.orders();
        wait_for(&format!("the end of {order}"), || async {
            let status = api.get(order).await.ok()?.status?;
            status.ended_at.and(status.state)
        })
        .await
    }

    /// Waits until every order that is in the namespace now has ended, and counts the states.
    pub async fn all_ends(&self) -> BTreeMap<String, usize> {
        let count = self.orders().list(&ListParams::default()).await.expect("orders").items.len();
        wait_for("the end of every order", || async {
            let orders = self.recorder.standing("Order");
            let mut ends = BTreeMap::new();
            for order in &orders {
                order["status"]["endedAt"].as_str()?;
                *ends.entry(order["status"]["state"].as_str()?.to_owned()).or_insert(0) += 1;
            }
            (orders.len() == count).then_some(ends)
        })
        .await
    }

    /// Waits until the row of an order shows this state.
    pub async fn row(&self, order: &str, state: State) -> OrderView {
        let api: Api<OrderView> = self.api();
        wait_for(&format!("the row of {order} to show {state:?}"), || async {
            api.get(order).await.ok().filter(|view| view.status.as_ref().is_some_and(|status| status.order == state))
        })
        .await
    }

    pub async fn payment_of(&self, order: &str) -> Payment {
        let params = ListParams::default().labels(&format!("jumun.dev/order={order}"));
        self.api::<Payment>().list(&params).await.expect("payments").items.pop().expect("a payment")
    }

    /// (available, reserved, sold) of a product, once nothing of it is reserved.
    pub async fn settled_stock(&self, product: &str) -> (i64, i64) {
        let api: Api<Product> = self.api();
        wait_for(&format!("the stock of {product} to settle"), || async {
            let status = api.get(product).await.ok()?.status?;
            (status.reserved == 0 && status.observed_generation.0 > 0).then_some((status.available, status.sold))
        })
        .await
    }

    /// (balance, charged) of a wallet.
    pub async fn money(&self, wallet: &str) -> (i64, i64) {
        let api: Api<Wallet> = self.api();
        wait_for(&format!("the ledger of {wallet}"), || async {
            let status = api.get(wallet).await.ok()?.status?;
            Some((status.balance?.amount, status.charged.amount))
        })
        .await
    }

    /// The order's ticket, as soon as there is one.
    pub async fn ticket_of(&self, order: &str) -> Ticket {
        let api: Api<Ticket> = self.api();
        let params = ListParams::default().labels(&format!("jumun.dev/order={order}"));
        wait_for(&format!("a ticket of {order}"), || async { api.list(&params).await.ok()?.items.pop() }).await
    }

    /// A step of the store on the order's ticket.
    pub async fn kitchen_step(&self, order: &str, step: Value) -> kube::Result<Ticket> {
        let ticket = self.ticket_of(order).await.metadata.name.expect("a name");
        self.patch(&ticket, json!({ "spec": step })).await
    }

    /// The points left in a wallet.
    pub async fn points(&self, wallet: &str) -> i64 {
        self.api::<Wallet>().get(wallet).await.expect("a wallet").status.expect("a status").points
    }

    /// Runs kubectl in the namespace and gives what it printed, standard error included.
    pub fn kubectl(&self, arguments: &[&str]) -> (bool, String) {
        let output = Command::new(self.plane.bin.join("kubectl"))
            .args(["--kubeconfig", &self.plane.admin.to_string_lossy(), "-n", &self.namespace])
            .args(arguments)
            .output()
            .expect("kubectl");
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.success(), text)
    }
}

/// An order as JSON.
pub fn order(name: &str, customer: &str, product: &str, quantity: i64) -> Value {
    json!({
        "apiVersion": "jumun.dev/v1alpha1", "kind": "Order",
        "metadata": { "name": name },
        "spec": {
            "customer": customer, "store": "shop",
            "items": [{ "product": product, "quantity": quantity }],
            "payment": { "wallet": customer },
            "deliverTo": { "recipient": customer, "address": "Teheran-ro 1", "zone": "gangnam" },
        }
    })
}

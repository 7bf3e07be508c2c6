//! The release is upgraded and rolled back while orders are under way.

use serde_json::{Value, json};

use crate::cluster::{Place, helm, image, next_image, release_of, wait_for};
use crate::load::Trade;

/// The revision of the release that stands.
fn revision() -> u64 {
    let (well, text) = helm("history", "--max 1 -o json");
    let history: Value = serde_json::from_str(&text).expect("JSON");
    assert!(well, "{text}");
    history[0]["revision"].as_u64().expect("a revision")
}

/// The image comes from the release where a platform names none, so the controllers of this namespace change with the operator.
#[tokio::test]
async fn the_release_is_upgraded_and_rolled_back_while_orders_go_on_and_the_books_are_exact() {
    let place = Place::new("upgrade", &json!({})).await;
    let trade = Trade::start(&place).await;
    trade.more(10).await;
    let before = revision();
    let (well, said) = release_of(&next_image(), "--timeout 3m", "");
    assert!(well, "{said}");
    trade.more(20).await;
    place.rolled_out("controllers", &next_image()).await;
    trade.more(20).await;
    let (well, said) = helm("rollback", &format!("{before} --wait --force-conflicts --timeout 3m"));
    assert!(well, "{said}");
    trade.more(20).await;
    place.rolled_out("controllers", &image()).await;
    place.ready().await;
    let ends = trade.finish(&place).await;
    println!("{ends} orders came to their end while the release was upgraded and rolled back");
    books_are_exact(&place).await;
    place.finish();
}

/// What was sold and charged is what was completed; the rest is back where it was.
async fn books_are_exact(place: &Place) {
    let orders = place.get("orders.jumun.dev");
    let ended = |state: &str| {
        let all = orders["items"].as_array().expect("orders").iter();
        i64::try_from(all.filter(|order| order["status"]["state"] == state).count()).expect("a count")
    };
    let (completed, cancelled) = (ended("Completed"), ended("Cancelled"));
    assert!(completed > 0 && cancelled > 0, "both ways were gone: {completed} completed, {cancelled} cancelled");
    // A sale is booked some seconds after the order's end.
    wait_for("the books to agree with the orders", || async {
        let (product, wallet) = (place.get("product mug"), place.get("wallet alice"));
        let (stock, price) = (product["spec"]["stock"].as_i64()?, product["spec"]["price"]["amount"].as_i64()?);
        let (deposited, said) = (wallet["spec"]["deposited"]["amount"].as_i64()?, &product["status"]);
        let sold = said["sold"] == completed && said["reserved"] == 0 && said["available"] == stock - completed;
        let charged = wallet["status"]["charged"]["amount"] == completed * price
            && wallet["status"]["balance"]["amount"] == deposited - completed * price;
        (sold && charged).then_some(())
    })
    .await;
    println!("{completed} completed and paid, {cancelled} cancelled and given back");
}

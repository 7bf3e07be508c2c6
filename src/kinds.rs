//! The table of kinds. Whatever has to know every kind is generated from it: the enum `Kind`, the definitions that are
//! installed, the caches and who finds which, live reads, watches, controllers, what is released and what is recorded.
//! `docs/adding-a-kind.md` says what a new row needs.

/// Hands the table to the macro `$do`, after `[…]` with whatever else it needs. A row is the kind, the field of its
/// cache in the `World`, and its controller; parents come before children.
macro_rules! kinds {
    ($do:ident $(, $more:tt)*) => {
        $do! {
            [$($more)*]
            OrderPlatform platforms platform::OrderPlatforms;
            Store stores store::Stores;
            Product products product::Products;
            Wallet wallets wallet::Wallets;
            Order orders order::Orders;
            Payment payments payment::Payments;
            Ticket tickets ticket::Tickets;
            Delivery deliveries delivery::Deliveries;
            Notification notifications notification::Notifications;
            OrderView views view::OrderViews;
        }
    };
}

/// Hands the modules of the kinds that have a status of their own to the macro `$do`: all but rows, which are their own status.
macro_rules! with_status {
    ($do:ident) => {
        $do!(platform, store, product, wallet, order, payment, ticket, delivery, notification);
    };
}

pub(crate) use {kinds, with_status};

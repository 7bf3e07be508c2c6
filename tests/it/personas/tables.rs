//! Who may do what: the tables that the test holds against the API server.

/// The personas, in the order of the columns, and the ClusterRole of each; `nobody` has none.
pub const PERSONAS: [(&str, &str); 13] = [
    ("customer", "jumun-customer"),
    ("seller", "jumun-seller"),
    ("kitchen", "jumun-kitchen"),
    ("courier", "jumun-courier"),
    ("office", "jumun-payment-office"),
    ("support", "jumun-support"),
    ("platform", "jumun-platform-admin"),
    ("repair", "jumun-repair"),
    ("view", "view"),
    ("edit", "edit"),
    ("admin", "admin"),
    ("controllers", "jumun"),
    ("nobody", ""),
];

/// What a letter of the first table means.
pub const VERBS: [(char, &str); 8] = [
    ('g', "get"),
    ('l', "list"),
    ('w', "watch"),
    ('c', "create"),
    ('u', "update"),
    ('p', "patch"),
    ('d', "delete"),
    ('x', "deletecollection"),
];

/// What each persona may do with objects of each kind.
pub const KINDS: &str = "
                customer  seller   kitchen  courier  office   support  platform  repair  view  edit     admin    controllers  nobody
stores          glw       glwcupd  glw      glw      glw      glw      glw       glw     glw   glwcupd  glwcupd  lw           -
products        glw       glwcupd  glw      -        -        glw      glw       glwp    glw   glwcupd  glwcupd  lwp          -
wallets         -         -        -        -        glwcupd  -        -         glwp    -     -        -        lwp          -
orders          gcup      -        -        -        glw      glwup    glw       glwpd   glw   glwcupd  glwcupd  lwpd         -
payments        -         -        -        -        glwup    glw      glw       glwcpd  -     -        -        lwcpd        -
tickets         -         glwup    glwup    -        -        glw      glw       glwcpd  glw   glw      glwup    lwcpd        -
deliveries      gup       -        -        gup      -        glw      glw       glwcpd  glw   glw      glwup    lwcpd        -
notifications   -         -        -        -        -        glw      glw       glwcpd  glw   glw      glw      lwcd         -
orderviews      g         glw      -        -        glw      glw      glw       glwcpd  glw   glw      glw      lwcpd        -
orderplatforms  -         -        -        -        -        glw      glwcupd   glwp    glw   glw      glwcupd  lwp          -
";

/// The verbs of steps that each persona has; `operate` stands for all kinds on which there is anything
/// that takes it.
pub const STEPS: &str = "
customer     orders:cancel deliveries:receive
seller       tickets:decide
kitchen      tickets:cook
courier      deliveries:claim deliveries:deliver
office       payments:refund
support      orders:cancel
platform
repair       operate
view
edit         orders:cancel
admin        orders:cancel tickets:decide tickets:cook deliveries:claim deliveries:deliver deliveries:receive
controllers  operate
nobody
";

/// Who may write which field: `yes`; `-`: has no right to write such objects; `verb`: has that, but not the field's verb;
/// `x`: the definition refuses it, whoever asks.
pub const FIELDS: &str = "
                             customer  seller  kitchen  courier  office  support  platform  repair  view  edit  admin  controllers  nobody
orders.cancel                yes       -       -        -        -       yes      -         verb    -     yes   yes    verb         -
orders.customer              x         -       -        -        -       x        -         x       -     x     x      x            -
orders.store                 x         -       -        -        -       x        -         x       -     x     x      x            -
orders.items                 x         -       -        -        -       x        -         x       -     x     x      x            -
orders.payment               x         -       -        -        -       x        -         x       -     x     x      x            -
orders.deliverTo             x         -       -        -        -       x        -         x       -     x     x      x            -
orders.agreed                x         -       -        -        -       x        -         x       -     x     x      x            -
orders.let-go                verb      -       -        -        -       verb     -         yes     -     verb  verb   yes          -
orders.new-owner             verb      -       -        -        -       verb     -         yes     -     yes   yes    yes          -
payments.refundedByHand      -         -       -        -        yes     -        -         verb    -     -     -      verb         -
payments.cancel              -         -       -        -        verb    -        -         yes     -     -     -      yes          -
payments.order               -         -       -        -        x       -        -         x       -     -     -      x            -
payments.amount              -         -       -        -        x       -        -         x       -     -     -      x            -
payments.points              -         -       -        -        x       -        -         x       -     -     -      x            -
payments.items               -         -       -        -        x       -        -         x       -     -     -      x            -
payments.method              -         -       -        -        x       -        -         x       -     -     -      x            -
payments.wallet              -         -       -        -        x       -        -         x       -     -     -      x            -
payments.provider            -         -       -        -        x       -        -         x       -     -     -      x            -
payments.token               -         -       -        -        x       -        -         x       -     -     -      x            -
payments.let-go              -         -       -        -        verb    -        -         yes     -     -     -      yes          -
tickets.decision             -         yes     verb     -        -       -        -         verb    -     -     yes    verb         -
tickets.reject               -         yes     verb     -        -       -        -         verb    -     -     yes    verb         -
tickets.cooking              -         verb    yes      -        -       -        -         verb    -     -     yes    verb         -
tickets.hold                 -         verb    verb     -        -       -        -         yes     -     -     verb   yes          -
tickets.order                -         x       x        -        -       -        -         x       -     -     x      x            -
tickets.store                -         x       x        -        -       -        -         x       -     -     x      x            -
tickets.customer             -         x       x        -        -       -        -         x       -     -     x      x            -
tickets.items                -         x       x        -        -       -        -         x       -     -     x      x            -
tickets.amount               -         x       x        -        -       -        -         x       -     -     x      x            -
tickets.acceptance           -         x       x        -        -       -        -         x       -     -     x      x            -
tickets.until                -         x       x        -        -       -        -         x       -     -     x      x            -
tickets.deadlines            -         x       x        -        -       -        -         x       -     -     x      x            -
tickets.let-go               -         verb    verb     -        -       -        -         yes     -     -     verb   yes          -
tickets.new-owner            -         verb    verb     -        -       -        -         yes     -     -     verb   yes          -
deliveries.courier           verb      -       -        yes      -       -        -         verb    -     -     yes    verb         -
deliveries.progress          verb      -       -        yes      -       -        -         verb    -     -     yes    verb         -
deliveries.received          yes       -       -        verb     -       -        -         verb    -     -     yes    verb         -
deliveries.ready             verb      -       -        verb     -       -        -         yes     -     -     verb   yes          -
deliveries.hold              verb      -       -        verb     -       -        -         yes     -     -     verb   yes          -
deliveries.order             x         -       -        x        -       -        -         x       -     -     x      x            -
deliveries.deliverTo         x         -       -        x        -       -        -         x       -     -     x      x            -
deliveries.zone              x         -       -        x        -       -        -         x       -     -     x      x            -
deliveries.confirmation      x         -       -        x        -       -        -         x       -     -     x      x            -
deliveries.deadlines         x         -       -        x        -       -        -         x       -     -     x      x            -
deliveries.let-go            verb      -       -        verb     -       -        -         yes     -     -     verb   yes          -
deliveries.new-owner         verb      -       -        verb     -       -        -         yes     -     -     verb   yes          -
notifications.reason         -         -       -        -        -       -        -         x       -     -     -      -            -
notifications.amount         -         -       -        -        -       -        -         x       -     -     -      -            -
notifications.customer       -         -       -        -        -       -        -         x       -     -     -      -            -
notifications.end            -         -       -        -        -       -        -         x       -     -     -      -            -
notifications.message        -         -       -        -        -       -        -         x       -     -     -      -            -
notifications.order          -         -       -        -        -       -        -         x       -     -     -      -            -
notifications.required       -         -       -        -        -       -        -         x       -     -     -      -            -
notifications.store          -         -       -        -        -       -        -         x       -     -     -      -            -
notifications.subject        -         -       -        -        -       -        -         x       -     -     -      -            -
notifications.to             -         -       -        -        -       -        -         x       -     -     -      -            -
notifications.topic          -         -       -        -        -       -        -         x       -     -     -      -            -
notifications.new-owner      -         -       -        -        -       -        -         yes     -     -     -      -            -
orderviews.customer          -         -       -        -        -       -        -         yes     -     -     -      yes          -
orderviews.store             -         -       -        -        -       -        -         yes     -     -     -      yes          -
orderviews.seller            -         -       -        -        -       -        -         yes     -     -     -      yes          -
orderviews.amount            -         -       -        -        -       -        -         yes     -     -     -      yes          -
orderviews.order             -         -       -        -        -       -        -         yes     -     -     -      yes          -
orderviews.content           -         -       -        -        -       -        -         yes     -     -     -      yes          -
orderviews.status            -         -       -        -        -       -        -         yes     -     -     -      yes          -
stores.seller                -         yes     -        -        -       -        -         -       -     yes   yes    -            -
stores.acceptance            -         yes     -        -        -       -        -         -       -     yes   yes    -            -
stores.cancellation          -         yes     -        -        -       -        -         -       -     yes   yes    -            -
stores.confirmation          -         yes     -        -        -       -        -         -       -     yes   yes    -            -
stores.deadlines             -         yes     -        -        -       -        -         -       -     yes   yes    -            -
stores.fulfilment            -         yes     -        -        -       -        -         -       -     yes   yes    -            -
stores.intake                -         yes     -        -        -       -        -         -       -     yes   yes    -            -
stores.maxOpenTickets        -         yes     -        -        -       -        -         -       -     yes   yes    -            -
stores.notify                -         yes     -        -        -       -        -         -       -     yes   yes    -            -
stores.zone                  -         yes     -        -        -       -        -         -       -     yes   yes    -            -
stores.new-owner             -         yes     -        -        -       -        -         -       -     yes   yes    -            -
products.price               -         yes     -        -        -       -        -         yes     -     yes   yes    yes          -
products.stock               -         yes     -        -        -       -        -         yes     -     yes   yes    yes          -
products.points              -         yes     -        -        -       -        -         yes     -     yes   yes    yes          -
products.store               -         yes     -        -        -       -        -         yes     -     yes   yes    yes          -
products.title               -         yes     -        -        -       -        -         yes     -     yes   yes    yes          -
products.let-go              -         verb    -        -        -       -        -         yes     -     verb  verb   yes          -
wallets.deposited            -         -       -        -        yes     -        -         yes     -     -     -      yes          -
wallets.owner                -         -       -        -        x       -        -         x       -     -     -      x            -
wallets.points               -         -       -        -        yes     -        -         yes     -     -     -      yes          -
wallets.new-owner            -         -       -        -        yes     -        -         verb    -     -     -      verb         -
wallets.let-go               -         -       -        -        verb    -        -         yes     -     -     -      yes          -
orderplatforms.intake        -         -       -        -        -       -        yes       yes     -     -     yes    yes          -
orderplatforms.config        -         -       -        -        -       -        yes       yes     -     -     yes    yes          -
orderplatforms.egress        -         -       -        -        -       -        yes       yes     -     -     yes    yes          -
orderplatforms.gateway       -         -       -        -        -       -        yes       yes     -     -     yes    yes          -
orderplatforms.headroom      -         -       -        -        -       -        yes       yes     -     -     yes    yes          -
orderplatforms.image         -         -       -        -        -       -        yes       yes     -     -     yes    yes          -
orderplatforms.notifications -         -       -        -        -       -        yes       yes     -     -     yes    yes          -
orderplatforms.payment       -         -       -        -        -       -        yes       yes     -     -     yes    yes          -
orderplatforms.probes        -         -       -        -        -       -        yes       yes     -     -     yes    yes          -
orderplatforms.retention     -         -       -        -        -       -        yes       yes     -     -     yes    yes          -
orderplatforms.workloads     -         -       -        -        -       -        yes       yes     -     -     yes    yes          -
orderplatforms.let-go        -         -       -        -        -       -        verb      yes     -     -     verb   yes          -
";

/// The lines of a table, as cells.
pub fn lines(table: &'static str) -> Vec<Vec<&'static str>> {
    table.lines().map(|line| line.split_whitespace().collect()).filter(|cells: &Vec<&str>| !cells.is_empty()).collect()
}

/// A table with a line of headings: the row, the column, and what stands there.
pub fn cells(table: &'static str) -> Vec<(&'static str, &'static str, &'static str)> {
    let mut lines = lines(table).into_iter();
    let headings = lines.next().expect("headings");
    assert_eq!(headings, PERSONAS.map(|(name, _)| name), "the columns are the personas");
    let row = |cells: Vec<&'static str>| {
        assert_eq!(cells.len(), headings.len() + 1, "{cells:?}");
        headings.iter().zip(&cells[1..]).map(|(column, cell)| (cells[0], *column, *cell)).collect::<Vec<_>>()
    };
    lines.flat_map(row).collect()
}

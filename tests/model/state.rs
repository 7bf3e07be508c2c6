//! One state of the model: what the API server stores, what each replica has cached and is about to write, what
//! is still on its way, and what has happened outside.

use jumun::domain::provider::{Call, Reply};
use jumun::domain::{Time, delivery, order::State as OrderState, ticket};

use super::objects::{EVERY, FIRST, Id, Kept, NOTICES, PRODUCT, WALLET, is_row, kind};
use jumun::domain::Kind;

/// A ledger's mark from another history: later than every version that there ever is. It takes no part in the numbering.
pub const FOREIGN: u16 = u16::MAX;

/// One version of one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slot {
    pub body: Kept,
    pub version: u16,
    /// A ledger's `settledThrough`; zero where there is none.
    pub mark: u16,
    /// How many objects of this name there were before.
    pub nth: u8,
    /// Whether a cache took it since the clock last moved.
    pub new: bool,
}

/// What is stored, or cached, of an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Cell {
    /// Never there, or, in a cache, never seen.
    #[default]
    Never,
    At(Slot),
    /// Gone; in a cache a tombstone with the time it was noticed, and whether it tells how the object stood in the end: a
    /// delete event does, a live read that found nothing does not, unless an end was seen before.
    Gone {
        nth: u8,
        version: u16,
        noticed: u8,
        tells: bool,
    },
}

impl Cell {
    pub fn slot(&self) -> Option<&Slot> {
        if let Self::At(slot) = self { Some(slot) } else { None }
    }
}

/// One write or call, as decided: it names the exact version that it must meet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Step {
    pub op: Op,
    pub id: Id,
    pub nth: u8,
    pub version: u16,
    /// The clock when it was decided.
    pub decided: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    Read,
    ReadOrders,
    Call(Call),
    /// A replica's call to an endpoint, which must have begun by then.
    Send(usize, Option<Time>),
    Create(Kept),
    Finalizer(bool),
    Delete,
    CancelPayment,
    HoldTicket(ticket::Hold),
    HoldDelivery(delivery::Hold),
    LiftHold,
    Ready,
    /// The whole object with its new status, and the ledger's new mark.
    Status(Kept, u16),
}

/// A reconcile between two of its steps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flight {
    pub root: Id,
    /// What is left of the plan.
    pub steps: Vec<Step>,
    /// The version of the root that the reconcile is about.
    pub version: u16,
    /// Live reads: object, version of the list, clock.
    pub reads: Vec<(Id, u16, u8)>,
    /// What a provider has said in this reconcile.
    pub replies: Vec<(Call, Reply)>,
    pub told: Option<bool>,
}

/// What has happened to one order, for the properties.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Past {
    /// How many Payments, Tickets and Deliveries were created.
    pub created: [u8; 3],
    pub charges: u8,
    pub refunds: u8,
    /// The end state, once it was written.
    pub ended: Option<OrderState>,
    /// Whether the delivery was brought, and the order confirmed complete.
    pub delivered: bool,
    pub held: [bool; 2],
    /// How many copies of each notice its endpoint has taken.
    pub sent: [u8; NOTICES.len()],
    /// A bit for each notice that a replica knows to be taken.
    pub taken: [u8; 2],
    /// One was sent while somebody else had claimed it.
    pub overlapped: bool,
    pub provider: Provider,
}

/// What a provider remembers of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Provider {
    #[default]
    Unknown,
    Charged,
    Declined,
    Refunded,
    Voided,
}

/// What may still go wrong, and what actors may still do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Left {
    pub restarts: u8,
    pub drops: u8,
    pub delays: u8,
    pub lost: u8,
    pub deletions: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// The API server's objects, then each replica's cache of them.
    pub cells: Vec<Cell>,
    pub flights: Vec<Vec<Flight>>,
    pub delayed: Option<Box<Step>>,
    /// How many of the configuration's ticks have passed.
    pub clock: u8,
    pub left: Left,
    /// Whether the seller's endpoint takes notices.
    pub endpoint: bool,
    /// Whether the store is there.
    pub store: bool,
    /// A total has moved otherwise than its entries say.
    pub broken: bool,
    pub past: Vec<Past>,
}

/// Versions of the same series are compared, others never meet: all orders with the marks of products, all payments with
/// the marks of wallets, and else each object by itself.
fn series(id: Id) -> usize {
    match id {
        EVERY => 0,
        row if is_row(row) => 2 + row,
        PRODUCT | WALLET => 2 + id,
        _ => match kind(id) {
            Kind::Order => 0,
            Kind::Payment => 1,
            _ => 2 + id,
        },
    }
}

impl State {
    /// How many objects there can be.
    pub fn objects(&self) -> usize {
        FIRST + super::objects::EACH * self.past.len()
    }

    pub fn server(&self, id: Id) -> &Cell {
        &self.cells[id]
    }

    pub fn stored(&self, id: Id) -> Option<&Slot> {
        self.cells[id].slot()
    }

    fn place(&self, replica: usize, id: Id) -> usize {
        self.objects() * (replica + 1) + id
    }

    /// Everything that a replica has cached.
    pub fn row(&self, replica: usize) -> &[Cell] {
        let objects = self.objects();
        &self.cells[objects * (replica + 1)..objects * (replica + 2)]
    }

    pub fn cached(&self, replica: usize, id: Id) -> &Cell {
        &self.cells[self.place(replica, id)]
    }

    pub fn cache(&mut self, replica: usize, id: Id, cell: Cell) {
        let place = self.place(replica, id);
        self.cells[place] = cell;
    }

    pub fn replicas(&self) -> usize {
        self.flights.len()
    }

    /// Calls `with` on every version in the state, with the series it belongs to.
    fn versions(&mut self, mut with: impl FnMut(usize, &mut u16)) {
        let objects = self.objects();
        for (place, cell) in self.cells.iter_mut().enumerate() {
            let id = place % objects;
            match cell {
                Cell::Never => {}
                Cell::Gone { version, .. } => with(series(id), version),
                Cell::At(slot) => {
                    with(series(id), &mut slot.version);
                    if id < FIRST && slot.mark != FOREIGN {
                        with(id, &mut slot.mark);
                    }
                }
            }
        }
        let steps = self.flights.iter_mut().flatten();
        for flight in steps {
            if flight.version > 0 {
                with(series(flight.root), &mut flight.version);
            }
            flight.reads.iter_mut().for_each(|(id, version, _)| with(series(*id), version));
            flight.steps.iter_mut().for_each(|step| step.versions(&mut with));
        }
        if let Some(step) = &mut self.delayed {
            step.versions(&mut with);
        }
    }

    /// The next version of an object's series: newer than everything in it.
    pub fn next_version(&mut self, id: Id) -> u16 {
        let (wanted, mut newest) = (series(id), 0);
        self.versions(|series, version| {
            if series == wanted {
                newest = newest.max(*version);
            }
        });
        newest + 1
    }

    /// Renumbers every series, so that states that differ only in how many writes there were are one state.
    pub fn renumber(&mut self) {
        let key = |series: usize, version: u16| (u32::try_from(series).unwrap_or(u32::MAX) << 16) | u32::from(version);
        let mut known: Vec<u32> = Vec::with_capacity(64);
        self.versions(|series, version| {
            if *version > 0 {
                known.push(key(series, *version));
            }
        });
        known.sort_unstable();
        known.dedup();
        self.versions(|series, version| {
            if *version > 0 {
                let first = known.partition_point(|other| *other < key(series, 0));
                let place = known.partition_point(|other| *other < key(series, *version));
                *version = u16::try_from(place - first + 1).unwrap_or(u16::MAX);
            }
        });
    }

    /// What a cache holds was seen before the clock moved.
    pub fn age(&mut self) {
        for cell in &mut self.cells {
            if let Cell::At(slot) = cell {
                slot.new = false;
            }
        }
    }
}

impl Step {
    fn versions(&mut self, with: &mut impl FnMut(usize, &mut u16)) {
        if self.version > 0 {
            with(series(self.id), &mut self.version);
        }
        if let Op::Status(_, mark) = &mut self.op
            && self.id < FIRST
            && *mark != FOREIGN
        {
            with(self.id, mark);
        }
    }
}

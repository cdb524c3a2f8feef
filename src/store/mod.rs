//! What a database is made of: connections, models, the event queue, the lane of writers.
//!
//! One method per operation; each takes its turn in the lane, opens one transaction and either
//! finishes or leaves nothing behind. Knows no network, and no clock but its app's.

mod apply;
mod calls;
mod dispatch;
mod documents;
mod lane;
mod models;
mod open;
mod outcome;
mod outgoing;
mod rebuild;
mod rejoin;
mod rerun;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

pub use apply::{Applied, Noop, Verdict};
pub use calls::Call;
pub use dispatch::{Dispatched, Draft};
pub use lane::{Lane, Turn};

use crate::error::{Error, Result};
use crate::event::{App, Known, Models, Types};
use crate::model::{Migration, Model};
use crate::sql::{Db, Param};
use crate::sync::client::{Start, Stop};
use crate::sync::id::ClientId;
use crate::sync::limits::Limits;
use crate::sync::wire::At;

/// How events are kept.
#[derive(Debug, Clone, Default)]
pub struct EventOptions {
    /// The log's name when it is synced; without one every event is confirmed at once.
    pub log: Option<String>,
    /// The version of the reducers; another one than last time rebuilds what they made.
    pub version: i64,
    /// The types of events that this version of the application knows.
    pub types: Types,
}

/// What to do with a database that synced in an older format.
const REMEDY: &str = "it has synced by an older protocol; read or export what it has, delete it, and \
                      open a new one, which gets the log from the server";

/// A confirmed event that cannot be applied yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Its position.
    pub seq: u64,
    /// Its type.
    pub event_type: String,
    /// The schema version of its type.
    pub tv: u32,
}

/// Where the queue stands. A copy of what the tables say, changed only after a commit.
#[derive(Debug, Clone)]
struct Position {
    client: ClientId,
    /// Up to where the log is confirmed.
    at: At,
    /// This replica's `n` of its last confirmed event.
    confirmed_n: u64,
    /// This replica's last `n`.
    top_n: u64,
    /// How many events are pending.
    pending: u64,
    /// The last local commit order.
    lo: i64,
    /// Up to where the log must be read before anything is pushed, after a rewind.
    asof: Option<u64>,
    /// The first confirmed event that is not applied, because this version does not know it. The
    /// log goes on.
    held: Option<u64>,
    /// The limits that the server told last.
    limits: Limits,
    /// The format in which the database had synced, when that is one of before: it is only read.
    older: Option<i64>,
}

/// A database with its models and its queue.
#[derive(Debug)]
pub struct Store<A> {
    db: Db,
    app: A,
    lane: Lane,
    models: RefCell<Models>,
    /// The models that only events may write, and the only ones that they may.
    owned: RefCell<Models>,
    /// Tables on their way to their definition.
    migrations: RefCell<BTreeMap<String, Migration>>,
    options: RefCell<EventOptions>,
    position: RefCell<Option<Position>>,
    closed: Cell<bool>,
    /// The first client id, which stays when sync gives a new one.
    birth: Cell<Option<ClientId>>,
}

impl<A: App> Store<A> {
    /// A store without models on an open database.
    pub fn new(db: Db, app: A) -> Store<A> {
        db.writer().close("_models");
        Store {
            db,
            app,
            lane: Lane::default(),
            models: RefCell::default(),
            owned: RefCell::default(),
            migrations: RefCell::default(),
            options: RefCell::default(),
            position: RefCell::default(),
            closed: Cell::new(false),
            birth: Cell::default(),
        }
    }

    /// The database.
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// The application.
    pub fn app(&self) -> &A {
        &self.app
    }

    /// Waits for the right to write. The caller calls [`Db::settle`] after a commit, before it
    /// gives the turn back.
    ///
    /// # Errors
    /// `CLOSED`, and those of [`Db::admit`].
    pub async fn enter(&self) -> Result<Turn> {
        let turn = self.lane.enter().await;
        if self.closed.get() {
            return Err(Error::Closed);
        }
        self.db.admit().await?;
        Ok(turn)
    }

    /// The tables whose rows changed since the last call. A host's database does not tell: all
    /// models' are named then.
    pub fn take_changed(&self) -> BTreeSet<String> {
        match self.db.take_wrote() {
            true => self.models.borrow().keys().cloned().collect(),
            false => self.db.take_changed(),
        }
    }

    /// The model of a name.
    pub fn model(&self, name: &str) -> Result<Rc<Model>> {
        self.models.borrow().get(name).cloned().ok_or_else(|| Error::UnknownModel(name.to_string()))
    }

    /// The identity that the database got when it was made, once the queue is open.
    pub fn birth(&self) -> Option<ClientId> {
        self.birth.get()
    }

    /// The models events act on: what another replica sends never reaches a local one.
    fn owned(&self) -> Models {
        self.owned.borrow().clone()
    }

    fn position(&self) -> Result<Position> {
        self.position
            .borrow()
            .clone()
            .ok_or(Error::NotSupported("an event in a database without an event queue (open it as an EventSourcingDB or with ESModels)"))
    }

    /// The position, of a database that events may still be added to.
    fn open_position(&self) -> Result<Position> {
        let position = self.position()?;
        match position.older {
            Some(found) => Err(Error::OlderFormat { found, remedy: REMEDY }),
            None => Ok(position),
        }
    }

    /// Whether the log has a server.
    pub fn synced(&self) -> bool {
        self.options.borrow().log.is_some()
    }

    /// Where the sync machine starts, once the queue is open.
    pub fn start(&self) -> Result<Start> {
        let Position { client, at, asof, limits, older, .. } = self.position()?;
        Ok(Start {
            client,
            at,
            asof,
            limits: Some(limits),
            stopped: older.map(|_| Stop::OlderFormat),
        })
    }

    /// The confirmed event that this version of the application does not know, if there is one:
    /// nothing from it on is applied.
    pub fn held(&self) -> Result<Option<Held>> {
        let Some(seq) = self.position()?.held else { return Ok(None) };
        let sql = "SELECT t, tv FROM _log WHERE seq = ?";
        self.db.reader().one(sql, &[Param::Integer(seq as i64)], |r| {
            Ok(Held { seq, event_type: r.text(0)?.to_string(), tv: r.int(1)? as u32 })
        })
    }

    fn knows(&self, event_type: &str, tv: u32) -> Known {
        self.options.borrow().types.knows(event_type, tv, &self.owned.borrow())
    }

    /// Up to where the log is confirmed, and how many events are pending after it.
    pub fn progress(&self) -> Result<(u64, u64)> {
        let position = self.position()?;
        Ok((position.at.seq, position.pending))
    }

    /// Refuses every later write. What is in the lane is finished first.
    ///
    /// # Errors
    /// What keeps acknowledged `relaxed` writes from being kept.
    pub async fn close(&self) -> Result<()> {
        let _turn = self.lane.enter().await;
        match self.closed.replace(true) {
            true => Ok(()),
            false => {
                self.db.finish().await?;
                self.db.close_host()
            }
        }
    }
}

//! The real thing in the simulated world: replicas on `Store` and the server on `Server`, each on
//! SQLite in memory. Dying is leaving the open database behind and going on with a copy of its
//! files.

use super::conditions::Order;
use super::dice::Dice;
use super::mutants::Mutant;
use super::origin::{Origin, small_pull, small_push, verdict};
use super::replica::{Applied, Replica};
use super::spied::Spied;
use super::workload::{Op, State, state_of};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use tidelog::error::{Error, Result};
use tidelog::event::{App, Event, Phases, TypeRule, Types};
use tidelog::model::{Definition, Search};
use tidelog::server::Server;
use tidelog::sql::{Db, Options};
use tidelog::store::{Draft, EventOptions, Store};
use tidelog::sync::client::{Identify, Queue, Rewind, Start};
use tidelog::sync::id::{ClientId, Epoch, Id};
use tidelog::sync::server::{Facts, Pulled, Reply, Validator};
use tidelog::sync::wire::{Entry, Outgoing, Point, Segment};
use tidelog::vfs::Vfs;

/// Natively nothing ever waits.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a native future waited"),
    }
}

/// The simulated application's reducer.
#[derive(Debug)]
struct Reducer {
    /// Where names come from.
    dice: RefCell<Dice>,
    /// The clock on its wall.
    clock: Rc<Cell<i64>>,
}

impl App for Reducer {
    fn phases(&self) -> Phases {
        Phases { reduce: true, ..Phases::default() }
    }
    fn now(&self) -> i64 {
        self.clock.get()
    }
    fn random(&self) -> [u8; 16] {
        self.dice.borrow_mut().bytes()
    }
    async fn preprocess(&self, _: &mut Event) -> Result<()> {
        Ok(())
    }
    async fn reduce(&self, event: &Event) -> Result<Option<String>> {
        let Op { verb, id, field, value } = Op::parse(&event.data);
        Ok(Some(match verb {
            "rm" => format!("{{\"docs\":{{\"rm\":[\"{id}\"]}}}}"),
            "neg" => {
                format!("{{\"docs\":{{\"set\":[{{\"id\":\"{id}\",\"{field}\":{}}}]}}}}", -value)
            }
            "pos" => {
                format!("{{\"docs\":{{\"set\":[{{\"id\":\"{id}\",\"{field}\":{}}}]}}}}", event.v)
            }
            _ => format!("{{\"docs\":{{\"{verb}\":[{{\"id\":\"{id}\",\"{field}\":{value}}}]}}}}"),
        }))
    }
    async fn derive(&self, _: &Event, _: &str) -> Result<()> {
        Ok(())
    }
}

/// A replica on SQLite.
#[derive(Debug)]
pub(crate) struct Sqlite {
    clock: Rc<Cell<i64>>,
    version: u32,
    storage: Spied,
    store: Store<Reducer>,
}

impl Sqlite {
    fn open(dice: Dice, storage: Spied, version: u32) -> Sqlite {
        let clock = Rc::default();
        let reducer = Reducer { dice: RefCell::new(dice), clock: Rc::clone(&clock) };
        let store = Self::store(reducer, &storage, version).expect("a replica's database opens");
        Sqlite { clock, version, storage, store }
    }

    fn store(reducer: Reducer, storage: &Spied, version: u32) -> Result<Store<Reducer>> {
        let db = Db::open(Vfs::register(storage.clone())?, "replica.db", Options::default())?;
        let store = Store::new(db, reducer);
        let docs = r#"{"name":"docs","columns":[{"name":"a","real":true}]}"#;
        now(store.add_model(Definition::parse(docs)?, true))?;
        now(store.open_events(EventOptions {
            log: Some("sim".into()),
            version: 1,
            types: Types::new(
                [("change".into(), TypeRule { tv: version, optional: false })].into(),
            ),
        }))?;
        Ok(store)
    }

    fn ids(&self, sql: &str, id: &Id) -> bool {
        let found = self.store.db().reader().one(sql, &[id.as_bytes().into()], |_| Ok(()));
        found.expect("a read works").is_some()
    }
}

impl Queue for Sqlite {
    type Error = Error;

    fn top(&self) -> Result<u64> {
        self.store.top()
    }
    fn pending(&self) -> Result<u64> {
        Queue::pending(&self.store)
    }
    fn known(&self) -> Result<Vec<Point>> {
        self.store.known()
    }
    fn outgoing(&self, from_n: u64, max_events: usize, max_bytes: usize) -> Result<Vec<Outgoing>> {
        self.store.outgoing(from_n, max_events, max_bytes)
    }
}

impl Replica for Sqlite {
    fn create(dice: Dice, _: Mutant) -> Sqlite {
        Sqlite::open(dice, Spied::default(), 1)
    }
    fn start(&self) -> Start {
        self.store.start().expect("the queue is open")
    }
    fn rewind(&mut self, rewind: &Rewind) -> Result<()> {
        now(self.store.rewind(rewind)).map(|_| ())
    }
    fn identify(&mut self, identify: &Identify) -> Result<Option<ClientId>> {
        Ok(now(self.store.identify(identify))?.outcome.client)
    }
    fn dispatch(&mut self, id: Id, op: &Op, ts: i64, x: Option<&str>) -> bool {
        self.clock.set(ts);
        // what a follower tab's retry asks first
        if self.ids("SELECT 1 FROM _pending WHERE id = ?", &id)
            || self.ids("SELECT 1 FROM _log WHERE id = ?", &id)
        {
            return true;
        }
        let draft = Draft {
            id: Some(*id.as_bytes()),
            event_type: "change".into(),
            tv: op.tv(),
            data: op.body(),
            ts: None,
            x: x.map(String::from),
        };
        match now(self.store.dispatch(vec![draft])) {
            Ok(_) => true,
            Err(e) if e.is_environmental() => panic!("dispatch: {e}"),
            Err(_) => false,
        }
    }
    fn mark_sent(&mut self, n: u64) {
        now(self.store.mark_sent(n)).expect("marking works");
    }
    fn apply(&mut self, segment: &Segment) -> Result<Applied> {
        let dead = self.dead().len();
        let applied = now(self.store.apply(segment))?
            .ok_or(Error::Protocol("a segment that does not follow".into()))?;
        // but behind a held event, where a rejected one is taken out from under the others, and
        // where an event is struck out
        let struck = segment.entries.iter().any(|entry| entry.kind.is_servers());
        let expected = struck || self.held().is_some();
        assert!(!applied.rebuilt || expected, "a changeset could not be inverted");
        let erring = self.store.db().reader().one(
            "SELECT count(*) FROM _pending WHERE err IS NOT NULL AND seq IS NULL",
            &[],
            |r| r.int(0),
        )?;
        Ok(Applied {
            fork: applied.outcome.fork,
            rebased: applied.rebased,
            bare: applied.outcome.bare,
            dead: self.dead().len().saturating_sub(dead),
            erring: erring.unwrap_or(0) as usize,
        })
    }
    fn reopen(&mut self, dice: Dice) {
        *self = self.copy(dice);
    }
    fn copy(&self, dice: Dice) -> Sqlite {
        Sqlite::open(dice, self.storage.fork(), self.version)
    }
    fn set_version(&mut self, version: u32) {
        self.version = version;
    }
    fn held(&self) -> Option<u64> {
        self.store.held().expect("a read works").map(|held| held.seq)
    }
    fn break_write(&mut self, k: u64) {
        self.storage.break_write(k);
    }
    fn rebuild(&mut self) {
        let rebuilt = async {
            let turn = self.store.enter().await?;
            self.store.rebuild(&turn, None).await
        };
        now(rebuilt).expect("a rebuild works");
        let found = self
            .store
            .db()
            .reader()
            .one("PRAGMA integrity_check", &[], |r| Ok(r.text(0)?.to_string()));
        assert_eq!(found.expect("a check works").as_deref(), Some("ok"));
    }
    fn arm(&mut self, k: u64) {
        self.storage.arm(k);
    }
    fn caught(&mut self) -> bool {
        self.storage.caught()
    }
    fn state(&self) -> State {
        let found = self
            .store
            .search(self.store.db().reader(), "docs", &Search::default())
            .expect("a search works");
        state_of(&found.items)
    }
    fn queued(&self) -> Vec<(Id, Op)> {
        let all = self.store.db().reader().all(
            "SELECT id, b FROM _pending WHERE seq IS NULL ORDER BY lo",
            &[],
            |r| Ok((Id::from_slice(r.blob(0)?).expect("16 bytes"), Op::parse(r.text(1)?))),
        );
        all.expect("a read works")
    }
    fn sent(&self) -> usize {
        let sent = "SELECT count(*) FROM _pending WHERE sent AND seq IS NULL";
        let found = self.store.db().reader().one(sent, &[], |r| r.int(0));
        found.expect("a read works").unwrap_or(0) as usize
    }
    fn dead(&self) -> Vec<u64> {
        let all = self
            .store
            .db()
            .reader()
            .all("SELECT seq FROM _dead ORDER BY seq", &[], |r| Ok(r.int(0)? as u64));
        all.expect("a read works")
    }
}

/// A server on SQLite.
#[derive(Debug)]
pub(crate) struct SqliteOrigin {
    storage: Spied,
    server: Server,
}

impl SqliteOrigin {
    fn open(storage: Spied) -> SqliteOrigin {
        let open = || -> Result<Server> {
            let db = Db::open(Vfs::register(storage.clone())?, "log.db", Options::default())?;
            Server::open(db, "sim", Epoch::from_bytes([7; 8]))
        };
        let server = open().expect("the server's database opens");
        SqliteOrigin { storage, server }
    }
}

impl Origin for SqliteOrigin {
    fn create(_: Mutant) -> Self {
        SqliteOrigin::open(Spied::default())
    }
    fn push(
        &mut self,
        principal: &str,
        text: &str,
        reject: Option<u8>,
        segment: usize,
    ) -> Result<Reply> {
        let judge = reject.map(|life| move |entry: &Entry| verdict(entry, life));
        self.server.push(
            principal,
            &small_push(text, segment)?,
            judge.as_ref().map(|j| j as Validator<'_, Error>),
        )
    }
    fn pull(&mut self, principal: &str, text: &str, segment: usize) -> Result<Pulled> {
        self.server.pull(principal, &small_pull(text, segment)?)
    }
    fn resume(&mut self, principal: &str, text: &str) -> Result<Reply> {
        self.server.resume(principal, text)
    }
    fn operate(&mut self, order: Order) -> Result<bool> {
        match order {
            Order::Void(id) => self.server.void(&id),
            Order::Erase(id) => self.server.erase(&id),
            Order::Trim(seq) => self.server.announce_trim(seq),
        }
    }
    fn rows(&self, after: u64) -> Vec<(Entry, Point)> {
        let rows = self.server.read(after, usize::MAX >> 1, usize::MAX >> 1).expect("a read works");
        let point = |seq| {
            let h = self.server.hash_at(seq).expect("a read works").expect("the chain is whole");
            Point { seq, h }
        };
        rows.into_iter().zip(after + 1..).map(|(entry, seq)| (entry, point(seq))).collect()
    }
    fn reopen(&mut self) {
        *self = self.backup();
    }
    fn arm(&mut self, k: u64) {
        self.storage.arm(k);
    }
    fn caught(&mut self) -> bool {
        self.storage.caught()
    }
    fn backup(&self) -> Self {
        SqliteOrigin::open(self.storage.fork())
    }
    fn renamed(self, epoch: Epoch) -> Self {
        let epoch = epoch.as_bytes().as_slice();
        let sql = "UPDATE meta SET v = ? WHERE k = 'epoch'";
        self.server.db().writer().run(sql, &[epoch.into()]).expect("a write works");
        self.backup()
    }
}
